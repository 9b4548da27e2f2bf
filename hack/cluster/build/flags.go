package build

import (
	"fmt"
	"io/fs"
	"strings"
)

// tags leave out the snapshotters that need C libraries or kernels that few have.
const tags = "no_btrfs,no_zfs,no_devmapper"

// flags are those of `go build`. With -trimpath and without cgo the compilations are shared with every
// other module that uses the same versions in the same way, our operator among them.
func (c Cache) flags() ([]string, error) {
	kubernetes, err := c.require("k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	containerd, err := c.require("github.com/containerd/containerd/v2")
	if err != nil {
		return nil, err
	}
	part := strings.Split(strings.TrimPrefix(kubernetes, "v"), ".")
	if len(part) < 2 {
		return nil, fmt.Errorf("go.mod: k8s.io/kubernetes has the version %q", kubernetes)
	}
	// Without these the node reports v0.0.0, and clients that compare versions go astray.
	const base = "k8s.io/component-base/version."
	set := []string{"-s", "-w"}
	for _, assignment := range []string{
		base + "gitVersion=" + kubernetes, base + "gitMajor=" + part[0], base + "gitMinor=" + part[1], base + "gitTreeState=clean",
		"github.com/containerd/containerd/v2/version.Version=" + containerd,
	} {
		set = append(set, "-X", assignment)
	}
	return []string{"-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", strings.Join(set, " ")}, nil
}

// require reads the version of a module from go.mod.
func (c Cache) require(module string) (string, error) {
	text, err := fs.ReadFile(c.Sources, "go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) >= 2 && f[0] == module && f[1] != "=>" {
			return f[1], nil
		}
	}
	return "", fmt.Errorf("go.mod requires no %s", module)
}
