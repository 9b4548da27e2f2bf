package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// A stepper that is stopped in the middle of a turn keeps its lanes' locks until the server ends its session. Whoever writes in
// such a lane alone waits for it, and it must be over before Accept gives up.
func TestACitizenWhoseLaneAStoppedStepperHoldsIsTakenAllTheSame(t *testing.T) {
	s := withRole(t)
	from := func(id string) store.Batch { return store.Batch{Messages: []store.Inbound{inbound("62811", id)}} }
	if _, err := s.Accept(t.Context(), from("first")); err != nil {
		t.Fatal(err)
	}
	goOn := stopAStepper(t, s)
	if _, err := s.Accept(t.Context(), from("second")); err != nil {
		t.Errorf("the second message was not stored: %v", err)
	}
	goOn()
}

func TestAHeldLaneKeepsNobodyElsesMessageOut(t *testing.T) {
	s := withRole(t)
	if _, err := s.Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "first")}}); err != nil {
		t.Fatal(err)
	}
	goOn := stopAStepper(t, s)
	again := inbound("1", "again")
	batch := func(others ...string) (b store.Batch) {
		for _, id := range others {
			b.Messages = append(b.Messages, again, inbound(id, "of "+id), again)
		}
		return b
	}
	// The first waits for the lane, the second knows better.
	for _, b := range []store.Batch{batch("2", "3"), batch("3", "4")} {
		counts, err := s.Accept(t.Context(), b)
		var held *store.Held
		if !errors.As(err, &held) {
			t.Fatalf("got %+v, %v", counts, err)
		}
		if want := []int{0, 2, 3, 5}; !slices.Equal(held.Messages, want) {
			t.Errorf("messages %v are not stored, want %v", held.Messages, want)
		}
		if got := held.Accepted; got != counts || got.Stored+got.Duplicates != 2 {
			t.Errorf("accepted: %+v", got)
		}
	}
	lanes := 0
	if _, err := s.Turn(t.Context(), 10, func(l store.Lane) (store.Outcome, error) {
		lanes++
		return store.Outcome{Handled: []int64{l.Inbox[0].ID}, Format: 1, State: []byte("{}")}, nil
	}); err != nil || lanes != 3 {
		t.Errorf("%d of the others' lanes were due, %v", lanes, err)
	}
	goOn()
	if got, err := s.Accept(t.Context(), store.Batch{Messages: []store.Inbound{again, again}}); err != nil || got != (store.Accepted{Stored: 1, Duplicates: 1}) {
		t.Errorf("what was held, delivered again: %+v, %v", got, err)
	}
}

// withRole is a store on a database of its own, with the settings of its role, which a copy of a migrated database has not.
func withRole(t *testing.T) *Store {
	t.Helper()
	s := connect(t, unmigrated(t))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// stopAStepper stops one in the middle of the only lane that is due. goOn ends it.
func stopAStepper(t *testing.T, s *Store) (goOn func()) {
	holds, going, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		_, _ = s.Turn(context.Background(), 1, func(store.Lane) (store.Outcome, error) { // its session is over, or it runs again
			once.Do(func() { close(holds) })
			<-going
			return store.Outcome{}, errors.New("nothing comes of it")
		})
	}()
	<-holds
	goOn = sync.OnceFunc(func() { close(going); <-ended })
	t.Cleanup(goOn)
	return goOn
}
