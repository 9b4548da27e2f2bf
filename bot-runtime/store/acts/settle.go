package acts

import (
	"context"
	"fmt"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// sent is an outgoing message as acts judge it. state is that of its outbox row, empty when it has left the outbox.
type sent struct {
	id, channel, state    string
	class                 message.Class
	conversation, message int64
	attempt, claimedAt    int64
	progress              int64
	externalID            string
	failed                bool
}

// Settle implements store.Sending.
func (a *Acts) Settle(ctx context.Context, id string, attempt int, result store.SendResult) error {
	return a.write(ctx, "settle", func(tx Tx) error {
		if result.ExternalID != "" { // statuses that came before this answer are worked off again
			if _, err := tx.Exec(`UPDATE status SET kept = FALSE WHERE external_id = $1
				AND channel = (SELECT channel FROM outgoing WHERE id = $2)`, result.ExternalID, id); err != nil {
				return err
			}
		}
		s, err := lockSent(tx, id)
		if err != nil {
			return err
		}
		if s.attempt != int64(attempt) {
			return fmt.Errorf("attempt %d of %s is over, it is at %d: %w", attempt, id, s.attempt, store.ErrConflict)
		}
		accepted := result.Outcome == store.SendAccepted
		if s.state == "" && accepted && !s.failed { // its echo was faster
			_, err := tx.Exec(`UPDATE outgoing SET external_id = $2 WHERE id = $1 AND external_id = ''`, id, result.ExternalID)
			return err
		}
		// An accepted message stays accepted, even if it was queued again meanwhile; nobody has claimed it since.
		if s.state != outSending && s.state != outUnknown && !(accepted && s.state == "queued") {
			return fmt.Errorf("%s is settled: %w", id, store.ErrConflict)
		}
		switch result.Outcome {
		case store.SendAccepted:
			err = accept(tx, s, result.ExternalID)
		case store.SendNotAccepted:
			err = again(tx, s, result.RetryAfter, 0)
		case store.SendNotCalled:
			err = again(tx, s, 0, 0)
		case store.SendUnknown:
			err = unknown(tx, s)
		case store.SendFailed:
			err = giveUp(tx, s.id, s.conversation, reasonOf(result.Code, result.Reason))
		default:
			err = fmt.Errorf("no outcome %q", result.Outcome)
		}
		if err != nil || s.class != message.ClassAgent {
			return err
		}
		return emit(tx, []store.DeskEvent{told(s.conversation, s.message)})
	})
}

// lockSent takes the out_lane of a message and then reads the message.
func lockSent(tx Tx, id string) (sent, error) {
	var conversation int64
	if err := one(tx, into(&conversation), `SELECT conversation FROM outgoing WHERE id = $1`, id); err != nil {
		return sent{}, fmt.Errorf("outgoing message %s: %w", id, err)
	}
	if _, err := column[int64](tx, `SELECT conversation FROM out_lane WHERE conversation = $1 {lock}`, conversation); err != nil {
		return sent{}, err
	}
	s := sent{id: id}
	err := one(tx, into(&s.channel, &s.class, &s.conversation, &s.message, &s.progress, &s.externalID, &s.failed,
		&s.state, &s.attempt, &s.claimedAt), `SELECT g.channel, g.class, g.conversation, g.message_id, g.progress, g.external_id, g.failed,
			COALESCE(o.state, ''), COALESCE(o.attempt, g.attempt), COALESCE(o.claimed_at, g.claimed_at)
		FROM outgoing g LEFT JOIN outbox o ON o.id = g.id WHERE g.id = $1`, id)
	return s, err
}

// accept takes a message out of the outbox: the platform has it.
func accept(tx Tx, s sent, externalID string) error {
	if _, err := tx.Exec(`DELETE FROM outbox WHERE id = $1`, s.id); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE outgoing SET attempt = $2, claimed_at = $3,
			progress = CASE WHEN progress < 1 THEN 1 ELSE progress END,
			external_id = CASE WHEN external_id = '' THEN $4 ELSE external_id END
		WHERE id = $1`, s.id, s.attempt, s.claimedAt, externalID); err != nil {
		return err
	}
	if err := nextHead(tx, s.conversation); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO send_budget (channel, accepted_at) VALUES ($1, $2) ON CONFLICT (channel) DO UPDATE
		SET accepted_at = CASE WHEN send_budget.accepted_at > excluded.accepted_at THEN send_budget.accepted_at ELSE excluded.accepted_at END`,
		s.channel, s.claimedAt)
	return err
}

// again queues a message that surely was not accepted, or (resends 1) that is sent again with the same id.
func again(tx Tx, s sent, rest time.Duration, resends int64) error {
	if _, err := tx.Exec(`UPDATE outbox SET state = 'queued', unknown_at = 0, resends = resends + $2 WHERE id = $1`,
		s.id, resends); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE out_lane SET state = 'ready', due_at = {now} + $2 WHERE conversation = $1`,
		s.conversation, rest.Microseconds())
	return err
}

// unknown stops a conversation's outbox until it is known what became of its head.
func unknown(tx Tx, s sent) error {
	if _, err := tx.Exec(`UPDATE outbox SET state = 'unknown', unknown_at = {now} WHERE id = $1 AND state <> 'unknown'`, s.id); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE out_lane SET state = 'unknown' WHERE conversation = $1`, s.conversation)
	return err
}

// giveUp ends a message for good: a dead letter, and the next one's turn.
func giveUp(tx Tx, id string, conversation int64, reason string) error {
	var attempt int64
	var body string
	if err := one(tx, into(&attempt, &body), `SELECT o.attempt, COALESCE(m.body, '') FROM outbox o
		LEFT JOIN message m ON m.id = o.seq AND m.stored_at = o.message_at WHERE o.id = $1`, id); err != nil {
		return err
	}
	if err := deadLetter(tx, "send", id, conversation, reason, attempt, body); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM outbox WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE outgoing SET failed = TRUE, reason = $2, attempt = $3 WHERE id = $1`, id, clean(reason), attempt); err != nil {
		return err
	}
	return nextHead(tx, conversation)
}

func reasonOf(code int, text string) string {
	if code == 0 {
		return text
	}
	return fmt.Sprintf("%d: %s", code, text)
}
