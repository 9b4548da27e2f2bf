package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// intake is a store of which only Accept is there.
type intake struct {
	mu      sync.Mutex
	batches []store.Batch
	answer  func(store.Batch) error
}

func (i *intake) Accept(_ context.Context, b store.Batch) (store.Accepted, error) {
	if i.answer != nil {
		if err := i.answer(b); err != nil {
			return store.Accepted{}, err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.batches = append(i.batches, b)
	return store.Accepted{Stored: len(b.Messages)}, nil
}

// running starts a committer and returns it with what ends it.
func running(i *intake) (*committer, func()) {
	c := newCommitter(i, time.Now, func(error) {}, func(store.Accepted) {})
	stop := make(chan struct{})
	go c.run(stop)
	return c, func() { close(stop); <-c.stopped }
}

func one(id string) store.Batch { return store.Batch{Messages: []store.Inbound{{ExternalID: id}}} }

func TestWebhooksThatComeTogetherAreOneTransactionInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &intake{}
		c, end := running(in)
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				if err := c.Accept(one(fmt.Sprintf("m%02d", n))); err != nil {
					t.Errorf("message %d was not acknowledged: %v", n, err)
				}
			})
			synctest.Wait() // it stands in the queue: the next one comes later
		}
		all.Wait()
		end()
		if len(in.batches) != 1 || len(in.batches[0].Messages) != 50 {
			t.Fatalf("50 webhooks within 2 ms became %d transactions", len(in.batches))
		}
		for n, m := range in.batches[0].Messages {
			if want := fmt.Sprintf("m%02d", n); m.ExternalID != want {
				t.Fatalf("message %d of the transaction is %s, want %s", n, m.ExternalID, want)
			}
		}
	})
}

func TestAWebhookThatWaitsOverTwoSecondsIsShedAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		in := &intake{answer: func(b store.Batch) error {
			if b.Messages[0].ExternalID == "slow" {
				<-held
			}
			return nil
		}}
		c, end := running(in)
		slow, late := make(chan error), make(chan error)
		go func() { slow <- c.Accept(one("slow")) }()
		time.Sleep(10 * time.Millisecond) // the bubble's clock: its transaction has begun
		began := time.Now()
		go func() { late <- c.Accept(one("late")) }()
		if err := <-late; !errors.Is(err, ErrShed) {
			t.Fatalf("a webhook behind a stuck database got %v, want shed", err)
		}
		if waited := time.Since(began); waited != shedAfter {
			t.Fatalf("it was shed after %s, want %s", waited, shedAfter)
		}
		close(held)
		if err := <-slow; err != nil {
			t.Fatalf("the webhook whose transaction had begun was given up: %v", err)
		}
		end()
		for _, b := range in.batches {
			if b.Messages[0].ExternalID == "late" {
				t.Fatal("a webhook that was answered 503 was stored all the same")
			}
		}
	})
}

func TestALostCommitIsNotAcknowledgedToAnybodyInIt(t *testing.T) {
	for _, lost := range []error{store.ErrUnknownOutcome, store.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			c, end := running(&intake{answer: func(store.Batch) error { tries++; return lost }})
			var all sync.WaitGroup
			for n := range 3 {
				all.Go(func() {
					if err := c.Accept(one(fmt.Sprint(n))); !errors.Is(err, lost) {
						t.Errorf("got %v, want %v", err, lost)
					}
				})
			}
			all.Wait()
			end()
			if tries != 1 {
				t.Errorf("a transaction that ended with %v was tried %d times: the platform is who tries again", lost, tries)
			}
		})
	}
}

func TestOneWebhookThatCannotBeStoredKeepsNobodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("value out of range")
		in := &intake{answer: func(b store.Batch) error {
			for _, m := range b.Messages {
				if m.ExternalID == "1" {
					return refused
				}
			}
			return nil
		}}
		c, end := running(in)
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				err := c.Accept(one(fmt.Sprint(n)))
				if (n == 1) != errors.Is(err, refused) {
					t.Errorf("webhook %d: %v", n, err)
				}
			})
		}
		all.Wait()
		end()
		if len(in.batches) != 3 {
			t.Errorf("%d of the 3 others were stored", len(in.batches))
		}
	})
}

// A commit waits for the disk; what the next one needs to know can be looked up meanwhile.
func TestTheNextTransactionBeginsWhenTheMessagesOfTheLastHaveTheirPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var events []string
		note := func(what string, b store.Batch) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, what+" "+b.Messages[0].ExternalID)
		}
		in := &intake{answer: func(b store.Batch) error {
			note("begins", b)
			time.Sleep(10 * time.Millisecond)
			note("is ordered", b)
			b.Ordered()
			b.Ordered() // a store may do it again
			time.Sleep(30 * time.Millisecond)
			note("is stored", b)
			return nil
		}}
		c, end := running(in)
		var all sync.WaitGroup
		for _, id := range []string{"a", "b", "c"} {
			all.Go(func() {
				if err := c.Accept(one(id)); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(15 * time.Millisecond) // the bubble's clock: each is a group
		}
		all.Wait()
		end()
		want := []string{"begins a", "is ordered a", "begins b", "is ordered b", "is stored a", "begins c", "is ordered c", "is stored b", "is stored c"}
		if !slices.Equal(events, want) {
			t.Errorf("got %q\nwant %q", events, want)
		}
	})
}

// A stepper that is stopped in the middle of a turn holds its citizens' lanes for seconds.
func TestOnlyWhoseLaneIsHeldWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		free := map[string]time.Duration{"soon": 3 * time.Second, "never": time.Hour}
		in := &intake{}
		in.answer = func(b store.Batch) error { // as a store does: with nothing else to store it waits, for 5 s
			for range 50 {
				held := &store.Held{}
				for i, m := range b.Messages {
					if time.Since(began) < free[m.ExternalID] {
						held.Messages = append(held.Messages, i)
					}
				}
				switch len(held.Messages) {
				case 0:
					return nil
				case len(b.Messages):
					time.Sleep(100 * time.Millisecond)
				default:
					return held
				}
			}
			return store.ErrUnavailable
		}
		c, end := running(in)
		var all sync.WaitGroup
		waited := map[string]time.Duration{}
		var mu sync.Mutex
		for _, id := range []string{"a", "soon", "b", "never", "c"} {
			all.Go(func() {
				b := one(id)
				if id == "soon" {
					b.Messages = append(b.Messages, one("with soon").Messages...)
				}
				err := c.Accept(b)
				if (id == "never") != errors.Is(err, store.ErrUnavailable) || id != "never" && err != nil {
					t.Errorf("%s got %v", id, err)
				}
				mu.Lock()
				defer mu.Unlock()
				waited[id] = time.Since(began)
			})
		}
		time.Sleep(500 * time.Millisecond) // the bubble's clock
		all.Go(func() {
			if err := c.Accept(one("later")); err != nil || time.Since(began) > 600*time.Millisecond {
				t.Errorf("who came later got %v after %s", err, time.Since(began))
			}
		})
		all.Wait()
		end()
		for id, limits := range map[string][2]time.Duration{"a": {0, gatherFor}, "b": {0, gatherFor}, "c": {0, gatherFor},
			"soon": {3 * time.Second, heldMost}, "never": {heldMost, 2 * heldMost}} {
			if waited[id] < limits[0] || waited[id] > limits[1] {
				t.Errorf("%s waited %s, want %s to %s", id, waited[id], limits[0], limits[1])
			}
		}
	})
}

// The wait before an unknown send is made again counts on it that echoes are stored meanwhile.
func TestALaneThatIsHeldKeepsNoEchoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &intake{answer: func(b store.Batch) error {
			if len(b.Messages) > 0 {
				return fmt.Errorf("%w: a stopped stepper holds the lane", store.ErrUnavailable)
			}
			return nil
		}}
		c, end := running(in)
		var all sync.WaitGroup
		var message, first, second error
		all.Go(func() { first = c.Accept(store.Batch{Statuses: []store.Status{{Ref: "a"}}}) })
		all.Go(func() { message = c.Accept(one("held")) })
		all.Go(func() { second = c.Accept(store.Batch{Statuses: []store.Status{{Ref: "b"}}}) })
		all.Wait()
		end()
		if !errors.Is(message, store.ErrUnavailable) || first != nil || second != nil {
			t.Errorf("the message got %v, the statuses %v and %v", message, first, second)
		}
		if len(in.batches) != 1 || len(in.batches[0].Statuses) != 2 {
			t.Errorf("what could be stored was stored as %+v", in.batches)
		}
	})
}

func TestTheEndStoresWhatWaitsAndRefusesWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &intake{}
		c := newCommitter(in, time.Now, func(error) {}, func(store.Accepted) {})
		waiting := make(chan error)
		go func() { waiting <- c.Accept(one("a")) }()
		synctest.Wait()
		stop := make(chan struct{})
		close(stop)
		c.run(stop)
		if err := <-waiting; err != nil || len(in.batches) != 1 {
			t.Fatalf("what waited when the end came: %v, %d transactions", err, len(in.batches))
		}
		c.queue = nil // nobody reads it any more
		if err := c.Accept(one("b")); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("after the end: %v, want unavailable", err)
		}
	})
}
