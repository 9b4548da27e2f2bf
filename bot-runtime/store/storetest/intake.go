package storetest

import (
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
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
	{"a post repeated while it is being stored, with another time each, is stored once", func(t *testing.T, c *counter) {
		midnight := time.Now().UTC().Truncate(24 * time.Hour)
		for round, around := range []time.Time{time.Now(), midnight, midnight.Add(time.Hour), midnight.Add(-time.Hour)} {
			stored := make([]int, 24)
			together(len(stored), func(i int) {
				m := from("1", "client-"+itoa(round), "halo")
				m.At = around.Add(time.Duration(i-12) * time.Millisecond)
				got, err := c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{m}})
				if err != nil {
					t.Errorf("post %d: %v", i, err)
				}
				stored[i] = got.Stored
			})
			sum := 0
			for _, n := range stored {
				sum += n
			}
			want(t, "stored", sum, 1)
		}
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
		c.move(phone("1"), phone("2"))
		c.accept(from("2", "b", "nomor baru"))
		want(t, "contact", c.conversation("2").ID, c.conversation("1").ID)
		c.drain(answering("hi"))
		sends := c.claim(10)
		want(t, "sends", len(sends), 1)
		wantAll(t, "addresses", sends[0].Identities, phone("2"))
	}},
	{"whoever writes with a number that a citizen has left is somebody else", func(t *testing.T, c *counter) {
		c.accept(known("B1", "1", "a"))
		c.move(bsuid("B1"), bsuid("B2"), phone("2"))
		stranger := known("B3", "1", "b")
		bare := from("3", "c", "halo")
		c.accept(bare)
		c.move(phone("3"), phone("4"))
		anew := from("3", "d", "halo")
		anew.At = time.Now().Add(time.Second)
		c.accept(stranger, anew)
		for _, left := range []struct{ now, before message.Identity }{{bsuid("B3"), bsuid("B2")}, {phone("3"), phone("4")}} {
			if c.contact(left.now) == c.contact(left.before) {
				t.Fatalf("%v is taken for the citizen who is %v now", left.now, left.before)
			}
		}
		wantAll(t, "addresses of the citizen", c.addresses(bsuid("B2")), bsuid("B2"), phone("2"))
		wantAll(t, "addresses of the stranger", c.addresses(bsuid("B3")), bsuid("B3"), phone("1"))
		wantAll(t, "addresses of the bare number", c.addresses(phone("3")), phone("3"))
	}},
	{"a number goes over to another user id, though nobody told that it was left", func(t *testing.T, c *counter) {
		c.accept(known("B1", "1", "a"))
		c.accept(known("B3", "1", "b"))
		wantAll(t, "addresses of who had it", c.addresses(bsuid("B1")), bsuid("B1"))
		wantAll(t, "addresses of who has it", c.addresses(bsuid("B3")), bsuid("B3"), phone("1"))
		c.accept(known("B5", "5", "c"), known("B6", "5", "d"))
		wantAll(t, "addresses in one batch", c.addresses(bsuid("B6")), bsuid("B6"), phone("5"))
	}},
	{"many first messages of a stranger with a left number make one contact", func(t *testing.T, c *counter) {
		c.accept(known("B1", "1", "a"), from("2", "b", "halo"))
		c.move(phone("2"), phone("3"))
		together(16, func(i int) {
			m := known("B9", "1", "stranger-"+itoa(i))
			if i%2 == 0 {
				m = from("2", "stranger-"+itoa(i), "halo")
				m.At = time.Now().Add(time.Second)
			}
			if _, err := c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{m}}); err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		})
		lanes := map[int64]int{}
		c.drain(func(l store.Lane) (store.Outcome, error) {
			lanes[l.Conversation.ID] += len(l.Inbox)
			return handled(l), nil
		})
		want(t, "conversations", len(lanes), 4)
		want(t, "messages of the one", lanes[must(c.FindConversation(c.ctx, "wa", bsuid("B9"))).ID], 8)
		want(t, "messages of the other", lanes[c.conversation("2").ID], 8)
	}},
	{"what was written before a number was left belongs to who left it", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		late := from("1", "late", "halo")
		late.At = late.At.Add(-time.Minute)
		c.move(phone("1"), phone("2"))
		c.accept(late)
		want(t, "contact", c.contact(phone("1")), c.contact(phone("2")))
		wantAll(t, "addresses", c.addresses(phone("2")), phone("2"))
	}},
	{"a new user id without a number leaves the old number behind", func(t *testing.T, c *counter) {
		c.accept(known("B10", "10", "a"))
		c.move(bsuid("B10"), bsuid("B11"))
		wantAll(t, "addresses", c.addresses(bsuid("B11")), bsuid("B11"))
	}},
	{"a notice that comes again, or by two webhooks, closes nothing of what is new", func(t *testing.T, c *counter) {
		c.accept(known("B10", "10", "a"))
		c.move(bsuid("B10"), bsuid("B11"), phone("11"))
		c.move(phone("10"), bsuid("B11"), phone("11"))
		c.move(bsuid("B10"), bsuid("B11"))
		wantAll(t, "addresses", c.addresses(bsuid("B11")), bsuid("B11"), phone("11"))
	}},
	{"a number that a citizen comes back to is written to again", func(t *testing.T, c *counter) {
		c.accept(from("20", "a", "halo"))
		away := store.IdentityMove{Old: phone("20"), New: []message.Identity{phone("21")}, At: time.Now()}
		must(c.Accept(c.ctx, store.Batch{Moves: []store.IdentityMove{away}}))
		c.move(phone("21"), phone("20"))
		wantAll(t, "addresses", c.addresses(phone("20")), phone("20"))
		must(c.Accept(c.ctx, store.Batch{Moves: []store.IdentityMove{away}})) // delivered again
		wantAll(t, "addresses after the old notice came again", c.addresses(phone("20")), phone("20"))
		c.accept(known("B20", "30", "b"))
		c.move(bsuid("B20"), bsuid("B21"))
		back := known("B20", "30", "c")
		back.At = time.Now().Add(time.Second)
		c.accept(back)
		wantAll(t, "addresses of a user id that wrote again", c.addresses(bsuid("B20")), bsuid("B20"), bsuid("B21"), phone("30"))
	}},
	{"a notice and the first message after it, in one batch, are one person", func(t *testing.T, c *counter) {
		first := from("", "b", "halo")
		first.Identities = []message.Identity{bsuid("B31")}
		c.accept(known("B30", "30", "a"))
		must(c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{first},
			Moves: []store.IdentityMove{{Old: bsuid("B30"), New: []message.Identity{bsuid("B31")}, At: time.Now()}}}))
		want(t, "contact", c.contact(bsuid("B31")), c.contact(bsuid("B30")))
		wantAll(t, "addresses", c.addresses(bsuid("B31")), bsuid("B31"))
	}},
	{"a hundred citizens take as many statements as one, known or not", func(t *testing.T, c *counter) {
		batch := func(n int, first string) (b store.Batch) {
			for i := range n {
				b.Messages = append(b.Messages, known(first+itoa(i), first+itoa(i), "of "+first+itoa(int(serial.Add(1)))))
			}
			return b
		}
		statements := func(b store.Batch) int64 {
			asked := &counted{engine: c.Store.(engine)}
			want(t, "stored", must(acts.New(asked).Accept(c.ctx, b)).Stored, len(b.Messages))
			return asked.statements.Load()
		}
		one := statements(batch(1, "1"))
		want(t, "statements of a hundred strangers", statements(batch(100, "2")), one)
		known := statements(batch(1, "1"))
		want(t, "statements of a hundred who have written before", statements(batch(100, "2")), known)
		if known > 8 {
			t.Errorf("%d statements for citizens who have written before", known)
		}
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
		want(t, "kept, to 64 kB", c.count("raw_event WHERE channel = 'wa' AND kind = 'flow_status' AND length(body) = 65536 AND at > 0"), 1)
	}},
	{"nothing is accepted is no error", func(t *testing.T, c *counter) {
		want(t, "accepted", must(c.Accept(c.ctx, store.Batch{})), store.Accepted{})
	}},
}
