// Package routing says which waiting conversation goes to which agent. It is a pure policy: the store reads the queue and the
// agents who are there, asks Choose between two transactions, and keeps the promises (one owner, no agent above their slots) as
// constraints whatever Choose says. Who is signed in, available and seen is the store's to say; who has which skill, the pool's.
package routing

import (
	"cmp"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Rules are what a pool says of skills. The zero value knows none.
type Rules struct {
	// Skills by agent, each at most once; who has none need not be in it.
	Skills map[string][]string
	// Within is how long a conversation waits for an agent who has all the skills that it asks for, from when it was queued.
	Within time.Duration
}

// Choose gives the queue's conversations to agents with free slots, as many as there are slots.
//
// Which conversation: the higher priority first, within a priority the one that waits longest, so that a stream of urgent
// ones is the only thing that can hold an old one back. One that can be given to nobody yet, because it waits for a skill, is
// passed over and holds back nobody.
//
// Which agent: one who has all the skills that the conversation asks for. A skill is worth some waiting and never a citizen
// who is left alone: after Within, or at once while nobody who is there has them all, it is whoever has most of them. Among
// those the one who served this contact before, since the citizen need not tell everything again; else the one with the most
// free slots, so that work is spread before anybody has two; among equals the one with fewer skills, then the one who is idle
// longest. Ties end with the smaller id or name, so that two pods that ask about the same queue answer the same.
func (r Rules) Choose(w store.Waiting) []store.Assignment {
	queue := slices.Clone(w.Queue)
	slices.SortStableFunc(queue, before)
	agents := newRoom(w.Agents, r.Skills)

	var out []store.Assignment
	for _, entry := range queue {
		if agents.full() {
			break
		}
		if agent, ok := agents.take(entry, w.Now.Sub(entry.Since) >= r.Within); ok {
			out = append(out, store.Assignment{Conversation: entry.Conversation, Agent: agent})
		}
	}
	return out
}

func before(a, b store.QueueEntry) int {
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		a.Since.Compare(b.Since),
		cmp.Compare(a.Conversation, b.Conversation),
	)
}
