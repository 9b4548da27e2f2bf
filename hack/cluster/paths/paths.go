// Package paths says where the command keeps things. Nothing is ever kept in the work tree.
//
// The cache holds what can be made again from sources (programs and images by version), the state
// folder what one cluster is (certificates, etcd, volumes, logs, PostgreSQL). Both are told by flags or
// the environment; the state folder is below the cache unless said otherwise.
package paths

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxState keeps the sockets below the state folder within the 107 bytes of a Unix socket's address.
// The longest is kubelet/pod-resources/kubelet.sock with its temporary suffix.
const maxState = 64

// marker is the file that makes a folder a state folder of ours; without it nothing is removed.
const marker = ".loket-cluster"

// Layout is the pair of folders that everything else is below.
type Layout struct {
	Cache string
	State string
}

// Find resolves the folders: a flag wins over the environment, which wins over the default.
func Find(cacheFlag, stateFlag string, getenv func(string) string) (Layout, error) {
	cache := firstOf(cacheFlag, getenv("LOKET_CACHE"))
	if cache == "" {
		base := getenv("XDG_CACHE_HOME")
		if base == "" {
			home := getenv("HOME")
			if home == "" {
				return Layout{}, errors.New("no folder for the cache: set LOKET_CACHE or HOME")
			}
			base = filepath.Join(home, ".cache")
		}
		cache = filepath.Join(base, "loket")
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return Layout{}, err
	}
	state := firstOf(stateFlag, getenv("LOKET_STATE"), filepath.Join(cache, "cluster"))
	if state, err = filepath.Abs(state); err != nil {
		return Layout{}, err
	}
	switch {
	case len(state) > maxState:
		return Layout{}, fmt.Errorf("state folder %s: %d bytes are too many for the sockets below it; choose one of at most %d with --state or LOKET_STATE", state, len(state), maxState)
	case strings.ContainsAny(state, " \t\n\"'\\"):
		return Layout{}, fmt.Errorf("state folder %q: spaces and quotes would end up in configuration files; choose another with --state or LOKET_STATE", state)
	case strings.Count(state, "/") < 2:
		return Layout{}, fmt.Errorf("state folder %s: too near the root to be removed safely; choose another with --state or LOKET_STATE", state)
	}
	return Layout{Cache: cache, State: state}, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// In is a path below the state folder.
func (l Layout) In(parts ...string) string {
	return filepath.Join(append([]string{l.State}, parts...)...)
}

// Log is the file that a component writes to.
func (l Layout) Log(name string) string { return l.In("log", name+".log") }

// Kubeconfig is the administrator's, usable from the host.
func (l Layout) Kubeconfig() string { return l.In("pki", "admin.kubeconfig") }

// Claim makes the state folder and marks it as ours. A folder that holds anything else is refused.
func (l Layout) Claim() error {
	entries, err := os.ReadDir(l.State)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 && !l.Claimed() {
		return fmt.Errorf("state folder %s holds files of something else; choose an empty one with --state or LOKET_STATE", l.State)
	}
	// 0711: the folder of PostgreSQL inside belongs to another user, who must be able to reach it.
	if err := os.MkdirAll(l.State, 0o711); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.State, marker), []byte("state of a Loket test cluster; `purge` removes this folder\n"), 0o644)
}

// Claimed reports whether the folder is a state folder of ours.
func (l Layout) Claimed() bool {
	_, err := os.Stat(filepath.Join(l.State, marker))
	return err == nil
}

// Remove deletes the state folder, and only one that was claimed.
func (l Layout) Remove() error {
	if !l.Claimed() {
		return nil
	}
	entries, err := os.ReadDir(l.State)
	if err != nil {
		return err
	}
	for _, e := range entries { // the marker goes last, so that a cut removal can be taken up again
		if e.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(l.State, e.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(l.State)
}
