//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// counting brings the counting tenant up, with a platform of its own.
func counting(t *testing.T) control.Client {
	t.Helper()
	body, err := os.ReadFile("testdata/count.yaml")
	if err != nil {
		t.Fatal(err)
	}
	image := kubectl(t, "-n", "sim", "get", "deployment", "sim", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: count, labels: {loket.dev/tenant: 'true'}}}")
	apply(t, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: count-db-app, namespace: count}, stringData: {uri: %q}}", database(t, "count")))
	class := kubectl(t, "get", "tenantclass", "standard", "-o", "jsonpath={.spec}")
	apply(t, fmt.Sprintf(`{"apiVersion": "loket.dev/v1alpha1", "kind": "TenantClass", "metadata": {"name": "count"}, "spec": %s}`,
		strings.ReplaceAll(class, "http://sim.sim.svc", "http://sim-count.sim.svc")))
	apply(t, strings.ReplaceAll(string(body), "loket.dev/sim:demo", image))
	kubectl(t, "-n", "sim", "rollout", "restart", "deployment/sim-count") // its journal begins with this run
	kubectl(t, "-n", "sim", "rollout", "status", "deployment/sim-count", "--timeout=120s")
	waitReady(t, "count", "bottenant", "count")
	for _, channel := range []string{"wa", "wa0", "wa1", "wa2"} {
		waitReady(t, "count", "channel", channel)
	}
	kubectl(t, "-n", "count", "rollout", "status", "deployment/bot", "--timeout=120s")
	return control.Client{Base: "http://" + nodeAddress + ":30158"}
}

// processesOf finds the main processes of a pod by its UID, which stands in their cgroup's path.
func processesOf(t *testing.T, namespace, pod, program string) []int {
	t.Helper()
	pids, err := processesOfUID(kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}"), program)
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

func processesOfUID(uid, program string) ([]int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, e := range entries {
		groups, err := os.ReadFile(e)
		if err != nil || !strings.Contains(string(groups), uid) && !strings.Contains(string(groups), strings.ReplaceAll(uid, "-", "_")) {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(filepath.Dir(e), "cmdline"))
		if err != nil || !strings.HasPrefix(string(cmdline), "/"+program+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(e)))
		if err != nil {
			return nil, err
		}
		found = append(found, pid)
	}
	return found, nil
}

// kill9 ends a pod's program without a word.
func kill9(t *testing.T, namespace, pod, program string) {
	t.Helper()
	pids := processesOf(t, namespace, pod, program)
	if len(pids) == 0 {
		t.Fatalf("pod %s/%s runs no %s", namespace, pod, program)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("kill -9 of %s/%s", namespace, pod)
}

// figures are those of the bots and of the desk, whose janitors count as well, by the API server's proxy.
func figures(ctx context.Context) map[string]scenario.Figures {
	all := map[string]scenario.Figures{}
	names, err := tryKubectl(ctx, "", "-n", "count", "get", "pods", "-l", "app.kubernetes.io/component in (bot, desk)",
		"-o", "jsonpath={.items[*].metadata.name}")
	if err != nil {
		return all
	}
	for _, pod := range strings.Fields(names) {
		if text, err := tryKubectl(ctx, "", "get", "--raw", "/api/v1/namespaces/count/pods/"+pod+":8081/proxy/metrics"); err == nil {
			all[pod] = scenario.ParseFigures(text)
		}
	}
	return all
}

// countingRun is a run on the counting tenant, with everything going wrong with the platform, a little.
func countingRun(t *testing.T, plan load.Plan, fault scenario.Fault) scenario.Run {
	t.Helper()
	sim := counting(t)
	if err := sim.Handshake(t.Context()); err != nil {
		t.Fatal(err)
	}
	return scenario.Run{Sim: sim, Store: database(t, "count"), Plan: plan, Fault: fault, Figures: figures, Quiet: 3 * time.Minute, Every: 10 * time.Second,
		Faults: platform.Faults{Redeliver: 0.5, Shuffle: 0.3, Refuse: 0.02, Cut: 0.01, Forge: 0.05},
		Terms:  check.Terms{Rate: 80, Air: 3 * 64}, Log: func(format string, args ...any) { t.Logf(format, args...) }}
}

// judge runs it and has the test fail when the promise is broken.
func judge(t *testing.T, run scenario.Run) check.Report {
	t.Helper()
	report, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Fatalf("the promise is broken: %s", report)
	}
	t.Log(report)
	return report
}

// component is a program that may be killed.
type component struct{ namespace, name, program string }

var (
	botPods      = component{"count", "bot", "bot-runtime"}
	deskPods     = component{"count", "desk", "bot-runtime"}
	operatorPods = component{"loket-system", "operator", "loket"}
)

// kills are kill -9 of these programs in turn, spread over the first two thirds of the load. Every pod that runs at the beginning
// is killed. What a kill left unknown waits two minutes by the protocol, and does so while the rest of the load goes on.
func kills(t *testing.T, n int) scenario.Fault {
	victims := []component{botPods, operatorPods, botPods, deskPods}
	return func(ctx context.Context, load scenario.Progress) error {
		var rotation scenario.Rotation
		var all []string
		for _, c := range []component{botPods, operatorPods, deskPods} {
			running, err := c.running(ctx)
			if err != nil {
				return err
			}
			for pod := range running {
				all = append(all, pod)
			}
		}
		for i := range n {
			if err := load.Wait(ctx, float64(i+1)/float64(n+1)*2/3); err != nil {
				return err
			}
			if err := victims[i%len(victims)].killOne(ctx, t, &rotation); err != nil {
				return err
			}
		}
		if spared := rotation.Spared(all); len(spared) > 0 {
			return fmt.Errorf("%q were never killed in %d kills: it proves less than it says", spared, n)
		}
		return nil
	}
}

// running are the component's pods in which its program runs now, with its processes. A pod that is being taken away is none:
// what a roll-out has replaced may go on for its whole grace.
func (c component) running(ctx context.Context) (map[string][]int, error) {
	names, err := tryKubectl(ctx, "", "-n", c.namespace, "get", "pods", "-l", "app.kubernetes.io/component="+c.name,
		"--field-selector=status.phase=Running", "-o", "jsonpath={range .items[*]}{.metadata.name}/{.metadata.uid}/{.metadata.deletionTimestamp} {end}")
	if err != nil {
		return nil, err
	}
	all := map[string][]int{}
	for _, pod := range strings.Fields(names) {
		name, uid, _ := strings.Cut(pod, "/")
		uid, leaving, _ := strings.Cut(uid, "/")
		if leaving != "" {
			continue
		}
		pids, err := processesOfUID(uid, c.program)
		if err != nil {
			return nil, err
		}
		if len(pids) > 0 {
			all[name] = pids
		}
	}
	return all, nil
}

// killOne is kill -9 of the program in the pod whose turn it is. It waits where none runs yet since the last kill.
func (c component) killOne(ctx context.Context, t *testing.T, rotation *scenario.Rotation) error {
	patience, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		running, err := c.running(patience)
		if err != nil {
			return fmt.Errorf("looking for a %s to kill: %w", c.name, err)
		}
		pod := rotation.Next(slices.Sorted(maps.Keys(running)))
		killed := false
		for _, pid := range running[pod] {
			switch err := syscall.Kill(pid, syscall.SIGKILL); err {
			case nil:
				killed = true
			case syscall.ESRCH: // it has ended since we looked
			default:
				return err
			}
		}
		if killed {
			times := rotation.Struck(pod)
			t.Logf("kill -9 of %s/%s, time %d", c.namespace, pod, times)
			if times > 1 { // a new pod takes its place; one that dies often waits for minutes in the kubelet's back-off
				_, err = tryKubectl(patience, "", "-n", c.namespace, "delete", "pod", pod, "--grace-period=0", "--force")
			}
			return err
		}
		select {
		case <-patience.Done():
			return fmt.Errorf("no %s ran in %s for two minutes, or the load is over", c.name, c.namespace)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func TestEveryAcknowledgedMessageIsAnsweredOnceAndInOrderWhateverIsKilled(t *testing.T) {
	plan := load.Plan{Citizens: 500, Messages: 40, Ahead: 5, Patience: 4 * time.Minute}
	report := judge(t, countingRun(t, plan, kills(t, 12)))
	if report.Answered < plan.Total() {
		t.Fatalf("%d of %d messages were answered", report.Answered, plan.Total())
	}
}
