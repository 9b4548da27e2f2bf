//go:build e2e && chaos

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// chaos are the scenarios of the catalogue that need a real cluster. Run one with make chaos SCENARIO=name. What each breaks is put
// right by a cleanup that is there before the blow, whatever becomes of the run.
var chaos = map[string]func(t *testing.T) scenario.Fault{
	"pods-killed":               func(t *testing.T) scenario.Fault { return kills(t, 12) },
	"api-server-killed":         apiServerKilled,
	"cluster-postmaster-killed": clusterPostmasterKilled,
	"packets-dropped":           packetsDropped,
	"bot-stopped":               botStopped,
}

// It needs no cluster, and make test-go runs it, too.
func TestTheScenariosOfAClusterAreThoseOfTheCatalogue(t *testing.T) {
	if err := scenario.Match(scenario.Cluster, chaos); err != nil {
		t.Error(err)
	}
}

func TestChaos(t *testing.T) {
	for name, fault := range chaos {
		t.Run(name, func(t *testing.T) {
			judge(t, countingRun(t, load.Plan{Citizens: 300, Messages: 40, Ahead: 5, Patience: 4 * time.Minute}, fault(t)))
		})
	}
}

var stateFolder = regexp.MustCompile(`(?m)^export LOKET_STATE='([^']+)'$`)

// killProgram is kill -9 of a component of the cluster that these tests run on, and of no other's.
func killProgram(t *testing.T, name string) error {
	env, err := exec.Command(clusterCommand(), "env").Output()
	if err != nil {
		return fmt.Errorf("asking for the cluster's state folder: %w", err)
	}
	state := stateFolder.FindSubmatch(env)
	if state == nil {
		return fmt.Errorf("the cluster's command names no state folder: %s", env)
	}
	out, err := exec.Command(clusterCommand(), "kill", string(state[1]), name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("killing %s: %w: %s", name, err, out)
	}
	t.Logf("kill -9 of %s", name)
	return nil
}

// mend has the cluster's command start what is gone; it does nothing where all runs.
func mend() error {
	out, err := exec.Command(clusterCommand(), "up", "--postgres").CombinedOutput()
	if err != nil {
		return fmt.Errorf("mending the cluster: %w: %s", err, out)
	}
	return nil
}

// mendAfter mends at the end of the test, too: a fault that ends early must leave the cluster to the others as it was.
func mendAfter(t *testing.T) {
	t.Cleanup(func() {
		if err := mend(); err != nil {
			t.Error(err)
		}
	})
}

func apiServerKilled(t *testing.T) scenario.Fault {
	mendAfter(t)
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		if err := killProgram(t, "kube-apiserver"); err != nil {
			return err
		}
		return errors.Join(load.Wait(ctx, .5), mend()) // bots go on without
	}
}

func clusterPostmasterKilled(t *testing.T) scenario.Fault {
	mendAfter(t)
	return func(ctx context.Context, load scenario.Progress) error {
		for _, share := range []float64{.25, .6} {
			if err := load.Wait(ctx, share); err != nil {
				return err
			}
			if err := killProgram(t, "postgres"); err != nil {
				return err
			}
			if err := mend(); err != nil {
				return err
			}
		}
		return nil
	}
}

// aBot is the process of one bot.
func aBot(ctx context.Context) (int, error) {
	running, err := botPods.running(ctx)
	if err != nil {
		return 0, err
	}
	for _, pod := range slices.Sorted(maps.Keys(running)) {
		return running[pod][0], nil
	}
	return 0, errors.New("no bot runs")
}

// wall drops all packets of a network namespace, which is held open: the namespace is the pod's, and outlives a bot that the kubelet
// starts again because its probes fail.
type wall struct{ namespace *os.File }

// rule does something with the wall's rule of a chain.
func (w wall) rule(verb, chain string) error {
	cmd := exec.Command("nsenter", "--net=/proc/self/fd/3", "iptables", "-w", verb, chain, "-j", "DROP")
	cmd.ExtraFiles = []*os.File{w.namespace}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s %s: %w: %s", verb, chain, err, out)
	}
	return nil
}

func (w wall) up() error { return errors.Join(w.rule("-A", "INPUT"), w.rule("-A", "OUTPUT")) }

// down takes the rules away that are there.
func (w wall) down() error {
	var problems error
	for _, chain := range []string{"INPUT", "OUTPUT"} {
		if w.rule("-C", chain) == nil {
			problems = errors.Join(problems, w.rule("-D", chain))
		}
	}
	return problems
}

func packetsDropped(t *testing.T) scenario.Fault {
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		pid, err := aBot(ctx)
		if err != nil {
			return err
		}
		namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			return err
		}
		w := wall{namespace}
		t.Cleanup(func() {
			if err := errors.Join(w.down(), namespace.Close()); err != nil {
				t.Error(err)
			}
		})
		if err := w.up(); err != nil {
			return err
		}
		t.Log("a bot's packets are dropped")
		<-time.After(20 * time.Second)
		return w.down()
	}
}

func botStopped(t *testing.T) scenario.Fault {
	return func(ctx context.Context, load scenario.Progress) error {
		if err := load.Wait(ctx, .2); err != nil {
			return err
		}
		pid, err := aBot(ctx)
		if err != nil {
			return err
		}
		process, err := os.FindProcess(pid) // by a descriptor: its number may be another's by the time it goes on
		if err != nil {
			return err
		}
		goOn := func() error {
			if err := process.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
				return err // the bot's probes may have had it killed, which is no error
			}
			return nil
		}
		t.Cleanup(func() {
			if err := errors.Join(goOn(), process.Release()); err != nil {
				t.Error(err)
			}
		})
		if err := process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		t.Log("a bot is stopped")
		<-time.After(45 * time.Second)
		return goOn()
	}
}

// TestSoak is make soak: MESSAGES of them, with kills all the way, and a report.
func TestSoak(t *testing.T) {
	messages, err := strconv.Atoi(os.Getenv("MESSAGES"))
	if err != nil || messages < 1000 {
		t.Fatal("MESSAGES must be a number of at least 1000: run it by make soak")
	}
	const each = 50 // a citizen who writes faster than sixty times a minute is told so
	plan := load.Plan{Citizens: messages / each, AtOnce: 3000, Messages: each, Ahead: 3, Patience: 10 * time.Minute}
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
