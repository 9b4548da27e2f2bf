package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// monthsAhead of partitions are there before they are needed; two behind take late messages of a new tenant.
const monthsAhead, monthsBehind = 3, 2

// partitioned are the tables cut by month of a time, and how long each is kept whatever the tenant's retention; 0: as that says.
var partitioned = []struct {
	table, time string
	kept        time.Duration
}{{"message", "stored_at", 0}, {"seen", "msg_at", acts.SeenKept}}

// Ping implements store.Store: this server takes commits.
func (s *Store) Ping(ctx context.Context) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var standby bool
	var readOnly string
	if err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only')
		FROM desk_seq WHERE one = 1`).Scan(&standby, &readOnly); err != nil {
		err, _ = judge(err)
		return err
	}
	if standby || readOnly == "on" {
		return fmt.Errorf("%w: the database is a standby or read-only", store.ErrUnavailable)
	}
	return nil
}

// Durability implements store.Store, from what the server says of itself.
func (s *Store) Durability(ctx context.Context) (store.Durability, error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	var fsync, commit, pages, names string
	var replicas int
	if err := conn.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('synchronous_commit'),
		current_setting('full_page_writes'), current_setting('synchronous_standby_names'),
		(SELECT count(*) FROM pg_stat_replication)`).Scan(&fsync, &commit, &pages, &names, &replicas); err != nil {
		err, _ = judge(err)
		return "", err
	}
	return durability(fsync, commit, pages, names, replicas), nil
}

func durability(fsync, commit, pages, names string, replicas int) store.Durability {
	switch {
	case fsync != "on" || pages != "on" || commit == "off":
		return store.DurabilityUnsafe
	case names != "" && commit != "local":
		return store.DurabilitySynchronous
	case replicas > 0:
		return store.DurabilityAsyncReplica
	}
	return store.DurabilitySingleNode
}

// Janitor implements store.Store. What citizens and agents said is deleted when it is past retention, and what is left of a month
// dropped with it, once its last day is. What fails keeps nothing else from being done.
func (s *Store) Janitor(ctx context.Context, retention time.Duration) (store.JanitorReport, error) {
	lanes, errRepair := s.Repair(ctx)
	var months int64
	errMonths := s.alone(ctx, func() (err error) {
		errMake := s.makePartitions(ctx)
		months, err = s.dropPartitions(ctx, retention)
		return errors.Join(errMake, err)
	})
	dropped, errSweep := s.Sweep(ctx, retention, "seen")
	doubled, errDoubled := s.Doubled(ctx)
	return store.JanitorReport{RepairedLanes: lanes, Dropped: months + dropped, Doubled: doubled},
		errors.Join(errRepair, errMonths, errSweep, errDoubled)
}

// month is the month that is n after the one of now.
func month(now time.Time, n int) time.Time {
	return time.Date(now.UTC().Year(), now.UTC().Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

func partition(table string, m time.Time) string { return table + "_" + m.Format("200601") }

func (s *Store) clock(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := s.pool.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now)
	if err != nil {
		err, _ = judge(err)
	}
	return now, err
}

// makePartitions makes the missing months. Making one locks the table for a moment, so it is done only where one is missing.
// A month whose rows went into the default partition already stays there: PostgreSQL refuses, and nothing is lost.
func (s *Store) makePartitions(ctx context.Context) error {
	now, err := s.clock(ctx)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx acts.Tx) error {
		for _, p := range partitioned {
			for n := -monthsBehind; n <= monthsAhead; n++ {
				from, to := month(now, n), month(now, n+1)
				missing, err := found(tx, `SELECT 1 WHERE to_regclass($1) IS NULL AND NOT EXISTS
					(SELECT 1 FROM `+p.table+`_default WHERE `+p.time+` >= $2 AND `+p.time+` < $3)`,
					partition(p.table, from), from.UnixMicro(), to.UnixMicro())
				if err == nil && missing {
					_, err = tx.Exec(fmt.Sprintf(`CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)`,
						partition(p.table, from), p.table, from.UnixMicro(), to.UnixMicro()))
				}
				if err != nil {
					return fmt.Errorf("partition %s: %w", partition(p.table, from), err)
				}
			}
		}
		return nil
	})
}

// found tells whether a query has a row.
func found(tx acts.Tx, query string, args ...any) (bool, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	has := rows.Next()
	return has, rows.Err()
}

// dropPartitions drops months that ended before the retention, unless something in them still waits.
func (s *Store) dropPartitions(ctx context.Context, retention time.Duration) (int64, error) {
	now, err := s.clock(ctx)
	if err != nil {
		return 0, err
	}
	var dropped int64
	var failed []error
	for _, p := range partitioned {
		kept := p.kept
		if kept == 0 {
			if kept = retention; kept <= 0 {
				continue
			}
		}
		names, err := s.children(ctx, p.table)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, name := range names {
			m, err := time.Parse("200601", strings.TrimPrefix(name, p.table+"_"))
			if err != nil || month(m, 1).After(now.Add(-kept)) {
				continue
			}
			n, err := s.dropPartition(ctx, p.table, name, m)
			if err != nil {
				failed = append(failed, fmt.Errorf("drop partition %s: %w", name, err))
			}
			dropped += n
		}
	}
	return dropped, errors.Join(failed...)
}

// dropPartition drops a month and returns about how many rows it had: to count them would take longer than a statement may.
func (s *Store) dropPartition(ctx context.Context, table, name string, m time.Time) (rows int64, err error) {
	err = s.Write(ctx, func(tx acts.Tx) error {
		rows = 0
		if table == "message" {
			waits, err := found(tx, `SELECT 1 WHERE EXISTS (SELECT 1 FROM inbox WHERE kind = 'message' AND message_at >= $1 AND message_at < $2)
				OR EXISTS (SELECT 1 FROM outbox WHERE message_at >= $1 AND message_at < $2)`, m.UnixMicro(), month(m, 1).UnixMicro())
			if err != nil || waits {
				return err
			}
		}
		about, err := tx.Query(`SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)`, name)
		if err != nil {
			return err
		}
		for about.Next() {
			if err := about.Scan(&rows); err != nil {
				return err
			}
		}
		about.Close()
		if err := about.Err(); err != nil {
			return err
		}
		_, err = tx.Exec(`DROP TABLE ` + pgx.Identifier{name}.Sanitize())
		return err
	})
	return rows, err
}

func (s *Store) children(ctx context.Context, table string) ([]string, error) {
	rows, err := s.pool.Query(ctx, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = to_regclass($1) ORDER BY 1`, table)
	if err == nil {
		var names []string
		if names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil {
			return names, nil
		}
	}
	err, _ = judge(err)
	return nil, err
}
