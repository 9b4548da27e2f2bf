package storetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

func verdict(name, hash string, good bool) store.ObjectVerdict {
	return store.ObjectVerdict{Kind: "DialogFlow", Name: name, Hash: hash, Generation: 1, Good: good,
		Body: []byte("body of " + hash), Verdict: []byte(`{"name":"` + name + `"}`)}
}

func (c *counter) judge(hash, before string, verdicts ...store.ObjectVerdict) {
	c.t.Helper()
	if err := c.PutBundle(c.ctx, hash, before, []byte("bundle "+hash)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.SaveVerdicts(c.ctx, must(c.CurrentBundle(c.ctx)).Version, 5, verdicts); err != nil {
		c.t.Fatal(err)
	}
}

func (c *counter) live() (hashes []string) {
	c.t.Helper()
	for _, o := range must(c.Live(c.ctx)).Objects {
		hashes = append(hashes, o.Name+"="+o.Hash)
	}
	return hashes
}

var configTests = []check{
	{"an old leader's late bundle loses", func(t *testing.T, c *counter) {
		_, err := c.CurrentBundle(c.ctx)
		wantErr(t, err, store.ErrNotFound)
		put := func(hash, before string) error { return c.PutBundle(c.ctx, hash, before, []byte(hash)) }
		if err := put("A", ""); err != nil {
			t.Fatal(err)
		}
		if err := put("B", "A"); err != nil {
			t.Fatal(err)
		}
		wantErr(t, put("C", "A"), store.ErrConflict)
		if err := put("B", "A"); err != nil {
			t.Fatalf("the current one again: %v", err)
		}
		b := must(c.CurrentBundle(c.ctx))
		want(t, "current", b.Hash+" "+string(b.Body), "B B")
		want(t, "version", b.Version, 2)
		want(t, "polled version", c.poll().BundleVersion, 2)
		wantErr(t, c.SaveVerdicts(c.ctx, 1, 5, nil), store.ErrConflict)
	}},
	{"one of two leaders at once wins", func(t *testing.T, c *counter) {
		errs := make([]error, 6)
		together(6, func(i int) { errs[i] = c.PutBundle(c.ctx, "hash-"+itoa(i), "", []byte("x")) })
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			}
		}
		want(t, "winners", won, 1)
	}},
	{"a refused object keeps its last good revision, and what left the bundle is gone", func(t *testing.T, c *counter) {
		want(t, "version before the first", must(c.Live(c.ctx)).Version, 0)
		c.judge("A", "", verdict("menu", "m1", true), verdict("survey", "s1", true))
		wantAll(t, "live", c.live(), "menu=m1", "survey=s1")
		c.judge("B", "A", verdict("menu", "m2", false), verdict("survey", "s2", true))
		wantAll(t, "live", c.live(), "menu=m1", "survey=s2")
		set := must(c.Live(c.ctx))
		want(t, "hash", set.Hash+" "+string(set.Bundle), "B bundle B")
		want(t, "verdicts", len(set.Verdicts), 2)
		c.judge("C", "B", verdict("survey", "s2", true))
		wantAll(t, "live", c.live(), "survey=s2")
		want(t, "body", string(must(c.Live(c.ctx)).Objects[0].Body), "body of s2")
	}},
	{"an object that was never good is not live", func(t *testing.T, c *counter) {
		c.judge("A", "", verdict("menu", "m1", false))
		want(t, "live", len(c.live()), 0)
		_, err := c.Revision(c.ctx, "m1")
		wantErr(t, err, store.ErrNotFound)
	}},
	{"a bundle is judged once, and again by a newer program", func(t *testing.T, c *counter) {
		c.judge("A", "", verdict("menu", "m1", true))
		for _, again := range []struct {
			judge int64
			want  string
		}{{5, "menu=m1"}, {4, "menu=m1"}, {6, "menu=m9"}} {
			if err := c.SaveVerdicts(c.ctx, 1, again.judge, []store.ObjectVerdict{verdict("menu", "m9", true)}); err != nil {
				t.Fatal(err)
			}
			wantAll(t, "live", c.live(), again.want)
		}
		want(t, "judge", must(c.CurrentBundle(c.ctx)).Judge, 6)
	}},
	{"a bundle that waits for its judge changes nothing that serves", func(t *testing.T, c *counter) {
		c.judge("A", "", verdict("menu", "m1", true))
		if err := c.PutBundle(c.ctx, "B", "A", []byte("bundle B")); err != nil {
			t.Fatal(err)
		}
		want(t, "live", must(c.Live(c.ctx)).Hash, "A")
		want(t, "judged", must(c.CurrentBundle(c.ctx)).Judge, 0)
	}},
	{"one pod fetches a data set, when it is due", func(t *testing.T, c *counter) {
		wish := store.SourceWish{Name: "list", Origin: "o", Wish: "w", Every: time.Hour, Again: time.Minute, Lease: time.Minute}
		claim := func(wish store.SourceWish) bool {
			_, due, err := c.ClaimSource(c.ctx, wish)
			if err != nil {
				t.Fatal(err)
			}
			return due
		}
		due := make([]bool, 6)
		together(6, func(i int) { due[i] = claim(wish) })
		n := 0
		for _, is := range due {
			if is {
				n++
			}
		}
		want(t, "claims of a first look", n, 1)
		c.age("UPDATE source SET leased_until = leased_until - 61000000")
		want(t, "after a pod died with it", claim(wish), true)
		save := func(s store.Source) {
			s.Name, s.Origin, s.Wish = "list", wish.Origin, wish.Wish
			if err := c.SaveSource(c.ctx, s, false); err != nil {
				t.Fatal(err)
			}
		}
		save(store.Source{Hash: "h1", Body: []byte("rows"), State: []byte(`{"n":1}`)})
		want(t, "just fetched", claim(wish), false)
		c.age("UPDATE source SET checked_at = checked_at - 3600000001")
		want(t, "an hour later", claim(wish), true)
		save(store.Source{State: []byte(`{"n":2}`), Failed: true})
		c.age("UPDATE source SET checked_at = checked_at - 60000001")
		want(t, "a minute after a failure", claim(wish), true)
		save(store.Source{State: []byte(`{"n":3}`)})
		wish.Wish = "w2"
		s, asked, err := c.ClaimSource(c.ctx, wish)
		want(t, "another wish", asked && err == nil, true)
		want(t, "what was fetched before", s.Hash+" "+s.Wish+" "+string(s.State), `h1 w {"n":3}`)
		all := must(c.Sources(c.ctx))
		want(t, "the body stays when a try brings none", string(all[0].Body), "rows")
		if err := c.KeepSources(c.ctx, []string{"other"}); err != nil {
			t.Fatal(err)
		}
		want(t, "a source that nothing names", len(must(c.Sources(c.ctx))), 0)
		save(store.Source{Hash: "h2", Body: []byte("late")})
		want(t, "and its late rows", len(must(c.Sources(c.ctx))), 0)
	}},
	{"what was fetched has the bundle judged again", func(t *testing.T, c *counter) {
		c.judge("A", "", verdict("menu", "m1", true))
		if _, due, err := c.ClaimSource(c.ctx, store.SourceWish{Name: "list", Wish: "w", Lease: time.Minute}); !due || err != nil {
			t.Fatal(due, err)
		}
		if err := c.SaveSource(c.ctx, store.Source{Name: "list", Wish: "w", Hash: "h", Body: []byte("x")}, true); err != nil {
			t.Fatal(err)
		}
		b := must(c.CurrentBundle(c.ctx))
		want(t, "current", b.Hash+" "+string(b.Body), "A bundle A")
		want(t, "version", b.Version, 2)
		want(t, "judged", b.Judge, 0)
		want(t, "polled version", c.poll().BundleVersion, 2)
		want(t, "serving meanwhile", must(c.Live(c.ctx)).Version, 1)
		wantErr(t, c.SaveVerdicts(c.ctx, 1, 5, nil), store.ErrConflict) // a judge that had not seen the rows
		if err := c.PutBundle(c.ctx, "B", "A", []byte("B")); err != nil {
			t.Fatalf("the operator's next: %v", err)
		}
		want(t, "version", must(c.CurrentBundle(c.ctx)).Version, 3)
	}},
	{"a conversation that stands in an old revision finds it", func(t *testing.T, c *counter) {
		c.judge("A", "", verdict("menu", "m1", true))
		c.accept(from("1", "a", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Revision = "m1"
			return out, nil
		})
		c.judge("B", "A", verdict("menu", "m2", true), verdict("survey", "s1", true))
		c.judge("C", "B", verdict("menu", "m2", true))
		c.age("UPDATE object SET retired_at = retired_at - 7200000000 WHERE retired_at <> 0")
		must(c.Janitor(c.ctx, time.Hour))
		want(t, "body", string(must(c.Revision(c.ctx, "m1"))), "body of m1")
		_, err := c.Revision(c.ctx, "s1")
		wantErr(t, err, store.ErrNotFound) // nothing stands in it
		c.accept(from("1", "b", "selesai"))
		c.drain(func(l store.Lane) (store.Outcome, error) { return handled(l), nil }) // its enquiry ends
		must(c.Janitor(c.ctx, time.Hour))
		_, err = c.Revision(c.ctx, "m1")
		wantErr(t, err, store.ErrNotFound)
	}},
	{"pods are seen by each other", func(t *testing.T, c *counter) {
		for _, name := range []string{"bot-1", "bot-0", "bot-1"} {
			must(c.Heartbeat(c.ctx, store.Pod{Name: name, Roles: "bot", Bundle: "A", Report: []byte(`{}`)}, time.Minute))
		}
		pods := must(c.Pods(c.ctx))
		want(t, "pods", len(pods), 2)
		want(t, "first", pods[0].Name, "bot-0")
		if time.Since(pods[0].SeenAt).Abs() > time.Minute {
			t.Fatalf("seen at %v", pods[0].SeenAt)
		}
		if _, err := c.Heartbeat(c.ctx, store.Pod{Name: "big", Report: make([]byte, 9<<10)}, time.Minute); err == nil {
			t.Fatal("a report of 9 kB was taken")
		}
		if err := c.Farewell(c.ctx, "bot-0"); err != nil {
			t.Fatal(err)
		}
		pods = must(c.Pods(c.ctx))
		want(t, "pods after one has gone", len(pods), 1)
		want(t, "left", pods[0].Name, "bot-1")
	}},
}

var upkeepTests = []check{
	{"a message is gone once it is past retention, and not before it was handled", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering())
		c.accept(from("1", "b", "halo"), from("2", "c", "halo"))
		c.age("UPDATE message SET stored_at = stored_at - 7200000000", "UPDATE inbox SET message_at = message_at - 7200000000")
		c.accept(from("3", "d", "halo"))
		want(t, "messages", c.count("message"), 4)
		must(c.Janitor(c.ctx, time.Hour))
		want(t, "messages that are young, or wait", c.count("message"), 3)
		seen := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			for _, row := range l.Inbox {
				seen++
				want(t, "text", row.Body.Text, "halo")
			}
			return handled(l), nil
		})
		want(t, "messages handled", seen, 3)
		must(c.Janitor(c.ctx, time.Hour))
		want(t, "messages", c.count("message"), 1)
	}},
	{"an idle store is due for nothing", func(t *testing.T, c *counter) {
		due := c.poll()
		if time.Since(due.Now).Abs() > time.Minute {
			t.Fatalf("its clock says %v", due.Now)
		}
		want(t, "lanes, timers, sends, statuses, unknown", due.Lanes+due.Timers+due.Sends+due.Statuses+due.Unknown, 0)
		want(t, "next", due.NextAt.IsZero(), true)
	}},
	{"an idle pod may sleep until the next timer", func(t *testing.T, c *counter) {
		at := time.Now().Add(time.Hour).Truncate(time.Microsecond)
		c.accept(from("1", "a", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Timers = []store.Timer{{Name: "silence", Generation: 1, DueAt: at}}
			return out, nil
		})
		want(t, "next", c.poll().NextAt.UnixMicro(), at.UnixMicro())
	}},
	{"of a tenant's pods one sweeps each minute, and any of them may", func(t *testing.T, c *counter) {
		turns := func() int {
			var had [12]bool
			together(len(had), func(i int) {
				had[i] = must(c.Heartbeat(c.ctx, store.Pod{Name: "pod-" + itoa(i%3), Roles: "bot"}, time.Minute))
			})
			n := 0
			for _, turn := range had {
				if turn {
					n++
				}
			}
			return n
		}
		want(t, "turns of a new tenant", turns(), 1)
		want(t, "turns soon after", turns(), 0)
		c.age("UPDATE janitor SET at = at - 61000000")
		want(t, "turns a minute later", turns(), 1)
	}},
	{"a janitor with nothing to do asks little", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "halo"))
		c.drain(answering("hi"))
		asked := &counted{engine: c.Store.(engine)}
		must(acts.New(asked).Upkeep(c.ctx, time.Hour))
		want(t, "writes", asked.writes.Load(), 0)
		want(t, "reads", asked.reads.Load(), 2) // what there is to do, and whom to forget
	}},
	{"the janitor of a healthy store repairs nothing", func(t *testing.T, c *counter) {
		c.served("1", "ani")
		c.sending("2", "one", "two")
		want(t, "repaired", must(c.Janitor(c.ctx, time.Hour)).RepairedLanes, 0)
	}},
	{"a citizen is forgotten with the last of what they said, unless something waits", func(t *testing.T, c *counter) {
		c.accept(known("B1", "1", "a"))
		c.drain(answering("hi"))
		c.settle(c.claim(1)[0], store.SendResult{Outcome: store.SendAccepted, ExternalID: "x"})
		c.served("2", "ani")
		c.accept(from("3", "b", "halo"), from("4", "c", "halo"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Timers = []store.Timer{{Name: "silence", Generation: 1, DueAt: time.Now().Add(time.Hour)}}
			return out, nil
		})
		c.accept(from("5", "d", "halo")) // nobody has handled it yet
		must(c.Janitor(c.ctx, time.Hour))
		want(t, "conversations while messages are kept", c.count("conversation"), 5)
		c.age("DELETE FROM message WHERE id NOT IN (SELECT id FROM inbox)", "UPDATE conversation_state SET last_in_at = 1",
			"DELETE FROM timer WHERE conversation = "+itoa(int(c.conversation("4").ID)))
		must(c.Janitor(c.ctx, time.Hour))
		for _, table := range []string{"conversation", "conversation_state", "contact", "identity"} {
			want(t, table, c.count(table), 3)
		}
		for _, gone := range []string{"1", "4"} {
			_, err := c.FindConversation(c.ctx, "wa", phone(gone))
			wantErr(t, err, store.ErrNotFound)
		}
		want(t, "repaired", must(c.Janitor(c.ctx, time.Hour)).RepairedLanes, 0)
	}},
	{"a citizen who writes while being forgotten is answered", func(t *testing.T, c *counter) {
		for round := range 20 {
			for i := range 3 {
				c.accept(known("B"+itoa(i), itoa(i), "a-"+itoa(round)+"-"+itoa(i)))
			}
			c.drain(func(l store.Lane) (store.Outcome, error) { return handled(l), nil })
			c.age("DELETE FROM message", "UPDATE conversation_state SET last_in_at = 1")
			together(8, func(i int) {
				if i%2 == 0 {
					must(c.Janitor(c.ctx, time.Hour))
					return
				}
				m := known("B"+itoa(i/3), itoa(i/3), "b-"+itoa(round)+"-"+itoa(i))
				if i == 7 {
					m.Channel = "web"
				}
				want(t, "stored", must(c.Accept(c.ctx, store.Batch{Messages: []store.Inbound{m}})).Stored, 1)
			})
			answered := 0
			c.drain(func(l store.Lane) (store.Outcome, error) {
				out := handled(l)
				answered += len(l.Inbox)
				for _, row := range l.Inbox {
					out.Send = append(out.Send, answer("to-"+row.ExternalID, "hi"))
				}
				return out, nil
			})
			want(t, "answered", answered, 4)
			sent := 0
			for sent < 4 {
				for _, s := range must(c.ClaimSends(c.ctx, []string{"wa", "web"}, 10, time.Minute, 1000)) {
					want(t, "addresses", len(s.Identities), 2)
					c.settle(s, store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + s.ID})
					sent++
				}
			}
			want(t, "repaired", must(c.Janitor(c.ctx, 0)).RepairedLanes, 0)
		}
	}},
	{"a store says what a commit promises, and that it can commit", func(t *testing.T, c *counter) {
		want(t, "durability", must(c.Durability(c.ctx)), store.DurabilitySingleNode)
		if err := c.Ping(c.ctx); err != nil {
			t.Fatal(err)
		}
	}},
}

// counted is an engine that counts transactions, and the statements of those that write.
type counted struct {
	engine
	reads, writes, statements atomic.Int64
}

func (c *counted) Read(ctx context.Context, act func(acts.Tx) error) error {
	c.reads.Add(1)
	return c.engine.Read(ctx, act)
}

func (c *counted) Write(ctx context.Context, act func(acts.Tx) error) error {
	c.writes.Add(1)
	return c.engine.Write(ctx, func(tx acts.Tx) error { return act(countedTx{tx, &c.statements}) })
}

type countedTx struct {
	acts.Tx
	n *atomic.Int64
}

func (t countedTx) Exec(query string, args ...any) (int64, error) {
	t.n.Add(1)
	return t.Tx.Exec(query, args...)
}

func (t countedTx) Query(query string, args ...any) (acts.Rows, error) {
	t.n.Add(1)
	return t.Tx.Query(query, args...)
}

func (t countedTx) Later(query string, args ...any) error {
	t.n.Add(1)
	return t.Tx.Later(query, args...)
}

func (t countedTx) Expect(rows int64, what, query string, args ...any) error {
	t.n.Add(1)
	return t.Tx.Expect(rows, what, query, args...)
}

func (t countedTx) Ask(row acts.Row, query string, args ...any) error {
	t.n.Add(1)
	return t.Tx.Ask(row, query, args...)
}

func (t countedTx) Draw(n int) ([]int64, int64, error) {
	t.n.Add(1)
	return t.Tx.Draw(n)
}
