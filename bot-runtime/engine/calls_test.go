package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestWhatACitizenWritesWhileAServiceIsAskedIsAnsweredAfterwardsInOrder(t *testing.T) {
	release, begun := make(chan struct{}), make(chan dialog.CallRequest, 10)
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), func(o *Options) {
		o.Call = func(_ context.Context, call store.ClaimedCall) ([]byte, error) {
			var r dialog.CallRequest
			if err := json.Unmarshal(call.Request, &r); err != nil {
				t.Error(err)
			}
			begun <- r
			<-release
			return []byte(`{"outcome":"answered","status":200}`), nil
		}
	})
	x.apply(ringing())
	for i := range 3 {
		if code := x.deliver(post{ID: numbered(3)[i], From: "1", Text: numbered(3)[i][:1]}); code != http.StatusOK {
			t.Fatal(code)
		}
		if i == 0 {
			if r := <-begun; r.URL != "https://service.example/1" || r.Method != http.MethodPost {
				t.Errorf("called %+v", r)
			}
		}
	}
	if got := x.wire.said(t, "1", 0); len(got) != 0 {
		t.Errorf("before the service answers, the citizen is told %q", got)
	}
	close(release)
	if diff := cmp.Diff(numbered(3), x.wire.said(t, "1", 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPersonIsReachedWhileAServiceIsAskedAndItsAnswerIsVoid(t *testing.T) {
	o := counterFlow()
	flow := &o.Flows[0]
	flow.Spec.Start = "ring"
	flow.Spec.Triggers = []v1alpha1.Trigger{{Name: "person", Words: v1alpha1.Words{"id": {"petugas"}}, Next: "person"}}
	flow.Spec.Nodes = append(flow.Spec.Nodes, v1alpha1.Node{Name: "ring", Next: "done", Call: &v1alpha1.Call{URL: "https://service.example/", Otherwise: "done"}})
	release := make(chan struct{})
	var calls atomic.Int64
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), func(o *Options) {
		o.Call = func(context.Context, store.ClaimedCall) ([]byte, error) {
			calls.Add(1)
			<-release
			return []byte(`{"outcome":"answered","status":200}`), nil
		}
	})
	x.apply(o)
	x.deliver(post{ID: "a", From: "1", Text: "halo"})
	x.until("the service is called", func() bool { return calls.Load() == 1 })
	x.deliver(post{ID: "b", From: "1", Text: "ada orang?"})
	x.deliver(post{ID: "c", From: "1", Text: "petugas"})
	if got := x.wire.said(t, "1", 1); !slices.Equal(got, []string{"Sebentar."}) {
		t.Errorf("the citizen was told %q", got)
	}
	close(release)
	x.until("nothing is left to do", func() bool {
		due, err := x.store.Poll(t.Context(), store.PollRequest{Channels: []string{"wa"}})
		return err == nil && due.Lanes+due.Calls+due.CallsOver+due.Sends == 0 && due.NextAt.IsZero()
	})
	if got := x.wire.said(t, "1", 1); len(got) != 1 {
		t.Errorf("the late answer was told, too: %q", got)
	}
}
