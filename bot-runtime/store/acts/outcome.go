package acts

import (
	"maps"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// commitOutcomes writes what steps want, one statement a table for all lanes. The claims are in the order of their
// conversations.
func commitOutcomes(tx Tx, claims []*claim) error {
	for _, write := range []func(Tx, []*claim) error{
		writeConversations, writeStates, writeTimers, writeCalls, writeReports, handleRows, writeSends, restLanes, writeDesk,
	} {
		if err := write(tx, claims); err != nil {
			return err
		}
	}
	return nil
}

// writeConversations updates the rows of conversations that changed. It writes no owner but from the bot into a queue, which
// nobody else may do while the lane is held.
func writeConversations(tx Tx, claims []*claim) error {
	rows := after()
	var changed []int64
	for _, c := range claims {
		v, o := c.lane.Conversation, c.outcome
		if len(c.lane.Inbox) == 0 {
			continue
		}
		name, language := v.DisplayName, v.Language
		if c.name != "" {
			name = c.name
		}
		if o.Language != "" {
			language = o.Language
		}
		if name, language = clean(name), clean(language); name != v.DisplayName || language != v.Language || o.Revision != c.revision {
			rows.add(v.ID, name, language, o.Revision)
			changed = append(changed, v.ID)
		}
	}
	if len(changed) > 0 {
		in, args := among(changed)
		if err := tx.Later(`SELECT id FROM conversation WHERE id IN `+in+` ORDER BY id {lock}`, args...); err != nil {
			return err
		}
		if err := tx.Later(`UPDATE conversation SET display_name = v.column2, language = v.column3, revision = v.column4
			FROM (`+rows.String()+`) AS v WHERE conversation.id = v.column1`, rows.args...); err != nil {
			return err
		}
	}
	for _, c := range claims {
		v, o := c.lane.Conversation, c.outcome
		if o.Handoff == nil {
			continue
		}
		if err := tx.Expect(1, "conversations of the bot", `UPDATE conversation SET owner = 'queue', pool = $2, agent = '' WHERE id = $1 AND owner = 'bot'`,
			v.ID, o.Handoff.Pool); err != nil {
			return err
		}
	}
	return nil
}

func writeStates(tx Tx, claims []*claim) error {
	rows, want := after(), int64(0)
	for _, c := range claims {
		if len(c.lane.Inbox) == 0 {
			continue
		}
		lastIn := micros(c.lane.Conversation.LastInAt)
		for _, row := range c.lane.Inbox {
			if row.Kind == store.ItemMessage && slices.Contains(c.outcome.Handled, row.ID) {
				lastIn = max(lastIn, micros(row.At))
			}
		}
		rows.add(c.lane.Conversation.ID, c.version, int64(c.outcome.Format), bounded(c.outcome.State, len(c.outcome.State)), lastIn)
		want++
	}
	if want == 0 {
		return nil
	}
	return tx.Expect(want, "states", `UPDATE conversation_state SET version = conversation_state.version + 1, format = v.column3, state = v.column4,
			last_in_at = v.column5
		FROM (`+rows.String()+`) AS v
		WHERE conversation_state.conversation = v.column1 AND conversation_state.version = v.column2`, rows.args...)
}

func writeTimers(tx Tx, claims []*claim) error {
	type key struct {
		conversation int64
		name         string
	}
	last := map[key]store.Timer{} // one statement may not touch a row twice
	var order []key
	for _, c := range claims {
		for _, t := range c.outcome.Timers {
			k := key{c.lane.Conversation.ID, t.Name}
			if _, twice := last[k]; !twice {
				order = append(order, k)
			}
			last[k] = t
		}
	}
	set := after()
	for _, k := range order {
		t := last[k]
		if !t.DueAt.IsZero() {
			set.add(k.conversation, k.name, t.Generation, micros(t.DueAt))
			continue
		}
		if err := tx.Later(`DELETE FROM timer WHERE conversation = $1 AND name = $2`, k.conversation, k.name); err != nil {
			return err
		}
	}
	if set.rows == 0 {
		return nil
	}
	return tx.Later(`INSERT INTO timer (conversation, name, generation, due_at) `+set.String()+`
		ON CONFLICT (conversation, name) DO UPDATE SET generation = excluded.generation, due_at = excluded.due_at`, set.args...)
}

func writeReports(tx Tx, claims []*claim) error {
	for _, c := range claims {
		if r := c.outcome.Rating; r != nil {
			ids, _, err := tx.Draw(1)
			if err != nil {
				return err
			}
			if err := tx.Later(`INSERT INTO rating (id, conversation, scale, score, pool, agent, at) VALUES ($1, $2, $3, $4, $5, $6, {now})`,
				ids[0], c.lane.Conversation.ID, r.Scale, int64(r.Score), r.Pool, r.Agent); err != nil {
				return err
			}
		}
		if c.outcome.Finished {
			ids, _, err := tx.Draw(1)
			if err != nil {
				return err
			}
			if err := tx.Later(`INSERT INTO enquiry (id, conversation, at) VALUES ($1, $2, {now})`,
				ids[0], c.lane.Conversation.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func handleRows(tx Tx, claims []*claim) error {
	var handled []int64
	for _, c := range claims {
		handled = append(handled, c.outcome.Handled...)
	}
	if len(handled) == 0 {
		return nil
	}
	in, args := among(handled)
	return tx.Expect(int64(len(handled)), "inbox rows", `DELETE FROM inbox WHERE id IN `+in, args...)
}

func writeSends(tx Tx, claims []*claim) error {
	var sends []send
	for _, c := range claims {
		for _, o := range c.outcome.Send {
			sends = append(sends, send{Outgoing: o, conversation: c.lane.Conversation.ID, channel: c.lane.Conversation.Channel})
		}
	}
	_, err := queueSends(tx, sends)
	return err
}

// restLanes deletes lanes whose inbox is empty and puts the others to the tail. Whoever inserts a row waits for the lane's
// lock before it commits, so that no row can hide from this look.
func restLanes(tx Tx, claims []*claim) error {
	var lanes []int64
	for _, c := range claims {
		lanes = append(lanes, c.lane.Conversation.ID)
	}
	in, args := among(lanes)
	gone, err := tx.Exec(`DELETE FROM runnable WHERE conversation IN `+in+`
		AND NOT EXISTS (SELECT 1 FROM inbox WHERE inbox.conversation = runnable.conversation)`, args...)
	if err != nil || gone == int64(len(lanes)) {
		return err
	}
	left, err := tx.Exec(`UPDATE runnable SET run_at = {now}, fails = 0, reason = '' WHERE conversation IN `+in, args...)
	if err == nil {
		err = Counted("lanes", gone+left, int64(len(lanes)))
	}
	return err
}

// writeDesk tells the desk of hand-offs and of messages for the agent.
func writeDesk(tx Tx, claims []*claim) error {
	var events []store.DeskEvent
	arrived := map[string]int64{}
	for _, c := range claims {
		if h := c.outcome.Handoff; h != nil {
			if err := tx.Later(`INSERT INTO queue (conversation, pool, priority, since, summary, skills) VALUES ($1, $2, $3, {now}, $4, $5)`,
				c.lane.Conversation.ID, h.Pool, int64(h.Priority), clean(h.Summary), clean(strings.Join(h.Skills, " "))); err != nil {
				return err
			}
			arrived[h.Pool]++
			events = append(events, store.DeskEvent{Kind: store.EventQueued, Conversation: c.lane.Conversation.ID})
		}
		for _, id := range c.outcome.ToDesk {
			events = append(events, store.DeskEvent{Kind: store.EventMessage, Conversation: c.lane.Conversation.ID, MessageID: id})
		}
	}
	for _, pool := range slices.Sorted(maps.Keys(arrived)) {
		if err := countPool(tx, pool, arrived[pool], 0); err != nil {
			return err
		}
	}
	return emit(tx, events)
}
