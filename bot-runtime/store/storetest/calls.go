package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// asking handles the first row and asks for a call; what comes behind it waits.
func asking(id string, generation int64, within time.Duration) func(store.Lane) (store.Outcome, error) {
	return func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		out.Handled = out.Handled[:1]
		out.Call = &store.Call{ID: id, Generation: generation, Request: []byte(`{"url":"https://example.go.id/"}`), Within: within}
		return out, nil
	}
}

// parked looks at a lane whose messages wait for a call.
func parked(store.Lane) (store.Outcome, error) { return store.Outcome{Park: time.Minute}, nil }

// callTests: a dialog waits for an outside service.
var callTests = []check{
	{"a call is made by one pod, and its answer comes before the messages that wait", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"), from("1", "b", "halo?"))
		want(t, "lanes", must(c.Turn(c.ctx, 1, asking("k1", 7, time.Minute))), 1)
		want(t, "calls that wait", c.poll().Calls, 1)
		claimed := make([][]store.ClaimedCall, 4)
		together(4, func(i int) { claimed[i] = must(c.ClaimCalls(c.ctx, 10)) })
		var mine []store.ClaimedCall
		for _, some := range claimed {
			mine = append(mine, some...)
		}
		want(t, "claims", len(mine), 1)
		want(t, "request", string(mine[0].Request), `{"url":"https://example.go.id/"}`)
		want(t, "generation", mine[0].Generation, 7)
		if mine[0].Left <= 0 || mine[0].Left > time.Minute {
			t.Errorf("%s are left of a minute", mine[0].Left)
		}
		want(t, "calls that wait", c.poll().Calls, 0)
		want(t, "lanes", must(c.Turn(c.ctx, 1, parked)), 1)
		want(t, "lanes due while it is called", c.poll().Lanes, 0)
		if err := c.AnswerCall(c.ctx, mine[0], []byte(`{"ok":true}`)); err != nil {
			t.Fatal(err)
		}
		want(t, "lanes due with the answer", c.poll().Lanes, 1)
		rows := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			rows += len(l.Inbox)
			want(t, "first", l.Inbox[0].Kind, store.ItemAnswer)
			want(t, "its generation", l.Inbox[0].Generation, 7)
			want(t, "its answer", string(l.Inbox[0].Answer), `{"ok":true}`)
			want(t, "second", l.Inbox[1].ExternalID, "b")
			return handled(l), nil
		})
		want(t, "rows", rows, 2)
		wantErr(t, c.AnswerCall(c.ctx, mine[0], []byte(`{}`)), store.ErrNotFound)
		want(t, "lanes due after an answer too many", c.count("inbox"), 0)
	}},
	{"the answer comes before however many messages", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"))
		c.drain(asking("k1", 1, time.Minute))
		for i := range 40 {
			c.accept(from("1", "m"+itoa(i), "halo?"))
		}
		call := must(c.ClaimCalls(c.ctx, 10))[0]
		if err := c.AnswerCall(c.ctx, call, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		must(c.Turn(c.ctx, 1, func(l store.Lane) (store.Outcome, error) {
			want(t, "first", l.Inbox[0].Kind, store.ItemAnswer)
			want(t, "rows", len(l.Inbox), 33)
			return handled(l), nil
		}))
	}},
	{"a message wakes a lane that waits, and a failure before does not hold the answer up", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"))
		c.drain(asking("k1", 1, time.Minute))
		c.accept(from("1", "b", "petugas"))
		want(t, "lanes due with a message", c.poll().Lanes, 1)
		must(c.Turn(c.ctx, 1, func(store.Lane) (store.Outcome, error) { return store.Outcome{}, errors.New("no") }))
		c.age("UPDATE runnable SET run_at = 0")
		want(t, "lanes", must(c.Turn(c.ctx, 1, parked)), 1)
		want(t, "lanes due", c.poll().Lanes, 0)
		call := must(c.ClaimCalls(c.ctx, 10))[0]
		if err := c.AnswerCall(c.ctx, call, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
		want(t, "lanes due with the answer", c.poll().Lanes, 1)
	}},
	{"a call that nobody answers ends with an empty answer, and a late one is refused", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"), from("2", "b", "cek"))
		c.drain(func(l store.Lane) (store.Outcome, error) { return asking("k"+l.Inbox[0].ExternalID, 3, time.Minute)(l) })
		call := must(c.ClaimCalls(c.ctx, 1))[0]
		want(t, "expired", must(c.ExpireCalls(c.ctx, 10)), 0)
		c.age("UPDATE effect SET expires_at = 1")
		want(t, "calls whose time is over", c.poll().CallsOver, 2)
		want(t, "claims of calls whose time is over", len(must(c.ClaimCalls(c.ctx, 10))), 0)
		expired := make([]int, 4)
		together(4, func(i int) { expired[i] = must(c.ExpireCalls(c.ctx, 10)) })
		want(t, "expired", expired[0]+expired[1]+expired[2]+expired[3], 2)
		wantErr(t, c.AnswerCall(c.ctx, call, []byte(`{}`)), store.ErrNotFound)
		rows := 0
		c.drain(func(l store.Lane) (store.Outcome, error) {
			for _, row := range l.Inbox {
				rows++
				want(t, "kind", row.Kind, store.ItemAnswer)
				want(t, "answer", string(row.Answer), "")
			}
			return handled(l), nil
		})
		want(t, "rows", rows, 2)
	}},
	{"a dialog that goes on elsewhere forgets the call that nobody has begun", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"), from("2", "b", "cek"))
		c.drain(func(l store.Lane) (store.Outcome, error) { return asking("k"+l.Inbox[0].ExternalID, 1, time.Minute)(l) })
		begun := must(c.ClaimCalls(c.ctx, 1))[0]
		c.accept(from("1", "c", "petugas"), from("2", "d", "petugas"))
		c.drain(func(l store.Lane) (store.Outcome, error) {
			out := handled(l)
			out.Uncall, out.Call = true, &store.Call{ID: "again-" + l.Inbox[0].ExternalID, Generation: 2, Within: time.Minute}
			return out, nil
		})
		want(t, "calls", c.count("effect"), 3)
		for _, call := range must(c.ClaimCalls(c.ctx, 10)) {
			want(t, "generation of what is still called", call.Generation, 2)
		}
		if err := c.AnswerCall(c.ctx, begun, nil); err != nil {
			t.Errorf("the answer of what was begun is kept, and late: %v", err)
		}
	}},
	{"a step that runs again asks for its call once", func(t *testing.T, c *counter) {
		c.accept(from("1", "a", "cek"))
		c.drain(asking("k1", 1, time.Minute))
		c.accept(from("1", "b", "cek"))
		c.drain(asking("k1", 1, time.Hour))
		want(t, "calls", c.count("effect"), 1)
	}},
}
