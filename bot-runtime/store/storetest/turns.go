package storetest

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

var turnTests = []check{
	{"a step sees the conversation, its state and its messages in order", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "satu"), from("1", "b", "dua"))
		must(c.Turn(c.ctx, 1, func(l store.Lane) (store.Outcome, error) {
			want(t, "format of a new conversation", l.Format, 0)
			want(t, "channel", l.Conversation.Channel, "wa")
			want(t, "owner", l.Conversation.Owner, store.OwnerBot)
			want(t, "name", l.Conversation.DisplayName, "Warga 1")
			wantAll(t, "texts", texts(l), "satu", "dua")
			want(t, "external id", l.Inbox[0].ExternalID, "a")
			out := handled(l)
			out.Handled = out.Handled[:1] // the row that is left keeps the lane due
			out.State, out.Format, out.Language = []byte("one"), 3, "id"
			return out, nil
		}))
		c.accept(from("1", "c", "tiga"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			want(t, "state", string(l.State), "one")
			want(t, "format", l.Format, 3)
			want(t, "language", l.Conversation.Language, "id")
			wantAll(t, "texts", texts(l), "dua", "tiga")
			return handled(l), nil
		})
		want(t, "lanes", c.poll().Lanes, 0)
	}},
	{"who waits for the bot is counted with the wait of the first, and who was answered is not", func(t *testing.T, c *counter) {
		want(t, "nobody", c.poll().OldestLane.IsZero(), true)
		c.accept(from("1", "a", "satu"), from("1", "b", "dua"), from("2", "c", "tiga"))
		time.Sleep(20 * time.Millisecond)
		due := c.poll()
		want(t, "conversations", due.Lanes, 2)
		if age := due.Now.Sub(due.OldestLane); age < 20*time.Millisecond || age > time.Minute {
			t.Errorf("the first has waited %s", age)
		}
		c.drain(func(l store.Lane) (store.Outcome, error) { return handled(l), nil })
		want(t, "afterwards", c.poll().OldestLane.IsZero(), true)
	}},
	{"2,000 messages of 100 citizens are handled once and in order by 8 steppers while they arrive", func(t *testing.T, c *counter) {
		const citizens, each = 100, 20
		var mu sync.Mutex
		// By the text of committed states: the state is the list of what was handled.
		var accepting, stepping sync.WaitGroup
		done := make(chan struct{})
		for w := range 4 {
			accepting.Go(func() {
				for i := range each {
					var batch []store.Inbound
					for p := w; p < citizens; p += 4 {
						batch = append(batch, from(number(p), "m-"+itoa(p)+"-"+itoa(i), itoa(i)))
					}
					if _, err := c.Accept(c.ctx, store.Batch{Messages: batch}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 8 {
			stepping.Go(func() {
				for {
					n, err := c.Turn(c.ctx, 16, func(l store.Lane) (store.Outcome, error) {
						out := handled(l)
						out.State = []byte(string(l.State) + strings.Join(texts(l), ",") + ",")
						return out, nil
					})
					if err != nil {
						t.Error(err)
						return
					}
					select {
					case <-done:
						if n == 0 {
							return
						}
					default:
					}
				}
			})
		}
		accepting.Wait()
		close(done)
		stepping.Wait()
		var expected strings.Builder
		for i := range each {
			expected.WriteString(itoa(i) + ",")
		}
		for p := range citizens {
			c.accept(from(number(p), "last-"+itoa(p), "last"))
		}
		seen := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			mu.Lock()
			defer mu.Unlock()
			seen++
			want(t, "what was handled", string(l.State), expected.String())
			return handled(l), nil
		})
		want(t, "conversations", seen, citizens)
		want(t, "repaired lanes", must(c.Janitor(c.ctx, 0)).RepairedLanes, 0)
	}},
	{"a step that fails or panics delays only its own citizen", func(t *testing.T, c *counter) {
		began := time.Now()
		c.accept(from("1", "a", "poison"), from("2", "b", "halo"), from("3", "c", "panic"))
		good := 0
		step := func(l store.Lane) (store.Outcome, error) {
			switch texts(l)[0] {
			case "poison":
				return store.Outcome{}, errors.New("no node")
			case "panic":
				panic("index out of range")
			}
			good++
			return handled(l), nil
		}
		must(c.Turn(c.ctx, 16, step))
		want(t, "handled", good, 1)
		c.resting(began)
		if due := c.poll(); due.Lanes == 0 && due.NextAt.IsZero() {
			t.Fatal("nothing says when the failed lanes are due again")
		}
	}},
	{"an outcome that the database refuses delays only its own citizen", func(t *testing.T, c *counter) {
		began := time.Now()
		c.accept(from("1", "a", "bad"), from("2", "b", "good"), from("3", "c", "good"))
		must(c.Turn(c.ctx, 16, func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			if texts(l)[0] == "bad" {
				out.Revision = "no text \x00\xff" // PostgreSQL refuses it, SQLite does not mind
			}
			return out, nil
		}))
		c.resting(began)
		for _, n := range []string{"2", "3"} {
			c.accept(from(n, "again-"+n, "good"))
			c.drain(func(l store.Lane) (store.Outcome, error) {
				wantAll(t, "texts", texts(l), "good")
				return handled(l), nil
			})
		}
	}},
	{"after three tries in under 10 s the message is a dead letter, and the citizen gets an apology", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "poison"), from("1", "b", "halo"))
		began := time.Now()
		tries, poisoned, after := 0, 0, 0
		eventually(t, "the citizen's next message is handled", func() bool {
			c.drain(func(l store.Lane) (store.Outcome, error) {
				switch {
				case l.Poisoned:
					poisoned++
					wantAll(t, "texts", texts(l), "poison", "halo")
					return store.Outcome{Format: 1, Send: []store.Outgoing{answer("sorry", "Maaf")}}, nil
				case texts(l)[0] == "poison":
					tries++
					return store.Outcome{}, errors.New("no node")
				}
				after++
				return handled(l), nil
			})
			return after == 1
		})
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("it took %v", took)
		}
		want(t, "tries", tries, 3)
		want(t, "apologies", poisoned, 1)
		sends := c.claim(10)
		want(t, "sends", len(sends), 1)
		want(t, "text", sends[0].Body.Text, "Maaf")
	}},
	{"a message whose apology fails as well still lets the next one pass", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "poison"), from("1", "b", "halo"))
		passed := false
		eventually(t, "the next message is handled", func() bool {
			c.drain(func(l store.Lane) (store.Outcome, error) {
				if texts(l)[0] == "poison" {
					panic("always")
				}
				passed = true
				return handled(l), nil
			})
			return passed
		})
	}},
	{"new messages do not cut a back-off short", func(t *testing.T, c *counter) {
		began := time.Now()
		c.accept(from("1", "a", "poison"))
		must(c.Turn(c.ctx, 1, func(store.Lane) (store.Outcome, error) { return store.Outcome{}, errors.New("no") }))
		c.accept(from("1", "b", "halo"))
		c.resting(began)
	}},
	{"a step that handles nothing is a failure and does not spin", func(t *testing.T, c *counter) {
		began := time.Now()
		c.accept(from("1", "a", "halo"))
		must(c.Turn(c.ctx, 1, func(store.Lane) (store.Outcome, error) { return store.Outcome{Format: 1}, nil }))
		c.resting(began)
	}},
	{"a newer state is left for a newer binary, without spinning", func(t *testing.T, c *counter) {
		began := time.Now()
		c.accept(from("1", "a", "halo"))
		must(c.Turn(c.ctx, 1, func(store.Lane) (store.Outcome, error) { return store.Outcome{Skip: time.Second}, nil }))
		c.resting(began)
		handledOne := false
		eventually(t, "the lane is due again", func() bool {
			c.drain(func(l store.Lane) (store.Outcome, error) {
				want(t, "poisoned", l.Poisoned, false)
				handledOne = true
				return handled(l), nil
			})
			return handledOne
		})
	}},
	{"a step that runs again sends nothing twice", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("hi"))
		c.accept(from("1", "b", "halo"))
		c.drain(answering("hi", "more"))
		want(t, "messages", len(c.deliveries(c.conversation("1").ID)), 2)
	}},
	{"a timer fires once, with its generation, and a replaced or removed one does not", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		soon := time.Now().Add(-time.Second)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Timers = []store.Timer{{Name: "silence", Generation: 1, DueAt: time.Now().Add(time.Hour)}, {Name: "gone", Generation: 1, DueAt: soon}}
			return out, nil
		})
		want(t, "timers due", c.poll().Timers, 1)
		c.accept(from("1", "b", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Timers = []store.Timer{{Name: "silence", Generation: 2, DueAt: soon}, {Name: "gone"}}
			return out, nil
		})
		fired := make([]int, 4)
		together(4, func(i int) { fired[i] = must(c.FireTimers(c.ctx, 10)) })
		want(t, "fired", fired[0]+fired[1]+fired[2]+fired[3], 1)
		rows := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			for _, row := range l.Inbox {
				rows++
				want(t, "kind", row.Kind, store.ItemTimer)
				want(t, "name", row.Name, "silence")
				want(t, "generation", row.Generation, 2)
			}
			return handled(l), nil
		})
		want(t, "rows", rows, 1)
	}},
	{"a lane shows at most 32 rows and comes back for the rest", func(t *testing.T, c *counter) {
		var batch []store.Inbound
		for i := range 70 {
			batch = append(batch, from("1", "m"+itoa(i), itoa(i)))
		}
		c.accept(batch...)
		var sizes []int
		c.drain(func(l store.Lane) (store.Outcome, error) {
			sizes = append(sizes, len(l.Inbox))
			return handled(l), nil
		})
		wantAll(t, "rows of each turn", sizes, 32, 32, 6)
	}},
	{"the last message's time is known after it was handled", func(t *testing.T, c *counter) {
		m := from("1", "wamid.9", "halo")
		c.accept(m)
		c.drain(answering("hi"))
		want(t, "last in", c.conversation("1").LastInAt.Unix(), m.At.Unix())
	}},
	{"a rating and a finished enquiry are kept", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "5"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Rating, out.Finished = &store.Rating{Scale: "nps", Score: 5, Pool: "contact-centre", Agent: "ani"}, true
			return out, nil
		})
		id := itoa(int(c.conversation("1").ID))
		want(t, "ratings", c.count("rating WHERE scale = 'nps' AND score = 5 AND pool = 'contact-centre' AND agent = 'ani' AND at > 0 AND conversation = "+id), 1)
		want(t, "enquiries", c.count("enquiry WHERE at > 0 AND conversation = "+id), 1)
	}},
}

// texts of a lane's messages.
func texts(l store.Lane) []string {
	var out []string
	for _, row := range l.Inbox {
		if row.Body.Kind == message.InText {
			out = append(out, row.Body.Text)
		}
	}
	return out
}
