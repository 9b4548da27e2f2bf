// Package node brings the cluster up and down, and says how it is.
//
// Up can be called at any time: it looks at each thing and does what is missing, whatever ended a run
// before it. Down is a machine's shutdown: everything ends and what the machine was lent is given back,
// while the cluster's objects and volumes stay in the state folder for the next Up. Purge removes them.
package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loket-dev/loket/hack/cluster/build"
	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/host"
	"github.com/loket-dev/loket/hack/cluster/needs"
	"github.com/loket-dev/loket/hack/cluster/paths"
	"github.com/loket-dev/loket/hack/cluster/process"
	"github.com/loket-dev/loket/hack/cluster/progress"
)

// Node is the one node of the cluster with its control plane.
type Node struct {
	Layout paths.Layout
	Set    build.Set
	Out    *progress.Printer

	namespace host.Namespace
	link      host.Link
	values    config.Values
}

// New describes the node; it changes nothing.
func New(layout paths.Layout, set build.Set, out *progress.Printer) *Node {
	n := &Node{Layout: layout, Set: set, Out: out, namespace: config.Namespace}
	n.link = host.Link{
		Namespace: n.namespace,
		Host:      config.HostLink, HostAddr: config.HostPrefix,
		Peer: config.NodeLink, PeerAddr: config.NodePrefix,
	}
	n.link.Routes = append(n.link.Routes, config.Services, config.Pods)
	runc, ok := needs.Here().Find("runc")
	if !ok {
		runc = "/usr/sbin/runc"
	}
	n.values = config.Values{
		State: layout.State, Bin: set.Bin, PauseImage: set.PauseImage, DNSImage: set.DNSImage,
		Snapshotter: snapshotter(layout.State), Runc: runc, CNIBin: needs.CNI,
	}
	return n
}

// snapshotter is native where the state folder is itself on an overlay, as in a container: overlays
// do not lie upon overlays.
func snapshotter(dir string) string {
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if magic, err := host.FilesystemMagic(dir); err == nil {
			if magic == unix.OVERLAYFS_SUPER_MAGIC {
				return "native"
			}
			break
		}
	}
	return "overlayfs"
}

// Lock keeps a second up or down out until the returned function is called.
func (n *Node) Lock() (func(), error) {
	return paths.Lock(filepath.Join(n.Layout.Cache, "cluster.lock"), func() {
		n.Out.Say("another up or down is at work; waiting for it")
	})
}

func (n *Node) sysctls() host.Sysctls {
	return host.Sysctls{Root: "/proc/sys", File: n.Layout.In("sysctls.json")}
}

func (n *Node) cgroups() (host.Cgroups, error) {
	mounts, err := host.Mounts()
	if err != nil {
		return host.Cgroups{}, err
	}
	return host.DetectCgroups(mounts)
}

// foreign refuses to touch the namespace while it is another state folder's cluster.
func (n *Node) foreign() error {
	if !n.namespace.Exists() {
		return nil
	}
	all, err := process.Table("/proc")
	if err != nil {
		return err
	}
	for _, r := range all {
		state, ok := strings.CutSuffix(r.Argv[0], "/bin/"+filepath.Base(r.Argv[0]))
		if !ok || state == n.Layout.State || !n.isComponent(filepath.Base(r.Argv[0])) || !r.InNamespace(n.namespace.Path()) {
			continue
		}
		return fmt.Errorf("the cluster of %s is running (%s, pid %d), and a machine has one at a time; end it with `down --state %s`", state, filepath.Base(r.Argv[0]), r.PID, state)
	}
	return nil
}

func (n *Node) isComponent(name string) bool {
	for _, s := range n.values.Components() {
		if s.Name == name {
			return true
		}
	}
	return false
}

// Running is the process of a component; false when it does not run, or there is no such component.
func (n *Node) Running(name string) (process.Running, bool) {
	for _, s := range n.values.Components() {
		if s.Name == name {
			return s.Find()
		}
	}
	return process.Running{}, false
}

// ctr runs containerd's client in the namespace that the kubelet uses.
func (n *Node) ctr(ctx context.Context, args ...string) (string, error) {
	full := append([]string{"--address", n.values.Containerd(), "--namespace", "k8s.io"}, args...)
	out, err := exec.CommandContext(ctx, filepath.Join(n.Set.Bin, "ctr"), full...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ctr %s: %s (%w)", strings.Join(args, " "), strings.TrimSpace(string(out)), err)
	}
	return string(out), nil
}

// kubectl runs as the administrator.
func (n *Node) kubectl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(n.Set.Bin, "kubectl"), args...)
	cmd.Env = []string{"KUBECONFIG=" + n.Layout.Kubeconfig(), "HOME=" + n.Layout.In("run"), "PATH=" + needs.Path}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl %s: %s (%w)", strings.Join(args, " "), strings.TrimSpace(string(out)), err)
	}
	return nil
}

// Load imports image tarballs; a pod created from then on uses them.
func (n *Node) Load(ctx context.Context, files ...string) error {
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if _, err := os.Stat(abs); err != nil {
			return err
		}
		if _, err := n.ctr(ctx, "images", "import", "--snapshotter", n.values.Snapshotter, abs); err != nil {
			return fmt.Errorf("load %s: %w; is the cluster up? (`status`)", file, err)
		}
		n.Out.Say("loaded %s", file)
	}
	return nil
}

// until asks every few milliseconds, until the answer is nil or the time is over; the last answer is in
// the error.
func until(ctx context.Context, most time.Duration, what string, ended <-chan struct{}, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s; the last answer was: %w", what, most, err)
		case <-ended:
			return errEnded
		case <-time.After(50 * time.Millisecond):
		}
	}
}
