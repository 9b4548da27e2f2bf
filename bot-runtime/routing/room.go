package routing

import (
	"cmp"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// room is the agents with free slots while conversations are given out. given counts what an agent got in this round: the
// one who was just given a conversation is no longer the longest idle, whatever IdleSince says.
type room struct {
	agents []seat
}

type seat struct {
	store.FreeAgent
	given int
}

func newRoom(agents []store.FreeAgent) *room {
	r := &room{}
	for _, a := range agents {
		if a.Free > 0 {
			r.agents = append(r.agents, seat{FreeAgent: a})
		}
	}
	return r
}

func (r *room) full() bool { return len(r.agents) == 0 }

// take uses one slot of last if they are there, else of the freest, and says whose.
func (r *room) take(last string) string {
	i := slices.IndexFunc(r.agents, func(s seat) bool { return last != "" && s.Agent == last })
	if i < 0 {
		i = r.freest()
	}
	s := &r.agents[i]
	name := s.Agent
	s.Free--
	s.given++
	if s.Free == 0 {
		r.agents = slices.Delete(r.agents, i, i+1)
	}
	return name
}

func (r *room) freest() int {
	best := 0
	for i := range r.agents {
		if rank(r.agents[i], r.agents[best]) < 0 {
			best = i
		}
	}
	return best
}

func rank(a, b seat) int {
	return cmp.Or(
		cmp.Compare(b.Free, a.Free),
		cmp.Compare(a.given, b.given),
		a.IdleSince.Compare(b.IdleSince),
		cmp.Compare(a.Agent, b.Agent),
	)
}
