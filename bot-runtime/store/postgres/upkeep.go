package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	months, errMonths := s.keepMonths(ctx, retention)
	report, err := s.Upkeep(ctx, retention, "seen")
	report.Dropped += months
	return report, errors.Join(errMonths, err)
}

// keepMonths makes the partitions that are missing, drops those past retention, and returns how many rows they had. Mostly there
// is nothing to do, and one query finds that out.
func (s *Store) keepMonths(ctx context.Context, retention time.Duration) (dropped int64, err error) {
	missing, over, err := s.months(ctx, retention)
	if err != nil || len(missing)+len(over) == 0 {
		return 0, err
	}
	err = s.alone(ctx, func() error {
		missing, over, err := s.months(ctx, retention) // others may have been here meanwhile
		if err != nil {
			return err
		}
		errMake := s.makePartitions(ctx, missing)
		dropped, err = s.dropPartitions(ctx, over)
		return errors.Join(errMake, err)
	})
	return dropped, err
}

// month is the month that is n after the one of now.
func month(now time.Time, n int) time.Time {
	return time.Date(now.UTC().Year(), now.UTC().Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

func partition(table string, m time.Time) string { return table + "_" + m.Format("200601") }

// tableMonth is one partition.
type tableMonth struct {
	table, time string // the column that it is cut by
	from        time.Time
}

func (m tableMonth) name() string { return partition(m.table, m.from) }

// months are the partitions that are missing, and those that ended before the retention, by the database's clock.
func (s *Store) months(ctx context.Context, retention time.Duration) (missing, over []tableMonth, err error) {
	var now time.Time
	there := map[string]bool{}
	rows, err := s.pool.Query(ctx, `SELECT statement_timestamp(), c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent IN (to_regclass('message'), to_regclass('seen')) ORDER BY 2`)
	if err == nil {
		var name string
		_, err = pgx.ForEachRow(rows, []any{&now, &name}, func() error {
			there[name] = true
			return nil
		})
	}
	if err != nil {
		err, _ = judge(err)
		return nil, nil, err
	}
	if len(there) == 0 {
		return nil, nil, fmt.Errorf("%w: the store is not migrated yet", store.ErrUnavailable)
	}
	for _, p := range partitioned {
		kept := p.kept
		if kept == 0 {
			kept = retention
		}
		past := func(m time.Time) bool { return kept > 0 && !month(m, 1).After(now.Add(-kept)) }
		for n := -monthsBehind; n <= monthsAhead; n++ {
			if m := month(now, n); !past(m) && !there[partition(p.table, m)] {
				missing = append(missing, tableMonth{p.table, p.time, m})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(there)) {
			if m, err := time.Parse("200601", strings.TrimPrefix(name, p.table+"_")); err == nil && past(m) {
				over = append(over, tableMonth{p.table, p.time, m})
			}
		}
	}
	return missing, over, nil
}

// makePartitions locks their table for a moment. A month whose rows went into the default partition already stays there:
// PostgreSQL refuses, and nothing is lost.
func (s *Store) makePartitions(ctx context.Context, months []tableMonth) error {
	return s.Write(ctx, func(tx acts.Tx) error {
		for _, m := range months {
			from, to := m.from.UnixMicro(), month(m.from, 1).UnixMicro()
			fits, err := found(tx, `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM `+m.table+`_default WHERE `+m.time+` >= $1 AND `+m.time+` < $2)`, from, to)
			if err == nil && fits {
				_, err = tx.Exec(fmt.Sprintf(`CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)`, m.name(), m.table, from, to))
			}
			if err != nil {
				return fmt.Errorf("partition %s: %w", m.name(), err)
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

// dropPartitions drops months, unless something in them still waits.
func (s *Store) dropPartitions(ctx context.Context, months []tableMonth) (dropped int64, err error) {
	var failed []error
	for _, m := range months {
		n, err := s.dropPartition(ctx, m.table, m.name(), m.from)
		if err != nil {
			failed = append(failed, fmt.Errorf("drop partition %s: %w", m.name(), err))
		}
		dropped += n
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
