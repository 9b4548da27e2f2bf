package acts

import (
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// emit writes desk events. Kind, Conversation and MessageID are given; an event without Pool takes pool and agent from the
// conversation, as they are under the sequence's lock. It is the last thing an act does: see the lock order.
func emit(tx Tx, events []store.DeskEvent) error {
	if len(events) == 0 {
		return nil
	}
	var last int64
	if err := one(tx, into(&last), `UPDATE desk_seq SET seq = seq + $1 WHERE one = 1 RETURNING seq`, int64(len(events))); err != nil {
		return err
	}
	type place struct{ pool, agent string }
	places := map[int64]place{}
	var ask []int64
	for _, e := range events {
		if e.Pool == "" && !slices.Contains(ask, e.Conversation) {
			ask = append(ask, e.Conversation)
		}
	}
	if len(ask) > 0 {
		in, args := among(ask)
		err := each(tx, func(scan func(...any) error) error {
			var id int64
			var p place
			if err := scan(&id, &p.pool, &p.agent); err != nil {
				return err
			}
			places[id] = p
			return nil
		}, `SELECT id, pool, agent FROM conversation WHERE id IN `+in, args...)
		if err != nil {
			return err
		}
	}
	rows := after()
	for i, e := range events {
		if e.Pool == "" {
			e.Pool, e.Agent = places[e.Conversation].pool, places[e.Conversation].agent
		}
		if e.Pool == "" { // back with the bot: no console shows it
			continue
		}
		rows.add(last-int64(len(events)-1-i), string(e.Kind), e.Pool, e.Agent, e.Conversation, e.MessageID)
	}
	if rows.rows == 0 {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO desk_event (seq, kind, pool, agent, conversation, message_id, at)
		SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, {now} FROM (`+rows.String()+`) AS v`,
		rows.args...)
	return err
}

// countPool raises a pool's counters, which only rise.
func countPool(tx Tx, pool string, arrived, finished int64) error {
	_, err := tx.Exec(`INSERT INTO pool (name, arrived, finished) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET arrived = pool.arrived + excluded.arrived, finished = pool.finished + excluded.finished`,
		pool, arrived, finished)
	return err
}

// told are the events of messages whose delivery changed, for the agent who wrote them.
func told(conversation, messageID int64) store.DeskEvent {
	return store.DeskEvent{Kind: store.EventDelivery, Conversation: conversation, MessageID: messageID}
}
