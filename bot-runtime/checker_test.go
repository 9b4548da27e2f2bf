package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// mutation breaks one rule of the message path in a store that is otherwise the real one.
type mutation struct {
	// sql rewrites a statement.
	sql func(query string) string
	// counted is told of a statement's count of rows, and may lie.
	counted func(query string, args []any, n int64) int64
	// pause is how long a statement waits first: it opens a window that is always there a little wider.
	pause func(query string) time.Duration
	// inbox reads the inbox of claimed lanes from a snapshot that is older than their locks.
	oldInbox bool
	accept   func(accept func(store.Batch) (store.Accepted, error), batch store.Batch) (store.Accepted, error)
	step     func(step func(store.Lane) (store.Outcome, error), lane store.Lane) (store.Outcome, error)
	claimed  func(sends []store.Send) []store.Send
	// rate is what a number may send in a second, judged when not 0; the engine claims by so many times that, 0 being once.
	rate, times int

	faults   platform.Faults
	timing   engine.Timing
	statuses time.Duration // until the platform tells of what it took; 20 ms when 0
	citizens int           // 12 when 0; whether a lane is stranded shows at the last message of each
	messages int           // of each citizen; 6 when 0
	postgres bool          // a race of two transactions, which SQLite has not
	// want is what a problem that the checker must name says: a regular expression.
	want string
}

// mutants are the engine's: each must be caught by what citizens and the platform see, and by the store's own rows.
var mutants = map[string]mutation{
	"dedupe is skipped": {faults: platform.Faults{Redeliver: 0.5}, want: "a delivery was stored twice",
		sql: func(q string) string {
			if values := regexp.MustCompile(`(?s)^INSERT INTO seen .*FROM (\(\{rows:2\}\) AS v)`).FindStringSubmatch(q); values != nil {
				return `SELECT v.column1, v.column2 FROM ` + values[1] + ` WHERE $1 > 0`
			}
			return q
		}},
	"an acknowledgement before the commit": {faults: platform.Faults{}, want: "was acknowledged and never answered",
		accept: func(accept func(store.Batch) (store.Accepted, error), batch store.Batch) (store.Accepted, error) {
			if slices.ContainsFunc(batch.Messages, func(m store.Inbound) bool { return m.Body.Text == "n3" }) {
				return store.Accepted{Stored: len(batch.Messages)}, nil // the process dies before the commit
			}
			return accept(batch)
		}},
	"one message of a batch is dropped": {want: "was acknowledged and never answered",
		accept: func(accept func(store.Batch) (store.Accepted, error), batch store.Batch) (store.Accepted, error) {
			if len(batch.Messages) > 2 {
				batch.Messages = batch.Messages[1:]
			}
			return accept(batch)
		}},
	"two messages of a lane are swapped": {want: "which came later",
		step: func(step func(store.Lane) (store.Outcome, error), lane store.Lane) (store.Outcome, error) {
			if len(lane.Inbox) == 1 && lane.Inbox[0].Body.Text == "n4" { // until there are two
				return store.Outcome{Skip: 100 * time.Millisecond}, nil
			}
			slices.Reverse(lane.Inbox)
			return step(lane)
		}},
	"a step's state is not kept": {want: "state was lost",
		step: func(step func(store.Lane) (store.Outcome, error), lane store.Lane) (store.Outcome, error) {
			out, err := step(lane)
			if lane.Inbox[0].Body.Text == "n4" {
				out.State, out.Format = lane.State, lane.Format
			}
			return out, err
		}},
	"a step's messages are not kept": {want: "was acknowledged and never answered",
		step: func(step func(store.Lane) (store.Outcome, error), lane store.Lane) (store.Outcome, error) {
			out, err := step(lane)
			if lane.Inbox[0].Body.Text == "n4" {
				out.Send = nil
			}
			return out, err
		}},
	"a send is claimed by two": {want: "twice",
		claimed: func(sends []store.Send) []store.Send {
			if len(sends) > 1 {
				sends[1] = sends[0]
			}
			return sends
		}},
	"a number's budget is not kept":                 {rate: slowly, times: 100, messages: 12, want: "more than 10 messages a second"},
	"an answer's words are those of the one before": {want: "counts|was answered twice", claimed: misaddressed()},
	"an unknown send is sent again at once": {faults: platform.Faults{Cut: 0.3}, statuses: 5 * time.Second, want: "twice",
		timing: engine.Timing{Lease: 4 * time.Second, Call: 2 * time.Second, UnknownWait: time.Microsecond, UnknownQuiet: time.Microsecond},
		sql:    func(q string) string { return strings.Replace(q, "COALESCE(b.flowed_at, 0) > o.claimed_at", "TRUE", 1) }},
	"lanes are raised by DO NOTHING": {postgres: true, citizens: 100, want: "had no lane",
		sql: func(q string) string {
			if strings.HasPrefix(q, "INSERT INTO runnable") {
				q, _, _ = strings.Cut(q, "ON CONFLICT")
				q += "ON CONFLICT (conversation) DO NOTHING"
			}
			return q
		},
		pause: wide,
	},
	"lanes are claimed and read in one statement": {postgres: true, oldInbox: true, pause: wide, messages: 50, want: "state was lost, doubled or reordered",
		counted: func(q string, args []any, n int64) int64 {
			if strings.HasPrefix(q, "DELETE FROM inbox") { // the assertion that would notice
				return int64(args[0].(*acts.List).Len())
			}
			return n
		}},
}

// slowly is a rate that twelve citizens are held up by.
const slowly = 10

// misaddressed gives each message the words of the one that was claimed before.
func misaddressed() func([]store.Send) []store.Send {
	var mu sync.Mutex
	var before *message.Out
	return func(sends []store.Send) []store.Send {
		mu.Lock()
		defer mu.Unlock()
		for i := range sends {
			own := sends[i].Body
			if before != nil {
				sends[i].Body = *before
			}
			before = &own
		}
		return sends
	}
}

// wide lets a step take longer between its look at the inbox and its end, and an accept between the lane's raise and its commit.
func wide(query string) time.Duration {
	if strings.HasPrefix(query, "DELETE FROM inbox") || strings.HasPrefix(query, "SELECT id FROM conversation") {
		return 15 * time.Millisecond
	}
	return 0
}

// TestTheCheckerCatchesEveryMutantOfTheEngine runs real pods on real stores, of which one rule is broken, and has the checker judge
// the simulator's journal and a dump. The same runs without the broken rule must be well. With the race detector it is those
// alone; make test-go runs the whole once more without.
func TestTheCheckerCatchesEveryMutantOfTheEngine(t *testing.T) {
	var all sync.WaitGroup // not t.Parallel: they wait most of the time, and need no processor each
	defer all.Wait()
	for name, m := range mutants {
		if underRace {
			break
		}
		all.Go(func() {
			t.Run(name, func(t *testing.T) {
				var report []string
				for range 3 { // a race may go well by luck, and a busy machine may be too slow to break a rate
					if report = judgeMutant(t, m); slices.ContainsFunc(report, regexp.MustCompile(m.want).MatchString) {
						return
					}
				}
				t.Errorf("no problem says %q: %q", m.want, report)
			})
		})
	}
	for name, control := range map[string]mutation{
		"with every fault, on SQLite":     {faults: platform.Faults{Redeliver: 0.5, Cut: 0.3, Refuse: 0.05, Forge: 0.2, Shuffle: 0.3}},
		"with every fault, on PostgreSQL": {faults: platform.Faults{Redeliver: 0.5, Cut: 0.3, Refuse: 0.05, Forge: 0.2, Shuffle: 0.3}, postgres: true},
		"with the windows as wide":        {postgres: true, pause: wide},
		"with a budget that is kept":      {rate: slowly, messages: 12},
	} {
		all.Go(func() {
			t.Run("the engine itself, "+name, func(t *testing.T) {
				if problems := judgeMutant(t, control); len(problems) > 0 {
					t.Error(problems)
				}
			})
		})
	}
}

// judgeMutant returns the problems that the checker names.
func judgeMutant(t *testing.T, m mutation) []string {
	t.Helper()
	w := newTownWith(t, m.faults, 0, cmp.Or(m.statuses, 20*time.Millisecond))
	if m.postgres {
		w.database = pgtest.Database(t)
	}
	w.start(func(p *pod) {
		p.steppers = 2
		p.leaveMarker() // not careful: several lanes a transaction, and two transactions at once
		if m.timing != (engine.Timing{}) {
			p.timing = m.timing
		}
		open := p.open
		p.open = func(ctx context.Context) (store.Store, error) {
			s, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return bend(t, s.(real), m, w.database), nil
		}
	})
	w.apply(countingObjects(t))
	run := w.rig(load.Plan{Citizens: cmp.Or(m.citizens, 12), Messages: cmp.Or(m.messages, 6), Patience: 4 * time.Second})
	run.Faults, run.Quiet = m.faults, time.Second
	if m.want == "" { // nothing is to be given up
		run.Plan.Patience, run.Quiet = patience, patience
	}
	run.Figures = figuresOf(w.internal)
	if m.rate > 0 {
		run.Terms.Rate, run.Terms.Air = m.rate, 16
	}
	report, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	return report.Problems
}

// real is a store whose acts are package acts'.
type real interface {
	store.Store
	acts.Engine
}

// bent is a store with one rule broken. Acts that are not package acts' are the real store's.
type bent struct {
	*acts.Acts
	real      real
	m         mutation
	snapshots *pgxpool.Pool // for transactions that are older than the locks of the turn that uses them
}

func bend(t *testing.T, s real, m mutation, database string) store.Store {
	b := &bent{real: s, m: m}
	b.Acts = acts.New(b)
	if m.oldInbox {
		pool, err := pgxpool.New(context.Background(), database)
		if err != nil {
			t.Fatal(err)
		}
		b.snapshots = pool
		t.Cleanup(pool.Close)
	}
	return b
}

func (b *bent) Janitor(ctx context.Context, retention time.Duration) (store.JanitorReport, error) {
	return b.real.Janitor(ctx, retention)
}
func (b *bent) Durability(ctx context.Context) (store.Durability, error) {
	return b.real.Durability(ctx)
}
func (b *bent) Ping(ctx context.Context) error { return b.real.Ping(ctx) }
func (b *bent) Close() error                   { return b.real.Close() }

func (b *bent) Accept(ctx context.Context, batch store.Batch) (store.Accepted, error) {
	accept := func(batch store.Batch) (store.Accepted, error) { return b.Acts.Accept(ctx, batch) }
	if b.m.accept != nil {
		return b.m.accept(accept, batch)
	}
	return accept(batch)
}

func (b *bent) Turn(ctx context.Context, k int, step func(store.Lane) (store.Outcome, error)) (int, error) {
	if b.m.step != nil {
		inner := step
		step = func(lane store.Lane) (store.Outcome, error) { return b.m.step(inner, lane) }
	}
	return b.Acts.Turn(ctx, k, step)
}

func (b *bent) ClaimSends(ctx context.Context, channels []string, k int, lease time.Duration, rate int) ([]store.Send, error) {
	if b.m.rate > 0 {
		rate = b.m.rate * max(1, b.m.times)
	}
	sends, err := b.Acts.ClaimSends(ctx, channels, k, lease, rate)
	if b.m.claimed != nil {
		sends = b.m.claimed(sends)
	}
	return sends, err
}

func (b *bent) Write(ctx context.Context, act func(acts.Tx) error) error {
	return b.real.Write(ctx, func(tx acts.Tx) error {
		bent := &bentTx{Tx: tx, b: b}
		defer bent.forget()
		return act(bent)
	})
}

func (b *bent) Read(ctx context.Context, act func(acts.Tx) error) error {
	return b.real.Read(ctx, func(tx acts.Tx) error { return act(&bentTx{Tx: tx, b: b}) })
}

type bentTx struct {
	acts.Tx
	b        *bent
	snapshot *pgxpool.Conn
}

func (t *bentTx) bend(query string) string {
	if t.b.m.pause != nil {
		time.Sleep(t.b.m.pause(query))
	}
	if t.b.m.sql != nil {
		query = t.b.m.sql(query)
	}
	return query
}

func (t *bentTx) Exec(query string, args ...any) (int64, error) {
	n, err := t.Tx.Exec(t.bend(query), args...)
	if t.b.m.counted != nil {
		n = t.b.m.counted(query, args, n)
	}
	return n, err
}

func (t *bentTx) Expect(rows int64, what, query string, args ...any) error {
	n, err := t.Exec(query, args...)
	if err != nil {
		return err
	}
	return acts.Counted(what, n, rows)
}

func (t *bentTx) Ask(row acts.Row, query string, args ...any) error {
	rows, err := t.Query(query, args...)
	if err != nil {
		return err
	}
	return row.Each(rows)
}

// Later is now where there are pauses, so that one that follows lies between what has been done and what has not.
func (t *bentTx) Later(query string, args ...any) error {
	if t.b.m.pause == nil {
		return t.Tx.Later(t.bend(query), args...)
	}
	_, err := t.Tx.Exec(t.bend(query), args...)
	return err
}

func (t *bentTx) Query(query string, args ...any) (acts.Rows, error) {
	switch {
	case t.b.snapshots == nil:
	case strings.HasPrefix(query, "SELECT conversation FROM runnable WHERE run_at"):
		if err := t.takeSnapshot(); err != nil {
			return nil, err
		}
	case strings.HasPrefix(query, "SELECT i.id, i.conversation, i.kind") && t.snapshot != nil:
		query = strings.Replace(query, "FROM runnable r JOIN", "FROM (SELECT DISTINCT conversation FROM inbox) r JOIN", 1)
		query = acts.Spell(query, args, nil, func(n int, _ *acts.List) string { return fmt.Sprintf("= ANY ($%d::bigint[])", n) })
		spelt := []any{pgx.QueryExecModeExec}
		for _, a := range args {
			if l, ok := a.(*acts.List); ok {
				a = l.Columns[0]
			}
			spelt = append(spelt, a)
		}
		return t.snapshot.Query(context.Background(), query, spelt...)
	}
	return t.Tx.Query(t.bend(query), args...)
}

// takeSnapshot looks at the inbox as it is now; another stepper may be about to commit.
func (t *bentTx) takeSnapshot() error {
	ctx := context.Background()
	conn, err := t.b.snapshots.Acquire(ctx)
	if err != nil {
		return err
	}
	t.snapshot = conn
	for _, q := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM inbox"} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	time.Sleep(30 * time.Millisecond)
	return nil
}

func (t *bentTx) forget() {
	if t.snapshot != nil {
		_, _ = t.snapshot.Exec(context.Background(), "ROLLBACK")
		t.snapshot.Release()
	}
}
