package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

func TestWhatACommitPromisesIsReadFromTheServer(t *testing.T) {
	for _, c := range []struct {
		what, fsync, commit, pages, names string
		replicas                          int
		want                              store.Durability
	}{
		{"a single server", "on", "on", "on", "", 0, store.DurabilitySingleNode},
		{"a standby that lags", "on", "on", "on", "", 1, store.DurabilityAsyncReplica},
		{"a quorum", "on", "on", "on", "ANY 1 (a, b)", 2, store.DurabilitySynchronous},
		{"a quorum that nobody waits for", "on", "local", "on", "ANY 1 (a, b)", 2, store.DurabilityAsyncReplica},
		{"no fsync", "off", "on", "on", "ANY 1 (a, b)", 2, store.DurabilityUnsafe},
		{"commits that are not waited for", "on", "off", "on", "", 0, store.DurabilityUnsafe},
		{"torn pages", "on", "on", "off", "", 0, store.DurabilityUnsafe},
	} {
		if got := durability(c.fsync, c.commit, c.pages, c.names, c.replicas); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestOnlyACertainRollbackIsTriedAgain(t *testing.T) {
	lost := errors.New("unexpected EOF")
	for _, c := range []struct {
		what      string
		err       error
		committed bool // at COMMIT
		want      error
		again     bool
	}{
		{"a deadlock", &pgconn.PgError{Code: "40P01"}, false, store.ErrUnavailable, true},
		{"a lock that is not given", &pgconn.PgError{Code: "55P03"}, false, store.ErrUnavailable, true},
		{"a full disk", &pgconn.PgError{Code: "53100"}, false, store.ErrUnavailable, false},
		{"a standby", &pgconn.PgError{Code: "25006"}, false, store.ErrUnavailable, false},
		{"a schema that is not there yet", &pgconn.PgError{Code: "42P01"}, false, store.ErrUnavailable, false},
		{"a line that broke before the commit", lost, false, store.ErrUnavailable, true},
		{"a line that broke in the commit", lost, true, store.ErrUnknownOutcome, false},
		{"a shutdown in the commit", &pgconn.PgError{Code: "57P01"}, true, store.ErrUnknownOutcome, false},
		{"a serialization failure in the commit", &pgconn.PgError{Code: "40001"}, true, store.ErrUnavailable, true},
		{"a commit that rolled back", pgx.ErrTxCommitRollback, true, store.ErrUnavailable, true},
		{"another owner", fmt.Errorf("not yours: %w", store.ErrConflict), false, store.ErrConflict, false},
	} {
		decide := judge
		if c.committed {
			decide = judgeCommit
		}
		if got, again := decide(c.err); !errors.Is(got, c.want) || again != c.again {
			t.Errorf("%s: %v, again %v", c.what, got, again)
		}
	}
}

func TestACommitThatNoStandbyHasIsNoticedInEveryLanguage(t *testing.T) {
	for _, c := range []struct {
		notice pgconn.Notice
		want   bool
	}{
		{pgconn.Notice{SeverityUnlocalized: "WARNING", Code: "01000", Message: "canceling wait for synchronous replication due to user request"}, true},
		{pgconn.Notice{Severity: "WARNUNG", SeverityUnlocalized: "WARNING", Code: "01000", Message: "storniere Warten auf synchrone Replikation wegen Benutzeraufforderung"}, true},
		{pgconn.Notice{Severity: "WARNUNG", SeverityUnlocalized: "WARNING", Code: "57P01", Message: "Warten auf synchrone Replikation wird storniert"}, true},
		{pgconn.Notice{SeverityUnlocalized: "NOTICE", Code: "00000", Message: "relation exists, skipping"}, false},
		{pgconn.Notice{SeverityUnlocalized: "WARNING", Code: "25P01", Message: "there is no transaction in progress"}, false},
	} {
		if got := tellsOfStandby(&c.notice); got != c.want {
			t.Errorf("%s %s %q: %v", c.notice.SeverityUnlocalized, c.notice.Code, c.notice.Message, got)
		}
	}
}

func TestMonthsPastRetentionAreDroppedUnlessSomethingInThemWaits(t *testing.T) {
	s := connect(t, migrated(t))
	ctx := t.Context()
	if _, err := s.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound("1", "m1"), inbound("2", "m2")}}); err != nil {
		t.Fatal(err)
	}
	step := func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Format: 1, Handled: []int64{l.Inbox[0].ID}}, nil
	}
	if n, err := s.Turn(ctx, 1, step); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	// Both messages become half a year old: the handled one and the one that waits lie in two months.
	now := time.Now()
	handledAt, waitingAt := month(now, -6), month(now, -5)
	err := s.Write(ctx, func(tx acts.Tx) error {
		for _, q := range []string{
			fmt.Sprintf(`CREATE TABLE %s PARTITION OF message FOR VALUES FROM (%d) TO (%d)`, partition("message", handledAt), handledAt.UnixMicro(), waitingAt.UnixMicro()),
			fmt.Sprintf(`CREATE TABLE %s PARTITION OF message FOR VALUES FROM (%d) TO (%d)`, partition("message", waitingAt), waitingAt.UnixMicro(), month(now, -4).UnixMicro()),
			fmt.Sprintf(`UPDATE message SET stored_at = %d WHERE id NOT IN (SELECT id FROM inbox)`, handledAt.UnixMicro()),
			fmt.Sprintf(`UPDATE message SET stored_at = %d WHERE id IN (SELECT id FROM inbox)`, waitingAt.UnixMicro()),
			fmt.Sprintf(`UPDATE inbox SET message_at = %d`, waitingAt.UnixMicro()),
		} {
			if _, err := tx.Exec(q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, func(tx acts.Tx) error { _, err := tx.Exec(`ANALYZE message`); return err }); err != nil { // rows are estimated
		t.Fatal(err)
	}
	if got, err := s.Janitor(ctx, 0); err != nil || got.Dropped != 0 {
		t.Fatalf("without retention: %+v %v", got, err)
	}
	if got, err := s.Janitor(ctx, 90*24*time.Hour); err != nil || got.Dropped != 1 || got.RepairedLanes != 0 {
		t.Fatalf("with retention: %+v %v", got, err)
	}
	text := ""
	if _, err := s.Turn(ctx, 1, func(l store.Lane) (store.Outcome, error) {
		text = l.Inbox[0].Body.Text
		return step(l)
	}); err != nil || text == "" {
		t.Fatalf("the message that waited: %q %v", text, err)
	}
	if got, err := s.Janitor(ctx, 90*24*time.Hour); err != nil || got.Dropped != 1 {
		t.Fatalf("after it was handled: %+v %v", got, err)
	}
}

func TestAStrandedLaneIsRepairedAndCounted(t *testing.T) {
	s := connect(t, migrated(t))
	ctx := t.Context()
	if _, err := s.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, func(tx acts.Tx) error { _, err := tx.Exec(`DELETE FROM runnable`); return err }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Janitor(ctx, 0); err != nil || got.RepairedLanes != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	if n, err := s.Turn(ctx, 1, func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Handled: []int64{l.Inbox[0].ID}, Send: []store.Outgoing{{ID: "x", Body: message.Out{Text: "x"}}}}, nil
	}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := s.Write(ctx, func(tx acts.Tx) error { _, err := tx.Exec(`DELETE FROM out_lane`); return err }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Janitor(ctx, 0); err != nil || got.RepairedLanes != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

// Months that retention had dropped were made again by the next sweep, each minute: a table of messages locked twice, and every
// plan on it made anew.
func TestASweepMakesNoMonthThatTheNextOneDrops(t *testing.T) {
	s := connect(t, migrated(t))
	months := func() string {
		t.Helper()
		if _, err := s.Janitor(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		var tables string
		if err := s.pool.QueryRow(t.Context(), `SELECT string_agg(inhrelid || ' ' || inhrelid::regclass, ', ' ORDER BY inhrelid) FROM pg_inherits`).Scan(&tables); err != nil {
			t.Fatal(err)
		}
		return tables
	}
	if first, second := months(), months(); first != second {
		t.Errorf("after a sweep there was\n%s, after the next\n%s", first, second)
	}
}

// A thousand tenants share servers, and every pod of theirs keeps a connection.
func TestASweepWithNothingToDoNeedsOneConnection(t *testing.T) {
	uri := migrated(t)
	if _, err := connect(t, uri).Janitor(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	s := connect(t, uri)
	if _, err := s.Janitor(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := s.pool.Stat().TotalConns(); n != 1 {
		t.Errorf("it made %d connections", n)
	}
}

// Each look of an idle pod would be two: the pool asks a connection whether it is there, before it is used.
func TestAConnectionThatAnIdlePodPollsByIsNotAskedWhetherItIsThere(t *testing.T) {
	asks := connect(t, unmigrated(t)).pool.Config().ShouldPing
	for idle, want := range map[time.Duration]bool{5 * time.Second: false, time.Minute: true} {
		if got := asks(t.Context(), pgxpool.ShouldPingParams{IdleDuration: idle}); got != want {
			t.Errorf("after %s it is asked: %v, want %v", idle, got, want)
		}
	}
}
