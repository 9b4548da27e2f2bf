// Package staffing says how many people a counter needs, and how it does with those it has.
//
// Erlang C and A are for one enquiry at a time; Chat is for agents who hold several conversations at once and whom each one
// more slows down. Rates are learnt by Completions, patience by Patience. Everything is a pure function of its arguments; the
// AgentPool controller feeds it, and shows what it says in the pool's status.
package staffing

import "math"

// Answer is how a counter does in the long run.
type Answer struct {
	// Wait is the share of all who came that must wait, Abandon the share that goes unserved.
	Wait, Abandon float64
	// MeanWait in seconds, of all who came. With abandonment it is the time spent in the queue, also by those who went.
	MeanWait float64
	// AnsweredWithin is the share of all who came that a person answered within the time asked for.
	AnsweredWithin float64
	// LeftQueueWithin is the share that was answered or went within that time.
	LeftQueueWithin float64
	// Queue is the mean number of waiting citizens; Occupancy the share of agents' slots in use.
	Queue, Occupancy float64
}

// nobodyCame is how a counter does to which nobody comes; endless how one does whose queue grows without end.
var (
	nobodyCame = Answer{AnsweredWithin: 1, LeftQueueWithin: 1}
	endless    = Answer{Wait: 1, MeanWait: math.Inf(1), Queue: math.Inf(1), Occupancy: 1}
)

// ErlangC is a queue of n agents without abandonment (M/M/n): arrivals a second, mean handling in seconds, and the time within
// which an answer counts. With an offered load of n or more nobody is answered in time: the queue grows without end, and the
// mean wait and the queue are +Inf. Nothing else is ever infinite, and nothing NaN.
//
// P(wait) = B / (1 − ρ(1 − B)), with Erlang's loss B from the recursion 1/B(k) = 1 + k/a · 1/B(k−1), which is stable for any n
// (Gans, Koole, Mandelbaum 2003, section 3); the wait of those who wait is exponential with the rate nμ − λ.
func ErlangC(n int, arrivals, handling, within float64) Answer {
	load := arrivals * handling
	switch {
	case !(load > 0): // also NaN
		return nobodyCame
	case n < 1 || load >= float64(n):
		return endless
	}
	rho := load / float64(n)
	wait := waitShare(lossInverse(n, load), rho)
	rate := float64(n)/handling - arrivals
	a := Answer{Wait: wait, MeanWait: wait / rate, Occupancy: rho, Queue: wait * arrivals / rate}
	a.AnsweredWithin = 1 - wait*math.Exp(-rate*within)
	a.LeftQueueWithin = a.AnsweredWithin
	return a
}

func waitShare(lossInverse, rho float64) float64 {
	if math.IsInf(lossInverse, 1) {
		return 0
	}
	return 1 / (lossInverse - rho*(lossInverse-1))
}

// lossInverse is 1/B(n, a). It may be +Inf: then nobody is ever blocked.
func lossInverse(n int, load float64) float64 {
	if load <= 0 {
		return math.Inf(1)
	}
	inverse := 1.0
	for k := 1; k <= n; k++ {
		inverse = 1 + inverse*float64(k)/load
	}
	return inverse
}

// ErlangA is a queue of n agents whose citizens go when their patience, exponential with the given mean in seconds, ends
// (M/M/n+M): arrivals a second, mean handling in seconds, and the time within which an answer counts. A patience of 0, or one
// that is infinite, has no end: that is ErlangC.
//
// It is a birth–death chain with death rate kμ up to n and nμ + (k − n)θ beyond. Probabilities are taken relative to that of n
// full agents, downwards by Erlang's loss and upwards by queueOf, and each of the two is scaled by its own peak, so that nothing
// overflows at 100,000 agents, nor with a hundred times the load they bear (Mandelbaum and Zeltyn 2007). Who arrives at j waiting
// is answered within T when, first, j + 1 places come free before his patience ends and, second, that takes at most T.
func ErlangA(n int, arrivals, handling, patience, within float64) Answer {
	if !(arrivals > 0 && handling > 0) {
		return nobodyCame
	}
	if !(patience > 0) || patience > endlessPatience {
		return ErlangC(n, arrivals, handling, within)
	}
	if n < 1 {
		return Answer{Wait: 1, Abandon: 1, MeanWait: patience, Queue: arrivals * patience,
			LeftQueueWithin: -math.Expm1(-within / patience), Occupancy: 1}
	}
	mu, theta := 1/handling, 1/patience
	c := float64(n) * mu
	below := lossInverse(n, arrivals*handling) - 1 // Σ_{k<n} p(k)/p(n)
	if math.IsInf(below, 1) {
		return Answer{AnsweredWithin: 1, LeftQueueWithin: 1, Occupancy: arrivals * handling / float64(n)}
	}
	w := queueOf(c, theta, arrivals, within)
	a := w.answer(below*math.Exp(-w.scale), arrivals, theta)
	a.Occupancy = min(arrivals*(1-a.Abandon)*handling/float64(n), 1)
	return a
}

// endlessPatience is a mean patience, in seconds, that nobody outlives: thirty years.
const endlessPatience = 1e9

// queue is what the waiting states weigh, all relative to the probability of full agents and an empty queue, times e^−scale.
type queue struct {
	mass, queue float64 // of the states with j = 0, 1, … waiting
	// answered: weight of arrivals that wait and are answered within T. still: that are in the queue for longer than T.
	answered, still float64
	scale           float64
}

// answer is how a counter does whose states without a full counter weigh below, scaled alike. Shares are kept within 0 and 1, from
// which rounding leads by 1e-16.
func (w queue) answer(below, arrivals, theta float64) Answer {
	total := below + w.mass
	share := func(v float64) float64 { return min(max(v, 0), 1) }
	a := Answer{Wait: share(w.mass / total), Queue: w.queue / total, MeanWait: w.queue / total / arrivals}
	a.Abandon = share(theta * w.queue / total / arrivals)
	a.AnsweredWithin = share(1 - a.Wait + w.answered/total)
	a.LeftQueueWithin = share(1 - w.still/total)
	return a
}

// queueOf weighs the queue of a counter that serves at a rate c when all are busy.
//
// The wait offered to a citizen of endless patience, given that he finds j waiting, is a sum of j + 1 exponentials with the
// rates c, c + θ, …, c + jθ. With the states' weights (λ^j / Π(c + iθ)) its density over all j is, in closed form,
// f(v) = c · exp(λ/θ · (1 − e^(−θv)) − c·v), for all states together (Baccelli and Hebuterne 1981; here λ·π(n)=1·c).
// So the mass, the queue and both shares are integrals over v of a smooth, one-peaked function. Its peak may be e^100000: that is
// what scale takes out.
func queueOf(c, theta, arrivals, within float64) queue {
	exponent := func(v float64) float64 { return arrivals/theta*-math.Expm1(-theta*v) - c*v }
	// the peak: λ e^(−θv) = c; around it the function is a bell of this width, and without one it falls like e^(−cv)
	peak, width := 0.0, 1/c
	if arrivals > c {
		peak = math.Log(arrivals/c) / theta
		width = min(width, 1/math.Sqrt(c*theta))
	}
	top := exponent(peak)
	// the ends: 46 below the peak is 1e-20 of it
	far := func(by float64) float64 {
		reach := width
		for exponent(peak+by*reach)-top > -46 && peak+by*reach > 0 {
			reach *= 1.6
		}
		return max(peak+by*reach, 0)
	}
	start, end := far(-1), far(1)
	density := func(v float64) float64 { return math.Exp(exponent(v) - top) }
	q := queue{scale: top}
	// arrivals that wait, by their offered wait: those with V > within and patience > within are still there, and so on
	q.mass = c * integrate(density, start, end, peak)
	if within > start {
		q.answered = c * integrate(func(v float64) float64 { return density(v) * math.Exp(-theta*v) }, start, min(within, end), peak)
	}
	if within < end {
		q.still = c * integrate(density, max(start, within), end, peak) * math.Exp(-theta*within)
	}
	// time in the queue of one who waits is min(V, patience): its mean is (1 − e^(−θV))/θ
	q.queue = c * arrivals * integrate(func(v float64) float64 { return density(v) * -math.Expm1(-theta*v) / theta }, start, end, peak)
	return q
}
