package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// Plans has an engine explain what it does with the table of statuses, which may hold those of other senders of the same
// account by the million: no claim, settlement, step or resolution may read it whole. explain goes before a statement, its
// last column is the plan; whole tells lines of a plan that read the whole table.
func Plans(t *testing.T, s store.Store, explain string, columns int, whole func(line string) bool, before ...string) {
	seen := 0
	a := acts.New(explaining{s.(engine), before, func(tx acts.Tx, query string, args []any) {
		if !strings.Contains(query, "status") {
			return
		}
		seen++
		rows, err := tx.Query(explain+" "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			dest := []any{new(any), new(any), new(any), &line}
			if err := rows.Scan(dest[4-columns:]...); err != nil {
				t.Fatal(err)
			}
			if whole(line) {
				t.Errorf("%s\nin %s", line, query)
			}
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%v in %s", err, query)
		}
	}})
	var settlements []store.Settlement
	for i := range 150 {
		settlements = append(settlements, store.Settlement{ID: itoa(i), SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + itoa(i)}})
	}
	ctx := t.Context()
	must(a.Accept(ctx, store.Batch{Messages: []store.Inbound{from("1", "a", "halo")}, Statuses: []store.Status{
		{Channel: "wa", ExternalID: "a", Ref: "b", Delivery: message.DeliverySent, At: time.Now()}}}))
	must(a.Turn(ctx, 1, func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		for i := range 150 {
			out.Send = append(out.Send, answer(itoa(i), "hi"))
		}
		return out, nil
	}))
	want(t, "claimed", len(must(a.ClaimSends(ctx, []string{"wa"}, 10, time.Minute, 100))), 1)
	must(a.Settle(ctx, settlements))
	must(a.ResolveUnknown(ctx, time.Minute, time.Minute, nil))
	must(a.ApplyStatuses(ctx, 100))
	if seen < 6 {
		t.Fatalf("only %d statements speak of statuses", seen)
	}
}

// explaining is an engine that shows each statement of a write before it runs.
type explaining struct {
	engine
	before []string
	show   func(acts.Tx, string, []any)
}

func (e explaining) Write(ctx context.Context, act func(acts.Tx) error) error {
	return e.engine.Write(ctx, func(tx acts.Tx) error {
		for _, q := range e.before {
			if _, err := tx.Exec(q); err != nil {
				return err
			}
		}
		return act(shown{tx, e.show})
	})
}

type shown struct {
	acts.Tx
	show func(acts.Tx, string, []any)
}

func (s shown) Exec(query string, args ...any) (int64, error) {
	s.show(s.Tx, query, args)
	return s.Tx.Exec(query, args...)
}

func (s shown) Query(query string, args ...any) (acts.Rows, error) {
	s.show(s.Tx, query, args)
	return s.Tx.Query(query, args...)
}

func (s shown) Expect(rows int64, what, query string, args ...any) error {
	s.show(s.Tx, query, args)
	return s.Tx.Expect(rows, what, query, args...)
}

func (s shown) Ask(row acts.Row, query string, args ...any) error {
	rows, err := s.Query(query, args...) // now: what it fails with is the act's, and not of a plan that is asked for after it
	if err != nil {
		return err
	}
	return row.Each(rows)
}

func (s shown) Later(query string, args ...any) error {
	s.show(s.Tx, query, args)
	return s.Tx.Later(query, args...)
}
