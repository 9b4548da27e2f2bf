package postgres

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// heldOrWaiting returns when an act has come to its held COMMIT, or waits for a lock of another: which of the two is what the
// tests below are about, and either is an end.
func heldOrWaiting(t *testing.T, s *Store, held <-chan struct{}) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		var waiting bool
		if err := s.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
			t.Error(err)
			return
		}
		if waiting {
			return
		}
		select {
		case <-held:
			return
		case <-deadline:
			t.Error("the act neither waits nor commits")
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// With DO NOTHING in the raise, the acceptance would not wait for the stepper, the stepper would not see the row and delete
// the lane, and the message would be stranded.
func TestAMessageAcceptedWhileItsLaneIsSteppedIsNotStranded(t *testing.T) {
	direct := migrated(t)
	line, uri := newCutter(t, direct)
	accepting, stepping := connect(t, uri), connect(t, direct)
	if _, err := accepting.Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); err != nil {
		t.Fatal(err)
	}
	held, release := line.hold("commit\x00")
	defer release()
	var wg sync.WaitGroup
	var handled []string
	step := func(l store.Lane) (store.Outcome, error) {
		out := store.Outcome{Format: 1}
		for _, row := range l.Inbox {
			out.Handled = append(out.Handled, row.ID)
			handled = append(handled, row.ExternalID)
		}
		return out, nil
	}
	if _, err := stepping.Turn(t.Context(), 1, func(l store.Lane) (store.Outcome, error) {
		wg.Go(func() {
			if _, err := accepting.Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "m2")}}); err != nil {
				t.Error(err)
			}
		})
		heldOrWaiting(t, stepping, held)
		return step(l)
	}); err != nil {
		t.Fatal(err)
	}
	release()
	wg.Wait()
	for {
		n, err := stepping.Turn(t.Context(), 1, step)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if got := fmt.Sprint(handled); got != "[m1 m2]" {
		t.Errorf("handled %s", got)
	}
	if got, err := stepping.Janitor(t.Context(), 0); err != nil || got.RepairedLanes != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

// With a sequence instead of the lock, the second event would be read first, and the first one never.
func TestAnEventThatCommitsLateIsNotMissed(t *testing.T) {
	direct := migrated(t)
	line, uri := newCutter(t, direct)
	late, soon := connect(t, uri), connect(t, direct)
	ctx := t.Context()
	if _, err := soon.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound("1", "m1"), inbound("2", "m2")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := soon.Turn(ctx, 2, func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Format: 1, Handled: []int64{l.Inbox[0].ID}, Handoff: &store.Handoff{Pool: "front"}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := soon.SetAvailable(ctx, "front", "ani", true); err != nil {
		t.Fatal(err)
	}
	given, err := soon.Route(ctx, "front", store.Counter{Slots: 4, Absent: time.Minute}, func(w store.Waiting) (out []store.Assignment) {
		for _, q := range w.Queue {
			out = append(out, store.Assignment{Conversation: q.Conversation, Agent: "ani"})
		}
		return out
	})
	if err != nil || len(given) != 2 {
		t.Fatal(given, err)
	}
	after := int64(0)
	replies := 0
	read := func() {
		t.Helper()
		events, err := soon.DeskEvents(ctx, "front", "ani", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			after = e.Seq
			if e.Kind == store.EventMessage {
				replies++
			}
		}
	}
	read()
	reply := func(s *Store, i int) {
		if err := s.Reply(ctx, "front", "ani", given[i].Conversation, store.Outgoing{ID: fmt.Sprint("r", i), Class: message.ClassAgent, Body: message.Out{Text: "halo"}}); err != nil {
			t.Error(err)
		}
	}
	held, release := line.hold("commit\x00")
	defer release()
	var wg sync.WaitGroup
	wg.Go(func() { reply(late, 0) })
	<-held
	done := make(chan struct{})
	wg.Go(func() { reply(soon, 1); close(done) })
	heldOrWaiting(t, soon, done)
	read()
	release()
	wg.Wait()
	read()
	if replies != 2 {
		t.Errorf("the console saw %d of 2 replies", replies)
	}
}
