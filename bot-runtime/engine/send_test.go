package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// outbox hands out what is queued and notes what is settled.
type outbox struct {
	store.Sending
	mu      sync.Mutex
	queued  []store.Send
	claim   time.Duration // how long a claim takes
	lost    int           // so many claims are done, and their answers lost
	commit  time.Duration // how long a settlement takes
	poison  string        // the id whose settlement the database refuses
	settle  func(try int) error
	tries   int
	settled []string
	paused  []string
	rates   []int
	broken  string // the channel whose claims the database refuses
	refused int    // of them
}

func (o *outbox) ClaimSends(_ context.Context, channels []string, k int, _ time.Duration, rate int) ([]store.Send, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if channels[0] == o.broken {
		o.refused++
		return nil, fmt.Errorf("%w: another holds the number's budget", store.ErrUnavailable)
	}
	time.Sleep(o.claim)
	o.rates = append(o.rates, rate)
	n := min(k, len(o.queued))
	claimed := o.queued[:n]
	if o.lost > 0 {
		o.lost--
		return claimed, store.ErrUnknownOutcome
	}
	o.queued = o.queued[n:]
	return claimed, nil
}

func (o *outbox) Settle(_ context.Context, settlements []store.Settlement) ([]store.Settled, error) {
	time.Sleep(o.commit)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	for _, s := range settlements {
		if s.ID == o.poison {
			return nil, errors.New("a row that no database would take")
		}
	}
	settled := make([]store.Settled, len(settlements))
	if o.settle != nil {
		switch err := o.settle(o.tries); {
		case errors.Is(err, store.ErrConflict):
			settled[0].Refused = err
			return settled, nil
		case err != nil:
			return nil, err
		}
	}
	for _, s := range settlements {
		o.settled = append(o.settled, fmt.Sprintf("%s/%d %s", s.ID, s.Attempt, s.Outcome))
	}
	return settled, nil
}

func (o *outbox) PauseChannel(_ context.Context, name string, pause time.Duration, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paused = append(o.paused, fmt.Sprintf("%s for %s: %s", name, pause, reason))
	return nil
}

func senderOn(o *outbox, w *wire, pace time.Duration) *sender {
	live := &Live{Channels: map[string]*Channel{"wa": {Name: "wa", Connection: Connection{Sender: w, Rate: 80, Pace: pace}}}}
	return newSender(o, DefaultTiming, func() *Live { return live }, time.Now,
		newReporter(newMetrics(prometheus.NewRegistry()), logr.Discard(), time.Now), func() {}, func() bool { return false }, newSignal())
}

func toCitizen(id string, conversation int64) store.Send {
	return store.Send{ID: id, Conversation: conversation, Channel: "wa", Attempt: 1, Body: message.Out{Text: id},
		Identities: []message.Identity{{Value: "62811"}}}
}

func TestAMessageWhoseLeaseIsNearlyOverIsNotCalledButQueuedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{queued: []store.Send{toCitizen("a", 1)}, claim: DefaultTiming.Lease - DefaultTiming.Call + time.Second}, newWire()
		s := senderOn(o, w, 0)
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.calls.Wait()
		if diff := cmp.Diff([]string{"a/1 not-called"}, o.settled); diff != "" || len(w.handed) != 0 {
			t.Errorf("the age counts from before the claim was sent; %d were handed over (-want +got):\n%s", len(w.handed), diff)
		}
	})
}

// Found by make chaos SCENARIO=commit-replies-swallowed: after some lost answers a pod sent nothing any more.
func TestClaimsWhoseAnswerIsLostKeepNoPlaceInTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{lost: sendsMost + 1, queued: []store.Send{toCitizen("a", 1)}}, newWire()
		s := senderOn(o, w, 0)
		for range sendsMost + 2 {
			if _, err := s.some(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pollLatest) // the bubble's clock
		}
		s.calls.Wait()
		if o.lost != 0 || len(w.handed) != 1 || s.flying["wa"] != 0 {
			t.Errorf("%d answers are still to be lost, %d were handed over, %d places are taken", o.lost, len(w.handed), s.flying["wa"])
		}
	})
}

func TestAChannelWhoseClaimsFailKeepsNoOtherFromSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{broken: "a-number", queued: []store.Send{toCitizen("a", 1)}}, newWire()
		s := senderOn(o, w, 0)
		s.live().Channels["a-number"] = &Channel{Name: "a-number", Connection: Connection{Sender: w, Rate: 80}}
		_, err := s.some(t.Context())
		s.calls.Wait()
		if err != nil || len(w.handed) != 1 {
			t.Fatalf("%d were handed over, %v; the first number is refused, the second is not", len(w.handed), err)
		}
		const minutes = 10
		for range minutes * 60 * 20 { // the others are busy
			if _, err := s.some(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if most := 10 + minutes*60/int(pollLatest/time.Second); o.refused > most || o.refused < most/2 {
			t.Errorf("the refused number was tried %d times in %d minutes, %d is a back-off", o.refused, minutes, most)
		}
		<-s.again // of before
		o.broken = ""
		<-s.again // nobody else has us look again
		o.queued = append(o.queued, toCitizen("b", 2), toCitizen("c", 3))
		claims := len(o.rates)
		if _, err := s.some(t.Context()); err != nil || len(o.rates) != claims+2 {
			t.Errorf("%d numbers were claimed of once the database took it, %v", len(o.rates)-claims, err)
		}
		s.calls.Wait()
	})
}

func TestWhatWaitsIsSettledTogetherAndAPoisonousOneAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{commit: 10 * time.Millisecond, poison: "7"}, newWire()
		for i := range 20 {
			o.queued = append(o.queued, toCitizen(fmt.Sprint(i), int64(i)))
		}
		s := senderOn(o, w, 0)
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.calls.Wait() // the poisonous one is tried until its lease is over, and then left to the echo
		if len(o.settled) != 19 {
			t.Errorf("%d of 19 were settled: %s", len(o.settled), o.settled)
		}
		s = senderOn(&outbox{commit: 10 * time.Millisecond}, w, 0)
		fast := s.store.(*outbox)
		for i := range 20 {
			fast.queued = append(fast.queued, toCitizen(fmt.Sprint(i), int64(i)))
		}
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.calls.Wait()
		if len(fast.settled) != 20 || fast.tries > 4 {
			t.Errorf("%d of 20 settled in %d transactions; at most 4 were needed", len(fast.settled), fast.tries)
		}
	})
}

func TestASettlementIsRepeatedUntilItIsRecordedOrKnownToBe(t *testing.T) {
	for name, c := range map[string]struct {
		settle func(int) error
		tries  int
		want   []string
	}{
		"the database comes back": {func(try int) error {
			if try < 4 {
				return store.ErrUnavailable
			}
			return nil
		}, 4, []string{"a/1 accepted"}},
		"the lost commit had happened": {func(try int) error {
			if try == 1 {
				return store.ErrUnknownOutcome
			}
			return store.ErrConflict
		}, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, w := &outbox{queued: []store.Send{toCitizen("a", 1)}, settle: c.settle}, newWire()
				s := senderOn(o, w, 0)
				if _, err := s.some(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.calls.Wait()
				if o.tries != c.tries || cmp.Diff(c.want, o.settled) != "" || len(w.handed) != 1 {
					t.Errorf("%d tries, settled %q, handed over %d times", o.tries, o.settled, len(w.handed))
				}
			})
		})
	}
}

func TestASettlementThatOutlivesItsLeaseIsLeftToTheEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{queued: []store.Send{toCitizen("a", 1)}, settle: func(int) error { return store.ErrUnavailable }}
		s := senderOn(o, newWire(), 0)
		began := time.Now()
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.calls.Wait()
		if took := time.Since(began); took > DefaultTiming.Lease {
			t.Errorf("it insisted for %s, the lease is %s", took, DefaultTiming.Lease)
		}
	})
}

func TestTwoMessagesOfOneConversationKeepTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{}, newWire()
		s := senderOn(o, w, 300*time.Millisecond)
		began := time.Now()
		for _, id := range []string{"a", "b"} {
			o.queued = []store.Send{toCitizen(id, 1)}
			if _, err := s.some(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.calls.Wait()
		}
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("the second came %s after the first", took)
		}
		o.queued = []store.Send{toCitizen("c", 2)}
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.calls.Wait()
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("another conversation had to wait: %s", took)
		}
	})
}

func TestALimitOfThePlatformPausesTheChannelAndHalvesItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, w := &outbox{queued: []store.Send{toCitizen("a", 1)}}, newWire()
		w.verdict = func(store.Send) channel.Verdict {
			return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotAccepted, Code: 130429},
				PauseFor: 2 * time.Second, PauseReason: "throughput of the number", HalveRate: true}
		}
		s := senderOn(o, w, 0)
		for range 2 {
			if _, err := s.some(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.calls.Wait()
		}
		time.Sleep(halvedFor) // the bubble's clock
		if _, err := s.some(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{80, 40, 80}, o.rates); diff != "" {
			t.Errorf("rates (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"wa for 2s: throughput of the number"}, o.paused); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
	})
}

func TestAChannelWithoutCredentialsClaimsNothing(t *testing.T) {
	o, w := &outbox{queued: []store.Send{toCitizen("a", 1)}}, newWire()
	w.ok = false
	if n, err := senderOn(o, w, 0).some(t.Context()); n != 0 || err != nil || len(o.queued) != 1 {
		t.Errorf("claimed %d, %v", n, err)
	}
}
