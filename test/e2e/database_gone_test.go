//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/platform"
)

func TestADatabaseThatGoesAwayAndComesBackLosesNothing(t *testing.T) {
	who, err := sim.NewCitizen(t.Context(), "", platform.Changing)
	if err != nil {
		t.Fatal(err)
	}
	postgres := func(verb ...string) {
		t.Helper()
		if out, err := exec.CommandContext(context.Background(), clusterCommand(), verb...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", verb, err, out)
		}
	}
	url := botURL(t, tenant)
	t.Cleanup(func() { postgres("up", "--postgres") })
	postgres("postgres", "--instance", "cluster", "down")
	ready := func() int {
		res, err := http.Get(url + "/hooks/wa?hub.mode=subscribe") //nolint:noctx // bounded by the server
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	eventually(t, time.Minute, func() string {
		if n := kubectl(t, "-n", tenant, "get", "deployment", "bot", "-o", "jsonpath={.status.readyReplicas}"); n != "" && n != "0" {
			return n + " bot pods call themselves ready without a database"
		}
		return ""
	})
	t.Logf("without a database the webhook answers %d", ready())
	// the platform goes on trying; the message is acknowledged once the database is back
	said := make(chan error, 1)
	go func() { said <- sim.Say(context.Background(), who, "apakah Dana Mekar Jaya itu resmi kak?") }()
	postgres("up", "--postgres")
	select {
	case err := <-said:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the message was never acknowledged after the database was back")
	}
	got, err := sim.Messages(t.Context(), who, 0, 30*time.Second)
	if err != nil || len(got) != 1 || !strings.Contains(got[0].Text, "berizin") {
		t.Fatalf("answered %v, %v", got, err)
	}
	waitReady(t, tenant, "bottenant", tenant)
}
