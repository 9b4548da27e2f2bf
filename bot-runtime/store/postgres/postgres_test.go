package postgres

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/storetest"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

func TestPostgreSQLKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return connect(t, migrated(t)) })
}

// With sequential scans made dear, one is left only where no index serves.
func TestStatusesAreFoundByTheirIndexes(t *testing.T) {
	storetest.Plans(t, connect(t, migrated(t)), "EXPLAIN", 1, func(line string) bool { return strings.Contains(line, "Seq Scan on status") },
		"SET LOCAL enable_seqscan = off")
}

// migrated is the URI of a database with the schema in it.
func migrated(t testing.TB) string {
	t.Helper()
	return pgtest.Prepared(t, "store", func(uri string) error {
		c, err := FromSecret(map[string]string{"uri": uri})
		if err != nil {
			return err
		}
		s, err := Open(c)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Migrate(context.Background())
	})
}

// connect is another pod on the same database.
func connect(t testing.TB, uri string) *Store {
	t.Helper()
	c, err := FromSecret(map[string]string{"uri": uri})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func unmigrated(t testing.TB) string { return pgtest.Database(t) }

func BenchmarkPostgreSQL(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Store { return connect(b, migrated(b)) })
}

func TestAServersLineageIsNamedAndStaysTheSame(t *testing.T) {
	s := connect(t, migrated(t))
	name := func() (lineage string) {
		t.Helper()
		if err := s.pool.QueryRow(t.Context(), `SELECT loket_lineage()`).Scan(&lineage); err != nil {
			t.Fatal(err)
		}
		return lineage
	}
	first := name()
	if !regexp.MustCompile(`^[0-9]+/[0-9A-F]{8}$`).MatchString(first) {
		t.Fatalf("lineage %q: want the system's identifier and the timeline", first)
	}
	if again := name(); again != first {
		t.Fatalf("lineage %q became %q", first, again)
	}
}
