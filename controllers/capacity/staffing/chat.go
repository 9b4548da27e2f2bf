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
	switch {
	case !(c.Arrivals > 0):
		return nobodyCame
	case c.Agents < 1 || m == 0 || !(c.Rates[m-1] > 0):
		return ErlangA(0, c.Arrivals, 1, c.Patience, within)
	}
	slots := c.Agents * m
	full := float64(c.Agents) * c.Rates[m-1]
	below := c.below()
	var w queue
	switch {
	case c.Patience > 0 && c.Patience <= endlessPatience:
		w = queueOf(full, 1/c.Patience, c.Arrivals, within)
	case c.Arrivals >= full:
		return endless
	default:
		rho := c.Arrivals / full
		w.mass = 1 / (1 - rho)
		w.queue = rho * w.mass * w.mass
		w.answered = w.mass * -math.Expm1(-(full-c.Arrivals)*within)
		w.still = w.mass - w.answered
	}
	// Both sides are brought to the larger scale of the two: the lesser may vanish, and nothing overflows.
	scale := max(below.scale, w.scale)
	down, up := math.Exp(below.scale-scale), math.Exp(w.scale-scale)
	theta := 0.0
	if c.Patience > 0 {
		theta = 1 / c.Patience
	}
	w.mass, w.queue, w.answered, w.still = w.mass*up, w.queue*up, w.answered*up, w.still*up
	a := w.answer(below.mass*down, c.Arrivals, theta)
	a.Occupancy = min((below.held*down+w.mass*float64(slots))/(below.mass*down+w.mass)/float64(slots), 1)
	return a
}

// belowFull is what the states with a free slot weigh, relative to that with none and an empty queue, times e^−scale.
type belowFull struct {
	mass, held float64 // held is weighted by the conversations in each
	scale      float64
}

// below goes down from full. Where agents with all their slots taken finish fewer than with one less, served rises at first: weights
// may sink to nothing and rise again, so that the end is only taken on the way on which they sink for good.
func (c Chat) below() belowFull {
	const much = 1e200
	var out belowFull
	weight, before := 1.0, c.served(c.Agents*len(c.Rates))
	for k := c.Agents * len(c.Rates); k > 0; k-- {
		weight *= before / c.Arrivals
		out.mass += weight
		out.held += weight * float64(k-1)
		if weight > much {
			weight, out.mass, out.held = weight/much, out.mass/much, out.held/much
			out.scale += math.Log(much)
		}
		next := c.served(k - 1)
		if next <= before && next < c.Arrivals && weight < 1e-18*(math.Exp(-out.scale)+out.mass) {
			break
		}
		before = next
	}
	return out
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

// Level is a promise: so large a share, from 0 to 1, of all who came is answered by a person within so many seconds.
type Level struct {
	Share, Within float64
}

// surely is the most that can be promised: a share of 1 is kept by no number of agents, and counts as this.
const surely = 0.9999

// Needed is the fewest agents that keep the level; of none that suffices it is most.
//
// More agents of the same sort never answer fewer, so it is found by steps that double, from what the load alone takes, and then
// by halving.
func Needed(c Chat, l Level, most int) int {
	if !(c.Arrivals > 0) || len(c.Rates) == 0 || most < 1 {
		return 0
	}
	share := min(l.Share, surely)
	enough := func(n int) bool {
		c.Agents = n
		return c.Answers(l.Within).AnsweredWithin >= share
	}
	best := 0.0
	for _, r := range c.Rates {
		best = max(best, r)
	}
	guess := int(min(max(c.Arrivals/best, 1), float64(most)))
	low, high := guess, guess // low is too few but for what comes, high enough
	if enough(guess) {
		for step := 1; low > 0 && enough(low); step *= 2 {
			high, low = low, max(low-step, 0)
		}
	} else {
		for step := 1; !enough(high); step *= 2 {
			if low = high; high == most {
				return most
			}
			high = min(high+step, most)
		}
	}
	for high-low > 1 {
		if n := (low + high) / 2; enough(n) {
			high = n
		} else {
			low = n
		}
	}
	return high
}
