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

// ErlangC is a queue of n agents without abandonment (M/M/n): arrivals a second, mean handling in seconds, and the time within
// which an answer counts. With an offered load of n or more nobody is answered in time: the queue grows without end, and the
// mean wait is +Inf.
//
// P(wait) = B / (1 − ρ(1 − B)), with Erlang's loss B from the recursion 1/B(k) = 1 + k/a · 1/B(k−1), which is stable for any n
// (Gans, Koole, Mandelbaum 2003, section 3); the wait of those who wait is exponential with the rate nμ − λ.
func ErlangC(n int, arrivals, handling, within float64) Answer {
	load := arrivals * handling
	if n < 1 || load >= float64(n) {
		return Answer{Wait: 1, MeanWait: math.Inf(1), Queue: math.Inf(1), Occupancy: 1}
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
// (M/M/n+M): arrivals a second, mean handling in seconds, and the time within which an answer counts.
//
// It is a birth–death chain with death rate kμ up to n and nμ + (k − n)θ beyond. Probabilities are taken relative to that of n
// full agents, downwards by Erlang's loss and upwards term by term until the terms no longer count, so that nothing overflows
// at 100,000 agents (Mandelbaum and Zeltyn 2007). Who arrives at j waiting is answered within T when, first, j + 1 places come
// free before his patience ends and, second, that takes at most T.
func ErlangA(n int, arrivals, handling, patience, within float64) Answer {
	if arrivals <= 0 {
		return Answer{AnsweredWithin: 1, LeftQueueWithin: 1}
	}
	if n < 1 {
		return Answer{Wait: 1, Abandon: 1, MeanWait: patience, Queue: arrivals * patience,
			LeftQueueWithin: 1 - math.Exp(-within/patience), Occupancy: 1}
	}
	mu, theta := 1/handling, 1/patience
	c := float64(n) * mu
	below := lossInverse(n, arrivals*handling) - 1 // Σ_{k<n} p(k)/p(n)
	if math.IsInf(below, 1) {
		return Answer{AnsweredWithin: 1, LeftQueueWithin: 1, Occupancy: arrivals * handling / float64(n)}
	}
	w := queueOf(c, theta, arrivals, within)
	total := below + w.mass
	a := Answer{
		Wait: w.mass / total, Queue: w.queue / total, MeanWait: w.queue / total / arrivals,
		Abandon: theta * w.queue / total / arrivals,
	}
	a.AnsweredWithin = 1 - a.Wait + w.answered/total
	a.LeftQueueWithin = 1 - w.still/total
	a.Occupancy = min(arrivals*(1-a.Abandon)*handling/float64(n), 1)
	return a
}

// queue is what the waiting states weigh, all relative to the probability of full agents and an empty queue.
type queue struct {
	mass, queue float64 // of the states with j = 0, 1, … waiting
	// answered: weight of arrivals that wait and are answered within T. still: that are in the queue for longer than T.
	answered, still float64
}

// queueOf weighs the queue of a counter that serves at a rate c when all are busy.
//
// The wait offered to a citizen of endless patience, given that he finds j waiting, is a sum of j + 1 exponentials with the
// rates c, c + θ, …, c + jθ. With the states' weights (λ^j / Π(c + iθ)) its density over all j is, in closed form,
// f(v) = c · exp(λ/θ · (1 − e^(−θv)) − c·v), for all states together (Baccelli and Hebuterne 1981; here λ·π(n)=1·c).
// So the mass, the queue and both shares are integrals over v of a smooth, one-peaked function.
func queueOf(c, theta, arrivals, within float64) queue {
	exponent := func(v float64) float64 { return arrivals/theta*-math.Expm1(-theta*v) - c*v }
	// the peak: λ e^(−θv) = c
	peak := 0.0
	if arrivals > c {
		peak = math.Log(arrivals/c) / theta
	}
	top := exponent(peak)
	// the end: 40 below the peak is 4e-18 of it
	end := peak + 1/c
	for exponent(end)-top > -46 {
		end = peak + (end-peak)*1.6
	}
	start := peak
	if peak > 0 {
		width := peak / 1024
		for start > 0 && exponent(start)-top > -46 {
			start -= width
			width *= 1.6
		}
		start = max(start, 0)
	}
	density := func(v float64) float64 { return math.Exp(exponent(v) - top) }
	var q queue
	// arrivals that wait, by their offered wait: those with V > within and patience > within are still there, and so on
	offered := integrate(density, start, end, peak)
	q.answered = 0
	if within > start {
		q.answered = integrate(func(v float64) float64 { return density(v) * math.Exp(-theta*v) }, start, min(within, end), peak)
	}
	q.still = 0
	if within < end {
		q.still = integrate(density, max(start, within), end, peak) * math.Exp(-theta*within)
	}
	// time in the queue of one who waits is min(V, patience): its mean is (1 − e^(−θV))/θ
	spent := integrate(func(v float64) float64 { return density(v) * -math.Expm1(-theta*v) / theta }, start, end, peak)
	scale := math.Exp(top) * c
	q.mass = scale * offered
	q.queue = scale * spent * arrivals
	q.answered *= scale
	q.still *= scale
	return q
}
