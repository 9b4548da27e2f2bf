package acts

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
	secondID              string // of another copy that the platform took
	failed                bool
	followed              bool // another waits behind it in the outbox
	left, doubled         bool // the outbox, by a second copy: in this act
}

// Settle implements store.Sending.
func (a *Acts) Settle(ctx context.Context, settlements []store.Settlement) ([]store.Settled, error) {
	var settled []store.Settled
	err := a.write(ctx, "settle", func(tx Tx) error {
		settled = make([]store.Settled, len(settlements))
		if err := recall(tx, settlements); err != nil {
			return err
		}
		ids := make([]string, len(settlements))
		for i, one := range settlements {
			ids[i] = one.ID
		}
		sents, err := lockSents(tx, ids)
		if err != nil {
			return err
		}
		var events []store.DeskEvent
		var taken []*sent
		for i, one := range settlements {
			s, refusal := attempted(sents, one)
			if refusal != nil {
				settled[i].Refused = refusal
				continue
			}
			if one.Outcome == store.SendAccepted {
				known := s.state == ""
				s.accepted(one.ExternalID)
				taken = append(taken, s)
				settled[i].Next = s.followed
				if known { // its echo was faster, and told the desk
					continue
				}
			} else {
				if err := settleOther(tx, s, one.SendResult); err != nil {
					return err
				}
				settled[i].Next = one.Outcome != store.SendUnknown && one.RetryAfter == 0
			}
			if s.class == message.ClassAgent {
				events = append(events, told(s.conversation, s.message))
			}
		}
		if err := writeSents(tx, taken); err != nil {
			return err
		}
		return emit(tx, events)
	})
	return settled, err
}

// recall has statuses worked off again that came before the answers which name their messages.
func recall(tx Tx, settlements []store.Settlement) error {
	rows := after()
	for _, one := range settlements {
		if one.ExternalID != "" {
			rows.add(one.ID, one.ExternalID)
		}
	}
	if rows.rows == 0 {
		return nil
	}
	return tx.Later(`UPDATE status SET kept = FALSE FROM (`+rows.String()+`) AS v JOIN outgoing g ON g.id = v.column1
		WHERE status.kept AND status.channel = g.channel AND status.external_id = v.column2`, rows.args...)
}

// attempted finds the message of a settlement, or says why nothing is to be settled any more.
func attempted(sents map[string]*sent, one store.Settlement) (*sent, error) {
	s, ok := sents[one.ID]
	if !ok {
		return nil, fmt.Errorf("outgoing message %s: %w", one.ID, store.ErrNotFound)
	}
	if s.attempt != int64(one.Attempt) {
		return nil, fmt.Errorf("attempt %d of %s is over, it is at %d: %w", one.Attempt, one.ID, s.attempt, store.ErrConflict)
	}
	accepted := one.Outcome == store.SendAccepted
	switch {
	case s.state == "" && accepted && !s.failed:
	case s.state == outSending, s.state == outUnknown:
	case s.state == "queued" && accepted: // accepted stays accepted, even if it was queued again: nobody has claimed it since
	default:
		return nil, fmt.Errorf("%s is settled: %w", one.ID, store.ErrConflict)
	}
	return s, nil
}

// settleOther is every outcome but that the platform took the message.
func settleOther(tx Tx, s *sent, result store.SendResult) error {
	switch result.Outcome {
	case store.SendNotAccepted:
		late, err := column[bool](tx, `SELECT expires_at <> 0 AND expires_at <= {now} + $2 FROM outbox WHERE id = $1`,
			s.id, result.RetryAfter.Microseconds())
		if err != nil {
			return err
		}
		if slices.Contains(late, true) { // it would only hold up the messages behind it
			return giveUp(tx, s.id, s.conversation, reasonOf(result.Code, result.Reason)+"; it would have expired before another try")
		}
		return again(tx, *s, result.RetryAfter)
	case store.SendNotCalled:
		return again(tx, *s, 0)
	case store.SendUnknown:
		return unknown(tx, *s)
	case store.SendFailed:
		return giveUp(tx, s.id, s.conversation, reasonOf(result.Code, result.Reason))
	}
	return fmt.Errorf("no outcome %q", result.Outcome)
}

// lockSents takes the out_lanes of messages, then the messages, and then reads them. Those that are not there are left out.
func lockSents(tx Tx, ids []string) (map[string]*sent, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in, args := among(ids)
	if err := tx.Later(`SELECT conversation FROM out_lane WHERE conversation IN
		(SELECT conversation FROM outgoing WHERE id IN `+in+`) ORDER BY conversation {lock}`, args...); err != nil {
		return nil, err
	}
	// A message that has left the outbox may have no out_lane any more, and two pods may hold statuses of it.
	if err := tx.Later(`SELECT id FROM outgoing WHERE id IN `+in+` ORDER BY id {lock}`, args...); err != nil {
		return nil, err
	}
	sents := make(map[string]*sent, len(ids))
	err := each(tx, func(scan func(...any) error) error {
		s := &sent{}
		if err := scan(&s.id, &s.channel, &s.class, &s.conversation, &s.message, &s.progress, &s.externalID, &s.secondID, &s.failed,
			&s.state, &s.attempt, &s.claimedAt, &s.followed); err != nil {
			return err
		}
		sents[s.id] = s
		return nil
	}, `SELECT g.id, g.channel, g.class, g.conversation, g.message_id, g.progress, g.external_id, g.second_id, g.failed,
			COALESCE(o.state, ''), COALESCE(o.attempt, g.attempt), COALESCE(o.claimed_at, g.claimed_at),
			EXISTS (SELECT 1 FROM outbox f WHERE f.conversation = g.conversation AND f.seq > g.message_id)
		FROM outgoing g LEFT JOIN outbox o ON o.id = g.id WHERE g.id IN `+in, args...)
	return sents, err
}

// accepted notes that the platform has the message, whatever was known before.
func (s *sent) accepted(externalID string) {
	s.left = s.left || s.state != ""
	s.state, s.progress = "", max(s.progress, 1)
	s.named(externalID)
}

// named notes the platform's id of the message, and says whether it is the id of a second copy.
func (s *sent) named(externalID string) bool {
	switch externalID {
	case "", s.externalID, s.secondID:
		return false
	}
	if s.externalID == "" {
		s.externalID = externalID
		return false
	}
	s.secondID, s.doubled = externalID, true
	return true
}

// writeSents writes messages as they stand, and gives way to the next ones of those that have left the outbox. The
// transaction holds them by lockSents.
func writeSents(tx Tx, sents []*sent) error {
	if len(sents) == 0 {
		return nil
	}
	rows := after()
	var left []string
	first := map[int64]int64{} // of those that left, by conversation
	latest, doubled := map[string]int64{}, map[string]int64{}
	for _, s := range sents {
		rows.add(s.id, s.attempt, s.claimedAt, s.progress, s.failed, s.externalID, s.secondID)
		if s.doubled {
			doubled[s.channel]++
		}
		if s.left {
			left = append(left, s.id)
			if n, ok := first[s.conversation]; !ok || s.message < n {
				first[s.conversation] = s.message
			}
			latest[s.channel] = max(latest[s.channel], s.claimedAt)
		}
	}
	if err := tx.Later(`UPDATE outgoing SET attempt = v.column2, claimed_at = v.column3, progress = v.column4, failed = v.column5,
			external_id = v.column6, second_id = v.column7
		FROM (`+rows.String()+`) AS v WHERE outgoing.id = v.column1`, rows.args...); err != nil {
		return err
	}
	if len(left) > 0 {
		in, args := among(left)
		if err := tx.Later(`DELETE FROM outbox WHERE id IN `+in, args...); err != nil {
			return err
		}
		if err := nextHeads(tx, first); err != nil {
			return err
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(doubled)) {
		if err := tx.Later(`UPDATE send_budget SET doubled = doubled + $2 WHERE channel = $1`, channel, doubled[channel]); err != nil {
			return err
		}
	}
	return noteLatest(tx, "accepted_at", latest, time.Second) // it counts minutes
}

// noteLatest raises a column of the channels' budget rows, where that makes a difference of at least coarse: every claim of
// the channel waits for the row. The rows are there, since a claim made them.
func noteLatest(tx Tx, name string, latest map[string]int64, coarse time.Duration) error {
	for _, channel := range slices.Sorted(maps.Keys(latest)) {
		if err := tx.Later(`UPDATE send_budget SET `+name+` = $2 WHERE channel = $1 AND `+name+` < $2 - $3`,
			channel, latest[channel], coarse.Microseconds()); err != nil {
			return err
		}
	}
	return nil
}

// again queues a message that surely was not accepted, or is sent again with the same id.
func again(tx Tx, s sent, rest time.Duration) error {
	if _, err := tx.Exec(`UPDATE outbox SET state = 'queued', unknown_at = 0 WHERE id = $1`, s.id); err != nil {
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
	var seq, attempt int64
	var body string
	if err := one(tx, into(&seq, &attempt, &body), `SELECT o.seq, o.attempt, COALESCE(m.body, '') FROM outbox o
		LEFT JOIN message m ON m.id = o.seq AND m.stored_at = o.message_at WHERE o.id = $1`, id); err != nil {
		return err
	}
	if err := deadLetter(tx, store.DeadSend, id, conversation, reason, attempt, body); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM outbox WHERE id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE outgoing SET failed = TRUE, reason = $2, attempt = $3 WHERE id = $1`, id, clean(reason), attempt); err != nil {
		return err
	}
	return nextHeads(tx, map[int64]int64{conversation: seq})
}

func reasonOf(code int, text string) string {
	if code == 0 {
		return text
	}
	return fmt.Sprintf("%d: %s", code, text)
}
