package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/process"
)

// Line is what status says of one component.
type Line struct {
	Name    string
	Process process.Running // PID 0 when it does not run
	Problem string          // why it is not healthy, "" when it is
}

// Status asks every component how it is.
func (n *Node) Status(ctx context.Context) []Line {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	all, err := process.Table("/proc")
	if err != nil {
		return []Line{{Name: "process table", Problem: err.Error()}}
	}
	var lines []Line
	for _, spec := range n.values.Components() {
		line := Line{Name: spec.Name}
		running, ok := spec.FindIn(all)
		line.Process = running
		if !ok {
			line.Problem = "does not run"
		} else if !n.link.Up() {
			line.Problem = "runs without its network"
		} else if why := spec.Current(running); why != "" {
			line.Problem = "outdated: " + why
		} else if err := n.healthy(ctx, spec.Name, running); err != nil {
			line.Problem = err.Error()
		}
		lines = append(lines, line)
	}
	dns := Line{Name: "cluster DNS"}
	if !n.link.Up() { // without our route the question would go to whatever machine has that address
		dns.Problem = "no network: the cluster is down"
	} else if err := resolves(ctx); err != nil {
		dns.Problem = err.Error()
	}
	return append(lines, dns)
}

// healthy asks one component in its own way.
func (n *Node) healthy(ctx context.Context, name string, running process.Running) error {
	switch name {
	case config.Containerd:
		return n.containerdAnswers(ctx)
	case config.Etcd:
		return n.health(ctx, "http://127.0.0.1:2379/health")
	case config.APIServerName, config.Kubelet:
		api, err := newAPI(n.Layout)
		if err != nil {
			return err
		}
		if name == config.Kubelet {
			return errors.Join(n.health(ctx, "http://127.0.0.1:10248/healthz"), api.nodeReady(ctx, running.Since()))
		}
		return api.ready(ctx)
	case config.ControllerManager:
		return n.health(ctx, "https://127.0.0.1:10257/healthz")
	case config.Scheduler:
		return n.health(ctx, "https://127.0.0.1:10259/healthz")
	case config.Proxy:
		return n.health(ctx, "http://127.0.0.1:10256/healthz")
	}
	return nil // that it runs is all there is to know
}

// health asks an address that is reached from within the namespace only. Those with TLS have certificates
// that they made for themselves; nothing secret is said.
func (n *Node) health(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{
		DialContext:       n.namespace.Dial,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives: true,
	}}
	_, err := get(ctx, client, url)
	return err
}

func (n *Node) containerdAnswers(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", n.values.Containerd())
	if err != nil {
		return err
	}
	_ = conn.Close()
	_, err = n.ctr(ctx, "version")
	return err
}

// Print writes the table; it returns an error when not everything is well, for the exit code.
func Print(w io.Writer, lines []Line, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(t, "COMPONENT\tPID\tFOR\tMEMORY\tSTATE")
	var memory int64
	bad := 0
	for _, l := range lines {
		pid, since, mem, state := "-", "-", "-", "ok"
		if l.Process.PID != 0 {
			pid = fmt.Sprint(l.Process.PID)
			since = age(now.Sub(l.Process.Since()))
			memory += l.Process.Memory()
			mem = megabytes(l.Process.Memory())
		}
		if l.Problem != "" {
			state = l.Problem
			bad++
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.Name, pid, since, mem, state)
	}
	_, _ = fmt.Fprintf(t, "all\t\t\t%s\t%d of %d ok\n", megabytes(memory), len(lines)-bad, len(lines))
	if err := t.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d are not well; `up` mends what it can", bad, len(lines))
	}
	return nil
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
