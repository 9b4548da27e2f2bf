package acts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	turnMost  = 128 // lanes of one transaction
	triesMost = 3   // failures before the first row goes to the dead letters
)

// backOff is how long a lane rests after its n-th failure: three tries within 3 s.
func backOff(failures int64) time.Duration {
	switch failures {
	case 1:
		return 500 * time.Millisecond
	case 2:
		return 2500 * time.Millisecond
	}
	return 0
}

// Turn implements store.Dialogs.
func (a *Acts) Turn(ctx context.Context, k int, step func(store.Lane) (store.Outcome, error)) (int, error) {
	var claimed []int64
	err := a.write(ctx, "turn", func(tx Tx) error {
		var err error
		if claimed, err = column[int64](tx, `SELECT conversation FROM runnable WHERE run_at <= {now}
			ORDER BY run_at LIMIT $1 {skiplocked}`, int64(min(k, turnMost))); err != nil || len(claimed) == 0 {
			return err
		}
		return turn(tx, claimed, step)
	})
	if err == nil {
		return len(claimed), nil
	}
	if passing(err) || len(claimed) == 0 {
		return 0, err
	}
	// What one lane wrote was refused, and rolled the others back with it: each alone, so that only that one fails.
	var refused []error
	for _, c := range claimed {
		if err := a.turnAlone(ctx, c, step); err != nil {
			refused = append(refused, err)
		}
	}
	return len(claimed) - len(refused), errors.Join(refused...)
}

// turnAlone steps one lane; what the database refuses is a failure of the lane, written under the same lock.
func (a *Acts) turnAlone(ctx context.Context, conversation int64, step func(store.Lane) (store.Outcome, error)) error {
	return a.write(ctx, "turn", func(tx Tx) error {
		claimed, err := column[int64](tx, `SELECT conversation FROM runnable WHERE conversation = $1 AND run_at <= {now} {skiplocked}`,
			conversation)
		if err != nil || len(claimed) == 0 {
			return err
		}
		err = tx.Savepoint(func() error { return turn(tx, claimed, step) })
		if err == nil || passing(err) {
			return err
		}
		var fails int64
		if e := one(tx, into(&fails), `SELECT fails FROM runnable WHERE conversation = $1`, conversation); e != nil {
			return e
		}
		if fails < triesMost {
			return failed(tx, conversation, fails, err)
		}
		// Even the apology was refused: the row goes, or it would hold its lane for ever.
		return turn(tx, claimed, func(store.Lane) (store.Outcome, error) { return store.Outcome{}, err })
	})
}

// claim is a lane as a turn works on it.
type claim struct {
	lane    store.Lane
	version int64
	fails   int64
	reason  string
	// revision that the conversation is pinned to.
	revision string
	// name is the newest display name among the inbox rows.
	name    string
	outcome store.Outcome
}

// turn steps lanes whose locks the transaction holds.
func turn(tx Tx, conversations []int64, step func(store.Lane) (store.Outcome, error)) error {
	claims, err := readClaims(tx, conversations)
	if err != nil {
		return err
	}
	var done []*claim
	for _, c := range claims {
		if len(c.lane.Inbox) == 0 { // a look: whoever raised it found its work done
			done = append(done, c)
			continue
		}
		c.lane.Poisoned = c.fails >= triesMost
		outcome, err := tryStep(step, c.lane)
		switch {
		case err != nil && !c.lane.Poisoned:
			if err := failed(tx, c.lane.Conversation.ID, c.fails, err); err != nil {
				return err
			}
			continue
		case err != nil: // no apology either
			outcome = store.Outcome{Format: c.lane.Format, State: c.lane.State, Revision: c.revision}
		case outcome.Skip > 0:
			if _, err := tx.Exec(`UPDATE runnable SET run_at = {now} + $2 WHERE conversation = $1`,
				c.lane.Conversation.ID, outcome.Skip.Microseconds()); err != nil {
				return err
			}
			continue
		case outcome.Park > 0: // looked at, and well
			if _, err := tx.Exec(`UPDATE runnable SET run_at = {now} + $2, fails = 0, reason = '' WHERE conversation = $1`,
				c.lane.Conversation.ID, outcome.Park.Microseconds()); err != nil {
				return err
			}
			continue
		}
		if outcome.Poisoned {
			c.reason = "it was not tried again: the process had died of it"
		}
		if c.lane.Poisoned || outcome.Poisoned {
			if err := bury(tx, c); err != nil {
				return err
			}
			if first := c.lane.Inbox[0].ID; !slices.Contains(outcome.Handled, first) {
				outcome.Handled = append(slices.Clone(outcome.Handled), first)
			}
		}
		c.outcome = outcome
		done = append(done, c)
	}
	if len(done) == 0 {
		return nil
	}
	return commitOutcomes(tx, done)
}

// readClaims reads state and inbox of locked lanes. It must be a statement later than the lock's: a snapshot taken with the
// lock is older than the commit of whoever held it before, and shows messages that are handled already.
func readClaims(tx Tx, conversations []int64) ([]*claim, error) {
	slices.Sort(conversations)
	byID := make(map[int64]*claim, len(conversations))
	claims := make([]*claim, 0, len(conversations))
	in, args := among(conversations)
	err := tx.Ask(func(scan func(...any) error) error {
		c := &claim{}
		v := &c.lane.Conversation
		var lastIn, now int64
		if err := scan(&v.ID, &v.Contact, &v.Channel, &v.DisplayName, &v.Language, &v.Owner, &v.Pool, &v.Agent,
			&c.revision, &c.version, &c.lane.Format, &c.lane.State, &lastIn, &c.fails, &c.reason, &now); err != nil {
			return err
		}
		v.LastInAt, c.lane.Now = moment(lastIn), moment(now)
		byID[v.ID] = c
		claims = append(claims, c)
		return nil
	}, `SELECT c.id, c.contact, c.channel, c.display_name, c.language, c.owner, c.pool, c.agent,
			c.revision, s.version, s.format, s.state, s.last_in_at, r.fails, r.reason, {now}
		FROM runnable r JOIN conversation c ON c.id = r.conversation JOIN conversation_state s ON s.conversation = r.conversation
		WHERE r.conversation IN `+in+` ORDER BY r.conversation`, args...)
	if err != nil {
		return nil, err
	}
	err = each(tx, func(scan func(...any) error) error {
		var conversation, at int64
		var agent, name, answer, body string
		var row store.Item
		if err := scan(&row.ID, &conversation, &row.Kind, &name, &agent, &row.Generation, &answer, &at, &row.ExternalID, &body); err != nil {
			return err
		}
		c, ok := byID[conversation]
		if !ok {
			return nil
		}
		row.At = moment(at)
		switch row.Kind {
		case store.ItemMessage:
			row.MessageID = row.ID
			if err := json.Unmarshal([]byte(body), &row.Body); err != nil {
				row.Body = message.In{Kind: message.InOther, Original: "unreadable"}
			}
			if name != "" {
				c.name = name
			}
		case store.ItemTimer:
			row.Name = name
		case store.ItemClosed:
			row.Pool, row.Agent = name, agent
		case store.ItemAnswer:
			row.Answer = []byte(answer)
		}
		c.lane.Inbox = append(c.lane.Inbox, row)
		return nil
	}, `SELECT i.id, i.conversation, i.kind, i.name, i.agent, i.generation, i.body,
			COALESCE(m.at, 0), COALESCE(m.ext_id, ''), COALESCE(m.body, '{}')
		FROM runnable r JOIN inbox i ON i.conversation = r.conversation
		LEFT JOIN message m ON i.kind = 'message' AND m.id = i.id AND m.stored_at = i.message_at
		WHERE r.conversation IN `+in+` AND (i.kind = 'answer' OR i.id <= COALESCE((SELECT j.id FROM inbox j WHERE j.conversation = r.conversation
			ORDER BY j.id LIMIT 1 OFFSET `+strconv.Itoa(store.InboxMost-1)+`), 9223372036854775807))
		ORDER BY i.conversation, CASE i.kind WHEN 'answer' THEN 0 ELSE 1 END, i.id`, args...)
	if err == nil && len(claims) != len(conversations) {
		err = fmt.Errorf("%d lanes were claimed, %d have a conversation and a state", len(conversations), len(claims))
	}
	return claims, err
}

// tryStep calls step and turns a panic or an outcome that cannot be right into an error.
func tryStep(step func(store.Lane) (store.Outcome, error), lane store.Lane) (out store.Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the step panicked: %v", r)
		}
	}()
	if out, err = step(lane); err != nil || out.Skip > 0 || out.Park > 0 {
		return out, err
	}
	waiting := map[int64]bool{}
	for _, row := range lane.Inbox {
		waiting[row.ID] = true
	}
	for _, id := range out.Handled {
		if !waiting[id] {
			return out, fmt.Errorf("the step handled row %d twice, or it is not in the lane", id)
		}
		delete(waiting, id)
	}
	switch {
	case len(out.Handled) == 0 && !lane.Poisoned && !out.Poisoned:
		return out, errors.New("the step handled no row of the lane")
	case out.Handoff != nil && lane.Conversation.Owner != store.OwnerBot:
		return out, errors.New("the step hands off a conversation that is not the bot's")
	}
	return out, nil
}

// failed counts a failure under the claim's lock. The third makes the lane due at once: its next turn is the last.
func failed(tx Tx, conversation, before int64, cause error) error {
	_, err := tx.Exec(`UPDATE runnable SET fails = $2, run_at = {now} + $3, reason = $4 WHERE conversation = $1`,
		conversation, before+1, backOff(before+1).Microseconds(), clean(string(bounded([]byte(cause.Error()), 500))))
	return err
}
