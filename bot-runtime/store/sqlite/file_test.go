package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

func inbound(citizen, id string) store.Inbound {
	return store.Inbound{Channel: "wa", ExternalID: id, At: time.Now().Truncate(time.Second), Body: message.In{Kind: message.InText, Text: id},
		Identities: []message.Identity{{Scope: "portfolio", Kind: message.IdentityPhone, Value: citizen}}}
}

func accept(s *Store, id string) (store.Accepted, error) {
	return s.Accept(context.Background(), store.Batch{Messages: []store.Inbound{inbound("1", id)}})
}

func TestASecondProcessIsRefusedAndToldWhy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space & %", "loket.db")
	s := open(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "use postgres for more") {
		t.Fatalf("%v", err)
	}
	if _, err := accept(s, "m1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := accept(s, "m2"); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("after the close: %v", err)
	}
	again := open(t, path)
	if got, err := accept(again, "m1"); err != nil || got.Duplicates != 1 {
		t.Fatalf("after a restart: %+v %v", got, err)
	}
}

func TestFileSystemsOfOtherMachinesAreRefused(t *testing.T) {
	for number, name := range networked {
		if err := refuseType("/data", number); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, number := range map[string]uint32{"ext4": 0xEF53, "xfs": 0x58465342, "btrfs": 0x9123683E, "tmpfs": 0x01021994, "overlay": 0x794C7630} {
		if err := refuseType("/data", number); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStoreThatIsNotMigratedIsUnavailable(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "loket.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := accept(s, "m1"); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
}

func TestALostAnswerToACommitIsNotAcknowledgedAndTheRedeliveryIsAbsorbed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "loket.db"))
	lost := true
	s.writer.committed = func() error {
		if lost {
			lost = false
			return errors.New("the disk did not answer")
		}
		return nil
	}
	if _, err := accept(s, "m1"); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatalf("%v", err)
	}
	if got, err := accept(s, "m1"); err != nil || got != (store.Accepted{Duplicates: 1}) {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestAFullDiskLosesNothingAndPassesWhenThereIsRoom(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "loket.db"))
	pages := func(most string) {
		t.Helper()
		if err := s.Write(t.Context(), func(tx acts.Tx) error {
			rows, err := tx.Query(`PRAGMA max_page_count = ` + most)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		}); err != nil {
			t.Fatal(err)
		}
	}
	pages("1") // as many as there are
	stored := 0
	var full error
	for i := 0; full == nil && i < 10_000; i++ {
		m := inbound("1", "m"+strings.Repeat("x", i))
		m.Body.Text = strings.Repeat("halo ", 500)
		var got store.Accepted
		if got, full = s.Accept(t.Context(), store.Batch{Messages: []store.Inbound{m}}); full == nil {
			stored += got.Stored
		}
	}
	if !errors.Is(full, store.ErrUnavailable) {
		t.Fatalf("%v", full)
	}
	pages("1000000")
	if _, err := accept(s, "there is room"); err != nil {
		t.Fatal(err)
	}
	handled := 0
	for {
		n, err := s.Turn(t.Context(), 1, func(l store.Lane) (store.Outcome, error) {
			out := store.Outcome{Format: 1}
			for _, row := range l.Inbox {
				out.Handled = append(out.Handled, row.ID)
			}
			handled += len(out.Handled)
			return out, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if handled != stored+1 {
		t.Fatalf("%d were acknowledged, %d handled", stored+1, handled)
	}
}

func TestAStepThatEndsItsGoroutineDoesNotStopTheStore(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "loket.db"))
	if _, err := accept(s, "m1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Turn(t.Context(), 1, func(store.Lane) (store.Outcome, error) { runtime.Goexit(); return store.Outcome{}, nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	if got, err := accept(s, "m2"); err != nil || got.Stored != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestACallerThatGivesUpBeforeItsTurnChangesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "loket.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if got, err := accept(s, "m1"); err != nil || got.Stored != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestOldMessagesAreForgottenAndWhatWaitsIsKept(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "loket.db"))
	for _, id := range []string{"m1", "m2"} {
		if _, err := accept(s, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Turn(t.Context(), 1, func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Format: 1, Handled: []int64{l.Inbox[0].ID}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), func(tx acts.Tx) error { _, err := tx.Exec(`UPDATE message SET stored_at = 1`); return err }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		retention time.Duration
		dropped   int64
	}{{0, 0}, {time.Hour, 1}, {time.Hour, 0}} {
		if got, err := s.Janitor(t.Context(), c.retention); err != nil || got.Dropped != c.dropped {
			t.Fatalf("retention %v: %+v %v", c.retention, got, err)
		}
	}
}

func TestAFileThatWasCopiedBackKnowsThatItWasRestoredAndARestartDoesNot(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "loket.db")
	claimable := func(s *Store) int {
		t.Helper()
		sends, err := s.ClaimSends(ctx, []string{"wa"}, 10, time.Minute, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(sends)
	}
	step := func(s *Store, id string) {
		t.Helper()
		if _, err := s.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound(id, id)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Turn(ctx, 1, func(l store.Lane) (store.Outcome, error) {
			return store.Outcome{Format: 1, State: []byte("{}"), Handled: []int64{l.Inbox[0].ID},
				Send: []store.Outgoing{{ID: "re-" + id, Class: message.ClassAnswer, Body: message.Out{Text: "hi"}}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path)
	step(s, "first")
	if n := claimable(s); n != 1 { // from now on it knows where it is
		t.Fatalf("claimed %d", n)
	}
	step(s, "waits")
	if err := s.Write(ctx, func(tx acts.Tx) error {
		for _, q := range []string{`UPDATE message SET stored_at = stored_at - 660000000 WHERE dir = 'out'`, `UPDATE outgoing SET message_at = message_at - 660000000`,
			`UPDATE outbox SET message_at = message_at - 660000000`} {
			if _, err := tx.Exec(q); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "loket.db")
	if err := os.WriteFile(elsewhere, body, 0o600); err != nil {
		t.Fatal(err)
	}
	restored := open(t, elsewhere)
	if n := claimable(restored); n != 0 {
		t.Fatalf("%d old messages of a restored store were sent", n)
	}
	letters, err := restored.DeadLetters(ctx, 0, 10)
	if err != nil || len(letters) != 2 { // the one in the air is in doubt as well
		t.Fatalf("%+v %v", letters, err)
	}
	if n := claimable(open(t, path)); n != 1 {
		t.Fatalf("after a restart %d messages could be sent, want 1", n)
	}
}
