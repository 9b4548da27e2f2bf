// Package capacity turns what a pool has to do into a number of workers, with the reason as data.
//
// It reads no cluster and no clock: the AgentPool controller hands it the limits, what it remembers and what was seen, and
// carries out the decision; a simulation can run the very same function. Staffing of people is not in here yet.
package capacity

import (
	"slices"
	"time"
)

// Spec is what a pool's workers may be.
type Spec struct {
	// Min and Max workers, from the pool; Ceiling from the class. The lower of Max and Ceiling wins, also over Min.
	Min, Max, Ceiling int32
	// ConversationsPerWorker is how many waiting and active conversations one worker is meant for; at least 1.
	ConversationsPerWorker int32
	// ScaleDownAfter is how long demand must have been lower before workers go.
	ScaleDownAfter time.Duration
	// External is the number that somebody else decided; nil lets demand decide.
	External *int32
}

// Observation is what was seen of a pool.
type Observation struct {
	Now time.Time
	// Workers is the number asked for at present.
	Workers int32
	// Fresh is false when the figures are stale or there are none; Waiting and Active are then not looked at.
	Fresh           bool
	Waiting, Active int
}

// State is what a pool's earlier observations left behind. The zero value knows nothing, and so never lets a worker go.
type State struct {
	known  bool
	wanted int32
	past   []past
}

// past is a number of workers that demand called for until a moment. Numbers fall and moments rise along the list, so that
// it is never longer than there are workers between the limits.
type past struct {
	workers int32
	until   time.Time
}

// Decision is how many workers there shall be.
type Decision struct {
	Workers int32
	Reason  Reason
	// Again is when to decide anew without a new observation; 0 when time alone changes nothing.
	Again time.Duration
}

// A check looks at one thing and, when it has the say, returns the decision.
type check func(question) (Decision, bool)

// checks are asked in order; the first that has the say decides.
var checks = []check{
	decidedElsewhere, // mode external: demand has no say
	blind,            // without fresh figures nothing goes down
	moreNow,          // more demand is met at once
	lessForLong,      // fewer only once demand was lower for the whole window
}

// Decide says how many workers there shall be, and what to remember for the next time.
func Decide(spec Spec, state State, seen Observation) (Decision, State) {
	q := question{spec: spec, seen: seen}
	if seen.Fresh {
		q.demand = seen.Waiting + seen.Active
		q.needed = needed(q.demand, spec.ConversationsPerWorker)
		q.wanted = spec.within(q.needed)
	}
	state = state.remember(q)
	q.peak, q.again = state.peak(q)
	for _, c := range checks {
		if d, ok := c(q); ok {
			return d, state
		}
	}
	return Decision{Workers: q.wanted, Reason: q.reason(Demand)}, state
}

// question is one decision's input with what follows from it.
type question struct {
	spec   Spec
	seen   Observation
	demand int
	needed int32 // for the demand, before the limits
	wanted int32 // within the limits
	peak   int32 // the most that was wanted within the window
	again  time.Duration
}

func decidedElsewhere(q question) (Decision, bool) {
	if q.spec.External == nil {
		return Decision{}, false
	}
	q.needed = *q.spec.External
	workers := min(q.needed, q.spec.Ceiling)
	return Decision{Workers: workers, Reason: Reason{Code: External, Needed: q.needed, Workers: workers}}, true
}

// blind holds what there is: after a night without an answer 40 conversations may still be open, and a worker too many is
// cheaper than a desk that is not there. The limits still hold, they do not depend on demand.
func blind(q question) (Decision, bool) {
	if q.seen.Fresh {
		return Decision{}, false
	}
	workers := q.spec.within(q.seen.Workers)
	return Decision{Workers: workers, Reason: Reason{Code: Stale, Needed: q.seen.Workers, Workers: workers}}, true
}

func moreNow(q question) (Decision, bool) {
	if q.wanted < q.seen.Workers {
		return Decision{}, false
	}
	return Decision{Workers: q.wanted, Reason: q.reason(Demand)}, true
}

// lessForLong goes down to the most that was wanted within the window.
//
// A pool at 240 conversations (4 workers of 60) falls to 100 at 12:00:00. At 12:00:59 it has 4, at 12:01:00 it has 2; had it
// been back at 200 for a moment at 12:00:30, it would have 4 until 12:01:30. Without the window a pause between two
// messages cost a worker that was wanted again 20 s later.
func lessForLong(q question) (Decision, bool) {
	workers := min(q.seen.Workers, q.spec.within(max(q.wanted, q.peak)))
	if workers == q.wanted {
		return Decision{Workers: workers, Reason: q.reason(Demand)}, true
	}
	r := q.reason(Held)
	r.Workers, r.Window = workers, q.spec.ScaleDownAfter
	return Decision{Workers: workers, Reason: r, Again: q.again}, true
}

// needed is demand over the conversations of a worker, rounded up: 222 over 60 are 4.
func needed(demand int, perWorker int32) int32 {
	per := max(int(perWorker), 1)
	return int32(min((max(demand, 0)+per-1)/per, 1<<30))
}

func (s Spec) within(workers int32) int32 {
	return min(max(workers, s.Min), s.Max, s.Ceiling)
}

// remember notes until when the earlier demand lasted. A gap in the figures counts as a demand for the workers that there
// are: nobody knows how many citizens came meanwhile.
func (s State) remember(q question) State {
	if !q.seen.Fresh {
		return State{}
	}
	before := s.wanted
	if !s.known {
		before = q.seen.Workers
	}
	list := slices.Clone(s.past)
	for len(list) > 0 && list[len(list)-1].workers <= before {
		list = list[:len(list)-1]
	}
	list = append(list, past{before, q.seen.Now})
	from := q.seen.Now.Add(-q.spec.ScaleDownAfter)
	for len(list) > 0 && !list[0].until.After(from) {
		list = list[1:]
	}
	return State{known: true, wanted: q.wanted, past: list}
}

// peak is the most that was wanted within the window, and how long until that leaves the window.
func (s State) peak(q question) (int32, time.Duration) {
	for _, p := range s.past {
		if p.workers > q.wanted {
			return p.workers, p.until.Add(q.spec.ScaleDownAfter).Sub(q.seen.Now)
		}
	}
	return q.wanted, 0
}
