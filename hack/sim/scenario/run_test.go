package scenario_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store/sqlite"
	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
	"github.com/loket-dev/loket/hack/sim/scenario"
)

// unanswered is a run of two citizens on an empty store, whose messages are acknowledged and never answered. They wait as long as
// the patience.
func unanswered(t *testing.T, patience time.Duration) scenario.Run {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, "loket.db")
	s, err := sqlite.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bot := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	j, err := journal.Open(filepath.Join(dir, "journal.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	p := platform.New(platform.Options{Account: platform.Account{PhoneNumberID: "1", Webhook: bot.URL}, Journal: j})
	ctx, end := context.WithCancel(context.Background())
	sim := httptest.NewServer(control.New(ctx, p, filepath.Join(dir, "journal.jsonl")))
	t.Cleanup(func() {
		end()
		sim.Close()
		p.Close()
		bot.Close()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return scenario.Run{Sim: control.Client{Base: sim.URL}, Store: at, Plan: load.Plan{Citizens: 2, Messages: 1, Patience: patience}}
}

// Each is a fault that did not do what the scenario promises: the run must end with its error, and at once.
func TestARunWhoseFaultDidNotStrikeIsNoProof(t *testing.T) {
	for name, c := range map[string]struct {
		patience time.Duration
		fault    scenario.Fault
		want     string
	}{
		"a fault that fails ends the run while citizens would wait for an hour more": {time.Hour,
			func(context.Context, scenario.Progress) error { return errors.New("no such process") }, "the fault: no such process"},
		"a fault whose goroutine ends, as by t.Fatal, ends it too": {time.Hour,
			func(context.Context, scenario.Progress) error { runtime.Goexit(); return nil }, "it ended its goroutine"},
		"a load that ends before the share is reached": {50 * time.Millisecond,
			func(ctx context.Context, load scenario.Progress) error { return load.Wait(ctx, .5) }, scenario.ErrOver.Error()},
		"a load that ends while the first blow still lasts": {50 * time.Millisecond,
			func(ctx context.Context, load scenario.Progress) error {
				<-ctx.Done()
				return load.Wait(ctx, 0) // reached long ago
			}, "waiting for 0 % of the answers: " + scenario.ErrOver.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			run := unanswered(t, c.patience)
			run.Fault = c.fault
			_, err := run.Do(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestARunThatNobodyCouldLookAtIsNoProof(t *testing.T) {
	run := unanswered(t, 50*time.Millisecond)
	run.Figures = func(context.Context) map[string]scenario.Figures { return nil }
	if _, err := run.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "no pod told its figures") {
		t.Error(err)
	}
}

// The same without a fault is judged, and found wanting: nothing was answered.
func TestACalmRunIsJudged(t *testing.T) {
	report, err := unanswered(t, 50*time.Millisecond).Do(t.Context())
	if err != nil || report.OK() || report.Acknowledged != 2 {
		t.Errorf("%s, %v", report, err)
	}
}
