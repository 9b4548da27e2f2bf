package acts

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// online is how recently an agent's console must have spoken to count as there.
const online = time.Minute

// viewMessages are shown of each conversation at first.
const viewMessages = 50

// DeskView implements store.Desk. The sequence is read first: what commits meanwhile is in the view or in the events after it,
// or in both, and never in neither.
func (a *Acts) DeskView(ctx context.Context, pool, agent string) (store.DeskView, error) {
	var v store.DeskView
	err := a.read(ctx, "desk view", func(tx Tx) error {
		v = store.DeskView{}
		if err := one(tx, into(&v.Seq), `SELECT seq FROM desk_seq WHERE one = 1`); err != nil {
			return err
		}
		var now, oldest int64
		var available int64
		if err := one(tx, into(&now, &available, &v.Waiting, &oldest, &v.AgentsOnline), `SELECT {now},
			(SELECT count(*) FROM agent WHERE pool = $1 AND agent = $2 AND available),
			(SELECT count(*) FROM queue WHERE pool = $1),
			COALESCE((SELECT min(since) FROM queue WHERE pool = $1), 0),
			(SELECT count(*) FROM agent WHERE pool = $1 AND available AND seen_at > {now} - $3)`,
			pool, agent, online.Microseconds()); err != nil {
			return err
		}
		v.Now, v.Available = moment(now), available == 1
		if oldest != 0 {
			v.OldestWaiting = time.Duration(max(0, now-oldest)) * time.Microsecond
		}
		err := each(tx, func(scan func(...any) error) error {
			var d store.DeskConversation
			c := &d.Conversation
			var lastIn, queued, assigned int64
			var skills string
			if err := scan(&c.ID, &c.Contact, &c.Channel, &c.DisplayName, &c.Language, &c.Owner, &c.Pool, &c.Agent, &lastIn,
				&d.Priority, &d.Summary, &skills, &queued, &assigned, &d.Draft); err != nil {
				return err
			}
			c.LastInAt, d.QueuedAt, d.AssignedAt, d.Skills = moment(lastIn), moment(queued), moment(assigned), strings.Fields(skills)
			v.Conversations = append(v.Conversations, d)
			return nil
		}, `SELECT c.id, c.contact, c.channel, c.display_name, c.language, c.owner, c.pool, c.agent, t.last_in_at,
				s.priority, s.summary, s.skills, s.queued_at, s.assigned_at, COALESCE(d.body, '')
			FROM agent_slot s JOIN conversation c ON c.id = s.conversation JOIN conversation_state t ON t.conversation = c.id
			LEFT JOIN draft d ON d.conversation = c.id
			WHERE s.pool = $1 AND s.agent = $2 ORDER BY s.slot`, pool, agent)
		if err != nil {
			return err
		}
		for i := range v.Conversations {
			if v.Conversations[i].Messages, err = transcript(tx, v.Conversations[i].Conversation.ID, 0, viewMessages); err != nil {
				return err
			}
		}
		return nil
	})
	return v, err
}

// DeskEvents implements store.Desk.
func (a *Acts) DeskEvents(ctx context.Context, pool, agent string, after int64, limit int) ([]store.DeskEvent, error) {
	var events []store.DeskEvent
	err := a.read(ctx, "desk events", func(tx Tx) error {
		events = nil
		return each(tx, func(scan func(...any) error) error {
			var e store.DeskEvent
			var at int64
			if err := scan(&e.Seq, &e.Kind, &e.Pool, &e.Agent, &e.Conversation, &e.MessageID, &at); err != nil {
				return err
			}
			e.At = moment(at)
			events = append(events, e)
			return nil
		}, `SELECT seq, kind, pool, agent, conversation, message_id, at FROM desk_event
			WHERE pool = $1 AND seq > $2 AND (agent = '' OR agent = $3) ORDER BY seq LIMIT $4`, pool, after, agent, int64(limit))
	})
	return events, err
}

// Transcript implements store.Desk.
func (a *Acts) Transcript(ctx context.Context, conversation, before int64, limit int) ([]store.TranscriptMessage, error) {
	var messages []store.TranscriptMessage
	err := a.read(ctx, "transcript", func(tx Tx) (err error) {
		messages, err = transcript(tx, conversation, before, limit)
		return err
	})
	return messages, err
}

// TranscriptSince implements store.Desk.
func (a *Acts) TranscriptSince(ctx context.Context, conversation, after int64, limit int) ([]store.TranscriptMessage, error) {
	var messages []store.TranscriptMessage
	err := a.read(ctx, "transcript", func(tx Tx) (err error) {
		messages, err = readMessages(tx, `m.id > $2 ORDER BY m.id`, conversation, after, limit)
		return err
	})
	return messages, err
}

func transcript(tx Tx, conversation, before int64, limit int) ([]store.TranscriptMessage, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	messages, err := readMessages(tx, `m.id < $2 ORDER BY m.id DESC`, conversation, before, limit)
	slices.Reverse(messages)
	return messages, err
}

func readMessages(tx Tx, where string, conversation, bound int64, limit int) ([]store.TranscriptMessage, error) {
	var messages []store.TranscriptMessage
	err := each(tx, func(scan func(...any) error) error {
		var m store.TranscriptMessage
		var dir, body, ext, out, outbox string
		var at, progress int64
		var failed bool
		if err := scan(&m.ID, &dir, &at, &body, &ext, &out, &m.Author, &m.Agent, &progress, &failed, &m.Reason, &outbox); err != nil {
			return err
		}
		m.At = moment(at)
		var err error
		if dir == "in" {
			m.In, m.ClientID = &message.In{}, ext
			err = json.Unmarshal([]byte(body), m.In)
		} else {
			m.Out, m.ClientID = &message.Out{}, out
			m.State = progressName(outbox, failed, progress)
			err = json.Unmarshal([]byte(body), m.Out)
		}
		messages = append(messages, m)
		return err
	}, `SELECT m.id, m.dir, m.at, m.body, m.ext_id, m.out_id, m.author, m.agent,
			COALESCE(g.progress, 0), COALESCE(g.failed, FALSE), COALESCE(g.reason, ''), COALESCE(o.state, '')
		FROM message m LEFT JOIN outgoing g ON g.id = m.out_id AND m.out_id <> '' LEFT JOIN outbox o ON o.id = g.id
		WHERE m.conversation = $1 AND `+where+` LIMIT $3`, conversation, bound, int64(limit))
	return messages, err
}

// progressName is the word for how far an outgoing message came.
func progressName(outbox string, failed bool, progress int64) string {
	switch {
	case outbox != "":
		return outbox
	case failed:
		return "failed"
	case progress <= 1:
		return "sent"
	case progress == 2:
		return "delivered"
	}
	return "read"
}

// FindConversation implements store.Desk.
func (a *Acts) FindConversation(ctx context.Context, channel string, id message.Identity) (store.Conversation, error) {
	var c store.Conversation
	err := a.read(ctx, "find conversation", func(tx Tx) error {
		var lastIn int64
		id = tidy(id)
		err := one(tx, into(&c.ID, &c.Contact, &c.Channel, &c.DisplayName, &c.Language, &c.Owner, &c.Pool, &c.Agent, &lastIn),
			`SELECT c.id, c.contact, c.channel, c.display_name, c.language, c.owner, c.pool, c.agent, s.last_in_at
			FROM identity i JOIN conversation c ON c.contact = i.contact JOIN conversation_state s ON s.conversation = c.id
			WHERE i.scope = $1 AND i.kind = $2 AND i.value = $3 AND c.channel = $4`, id.Scope, string(id.Kind), id.Value, channel)
		c.LastInAt = moment(lastIn)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return store.Conversation{}, err
	}
	return c, err
}

// PoolCounts implements store.Desk.
func (a *Acts) PoolCounts(ctx context.Context) ([]store.PoolCount, error) {
	var counts []store.PoolCount
	err := a.read(ctx, "pool counts", func(tx Tx) error {
		counts = nil
		return each(tx, func(scan func(...any) error) error {
			var c store.PoolCount
			var oldest int64
			if err := scan(&c.Pool, &c.Arrived, &c.Finished, &c.WaitingForWorker, &c.WaitingForAgent, &c.Active, &c.Agents, &oldest); err != nil {
				return err
			}
			c.OldestWaiting = time.Duration(max(0, oldest)) * time.Microsecond
			counts = append(counts, c)
			return nil
		}, `SELECT p.name, p.arrived, p.finished,
				(SELECT count(*) FROM queue q WHERE q.pool = p.name AND q.seen_at = 0),
				(SELECT count(*) FROM queue q WHERE q.pool = p.name AND q.seen_at <> 0),
				(SELECT count(*) FROM agent_slot s WHERE s.pool = p.name),
				(SELECT count(*) FROM agent a WHERE a.pool = p.name AND a.available AND a.seen_at > {now} - $1),
				COALESCE({now} - (SELECT min(q.since) FROM queue q WHERE q.pool = p.name), 0)
			FROM pool p ORDER BY p.name`, online.Microseconds())
	})
	return counts, err
}
