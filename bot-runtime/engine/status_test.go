package engine

import (
	"context"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestEveryPodTellsTheSameOfTheTenant(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
	a := startOn(t, s, newWire(), nil)
	b := startOn(t, s, newWire(), func(o *Options) { o.PodName = "bot-1" })
	a.apply(counting())
	b.until("the other pod serves it too", func() bool { return b.Live().Hash == a.hash })
	var ofA, ofB bundle.Status
	a.until("both pods tell the same", func() bool {
		ofA, ofB = a.Status(context.Background(), ""), b.Status(context.Background(), "")
		return ofA.PodsOnApplied == 2 && ofA.ETag == ofB.ETag
	})
	if ofA.Applied != a.hash || ofA.Desired != a.hash || ofA.Pods != 2 || ofA.Durability != string(store.DurabilitySingleNode) {
		t.Errorf("status %+v", ofA)
	}
	if ofA.PromiseSeconds != bundle.PromiseIdle.Seconds() {
		t.Errorf("an idle tenant promised news within %v s", ofA.PromiseSeconds)
	}
	if diff := cmp.Diff([]bundle.Health{{Channel: "wa", OK: true}}, ofA.Channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	b.end()
	if pods, err := s.Pods(context.Background()); err != nil || len(pods) != 1 || pods[0].Name != "bot-0" {
		t.Errorf("after one pod has ended, %v are counted (%v)", pods, err)
	}
}

func TestABrokenObjectKeepsItsLastGoodRevisionAndTheOthersGoLive(t *testing.T) {
	x := start(t)
	first := counting()
	first.Flows[0].Generation = 1
	x.apply(first)
	edit := counting()
	edit.Flows[0].Spec.Nodes[0].Next = "nowhere"
	edit.Flows[0].Generation = 2
	other := questions("neu", "city").Flows[0]
	edit.Flows = append(edit.Flows, other)
	x.apply(edit)
	x.deliver(post{ID: "m1", From: "62811", Text: "1"})
	if got := x.wire.said(t, "62811", 1); got[0] != "1:1" {
		t.Errorf("the last good revision answered %q", got)
	}
	if x.Live().Flows["q"] == nil {
		t.Error("the other flow, which is good, did not go live")
	}
	for _, v := range x.Status(context.Background(), "").Verdicts {
		if v.Kind == bundle.KindDialogFlow && v.Name == "count" {
			if v.Good || len(v.Findings) == 0 || v.Generation != 2 || v.LiveGeneration != 1 {
				t.Errorf("verdict %+v", v)
			}
		}
	}
}

func TestTheLongPollAnswersAtOnceWhenAPoolWakesUp(t *testing.T) {
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), func(o *Options) {
		o.Roles = Roles{Bot: true, Desk: true}
		o.Route = func(context.Context, string, *judge.Pool) (int, error) { return 0, nil }
	})
	x.apply(counterFlow())
	known := x.Status(context.Background(), "")
	x.until("the pod's own row is on the board", func() bool { known = x.Status(context.Background(), ""); return known.PodsOnApplied == 1 })
	news := make(chan bundle.Status)
	go func() { news <- x.Status(context.Background(), known.ETag) }()
	x.until("somebody watches", x.status.watched)
	if code := x.deliver(post{ID: "m1", From: "62811", Text: "tolong"}); code != http.StatusOK {
		t.Fatal(code)
	}
	select {
	case s := <-news:
		if len(s.Pools) != 1 || s.Pools[0].WaitingForWorker+s.Pools[0].WaitingForAgent != 1 || s.Pools[0].Arrived != 1 {
			t.Errorf("pools %+v", s.Pools)
		}
		if s.PromiseSeconds != bundle.PromiseBusy.Seconds() {
			t.Errorf("with somebody waiting the next news was promised within %v s", s.PromiseSeconds)
		}
	case <-time.After(patience):
		t.Fatal("the long poll slept on")
	}
}

// failing is a store that can be taken away and given back.
type failing struct {
	store.Store
	down atomic.Bool
}

func (f *failing) err() error {
	if f.down.Load() {
		return store.ErrUnavailable
	}
	return nil
}

func (f *failing) Accept(ctx context.Context, b store.Batch) (store.Accepted, error) {
	if err := f.err(); err != nil {
		return store.Accepted{}, err
	}
	return f.Store.Accept(ctx, b)
}

func (f *failing) Poll(ctx context.Context, in store.PollRequest) (store.Due, error) {
	if err := f.err(); err != nil {
		return store.Due{}, err
	}
	return f.Store.Poll(ctx, in)
}

func (f *failing) Turn(ctx context.Context, k int, step func(store.Lane) (store.Outcome, error)) (int, error) {
	if err := f.err(); err != nil {
		return 0, err
	}
	return f.Store.Turn(ctx, k, step)
}

func (f *failing) ClaimSends(ctx context.Context, channels []string, k int, lease time.Duration, rate int) ([]store.Send, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.ClaimSends(ctx, channels, k, lease, rate)
}

func (f *failing) Pods(ctx context.Context) ([]store.Pod, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Pods(ctx)
}

func TestWhileTheDatabaseIsAwayNothingIsAcknowledgedAndItMendsItself(t *testing.T) {
	s := &failing{Store: openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))}
	x := startOn(t, s, newWire(), nil)
	x.apply(counting())
	x.until("it is ready", func() bool { return x.Ready() == nil })
	s.down.Store(true)
	if code := x.deliver(post{ID: "m1", From: "62811", Text: "1"}); code != http.StatusServiceUnavailable {
		t.Fatalf("without a database the webhook was answered %d", code)
	}
	x.until("it is not ready", func() bool { return x.Ready() != nil })
	x.until("the status says why", func() bool {
		now := x.Status(context.Background(), "")
		return now.StoreError != "" && now.Applied == x.hash
	})
	s.down.Store(false)
	x.until("it is ready again by itself", func() bool { return x.Ready() == nil })
	if code := x.deliver(post{ID: "m1", From: "62811", Text: "1"}); code != http.StatusOK {
		t.Fatalf("the re-delivery was answered %d", code)
	}
	if got := x.wire.said(t, "62811", 1); got[0] != "1:1" {
		t.Errorf("got %q", got)
	}
}

// full reads well and takes no webhook and no heartbeat, as a database on a full disk does.
type full struct {
	store.Store
	is atomic.Bool
}

func (f *full) Accept(ctx context.Context, b store.Batch) (store.Accepted, error) {
	if f.is.Load() {
		return store.Accepted{}, store.ErrUnavailable
	}
	return f.Store.Accept(ctx, b)
}

func (f *full) Heartbeat(ctx context.Context, p store.Pod, sweep time.Duration) (bool, error) {
	if f.is.Load() {
		return false, store.ErrUnavailable
	}
	return f.Store.Heartbeat(ctx, p, sweep)
}

func TestADatabaseThatReadsButDoesNotWriteIsNotReady(t *testing.T) {
	s := &full{Store: openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))}
	x := startOn(t, s, newWire(), nil)
	x.apply(counting())
	x.until("it is ready", func() bool { return x.Ready() == nil })
	s.is.Store(true)
	if code := x.deliver(post{ID: "m1", From: "62811", Text: "1"}); code != http.StatusServiceUnavailable {
		t.Fatalf("on a full disk the webhook was answered %d", code)
	}
	if x.Ready() == nil {
		t.Error("it takes no webhook and says that it is ready")
	}
	s.is.Store(false)
	x.until("it is ready again by itself", func() bool { return x.Ready() == nil })
}
