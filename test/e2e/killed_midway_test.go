//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
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
	kubectl(t, "-n", "sim", "rollout", "status", "deployment/sim-count", "--timeout=120s")
	waitReady(t, "count", "bottenant", "count")
	waitReady(t, "count", "channel", "wa")
	kubectl(t, "-n", "count", "rollout", "status", "deployment/bot", "--timeout=120s")
	return control.Client{Base: "http://" + nodeAddress + ":30158"}
}

// processesOf finds the main processes of a pod by its UID, which stands in their cgroup's path.
func processesOf(t *testing.T, namespace, pod, program string) []int {
	t.Helper()
	uid := kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}")
	entries, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
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
			t.Fatal(err)
		}
		found = append(found, pid)
	}
	return found
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

func TestEveryAcknowledgedMessageIsAnsweredOnceAndInOrderWhateverIsKilled(t *testing.T) {
	count := counting(t)
	ctx := t.Context()
	if err := count.Handshake(ctx); err != nil {
		t.Fatal(err)
	}
	if err := count.Faults(ctx, platform.Faults{Redeliver: 0.5, Shuffle: 0.3, Refuse: 0.02}); err != nil {
		t.Fatal(err)
	}
	plan := load.Plan{Citizens: 100, Messages: 24, Patience: 3 * time.Minute}
	if err := count.StartLoad(ctx, plan); err != nil {
		t.Fatal(err)
	}
	answered := func() int {
		report, err := count.Check(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return report.Answered
	}
	total := plan.Citizens * plan.Messages
	for share, victim := range []func(){
		func() { kill9(t, "count", pods(t, "count", "app.kubernetes.io/component=bot")[0], "bot-runtime") },
		func() {
			kill9(t, "loket-system", pods(t, "loket-system", "app.kubernetes.io/component=operator")[0], "loket")
		},
		func() { kill9(t, "count", pods(t, "count", "app.kubernetes.io/component=bot")[1], "bot-runtime") },
	} {
		eventually(t, 4*time.Minute, func() string {
			if n := answered(); n < total*(share+1)/5 {
				return fmt.Sprintf("%d of %d answered", n, total)
			}
			return ""
		})
		victim()
	}
	eventually(t, 5*time.Minute, func() string {
		state, err := count.Load(ctx, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if state.Problem != "" {
			t.Error(state.Problem)
		}
		if !state.Done {
			return fmt.Sprintf("%d of %d answered", answered(), total)
		}
		return ""
	})
	report, err := count.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	if !report.OK() || report.Answered != total || report.Acknowledged != total {
		t.Fatalf("the promise is broken: %s", report)
	}
}
