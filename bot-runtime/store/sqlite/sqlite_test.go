package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/storetest"
)

func TestSQLiteKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "loket.db")) })
}

func TestStatusesAreFoundByTheirIndexes(t *testing.T) {
	storetest.Plans(t, open(t, filepath.Join(t.TempDir(), "loket.db")), "EXPLAIN QUERY PLAN", 4, func(line string) bool {
		for _, table := range []string{"status", "e", "s"} {
			if line == "SCAN "+table {
				return true
			}
		}
		return false
	})
}

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func BenchmarkSQLite(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Store { return open(b, filepath.Join(b.TempDir(), "loket.db")) })
}
