package acts

import (
	"context"
	"fmt"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// ClaimCalls implements store.Calling. It holds effects alone, and those that a turn or another pod holds it passes over.
func (a *Acts) ClaimCalls(ctx context.Context, k int) ([]store.ClaimedCall, error) {
	var calls []store.ClaimedCall
	err := a.write(ctx, "claim calls", func(tx Tx) error {
		calls = nil
		due, err := column[string](tx, `SELECT id FROM effect WHERE NOT claimed AND expires_at > {now}
			ORDER BY expires_at LIMIT $1 {skiplocked}`, int64(k))
		if err != nil || len(due) == 0 {
			return err
		}
		in, args := among(due)
		return each(tx, func(scan func(...any) error) error {
			var c store.ClaimedCall
			var request string
			var left int64
			if err := scan(&c.ID, &c.Conversation, &c.Generation, &request, &left); err != nil {
				return err
			}
			c.Request, c.Left = []byte(request), time.Duration(left)*time.Microsecond
			calls = append(calls, c)
			return nil
		}, `UPDATE effect SET claimed = TRUE WHERE id IN `+in+` RETURNING id, conversation, generation, request, expires_at - {now}`, args...)
	})
	return calls, err
}

// AnswerCall implements store.Calling.
func (a *Acts) AnswerCall(ctx context.Context, call store.ClaimedCall, answer []byte) error {
	return a.write(ctx, "answer call", func(tx Tx) error {
		if err := raiseLanes(tx, []int64{call.Conversation}); err != nil {
			return err
		}
		n, err := tx.Exec(`DELETE FROM effect WHERE id = $1`, call.ID)
		if err == nil && n == 0 {
			err = fmt.Errorf("call %s: %w", call.ID, store.ErrNotFound)
		}
		if err != nil {
			return err
		}
		return answered(tx, []store.ClaimedCall{call}, answer)
	})
}

// ExpireCalls implements store.Calling. The lanes are locked before their effects.
func (a *Acts) ExpireCalls(ctx context.Context, k int) (int, error) {
	expired := 0
	err := a.write(ctx, "expire calls", func(tx Tx) error {
		expired = 0
		lanes, err := column[int64](tx, `SELECT conversation FROM effect WHERE expires_at <= {now} ORDER BY expires_at LIMIT $1`, int64(k))
		if err != nil || len(lanes) == 0 {
			return err
		}
		if err := raiseLanes(tx, lanes); err != nil {
			return err
		}
		// Some may have been answered while we waited for the locks.
		var over []store.ClaimedCall
		in, args := among(lanes)
		err = each(tx, func(scan func(...any) error) error {
			var c store.ClaimedCall
			err := scan(&c.Conversation, &c.Generation)
			over = append(over, c)
			return err
		}, `DELETE FROM effect WHERE expires_at <= {now} AND conversation IN `+in+` RETURNING conversation, generation`, args...)
		if err != nil {
			return err
		}
		expired = len(over)
		return answered(tx, over, nil)
	})
	return expired, err
}

// answered puts answers into the inboxes of lanes that the transaction holds.
func answered(tx Tx, calls []store.ClaimedCall, answer []byte) error {
	if len(calls) == 0 {
		return nil
	}
	ids, _, err := tx.Draw(len(calls))
	if err != nil {
		return err
	}
	rows := after()
	for i, c := range calls {
		rows.add(ids[i], c.Conversation, string(store.ItemAnswer), c.Generation, clean(string(answer)))
	}
	return tx.Later(`INSERT INTO inbox (id, conversation, kind, generation, body) `+rows.String(), rows.args...)
}

// writeCalls forgets calls that a dialog no longer waits for, and notes new ones. One that a pod has claimed stays until it
// ends: its answer is of an old generation.
func writeCalls(tx Tx, claims []*claim) error {
	var void []int64
	rows := after()
	for _, c := range claims {
		id := c.lane.Conversation.ID
		if c.outcome.Uncall {
			void = append(void, id)
		}
		if call := c.outcome.Call; call != nil {
			rows.add(call.ID, id, call.Generation, string(call.Request), call.Within.Microseconds())
		}
	}
	if len(void) > 0 {
		in, args := among(void)
		if err := tx.Later(`DELETE FROM effect WHERE NOT claimed AND conversation IN `+in, args...); err != nil {
			return err
		}
	}
	if rows.rows == 0 {
		return nil
	}
	// One that is known already is a step that ran again: it stays as it is.
	return tx.Later(`INSERT INTO effect (id, conversation, generation, request, expires_at)
		SELECT v.column1, v.column2, v.column3, v.column4, {now} + v.column5 FROM (`+rows.String()+`) AS v WHERE TRUE
		ON CONFLICT (id) DO NOTHING`, rows.args...)
}
