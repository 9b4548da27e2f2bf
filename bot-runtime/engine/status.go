package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// How old the board may be while somebody watches it. Where nothing goes on it is read as often as it is promised, which keeps an
// idle tenant within one query a second.
const (
	boardBusy = time.Second
	boardIdle = bundle.PromiseIdle
	// boardAsked is how old it may be when somebody comes to look.
	boardAsked = 500 * time.Millisecond
	// durabilityFor is how long the database's own settings are taken to stay as they are.
	durabilityFor = time.Minute
	// resolveSlack is how much longer than the wait for an echo a message may take to be sent again while all is well.
	resolveSlack = 30 * time.Second
)

// board is what this pod tells of the whole tenant. It is read from the store once for all who watch, so that a hundred long
// polls cost what one does.
type board struct {
	e       *Engine
	refresh signal

	mu       sync.Mutex
	now      bundle.Status
	readAt   time.Time
	changed  chan struct{} // closed and replaced when the ETag changes
	watchers int

	reading    sync.Mutex // one reads for all; held without mu while the store is asked
	durability store.Durability
	durableAt  time.Time
}

func newBoard(e *Engine) *board {
	return &board{e: e, refresh: newSignal(), changed: make(chan struct{})}
}

// Status answers the operator's long poll: at once when the tenant's ETag is not since, else when it changes, else after
// what Status promises. Only the end of ctx or of the engine cuts it short.
func (e *Engine) Status(ctx context.Context, since string) bundle.Status {
	return e.status.wait(ctx, since)
}

func (b *board) wait(ctx context.Context, since string) bundle.Status {
	b.mu.Lock()
	b.watchers++
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.watchers--
		b.mu.Unlock()
	}()
	b.readUnlessFresh(boardAsked)
	b.mu.Lock()
	promise := time.NewTimer(promiseOf(b.now))
	b.mu.Unlock()
	defer promise.Stop()
	b.refresh.raise() // run now has somebody to refresh for
	for {
		b.mu.Lock()
		now, changed := b.now, b.changed
		b.mu.Unlock()
		if now.ETag != since {
			return now
		}
		select {
		case <-changed:
		case <-promise.C:
			b.readUnlessFresh(boardBusy)
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.now
		case <-ctx.Done():
			return now
		case <-b.e.stop:
			return now
		}
	}
}

// run refreshes the board while it is watched.
func (b *board) run() {
	for {
		b.mu.Lock()
		age, idle := b.e.now().Sub(b.readAt), b.watchers == 0
		pause := boardIdle
		if busy(b.now) || b.now.StoreError != "" || settling(b.now) {
			pause = boardBusy
		}
		b.mu.Unlock()
		t := time.NewTimer(max(pause-age, boardAsked))
		if idle {
			t.Stop() // until somebody watches, only a signal wakes us
		}
		select {
		case <-b.e.stop:
			t.Stop()
			return
		case <-b.refresh:
		case <-t.C:
		}
		t.Stop()
		if b.watched() {
			b.readUnlessFresh(boardAsked)
		}
	}
}

// settling says that a bundle is on its way to the pods: the other pods' rows change without a word to this one. At 25 s an
// edit that was live after four showed as 1/3 for half a minute.
func settling(s bundle.Status) bool { return s.Desired != s.Applied || s.PodsOnApplied < s.Pods }

// stale says that something on the board has changed.
func (b *board) stale() {
	b.mu.Lock()
	b.readAt = time.Time{}
	b.mu.Unlock()
	b.refresh.raise()
}

// rouse is stale for a board that rests: one that is busy is read each second anyway.
func (b *board) rouse() {
	b.mu.Lock()
	rests := !busy(b.now)
	b.mu.Unlock()
	if rests {
		b.stale()
	}
}

func (b *board) watched() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.watchers > 0
}

// readUnlessFresh reads the board when it is older than age.
func (b *board) readUnlessFresh(age time.Duration) {
	b.reading.Lock()
	defer b.reading.Unlock()
	b.mu.Lock()
	last, old := b.now, b.e.now().Sub(b.readAt) >= age
	if old {
		b.readAt = b.e.now() // what becomes stale while we read is read again
	}
	b.mu.Unlock()
	if !old {
		return
	}
	next := b.read(last)
	b.mu.Lock()
	defer b.mu.Unlock()
	if next.ETag != b.now.ETag {
		close(b.changed)
		b.changed = make(chan struct{})
	}
	b.now = next
}

// read asks the store. What it cannot tell is as it was last known. The caller is the only reader.
func (b *board) read(last bundle.Status) bundle.Status {
	ctx, cancel := context.WithTimeout(b.e.acts, 5*time.Second)
	defer cancel()
	live := b.e.Live()
	s := last
	s.StoreError = ""
	s.Applied, s.Verdicts = live.Hash, live.Verdicts
	if d := b.e.desired.Load(); d != nil {
		s.Desired = *d
	}
	fail := func(err error) bundle.Status {
		s.StoreError = "the database cannot be reached or refuses work"
		b.e.report.failed("Status", err)
		s.ETag, s.PromiseSeconds = etag(s), promiseOf(s).Seconds()
		return s
	}
	if b.e.now().Sub(b.durableAt) > durabilityFor {
		d, err := b.e.store.Durability(ctx)
		if err != nil {
			return fail(err)
		}
		b.durability, b.durableAt = d, b.e.now()
	}
	s.Durability = string(b.durability)
	pods, err := b.e.store.Pods(ctx)
	if err != nil {
		return fail(err)
	}
	s.Pods, s.PodsOnApplied, s.Channels = len(pods), 0, healthOf(pods)
	for _, p := range pods {
		if p.Bundle == s.Applied && s.Applied != "" {
			s.PodsOnApplied++
		}
	}
	unsettled, err := b.e.store.Unsettled(ctx, b.e.sender.timing.UnknownWait+resolveSlack)
	if err != nil {
		return fail(err)
	}
	for i := range s.Channels {
		if since, ok := unsettled[s.Channels[i].Channel]; ok {
			s.Channels[i].UnsettledSince = &since
		}
	}
	counts, err := b.e.store.PoolCounts(ctx)
	if err != nil {
		return fail(err)
	}
	b.e.counted(counts)
	s.Pools = poolsOf(counts, live)
	s.Inbox = b.e.inbox.Load()
	s.Now = b.e.storeTime()
	s.ETag, s.PromiseSeconds = etag(s), promiseOf(s).Seconds()
	return s
}

// poolsOf are the counts of live pools, and of any other that still has conversations.
func poolsOf(counts []store.PoolCount, live *Live) []bundle.Pool {
	pools := map[string]bundle.Pool{}
	for name := range live.Pools {
		pools[name] = bundle.Pool{Name: name}
	}
	for _, c := range counts {
		if _, known := pools[c.Pool]; !known && c.WaitingForWorker+c.WaitingForAgent+c.Active == 0 {
			continue
		}
		pools[c.Pool] = bundle.Pool{Name: c.Pool, WaitingForWorker: c.WaitingForWorker, WaitingForAgent: c.WaitingForAgent,
			Active: c.Active, Agents: c.Agents, Arrived: c.Arrived, Finished: c.Finished, OldestWaiting: c.OldestWaiting.Seconds()}
	}
	list := make([]bundle.Pool, 0, len(pools))
	for _, p := range pools {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b bundle.Pool) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// healthOf is the worst that any pod says of a channel: citizens of a tenant with three pods, one of which cannot send, are
// served badly.
func healthOf(pods []store.Pod) []bundle.Health {
	worst := map[string]bundle.Health{}
	for _, p := range pods {
		var report podReport
		if json.Unmarshal(p.Report, &report) != nil {
			continue
		}
		for _, h := range report.Channels {
			had, ok := worst[h.Channel]
			if !ok || had.OK && !h.OK || had.OK == h.OK && h.Reason+h.Message < had.Reason+had.Message {
				worst[h.Channel] = h
			}
		}
	}
	list := make([]bundle.Health, 0, len(worst))
	for _, h := range worst {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b bundle.Health) int { return cmp.Compare(a.Channel, b.Channel) })
	return list
}

// etag is of all that is worth acting on, and equal on every pod that has seen the same: no clocks, no waiting times.
func etag(s bundle.Status) string {
	s.ETag, s.Now, s.PromiseSeconds = "", time.Time{}, 0
	s.Pools = slices.Clone(s.Pools)
	for i := range s.Pools {
		s.Pools[i].OldestWaiting = 0
	}
	if s.Inbox != nil && s.Inbox.Waits() {
		coarse := s.Inbox.Coarse()
		s.Inbox = &coarse
	} else { // not looked at yet is the same news as a moment's work: none
		s.Inbox = nil
	}
	body, err := json.Marshal(s)
	if err != nil {
		panic(err) // plain data of our own types: cannot fail
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12])
}

func busy(s bundle.Status) bool {
	return s.Inbox != nil && s.Inbox.Waits() || slices.ContainsFunc(s.Pools, func(p bundle.Pool) bool {
		return p.WaitingForWorker+p.WaitingForAgent+p.Active > 0
	})
}

func promiseOf(s bundle.Status) time.Duration {
	if busy(s) {
		return bundle.PromiseBusy
	}
	return bundle.PromiseIdle
}
