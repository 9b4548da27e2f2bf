package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cgroups are the hierarchies of control groups that the machine has.
type Cgroups struct {
	// Unified is true where version 2 rules alone. On a hybrid machine version 2 is mounted beside the
	// version 1 hierarchies and controls nothing; containers are then a matter of version 1.
	Unified bool
	Roots   []string
}

// DetectCgroups reads which hierarchies are mounted.
func DetectCgroups(mounts []Mount) (Cgroups, error) {
	var v1, v2 []string
	seen := map[string]bool{}
	for _, m := range mounts {
		if seen[m.Point] {
			continue
		}
		switch m.Type {
		case "cgroup":
			v1 = append(v1, m.Point)
		case "cgroup2":
			v2 = append(v2, m.Point)
		default:
			continue
		}
		seen[m.Point] = true
	}
	switch {
	case len(v1) == 0 && len(v2) == 0:
		return Cgroups{}, errors.New("no control groups are mounted; mount them with `mount -t cgroup2 none /sys/fs/cgroup`")
	case len(v1) == 0:
		return Cgroups{Unified: true, Roots: v2[:1]}, nil
	case !controls(mounts, "memory") || !controls(mounts, "cpu"):
		return Cgroups{}, errors.New("control groups of version 1 are mounted without cpu or memory; start the machine with version 2 alone (systemd.unified_cgroup_hierarchy=1)")
	}
	// On hybrid machines the kubelet and runc make groups in the version 2 hierarchy as well.
	return Cgroups{Roots: append(v1, v2...)}, nil
}

func controls(mounts []Mount, controller string) bool {
	return slices.ContainsFunc(mounts, func(m Mount) bool {
		return m.Type == "cgroup" && slices.Contains(strings.Split(m.Options, ","), controller)
	})
}

// wanted are the controllers that the kubelet asks for; hugetlb and misc only where the kernel has them.
var wanted = []string{"cpu", "cpuset", "memory", "pids", "io", "hugetlb"}

// needed are those among them without which no pod starts.
var needed = []string{"cpu", "memory", "pids"}

// Make makes the group in every hierarchy, ready to have groups below it.
func (c Cgroups) Make(name string) error {
	for _, root := range c.Roots {
		dir := filepath.Join(root, name)
		if c.Unified {
			if err := enable(root); err != nil {
				return err
			}
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if c.Unified {
			if err := enable(dir); err != nil {
				return err
			}
			continue
		}
		// A new cpuset group of version 1 is empty, and no process can enter it before both are set.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(filepath.Join(root, file), filepath.Join(dir, file)); err != nil {
				return err
			}
		}
	}
	return nil
}

func inherit(parent, child string) error {
	own, err := os.ReadFile(child)
	if errors.Is(err, os.ErrNotExist) || len(strings.TrimSpace(string(own))) > 0 {
		return nil
	}
	value, err := os.ReadFile(parent)
	if err != nil {
		return err
	}
	return os.WriteFile(child, value, 0o644)
}

// enable hands the controllers of a version 2 group down to the groups below it.
func enable(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "cgroup.subtree_control")
	enabled, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, controller := range missing(string(available), string(enabled)) {
		// One by one: a single write of several is refused as a whole when one of them is.
		err := os.WriteFile(file, []byte("+"+controller), 0o644)
		if err == nil || !slices.Contains(needed, controller) {
			continue
		}
		if errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("controller %s cannot be handed down by %s: the group has processes of its own, as in a container; move them to a group below it first (echo PID > %s/init/cgroup.procs)", controller, dir, dir)
		}
		return fmt.Errorf("hand down controller %s: %w", controller, err)
	}
	for _, controller := range needed {
		if !slices.Contains(strings.Fields(string(available)), controller) {
			return fmt.Errorf("%s has no controller %s; enable it for the groups above, or in the kernel's command line (cgroup_enable=%s)", dir, controller, controller)
		}
	}
	return nil
}

// missing are the wanted controllers that are available and not handed down yet.
func missing(available, enabled string) []string {
	have, on := strings.Fields(available), strings.Fields(enabled)
	var list []string
	for _, c := range wanted {
		if slices.Contains(have, c) && !slices.Contains(on, c) {
			list = append(list, c)
		}
	}
	return list
}

// Processes lists who is in the group or in one below it, in any hierarchy.
func (c Cgroups) Processes(name string) []int {
	found := map[int]bool{}
	for _, root := range c.Roots {
		_ = filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil //nolint:nilerr // groups vanish while we look, as their processes end
			}
			text, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			for _, line := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
					found[pid] = true
				}
			}
			return nil
		})
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// Remove takes the group away with all below it. A group whose last process has just ended stays busy
// for some milliseconds, so it tries again for two seconds.
func (c Cgroups) Remove(name string) error {
	var err error
	for range 40 {
		err = nil
		for _, root := range c.Roots {
			err = errors.Join(err, removeTree(filepath.Join(root, name)))
		}
		if err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func removeTree(dir string) error {
	var dirs []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	slices.Reverse(dirs) // the deepest first
	for _, d := range dirs {
		if err := unix.Rmdir(d); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove control group %s: %w", d, err)
		}
	}
	return nil
}
