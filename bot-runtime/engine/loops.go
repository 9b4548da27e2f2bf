package engine

import (
	"context"
	"errors"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// The combined poll's pace. While work is done it looks again at once; an idle pod asks one query in five seconds.
const (
	pollSoonest = 50 * time.Millisecond
	pollLatest  = 5 * time.Second
	// pollPeople is the longest wait while people talk at the desk: an agent's reply comes from another pod, which cannot
	// wake this one.
	pollPeople = 250 * time.Millisecond
	// countEvery is how old the pools' backlog may be for a hand-off that asks whether a queue is full.
	countEvery = 2 * time.Second
	// resolveEvery bounds how often unknown sends are looked at.
	resolveEvery = time.Second
	// deskQuietAfter is how long after the last desk event people are taken to be gone.
	deskQuietAfter = 10 * time.Minute
)

// signal wakes one loop. Raising it twice before the loop looks is as good as once.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// loop runs work whenever woken, until it has nothing left to do. An error backs off and is tried again: the poll, which
// sees that the work still waits, is what correctness rests on.
func (e *Engine) loop(wake signal, act string, work func(context.Context) (int, error)) {
	for {
		select {
		case <-e.stop:
			return
		case <-wake:
		}
		for wait := pollSoonest; !e.stopping(); {
			n, err := work(e.acts)
			if err != nil {
				if e.acts.Err() == nil {
					e.report.failed(act, err)
				}
				if !e.rest(wait) {
					return
				}
				wait = min(2*wait, pollLatest)
				continue
			}
			if n == 0 {
				break
			}
			wait = pollSoonest
			e.progressed()
		}
	}
}

// rest waits, or returns false when the engine stops.
func (e *Engine) rest(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.stop:
		return false
	}
}

func (e *Engine) stopping() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// progressed notes that something was done, so that the next look comes soon.
func (e *Engine) progressed() { e.done.Add(1) }

// poll asks the store what is due, and wakes the loops that care. It is the only query of an idle pod.
func (e *Engine) poll() {
	var (
		wait    = pollSoonest
		seen    int64 // of e.done
		deskSeq int64
		looked  bool
		counted time.Time
	)
	for {
		t := time.NewTimer(wait)
		select {
		case <-e.stop:
			t.Stop()
			return
		case <-e.pollNow:
			t.Stop()
		case <-t.C:
		}
		due, err := e.store.Poll(e.acts, e.pollRequest())
		e.heard(err)
		if err != nil {
			if e.acts.Err() == nil {
				e.report.failed("Poll", err)
			}
			wait = min(max(2*wait, 4*pollSoonest), pollLatest)
			continue
		}
		e.ahead.Store(int64(due.Now.Sub(e.now())))
		e.report.looked(due)
		if due.DeskSeq != deskSeq {
			if looked { // the first look says nothing of when
				e.deskAt.Store(e.now().UnixNano())
			}
			deskSeq = due.DeskSeq
			e.tellDesk()
			e.status.stale()
		}
		looked = true
		e.dispatch(due)
		if e.roles.Bot && e.peopleAround() && e.now().Sub(counted) > countEvery {
			counted = e.now()
			e.count()
		}
		if done := e.done.Load(); done != seen {
			seen, wait = done, pollSoonest
			continue
		}
		wait = min(2*wait, pollLatest)
		if e.peopleAround() {
			wait = min(wait, pollPeople)
		}
		if !due.NextAt.IsZero() {
			wait = min(wait, max(due.NextAt.Sub(due.Now), pollSoonest))
		}
	}
}

// count refreshes what is known of the pools' backlog.
func (e *Engine) count() {
	counts, err := e.store.PoolCounts(e.acts)
	if err != nil {
		e.report.failed("PoolCounts", err)
		return
	}
	e.counted(counts)
}

// dispatch wakes the loops whose work waits.
func (e *Engine) dispatch(due store.Due) {
	if due.BundleVersion != e.sawBundle.Load() {
		e.wakeConfig.raise()
	}
	inbox := &bundle.Inbox{Due: due.Lanes}
	if due.Lanes > 0 && !due.OldestLane.IsZero() {
		inbox.Oldest = max(0, due.Now.Sub(due.OldestLane).Seconds())
	}
	if e.inbox.Store(inbox); inbox.Waits() { // the operator may want more pods
		e.status.rouse()
	}
	if e.roles.Bot {
		wakeIf(due.Lanes > 0, e.wakeSteps)
		wakeIf(due.Timers > 0, e.wakeTimers)
		wakeIf(due.Calls+due.CallsOver > 0, e.wakeCalls)
		wakeIf(due.Sends > 0, e.wakeSends)
		wakeIf(due.Statuses > 0, e.wakeStatuses)
		if due.Unknown > 0 && e.now().Sub(e.resolvedAt) > resolveEvery {
			e.resolvedAt = e.now() // they wait for minutes, and so do we
			e.wakeUnknown.raise()
		}
	}
	if e.roles.Desk {
		waits := false
		for _, n := range due.Queues {
			waits = waits || n > 0
		}
		wakeIf(waits, e.wakeRouting)
	}
}

func wakeIf(yes bool, s signal) {
	if yes {
		s.raise()
	}
}

// peopleAround says whether something happened at the desk lately.
func (e *Engine) peopleAround() bool {
	return e.now().Sub(time.Unix(0, e.deskAt.Load())) < deskQuietAfter
}

// heard keeps whether the database answered, for readiness.
func (e *Engine) heard(err error) {
	e.storeError.Store(&heard{at: e.now(), err: err})
	up := 1.0
	if err != nil {
		up = 0
	}
	e.report.storeUp.Set(up)
}

// committed is told how each commit of webhooks ended. After one that failed the heart looks whether it was the only one.
func (e *Engine) committed(err error) {
	e.wrote(err)
	if err != nil {
		e.wakeHeart.raise()
	}
}

// wrote keeps whether the database took a write: one that answers may be full, or a standby by now.
func (e *Engine) wrote(err error) {
	if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) {
		e.writeError.Store(&heard{at: e.now(), err: err})
	}
}

type heard struct {
	at  time.Time
	err error
}

// StoreError is why the store cannot be used now, or nil.
func (e *Engine) StoreError() error {
	h, w := e.storeError.Load(), e.writeError.Load()
	switch {
	case h == nil:
		return errors.New("the store was not asked yet")
	case h.err == nil && w != nil:
		return w.err
	}
	return h.err
}

// steps runs one turn, and returns 0 where nothing can be left to do: what comes later wakes it. An empty look costs the database
// half of what a turn does. After a start that may have been a crash it is one lane at a time for a while: a lane that kills the
// process takes no other lane's work with it, and the next process knows which it was.
func (e *Engine) steps(ctx context.Context) (n int, err error) {
	if e.Live().Hash == "" {
		return 0, nil // nothing is loaded yet; loading wakes us
	}
	skipped, sends, calls, left := 0, false, false, false
	step := func(lane store.Lane) (store.Outcome, error) {
		out, err := e.stepper.step(lane)
		if out.Skip > 0 || out.Park > 0 {
			skipped++
			return out, err
		}
		sends = sends || len(out.Send) > 0
		calls = calls || out.Call != nil
		left = left || len(out.Handled) < len(lane.Inbox) || len(lane.Inbox) == store.InboxMost
		return out, err
	}
	most := turnLanes
	if e.calm || e.now().Sub(e.started) >= cautiousFor {
		n, err = e.store.Turn(ctx, most, step)
	} else {
		most = 1
		n, err = e.carefulStep(ctx, step)
	}
	e.stepper.fetch(ctx) // revisions that a lane waits for, outside any transaction
	wakeIf(sends, e.wakeSends)
	wakeIf(calls, e.wakeCalls)
	wakeIf(n == most, e.wakeSteps) // a colleague helps
	if n -= skipped; n > 0 {       // lanes that only rest are no progress: they must not keep the poll awake
		e.progressed()
	}
	if n+skipped < most && !left {
		n = 0
	}
	return max(0, n), err
}

func (e *Engine) carefulStep(ctx context.Context, step func(store.Lane) (store.Outcome, error)) (int, error) {
	e.careful <- struct{}{}
	defer func() { <-e.careful }()
	n, err := e.store.Turn(ctx, 1, e.caution.around(step))
	if n == 0 {
		return n, err
	}
	return n, errors.Join(err, e.caution.survived())
}

// gaveUp reports a message that has killed this process before.
func (e *Engine) gaveUp() {
	e.report.stepFailures.WithLabelValues(killedProcess).Inc()
	e.report.log.Info("a message that killed the process twice is answered with an apology; this is a bug in Loket")
}

const (
	turnLanes   = 24
	cautiousFor = 60 * time.Second
)
