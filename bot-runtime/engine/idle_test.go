package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// quietStore has nothing to do, and counts how often it is asked.
type quietStore struct {
	store.Store
	mu    sync.Mutex
	asked map[string]int
	swept time.Time
	lanes int // that are due, for twelve seconds
}

func (q *quietStore) note(act string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked[act]++
}

func (q *quietStore) Poll(context.Context, store.PollRequest) (store.Due, error) {
	q.note("Poll")
	q.mu.Lock()
	defer q.mu.Unlock()
	due := store.Due{Now: time.Now(), DeskSeq: 7, Lanes: q.lanes}
	if q.lanes > 0 {
		due.OldestLane = due.Now.Add(-12 * time.Second)
	}
	return due, nil
}

func (q *quietStore) CurrentBundle(context.Context) (store.StoredBundle, error) {
	q.note("CurrentBundle")
	return store.StoredBundle{}, store.ErrNotFound
}

func (q *quietStore) Turn(context.Context, int, func(store.Lane) (store.Outcome, error)) (int, error) {
	q.note("Turn")
	return 0, nil
}

func (q *quietStore) ResolveUnknown(context.Context, time.Duration, time.Duration, []string) (int, error) {
	q.note("ResolveUnknown")
	return 0, nil
}

func (q *quietStore) Heartbeat(_ context.Context, _ store.Pod, every time.Duration) (bool, error) {
	q.note("Heartbeat")
	q.mu.Lock()
	defer q.mu.Unlock()
	turn := time.Since(q.swept) >= every
	if turn {
		q.swept = time.Now()
	}
	return turn, nil
}

func (q *quietStore) Farewell(context.Context, string) error { q.note("Farewell"); return nil }

func (q *quietStore) Janitor(context.Context, time.Duration) (store.JanitorReport, error) {
	q.note("Janitor")
	return store.JanitorReport{}, nil
}

func (q *quietStore) Pods(context.Context) ([]store.Pod, error) { q.note("Pods"); return nil, nil }

func (q *quietStore) PoolCounts(context.Context) ([]store.PoolCount, error) {
	q.note("PoolCounts")
	return nil, nil
}

func (q *quietStore) Unsettled(context.Context, time.Duration) (map[string]time.Time, error) {
	q.note("Unsettled")
	return nil, nil
}

func (q *quietStore) Durability(context.Context) (store.Durability, error) {
	q.note("Durability")
	return store.DurabilitySingleNode, nil
}

// A thousand tenants share database servers: an idle one may ask once a second at most, even while the operator's long poll
// watches it.
func TestAnIdleTenantAsksItsDatabaseLessThanOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quietStore{asked: map[string]int{}}
		var all sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for _, name := range []string{"bot-0", "bot-1", "desk-0"} {
			e := New(Options{Store: q, Roles: Roles{Bot: name != "desk-0", Desk: name == "desk-0"}, PodName: name, Log: logr.Discard(),
				Route: func(context.Context, string, *judge.Pool) (int, error) { return 0, nil }})
			all.Go(func() { e.Run(ctx) })
			if name == "bot-0" {
				all.Go(func() {
					for ctx.Err() == nil {
						since := e.Status(ctx, "").ETag
						began := time.Now()
						if e.Status(ctx, since); ctx.Err() == nil && time.Since(began) != bundle.PromiseIdle {
							t.Errorf("nothing happened, and the long poll came back after %s, not %s", time.Since(began), bundle.PromiseIdle)
						}
					}
				})
			}
		}
		time.Sleep(time.Minute) // the bubble's clock: starts are over
		q.mu.Lock()
		clear(q.asked)
		q.mu.Unlock()
		const minutes = 10
		time.Sleep(minutes * time.Minute)
		cancel()
		all.Wait()
		sum := 0
		for _, n := range q.asked {
			sum += n
		}
		if n := q.asked["Janitor"]; n > minutes {
			t.Errorf("the tenant was swept %d times in %d minutes", n, minutes)
		}
		if sum > minutes*60 {
			t.Errorf("%d queries in %d minutes: %v", sum, minutes, q.asked)
		}
		t.Logf("%.2f queries a second of three pods, one of them watched: %v", float64(sum)/minutes/60, q.asked)
	})
}

// The operator adds pods to a bot that cannot keep up, and must hear of it while nothing else happens. Two conversations that are
// just being stepped are no news.
func TestTheOperatorHearsAtOnceThatMoreWaitsForTheBotThanAMomentsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quietStore{asked: map[string]int{}}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		e := New(Options{Store: q, Roles: Roles{Bot: true}, PodName: "bot-0", Log: logr.Discard()})
		all.Go(func() { e.Run(ctx) })
		time.Sleep(time.Minute)
		since := e.Status(ctx, "").ETag
		q.mu.Lock()
		q.lanes = 40
		q.mu.Unlock()
		e.wakeHeart.raise() // as the database's word of new messages does
		began := time.Now()
		s := e.Status(ctx, since)
		if waited := time.Since(began); waited > 10*time.Second {
			t.Errorf("the operator heard of it after %s", waited)
		}
		if s.Inbox == nil || s.Inbox.Due != 40 || s.Inbox.Oldest < 12 || s.Inbox.Oldest > 14 || s.PromiseSeconds != bundle.PromiseBusy.Seconds() {
			t.Errorf("the status says %+v and promises the next word within %g s", s.Inbox, s.PromiseSeconds)
		}
		cancel()
		all.Wait()
	})
	few, many := bundle.Status{Inbox: &bundle.Inbox{}}, bundle.Status{Inbox: &bundle.Inbox{Due: 41, Oldest: 3}}
	if again := (bundle.Status{Inbox: &bundle.Inbox{Due: 2, Oldest: 0.3}}); etag(few) != etag(again) {
		t.Error("two conversations that are being stepped are news")
	}
	if again := (bundle.Status{Inbox: &bundle.Inbox{Due: 44, Oldest: 3.9}}); etag(many) != etag(again) || etag(many) == etag(few) {
		t.Error("it is news by single conversations, or none at all")
	}
}
