// Package acts writes the whole acts of package store in SQL that PostgreSQL and SQLite both read, once for both.
//
// What differs between them is an Engine: how a transaction runs, is retried and is judged when its commit fails, how
// identifiers are drawn, and how a few words of SQL ({now}, {lock}, {skiplocked}, {lineage}) and lists are spelt. Columns have
// the same types on both: times are microseconds since 1970, bodies are JSON text. Package postgres and package sqlite are the
// engines; nobody else calls this package.
//
// # Lock order
//
// Every act takes row locks in this order, and several rows of one table in the order of their key, so that no two acts
// wait for each other in a ring:
//
//	seen, identity, contact  Accept; it never updates a row that a turn may hold, and raises the lane last. Whoever closes or
//	                         forgets a conversation takes its contact after it: the ring that leaves, of a contact's first
//	                         message on another channel at that moment, is broken by PostgreSQL, and both run again
//	runnable                 the lane: whoever hands a conversation to or from the bot, or makes outgoing messages, holds it
//	conversation             the owner: queue and agent change under this lock alone
//	status                   pending and kept statuses
//	lineage                  the history that the data has, by the one who finds that it is another
//	out_lane                 the outbox of a conversation: its head, its sends
//	outbox, outgoing, timer, inbox, queue, agent_slot
//	send_budget
//	bundle_head, source      what was put and fetched; no act of the message path takes them
//	pool                     cumulative counters
//	desk_seq                 the sequence of desk events: taken last and held until the commit, so that a reader of
//	                         "after seq" never misses an event that commits later with a smaller number
//
// The last point costs that desk acts of one tenant commit one after another; citizens who talk to the bot alone never
// touch it. A sequence without that lock would be free, and would lose an event to every console that polls in between.
//
// The messages that an act sends are numbered under the lane's lock, and Accept commits only after it had that lock: within
// a conversation an outgoing message therefore never appears below a number that a mailbox has already read.
package acts

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Engine runs transactions on one database.
type Engine interface {
	// Write runs act in one durable transaction. It may run it again after a rollback. When act returns an error, nothing
	// of it is kept and the error comes back, as one of the store's errors where it is one. The caller's context may
	// prevent the act, and never interrupts it.
	Write(ctx context.Context, act func(Tx) error) error
	// Read runs statements that change nothing; each sees what was committed before it began.
	Read(ctx context.Context, act func(Tx) error) error
}

// Tx is what an act may do in its transaction. Statements have $1 placeholders, each of them with the words of the package
// comment replaced.
type Tx interface {
	// Exec returns the number of rows changed. Arguments are int64, string, []byte, bool or *List. That a row stays locked is told by
	// ErrLocked, here and below.
	Exec(query string, args ...any) (int64, error)
	Query(query string, args ...any) (Rows, error)
	// Later is Exec of a statement whose result nobody needs: it may go to the database only with the next one, or the commit, and
	// its error may come from there.
	Later(query string, args ...any) error
	// Expect is Later of a statement that must change exactly so many rows; else the act fails with ErrCount. what names the rows.
	Expect(rows int64, what, query string, args ...any) error
	// Ask is Query whose rows go to row, one by one, before the next Query, Exec or Draw returns, or the commit begins; what row
	// returns is an error of the act.
	Ask(row Row, query string, args ...any) error
	// Savepoint undoes what try did when it fails, and keeps the transaction usable.
	Savepoint(try func() error) error
	// Draw returns n new row ids, rising, above all drawn by transactions that have committed, and the database's time.
	Draw(n int) (ids []int64, now int64, err error)
}

// ErrCount: a statement changed other rows than the rules of the message path say. The act rolls back.
var ErrCount = errors.New("a row that the act holds was changed by another")

// Counted is ErrCount where not as many rows were changed as must be.
func Counted(what string, changed, want int64) error {
	if changed == want {
		return nil
	}
	return fmt.Errorf("%w: %d of %d %s", ErrCount, changed, want, what)
}

// Row is given each row of a result.
type Row func(scan func(dest ...any) error) error

// Rows is a result that is read once.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Acts is every act of store.Store that SQL alone can do.
type Acts struct {
	engine Engine
	// forgotten is the conversation that forget has come to.
	forgotten atomic.Int64
	// waryUntil is until when no Accept waits for a lane before it has looked, in nanoseconds since 1970; see raise.
	waryUntil atomic.Int64
}

// New returns the acts on an engine.
func New(engine Engine) *Acts { return &Acts{engine: engine} }

// write and read name the act in the error.
func (a *Acts) write(ctx context.Context, name string, act func(Tx) error) error {
	return named(name, a.engine.Write(ctx, act))
}

func (a *Acts) read(ctx context.Context, name string, act func(Tx) error) error {
	return named(name, a.engine.Read(ctx, act))
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// passing tells errors that say something of the database and nothing of the rows: trying lane by lane would not help.
func passing(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUnknownOutcome) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// micros is a time as the columns hold it; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is micros read back.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
