package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// untried gives a citizen's message up without a try, as after a message that killed the process.
func (c *counter) untried(number, id, text string) store.DeadLetter {
	c.t.Helper()
	c.accept(from(number, id, text))
	c.drain(func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		out.Poisoned, out.Send = true, []store.Outgoing{answer("sorry-"+id, "Maaf")}
		return out, nil
	})
	letters := must(c.DeadLetters(c.ctx, 0, 10))
	if len(letters) == 0 {
		c.t.Fatal("no dead letter")
	}
	return letters[len(letters)-1]
}

var deadTests = []check{
	{"a message that was given up is listed, and replayed in its conversation", func(t *testing.T, c *counter) {
		letter := c.untried("1", "a", "poison")
		want(t, "kind, channel and contact", letter.Kind+" "+letter.Channel+" "+letter.Contact, "inbox wa "+from("1", "", "").DisplayName)
		if err := c.ReplayDead(c.ctx, letter.ID); err != nil {
			t.Fatal(err)
		}
		c.accept(from("1", "b", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			wantAll(t, "texts", texts(l), "poison", "halo")
			want(t, "generation", l.Inbox[0].Generation, 1)
			want(t, "tried before", l.Poisoned, false)
			return handled(l), nil
		})
		want(t, "left", len(must(c.DeadLetters(c.ctx, 0, 10))), 0)
		wantErr(t, c.ReplayDead(c.ctx, letter.ID), store.ErrNotFound)
	}},
	{"a message that is given up once more has another generation each time", func(t *testing.T, c *counter) {
		letter := c.untried("1", "a", "poison")
		for n := int64(1); n <= 2; n++ {
			if err := c.ReplayDead(c.ctx, letter.ID); err != nil {
				t.Fatal(err)
			}
			c.drain(func(l store.Lane) (store.Outcome, error) {
				want(t, "generation", l.Inbox[0].Generation, n)
				out := handled(l)
				out.Poisoned = true
				return out, nil
			})
			letter = must(c.DeadLetters(c.ctx, 0, 10))[0]
		}
	}},
	{"an outgoing message that the platform would not take is sent again with its id, before what came after it", func(t *testing.T, c *counter) {
		s := c.sending("1", "one", "two")
		c.settle(s, store.SendResult{Outcome: store.SendFailed, Code: 131026, Reason: "not deliverable"})
		letter := must(c.DeadLetters(c.ctx, 0, 10))[0]
		want(t, "letter", letter.Kind+" "+letter.Ref+" "+letter.Reason, "send "+s.ID+" 131026: not deliverable")
		if err := c.ReplayDead(c.ctx, letter.ID); err != nil {
			t.Fatal(err)
		}
		again := c.claim(10)
		want(t, "claimed", len(again), 1)
		want(t, "id", again[0].ID, s.ID)
		want(t, "attempt", again[0].Attempt, s.Attempt+1)
		wantErr(t, c.settling(s.ID, s.Attempt, store.SendResult{Outcome: store.SendFailed}), store.ErrConflict)
		c.settle(again[0], store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		want(t, "next", c.claim(10)[0].Body.Text, "two")
		wantAll(t, "states", c.deliveries(s.Conversation), "sent", "sending")
	}},
	{"a message that was delivered after all is not sent again", func(t *testing.T, c *counter) {
		s := c.sending("1", "one")
		c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		c.status(store.Status{ExternalID: "x", Delivery: message.DeliveryFailed, ErrorText: "too late"})
		letter := must(c.DeadLetters(c.ctx, 0, 10))[0]
		if !strings.Contains(letter.Body, `"one"`) {
			t.Errorf("what was written is not in the letter: %q", letter.Body)
		}
		c.status(store.Status{ExternalID: "x", Delivery: message.DeliveryDelivered})
		wantErr(t, c.ReplayDead(c.ctx, letter.ID), store.ErrConflict)
		want(t, "the letter stays", len(must(c.DeadLetters(c.ctx, 0, 10))), 1)
		want(t, "claimable", len(c.claim(10)), 0)
	}},
	{"a dead letter whose conversation is past retention cannot be replayed, and leaves no lane behind", func(t *testing.T, c *counter) {
		letter := c.untried("1", "a", "x")
		c.age(`UPDATE dead SET body = '{"Kind":"timer","Name":"silence","Generation":1}'`, "DELETE FROM outbox", "DELETE FROM out_lane",
			"DELETE FROM message", "UPDATE conversation_state SET last_in_at = 1")
		must(c.Janitor(c.ctx, time.Hour))
		_, err := c.FindConversation(c.ctx, "wa", phone("1"))
		wantErr(t, err, store.ErrNotFound)
		wantErr(t, c.ReplayDead(c.ctx, letter.ID), store.ErrConflict)
		want(t, "due", c.poll().Lanes, 0)
	}},
	{"dead letters are counted, and no further than asked", func(t *testing.T, c *counter) {
		want(t, "none", must(c.CountDead(c.ctx, 10)), 0)
		for _, number := range []string{"1", "2", "3"} {
			c.untried(number, number, "x")
		}
		want(t, "all", must(c.CountDead(c.ctx, 10)), 3)
		want(t, "up to two", must(c.CountDead(c.ctx, 2)), 2)
	}},
	{"a dead letter is dropped once", func(t *testing.T, c *counter) {
		first, second := c.untried("1", "a", "x"), c.untried("2", "b", "y")
		if err := c.DropDead(c.ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		wantErr(t, c.DropDead(c.ctx, first.ID), store.ErrNotFound)
		left := must(c.DeadLetters(c.ctx, first.ID, 10))
		want(t, "left", len(left), 1)
		want(t, "which", left[0].ID, second.ID)
		want(t, "behind it", len(must(c.DeadLetters(c.ctx, second.ID, 10))), 0)
	}},
}
