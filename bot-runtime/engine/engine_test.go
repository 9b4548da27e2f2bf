package engine

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMessagesAreAnsweredOnceAndInOrder(t *testing.T) {
	x := start(t)
	x.apply(counting())
	var citizens sync.WaitGroup
	for c := range 20 {
		citizens.Go(func() {
			for n := 1; n <= 10; n++ {
				p := post{ID: fmt.Sprintf("c%d-m%d", c, n), From: fmt.Sprintf("62811%03d", c), Text: fmt.Sprint(n)}
				if code := x.deliver(p); code != http.StatusOK {
					t.Errorf("%s was answered %d", p.ID, code)
				}
			}
		})
	}
	citizens.Wait()
	for c := range 20 {
		if diff := cmp.Diff(numbered(10), x.wire.said(t, fmt.Sprintf("62811%03d", c), 10)); diff != "" {
			t.Errorf("citizen %d (-want +got):\n%s", c, diff)
		}
	}
	if n := x.counter("loket_lanes_repaired_total"); n != 0 {
		t.Errorf("%v lanes were repaired", n)
	}
}

func TestAWebhookDeliveredFiveTimesIsAnsweredOnce(t *testing.T) {
	x := start(t)
	x.apply(counting())
	for range 5 {
		if code := x.deliver(post{ID: "m1", From: "62811", Text: "1"}); code != http.StatusOK {
			t.Fatalf("a repeated webhook was answered %d; anything but 200 is delivered for a week", code)
		}
	}
	x.deliver(post{ID: "m2", From: "62811", Text: "2"})
	if diff := cmp.Diff([]string{"1:1", "2:2"}, x.wire.said(t, "62811", 2)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := x.counter("loket_messages_duplicate_total"); n != 4 {
		t.Errorf("%v duplicates were counted, want 4", n)
	}
}

func TestAWebhookThatIsNotTakenLeavesNothingBehind(t *testing.T) {
	x := start(t)
	hook := func(path, body string) int {
		w := httptest.NewRecorder()
		x.hooks.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		return w.Code
	}
	message := `[{"ID":"m1","From":"62811","Text":"1"}]`
	if code := hook("/hooks/wa", message); code != http.StatusServiceUnavailable {
		t.Errorf("before the first bundle: %d, want 503: the platform shall deliver again", code)
	}
	noFlow := counting()
	noFlow.Channels[0].Spec.Flow = "elsewhere"
	x.apply(noFlow)
	if code := hook("/hooks/wa", message); code != http.StatusServiceUnavailable {
		t.Errorf("a channel whose flow never served: %d, want 503", code)
	}
	x.apply(counting())
	for name, c := range map[string]struct {
		path, body string
		want       int
	}{
		"a channel that is not there": {"/hooks/other", message, http.StatusNotFound},
		"a body over the limit":       {"/hooks/wa", strings.Repeat(" ", MaxHook+1), http.StatusRequestEntityTooLarge},
		"a malformed body":            {"/hooks/wa", `{`, http.StatusBadRequest},
	} {
		if code := hook(c.path, c.body); code != c.want {
			t.Errorf("%s: %d, want %d", name, code, c.want)
		}
	}
	if n := x.counter("loket_messages_accepted_total"); n != 0 {
		t.Errorf("%v messages were stored", n)
	}
}

func TestAMessageThatCannotBeHandledGetsAnApologyAndHoldsNobody(t *testing.T) {
	x := startOn(t, poisonous{openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))}, newWire(), nil)
	x.apply(counting())
	x.deliver(post{ID: "p", From: "62811", Text: "poison"}, post{ID: "a", From: "62811", Text: "after"}, post{ID: "o", From: "62822", Text: "1"})
	if got := x.wire.said(t, "62822", 1); got[0] != "1:1" {
		t.Errorf("another citizen got %q", got)
	}
	got := x.wire.said(t, "62811", 2)
	if strings.Contains(got[0], ":") || got[1] != "after:1" {
		t.Errorf("the poisoned conversation got %q, want an apology, then the answer to what came after", got)
	}
}

// poisonous is a store on which the step of the text "poison" panics, as a bug of ours would.
type poisonous struct{ store.Store }

func (p poisonous) Turn(ctx context.Context, k int, step func(store.Lane) (store.Outcome, error)) (int, error) {
	return p.Store.Turn(ctx, k, func(l store.Lane) (store.Outcome, error) {
		if l.Inbox[0].Body.Text == "poison" && !l.Poisoned {
			panic("nobody has thought of this")
		}
		return step(l)
	})
}

func TestASendThatWasSurelyNotTakenIsTriedAgain(t *testing.T) {
	x := start(t)
	x.apply(counting())
	tries := 0
	x.wire.verdict = func(store.Send) channel.Verdict {
		tries++
		if tries < 3 {
			return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: time.Millisecond, Code: 131000}}
		}
		return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendAccepted}}
	}
	x.deliver(post{ID: "m1", From: "62811", Text: "1"})
	x.wire.said(t, "62811", 1)
}
