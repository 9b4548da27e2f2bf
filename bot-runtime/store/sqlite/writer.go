package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

const (
	groupMost     = 64  // acts of one commit
	statementMost = 300 // prepared statements kept
)

// writer is the one goroutine that changes the database.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	work chan *request
	// committed is called between COMMIT and its answer; tests lose the answer there.
	committed func() error

	mu      sync.RWMutex
	stopped bool
	done    chan struct{}

	statements map[string]*sql.Stmt
}

type request struct {
	ctx    context.Context
	act    func(acts.Tx) error
	result chan error
}

func startWriter(db *sql.DB) (*writer, error) {
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, fmt.Errorf("store: %w", classify(err))
	}
	w := &writer{db: db, conn: conn, work: make(chan *request, groupMost), done: make(chan struct{}),
		committed: func() error { return nil }, statements: map[string]*sql.Stmt{}}
	go w.run()
	return w, nil
}

// do hands an act to the writer. A caller who gives up before its turn prevents the act; afterwards the outcome is awaited.
func (w *writer) do(ctx context.Context, act func(acts.Tx) error) error {
	r := &request{ctx: ctx, act: act, result: make(chan error, 1)}
	w.mu.RLock()
	if w.stopped {
		w.mu.RUnlock()
		return fmt.Errorf("%w: the store is closed", store.ErrUnavailable)
	}
	select {
	case w.work <- r:
		w.mu.RUnlock()
	case <-ctx.Done():
		w.mu.RUnlock()
		return ctx.Err()
	}
	return <-r.result
}

func (w *writer) stop() error {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return nil
	}
	w.stopped = true
	close(w.work)
	w.mu.Unlock()
	<-w.done
	w.forgetStatements()
	return errors.Join(w.conn.Close(), w.db.Close())
}

// run works until the queue is closed. An act that ends its goroutine (a test that fails inside a step does) is answered as
// not done, and the next goroutine goes on.
func (w *writer) run() {
	closed := false
	defer func() {
		if closed {
			close(w.done)
		} else {
			go w.run()
		}
	}()
	for first := range w.work {
		group := []*request{first}
	gather:
		for len(group) < groupMost {
			select {
			case r, ok := <-w.work:
				if !ok {
					break gather
				}
				group = append(group, r)
			default:
				break gather
			}
		}
		w.commit(group)
	}
	closed = true
}

// commit runs a group in one transaction. Acts that fail are undone alone.
func (w *writer) commit(group []*request) {
	results := make([]error, len(group))
	ended := false
	defer func() {
		if ended {
			return
		}
		_ = w.exec("ROLLBACK")
		for _, r := range group {
			r.result <- fmt.Errorf("%w: an act ended the writer", store.ErrUnavailable)
		}
	}()
	err := w.exec("BEGIN IMMEDIATE")
	if err == nil {
		for i, r := range group {
			if results[i] = r.ctx.Err(); results[i] != nil {
				continue
			}
			tx := &writing{w: w}
			var undone error
			results[i], undone = tx.try(r.act)
			if undone != nil { // SQLite has rolled everything back, as it does when the disk is full
				err = undone
				break
			}
		}
		if err == nil {
			if err = w.exec("COMMIT"); err == nil {
				err = w.committed()
			}
			err = commitError(err)
		}
		if err != nil {
			_ = w.exec("ROLLBACK") // there may be nothing left to roll back
		}
	}
	ended = true
	for i, r := range group {
		if err != nil && results[i] == nil {
			results[i] = classify(err)
		}
		r.result <- results[i]
	}
}

func (w *writer) exec(query string) error {
	_, err := w.statement(query, func(s *sql.Stmt) (sql.Result, error) { return s.Exec() })
	return err
}

// statement runs a prepared statement, preparing it once.
func (w *writer) statement(query string, run func(*sql.Stmt) (sql.Result, error)) (sql.Result, error) {
	s, err := w.prepare(query)
	if err != nil {
		return nil, err
	}
	return run(s)
}

func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if s := w.statements[query]; s != nil {
		return s, nil
	}
	if len(w.statements) >= statementMost {
		w.forgetStatements()
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	w.statements[query] = s
	return s, nil
}

func (w *writer) forgetStatements() {
	for q, s := range w.statements {
		s.Close()
		delete(w.statements, q)
	}
}

// classify names errors of the machine: they pass, and nothing was done.
func classify(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) || errors.Is(err, store.ErrUnknownOutcome) || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// commitError judges a failed COMMIT. A full or busy disk leaves the transaction open, to be rolled back; after an error of
// the disk itself nobody knows what is on it.
func commitError(err error) error {
	if err == nil {
		return nil
	}
	var e *driver.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY:
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
	}
	return fmt.Errorf("%w: %w", store.ErrUnknownOutcome, err)
}
