package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
	"github.com/loket-dev/loket/bot-runtime/store/sqlite"
)

// turnstile lets one act through at a time, when everybody else in the world is at rest: which one is drawn among those who
// wait, in an order that does not depend on the scheduler.
type turnstile struct {
	*world
	rng  *rand.Rand
	came chan struct{}
	end  chan struct{}

	mu      sync.Mutex
	waiting []*ticket
}

// ticket is one act that waits for its turn.
type ticket struct {
	pod  *incarnation
	act  string
	fate fate
	open chan struct{}
}

// fate is what befalls an act.
type fate struct {
	latency time.Duration
	// cutAt is the statement before which the connection breaks; 0 is none. After the last there is none to break.
	cutAt int
	// lost: the commit's answer is lost.
	lost bool
}

func newTurnstile(w *world) *turnstile {
	return &turnstile{world: w, rng: w.rand("turnstile"), came: make(chan struct{}, 1), end: make(chan struct{})}
}

// pass waits for a turn and says what is to befall it.
func (t *turnstile) pass(pod *incarnation, act string) fate {
	one := &ticket{pod: pod, act: act, open: make(chan struct{})}
	t.mu.Lock()
	t.waiting = append(t.waiting, one)
	t.mu.Unlock()
	t.look()
	select {
	case <-one.open:
	case <-t.end:
	}
	return one.fate
}

// look has the turnstile look again.
func (t *turnstile) look() {
	select {
	case t.came <- struct{}{}:
	default:
	}
}

func (t *turnstile) close() { close(t.end) }

func (t *turnstile) run() {
	for {
		select {
		case <-t.came:
		case <-t.end:
			return
		}
		for {
			synctest.Wait()
			next := t.pick()
			if next == nil {
				break
			}
			close(next.open)
		}
	}
}

// pick takes one of those who wait and are not stopped.
func (t *turnstile) pick() *ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ready []*ticket
	for _, one := range t.waiting {
		if one.pod == nil || !one.pod.stopped() {
			ready = append(ready, one)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	slices.SortStableFunc(ready, func(a, b *ticket) int {
		return cmp.Or(cmp.Compare(a.pod.title(), b.pod.title()), cmp.Compare(a.act, b.act))
	})
	next := ready[t.rng.IntN(len(ready))]
	t.waiting = slices.DeleteFunc(t.waiting, func(one *ticket) bool { return one == next })
	next.fate = t.draw(next)
	return next
}

func (t *turnstile) draw(of *ticket) fate {
	turn := fate{latency: between(t.rng, 200*time.Microsecond, 3*time.Millisecond)}
	if of.pod == nil {
		turn.latency = 0
		return turn
	}
	switch n := t.rng.IntN(1000); {
	case n < 5:
		turn.cutAt = 1 + t.rng.IntN(12)
	case n < 10:
		turn.lost = true
	case n < 20:
		turn.latency = between(t.rng, 50*time.Millisecond, 800*time.Millisecond)
	case n < 22:
		turn.latency = between(t.rng, time.Second, 4*time.Second)
	}
	return turn
}

// worldEngine is the real store's engine as one pod of the world reaches it.
type worldEngine struct {
	world *world
	base  database
	pod   *incarnation // nil: the world itself looks
	// asked counts what the pod asked for while the database was down, by act.
	mu    sync.Mutex
	asked map[string]int
}

func (e *worldEngine) Write(ctx context.Context, act func(acts.Tx) error) error {
	name := actName()
	turn, err := e.begin(name)
	if err != nil {
		return err
	}
	statements := 0
	err = e.base.Write(ctx, func(tx acts.Tx) error {
		statements = 0
		return act(&worldTx{Tx: tx, engine: e, turn: turn, statements: &statements})
	})
	e.world.rules.wrote()
	return e.end(name, turn, err)
}

func (e *worldEngine) Read(ctx context.Context, act func(acts.Tx) error) error {
	name := actName()
	turn, err := e.begin(name)
	if err != nil {
		return err
	}
	turn.lost = false // there is nothing that could have happened
	statements := 0
	// By the writer, whose statements are prepared once: nobody else is at work, and most of a world's time would go into parsing.
	err = e.base.Write(ctx, func(tx acts.Tx) error {
		return act(&worldTx{Tx: tx, engine: e, turn: turn, statements: &statements})
	})
	return e.end(name, turn, err)
}

func (e *worldEngine) begin(name string) (fate, error) {
	turn := e.world.turns.pass(e.pod, name)
	if e.pod == nil {
		return turn, nil
	}
	if e.pod.dead.Load() {
		return turn, errGone
	}
	if e.world.outage.Load() {
		e.mu.Lock()
		e.asked[name]++
		e.mu.Unlock()
		time.Sleep(turn.latency)
		return turn, fmt.Errorf("%w: the database is down", store.ErrUnavailable)
	}
	return turn, nil
}

func (e *worldEngine) end(name string, turn fate, err error) error {
	if turn.latency > 0 {
		time.Sleep(turn.latency)
	}
	switch {
	case e.pod != nil && e.pod.dead.Load():
		return errGone
	case err == nil && turn.lost:
		e.world.say("%s %s: the commit's answer is lost", e.pod.title(), name)
		return fmt.Errorf("%w: the commit's answer is lost", store.ErrUnknownOutcome)
	}
	return err
}

// refusals gives what was asked while the database was down, and forgets it.
func (e *worldEngine) refusals() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.asked
	e.asked = map[string]int{}
	return was
}

// actName is the act of package acts that is under way, as its callers know it.
func actName() string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	name := "?"
	for {
		frame, more := frames.Next()
		_, after, found := strings.Cut(frame.Function, "acts.(*Acts).")
		if found {
			name, _, _ = strings.Cut(after, ".")
		} else if name != "?" || !more {
			return name
		}
	}
}

// worldTx is a transaction by the world's clock.
type worldTx struct {
	acts.Tx
	engine     *worldEngine
	turn       fate
	statements *int
}

func (t *worldTx) before(query string, args []any) (string, []any, error) {
	*t.statements++
	if *t.statements == t.turn.cutAt {
		return "", nil, fmt.Errorf("%w: cut, by the world", store.ErrUnavailable)
	}
	if m := t.engine.world.mutant; m != nil && t.engine.pod != nil && m.statement != nil {
		query, args = m.statement(query, slices.Clone(args))
	}
	if strings.Contains(query, "{now}") {
		args = append(slices.Clone(args), t.engine.world.clock().UnixMicro())
		query = strings.ReplaceAll(query, "{now}", fmt.Sprintf("$%d", len(args)))
	}
	return query, args, nil
}

func (t *worldTx) Exec(query string, args ...any) (int64, error) {
	query, args, err := t.before(query, args)
	if err != nil {
		return 0, err
	}
	return t.Tx.Exec(query, args...)
}

func (t *worldTx) Later(query string, args ...any) error {
	_, err := t.Exec(query, args...)
	return err
}

func (t *worldTx) Expect(rows int64, what, query string, args ...any) error {
	n, err := t.Exec(query, args...)
	if err != nil {
		return err
	}
	return acts.Counted(what, n, rows)
}

func (t *worldTx) Ask(row acts.Row, query string, args ...any) error {
	rows, err := t.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

func (t *worldTx) Query(query string, args ...any) (acts.Rows, error) {
	query, args, err := t.before(query, args)
	if err != nil {
		return nil, err
	}
	return t.Tx.Query(query, args...)
}

// worldStore is the store of one pod of the world.
type worldStore struct {
	*acts.Acts
	engine *worldEngine
	// last is what Poll said, of the engine's poll alone.
	last       store.Due
	lastWrites int
	lastEpoch  int
	lastAsked  string
}

var _ store.Store = (*worldStore)(nil)

func newWorldStore(w *world, pod *incarnation) *worldStore {
	e := &worldEngine{world: w, base: w.base, pod: pod, asked: map[string]int{}}
	return &worldStore{Acts: acts.New(e), engine: e, lastWrites: -1}
}

func (s *worldStore) Turn(ctx context.Context, k int, step func(store.Lane) (store.Outcome, error)) (int, error) {
	return s.Acts.Turn(ctx, k, func(lane store.Lane) (store.Outcome, error) {
		w := s.engine.world
		w.rules.claimed(lane)
		if strings.HasPrefix(lane.Inbox[0].Body.Text, "poison") && !lane.Poisoned {
			panic("nobody has thought of this")
		}
		out, err := step(lane)
		if err == nil {
			w.rules.stepped(lane, out)
		}
		return out, err
	})
}

// Poll asks nothing when nothing can have changed: no write since, and nothing due by now.
func (s *worldStore) Poll(ctx context.Context, in store.PollRequest) (store.Due, error) {
	w := s.engine.world
	writes, asked := w.rules.writeCount(), fmt.Sprint(in)
	d := s.last
	if s.lastWrites != writes || s.lastAsked != asked || d.Lanes+d.Timers+d.Sends+d.Statuses+d.Unknown+len(d.Queues) > 0 ||
		!d.NextAt.IsZero() && !d.NextAt.After(w.clock()) || w.rules.epochs() != s.lastEpoch {
		due, err := s.Acts.Poll(ctx, in)
		if err == nil {
			s.last, s.lastWrites, s.lastAsked, s.lastEpoch = due, writes, asked, w.rules.epochs()
		}
		return due, err
	}
	turn, err := s.engine.begin("Poll")
	if err == nil && turn.cutAt > 0 {
		err = fmt.Errorf("%w: cut, by the world", store.ErrUnavailable)
	}
	turn.lost = false
	d.Now = w.clock().Truncate(time.Microsecond).UTC()
	return d, s.engine.end("Poll", turn, err)
}

func (s *worldStore) ClaimSends(ctx context.Context, channels []string, k int, lease time.Duration, rate int) ([]store.Send, error) {
	w := s.engine.world
	if m := w.mutant; m != nil && m.rate > 0 {
		rate *= m.rate
	}
	sends, err := s.Acts.ClaimSends(ctx, channels, k, lease, rate)
	w.rules.claimedSends(sends)
	return sends, err
}

func (s *worldStore) ResolveUnknown(ctx context.Context, wait, quiet time.Duration, once []string) (int, error) {
	if m := s.engine.world.mutant; m != nil && m.hasty {
		wait, quiet = 0, 0
	}
	return s.Acts.ResolveUnknown(ctx, wait, quiet, once)
}

func (s *worldStore) Settle(ctx context.Context, settlements []store.Settlement) ([]store.Settled, error) {
	settled, err := s.Acts.Settle(ctx, settlements)
	for i, one := range settlements {
		s.engine.world.rules.settled(one, err == nil && settled[i].Refused == nil)
	}
	return settled, err
}

func (s *worldStore) Janitor(ctx context.Context, retention time.Duration) (store.JanitorReport, error) {
	lanes, err := s.RepairLanes(ctx)
	if err = errors.Join(err, s.RepairStatuses(ctx)); err != nil {
		return store.JanitorReport{}, err
	}
	if lanes > 0 {
		s.engine.world.rules.broken("the janitor repaired %d lanes", lanes)
	}
	doubled, err := s.Doubled(ctx)
	s.engine.world.rules.counted(doubled)
	return store.JanitorReport{Doubled: doubled}, err
}

func (s *worldStore) Durability(context.Context) (store.Durability, error) {
	return store.DurabilitySingleNode, nil
}

func (s *worldStore) Ping(ctx context.Context) error { return nil }

func (s *worldStore) Close() error { return nil }

func openUnmigrated(t testing.TB, path string) database {
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// incarnation is one process of a pod.
type incarnation struct {
	*tenantUnderTest
	pod          *worldPod
	number       int
	engine       *Engine
	store        *worldStore
	dead         atomic.Bool
	stoppedUntil atomic.Int64 // nanoseconds since 1970; a process that is stopped does nothing till then
}

func (i *incarnation) title() string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf("%s#%d", i.pod.name, i.number)
}

func (i *incarnation) stopped() bool { return time.Now().UnixNano() < i.stoppedUntil.Load() }
