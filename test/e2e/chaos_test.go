//go:build e2e && chaos

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// chaos are the scenarios of the catalogue that need a real cluster. Run one with make chaos SCENARIO=name.
var chaos = map[string]func(t *testing.T) func(context.Context, scenario.Progress) error{
	"pods-killed":               func(t *testing.T) func(context.Context, scenario.Progress) error { return kills(t, 12) },
	"api-server-killed":         apiServerKilled,
	"cluster-postmaster-killed": clusterPostmasterKilled,
	"packets-dropped":           packetsDropped,
	"bot-stopped":               botStopped,
}

func TestChaos(t *testing.T) {
	known := scenario.At(scenario.Cluster)
	if len(known) != len(chaos) {
		t.Errorf("the catalogue has %d scenarios, %d are here", len(known), len(chaos))
	}
	for _, s := range known {
		t.Run(s.Name, func(t *testing.T) {
			fault, ok := chaos[s.Name]
			if !ok {
				t.Fatal("the scenario is in the catalogue only")
			}
			judge(t, countingRun(t, load.Plan{Citizens: 300, Messages: 40, Ahead: 5, Patience: 4 * time.Minute}, fault(t)))
		})
	}
}

// killAll is kill -9 of every process of this machine's cluster whose program and arguments hold these words.
func killAll(t *testing.T, words ...string) error {
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	killed := 0
	for _, e := range entries {
		body, err := os.ReadFile(e)
		line := strings.ReplaceAll(string(body), "\x00", " ")
		if err != nil || !has(line, words) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(e)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		killed++
	}
	if killed == 0 {
		return fmt.Errorf("no process has %q", words)
	}
	t.Logf("kill -9 of %d processes with %q", killed, words)
	return nil
}

func has(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// mend has the cluster's command start what is gone.
func mend() error {
	out, err := exec.Command(clusterCommand(), "up", "--postgres").CombinedOutput()
	if err != nil {
		return fmt.Errorf("mending the cluster: %w: %s", err, out)
	}
	return nil
}

func apiServerKilled(t *testing.T) func(context.Context, scenario.Progress) error {
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		if err := killAll(t, "kube-apiserver", "--etcd-servers"); err != nil {
			return err
		}
		if err := load.Wait(ctx, .5); err != nil { // bots go on without
			return err
		}
		return mend()
	}
}

func clusterPostmasterKilled(t *testing.T) func(context.Context, scenario.Progress) error {
	return func(ctx context.Context, load scenario.Progress) error {
		for _, share := range []float64{.25, .6} {
			if err := load.Wait(ctx, share); err != nil {
				return err
			}
			if err := killAll(t, "postgres", "-D", "/cluster/"); err != nil {
				return err
			}
			if err := mend(); err != nil {
				return err
			}
		}
		return nil
	}
}

// bot is a process of one bot's.
func bot() (int, error) {
	names, err := tryKubectl(context.Background(), "", "-n", "count", "get", "pods", "-l", "app.kubernetes.io/component=bot",
		"--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.uid}")
	if err != nil {
		return 0, err
	}
	pids, err := processesOfUID(names, "bot-runtime")
	if err != nil || len(pids) == 0 {
		return 0, fmt.Errorf("no bot runs: %w", err)
	}
	return pids[0], nil
}

func packetsDropped(t *testing.T) func(context.Context, scenario.Progress) error {
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		pid, err := bot()
		if err != nil {
			return err
		}
		rule := func(verb string) error {
			for _, chain := range []string{"INPUT", "OUTPUT"} {
				out, err := exec.Command("nsenter", "-t", strconv.Itoa(pid), "-n", "iptables", "-w", verb, chain, "-j", "DROP").CombinedOutput()
				if err != nil {
					return fmt.Errorf("iptables: %w: %s", err, out)
				}
			}
			return nil
		}
		if err := rule("-A"); err != nil {
			return err
		}
		t.Log("a bot's packets are dropped")
		<-time.After(20 * time.Second)
		if syscall.Kill(pid, 0) != nil {
			return nil // its probes failed, and it was replaced with its network
		}
		return rule("-D")
	}
}

func botStopped(t *testing.T) func(context.Context, scenario.Progress) error {
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		pid, err := bot()
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		t.Log("a bot is stopped")
		<-time.After(45 * time.Second)
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && err != syscall.ESRCH { // its probes may have had it killed
			return err
		}
		return nil
	}
}

// TestSoak is make soak: MESSAGES of them, with kills all the way, and a report.
func TestSoak(t *testing.T) {
	messages, err := strconv.Atoi(os.Getenv("MESSAGES"))
	if err != nil || messages < 1000 {
		t.Fatal("MESSAGES must be a number of at least 1000: run it by make soak")
	}
	const each = 50 // fewer than a citizen's allowance of a minute
	plan := load.Plan{Citizens: messages / each, Messages: each, Ahead: 3, Patience: 10 * time.Minute}
	run := countingRun(t, plan, kills(t, max(12, messages/10_000)))
	began := time.Now()
	report := judge(t, run)
	took := time.Since(began)
	t.Logf("\nsoak of %d messages\n  %-28s %s\n  %-28s %.0f messages/s in and answered\n  %-28s p50 %s, p99 %s\n  %-28s %.0f bytes a message, in and out, %d conversations\n  %-28s %s\n  %-28s %d of %d acknowledged, %d doubled, %d forged and refused",
		messages, "time", took.Round(time.Second), "rate", float64(report.Answered)/took.Seconds(), "delivery to answer",
		report.P50.Round(time.Millisecond), report.P99.Round(time.Millisecond), "growth of the database", float64(report.StoreBytes)/float64(max(1, report.Answered)),
		report.StoreDialogs, "memory of the pods", memory(), "checker", report.Answered, report.Acknowledged, report.Doubled, report.Forged)
}

// memory of the programs of Loket, resident, each process.
func memory() string {
	entries, _ := filepath.Glob("/proc/[0-9]*/status")
	var all []string
	for _, e := range entries {
		line, err := os.ReadFile(filepath.Join(filepath.Dir(e), "cmdline"))
		if err != nil || !strings.HasPrefix(string(line), "/bot-runtime\x00") && !strings.HasPrefix(string(line), "/loket\x00") {
			continue
		}
		body, err := os.ReadFile(e)
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(body)) {
			if rest, ok := strings.CutPrefix(l, "VmRSS:"); ok {
				kib, _ := strconv.Atoi(strings.Fields(rest)[0])
				name, _, _ := strings.Cut(strings.TrimPrefix(string(line), "/"), "\x00")
				all = append(all, fmt.Sprintf("%s %d MiB", name, kib/1024))
			}
		}
	}
	return strings.Join(all, ", ")
}
