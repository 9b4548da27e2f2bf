package postgres

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// prepared counts the statements that a store's connections keep by the server's own word.
func prepared(t *testing.T, s *Store) int {
	t.Helper()
	total := 0
	for _, conn := range s.pool.AcquireAllIdle(t.Context()) {
		n := 0
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'loket_%'`).Scan(&n); err != nil {
			t.Error(err)
		}
		total += n
		conn.Release()
	}
	return total
}

func TestStatementsArePreparedOnTheServersOwnConnectionsAndNeverThroughAPooler(t *testing.T) {
	uri := migrated(t)
	direct := connect(t, uri)
	talk(t, direct, direct, "1")
	kept := prepared(t, direct)
	if kept == 0 {
		t.Fatal("a direct connection prepared nothing")
	}
	through := connect(t, bouncer(t, uri))
	talk(t, through, through, "2")
	if n := prepared(t, through); n != 0 {
		t.Fatalf("%d statements were prepared through pgbouncer, which gives the connection to others", n)
	}
	for i := range 20 { // lists of another length are the same statement
		var batch store.Batch
		for j := range i + 1 {
			batch.Messages = append(batch.Messages, store.Inbound{Channel: "wa", ExternalID: strconv.Itoa(i) + "-" + strconv.Itoa(j), At: time.Now(),
				Identities: []message.Identity{{Scope: "p", Kind: message.IdentityPhone, Value: strconv.Itoa(j)}},
				Body:       message.In{Kind: message.InText, Text: "halo"}})
		}
		if _, err := direct.Accept(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if now := prepared(t, direct); now > kept*int(direct.pool.Stat().TotalConns())+10 {
		t.Fatalf("%d statements after %d: they grow with what they are about", now, kept)
	}
}

// A pooler that names the server's process as its own would take prepared statements away between two acts.
func TestAStoreWhosePreparedStatementsVanishGoesOnWithoutThem(t *testing.T) {
	s := connect(t, migrated(t))
	talk(t, s, s, "1")
	polls := func() { // on several connections at once, and at the first try
		t.Helper()
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := s.Poll(t.Context(), store.PollRequest{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	polls()
	for _, conn := range s.pool.AcquireAllIdle(t.Context()) {
		if _, err := conn.Exec(context.Background(), `DEALLOCATE ALL`); err != nil {
			t.Fatal(err)
		}
		conn.Release()
	}
	polls()
	talk(t, s, s, "2")
	if !s.pooled.Load() {
		t.Fatal("the store still believes in prepared statements")
	}
}
