package acts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// DeadLetters implements store.Dead.
func (a *Acts) DeadLetters(ctx context.Context, after int64, limit int) ([]store.DeadLetter, error) {
	var letters []store.DeadLetter
	err := a.read(ctx, "dead letters", func(tx Tx) error {
		letters = nil
		return each(tx, func(scan func(...any) error) error {
			var l store.DeadLetter
			var at int64
			if err := scan(&l.ID, &l.Kind, &l.Ref, &l.Conversation, &l.Channel, &l.Contact, &l.Reason, &l.Attempts, &l.Body, &at); err != nil {
				return err
			}
			l.At = moment(at)
			letters = append(letters, l)
			return nil
		}, `SELECT d.id, d.kind, d.ref, d.conversation, COALESCE(c.channel, ''), COALESCE(c.display_name, ''),
				d.reason, d.attempts, COALESCE(NULLIF(d.body, ''), m.body, ''), d.at
			FROM dead d LEFT JOIN conversation c ON c.id = d.conversation
			LEFT JOIN outgoing g ON d.kind = 'send' AND g.id = d.ref
			LEFT JOIN message m ON m.id = g.message_id AND m.stored_at = g.message_at
			WHERE d.id > $1 ORDER BY d.id LIMIT $2`, after, int64(limit))
	})
	return letters, err
}

// CountDead implements store.Dead.
func (a *Acts) CountDead(ctx context.Context, most int) (int, error) {
	var n int
	err := a.read(ctx, "count dead letters", func(tx Tx) error {
		return one(tx, into(&n), `SELECT count(*) FROM (SELECT 1 FROM dead LIMIT $1) AS d`, int64(most))
	})
	return n, err
}

// DropDead implements store.Dead.
func (a *Acts) DropDead(ctx context.Context, id int64) error {
	return a.write(ctx, "drop dead letter", func(tx Tx) error { return takeDead(tx, id) })
}

// ReplayDead implements store.Dead.
func (a *Acts) ReplayDead(ctx context.Context, id int64) error {
	return a.write(ctx, "replay dead letter", func(tx Tx) error {
		var kind, ref, body string
		var conversation int64
		if err := one(tx, into(&kind, &ref, &conversation, &body), `SELECT kind, ref, conversation, body FROM dead WHERE id = $1`, id); err != nil {
			return err
		}
		if err := raiseLanes(tx, []int64{conversation}); err != nil {
			return err
		}
		if err := stillThere(tx, []int64{conversation}); errors.Is(err, errForgotten) { // a lane without one would hold up all others
			return fmt.Errorf("its conversation is past retention: %w", store.ErrConflict)
		} else if err != nil {
			return err
		}
		if err := takeDead(tx, id); err != nil { // somebody else was faster
			return err
		}
		if kind == store.DeadSend {
			return sendAgain(tx, ref, conversation)
		}
		return handleAgain(tx, body, conversation)
	})
}

// takeDead deletes a dead letter; store.ErrNotFound when it is gone.
func takeDead(tx Tx, id int64) error {
	n, err := tx.Exec(`DELETE FROM dead WHERE id = $1`, id)
	if err == nil && n == 0 {
		err = fmt.Errorf("dead letter %d: %w", id, store.ErrNotFound)
	}
	return err
}

// handleAgain puts an inbox row back. Its generation rises, so that what is said this time is not taken for the apology.
func handleAgain(tx Tx, body string, conversation int64) error {
	var row store.Item
	if err := json.Unmarshal([]byte(body), &row); err != nil {
		return fmt.Errorf("the dead letter's row: %w", err)
	}
	if row.Kind == store.ItemMessage {
		stored, err := column[int64](tx, `SELECT stored_at FROM message WHERE id = $1`, row.MessageID)
		if err == nil && len(stored) == 0 {
			err = fmt.Errorf("its message is past retention: %w", store.ErrConflict)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO inbox (id, conversation, kind, message_at, generation) VALUES ($1, $2, $3, $4, $5)`,
			row.MessageID, conversation, string(row.Kind), stored[0], row.Generation+1)
		return err
	}
	ids, _, err := tx.Draw(1)
	if err != nil {
		return err
	}
	name := row.Name
	if row.Kind == store.ItemClosed {
		name = row.Pool
	}
	_, err = tx.Exec(`INSERT INTO inbox (id, conversation, kind, name, agent, generation) VALUES ($1, $2, $3, $4, $5, $6)`,
		ids[0], conversation, string(row.Kind), name, row.Agent, row.Generation)
	return err
}

// sendAgain queues an outgoing message once more, with the id that it had, before what came after it.
func sendAgain(tx Tx, id string, conversation int64) error {
	var channel, class string
	if err := one(tx, into(&channel, &class), `SELECT channel, class FROM outgoing WHERE id = $1`, id); err != nil {
		return gone(err)
	}
	if _, err := tx.Exec(`INSERT INTO out_lane (conversation, channel, state, due_at) VALUES ($1, $2, $3, {now})
		ON CONFLICT (conversation) DO UPDATE SET due_at = out_lane.due_at`, conversation, channel, outReady); err != nil {
		return err
	}
	var number, storedAt, attempt int64
	if err := one(tx, into(&number, &storedAt, &attempt), `SELECT g.message_id, g.message_at, g.attempt FROM outgoing g
		JOIN message m ON m.id = g.message_id AND m.stored_at = g.message_at WHERE g.id = $1 AND g.failed`, id); err != nil {
		return gone(err)
	}
	if _, err := tx.Exec(`UPDATE outgoing SET failed = FALSE, reason = '' WHERE id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO outbox (conversation, seq, id, message_at, state, class, attempt) VALUES ($1, $2, $3, $4, 'queued', $5, $6)`,
		conversation, number, id, storedAt, class, attempt)
	return err
}

// gone says why there is nothing to send again.
func gone(err error) error {
	if isNotFound(err) {
		return fmt.Errorf("its message is past retention, or was delivered after all: %w", store.ErrConflict)
	}
	return err
}

// bury writes the dead letter of a lane's first row.
func bury(tx Tx, c *claim) error {
	row := c.lane.Inbox[0]
	body, err := json.Marshal(row)
	if err != nil {
		return err
	}
	return deadLetter(tx, store.DeadInbox, strconv.FormatInt(row.ID, 10), c.lane.Conversation.ID, c.reason, c.fails, string(body))
}

// deadLetter keeps what was given up, for a person to look at.
func deadLetter(tx Tx, kind, ref string, conversation int64, reason string, attempts int64, body string) error {
	ids, _, err := tx.Draw(1)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO dead (id, kind, ref, conversation, reason, attempts, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7, {now})`,
		ids[0], kind, ref, conversation, clean(reason), attempts, body)
	return err
}
