package acts

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	forgetLook = 2000 // conversations that one call of forget looks at
	forgetMost = 100  // conversations of one transaction
)

// errForgotten: what an Accept found was forgotten before it could be held. It is run again, and makes it anew.
var errForgotten = errors.New("the conversation was forgotten meanwhile")

// idle is true of a conversation c, with its state s, that nothing waits for and of which nothing is kept.
const idle = `c.owner = 'bot' AND s.last_in_at < {now} - $1
	AND NOT EXISTS (SELECT 1 FROM inbox x WHERE x.conversation = c.id) AND NOT EXISTS (SELECT 1 FROM outbox x WHERE x.conversation = c.id)
	AND NOT EXISTS (SELECT 1 FROM out_lane x WHERE x.conversation = c.id) AND NOT EXISTS (SELECT 1 FROM timer x WHERE x.conversation = c.id)
	AND NOT EXISTS (SELECT 1 FROM effect x WHERE x.conversation = c.id)
	AND NOT EXISTS (SELECT 1 FROM queue x WHERE x.conversation = c.id) AND NOT EXISTS (SELECT 1 FROM agent_slot x WHERE x.conversation = c.id)
	AND NOT EXISTS (SELECT 1 FROM message x WHERE x.conversation = c.id)`

// forget deletes conversations whose last message is past retention, and contacts with no other. It looks at some of them at
// each call and goes on from there: to look at all of them each minute would cost more than it is worth.
func (a *Acts) forget(ctx context.Context, retention time.Duration) (int64, error) {
	var found []int64
	last := int64(0)
	err := a.read(ctx, "forget", func(tx Tx) error {
		looked, err := column[int64](tx, `SELECT id FROM conversation WHERE id > $1 ORDER BY id LIMIT $2`, a.forgotten.Load(), int64(forgetLook))
		if err != nil || len(looked) == 0 {
			return err
		}
		if len(looked) == forgetLook {
			last = looked[len(looked)-1]
		}
		found, err = column[int64](tx, `SELECT c.id FROM conversation c JOIN conversation_state s ON s.conversation = c.id
			WHERE c.id >= $2 AND c.id <= $3 AND `+idle+` ORDER BY c.id`, retention.Microseconds(), looked[0], looked[len(looked)-1])
		return err
	})
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for some := range slices.Chunk(found, forgetMost) {
		n := int64(0)
		if err := a.write(ctx, "forget", func(tx Tx) (err error) {
			n, err = forgetIdle(tx, some, retention)
			return err
		}); err != nil {
			return total, err
		}
		total += n
	}
	a.forgotten.Store(last)
	return total, nil
}

// forgetIdle holds the lanes, which nobody has: a message that arrives meanwhile waits for its lane, and finds that its
// conversation is gone (see Accept); one that was first has raised it, and the conversation stays.
func forgetIdle(tx Tx, conversations []int64, retention time.Duration) (int64, error) {
	rows := after()
	for _, c := range conversations {
		rows.add(c)
	}
	held, err := column[int64](tx, `INSERT INTO runnable (conversation, run_at)
		SELECT v.column1, {now} FROM (`+rows.String()+`) AS v WHERE TRUE ORDER BY 1
		ON CONFLICT (conversation) DO NOTHING RETURNING conversation`, rows.args...)
	if err != nil || len(held) == 0 {
		return 0, err
	}
	in, args := among(held, any(retention.Microseconds()))
	var gone, contacts []int64
	if err := each(tx, func(scan func(...any) error) error {
		var id, contact int64
		err := scan(&id, &contact)
		gone, contacts = append(gone, id), append(contacts, contact)
		return err
	}, `SELECT c.id, c.contact FROM conversation c JOIN conversation_state s ON s.conversation = c.id
		WHERE c.id IN `+in+` AND `+idle, args...); err != nil {
		return 0, err
	}
	if len(gone) > 0 {
		in, args = among(gone)
		for _, q := range []string{
			`DELETE FROM draft WHERE conversation IN `, `DELETE FROM conversation_state WHERE conversation IN `, `DELETE FROM conversation WHERE id IN `,
		} {
			if _, err := tx.Exec(q+in, args...); err != nil {
				return 0, err
			}
		}
		if err := forgetContacts(tx, contacts); err != nil {
			return 0, err
		}
	}
	in, args = among(held)
	_, err = tx.Exec(`DELETE FROM runnable WHERE conversation IN `+in, args...)
	return int64(len(gone)), err
}

// forgetContacts deletes those that have no conversation left. Whoever makes one holds the contact's row (see holdContacts).
func forgetContacts(tx Tx, contacts []int64) error {
	in, args := among(contacts)
	if _, err := column[int64](tx, `SELECT id FROM contact WHERE id IN `+in+` ORDER BY id {lock}`, args...); err != nil {
		return err
	}
	const alone = ` AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.contact = `
	if _, err := tx.Exec(`DELETE FROM identity WHERE contact IN `+in+alone+`identity.contact)`, args...); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM contact WHERE id IN `+in+alone+`contact.id)`, args...)
	return err
}

// holdContacts keeps contacts that get a conversation from being forgotten until the commit.
func holdContacts(tx Tx, contacts []int64) error {
	if len(contacts) == 0 {
		return nil
	}
	slices.Sort(contacts)
	contacts = slices.Compact(contacts)
	rows := after()
	for _, c := range contacts {
		rows.add(c)
	}
	if _, err := tx.Exec(`INSERT INTO contact (id) `+rows.String()+`
		ON CONFLICT (id) DO UPDATE SET last_agent = contact.last_agent`, rows.args...); err != nil {
		return err
	}
	in, args := among(contacts)
	known, err := column[int64](tx, `SELECT DISTINCT contact FROM identity WHERE contact IN `+in, args...)
	if err == nil && len(known) < len(contacts) {
		err = errForgotten
	}
	return err
}

// stillThere fails when a conversation was forgotten before its lane was held.
func stillThere(tx Tx, conversations []int64) error {
	if len(conversations) == 0 {
		return nil
	}
	in, args := among(conversations)
	there, err := column[int64](tx, `SELECT id FROM conversation WHERE id IN `+in, args...)
	if err == nil && len(there) < len(conversations) {
		err = errForgotten
	}
	return err
}
