package storetest

import (
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

var intakeTests = []check{
	{"a message is stored once, however often it is delivered", func(t *testing.T, c *counter) {
		m := from("1", "wamid.1", "halo")
		want(t, "first", c.accept(m), store.Accepted{Stored: 1})
		want(t, "again", c.accept(m), store.Accepted{Duplicates: 1})
		want(t, "twice in one batch", c.accept(from("1", "wamid.2", "a"), from("1", "wamid.2", "a")), store.Accepted{Stored: 1, Duplicates: 1})
		other := m
		other.Channel = "web"
		want(t, "the same id on another channel", c.accept(other), store.Accepted{Stored: 1})
	}},
	{"a re-delivery with another timestamp is a duplicate too", func(t *testing.T, c *counter) {
		m := from("1", "client-1", "halo")
		c.accept(m)
		m.At = m.At.Add(3 * time.Second)
		want(t, "again", c.accept(m), store.Accepted{Duplicates: 1})
	}},
	{"300 deliveries of the same webhooks at once store each message once", func(t *testing.T, c *counter) {
		var batch []store.Inbound
		for i := range 10 {
			batch = append(batch, from(number(i%3), "wamid."+itoa(i), itoa(i)))
		}
		stored := make([]int, 300)
		together(300, func(i int) {
			mixed := append(append([]store.Inbound{}, batch[i%10:]...), batch[:i%10]...)
			if i%2 == 0 {
				mixed[0], mixed[9] = mixed[9], mixed[0]
			}
			got, err := c.Accept(c.ctx, store.Batch{Messages: mixed})
			if err != nil {
				t.Errorf("delivery %d: %v", i, err)
			}
			stored[i] = got.Stored
		})
		sum := 0
		for _, n := range stored {
			sum += n
		}
		want(t, "stored", sum, 10)
		seen := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			seen += len(l.Inbox)
			return handled(l), nil
		})
		want(t, "handled", seen, 10)
		want(t, "repaired lanes", must(c.Janitor(c.ctx, 0)).RepairedLanes, 0)
	}},
	{"a message older than the dedupe horizon is refused as stale", func(t *testing.T, c *counter) {
		m := from("1", "old", "halo")
		m.At = time.Now().Add(-store.StaleAfter - time.Minute)
		want(t, "stale", c.accept(m), store.Accepted{Stale: 1})
		want(t, "lanes", c.poll().Lanes, 0)
		m.At = time.Now().Add(-store.StaleAfter + time.Hour)
		want(t, "just in time", c.accept(m), store.Accepted{Stored: 1})
	}},
	{"identities that come together are one contact", func(t *testing.T, c *counter) {
		both := from("1", "a", "halo")
		both.Identities = []message.Identity{bsuid("ID.1"), phone("1")}
		onlyBSUID := from("1", "b", "halo")
		onlyBSUID.Identities = []message.Identity{bsuid("ID.1")}
		c.accept(onlyBSUID)
		c.accept(both, from("1", "c", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			want(t, "messages in the one lane", len(l.Inbox), 3)
			return handled(l), nil
		})
		want(t, "contact", must(c.FindConversation(c.ctx, "wa", bsuid("ID.1"))).ID, c.conversation("1").ID)
	}},
	{"identities of two contacts are never merged, and counted", func(t *testing.T, c *counter) {
		a := from("1", "a", "halo")
		a.Identities = []message.Identity{bsuid("ID.1")}
		c.accept(a, from("2", "b", "halo"))
		both := from("2", "c", "halo")
		both.Identities = []message.Identity{bsuid("ID.1"), phone("2")}
		want(t, "accepted", c.accept(both), store.Accepted{Stored: 1, IdentityConflicts: 1})
		if must(c.FindConversation(c.ctx, "wa", bsuid("ID.1"))).Contact == c.conversation("2").Contact {
			t.Fatal("two contacts became one")
		}
	}},
	{"many first messages of one person at once make one contact", func(t *testing.T, c *counter) {
		together(24, func(i int) {
			m := from("1", "first-"+itoa(i), itoa(i))
			if m.Identities = []message.Identity{bsuid("ID.1"), phone("1")}; i%2 == 0 {
				m.Identities = []message.Identity{phone("1"), bsuid("ID.1")}
			}
			if got, err := c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{m}}); err != nil || got.IdentityConflicts != 0 {
				t.Errorf("message %d: %+v %v", i, got, err)
			}
		})
		lanes := map[int64]int{}
		c.drain(func(l store.Lane) (store.Outcome, error) {
			lanes[l.Conversation.ID] += len(l.Inbox)
			return handled(l), nil
		})
		want(t, "conversations", len(lanes), 1)
		want(t, "messages", lanes[c.conversation("1").ID], 24)
	}},
	{"a changed number stays the same person, and the old number is written to no more", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		if _, err := c.Accept(c.ctx, store.Batch{Moves: []store.IdentityMove{{Old: phone("1"), New: phone("2"), At: time.Now()}}}); err != nil {
			t.Fatal(err)
		}
		c.accept(from("2", "b", "nomor baru"))
		want(t, "contact", c.conversation("2").ID, c.conversation("1").ID)
		c.drain(answering("hi"))
		sends := c.claim(10)
		want(t, "sends", len(sends), 1)
		wantAll(t, "addresses", sends[0].Identities, phone("2"))
	}},
	{"odd bytes in a name or a text refuse nothing", func(t *testing.T, c *counter) {
		m := from("1", "odd", "nul \x00 and half a rune \xc3")
		m.DisplayName = "Ani\x00\xff"
		want(t, "accepted", c.accept(m, from("2", "even", "halo")), store.Accepted{Stored: 2})
	}},
	{"unknown webhook parts are kept and need no conversation", func(t *testing.T, c *counter) {
		_, err := c.Accept(c.ctx, store.Batch{Raw: []store.RawEvent{{Channel: "wa", Kind: "flow_status", Body: make([]byte, 100_000)}}})
		if err != nil {
			t.Fatal(err)
		}
		want(t, "lanes", c.poll().Lanes, 0)
	}},
	{"nothing is accepted is no error", func(t *testing.T, c *counter) {
		want(t, "accepted", must(c.Accept(c.ctx, store.Batch{})), store.Accepted{})
	}},
}
