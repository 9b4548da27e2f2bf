// Package host changes what a cluster needs of the machine it runs on, and puts it back: mounts, control
// groups, kernel settings, the network namespace and the link to it. It knows nothing of Kubernetes.
package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is one line of /proc/mounts.
type Mount struct {
	Source, Point, Type, Options string
}

// ParseMounts reads the text of /proc/mounts, oldest mount first.
func ParseMounts(text string) []Mount {
	var all []Mount
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		all = append(all, Mount{unescape(f[0]), unescape(f[1]), f[2], f[3]})
	}
	return all
}

// unescape undoes the kernel's octal for space, tab, newline and backslash: "/a\040b" is "/a b".
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Mounts reads the mounts of this process's namespace.
func Mounts() ([]Mount, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	return ParseMounts(string(text)), nil
}

// Below keeps the mounts at or under a folder, the newest first, which is the order to unmount in.
func Below(all []Mount, dir string) []Mount {
	var below []Mount
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Point == dir || strings.HasPrefix(all[i].Point, strings.TrimSuffix(dir, "/")+"/") {
			below = append(below, all[i])
		}
	}
	return below
}

// UnmountBelow takes away every mount at or under a folder. Mounts lie upon each other, so it looks
// again until none is left.
func UnmountBelow(dir string) error {
	const rounds = 20
	for range rounds {
		all, err := Mounts()
		if err != nil {
			return err
		}
		below := Below(all, dir)
		if len(below) == 0 {
			return nil
		}
		for _, m := range below {
			// Lazily: a mount that something still holds leaves the tree now and goes when that ends.
			if err := unix.Unmount(m.Point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("unmount %s: %w", m.Point, err)
			}
		}
	}
	return fmt.Errorf("mounts below %s come back as they are taken away; something is still mounting there", dir)
}

// FilesystemMagic tells the kind of file system that holds a path.
func FilesystemMagic(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Type), nil
}
