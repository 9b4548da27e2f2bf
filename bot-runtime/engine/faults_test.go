package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// fault is what goes wrong at a point of the message path.
type fault string

const (
	// dies: the process is gone. What it had not committed is rolled back, and the store answers it nothing any more.
	dies fault = "the pod dies"
	// cut: the connection breaks once. After a commit this is its lost answer: done, and nobody knows.
	cut fault = "the connection is cut"
	// refused: the database says no to what is in the statement, once.
	refused fault = "the database refuses"
)

// faults is an acts.Engine in which one point goes wrong. Each write has a point when it has begun, before each statement, before
// its commit, and after it; they are counted over all writes of the pod.
type faults struct {
	acts.Engine
	kind fault
	at   int64 // the point, from 1; 0 is none

	seen     atomic.Int64
	happened atomic.Bool
	dead     atomic.Bool
}

var errGone = fmt.Errorf("%w: the pod is dead", store.ErrUnavailable)

// point returns what goes wrong here.
func (f *faults) point() error {
	if f.dead.Load() {
		return errGone
	}
	if f.seen.Add(1) != f.at {
		return nil
	}
	f.happened.Store(true)
	switch f.kind {
	case dies:
		f.dead.Store(true)
		return errGone
	case refused:
		return errors.New("refused, by the test")
	default:
		return fmt.Errorf("%w: cut, by the test", store.ErrUnavailable)
	}
}

func (f *faults) Write(ctx context.Context, act func(acts.Tx) error) error {
	if f.dead.Load() {
		return errGone
	}
	err := f.Engine.Write(ctx, func(tx acts.Tx) error {
		if err := f.point(); err != nil {
			return err
		}
		if err := act(&faultyTx{tx, f}); err != nil {
			return err
		}
		return f.point()
	})
	if err == nil && f.point() != nil {
		err = fmt.Errorf("%w: the commit's answer is lost", store.ErrUnknownOutcome)
	}
	return err
}

func (f *faults) Read(ctx context.Context, act func(acts.Tx) error) error {
	if f.dead.Load() {
		return errGone
	}
	return f.Engine.Read(ctx, act)
}

type faultyTx struct {
	acts.Tx
	f *faults
}

func (t *faultyTx) Exec(query string, args ...any) (int64, error) {
	if err := t.f.point(); err != nil {
		return 0, err
	}
	return t.Tx.Exec(query, args...)
}

func (t *faultyTx) Later(query string, args ...any) error {
	if err := t.f.point(); err != nil {
		return err
	}
	return t.Tx.Later(query, args...)
}

func (t *faultyTx) Expect(rows int64, what, query string, args ...any) error {
	if err := t.f.point(); err != nil {
		return err
	}
	return t.Tx.Expect(rows, what, query, args...)
}

func (t *faultyTx) Ask(row acts.Row, query string, args ...any) error {
	if err := t.f.point(); err != nil {
		return err
	}
	return t.Tx.Ask(row, query, args...)
}

func (t *faultyTx) Query(query string, args ...any) (acts.Rows, error) {
	if err := t.f.point(); err != nil {
		return nil, err
	}
	return t.Tx.Query(query, args...)
}

// database is a real store's engine, and what of it is not in acts.
type database interface {
	store.Store
	acts.Engine
}

// faultyStore is a store.Store on a faulty engine. Every act of package acts goes through it; what a store does otherwise is
// listed here, so that a new act which goes around the points does not compile.
type faultyStore struct {
	*acts.Acts
	faults *faults
	base   database
}

var _ store.Store = (*faultyStore)(nil)

func withFault(base database, kind fault, at int64) *faultyStore {
	f := &faults{Engine: base, kind: kind, at: at}
	return &faultyStore{Acts: acts.New(f), faults: f, base: base}
}

func (s *faultyStore) Janitor(ctx context.Context, retention time.Duration) (store.JanitorReport, error) {
	if s.faults.dead.Load() {
		return store.JanitorReport{}, errGone
	}
	return s.base.Janitor(ctx, retention)
}

func (s *faultyStore) Durability(ctx context.Context) (store.Durability, error) {
	return s.base.Durability(ctx)
}

func (s *faultyStore) Ping(ctx context.Context) error { return s.base.Ping(ctx) }

func (s *faultyStore) Close() error { return nil }
