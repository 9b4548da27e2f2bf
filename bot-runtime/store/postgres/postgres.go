// Package postgres is the store of a tenant with any number of pods: one database, the acts of package acts.
//
// It works through pgbouncer in transaction mode: no session advisory locks, no SET outside a transaction, no LISTEN.
// Statements are prepared only on a connection that turns out to be the server's own, where they spare it most of its work:
// planning a statement costs more than running it. Timeouts are settings of the role, made by the first migration where the
// role may. The pool is small and empties when idle, since a thousand tenants may share a server.
//
// Open never waits for the database: until it answers and Migrate has been through, acts are store.ErrUnavailable, and they
// heal by themselves.
package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	poolMost = 8
	idleFor  = 30 * time.Second
	// pingAfter is how long a connection may rest that is used without asking whether it is there. An idle pod polls more often, and
	// what finds its connection broken before its commit runs again.
	pingAfter   = 15 * time.Second
	acquireMost = 5 * time.Second  // a longer wait for a connection is shed: 503, and the platform delivers again
	actMost     = 15 * time.Second // above every timeout of the role
	triesMost   = 6
	// notSynchronous marks a connection on which the wait for a standby was cancelled: the commit is on one node only.
	notSynchronous = "loket-not-synchronous"
	// statementsKept are the statements prepared on a connection.
	statementsKept = "loket-statements"
)

// Store implements store.Store on one database.
type Store struct {
	*acts.Acts
	pool *pgxpool.Pool
	// pooled is set when a prepared statement was not there any more: somebody else hands this pool's connections on.
	pooled atomic.Bool
}

// OpenDir is Open of a mounted Secret. Who is signed in as, with what password, and whose certificate is trusted is read anew for
// each connection, so that a Secret which changes is used without a restart; another server or database is not.
func OpenDir(dir string) (*Store, error) {
	c, err := FromDir(dir)
	if err != nil {
		return nil, err
	}
	var last atomic.Pointer[Credentials]
	last.Store(&c)
	return open(c, func(config *pgx.ConnConfig) {
		now := *last.Load()
		if read, err := FromDir(dir); err == nil && read.Password != "" { // else it is being swapped
			now.User, now.Password, now.CA = read.User, read.Password, read.CA
			last.Store(&now)
		}
		if fresh, err := now.pool(); err == nil {
			config.User, config.Password = fresh.ConnConfig.User, fresh.ConnConfig.Password
			config.TLSConfig, config.Fallbacks = fresh.ConnConfig.TLSConfig, fresh.ConnConfig.Fallbacks
		}
	})
}

// Open prepares the store. It fails only on credentials that cannot be right, never on a database that is away.
func Open(c Credentials) (*Store, error) { return open(c, nil) }

// open has renew look at each connection's settings before it is made.
func open(c Credentials, renew func(*pgx.ConnConfig)) (*Store, error) {
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolMost
	config.MaxConnIdleTime = idleFor
	config.HealthCheckPeriod = idleFor
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > pingAfter }
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnConfig.StatementCacheCapacity = 0
	config.ConnConfig.DescriptionCacheCapacity = 0
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	config.ConnConfig.DialFunc = dialer.DialContext
	config.ConnConfig.OnNotice = func(conn *pgconn.PgConn, n *pgconn.Notice) {
		if tellsOfStandby(n) {
			conn.CustomData()[notSynchronous] = true
		}
	}
	config.AfterConnect = offerStatements
	if renew != nil {
		config.BeforeConnect = func(_ context.Context, connection *pgx.ConnConfig) error {
			renew(connection)
			return nil
		}
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{pool: pool}
	s.Acts = acts.New(s)
	return s, nil
}

// offerStatements lets a connection keep prepared statements where the process at the other end is the one that the server
// named when the connection began. A pooler answers with a name of its own, since its clients cancel through it.
func offerStatements(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		return nil
	}
	conn.PgConn().CustomData()[statementsKept] = map[string]string{}
	// What the message path asks, it asks by keys. A plan made anew for each call would be no better, and one that was made while
	// a table was still empty, and reads it whole, would be kept until the server has counted the rows: a minute of standstill.
	_, err := conn.Exec(ctx, `SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
		set_config('jit', 'off', false)`)
	return err
}

// statementsOf are the statements prepared on a connection, by their text; nil where none may be.
func (s *Store) statementsOf(conn *pgxpool.Conn) map[string]string {
	if s.pooled.Load() {
		return nil
	}
	kept, _ := conn.Conn().PgConn().CustomData()[statementsKept].(map[string]string)
	return kept
}

// judge is the package's judge, and has the store prepare nothing any more once a prepared statement was lost.
func (s *Store) judge(err error) (judged error, again bool) {
	if lostStatement(err) {
		s.pooled.Store(true)
	}
	return judge(err)
}

// tellsOfStandby: of the notices that may come with the answer to COMMIT, these say that the wait for a standby was cancelled,
// or that the server ends while it waits. Their text is of the server's language.
func tellsOfStandby(n *pgconn.Notice) bool {
	return n.SeverityUnlocalized == "WARNING" && (n.Code == "01000" || n.Code == "57P01")
}

// Write implements acts.Engine.
func (s *Store) Write(ctx context.Context, act func(acts.Tx) error) error {
	for try := 1; ; try++ {
		err, again := s.once(ctx, act)
		if err == nil || !again || try == triesMost {
			return err
		}
		if rest(ctx, try) != nil {
			return err
		}
	}
}

// rest waits before another try, longer each time, and not in step with the others that were refused.
func rest(ctx context.Context, try int) error {
	most := int64(5*time.Millisecond) << try
	n, err := rand.Int(rand.Reader, big.NewInt(most))
	if err != nil {
		return err
	}
	t := time.NewTimer(time.Duration(n.Int64()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once runs an act in one transaction. again: it was rolled back for a reason that passes.
func (s *Store) once(ctx context.Context, act func(acts.Tx) error) (err error, again bool) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err, false
	}
	defer conn.Release()
	// From here on the caller cannot interrupt: a cancelled COMMIT is a commit of unknown outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actMost)
	defer cancel()
	tx := begin(ctx, conn.Conn(), s.statementsOf(conn))
	ended := false
	defer func() {
		if !ended { // the act failed, panicked or ended its goroutine
			tx.rollback()
		}
	}()
	if err := act(tx); err != nil {
		return s.judge(err)
	}
	told := conn.Conn().PgConn().CustomData()
	delete(told, notSynchronous)
	err = tx.commit()
	var before *beforeCommit
	if errors.As(err, &before) {
		return s.judge(err)
	}
	ended = true
	if err != nil {
		return judgeCommit(err)
	}
	if told[notSynchronous] == true {
		return fmt.Errorf("%w: the wait for a standby was cancelled", store.ErrUnknownOutcome), false
	}
	return nil, false
}

func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, acquireMost)
	defer cancel()
	conn, err := s.pool.Acquire(waiting)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// Read implements acts.Engine.
func (s *Store) Read(ctx context.Context, act func(acts.Tx) error) error {
	for try := 1; ; try++ {
		conn, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		err = act(&reading{ctx: ctx, conn: conn.Conn(), statements: s.statementsOf(conn)})
		conn.Release()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		err, again := s.judge(err)
		if !again || try == triesMost || rest(ctx, try) != nil {
			return err
		}
	}
}

// Migrate brings the schema to this binary's version and makes the partitions of the next months. Pods may call it at once:
// a lock of a transaction, which pgbouncer keeps, lets one go first. It is tried again by the caller.
func (s *Store) Migrate(ctx context.Context) error {
	return s.alone(ctx, func() error {
		files, err := fs.Sub(migrations, "migrations")
		if err != nil {
			return err
		}
		db := stdlib.OpenDBFromPool(s.pool)
		defer db.Close()
		provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
		if err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
		made, err := provider.Up(ctx)
		if len(made) > 0 {
			s.pool.Reset() // a session has the role's settings as they were when it began
		}
		if err != nil {
			err, _ = judge(err)
			return fmt.Errorf("migrate: %w", err)
		}
		missing, _, err := s.months(ctx, 0)
		if err != nil {
			return err
		}
		return s.makePartitions(ctx, missing)
	})
}

// alone runs what only one pod of the tenant may do at a time.
func (s *Store) alone(ctx context.Context, do func() error) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		err, _ = judge(err)
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit there is nothing to roll back
	for _, q := range []string{
		`SET LOCAL lock_timeout = '60s'`, `SET LOCAL statement_timeout = 0`, `SET LOCAL idle_in_transaction_session_timeout = 0`,
		`SELECT pg_advisory_xact_lock(hashtext('loket'), hashtext('alone'))`,
	} {
		if _, err := tx.Exec(ctx, q); err != nil {
			err, _ = judge(err)
			return err
		}
	}
	return do()
}

// Close ends the connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}
