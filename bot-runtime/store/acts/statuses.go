package acts

import (
	"context"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// echo is a status that Accept stored.
type echo struct {
	id                       int64
	channel, externalID, ref string
	delivery                 message.Delivery
	code                     int
	reason                   string
	outgoing                 string // the id of our message, when it is known
}

// ApplyStatuses implements store.Sending.
func (a *Acts) ApplyStatuses(ctx context.Context, k int) (int, error) {
	applied := 0
	err := a.write(ctx, "apply statuses", func(tx Tx) error {
		applied = 0
		ids, err := column[int64](tx, `SELECT id FROM status WHERE NOT kept ORDER BY id LIMIT $1 {skiplocked}`, int64(min(k, batchMost)))
		if err != nil || len(ids) == 0 {
			return err
		}
		applied = len(ids)
		echoes, err := readEchoes(tx, ids)
		if err != nil {
			return err
		}
		var known []string
		var done, kept []int64
		for _, e := range echoes {
			if e.outgoing == "" {
				kept = append(kept, e.id) // it may settle a message that is not written yet
				continue
			}
			done = append(done, e.id)
			if !slices.Contains(known, e.outgoing) {
				known = append(known, e.outgoing)
			}
		}
		sents, err := lockSents(tx, known)
		if err != nil {
			return err
		}
		var events []store.DeskEvent
		var changes []*sent
		flowed := map[string]int64{}
		for _, e := range echoes {
			if e.outgoing == "" {
				continue
			}
			s := sents[e.outgoing]
			if s == nil { // swept meanwhile
				continue
			}
			changed, err := apply(tx, s, e)
			if err != nil {
				return err
			}
			flowed[s.channel] = max(flowed[s.channel], s.claimedAt)
			if changed && !slices.Contains(changes, s) {
				changes = append(changes, s)
			}
		}
		if err := writeSents(tx, changes); err != nil {
			return err
		}
		for _, s := range changes {
			if s.class == message.ClassAgent {
				events = append(events, told(s.conversation, s.message))
			}
		}
		if err := dropStatuses(tx, done, kept); err != nil {
			return err
		}
		if err := noteLatest(tx, "flowed_at", flowed, 0); err != nil { // webhooks flow at least up to there
			return err
		}
		return emit(tx, events)
	})
	return applied, err
}

func readEchoes(tx Tx, ids []int64) ([]echo, error) {
	var echoes []echo
	in, args := among(ids)
	err := each(tx, func(scan func(...any) error) error {
		var e echo
		if err := scan(&e.id, &e.channel, &e.externalID, &e.ref, &e.delivery, &e.code, &e.reason, &e.outgoing); err != nil {
			return err
		}
		echoes = append(echoes, e)
		return nil
	}, `SELECT s.id, s.channel, s.external_id, s.ref, s.delivery, s.code, s.reason,
			COALESCE((SELECT g.id FROM outgoing g WHERE g.id = s.ref AND g.channel = s.channel),
				(SELECT min(g.id) FROM outgoing g WHERE g.channel = s.channel AND g.external_id = s.external_id AND g.external_id <> ''), '')
		FROM status s WHERE s.id IN `+in+` ORDER BY s.id`, args...)
	return echoes, err
}

// apply brings what a status tells to its message, and says whether that makes a difference.
func apply(tx Tx, s *sent, e echo) (bool, error) {
	rank := int64(e.delivery.Rank())
	doubled := s.named(e.externalID)
	if rank == 0 { // failed
		// A copy that the platform took beside it may have arrived; and what some device has is not undone by another's failure.
		if s.failed || s.progress > 1 || e.externalID != "" && e.externalID == s.secondID {
			return doubled, nil
		}
		s.failed = true
		if s.state != "" {
			s.state = ""
			return true, giveUp(tx, s.id, s.conversation, reasonOf(e.code, e.reason))
		}
		if err := deadLetter(tx, store.DeadSend, s.id, s.conversation, reasonOf(e.code, e.reason), s.attempt, ""); err != nil {
			return false, err
		}
		_, err := tx.Exec(`UPDATE outgoing SET reason = $2 WHERE id = $1`, s.id, clean(reasonOf(e.code, e.reason)))
		return true, err
	}
	settles := s.state != ""
	if settles { // the platform has it, whatever our sender knows
		s.accepted(e.externalID)
	}
	if rank <= s.progress && !settles {
		return doubled, nil
	}
	if rank > s.progress {
		s.progress, s.failed = rank, false
	}
	return true, nil
}

func dropStatuses(tx Tx, done, kept []int64) error {
	if len(done) > 0 {
		in, args := among(done)
		if _, err := tx.Exec(`DELETE FROM status WHERE id IN `+in, args...); err != nil {
			return err
		}
	}
	if len(kept) > 0 {
		in, args := among(kept)
		if _, err := tx.Exec(`UPDATE status SET kept = TRUE WHERE id IN `+in, args...); err != nil {
			return err
		}
	}
	return nil
}

// ResolveUnknown implements store.Sending.
func (a *Acts) ResolveUnknown(ctx context.Context, wait, quiet time.Duration, once []string) (int, error) {
	resent := 0
	err := a.write(ctx, "resolve unknown", func(tx Tx) error {
		resent = 0
		var events []store.DeskEvent
		over, err := column[int64](tx, `SELECT conversation FROM out_lane WHERE state = 'sending' AND due_at <= {now}
			ORDER BY conversation LIMIT 100 {skiplocked}`)
		if err != nil {
			return err
		}
		err = ofLanes(tx, over, outSending, func(s sent) error {
			if s.class == message.ClassAgent {
				events = append(events, told(s.conversation, s.message))
			}
			return unknown(tx, s)
		})
		if err != nil {
			return err
		}
		in, args := among(append(slices.Clone(once), ""), any(wait.Microseconds()), any(quiet.Microseconds()))
		sure, err := column[int64](tx, `SELECT conversation FROM out_lane WHERE state = 'unknown' AND EXISTS (
				SELECT 1 FROM outbox o LEFT JOIN send_budget b ON b.channel = out_lane.channel
				WHERE o.conversation = out_lane.conversation AND o.state = 'unknown'
					AND NOT EXISTS (SELECT 1 FROM status e WHERE e.ref = o.id AND e.ref <> '')
					AND (out_lane.channel IN `+in+` OR (o.unknown_at + $1 <= {now} AND COALESCE(b.flowed_at, 0) > o.claimed_at)
						OR (o.unknown_at + $2 <= {now} AND COALESCE(b.accepted_at, 0) + $2 <= {now})))
			ORDER BY conversation LIMIT 100 {skiplocked}`, args...)
		if err != nil {
			return err
		}
		err = ofLanes(tx, sure, outUnknown, func(s sent) error {
			resent++
			if s.class == message.ClassAgent {
				events = append(events, told(s.conversation, s.message))
			}
			return again(tx, s, 0)
		})
		if err != nil {
			return err
		}
		return emit(tx, events)
	})
	return resent, err
}

// Unsettled implements store.Sending.
func (a *Acts) Unsettled(ctx context.Context, wait time.Duration) (map[string]time.Time, error) {
	since := map[string]time.Time{}
	err := a.read(ctx, "unsettled", func(tx Tx) error {
		clear(since)
		return each(tx, func(scan func(...any) error) error {
			var channel string
			var at int64
			err := scan(&channel, &at)
			since[channel] = moment(at)
			return err
		}, `SELECT l.channel, min(o.unknown_at) FROM out_lane l JOIN outbox o ON o.conversation = l.conversation AND o.state = 'unknown'
			WHERE l.state = 'unknown' AND o.unknown_at + $1 <= {now} GROUP BY l.channel`, wait.Microseconds())
	})
	return since, err
}

// ofLanes calls do for the heads in a state of out_lanes that the transaction holds.
func ofLanes(tx Tx, lanes []int64, state string, do func(sent) error) error {
	if len(lanes) == 0 {
		return nil
	}
	var heads []sent
	in, args := among(lanes, any(state))
	err := each(tx, func(scan func(...any) error) error {
		var s sent
		if err := scan(&s.id, &s.conversation, &s.message, &s.class); err != nil {
			return err
		}
		heads = append(heads, s)
		return nil
	}, `SELECT id, conversation, seq, class FROM outbox WHERE state = $1 AND conversation IN `+in+` ORDER BY conversation`, args...)
	if err != nil {
		return err
	}
	for _, s := range heads {
		if err := do(s); err != nil {
			return err
		}
	}
	return nil
}
