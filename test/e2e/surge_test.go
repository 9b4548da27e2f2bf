//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/surge"
)

func TestASurgeScalesTheDeskOutAndInAndNoConversationIsLostThoughADeskPodIsKilled(t *testing.T) {
	ctx := t.Context()
	workers := func(field string) int {
		n, _ := strconv.Atoi(kubectl(t, "-n", tenant, "get", "deployment", "desk-"+pool, "-o", "jsonpath={"+field+"}"))
		return n
	}
	eventually(t, 2*time.Minute, func() string {
		if n := workers(".spec.replicas"); n != 1 {
			return fmt.Sprintf("%d workers before the surge", n)
		}
		return ""
	})
	began := time.Now()
	if err := sim.StartSurge(ctx, surge.Plan{Citizens: 200, Over: 5 * time.Second, Ask: "petugas", Rate: "4",
		DeskURL: "http://desk-" + pool + "." + tenant + ".svc:8080/desk/" + pool + "/", Agents: 20, Password: "loket-demo-1",
		Handling: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func() string {
		if n := workers(".spec.replicas"); n < 2 {
			return fmt.Sprintf("%d workers", n)
		}
		return ""
	})
	t.Logf("the desk scales out %s after the first citizen asked", time.Since(began).Round(100*time.Millisecond))
	kill9(t, tenant, pods(t, tenant, "app.kubernetes.io/component=desk")[0], "bot-runtime")
	eventually(t, 5*time.Minute, func() string {
		p, err := sim.Surge(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Problems) > 0 {
			t.Fatal(p.Problems)
		}
		if p.SlotsMost > 4 {
			t.Fatalf("an agent held %d conversations", p.SlotsMost)
		}
		if !p.Done || p.Rated != p.Citizens {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
	eventually(t, 2*time.Minute, func() string {
		if n := workers(".spec.replicas"); n != 1 {
			return fmt.Sprintf("%d workers after the surge", n)
		}
		return ""
	})
}
