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
	"github.com/loket-dev/loket/bot-runtime/bundle"
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

// interrupting asks a service at once; its triggers return, and one of them asks a service, too.
func interrupting() bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{Start: "ring", Variables: []v1alpha1.VariableDeclaration{{Name: "x", Type: "string"}},
		Triggers: []v1alpha1.Trigger{
			{Name: "sent", Words: v1alpha1.Words{"id": {"sudah transfer"}}, Next: "aid", Returns: true},
			{Name: "much", Words: v1alpha1.Words{"id": {"berapa"}}, Next: "much", Returns: true}},
		Nodes: []v1alpha1.Node{
			{Name: "ring", Next: "done", Call: &v1alpha1.Call{URL: "https://service.example/first", Otherwise: "broken"}},
			{Name: "aid", Next: "back", Say: &v1alpha1.Say{Text: v1alpha1.Text{"id": "Hubungi bank."}}},
			{Name: "much", Next: "second", Ask: &v1alpha1.Ask{As: "x", Type: "text", Text: v1alpha1.Text{"id": "Berapa?"}}},
			{Name: "second", Next: "back", Call: &v1alpha1.Call{URL: "https://service.example/second", Otherwise: "back"}},
			{Name: "back", End: &v1alpha1.End{}},
			{Name: "broken", End: &v1alpha1.End{Text: v1alpha1.Text{"id": "Gagal."}}},
			{Name: "done", End: &v1alpha1.End{Text: v1alpha1.Text{"id": "Selesai."}}},
		}}}
	flow.Name = "interrupting"
	return tenantWith(flow)
}

func TestATriggerThatReturnsLeavesTheCallUnderWay(t *testing.T) {
	release := make(chan struct{})
	var calls atomic.Int64
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), func(o *Options) {
		o.Call = func(context.Context, store.ClaimedCall) ([]byte, error) {
			calls.Add(1)
			<-release
			return []byte(`{"outcome":"answered","status":200}`), nil
		}
	})
	x.apply(interrupting())
	x.deliver(post{ID: "a", From: "1", Text: "halo"})
	x.until("the service is called", func() bool { return calls.Load() == 1 })
	x.deliver(post{ID: "b", From: "1", Text: "saya sudah transfer"})
	x.wire.said(t, "1", 1)
	close(release)
	if got := x.wire.said(t, "1", 2); !slices.Equal(got, []string{"Hubungi bank.", "Selesai."}) {
		t.Errorf("the citizen was told %q", got)
	}
}

// An outcome holds one call: what a citizen writes after an interruption waits a turn, or the first call would never be made.
func TestTwoCallsOfOneConversationAreBothAsked(t *testing.T) {
	x := newTalk(t, interrupting())
	out := x.step(says("halo"), says("berapa"), says("5"))
	x.want(out, "Berapa?")
	if out.Call == nil || len(out.Handled) != 2 {
		t.Fatalf("%+v", out)
	}
	first := out.Call.Generation
	out = x.step(says("5"))
	if out.Call == nil || out.Uncall || out.Call.Generation == first {
		t.Fatalf("%+v", out)
	}
	answer := func(generation int64) store.Item {
		return store.Item{Kind: store.ItemAnswer, Generation: generation, Answer: []byte(`{"outcome":"answered","status":200}`)}
	}
	x.want(x.step(answer(first), answer(out.Call.Generation)), "Selesai.")
}

func TestAnAnswerThatComesWhileAPersonSpeaksIsKept(t *testing.T) {
	o := interrupting()
	spec := &o.Flows[0].Spec
	spec.Triggers[0].Next = "person"
	spec.Nodes[1] = v1alpha1.Node{Name: "person", Next: "back", Handoff: &v1alpha1.Handoff{Pool: "centre", Text: v1alpha1.Text{"id": "Sebentar."}}}
	o.Pools = counterFlow().Pools
	x := newTalk(t, o)
	first := x.step(says("halo")).Call.Generation
	x.want(x.step(says("sudah transfer")), "Sebentar.")
	x.want(x.step(store.Item{Kind: store.ItemAnswer, Generation: first, Answer: []byte(`{"outcome":"answered","status":200}`)}))
	x.lane.Conversation.Owner = store.OwnerBot // the store's close has done so
	x.want(x.step(store.Item{Kind: store.ItemClosed, Pool: "centre", Agent: "siti"}), "Selesai.")
}
