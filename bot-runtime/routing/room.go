package routing

import (
	"cmp"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// room is the agents who are there while conversations are given out.
type room struct {
	agents []seat
	free   int // slots of all of them
}

// seat is one agent. given counts what they got in this round: the one who was just given a conversation is no longer the
// longest idle, whatever IdleSince says.
type seat struct {
	store.PresentAgent
	skills []string
	given  int
}

func newRoom(agents []store.PresentAgent, skills map[string][]string) *room {
	r := &room{}
	for _, a := range agents {
		a.Free = max(a.Free, 0)
		r.agents = append(r.agents, seat{PresentAgent: a, skills: skills[a.Agent]})
		r.free += a.Free
	}
	return r
}

func (r *room) full() bool { return r.free == 0 }

// take uses a slot of whoever has most of the skills that the conversation asks for, and says whose. Those who have not all of
// them are asked only when anybody will do, or when nobody who is there has them all.
func (r *room) take(e store.QueueEntry, anybody bool) (agent string, ok bool) {
	var best *seat
	most, there := 0, 0 // of the skills: what the best with a free slot has, and the best of all who are there
	for i := range r.agents {
		s := &r.agents[i]
		n := s.has(e.Skills)
		there = max(there, n)
		if s.Free > 0 && (best == nil || n > most || n == most && rank(s, best, e.LastAgent) < 0) {
			best, most = s, n
		}
	}
	if best == nil || most < len(e.Skills) && there == len(e.Skills) && !anybody {
		return "", false
	}
	best.Free--
	best.given++
	r.free--
	return best.Agent, true
}

// has counts how many of the skills the agent has.
func (s *seat) has(asked []string) int {
	n := 0
	for _, skill := range asked {
		if slices.Contains(s.skills, skill) {
			n++
		}
	}
	return n
}

// rank is negative where a is asked before b, of two who have as many of the skills asked for. Where room is equal, who has
// fewer skills goes first: the other may be the only one for somebody who comes next.
func rank(a, b *seat, last string) int {
	if knows := a.Agent == last; knows != (b.Agent == last) {
		if knows {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Free, a.Free),
		cmp.Compare(len(a.skills), len(b.skills)),
		cmp.Compare(a.given, b.given),
		a.IdleSince.Compare(b.IdleSince),
		cmp.Compare(a.Agent, b.Agent),
	)
}
