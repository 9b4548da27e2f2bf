package engine

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// quickly is DefaultTiming in small, with the same order of its parts.
var quickly = Timing{Lease: 400 * time.Millisecond, Call: 100 * time.Millisecond, UnknownWait: 150 * time.Millisecond,
	UnknownQuiet: 600 * time.Millisecond, CallSlack: 100 * time.Millisecond}

// TestWhateverStepGoesWrongEveryMessageIsAnsweredOnceAndInOrder lets two citizens write three messages each, and has each point of
// the path go wrong in turn: each statement of each transaction of the pod, before and after its commit. A pod that died is
// replaced. The platform delivers again until it has its 200, and echoes what it took.
//
// The acts are the same on both engines; on PostgreSQL, where a run costs ten times as much, it is every fifth point. With the
// race detector it is every tenth on SQLite alone; make test-go runs the whole once more without.
func TestWhateverStepGoesWrongEveryMessageIsAnsweredOnceAndInOrder(t *testing.T) {
	enumerateAll(t, counting, 1)
}

// TestWhateverStepGoesWrongAServiceIsCalledOnceAndTheMessagesThatWaitAreAnswered is the same for a flow that asks an outside
// service at every message, at every third of those points.
func TestWhateverStepGoesWrongAServiceIsCalledOnceAndTheMessagesThatWaitAreAnswered(t *testing.T) {
	enumerateAll(t, ringing, 3)
}

func enumerateAll(t *testing.T, objects func() bundle.Objects, every int) {
	for engine, on := range map[string]struct {
		open        func(testing.TB) database
		lanes, step int
	}{
		"sqlite":   {func(t testing.TB) database { return openSQLite(t, filepath.Join(t.TempDir(), "loket.db")).(database) }, 4, 1},
		"postgres": {func(t testing.TB) database { return openPostgres(t).(database) }, 2, 5},
	} {
		on.step *= every
		if underRace {
			if engine == "postgres" {
				continue
			}
			on.step *= 10
		}
		for first, kind := range []fault{dies, cut, refused} {
			t.Run(engine+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				enumerate(t, on.open, objects, kind, on.lanes, min(int64(1+first), int64(on.step)), int64(on.step))
			})
		}
	}
}

// enumerate runs the scenario for each step-th point until one run ends before its point has come; lanes run side by side, each on
// a database of its own, since most of their time is waiting.
func enumerate(t *testing.T, open func(testing.TB) database, objects func() bundle.Objects, kind fault, lanes int, first, step int64) {
	var next, runs atomic.Int64
	next.Store(first - step)
	var over atomic.Bool
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			s := &scenario{TB: t, db: open(t), objects: objects}
			s.prepare()
			for !over.Load() && !t.Failed() {
				at := next.Add(step)
				if !s.run(kind, at) {
					over.Store(true) // the path is shorter
				}
				runs.Add(1)
			}
		})
	}
	all.Wait()
	if n := runs.Load(); n*step < 100 {
		t.Errorf("only %d points: the path is not what it was", n)
	} else {
		t.Logf("%d points", n)
	}
}

// scenario is one database with a live bundle, through many runs.
type scenario struct {
	testing.TB
	db      database
	objects func() bundle.Objects
	runs    int
}

func (s *scenario) prepare() {
	s.Helper()
	x := startOn(s.TB, s.db, newWire(), func(o *Options) { o.Timing = quickly })
	x.apply(s.objects())
	x.end()
}

// run is one fault; it says whether the fault has happened. Citizens are new in each.
func (s *scenario) run(kind fault, at int64) bool {
	s.runs++
	w := newWire()
	p := &pods{scenario: s, wire: w, called: map[string]int{}}
	w.verdict = p.platform
	faulty := withFault(s.db, kind, at)
	p.start(faulty)
	defer p.end()
	a, b := fmt.Sprintf("62%06da", s.runs), fmt.Sprintf("62%06db", s.runs)
	says := func(who string, n int) post { return post{ID: fmt.Sprint(who, n), From: who, Text: fmt.Sprint(n)} }
	p.deliver(says(a, 1), says(b, 1))
	p.deliver(says(a, 2), says(b, 2), says(a, 3), says(b, 3))
	where := fmt.Sprintf("%s at point %d", kind, at)
	p.until(where+": all is answered and nothing is left to do", func() bool {
		if len(w.texts(a)) < 3 || len(w.texts(b)) < 3 {
			return false
		}
		due, err := s.db.Poll(context.Background(), store.PollRequest{Channels: []string{"wa"}})
		return err == nil && due.Lanes+due.Calls+due.CallsOver+due.Sends+due.Statuses+due.Unknown == 0 && due.NextAt.IsZero()
	})
	for _, who := range []string{a, b} {
		if diff := cmp.Diff(numbered(3), w.texts(who)); diff != "" {
			s.Errorf("%s: %s was told (-want +got):\n%s", where, who, diff)
		}
	}
	for id, n := range p.called {
		if n > 1 {
			s.Errorf("%s: call %s was made %d times", where, id, n)
		}
	}
	if found, err := s.db.Janitor(context.Background(), 1000*time.Hour); err != nil || found.RepairedLanes != 0 {
		s.Errorf("%s: the janitor repaired %d lanes (%v)", where, found.RepairedLanes, err)
	}
	return faulty.faults.happened.Load()
}

// pods is the pod that serves now, and the platform that calls it.
type pods struct {
	*scenario
	wire *wire
	mu   sync.Mutex
	now  *tenantUnderTest
	old  []*tenantUnderTest
	last *faultyStore
	echo sync.WaitGroup

	ringing sync.Mutex
	called  map[string]int // calls made, by id
}

// service answers every call, and keeps count.
func (p *pods) service(_ context.Context, call store.ClaimedCall) ([]byte, error) {
	p.ringing.Lock()
	defer p.ringing.Unlock()
	p.called[call.ID]++
	return []byte(`{"outcome":"answered","status":200}`), nil
}

func (p *pods) start(on store.Store) {
	p.last, _ = on.(*faultyStore)
	p.now = startOn(p.TB, on, p.wire, func(o *Options) {
		o.Timing, o.PodName, o.Call = quickly, fmt.Sprintf("bot-%d", len(p.old)), p.service
	})
	p.old = append(p.old, p.now)
}

// pod is the one that serves; one that has died is replaced.
func (p *pods) pod() *tenantUnderTest {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && p.last.faults.dead.Load() {
		p.start(p.db)
	}
	return p.now
}

// deliver delivers until it is acknowledged, as a platform does.
func (p *pods) deliver(posts ...post) {
	p.until("the webhook is acknowledged", func() bool { return p.pod().deliver(posts...) == http.StatusOK })
}

// until is tenantUnderTest.until, whatever becomes of the pod.
func (p *pods) until(what string, holds func() bool) {
	deadline := time.Now().Add(patience)
	for !holds() {
		p.pod()
		if time.Now().After(deadline) {
			due, err := p.db.Poll(context.Background(), store.PollRequest{Channels: []string{"wa"}})
			p.Errorf("waited in vain until %s; due: %+v %v", what, due, err)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// platform takes every message, and tells of it in a status that bears our id.
func (p *pods) platform(send store.Send) channel.Verdict {
	p.echo.Go(func() {
		status := store.Status{Channel: send.Channel, Ref: send.ID, ExternalID: "x" + send.ID, Delivery: message.DeliverySent, At: time.Now()}
		p.until("the status is acknowledged", func() bool {
			return p.pod().committer.Accept(store.Batch{Statuses: []store.Status{status}}) == nil
		})
	})
	return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + send.ID}}
}

func (p *pods) end() {
	p.echo.Wait()
	for _, x := range p.old {
		x.end()
	}
}

// texts are those that a citizen has been handed.
func (w *wire) texts(citizen string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var texts []string
	for h := range slices.Values(w.handed) {
		if h.Citizen == citizen {
			texts = append(texts, h.Text)
		}
	}
	return texts
}
