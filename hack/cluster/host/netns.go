package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace with a name, as `ip netns` keeps them.
type Namespace string

// Path is the file that holds it open.
func (n Namespace) Path() string { return filepath.Join("/run/netns", string(n)) }

// Exists reports whether the file holds a namespace. After a cut `ip netns add` it may be there and hold
// nothing.
func (n Namespace) Exists() bool {
	magic, err := FilesystemMagic(n.Path())
	return err == nil && magic == unix.NSFS_MAGIC
}

// Ensure makes the namespace when it is not there, and says whether it did.
func (n Namespace) Ensure() (made bool, err error) {
	if n.Exists() {
		return false, nil
	}
	if err := os.Remove(n.Path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if err := ip("netns", "add", string(n)); err != nil {
		return false, err
	}
	return true, nil
}

// Remove lets go of the namespace; it ends with the last process in it.
func (n Namespace) Remove() error {
	if !n.Exists() {
		if err := os.Remove(n.Path()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return ip("netns", "del", string(n))
}

// Do runs f on a thread that is in the namespace. What f opens there stays there.
func (n Namespace) Do(f func() error) error {
	ns, err := os.Open(n.Path())
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace %s: %w", n, err)
			return
		}
		result <- f()
	}()
	return <-result
}

// Dial connects from within the namespace, to reach what listens on its loopback only.
func (n Namespace) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := n.Do(func() error {
		var err error
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
