// Package routing says which waiting conversation goes to which agent. It is a pure policy: the store reads the queue and the
// free slots, asks Choose between two transactions, and keeps the promises (one owner, no agent above their slots) as
// constraints whatever Choose says. Who is signed in, available and seen is the store's to say; skills come later.
package routing

import (
	"cmp"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Choose gives the queue's conversations to agents with free slots, as many as there are slots.
//
// Which conversation: the higher priority first, within a priority the one that waits longest, so that a stream of urgent
// ones is the only thing that can hold an old one back. Which agent: the one who served this contact before, if they have a
// free slot, since the citizen need not tell everything again; else the one with the most free slots, so that work is
// spread before anybody has two; among equals the one who is idle longest. Ties end with the smaller id or name, so that
// two pods that ask about the same queue answer the same.
func Choose(w store.Waiting) []store.Assignment {
	queue := slices.Clone(w.Queue)
	slices.SortStableFunc(queue, before)
	agents := newRoom(w.Agents)

	var out []store.Assignment
	for _, entry := range queue {
		if agents.full() {
			break
		}
		out = append(out, store.Assignment{Conversation: entry.Conversation, Agent: agents.take(entry.LastAgent)})
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
