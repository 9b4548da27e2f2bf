package acts

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// queueMost is how many waiting conversations of a kind routing looks at at a time; see store.Waiting.
const queueMost = 200

// Route implements store.Desk. choose runs between two transactions, so that no lock waits for it; what changed meanwhile is
// found by the owner under the conversation's lock, and by the two unique keys of agent_slot.
func (a *Acts) Route(ctx context.Context, pool string, c store.Counter,
	choose func(store.Waiting) []store.Assignment) ([]store.Assignment, error) {
	waiting, err := a.waiting(ctx, pool, c)
	if err != nil || len(waiting.Queue) == 0 || !slices.ContainsFunc(waiting.Agents, func(a store.PresentAgent) bool { return a.Free > 0 }) {
		return nil, err
	}
	chosen := choose(waiting)
	if len(chosen) == 0 {
		return nil, nil
	}
	var assigned []store.Assignment
	err = a.write(ctx, "route", func(tx Tx) error {
		var err error
		assigned, err = assign(tx, pool, int64(c.Slots), chosen)
		return err
	})
	return assigned, err
}

// waiting reads the queue and the agents who are there, and notes that a desk pod has seen the queue.
func (a *Acts) waiting(ctx context.Context, pool string, c store.Counter) (store.Waiting, error) {
	slots, absent := int64(c.Slots), c.Absent.Microseconds()
	var w store.Waiting
	var unseen, known int64
	err := a.read(ctx, "route", func(tx Tx) error {
		w = store.Waiting{}
		var now int64
		if err := one(tx, into(&now, &unseen, &known), `SELECT {now},
			(SELECT count(*) FROM queue WHERE pool = $1 AND seen_at = 0),
			(SELECT count(*) FROM pool WHERE name = $1 AND slots = $2 AND absent = $3)`, pool, slots, absent); err != nil {
			return err
		}
		w.Now = moment(now)
		if err := readQueue(tx, pool, now-c.SkillsWithin.Microseconds(), &w.Queue); err != nil {
			return err
		}
		return each(tx, func(scan func(...any) error) error {
			var p store.PresentAgent
			var since int64
			if err := scan(&p.Agent, &since, &p.Free); err != nil {
				return err
			}
			p.IdleSince, p.Free = moment(since), max(p.Free, 0)
			w.Agents = append(w.Agents, p)
			return nil
		}, `SELECT a.agent, a.idle_since, $2 - (SELECT count(*) FROM agent_slot s WHERE s.pool = a.pool AND s.agent = a.agent)
			FROM agent a WHERE a.pool = $1 AND a.available AND a.seen_at > {now} - $3 ORDER BY a.idle_since, a.agent`,
			pool, slots, absent)
	})
	if err != nil || (unseen == 0 && known == 1) {
		return w, err
	}
	return w, a.write(ctx, "route", func(tx Tx) error {
		if _, err := column[int64](tx, `SELECT conversation FROM queue WHERE pool = $1 AND seen_at = 0 ORDER BY conversation {lock}`, pool); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE queue SET seen_at = {now} WHERE pool = $1 AND seen_at = 0`, pool); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO pool (name, slots, absent) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, absent = excluded.absent`, pool, slots, absent)
		return err
	})
}

// readQueue reads the first of each kind of conversations that wait; see store.Waiting. Those that asked for skills at long, or
// before, have waited for them long enough. Which kinds there are is found in the index, a step each, however many wait.
func readQueue(tx Tx, pool string, long int64, queue *[]store.QueueEntry) error {
	asked, err := column[string](tx, `WITH RECURSIVE asked (skills) AS (
			SELECT min(skills) FROM queue WHERE pool = $1
			UNION ALL
			SELECT (SELECT min(q.skills) FROM queue q WHERE q.pool = $1 AND q.skills > a.skills) FROM asked a WHERE a.skills IS NOT NULL)
		SELECT skills FROM asked WHERE skills IS NOT NULL`, pool)
	if err != nil {
		return err
	}
	for _, skills := range asked {
		bounds := []int64{-1, long, math.MaxInt64}
		if skills == "" {
			bounds = []int64{-1, math.MaxInt64}
		}
		for i, until := range bounds[1:] {
			if err := each(tx, func(scan func(...any) error) error {
				e := store.QueueEntry{Skills: strings.Fields(skills)}
				var since int64
				if err := scan(&e.Conversation, &e.Priority, &since, &e.LastAgent); err != nil {
					return err
				}
				e.Since = moment(since)
				*queue = append(*queue, e)
				return nil
			}, `SELECT q.conversation, q.priority, q.since, COALESCE(p.last_agent, '')
				FROM queue q JOIN conversation c ON c.id = q.conversation LEFT JOIN contact p ON p.id = c.contact
				WHERE q.pool = $1 AND q.skills = $2 AND q.since > $3 AND q.since <= $4
				ORDER BY q.priority DESC, q.released DESC, q.since, q.conversation LIMIT $5`,
				pool, skills, bounds[i], until, int64(queueMost)); err != nil {
				return err
			}
		}
	}
	return nil
}

func assign(tx Tx, pool string, slots int64, chosen []store.Assignment) ([]store.Assignment, error) {
	ids := make([]int64, 0, len(chosen))
	for _, c := range chosen {
		ids = append(ids, c.Conversation)
	}
	in, args := among(ids, any(pool))
	still, err := column[int64](tx, `SELECT id FROM conversation WHERE owner = 'queue' AND pool = $1 AND id IN `+in+`
		ORDER BY id {skiplocked}`, args...)
	if err != nil {
		return nil, err
	}
	chosen = slices.Clone(chosen)
	slices.SortStableFunc(chosen, func(x, y store.Assignment) int { return cmp.Compare(x.Agent, y.Agent) })
	var assigned []store.Assignment
	var events []store.DeskEvent
	for _, c := range chosen {
		at := slices.Index(still, c.Conversation)
		if at < 0 {
			continue
		}
		took, err := takeSlot(tx, pool, slots, c)
		if err != nil {
			return nil, err
		}
		if !took {
			continue
		}
		still = slices.Delete(still, at, at+1)
		assigned = append(assigned, c)
		events = append(events, store.DeskEvent{Kind: store.EventAssigned, Pool: pool, Agent: c.Agent, Conversation: c.Conversation})
	}
	return assigned, emit(tx, events)
}

// takeSlot gives a locked conversation to the agent's lowest free slot; false when there is none.
func takeSlot(tx Tx, pool string, slots int64, c store.Assignment) (bool, error) {
	used, err := column[int64](tx, `SELECT slot FROM agent_slot WHERE pool = $1 AND agent = $2`, pool, c.Agent)
	if err != nil {
		return false, err
	}
	for slot := int64(1); slot <= slots; slot++ {
		if slices.Contains(used, slot) {
			continue
		}
		// Waits for another pod that is filling this slot, and then adds no row.
		n, err := tx.Exec(`INSERT INTO agent_slot (pool, agent, slot, conversation, priority, summary, skills, queued_at, assigned_at)
			SELECT $1, $2, $3, q.conversation, q.priority, q.summary, q.skills, q.since, {now} FROM queue q WHERE q.conversation = $4
			ON CONFLICT DO NOTHING`, pool, c.Agent, slot, c.Conversation)
		if err != nil {
			return false, err
		}
		if n == 0 {
			continue
		}
		if _, err := tx.Exec(`DELETE FROM queue WHERE conversation = $1`, c.Conversation); err != nil {
			return false, err
		}
		if _, err := tx.Exec(`UPDATE conversation SET owner = 'agent', agent = $2 WHERE id = $1`, c.Conversation, c.Agent); err != nil {
			return false, err
		}
		_, err = tx.Exec(`UPDATE agent SET idle_since = {now} WHERE pool = $1 AND agent = $2`, pool, c.Agent)
		return true, err
	}
	return false, nil
}

// Release implements store.Desk.
func (a *Acts) Release(ctx context.Context, pool string, gone time.Duration) (int, error) {
	released := 0
	err := a.write(ctx, "release", func(tx Tx) error {
		released = 0
		ids, err := column[int64](tx, `SELECT s.conversation FROM agent_slot s LEFT JOIN agent a ON a.pool = s.pool AND a.agent = s.agent
			WHERE s.pool = $1 AND COALESCE(a.seen_at, 0) <= {now} - $2 ORDER BY s.conversation LIMIT $3`,
			pool, gone.Microseconds(), int64(queueMost))
		if err != nil || len(ids) == 0 {
			return err
		}
		in, args := among(ids)
		if ids, err = column[int64](tx, `SELECT id FROM conversation WHERE owner = 'agent' AND id IN `+in+` ORDER BY id {skiplocked}`, args...); err != nil {
			return err
		}
		var events []store.DeskEvent
		for _, c := range ids {
			var agent string
			err := one(tx, into(&agent), `SELECT s.agent FROM agent_slot s LEFT JOIN agent a ON a.pool = s.pool AND a.agent = s.agent
				WHERE s.conversation = $1 AND COALESCE(a.seen_at, 0) <= {now} - $2`, c, gone.Microseconds())
			if isNotFound(err) { // the agent spoke meanwhile
				continue
			}
			if err != nil {
				return err
			}
			for _, q := range []string{
				`INSERT INTO queue (conversation, pool, priority, since, summary, skills, released, seen_at)
					SELECT conversation, pool, priority, queued_at, summary, skills, TRUE, {now} FROM agent_slot WHERE conversation = $1`,
				`DELETE FROM agent_slot WHERE conversation = $1`,
				`UPDATE conversation SET owner = 'queue', agent = '' WHERE id = $1`,
			} {
				if _, err := tx.Exec(q, c); err != nil {
					return err
				}
			}
			released++
			events = append(events,
				store.DeskEvent{Kind: store.EventReleased, Pool: pool, Agent: agent, Conversation: c},
				store.DeskEvent{Kind: store.EventQueued, Pool: pool, Conversation: c})
		}
		return emit(tx, events)
	})
	return released, err
}
