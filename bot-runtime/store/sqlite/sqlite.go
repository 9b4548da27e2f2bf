// Package sqlite is the store of an embedded tenant: one file, one process, the acts of package acts.
//
// One goroutine writes. It takes the acts that wait, runs each in a savepoint of one transaction, commits once for all
// (WAL, synchronous=FULL), and only then answers them: many connections that fight for the write lock starve for seconds,
// and an fsync each would be the limit of the tenant. Readers have connections of their own that cannot write.
//
// The file belongs to one process: a lock beside it is held for life, and file systems of other machines are refused, since
// their locks and fsync cannot be relied upon. A full disk makes acts store.ErrUnavailable and loses nothing.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements store.Store on one file.
type Store struct {
	*acts.Acts
	path     string
	lock     *os.File
	readers  *sql.DB
	writer   *writer
	migrated atomic.Bool
	close    func() error
}

// Open takes the file at path, which is made if it is missing, with its folder. Acts are store.ErrUnavailable until Migrate.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("folder of the store: %w", err)
	}
	if err := refuseNetwork(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := hold(path + ".lock")
	if err != nil {
		return nil, err
	}
	writerDB, err := connect(path, "synchronous(FULL)", "wal_autocheckpoint(2000)")
	if err != nil {
		lock.Close()
		return nil, err
	}
	readers, err := connect(path, "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, writerDB.Close(), lock.Close())
	}
	readers.SetMaxOpenConns(4)
	s := &Store{path: path, lock: lock, readers: readers}
	if s.writer, err = startWriter(writerDB); err != nil {
		return nil, errors.Join(err, readers.Close(), writerDB.Close(), lock.Close())
	}
	s.Acts = acts.New(s)
	s.close = sync.OnceValue(func() error { return errors.Join(s.writer.stop(), s.readers.Close(), s.lock.Close()) })
	return s, nil
}

func connect(path string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "journal_mode(WAL)", "temp_store(MEMORY)"}, pragmas...)}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	connector, err := driver.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	return sql.OpenDB(connector), nil
}

// Migrate brings the schema to this binary's version.
func (s *Store) Migrate(ctx context.Context) error {
	db, err := connect(s.path, "synchronous(FULL)")
	if err != nil {
		return err
	}
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", s.path, classify(err))
	}
	here, err := whereabouts(s.path)
	if err != nil {
		return err
	}
	if err := s.writer.do(ctx, func(tx acts.Tx) error {
		_, err := tx.Exec(`UPDATE lineage SET here = $1 WHERE here <> $1`, here)
		return err
	}); err != nil {
		return fmt.Errorf("migrate %s: %w", s.path, err)
	}
	s.migrated.Store(true)
	return nil
}

// Write implements acts.Engine.
func (s *Store) Write(ctx context.Context, act func(acts.Tx) error) error {
	if !s.migrated.Load() {
		return errNotMigrated
	}
	return s.writer.do(ctx, act)
}

// Read implements acts.Engine.
func (s *Store) Read(ctx context.Context, act func(acts.Tx) error) error {
	if !s.migrated.Load() {
		return errNotMigrated
	}
	return act(&reading{ctx: ctx, db: s.readers})
}

var errNotMigrated = fmt.Errorf("%w: the store is not migrated yet", store.ErrUnavailable)

// Ping implements store.Store: it commits.
func (s *Store) Ping(ctx context.Context) error {
	return s.Write(ctx, func(tx acts.Tx) error {
		_, err := tx.Exec(`UPDATE sequence SET value = value + 1 WHERE name = 'row'`)
		return err
	})
}

// Durability implements store.Store. A commit is on the disk of this one machine.
func (s *Store) Durability(ctx context.Context) (store.Durability, error) {
	mode := int64(0)
	err := s.Write(ctx, func(tx acts.Tx) error {
		rows, err := tx.Query(`PRAGMA synchronous`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&mode); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil || mode < 2 {
		return store.DurabilityUnsafe, err
	}
	return store.DurabilitySingleNode, nil
}

// Janitor implements store.Store. What fails keeps nothing else from being done.
func (s *Store) Janitor(ctx context.Context, retention time.Duration) (store.JanitorReport, error) {
	return s.Upkeep(ctx, retention)
}

// Close ends the writer after the acts that wait, and gives the file free. Closing again does nothing.
func (s *Store) Close() error {
	return s.close()
}
