package staffing

import (
	"math"
)

// MostChats is how many conversations an agent may hold at once, at most.
const MostChats = 20

// Rates are an agent's total completions a second with so many conversations at once: Rates[i] with i + 1.
//
// Chats slow each other: with one an agent finishes one in 5 minutes, with four perhaps one in 2, and so two in 4, never four
// times one. So a counter's strength is what was measured at each level, and never its load over four.
type Rates []float64

// Handling is the mean handling time in seconds of a conversation that shares its agent with i − 1 others.
func (r Rates) Handling(i int) float64 { return float64(i) / r[i-1] }

// Chat is a counter of agents with several conversations each.
type Chat struct {
	Agents int
	Rates  Rates
	// Arrivals a second, and mean patience in seconds; 0 is no end of patience.
	Arrivals, Patience float64
}

// Answers is how the counter does, with the share that is answered within so many seconds.
//
// It is a birth–death chain over the conversations k in the house. Conversations are spread evenly: with k = q·n + r, r agents
// have q + 1 and n − r have q, and they complete r·R(q+1) + (n − r)·R(q) a second together. Beyond the slots n·m citizens
// wait, and each goes with the rate 1/patience. That is an approximation where a busy agent's next conversation waits while
// another agent sits idle; the router does not let that happen. Who waits is answered when as many places came free as wait
// before him, the place he takes included, before his patience ends: as in ErlangA, whose integral it shares.
func (c Chat) Answers(within float64) Answer {
	m := len(c.Rates)
	if c.Agents < 1 || m == 0 {
		return ErlangA(0, c.Arrivals, 1, max(c.Patience, 1), within)
	}
	if c.Arrivals <= 0 {
		return Answer{AnsweredWithin: 1, LeftQueueWithin: 1}
	}
	slots := c.Agents * m
	full := float64(c.Agents) * c.Rates[m-1]
	// below: Σ_{k<slots} p(k)/p(slots), downwards from full; busy: the mean of k there, weighted alike
	var below, held float64
	weight := 1.0
	for k := slots; k > 0 && weight > 1e-18*(1+below); k-- {
		weight *= c.served(k) / c.Arrivals
		if math.IsInf(weight, 1) || weight > 1e280 {
			return Answer{AnsweredWithin: 1, LeftQueueWithin: 1, Occupancy: c.idleOccupancy()}
		}
		below += weight
		held += weight * float64(k-1)
	}
	var w queue
	switch {
	case c.Patience > 0:
		w = queueOf(full, 1/c.Patience, c.Arrivals, within)
	case c.Arrivals >= full:
		return Answer{Wait: 1, MeanWait: math.Inf(1), Queue: math.Inf(1), Occupancy: 1}
	default:
		rho := c.Arrivals / full
		w.mass = 1 / (1 - rho)
		w.queue = rho * w.mass * w.mass
		w.answered = w.mass * -math.Expm1(-(full-c.Arrivals)*within)
		w.still = w.mass - w.answered
	}
	total := below + w.mass
	a := Answer{Wait: w.mass / total, Queue: w.queue / total, MeanWait: w.queue / total / c.Arrivals}
	if c.Patience > 0 {
		a.Abandon = w.queue / total / c.Arrivals / c.Patience
	}
	a.AnsweredWithin = 1 - a.Wait + w.answered/total
	a.LeftQueueWithin = 1 - w.still/total
	a.Occupancy = (held + w.mass*float64(slots)) / total / float64(slots)
	return a
}

// served is how many are completed a second with k conversations, spread evenly.
func (c Chat) served(k int) float64 {
	q, r := k/c.Agents, k%c.Agents
	var out float64
	if r > 0 {
		out += float64(r) * c.Rates[q]
	}
	if q > 0 {
		out += float64(c.Agents-r) * c.Rates[q-1]
	}
	return out
}

// idleOccupancy is that of a counter that is never full: where the completions equal the arrivals.
func (c Chat) idleOccupancy() float64 {
	low, high := 0, c.Agents*len(c.Rates)
	for low < high {
		if k := (low + high) / 2; c.served(k) < c.Arrivals {
			low = k + 1
		} else {
			high = k
		}
	}
	return float64(low) / float64(c.Agents*len(c.Rates))
}

// Level is a promise: so large a share, from 0 to 1, of all who came is answered by a person within so many seconds.
type Level struct {
	Share, Within float64
}

// Needed is the fewest agents that keep the level; of none that suffices it is most.
//
// More agents of the same sort never answer fewer, so it is found by doubling and halving.
func Needed(c Chat, l Level, most int) int {
	if c.Arrivals <= 0 {
		return 0
	}
	enough := func(n int) bool {
		c.Agents = n
		return c.Answers(l.Within).AnsweredWithin >= l.Share
	}
	high := 1
	for high < most && !enough(high) {
		high *= 2
	}
	low := high/2 + 1
	high = min(high, most)
	for low < high {
		if n := (low + high) / 2; enough(n) {
			high = n
		} else {
			low = n + 1
		}
	}
	return high
}
