package acts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// rawMost is how much of an unknown webhook part is kept.
const rawMost = 64 << 10

// batchMost bounds the rows of one statement; a larger batch is the same transaction with more statements.
const batchMost = 500

// Accept implements store.Intake.
func (a *Acts) Accept(ctx context.Context, batch store.Batch) (store.Accepted, error) {
	left := map[dedupeKey]bool{} // messages whose lane is held
	for try := 1; ; try++ {
		part := batch
		part.Messages = slices.DeleteFunc(slices.Clone(batch.Messages), func(m store.Inbound) bool { return left[keyOf(m)] })
		if len(left) > 0 && len(part.Messages)+len(part.Statuses)+len(part.Moves)+len(part.Raw) == 0 {
			return store.Accepted{}, fmt.Errorf("accept: %w: all lanes are held", store.ErrUnavailable)
		}
		counts, err := a.accept(ctx, part)
		var up *heldUp
		switch {
		case errors.As(err, &up) && try < acceptTries:
			alone := len(batch.Statuses)+len(batch.Moves)+len(batch.Raw) == 0 &&
				!slices.ContainsFunc(batch.Messages, func(m store.Inbound) bool { return up.messages[keyOf(m)] == 0 })
			held, err := a.stillHeld(ctx, up, alone)
			if err != nil {
				return store.Accepted{}, err
			}
			for key, conversation := range up.messages {
				left[key] = left[key] || held[conversation]
			}
		case errors.As(err, &up):
			return store.Accepted{}, fmt.Errorf("accept: %w: %w", store.ErrUnavailable, err)
		case errors.Is(err, errForgotten) && try < acceptTries:
		case err == nil && len(part.Messages) < len(batch.Messages):
			h := &store.Held{Accepted: counts}
			for i, m := range batch.Messages {
				if left[keyOf(m)] {
					h.Messages = append(h.Messages, i)
				}
			}
			return counts, h
		default:
			return counts, err
		}
	}
}

// acceptTries bounds how often a batch meets citizens who are being forgotten, or lanes that are held.
const acceptTries = 8

func (a *Acts) accept(ctx context.Context, batch store.Batch) (store.Accepted, error) {
	var counts store.Accepted
	err := a.write(ctx, "accept", func(tx Tx) error {
		counts = store.Accepted{}
		in := intake{tx: tx, counts: &counts, made: map[int64]bool{}, found: map[place]int64{}, of: map[dedupeKey]int64{}}
		var fresh []store.Inbound
		for part := range slices.Chunk(batch.Messages, batchMost) {
			unseen, err := in.unseen(part)
			if err != nil {
				return err
			}
			fresh = append(fresh, unseen...)
		}
		// Before the messages: the first one with a new identity would make a second contact.
		if err := in.moves(batch.Moves); err != nil {
			return err
		}
		if len(fresh) > 0 {
			var err error
			if in.ids, _, err = tx.Draw(len(fresh)); err != nil { // in the order of arrival
				return err
			}
		}
		if batch.Ordered != nil {
			batch.Ordered()
		}
		for part := range slices.Chunk(fresh, batchMost) {
			if err := in.messages(part); err != nil {
				return err
			}
		}
		for part := range slices.Chunk(batch.Statuses, batchMost) {
			if err := in.statuses(part); err != nil {
				return err
			}
		}
		if err := in.raw(batch.Raw); err != nil {
			return err
		}
		slices.Sort(in.lanes)
		in.lanes = slices.Compact(in.lanes)
		return a.raise(tx, in) // last: it waits for steppers
	})
	if err != nil {
		return store.Accepted{}, err
	}
	return counts, nil
}

// intake is one Accept under way.
type intake struct {
	tx     Tx
	counts *store.Accepted
	now    int64   // the database's time
	ids    []int64 // of messages to come
	lanes  []int64
	made   map[int64]bool      // contacts
	found  map[place]int64     // conversations
	of     map[dedupeKey]int64 // the conversations of messages
}

func (in *intake) messages(fresh []store.Inbound) error {
	contacts, err := in.contacts(fresh)
	if err != nil {
		return err
	}
	conversations, err := in.conversations(fresh, contacts)
	if err != nil {
		return err
	}
	ids, now := in.ids[:len(fresh)], in.now
	in.ids = in.ids[len(fresh):]
	stored, inbox := after(), after()
	for i, m := range fresh {
		body, err := json.Marshal(m.Body)
		if err != nil {
			return fmt.Errorf("body of message %d: %w", i, err)
		}
		stored.add(ids[i], now, conversations[i], "in", micros(m.At), string(body), clean(m.ExternalID))
		inbox.add(ids[i], conversations[i], string(store.ItemMessage), now, clean(m.DisplayName))
		in.lanes = append(in.lanes, conversations[i])
		in.of[keyOf(m)] = conversations[i]
	}
	if err := in.tx.Later(`INSERT INTO message (id, stored_at, conversation, dir, at, body, ext_id) `+stored.String(), stored.args...); err != nil {
		return err
	}
	if err := in.tx.Later(`INSERT INTO inbox (id, conversation, kind, message_at, name) `+inbox.String(), inbox.args...); err != nil {
		return err
	}
	in.counts.Stored += len(fresh)
	return nil
}

// dedupeKey is what tells a message from all others.
type dedupeKey struct{ channel, externalID string }

func keyOf(m store.Inbound) dedupeKey { return dedupeKey{m.Channel, m.ExternalID} }

// seenKey is a dedupe key as it is stored.
type seenKey struct {
	channel string
	hash    string // 16 bytes
	days    []int64
	index   int
}

// apart is how far the times may be that two deliveries at once tell of one message.
const apart = time.Hour

// SeenKept is how long dedupe keys are kept: they stand at the begin of a day, up to a day and apart before their message.
const SeenKept = store.StaleAfter + 48*time.Hour

// seenDays are the times under which a message is marked as seen. A post that is repeated while the first is being stored
// does not find its key, and must collide with it, whatever time it tells: the key's time is a day, and near midnight both.
func seenDays(at int64) []int64 {
	const day = int64(24 * time.Hour / time.Microsecond)
	first, last := (at-apart.Microseconds())/day*day, (at+apart.Microseconds())/day*day
	if first == last {
		return []int64{first}
	}
	return []int64{first, last}
}

// unseen returns the messages that were never stored and are not stale, in the order of arrival, and marks them seen.
func (in *intake) unseen(messages []store.Inbound) ([]store.Inbound, error) {
	if err := in.tx.Ask(func(scan func(...any) error) error { return scan(&in.now) }, `SELECT {now}`); err != nil {
		return nil, err
	}
	var keys []seenKey
	first := map[[2]string]bool{}
	for i, m := range messages {
		sum := sha256.Sum256([]byte(m.ExternalID))
		key := seenKey{channel: m.Channel, hash: string(sum[:16]), days: seenDays(micros(m.At)), index: i}
		if first[[2]string{key.channel, key.hash}] {
			in.counts.Duplicates++
			continue
		}
		first[[2]string{key.channel, key.hash}] = true
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.SortFunc(keys, func(x, y seenKey) int {
		return cmp.Or(cmp.Compare(x.channel, y.channel), cmp.Compare(x.hash, y.hash))
	})
	rows := after(store.StaleAfter.Microseconds())
	for _, k := range keys {
		for _, day := range k.days {
			rows.add(k.channel, []byte(k.hash), day, micros(messages[k.index].At))
		}
	}
	// NOT EXISTS finds the same id with a time of another day, which a partitioned key cannot refuse by itself.
	marked := map[[2]string]int{}
	err := each(in.tx, func(scan func(...any) error) error {
		var channel string
		var hash []byte
		if err := scan(&channel, &hash); err != nil {
			return err
		}
		marked[[2]string{channel, string(hash)}]++
		return nil
	}, `INSERT INTO seen (channel, ext_hash, msg_at)
		SELECT v.column1, v.column2, v.column3 FROM (`+rows.String()+`) AS v
		WHERE v.column4 >= {now} - $1 AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.channel = v.column1 AND s.ext_hash = v.column2)
		ORDER BY 1, 2, 3
		ON CONFLICT DO NOTHING RETURNING channel, ext_hash`, rows.args...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(x, y seenKey) int { return cmp.Compare(x.index, y.index) })
	var fresh []store.Inbound
	for _, k := range keys {
		switch {
		case marked[[2]string{k.channel, k.hash}] == len(k.days):
			fresh = append(fresh, messages[k.index])
		case micros(messages[k.index].At) < in.now-store.StaleAfter.Microseconds():
			in.counts.Stale++
		default: // one that collides is another's
			in.counts.Duplicates++
		}
	}
	return fresh, nil
}

func (in *intake) statuses(statuses []store.Status) error {
	if len(statuses) == 0 {
		return nil
	}
	ids, _, err := in.tx.Draw(len(statuses))
	if err != nil {
		return err
	}
	rows := after()
	for i, s := range statuses {
		rows.add(ids[i], s.Channel, clean(s.ExternalID), clean(s.Ref), string(s.Delivery), micros(s.At),
			int64(s.ErrorCode), clean(s.ErrorText))
	}
	in.counts.Statuses += len(statuses)
	return in.tx.Later(`INSERT INTO status (id, channel, external_id, ref, delivery, at, code, reason, stored_at)
		SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, {now}
		FROM (`+rows.String()+`) AS v`, rows.args...)
}

func (in *intake) raw(events []store.RawEvent) error {
	if len(events) == 0 {
		return nil
	}
	ids, _, err := in.tx.Draw(len(events))
	if err != nil {
		return err
	}
	for i, e := range events {
		if _, err := in.tx.Exec(`INSERT INTO raw_event (id, channel, kind, body, at) VALUES ($1, $2, $3, $4, {now})`,
			ids[i], e.Channel, clean(e.Kind), bounded(e.Body, rawMost)); err != nil {
			return err
		}
	}
	return nil
}

// raiseLanes makes conversations due, and waits for a stepper that holds one: with DO NOTHING, which does not wait, the
// stepper deletes the lane that it saw drained and the message behind it is stranded. A lane that failed keeps its back-off.
func raiseLanes(tx Tx, conversations []int64) error {
	if len(conversations) == 0 {
		return nil
	}
	rows := after()
	for _, c := range conversations {
		rows.add(c)
	}
	return tx.Later(`INSERT INTO runnable (conversation, run_at)
		SELECT DISTINCT v.column1, {now} FROM (`+rows.String()+`) AS v WHERE TRUE ORDER BY 1
		ON CONFLICT (conversation) DO UPDATE SET run_at = CASE
			WHEN runnable.fails = 0 AND excluded.run_at < runnable.run_at THEN excluded.run_at ELSE runnable.run_at END`,
		rows.args...)
}
