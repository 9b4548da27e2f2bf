package storetest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const pool = "contact-centre"

var atTheCounter = store.Counter{Slots: 4, Absent: time.Minute, SkillsWithin: time.Hour}

func (c *counter) reply(agent string, conversation int64, id string) error {
	return c.Reply(c.ctx, pool, agent, conversation, store.Outgoing{ID: id, Class: message.ClassAgent, Body: message.Out{Text: id}})
}

func (c *counter) counts() store.PoolCount {
	c.t.Helper()
	for _, p := range must(c.PoolCounts(c.ctx)) {
		if p.Pool == pool {
			p.OldestWaiting = 0
			return p
		}
	}
	return store.PoolCount{}
}

// events that an agent's console reads after seq, as "kind" words.
func (c *counter) events(agent string, after int64) (kinds []string, last int64) {
	c.t.Helper()
	last = after
	for _, e := range must(c.DeskEvents(c.ctx, pool, agent, after, 1000)) {
		kinds, last = append(kinds, string(e.Kind)), e.Seq
	}
	return kinds, last
}

var deskTests = []check{
	{"a hand-off waits in its pool's queue, and the bot is silent", func(t *testing.T, c *counter) {
		v := c.waiting("1")
		want(t, "owner", v.Owner, store.OwnerQueue)
		want(t, "pool", v.Pool, pool)
		want(t, "counts", c.counts(), store.PoolCount{Pool: pool, WaitingForWorker: 1, Arrived: 1})
		want(t, "queues due", c.poll().Queues[pool], 1)
		c.accept(from("1", "more", "halo?"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			want(t, "owner", l.Conversation.Owner, store.OwnerQueue)
			out := handled(l)
			out.ToDesk = []int64{l.Inbox[0].MessageID}
			return out, nil
		})
		kinds, _ := c.events("ani", 0)
		wantAll(t, "events", kinds, "queued", "message")
	}},
	{"a hand-off of a conversation that is not the bot's fails its step", func(t *testing.T, c *counter) {
		c.waiting("1")
		c.accept(from("1", "more", "petugas"))
		must(c.Turn(c.ctx, 1, func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Handoff = &store.Handoff{Pool: "other"}
			return out, nil
		}))
		want(t, "pool", c.conversation("1").Pool, pool)
	}},
	{"routing sees the longest waiting first, the free agents, and who served before", func(t *testing.T, c *counter) {
		first := c.served("1", "ani")
		if err := c.CloseConversation(c.ctx, pool, "ani", first.ID); err != nil {
			t.Fatal(err)
		}
		c.drain(func(l store.Lane) (store.Outcome, error) { return handled(l), nil })
		c.accept(from("1", "again", "petugas"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Handoff = &store.Handoff{Pool: pool, Priority: 2}
			return out, nil
		})
		second := c.waiting("2")
		if err := c.SetAvailable(c.ctx, pool, "budi", false); err != nil {
			t.Fatal(err)
		}
		asked := false
		c.route(func(w store.Waiting) []store.Assignment {
			asked = true
			want(t, "waiting", len(w.Queue), 2)
			want(t, "first", w.Queue[0].Conversation, first.ID)
			want(t, "priority", w.Queue[0].Priority, 2)
			want(t, "last agent", w.Queue[0].LastAgent, "ani")
			want(t, "second", w.Queue[1].Conversation, second.ID)
			want(t, "agents", len(w.Agents), 1)
			want(t, "agent", w.Agents[0].Agent, "ani")
			want(t, "free", w.Agents[0].Free, 4)
			return nil
		})
		want(t, "asked", asked, true)
		want(t, "counts", c.counts(), store.PoolCount{Pool: pool, WaitingForAgent: 2, Agents: 1, Arrived: 3, Finished: 1})
	}},
	{"routing sees an urgent conversation behind any number of others", func(t *testing.T, c *counter) {
		hand := func(priority int) {
			c.drain(func(l store.Lane) (store.Outcome, error) {
				out := handled(l)
				out.Handoff = &store.Handoff{Pool: pool, Priority: priority}
				return out, nil
			})
		}
		var batch []store.Inbound
		for i := range 210 {
			batch = append(batch, from(number(i), "m"+itoa(i), "petugas"))
		}
		c.accept(batch...)
		hand(0)
		c.accept(from("1", "urgent", "petugas"))
		hand(2)
		if err := c.SetAvailable(c.ctx, pool, "ani", true); err != nil {
			t.Fatal(err)
		}
		c.route(func(w store.Waiting) []store.Assignment {
			want(t, "head", w.Queue[0].Conversation, c.conversation("1").ID)
			return nil
		})
	}},
	{"routing sees whom somebody can serve behind any number who wait for a skill", func(t *testing.T, c *counter) {
		hand := func(h store.Handoff, citizens ...string) {
			var batch []store.Inbound
			for _, number := range citizens {
				batch = append(batch, from(number, "ask-"+number, "petugas"))
			}
			c.accept(batch...)
			c.drain(func(l store.Lane) (store.Outcome, error) {
				out := handled(l)
				out.Handoff = &h
				return out, nil
			})
		}
		h := store.Handoff{Pool: pool, Skills: []string{"english", "syariah"}}
		hand(h, "patient")
		c.age("UPDATE queue SET since = since - 7200000000")
		var urgent []string
		for i := range 210 {
			urgent = append(urgent, number(i))
		}
		h.Priority = 2
		hand(h, urgent...)
		hand(store.Handoff{Pool: pool, Skills: []string{"english"}}, "other")
		hand(store.Handoff{Pool: pool}, "anybody")
		if err := c.SetAvailable(c.ctx, pool, "ani", true); err != nil {
			t.Fatal(err)
		}
		c.route(func(w store.Waiting) []store.Assignment {
			seen := map[string]int{}
			for _, e := range w.Queue {
				seen[fmt.Sprintf("%d %v", e.Priority, e.Skills)]++
			}
			want(t, "seen", fmt.Sprint(seen), "map[0 []:1 0 [english syariah]:1 0 [english]:1 2 [english syariah]:200]")
			return nil
		})
	}},
	{"a conversation keeps the skills that it asks for with an agent, and back in the queue", func(t *testing.T, c *counter) {
		c.accept(from("1", "ask", "petugas"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Handoff = &store.Handoff{Pool: pool, Skills: []string{"english", "syariah"}}
			return out, nil
		})
		if err := c.SetAvailable(c.ctx, pool, "ani", true); err != nil {
			t.Fatal(err)
		}
		give := func(w store.Waiting) []store.Assignment {
			wantAll(t, "skills asked for", w.Queue[0].Skills, "english", "syariah")
			return []store.Assignment{{Conversation: w.Queue[0].Conversation, Agent: "ani"}}
		}
		want(t, "assigned", len(c.route(give)), 1)
		wantAll(t, "skills in the view", must(c.DeskView(c.ctx, pool, "ani")).Conversations[0].Skills, "english", "syariah")
		want(t, "released", must(c.Release(c.ctx, pool, 0)), 1)
		want(t, "assigned again", len(c.route(give)), 1)
		other := c.served("2", "ani")
		for _, d := range must(c.DeskView(c.ctx, pool, "ani")).Conversations {
			if d.Conversation.ID == other.ID {
				want(t, "skills of one that asks for none", len(d.Skills), 0)
			}
		}
	}},
	{"a pod of the version before, which knows no skills, hands over and gives out beside this one", func(t *testing.T, c *counter) {
		v := c.waiting("1")
		c.age(`DELETE FROM queue`,
			`INSERT INTO queue (conversation, pool, priority, since, summary) SELECT id, pool, 1, 1, 'x' FROM conversation`)
		if err := c.SetAvailable(c.ctx, pool, "ani", true); err != nil {
			t.Fatal(err)
		}
		c.route(func(w store.Waiting) []store.Assignment {
			want(t, "seen", fmt.Sprint(len(w.Queue), w.Queue[0].Conversation == v.ID, w.Queue[0].Skills), "1 true []")
			return nil
		})
		c.age(`UPDATE queue SET skills = 'english'`,
			`INSERT INTO agent_slot (pool, agent, slot, conversation, priority, summary, queued_at, assigned_at)
				SELECT pool, 'ani', 1, conversation, priority, summary, since, since FROM queue`,
			`DELETE FROM queue`, `UPDATE conversation SET owner = 'agent', agent = 'ani'`)
		want(t, "held", len(must(c.DeskView(c.ctx, pool, "ani")).Conversations), 1)
		want(t, "released", must(c.Release(c.ctx, pool, 0)), 1)
		c.route(func(w store.Waiting) []store.Assignment {
			want(t, "seen again", len(w.Queue), 1)
			return nil
		})
	}},
	{"routing sees agents who are there with all their slots taken, and is not asked when all are", func(t *testing.T, c *counter) {
		c.served("1", "ani")
		c.waiting("2")
		one := store.Counter{Slots: 1, Absent: time.Minute}
		must(c.Route(c.ctx, pool, one, func(w store.Waiting) []store.Assignment {
			t.Errorf("asked about %v", w.Agents)
			return nil
		}))
		if err := c.SetAvailable(c.ctx, pool, "budi", true); err != nil {
			t.Fatal(err)
		}
		asked := false
		must(c.Route(c.ctx, pool, one, func(w store.Waiting) []store.Assignment {
			asked = true
			for _, a := range w.Agents {
				want(t, a.Agent+"'s free slots", a.Free, map[string]int{"ani": 0, "budi": 1}[a.Agent])
			}
			want(t, "agents", len(w.Agents), 2)
			return nil
		}))
		want(t, "asked", asked, true)
	}},
	{"an agent never has more than four conversations, and no conversation two agents, under 16 routers", func(t *testing.T, c *counter) {
		var batch []store.Inbound
		for i := range 30 {
			batch = append(batch, from(number(i), "m"+itoa(i), "petugas"))
		}
		c.accept(batch...)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Handoff = &store.Handoff{Pool: pool}
			return out, nil
		})
		agents := []string{"ani", "budi", "citra"}
		for _, a := range agents {
			if err := c.SetAvailable(c.ctx, pool, a, true); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		holder := map[int64]string{}
		together(16, func(i int) {
			for round := range 3 {
				got, err := c.Route(c.ctx, pool, atTheCounter, func(w store.Waiting) []store.Assignment {
					var all []store.Assignment // greedy and blind, each in another order
					for n, q := range w.Queue {
						all = append(all, store.Assignment{Conversation: q.Conversation, Agent: agents[(n+i+round)%3]})
					}
					if i%2 == 0 {
						slices.Reverse(all)
					}
					return all
				})
				if err != nil {
					t.Errorf("router %d: %v", i, err)
				}
				mu.Lock()
				for _, a := range got {
					if holder[a.Conversation] != "" {
						t.Errorf("conversation %d was given to %s and to %s", a.Conversation, holder[a.Conversation], a.Agent)
					}
					holder[a.Conversation] = a.Agent
				}
				mu.Unlock()
			}
		})
		want(t, "assigned", len(holder), 12)
		for _, a := range agents {
			want(t, a+" holds", len(must(c.DeskView(c.ctx, pool, a)).Conversations), 4)
		}
		want(t, "queues due while nobody is free", c.poll().Queues[pool], 0)
	}},
	{"an agent whose console is silent is offered nothing, and gives conversations back to the head of the queue", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		waiting := c.waiting("2")
		must(c.Route(c.ctx, pool, store.Counter{Slots: 4}, func(w store.Waiting) []store.Assignment {
			t.Errorf("offered: %v", w.Agents)
			return nil
		}))
		want(t, "released while the agent is there", must(c.Release(c.ctx, pool, time.Minute)), 0)
		want(t, "released", must(c.Release(c.ctx, pool, 0)), 1)
		want(t, "owner", c.conversation("1").Owner, store.OwnerQueue)
		c.route(func(w store.Waiting) []store.Assignment {
			want(t, "head", w.Queue[0].Conversation, v.ID)
			want(t, "behind it", w.Queue[1].Conversation, waiting.ID)
			return nil
		})
		want(t, "arrived counts it once", c.counts().Arrived, 2)
		wantErr(t, c.reply("ani", v.ID, "too late"), store.ErrConflict)
	}},
	{"an agent's reply goes out through the same outbox, once for a repeated click", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		if err := c.SaveDraft(c.ctx, pool, "ani", v.ID, "Selamat"); err != nil {
			t.Fatal(err)
		}
		want(t, "draft", must(c.DeskView(c.ctx, pool, "ani")).Conversations[0].Draft, "Selamat")
		for range 3 {
			if err := c.reply("ani", v.ID, "click-1"); err != nil {
				t.Fatal(err)
			}
		}
		sends := c.claim(10)
		want(t, "sends", len(sends), 1)
		want(t, "class", sends[0].Class, message.ClassAgent)
		view := must(c.DeskView(c.ctx, pool, "ani")).Conversations[0]
		want(t, "draft after the reply", view.Draft, "")
		last := view.Messages[len(view.Messages)-1]
		want(t, "author", string(last.Author)+" "+last.Agent+" "+last.ClientID, "agent ani click-1")
		c.drain(func(l store.Lane) (store.Outcome, error) {
			t.Error("a reply is no work for the dialog")
			return handled(l), nil
		})
		kinds, _ := c.events("ani", 0)
		wantAll(t, "events", kinds, "queued", "assigned", "message")
		others, _ := c.events("budi", 0)
		wantAll(t, "what others see", others, "queued")
	}},
	{"the agent is told when a reply is unknown, settled, delivered or failed", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		_, seq := c.events("ani", 0)
		if err := c.reply("ani", v.ID, "r1"); err != nil {
			t.Fatal(err)
		}
		s := c.claim(1)[0]
		c.settle(s, store.SendResult{Outcome: store.SendUnknown})
		c.status(store.Status{ExternalID: "w1", Ref: "r1", Delivery: message.DeliverySent})
		c.status(store.Status{ExternalID: "w1", Ref: "r1", Delivery: message.DeliverySent})
		c.status(store.Status{ExternalID: "w1", Ref: "r1", Delivery: message.DeliveryRead})
		kinds, _ := c.events("ani", seq)
		wantAll(t, "events", kinds, "message", "delivery", "delivery", "delivery")
	}},
	{"a close frees the slot, counts, and brings the bot back in the citizen's lane", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		c.accept(from("1", "bye", "terima kasih"))
		wantErr(t, c.CloseConversation(c.ctx, pool, "budi", v.ID), store.ErrConflict)
		wantErr(t, c.CloseConversation(c.ctx, pool, "ani", v.ID), store.ErrUnread)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.ToDesk = []int64{l.Inbox[0].MessageID}
			return out, nil
		})
		if err := c.CloseConversation(c.ctx, pool, "ani", v.ID); err != nil {
			t.Fatal(err)
		}
		wantErr(t, c.CloseConversation(c.ctx, pool, "ani", v.ID), store.ErrConflict)
		wantErr(t, c.reply("ani", v.ID, "late"), store.ErrConflict)
		c.drain(func(l store.Lane) (store.Outcome, error) {
			want(t, "owner", l.Conversation.Owner, store.OwnerBot)
			want(t, "rows", len(l.Inbox), 1)
			want(t, "closed", l.Inbox[0].Kind, store.ItemClosed)
			want(t, "by", l.Inbox[0].Pool+"/"+l.Inbox[0].Agent, pool+"/ani")
			return handled(l), nil
		})
		want(t, "counts", c.counts(), store.PoolCount{Pool: pool, Agents: 1, Arrived: 1, Finished: 1})
	}},
	{"a reply and a take-over at once: bot and two people never speak together", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		must(c.Release(c.ctx, pool, 0))
		if err := c.SetAvailable(c.ctx, pool, "budi", true); err != nil {
			t.Fatal(err)
		}
		var errs [2]error
		together(3, func(i int) {
			switch i {
			case 0:
				errs[0] = c.reply("ani", v.ID, "from ani")
			case 1:
				c.route(func(store.Waiting) []store.Assignment { return []store.Assignment{{Conversation: v.ID, Agent: "budi"}} })
			case 2:
				errs[1] = c.CloseConversation(c.ctx, pool, "ani", v.ID)
			}
		})
		wantErr(t, errs[0], store.ErrConflict)
		wantErr(t, errs[1], store.ErrConflict)
		want(t, "owner", c.conversation("1").Agent, "budi")
		if err := c.reply("budi", v.ID, "from budi"); err != nil {
			t.Fatal(err)
		}
	}},
	{"a console that polls while everybody writes misses no event", func(t *testing.T, c *counter) {
		const citizens, each = 12, 12
		for i := range citizens {
			c.waiting(number(i))
		}
		done := make(chan struct{})
		var reading sync.WaitGroup
		seen := map[int64]bool{}
		reading.Go(func() {
			after, last := int64(0), false
			for {
				events := must(c.DeskEvents(c.ctx, pool, "ani", after, 7))
				for _, e := range events {
					if e.Seq <= after {
						t.Errorf("event %d after %d", e.Seq, after)
					}
					after = e.Seq
					if e.Kind == store.EventMessage {
						seen[e.MessageID] = true
					}
				}
				if last && len(events) == 0 {
					return
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
		})
		var mu sync.Mutex
		written := map[int64]bool{}
		var working sync.WaitGroup
		for w := range 4 {
			working.Go(func() {
				for i := range each {
					for p := w; p < citizens; p += 4 {
						must(c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{from(number(p), fmt.Sprintf("e-%d-%d", p, i), "halo")}}))
					}
					must(c.Turn(c.ctx, 3, func(l store.Lane) (store.Outcome, error) {
						out := handled(l)
						for _, row := range l.Inbox {
							out.ToDesk = append(out.ToDesk, row.MessageID)
						}
						mu.Lock()
						defer mu.Unlock()
						for _, id := range out.ToDesk {
							written[id] = true
						}
						return out, nil
					}))
				}
			})
		}
		working.Wait()
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			for _, row := range l.Inbox {
				out.ToDesk = append(out.ToDesk, row.MessageID)
				written[row.MessageID] = true
			}
			return out, nil
		})
		close(done)
		reading.Wait()
		want(t, "written", len(written), citizens*each)
		want(t, "seen", len(seen), citizens*each)
	}},
	{"a mailbox that polls while bot and agent write misses nothing that is sent", func(t *testing.T, c *counter) {
		v := c.served("1", "ani")
		done := make(chan struct{})
		got := map[string]bool{}
		var reading, working sync.WaitGroup
		reading.Go(func() {
			after, last := int64(0), false
			for {
				messages := must(c.TranscriptSince(c.ctx, v.ID, after, 5))
				for _, m := range messages {
					after = m.ID
					got[m.ClientID] = true
				}
				if last && len(messages) == 0 {
					return
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
		})
		working.Go(func() {
			for i := range 30 {
				if err := c.reply("ani", v.ID, "agent-"+itoa(i)); err != nil {
					t.Error(err)
				}
			}
		})
		note := func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			for _, row := range l.Inbox {
				out.Send = append(out.Send, answer("bot-"+row.ExternalID, "noted"))
			}
			return out, nil
		}
		working.Go(func() {
			for i := range 30 {
				must(c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{from("1", "c-"+itoa(i), "halo")}}))
				c.drain(note)
			}
		})
		working.Wait()
		c.drain(note) // a turn passes over the lane that a reply holds at that moment
		close(done)
		reading.Wait()
		for i := range 30 {
			if !got["agent-"+itoa(i)] || !got["bot-c-"+itoa(i)] {
				t.Fatalf("message %d was missed", i)
			}
		}
	}},
	{"a session ends when it is idle, expired or signed out", func(t *testing.T, c *counter) {
		sign := func(token string, expires time.Time) []byte {
			hash := sha256.Sum256([]byte(token))
			if err := c.SignIn(c.ctx, store.Session{TokenHash: hash[:], Pool: pool, Agent: "ani", Expires: expires}); err != nil {
				t.Fatal(err)
			}
			return hash[:]
		}
		live := sign("live", time.Now().Add(time.Hour))
		want(t, "agent", must(c.SessionOf(c.ctx, live, time.Hour)).Agent, "ani")
		want(t, "again", must(c.SessionOf(c.ctx, live, time.Hour)).Pool, pool)
		over := sign("over", time.Now().Add(-time.Second))
		_, err := c.SessionOf(c.ctx, over, time.Hour)
		wantErr(t, err, store.ErrNotFound)
		idle := sign("idle", time.Now().Add(time.Hour))
		must(c.SessionOf(c.ctx, idle, time.Millisecond))
		eventually(t, "the idle session ends", func() bool { _, err := c.SessionOf(c.ctx, idle, time.Millisecond); return err != nil })
		if err := c.SetAvailable(c.ctx, pool, "ani", true); err != nil {
			t.Fatal(err)
		}
		if err := c.SignOut(c.ctx, live); err != nil {
			t.Fatal(err)
		}
		_, err = c.SessionOf(c.ctx, live, time.Hour)
		wantErr(t, err, store.ErrNotFound)
		want(t, "available after the last session", must(c.DeskView(c.ctx, pool, "ani")).Available, false)
	}},
	{"a transcript is read backwards by pages and forwards by a mailbox", func(t *testing.T, c *counter) {
		for i := range 7 {
			c.accept(from("1", "m"+itoa(i), itoa(i)))
			c.drain(answering("reply-" + itoa(i)))
		}
		id := c.conversation("1").ID
		var ids []int64
		page := must(c.Transcript(c.ctx, id, 0, 5))
		for len(page) > 0 {
			for _, m := range slices.Backward(page) {
				ids = append(ids, m.ID)
			}
			page = must(c.Transcript(c.ctx, id, page[0].ID, 5))
		}
		want(t, "messages", len(ids), 14)
		slices.Reverse(ids)
		var forwards []int64
		for after := int64(0); ; {
			page := must(c.TranscriptSince(c.ctx, id, after, 4))
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				forwards, after = append(forwards, m.ID), m.ID
			}
		}
		wantAll(t, "forwards", forwards, ids...)
	}},
	{"a stranger has no conversation", func(t *testing.T, c *counter) {
		_, err := c.FindConversation(c.ctx, "wa", phone("nobody"))
		wantErr(t, err, store.ErrNotFound)
		wantErr(t, c.reply("ani", 999, "x"), store.ErrNotFound)
	}},
}
