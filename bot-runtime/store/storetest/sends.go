package storetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// The waits of ResolveUnknown: never, or at once.
const never, atOnce = time.Hour, time.Duration(0)

// sending steps a citizen's message into the given texts and claims the first.
func (c *counter) sending(number string, texts ...string) store.Send {
	c.t.Helper()
	c.accept(from(number, "in-"+texts[0], "halo"))
	c.drain(answering(texts...))
	sends := c.claim(1)
	if len(sends) != 1 {
		c.t.Fatalf("claimed %d sends", len(sends))
	}
	return sends[0]
}

func (c *counter) settle(s store.Send, r store.SendResult) {
	c.t.Helper()
	if err := c.settling(s.ID, s.Attempt, r); err != nil {
		c.t.Fatal(err)
	}
}

// settling returns why one settlement was refused.
func (c *counter) settling(id string, attempt int, r store.SendResult) error {
	c.t.Helper()
	return must(c.Settle(c.ctx, []store.Settlement{{ID: id, Attempt: attempt, SendResult: r}}))[0].Refused
}

func (c *counter) resolve(wait, quiet time.Duration) int {
	c.t.Helper()
	return must(c.ResolveUnknown(c.ctx, wait, quiet, nil))
}

// elevenMinutes makes everything that waits to be sent older.
var elevenMinutes = []string{"UPDATE message SET stored_at = stored_at - 660000000 WHERE dir = 'out'",
	"UPDATE outgoing SET message_at = message_at - 660000000", "UPDATE outbox SET message_at = message_at - 660000000"}

var sendTests = []check{
	{"messages go out one after another, the next when the one before is settled", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		want(t, "text", s.Body.Text, "one")
		want(t, "attempt", s.Attempt, 1)
		wantAll(t, "address", s.Identities, phone("1"))
		want(t, "claimable meanwhile", len(c.claim(10)), 0)
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.out1"})
		next := c.claim(10)
		want(t, "claimable then", len(next), 1)
		want(t, "text", next[0].Body.Text, "two")
		wantAll(t, "states", c.deliveries(s.Conversation), "sent", "sending")
	}},
	{"after a restore, what is older than ten minutes waits for a person, and what came after it is sent", func(t *testing.T, c *counter) {
		s := c.sending("1", "sent long ago")
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.out1"})
		c.accept(from("2", "two", "halo"))
		c.drain(answering("old", "older"))
		c.age(append(elevenMinutes, "UPDATE lineage SET name = 'where the backup was made'")...)
		c.accept(from("2", "three", "halo"))
		c.drain(answering("young"))
		c.accept(from("3", "four", "halo"))
		c.drain(answering("younger"))
		var texts []string
		for _, s := range c.claim(10) {
			texts = append(texts, s.Body.Text)
			c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + s.ID})
		}
		for _, s := range c.claim(10) {
			texts = append(texts, s.Body.Text)
		}
		slices.Sort(texts)
		wantAll(t, "sent", texts, "young", "younger")
		letters := must(c.DeadLetters(c.ctx, 0, 10))
		want(t, "set aside", len(letters), 2)
		if !strings.Contains(letters[0].Reason, "restored") {
			t.Errorf("the reason says nothing of a restore: %s", letters[0].Reason)
		}
		if err := c.ReplayDead(c.ctx, letters[0].ID); err != nil {
			t.Fatal(err)
		}
		want(t, "sent by a person's word", len(c.claim(10)), 1)
	}},
	{"messages that wait are sent however old, as long as nothing was restored", func(t *testing.T, c *counter) {
		s := c.sending("1", "first")
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.out1"})
		c.accept(from("2", "two", "halo"))
		c.drain(answering("old"))
		c.age(elevenMinutes...)
		want(t, "sent", len(c.claim(10)), 1)
	}},
	{"a message whose outcome stays unknown for too long is told of, until it is known", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		want(t, "in the air", len(must(c.Unsettled(c.ctx, 0))), 0)
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		want(t, "within the time", len(must(c.Unsettled(c.ctx, time.Hour))), 0)
		since, told := must(c.Unsettled(c.ctx, 0))["wa"]
		if age := time.Since(since); !told || age < 0 || age > time.Minute {
			t.Fatalf("unknown since %v", since)
		}
		c.status(store.Status{Ref: s.ID, ExternalID: "x", Delivery: message.DeliverySent})
		want(t, "known", len(must(c.Unsettled(c.ctx, 0))), 0)
	}},
	{"many senders at once claim each message once", func(t *testing.T, c *counter) {
		var batch []store.Inbound
		for i := range 60 {
			batch = append(batch, from(number(i), "m"+itoa(i), "halo"))
		}
		c.accept(batch...)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Send = []store.Outgoing{answer("to-"+l.Inbox[0].ExternalID, "hi")}
			return out, nil
		})
		var mu sync.Mutex
		claimed := map[string]int{}
		together(8, func(int) {
			for {
				sends, err := c.ClaimSends(c.ctx, []string{"wa"}, 5, time.Minute, 1000)
				if err != nil {
					t.Error(err)
				}
				if len(sends) == 0 {
					mu.Lock()
					all := len(claimed) == 60
					mu.Unlock()
					if all || err != nil {
						return
					}
				}
				mu.Lock()
				for _, s := range sends {
					claimed[s.ID]++
				}
				mu.Unlock()
			}
		})
		for id, n := range claimed {
			want(t, id, n, 1)
		}
	}},
	{"what surely was not accepted is sent again when the platform says", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: time.Hour})
		want(t, "due", c.poll().Sends, 0)
		s = c.sending("2", "other")
		c.settle(s, store.SendResult{Outcome: store.SendNotAccepted})
		again := c.claim(10)
		want(t, "claimed", len(again), 1)
		want(t, "attempt", again[0].Attempt, 2)
		want(t, "id", again[0].ID, s.ID)
	}},
	{"a sender that is late changes nothing", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendNotCalled})
		again := c.claim(10)[0]
		wantErr(t, c.settling(s.ID, s.Attempt, store.SendResult{Outcome: store.SendFailed, Reason: "late"}), store.ErrConflict)
		c.settle(again, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		wantErr(t, c.settling(again.ID, again.Attempt, store.SendResult{Outcome: store.SendNotAccepted}), store.ErrConflict)
		want(t, "claimable", len(c.claim(10)), 0)
		wantErr(t, c.settling("nobody", 1, store.SendResult{Outcome: store.SendAccepted}), store.ErrNotFound)
	}},
	{"outcomes of many sends are settled together, and those that are refused change nothing", func(t *testing.T, c *counter) {
		accepted := c.sending("1", "one", "two")
		failed := c.sending("2", "eins")
		later := c.sending("3", "satu")
		settled := must(c.Settle(c.ctx, []store.Settlement{
			{ID: later.ID, Attempt: later.Attempt, SendResult: store.SendResult{Outcome: store.SendNotAccepted}},
			{ID: "nobody", Attempt: 1, SendResult: store.SendResult{Outcome: store.SendAccepted}},
			{ID: accepted.ID, Attempt: accepted.Attempt, SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x1"}},
			{ID: failed.ID, Attempt: failed.Attempt + 1, SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x2"}},
			{ID: failed.ID, Attempt: failed.Attempt, SendResult: store.SendResult{Outcome: store.SendFailed, Reason: "no such number"}},
		}))
		wantErr(t, settled[1].Refused, store.ErrNotFound)
		wantErr(t, settled[3].Refused, store.ErrConflict)
		want(t, "settled", errors.Join(settled[0].Refused, settled[2].Refused, settled[4].Refused), nil)
		want(t, "the first has a next message", settled[2].Next, true)
		want(t, "the third is to be sent again", settled[0].Next, true)
		wantAll(t, "states of the first", c.deliveries(accepted.Conversation), "sent", "queued")
		wantAll(t, "states of the second", c.deliveries(failed.Conversation), "failed")
		wantAll(t, "states of the third", c.deliveries(later.Conversation), "queued")
		want(t, "claimable then", len(c.claim(10)), 2)
	}},
	{"an acceptance that its echo overtook leaves the next message's send alone", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.status(store.Status{ExternalID: "x1", Ref: s.ID, Delivery: message.DeliverySent})
		next := c.claim(10)
		want(t, "claimed", len(next), 1)
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x1"})
		want(t, "claimable while the next is in the air", len(c.claim(10)), 0)
		wantAll(t, "states", c.deliveries(s.Conversation), "sent", "sending")
		c.settle(next[0], store.SendResult{Outcome: store.SendAccepted, ExternalID: "x2"})
		wantAll(t, "states", c.deliveries(s.Conversation), "sent", "sent")
	}},
	{"an acceptance that comes late is believed, as long as nobody has called again", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		want(t, "resent", c.resolve(never, atOnce), 1)
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		want(t, "claimable", len(c.claim(10)), 0)
		wantAll(t, "states", c.deliveries(s.Conversation), "sent")
	}},
	{"a message that failed for good is a dead letter and lets the next one pass", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.settle(s, store.SendResult{Outcome: store.SendFailed, Code: 131026, Reason: "not deliverable"})
		want(t, "next", c.claim(1)[0].Body.Text, "two")
		out := must(c.Transcript(c.ctx, s.Conversation, 0, 10))[1]
		want(t, "state", out.State, "failed")
		want(t, "reason", out.Reason, "131026: not deliverable")
	}},
	{"an answer whose window closed is never sent", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			late := answer("late", "late")
			late.Expires = time.Now().Add(-time.Second)
			out.Send = []store.Outgoing{late, answer("fresh", "fresh")}
			return out, nil
		})
		want(t, "claimed with the late one", len(c.claim(10)), 0)
		want(t, "then", c.claim(10)[0].ID, "fresh")
		wantAll(t, "states", c.deliveries(c.conversation("1").ID), "failed", "sending")
	}},
	{"an unknown send is never repeated while it may have arrived", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		want(t, "state", c.deliveries(s.Conversation)[0], "unknown")
		want(t, "resent too early", c.resolve(never, never), 0)
		want(t, "resent though no later status came", c.resolve(atOnce, never), 0)
		want(t, "claimable", len(c.claim(10)), 0)
		want(t, "shown as unknown", c.poll().Unknown, 1)
	}},
	{"an unknown send is repeated with the same id once a later send's status has come", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		later := c.sending("2", "later")
		c.settle(later, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.later"})
		want(t, "before its status", c.resolve(atOnce, never), 0)
		c.status(store.Status{ExternalID: "wamid.later", Delivery: message.DeliverySent})
		want(t, "with the wait not over", c.resolve(never, never), 0)
		want(t, "after its status", c.resolve(atOnce, never), 1)
		again := c.claim(10)
		want(t, "claimed", len(again), 1)
		want(t, "id", again[0].ID, s.ID)
		want(t, "attempt", again[0].Attempt, 2)
	}},
	{"a status of an earlier send says nothing of a later unknown one", func(t *testing.T, c *counter) {
		first := c.sending("2", "first")
		c.settle(first, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.first"})
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		c.status(store.Status{ExternalID: "wamid.first", Delivery: message.DeliveryRead})
		want(t, "resent", c.resolve(atOnce, never), 0)
	}},
	{"the echo of our id settles an unknown send, and the next one goes out", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		c.status(store.Status{ExternalID: "wamid.echoed", Ref: s.ID, Delivery: message.DeliverySent})
		want(t, "unknown", c.poll().Unknown, 0)
		want(t, "next", c.claim(1)[0].Body.Text, "two")
		c.status(store.Status{ExternalID: "wamid.echoed", Delivery: message.DeliveryDelivered})
		want(t, "state", c.deliveries(s.Conversation)[0], "delivered")
	}},
	{"an echo that waits to be worked off stops a resend", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		must(c.Accept(c.ctx, store.Batch{Statuses: []store.Status{{Channel: "wa", ExternalID: "x", Ref: s.ID, Delivery: message.DeliverySent}}}))
		want(t, "resent", c.resolve(atOnce, atOnce), 0)
	}},
	{"an echo that is faster than the answer settles, and the answer is welcome", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.status(store.Status{ExternalID: "wamid.1", Ref: s.ID, Delivery: message.DeliveryDelivered})
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.1"})
		wantAll(t, "states", c.deliveries(s.Conversation), "delivered")
	}},
	{"a status that is faster than the answer, without our id, is applied when the answer is there", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.status(store.Status{ExternalID: "wamid.1", Delivery: message.DeliveryRead})
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.1"})
		c.apply()
		wantAll(t, "states", c.deliveries(s.Conversation), "read")
	}},
	{"an echo of a message that the database lost settles the step that runs again", func(t *testing.T, c *counter) {
		c.status(store.Status{ExternalID: "wamid.lost", Ref: "one", Delivery: message.DeliveryDelivered})
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one", "two"))
		want(t, "claimable before the echo is worked off", len(c.claim(10)), 0)
		c.apply()
		wantAll(t, "states", c.deliveries(c.conversation("1").ID), "delivered", "queued")
		want(t, "next", c.claim(1)[0].ID, "two")
	}},
	{"a head whose sender died is resolved, though the message behind it was settled meanwhile", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one", "two", "three"))
		s := must(c.ClaimSends(c.ctx, []string{"wa"}, 1, time.Millisecond, 1000))[0]
		c.status(store.Status{ExternalID: "wamid.two", Ref: "two", Delivery: message.DeliverySent})
		want(t, "claimable while the head is in the air", len(c.claim(10)), 0)
		eventually(t, "its lease is over", func() bool { return c.poll().Unknown == 1 })
		want(t, "resent", c.resolve(never, atOnce), 1)
		again := c.claim(10)
		want(t, "claimed", len(again), 1)
		want(t, "id", again[0].ID, s.ID)
		c.settle(again[0], store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid.one"})
		want(t, "next", c.claim(1)[0].ID, "three")
	}},
	{"a message that rests is not waked by the settlement of one behind it", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.settle(s, store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: time.Hour})
		c.status(store.Status{ExternalID: "wamid.two", Ref: "two", Delivery: message.DeliverySent})
		want(t, "claimable", len(c.claim(10)), 0)
	}},
	{"a message that the platform took twice is counted once and shown, and its second copy's failure is not its own", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		want(t, "resent", c.resolve(never, atOnce), 1)
		again := c.claim(1)[0]
		c.status(store.Status{ExternalID: "first", Ref: s.ID, Delivery: message.DeliverySent})
		c.settle(again, store.SendResult{Outcome: store.SendAccepted, ExternalID: "second"})
		c.status(store.Status{ExternalID: "second", Ref: s.ID, Delivery: message.DeliverySent})
		c.status(store.Status{ExternalID: "second", Ref: s.ID, Delivery: message.DeliveryFailed, ErrorCode: 131026})
		wantAll(t, "states", c.deliveries(s.Conversation), "sent")
		want(t, "doubled", must(c.Janitor(c.ctx, 0)).Doubled, 1)
		want(t, "doubled, told again", must(c.Janitor(c.ctx, 0)).Doubled, 0)
		c.status(store.Status{ExternalID: "first", Delivery: message.DeliveryFailed, ErrorCode: 131026})
		wantAll(t, "states after the first copy failed", c.deliveries(s.Conversation), "failed")
	}},
	{"an unknown send of a channel that takes an id once is repeated at once, whatever else the channel does", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		c.settle(c.sending("2", "other"), store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		want(t, "resent", must(c.ResolveUnknown(c.ctx, never, never, []string{"web"})), 0)
		want(t, "resent", must(c.ResolveUnknown(c.ctx, never, never, []string{"web", "wa"})), 1)
		want(t, "id", c.claim(1)[0].ID, s.ID)
	}},
	{"a message that may be tried again only after its window closed is given up, and the next one passes", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			held := answer("held", "held")
			held.Expires = time.Now().Add(time.Hour)
			out.Send = []store.Outgoing{held, answer("next", "next")}
			return out, nil
		})
		c.settle(c.claim(1)[0], store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: 24 * time.Hour, Code: 131049, Reason: "held back"})
		want(t, "next", c.claim(1)[0].ID, "next")
		out := must(c.Transcript(c.ctx, c.conversation("1").ID, 0, 10))[1]
		want(t, "state", out.State+", "+out.Reason, "failed, 131049: held back; it would have expired before another try")
	}},
	{"deliveries only rise", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "w"})
		for _, d := range []message.Delivery{message.DeliveryRead, message.DeliveryDelivered, message.DeliverySent, message.DeliveryFailed} {
			c.status(store.Status{ExternalID: "w", Delivery: d})
			wantAll(t, "state after "+string(d), c.deliveries(s.Conversation), "read")
		}
	}},
	{"a platform that fails an accepted message says why", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "w"})
		c.status(store.Status{ExternalID: "w", Delivery: message.DeliveryFailed, ErrorCode: 131047, ErrorText: "window closed"})
		out := must(c.Transcript(c.ctx, s.Conversation, 0, 10))[1]
		want(t, "state", out.State+", "+out.Reason, "failed, 131047: window closed")
	}},
	{"a sender that died leaves an unknown send, not a silent or a double one", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one"))
		s := must(c.ClaimSends(c.ctx, []string{"wa"}, 1, time.Millisecond, 1000))[0]
		eventually(t, "its lease is over", func() bool { return c.poll().Unknown == 1 })
		want(t, "resent", c.resolve(never, never), 0)
		wantAll(t, "states", c.deliveries(s.Conversation), "unknown")
		want(t, "resent after a quiet time", c.resolve(never, atOnce), 1)
		want(t, "attempt", c.claim(1)[0].Attempt, 2)
	}},
	{"a number's budget is shared by all senders", func(t *testing.T, c *counter) {
		var batch []store.Inbound
		for i := range 40 {
			batch = append(batch, from(number(i), "m"+itoa(i), "halo"))
		}
		c.accept(batch...)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Send = []store.Outgoing{answer("to-"+l.Inbox[0].ExternalID, "hi")}
			return out, nil
		})
		began := time.Now()
		claimed := make([]int, 4)
		together(4, func(i int) {
			for range 3 {
				claimed[i] += len(must(c.ClaimSends(c.ctx, []string{"wa"}, 40, time.Minute, 5)))
			}
		})
		sum := claimed[0] + claimed[1] + claimed[2] + claimed[3]
		most := 5 + int(5*time.Since(began).Seconds()) + 1
		if sum < 5 || sum > most {
			t.Fatalf("%d sends were claimed, the budget is 5 at once and %d until now", sum, most)
		}
		eventually(t, "the budget fills again", func() bool {
			return len(must(c.ClaimSends(c.ctx, []string{"wa"}, 40, time.Minute, 5))) > 0
		})
	}},
	{"a paused channel sends nothing, and the others do", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one"))
		pause := func(d time.Duration) {
			t.Helper()
			if err := c.PauseChannel(c.ctx, "wa", d, "token expired"); err != nil {
				t.Fatal(err)
			}
		}
		pause(time.Hour)
		pause(time.Second) // a shorter one does not end it
		want(t, "claimed", len(c.claim(10)), 0)
		want(t, "due", c.poll().Sends, 0)
		if next := time.Until(c.poll().NextAt); (next - time.Hour).Abs() > time.Minute {
			t.Fatalf("next in %v", next)
		}
		c.accept(store.Inbound{Channel: "web", Identities: []message.Identity{phone("2")}, ExternalID: "b", At: time.Now(),
			Body: message.In{Kind: message.InText, Text: "halo"}})
		c.drain(answering("other"))
		want(t, "claimed of another channel", len(must(c.ClaimSends(c.ctx, []string{"wa", "web"}, 10, time.Minute, 1000))), 1)
	}},
	{"a pause ends by itself", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one"))
		if err := c.PauseChannel(c.ctx, "wa", 50*time.Millisecond, "throughput"); err != nil {
			t.Fatal(err)
		}
		want(t, "claimed", len(c.claim(10)), 0)
		eventually(t, "it is claimed", func() bool { return len(c.claim(10)) == 1 })
	}},
	{"a sender of another channel claims nothing", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("one"))
		want(t, "claimed", len(must(c.ClaimSends(c.ctx, []string{"web"}, 10, time.Minute, 10))), 0)
		want(t, "claimed by nobody", len(must(c.ClaimSends(c.ctx, nil, 10, time.Minute, 10))), 0)
	}},
}
