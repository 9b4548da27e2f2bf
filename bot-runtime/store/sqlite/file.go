package sqlite

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// hold takes a lock file for the life of the process. It is a file of its own, because closing any handle of the database
// file would drop the locks that SQLite holds on it.
func hold(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of the store: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("store %s is held by another process; an embedded tenant is one process, use postgres for more", path)
	}
	return nil, fmt.Errorf("lock of the store %s: %w", path, err)
}

// whereabouts is the number of a file on its file system. A copy has another one; a snapshot of a whole volume has not, and
// is not known for a restore.
func whereabouts(path string) (string, error) {
	var file unix.Stat_t
	var system unix.Statfs_t
	if err := errors.Join(unix.Stat(path, &file), unix.Statfs(path, &system)); err != nil {
		return "", fmt.Errorf("file of the store %s: %w", path, err)
	}
	return fmt.Sprintf("%x/%x/%d", system.Fsid.Val[0], system.Fsid.Val[1], file.Ino), nil
}

// networked are file systems whose locks or fsync another machine answers for, by the number statfs gives.
var networked = map[uint32]string{
	0x6969: "nfs", 0x517B: "smb", 0xFE534D42: "smb2", 0xFF534D42: "cifs", 0x65735546: "fuse", 0x01021997: "9p",
	0x00C36400: "ceph", 0x5346414F: "afs", 0x6B414653: "kafs", 0x01161970: "gfs2", 0x7461636F: "ocfs2", 0x0BD00BD0: "lustre",
}

func refuseNetwork(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("file system of %s: %w", dir, err)
	}
	return refuseType(dir, uint32(st.Type))
}

func refuseType(dir string, number uint32) error {
	if name := networked[number]; name != "" {
		return fmt.Errorf("%s is on %s, where SQLite can lose what it committed; use a volume of block storage, or postgres", dir, name)
	}
	return nil
}
