package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/host"
	"github.com/loket-dev/loket/hack/cluster/process"
)

// podGrace is how long pods may take to end on `down`; who needs longer is killed, as at a shutdown.
const podGrace = 5 * time.Second

// Down ends everything and gives back what the machine was lent: processes, mounts, control groups, the
// namespace with its link and routes, kernel settings. It goes on past what it cannot do and reports all
// of that at the end; what is not there is no error.
func (n *Node) Down(ctx context.Context) error {
	if !n.Layout.Claimed() || !n.begun() {
		return nil // of PostgreSQL alone, perhaps
	}
	if os.Getuid() != 0 {
		return errors.New("the cluster was started by root, and only root can end it (sudo -E)")
	}
	if err := n.foreign(); err != nil {
		return err
	}
	all, err := process.Table("/proc")
	if err != nil {
		return err
	}
	// First those who would start again what is ended next, then pods while containerd still watches
	// them, then the rest.
	err = errors.Join(
		n.stop(all, 5*time.Second, config.Kubelet, config.Proxy, config.ControllerManager, config.Scheduler, config.ProvisionerName),
		n.endPods(all),
		n.stop(all, 5*time.Second, config.APIServerName, config.Containerd),
		n.stop(all, 5*time.Second, config.Etcd),
		n.endRest(),
	)
	n.Out.Say("processes ended")
	err = errors.Join(err, host.UnmountBelow(n.Layout.State))
	if groups, groupErr := n.cgroups(); groupErr == nil {
		err = errors.Join(err, groups.Remove(config.Cgroup))
	}
	err = errors.Join(err, n.link.Remove(), n.namespace.Remove(), n.sysctls().Restore())
	if err == nil { // with something still mounted, removing could reach into a volume
		err = errors.Join(n.wipeRun(), n.strays())
	}
	if err == nil {
		n.Out.Say("mounts, control groups and network given back")
	}
	return err
}

// begun reports whether an Up ever came so far as to borrow anything of the machine.
func (n *Node) begun() bool {
	_, err := os.Stat(n.Layout.In("run"))
	return err == nil
}

// Purge is Down and removes the state folder: the next Up begins from nothing.
func (n *Node) Purge(ctx context.Context) error {
	if !n.Layout.Claimed() {
		return nil
	}
	if err := n.Down(ctx); err != nil {
		return err
	}
	if mounts, err := host.Mounts(); err != nil || len(host.Below(mounts, n.Layout.State)) > 0 {
		return errors.Join(err, errors.New("something is mounted below the state folder; nothing was removed"))
	}
	return n.Layout.Remove()
}

func (n *Node) stop(all []process.Running, grace time.Duration, names ...string) error {
	var which []process.Running
	for _, s := range n.values.Components() {
		for _, name := range names {
			if r, ok := s.FindIn(all); ok && s.Name == name {
				which = append(which, r)
			}
		}
	}
	killed, err := process.Stop(grace, which...)
	for _, k := range killed {
		n.Out.Say("%s did not end within %s and was killed", filepath.Base(k.Argv[0]), grace)
	}
	return err
}

// endPods lets the processes in our control groups end, and kills those that do not. The group is the
// cluster's own, so whoever is in it came from a pod.
func (n *Node) endPods(all []process.Running) error {
	groups, err := n.cgroups()
	if err != nil {
		return nil // then there are no pods
	}
	in := map[int]bool{}
	for _, pid := range groups.Processes(config.Cgroup) {
		in[pid] = true
	}
	var pods []process.Running
	for _, r := range all {
		if in[r.PID] {
			pods = append(pods, r)
		}
	}
	_, err = process.Stop(podGrace, pods...)
	return err
}

// endRest kills what is still there: shims, which outlive containerd on purpose, whoever entered our
// control groups meanwhile, and programs that run in a namespace of ours or from a state folder that was
// half removed.
func (n *Node) endRest() error {
	for range 5 { // a killed parent may have started another child
		all, err := process.Table("/proc")
		if err != nil {
			return err
		}
		inGroup := map[int]bool{}
		if groups, err := n.cgroups(); err == nil {
			for _, pid := range groups.Processes(config.Cgroup) {
				inGroup[pid] = true
			}
		}
		var left []process.Running
		for _, r := range all {
			if inGroup[r.PID] || n.isOurs(r) {
				left = append(left, r)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if _, err := process.Stop(0, left...); err != nil {
			return err
		}
	}
	return errors.New("processes of the cluster come back as they are ended; is another `up` at work?")
}

// isOurs knows components by their first word, and shims by the address of our containerd among theirs.
func (n *Node) isOurs(r process.Running) bool {
	if dir := filepath.Dir(r.Argv[0]); dir == n.Layout.In("bin") {
		return true
	}
	if !strings.HasPrefix(filepath.Base(r.Argv[0]), "containerd-shim-runc") && filepath.Base(r.Argv[0]) != "runc" {
		return false
	}
	for _, arg := range r.Argv[1:] {
		if arg == n.values.Containerd() || strings.HasPrefix(arg, n.Layout.In("run")+"/") {
			return true
		}
	}
	return false
}

// wipeRun removes what means nothing without the processes it was about.
func (n *Node) wipeRun() error {
	if err := n.endRest(); err != nil {
		return err
	}
	if err := host.UnmountBelow(n.Layout.In("run")); err != nil {
		return err
	}
	if err := os.RemoveAll(n.Layout.In("run")); err != nil {
		return err
	}
	return os.MkdirAll(n.Layout.In("run"), 0o711)
}

// strays removes what Kubernetes and containerd leave at places that cannot be configured, as far as it
// is the cluster's. A folder goes only when it is empty, so that another kubelet's or containerd's stay.
func (n *Node) strays() error {
	for _, pattern := range []string{
		"/var/lib/cni/results/" + "loket-*", "/var/lib/cni/results/cni-loopback-*",
	} {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	// Links to container logs; those of ours point below our state folder.
	links, _ := filepath.Glob("/var/log/containers/*.log")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, n.Layout.State+"/") {
			_ = os.Remove(l)
		}
	}
	if _, err := os.Stat("/run/containerd/containerd.sock"); err != nil { // no other containerd
		sockets, _ := filepath.Glob("/run/containerd/s/*")
		for _, s := range sockets {
			_ = os.Remove(s)
		}
	}
	if !kubeletRuns() {
		_ = os.Remove("/var/lib/kubelet/device-plugins/kubelet.sock")
		_ = os.Remove("/var/lib/kubelet/device-plugins/DEPRECATION")
	}
	for _, dir := range []string{
		"/var/log/containers", "/var/lib/cni/results", "/var/lib/cni", "/var/lib/kubelet/device-plugins", "/var/lib/kubelet",
		"/run/containerd/s", "/run/containerd/fifo", "/run/containerd/runc/k8s.io", "/run/containerd/runc", "/run/containerd",
	} {
		_ = os.Remove(dir)
	}
	// `ip netns add` mounts this folder upon itself; with no namespace left in it nobody needs that.
	if left, err := os.ReadDir("/run/netns"); err == nil && len(left) == 0 {
		if err := host.UnmountBelow("/run/netns"); err != nil {
			return err
		}
		_ = os.Remove("/run/netns")
	}
	return nil
}

// kubeletRuns reports whether the machine has a kubelet of its own.
func kubeletRuns() bool {
	all, err := process.Table("/proc")
	if err != nil {
		return true
	}
	for _, r := range all {
		if filepath.Base(r.Argv[0]) == config.Kubelet {
			return true
		}
	}
	return false
}
