package acts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// The states of an out_lane: ready from due_at, sending until due_at, or unknown.
const (
	outReady   = "ready"
	outSending = "sending"
	outUnknown = "unknown"
)

// send is an outgoing message on its way into the outbox.
type send struct {
	store.Outgoing
	conversation int64
	channel      string
	agent        string // with message.AuthorAgent
}

// queueSends stores messages and puts them into their conversations' outboxes. An id that is known already is left as it
// is, so that a step which runs again doubles nothing. It returns the message ids of the new ones, by id.
//
// The caller holds the lanes. Within a conversation the order of sends is kept.
func queueSends(tx Tx, sends []send) (map[string]int64, error) {
	if len(sends) == 0 {
		return nil, nil
	}
	ids := make([]string, len(sends))
	channels := map[int64]string{}
	for i, s := range sends {
		ids[i] = s.ID
		channels[s.conversation] = s.channel
	}
	// An echo that came before its message (a failover lost the message, not the send) waits as a kept status: it is worked
	// off again, and until then ClaimSends leaves the message alone.
	in, args := among(ids)
	if err := tx.Later(`UPDATE status SET kept = FALSE WHERE ref <> '' AND ref IN `+in, args...); err != nil {
		return nil, err
	}
	lanes := after()
	conversations := make([]int64, 0, len(channels))
	for c := range channels {
		conversations = append(conversations, c)
	}
	slices.Sort(conversations)
	for _, c := range conversations {
		lanes.add(c, channels[c], outReady)
	}
	if err := tx.Later(`INSERT INTO out_lane (conversation, channel, state, due_at)
		SELECT v.column1, v.column2, v.column3, {now} FROM (`+lanes.String()+`) AS v WHERE TRUE ORDER BY 1
		ON CONFLICT (conversation) DO UPDATE SET due_at = out_lane.due_at`, lanes.args...); err != nil {
		return nil, err
	}
	numbers, now, err := tx.Draw(len(sends))
	if err != nil {
		return nil, err
	}
	order := make([]int, len(sends))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(sends[x].ID, sends[y].ID) })
	outgoing := after()
	for _, i := range order {
		s := sends[i]
		outgoing.add(s.ID, s.conversation, s.channel, numbers[i], now, string(s.Class))
	}
	added := map[string]int64{}
	err = each(tx, func(scan func(...any) error) error {
		var id string
		var number int64
		if err := scan(&id, &number); err != nil {
			return err
		}
		added[id] = number
		return nil
	}, `INSERT INTO outgoing (id, conversation, channel, message_id, message_at, class) `+outgoing.String()+`
		ON CONFLICT DO NOTHING RETURNING id, message_id`, outgoing.args...)
	if err != nil || len(added) == 0 {
		return added, err
	}
	messages, outbox := after(), after()
	for i, s := range sends {
		if added[s.ID] != numbers[i] {
			continue
		}
		body, err := json.Marshal(s.Body)
		if err != nil {
			return nil, fmt.Errorf("body of outgoing message %s: %w", s.ID, err)
		}
		messages.add(numbers[i], now, s.conversation, "out", now, string(body), s.ID, string(s.Author), s.agent)
		outbox.add(s.conversation, numbers[i], s.ID, now, "queued", string(s.Class), micros(s.Expires))
	}
	if err := tx.Later(`INSERT INTO message (id, stored_at, conversation, dir, at, body, out_id, author, agent) `+messages.String(), messages.args...); err != nil {
		return nil, err
	}
	return added, tx.Later(`INSERT INTO outbox (conversation, seq, id, message_at, state, class, expires_at) `+outbox.String(), outbox.args...)
}

// nextHeads has out_lanes say what their heads are, after messages left the outbox, or ends them: left is the lowest number
// of a conversation that left. Where that was not the head, the lane is as it was: its head may be in the air, or rest. The
// transaction holds the out_lanes.
func nextHeads(tx Tx, left map[int64]int64) error {
	conversations := slices.Sorted(maps.Keys(left))
	in, args := among(conversations)
	if err := tx.Later(`DELETE FROM out_lane WHERE conversation IN `+in+`
		AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.conversation = out_lane.conversation)`, args...); err != nil {
		return err
	}
	rows := after()
	for _, c := range conversations {
		rows.add(c, left[c])
	}
	const state = `CASE h.state WHEN 'queued' THEN 'ready' ELSE h.state END`
	return tx.Later(`UPDATE out_lane SET state = `+state+`, due_at = CASE h.state WHEN 'queued' THEN {now} ELSE h.lease_until END
		FROM (`+rows.String()+`) AS v JOIN outbox h ON h.conversation = v.column1
		WHERE out_lane.conversation = v.column1 AND h.seq = (SELECT min(f.seq) FROM outbox f WHERE f.conversation = v.column1)
			AND (h.seq > v.column2 OR out_lane.state <> `+state+`)`, rows.args...)
}
