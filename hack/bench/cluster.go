package main

import (
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

// scaleOut is the time from the first of 200 citizens who ask for a person within five seconds until the desk's Deployment wants
// more workers, and until a second one is ready. It waits until all were served.
func scaleOut(ctx context.Context) ([]Figure, error) {
	const tenant, desk = "ojk", "desk-contact-centre"
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	node, err := kubectl(ctx, "", "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	if err != nil {
		return nil, err
	}
	sim := control.Client{Base: "http://" + node + ":30157"}
	replicas := func(field string) (int, error) {
		text, err := kubectl(ctx, "", "-n", tenant, "get", "deployment", desk, "-o", "jsonpath={"+field+"}")
		if err != nil || text == "" {
			return 0, err
		}
		return strconv.Atoi(text)
	}
	before, err := replicas(".spec.replicas")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := sim.StartSurge(ctx, surge.Plan{Citizens: 200, Over: 5 * time.Second, Ask: "petugas", Rate: "4",
		DeskURL: "http://" + desk + "." + tenant + ".svc:8080/desk/contact-centre/", Agents: 20, Password: "loket-demo-1",
		Handling: 3 * time.Second}); err != nil {
		return nil, err
	}
	reached := func(field string) (float64, error) {
		for {
			n, err := replicas(field)
			if err != nil {
				return 0, err
			}
			if n > before {
				return time.Since(began).Seconds(), nil
			}
			select {
			case <-ctx.Done():
				return 0, fmt.Errorf("the desk stayed at %d workers: %w", n, ctx.Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	wanted, err := reached(".spec.replicas")
	if err != nil {
		return nil, err
	}
	ready, err := reached(".status.readyReplicas")
	if err != nil {
		return nil, err
	}
	for {
		p, err := sim.Surge(ctx)
		if err != nil {
			return nil, err
		}
		if p.Done && p.Rated == p.Citizens {
			return []Figure{{Name: "surge to more workers wanted", Value: wanted, Unit: "s"}, {Name: "surge to a second worker ready", Value: ready, Unit: "s"}}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d citizens of the surge were served: %w", p.Rated, p.Citizens, ctx.Err())
		case <-time.After(time.Second):
		}
	}
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
