package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/surge"
)

// command is the cluster's program, in the folder of tools.
func command() string { return filepath.Join(os.Getenv("LOKET_TOOLS"), "cluster") }

func kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command(), append([]string{"kubectl"}, args...)...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, problems.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// cluster measures the whole thing where the demo runs; elsewhere it says that it did not.
func cluster(ctx context.Context) ([]Figure, error) {
	if err := exec.CommandContext(ctx, command(), "status").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "no cluster runs (make demo): the whole thing is not measured")
		return nil, nil
	}
	var figures []Figure
	for _, measure := range []func(context.Context) ([]Figure, error){idle, flowEdit, scaleOut} {
		got, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		figures = append(figures, got...)
	}
	return figures, nil
}

// idleFor is how long the operator is watched doing nothing.
const idleFor = time.Minute

// idle counts what is written to the API while nothing happens, and the operator's memory.
func idle(ctx context.Context) ([]Figure, error) {
	before, err := writes(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(idleFor):
	}
	after, err := writes(ctx)
	if err != nil {
		return nil, err
	}
	memory, err := operatorMemory()
	if err != nil {
		return nil, err
	}
	return []Figure{
		{Name: "operator idle API writes", Value: after - before, Unit: "writes/min"},
		{Name: "operator resident memory", Value: memory, Unit: "MiB"},
	}, nil
}

// watched are the API groups in which only Loket writes when nothing happens: leases, events and nodes are others' too.
var watched = regexp.MustCompile(`(?m)^apiserver_request_total\{(.*)\} ([0-9.e+]+)$`)

func writes(ctx context.Context) (float64, error) {
	metrics, err := kubectl(ctx, "", "get", "--raw", "/metrics")
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, m := range watched.FindAllStringSubmatch(metrics, -1) {
		labels := m[1]
		ours := strings.Contains(labels, `group="loket.dev"`) || strings.Contains(labels, `group="apps"`) ||
			strings.Contains(labels, `group="networking.k8s.io"`) || strings.Contains(labels, `group="policy"`)
		reading := strings.Contains(labels, `verb="GET"`) || strings.Contains(labels, `verb="LIST"`) || strings.Contains(labels, `verb="WATCH"`)
		if ours && !reading {
			n, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return 0, fmt.Errorf("reading the API server's metrics: %w", err)
			}
			sum += n
		}
	}
	return sum, nil
}

// operatorMemory is the largest resident memory of the operator's processes.
func operatorMemory() (float64, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, fmt.Errorf("looking for the operator: %w", err)
	}
	most := 0.0
	for _, f := range files {
		cmdline, err := os.ReadFile(f)
		if err != nil || !bytes.HasPrefix(cmdline, []byte("/loket\x00")) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(f), "status"))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
				if err != nil {
					return 0, fmt.Errorf("reading the operator's memory: %w", err)
				}
				most = max(most, kib/1024)
			}
		}
	}
	if most == 0 {
		return 0, fmt.Errorf("no operator runs here")
	}
	return most, nil
}

// surges are made one after the other, each when the desk is about as small again.
const surges = 5

// scaleOut is the time from the first of 200 citizens who ask for a person within a fifth of a second until the desk's Deployment
// wants more workers, and until a second one is ready: the slowest of five. Each surge is served to its end.
func scaleOut(ctx context.Context) ([]Figure, error) {
	const tenant, desk = "ojk", "desk-contact-centre"
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	node, err := kubectl(ctx, "", "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	if err != nil {
		return nil, err
	}
	sim := control.Client{Base: "http://" + node + ":30157"}
	sizes, err := watchSize(ctx, tenant, desk)
	if err != nil {
		return nil, err
	}
	var wanted, ready time.Duration
	for n := range surges {
		small, err := sizes.until(ctx, func(s size) bool { return n == 0 || s.wanted <= sizes.first.wanted+1 && s.ready == s.wanted })
		if err != nil {
			return nil, fmt.Errorf("after surge %d: %w", n, err)
		}
		began := time.Now()
		if err := sim.StartSurge(ctx, surge.Plan{Citizens: 200, Over: 200 * time.Millisecond, Ask: "petugas", Rate: "4",
			DeskURL: "http://" + desk + "." + tenant + ".svc:8080/desk/contact-centre/", Agents: 20, Password: "loket-demo-1",
			Handling: 3 * time.Second}); err != nil {
			return nil, err
		}
		if _, err := sizes.until(ctx, func(s size) bool { return s.wanted > small.wanted }); err != nil {
			return nil, err
		}
		wanted = max(wanted, time.Since(began))
		if _, err := sizes.until(ctx, func(s size) bool { return s.ready > small.ready }); err != nil {
			return nil, err
		}
		ready = max(ready, time.Since(began))
		if err := served(ctx, sim); err != nil {
			return nil, err
		}
	}
	return []Figure{
		{Name: "surge to more workers wanted, slowest of five", Value: wanted.Seconds(), Unit: "s"},
		{Name: "surge to a second worker ready, slowest of five", Value: ready.Seconds(), Unit: "s"},
	}, nil
}

// served waits until all citizens of a surge have rated their conversation.
func served(ctx context.Context, sim control.Client) error {
	for {
		p, err := sim.Surge(ctx)
		if err != nil {
			return err
		}
		if p.Done && p.Rated == p.Citizens {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d citizens of the surge were served: %w", p.Rated, p.Citizens, ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

// size is how many pods a Deployment wants and has.
type size struct{ wanted, ready int }

// sizesSeen are a Deployment's sizes as the API server tells them, at once.
type sizesSeen struct {
	first size
	now   size
	lines <-chan string
}

func watchSize(ctx context.Context, namespace, deployment string) (*sizesSeen, error) {
	cmd := exec.CommandContext(ctx, command(), "kubectl", "-n", namespace, "get", "deployment", deployment, "--watch",
		"-o", `jsonpath={.spec.replicas} 0{.status.readyReplicas}{"\n"}`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", deployment, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watching %s: %w", deployment, err)
	}
	lines := make(chan string)
	go func() {
		defer func() { close(lines); _ = cmd.Wait() }()
		for in := bufio.NewScanner(out); in.Scan(); {
			select {
			case lines <- in.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	s := &sizesSeen{lines: lines}
	if err := s.next(ctx); err != nil {
		return nil, err
	}
	s.first = s.now
	return s, nil
}

func (s *sizesSeen) next(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("the desk stayed at %d workers, %d ready: %w", s.now.wanted, s.now.ready, ctx.Err())
	case line, ok := <-s.lines:
		if !ok {
			return fmt.Errorf("the watch of the desk ended: %w", context.Cause(ctx))
		}
		_, err := fmt.Sscan(line, &s.now.wanted, &s.now.ready)
		return err
	}
}

// until waits for a size that will do.
func (s *sizesSeen) until(ctx context.Context, does func(size) bool) (size, error) {
	for !does(s.now) {
		if err := s.next(ctx); err != nil {
			return s.now, err
		}
	}
	return s.now, nil
}

// flowEdit is the time from kubectl apply of an edited flow until it is live on every pod.
func flowEdit(ctx context.Context) ([]Figure, error) {
	const tenant = "ojk"
	flow, err := kubectl(ctx, "", "-n", tenant, "get", "dialogflow", "kontak157", "-o", "json")
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(flow), &doc); err != nil {
		return nil, fmt.Errorf("reading the flow: %w", err)
	}
	doc["metadata"] = map[string]string{"name": "kontak157", "namespace": tenant} // what the API server added is left out
	delete(doc, "status")
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("editing the flow: %w", err)
	}
	edited := strings.ReplaceAll(string(body), "Kontak 157", fmt.Sprintf("Kontak %d", time.Now().Unix()))
	defer func() { _, _ = kubectl(context.WithoutCancel(ctx), "", "apply", "-k", "config/samples/kontak157-demo") }()
	began := time.Now()
	if _, err := kubectl(ctx, edited, "apply", "-f", "-"); err != nil {
		return nil, err
	}
	for {
		out, err := kubectl(ctx, "", "-n", tenant, "get", "dialogflow/kontak157", "bottenant/ojk",
			"-o", "jsonpath={.items[0].metadata.generation} {.items[0].status.liveGeneration} {.items[1].status.applied}")
		if err != nil {
			return nil, err
		}
		w := strings.Fields(out)
		if len(w) == 3 && w[0] == w[1] {
			if n, m, ok := strings.Cut(w[2], "/"); ok && n == m {
				return []Figure{{Name: "flow edit to live on every pod", Value: time.Since(began).Seconds(), Unit: "s"}}, nil
			}
		}
		if time.Since(began) > time.Minute {
			return nil, fmt.Errorf("the edited flow is not live after a minute: %s", out)
		}
	}
}
