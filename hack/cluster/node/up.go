package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/pki"
	"github.com/loket-dev/loket/hack/cluster/process"
)

// patience is how long one component may take to answer, on a machine that is busy with other things.
const patience = 2 * time.Minute

var errEnded = errors.New("ended")

// Up starts what does not run and returns when the node is ready and answers to names.
func (n *Node) Up(ctx context.Context) error {
	if err := n.foreign(); err != nil {
		return err
	}
	if err := n.Layout.Claim(); err != nil {
		return err
	}
	if err := n.prepare(); err != nil {
		return err
	}
	var containerd, etcd, apiServer, manager, scheduler, kubelet, proxy, provisioner component
	components := []*component{&containerd, &etcd, &apiServer, &manager, &scheduler, &kubelet, &proxy, &provisioner}
	for i, spec := range n.values.Components() {
		components[i].Spec = spec
	}
	if err := n.outdated(components); err != nil {
		return err
	}

	// The API server waits for etcd by itself, and images are loaded while both start.
	if err := n.start(&containerd, &etcd, &apiServer); err != nil {
		return err
	}
	if err := n.wait(ctx, &containerd, n.containerdAnswers); err != nil {
		return err
	}
	if err := n.images(ctx); err != nil {
		return err
	}
	api, err := newAPI(n.Layout)
	if err != nil {
		return err
	}
	if err := n.wait(ctx, &apiServer, api.ready); err != nil {
		if etcd.process != nil && etcd.process.HasEnded() {
			err = errors.Join(err, etcd.process.Ended())
		}
		return err
	}
	n.Out.Say("API server ready")

	// A kubelet that finds no API server waits seconds before it asks again, so it starts only now.
	if err := n.start(&manager, &scheduler, &kubelet, &proxy, &provisioner); err != nil {
		return err
	}
	applied := make(chan error, 1)
	go func() { applied <- n.applyBase(ctx) }() // while the node registers
	running, _ := kubelet.Find()
	ready := n.wait(ctx, &kubelet, func(ctx context.Context) error { return api.nodeReady(ctx, running.Since()) })
	if err := errors.Join(ready, <-applied); err != nil {
		return err
	}
	n.Out.Say("node ready")
	if err := until(ctx, patience, "cluster DNS", nil, resolves); err != nil {
		return fmt.Errorf("%w\nlook at `kubectl -n kube-system get pods,events` and %s", err, proxy.Log)
	}
	n.Out.Say("cluster DNS answers")
	for _, c := range components { // the last to be started had the least time to fail
		if c.process != nil && c.process.HasEnded() {
			return c.process.Ended()
		}
	}
	return nil
}

// applyBase brings in what every cluster has: the storage class and the DNS.
func (n *Node) applyBase(ctx context.Context) error {
	return n.kubectl(ctx, "apply", "--server-side", "--force-conflicts", "--field-manager=loket-cluster", "-f", filepath.Join(n.values.Dir(), "base.yaml"))
}

// component is a program and, when this run started it, its process.
type component struct {
	process.Spec
	process *process.Started
}

// prepare makes everything that is not a process: it is the same at every start.
func (n *Node) prepare() error {
	for _, dir := range []string{"bin", "conf", "log", "run", "etcd", "kubelet", "containerd", "podlogs", "volumes"} {
		if err := os.MkdirAll(n.Layout.In(dir), 0o711); err != nil {
			return err
		}
	}
	// etcd refuses a folder that others may enter; the certificates' folder is made by pki.
	if err := os.Chmod(n.Layout.In("etcd"), 0o700); err != nil {
		return err
	}
	issued, err := pki.Ensure(n.Layout.In("pki"), pki.Cluster{
		Server: config.APIServer, Service: config.ServiceAPI, Node: config.Node, NodeAddr: config.NodePrefix.Addr(),
	}, time.Now())
	if err != nil {
		return err
	}
	if issued {
		n.Out.Say("certificates issued")
	}
	made, err := n.namespace.Ensure()
	if err != nil {
		return err
	}
	if made {
		// No pod lives without its network: what an earlier run left of them is of no use, and the
		// addresses that it had given out would be lost for good.
		if err := n.wipeRun(); err != nil {
			return err
		}
	}
	if err := n.link.Ensure(); err != nil {
		return err
	}
	if err := n.sysctls().Remember(); err != nil {
		return err
	}
	groups, err := n.cgroups()
	if err != nil {
		return err
	}
	if err := groups.Make(config.Cgroup); err != nil {
		return err
	}
	if err := n.values.Write(); err != nil {
		return err
	}
	n.Out.Say("network, control groups and configuration ready")
	return nil
}

// outdated ends what runs with another configuration, program or network than this run wants. Pods go on
// without containerd and kubelet and are taken over by the new ones.
func (n *Node) outdated(components []*component) error {
	all, err := process.Table("/proc")
	if err != nil {
		return err
	}
	var old []process.Running
	for _, c := range components {
		r, ok := c.FindIn(all)
		if !ok {
			continue
		}
		if why := c.Current(r); why != "" {
			n.Out.Say("%s (pid %d) is started anew: %s", c.Name, r.PID, why)
			old = append(old, r)
		}
	}
	_, err = process.Stop(10*time.Second, old...)
	return err
}

// start starts what does not run yet.
func (n *Node) start(components ...*component) error {
	all, err := process.Table("/proc")
	if err != nil {
		return err
	}
	for _, c := range components {
		if _, ok := c.FindIn(all); ok {
			continue
		}
		if c.process, err = c.Start(); err != nil {
			return err
		}
	}
	return nil
}

// wait asks a component until it answers well, and gives up at once when its process ended.
func (n *Node) wait(ctx context.Context, c *component, ask func(context.Context) error) error {
	var ended chan struct{}
	if c.process != nil {
		ended = c.process.Done
	}
	err := until(ctx, patience, c.Name, ended, ask)
	if errors.Is(err, errEnded) {
		return c.process.Ended()
	}
	if err != nil {
		return fmt.Errorf("%w\nthe last lines of %s:\n%s", err, c.Log, process.Tail(c.Log, 8))
	}
	return nil
}

// images loads those of the build that containerd does not have.
func (n *Node) images(ctx context.Context) error {
	have, err := n.ctr(ctx, "images", "ls", "-q")
	if err != nil {
		return err
	}
	refs := strings.Fields(have)
	for i, ref := range []string{n.Set.PauseImage, n.Set.DNSImage} {
		found := false
		for _, r := range refs {
			found = found || r == ref
		}
		if found {
			continue
		}
		if err := n.Load(ctx, n.Set.ImageFiles[i]); err != nil {
			return err
		}
	}
	return nil
}
