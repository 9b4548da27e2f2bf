package capacity

import (
	"math"
	"time"
)

// outlook is what is expected while a worker starts.
type outlook struct {
	rate     float64 // arrivals a second
	drift    float64 // of the conversations in the house, a second
	sigma    float64 // of the conversations in the house, over a start
	pressure float64 // conversations to have room for when a worker that is asked for now is ready
	ahead    float64 // the same a bit later, for a decision that is due anyway
	seasonal bool    // the season has a part in it
	at       time.Time
	spike    bool
}

// lower is a rate that is surely reached: its estimate less so many standard deviations.
func lower(rate, tau, sigmas, burst float64) float64 {
	return rate - sigmas*math.Sqrt(max(rate, 0.02)*burst/(2*tau))
}

// near looks as far ahead as a worker takes to start.
//
// 1.2 arrivals and 1.1 departures a second with starts of 20 s: two more are expected, sigma is 6.8, so ten rooms are kept
// free beyond. Without them each full worker made the next citizens wait for the next worker.
func (s *State) near(q *question) outlook {
	h := s.horizon(q) + 2
	leave := s.leaving()
	o := outlook{at: q.seen.Now.In(q.spec.Zone)}
	burst := min(max(s.Burst, 1), 9)
	local := max(s.Level+s.Slope*h/2, 0)
	move := s.seasonMove(q, q.now, q.now+h)
	if move > 0.1*local && move > 0.01 {
		o.seasonal = true
	}
	base := max(local+max(move, -local)*0.6, 0)
	o.rate = base
	fast, mid := lower(s.Fast, fastTau, fastSigmas, math.Sqrt(burst)), lower(s.Mid, midTau, midSigmas, math.Sqrt(burst))
	if fast > o.rate || mid > o.rate {
		o.spike = true
		o.rate = max(fast, mid, o.rate)
	}
	o.drift = o.rate - leave*q.load
	stay := math.Exp(-leave * h)
	felt := (1 - stay) / leave // of so many seconds the arrivals are still there at the end: of 22 nearly all, of ten minutes few
	o.sigma = math.Sqrt(o.rate*burst*felt + q.load*stay*(1-stay))
	growth := 0.0
	if g := fast - max(s.Mid, base); g > 0 { // still accelerating: the two averages lie tau apart
		growth = 0.5 * g / (midTau - fastTau) * h * h
	}
	reserve := float64(reserveSigma)
	if q.now-s.LastDown < q.window && s.LastDown > 0 { // once down, a thinner reserve must do for a while
		reserve = lateSigma
	}
	if o.spike && burst > bursty { // where arrivals come in bursts, one is seldom over when it is seen
		reserve = max(reserve, burstSigma)
	}
	o.pressure = q.load + o.drift*felt + growth + reserve*s.Caution*o.sigma
	o.pressure = max(o.pressure, q.load+1)
	if o.rate <= 0 { // nobody comes: a full counter needs no room
		o.pressure = q.load
	}
	if q.load == 0 && o.rate < 0.02 {
		o.pressure = 1
	}
	o.ahead = o.pressure
	if o.drift > 0 {
		further := float64(upAhead)
		if o.spike {
			further = spikeAhead
		}
		o.ahead += o.drift * further * (1 - leave*further/2)
	}
	return o
}

// idle says that so few arrive that no worker need wait for them.
func (s *State) idle(q *question) bool { return s.Level < 1.0/600 && s.Mid < 1.0/100 }

// steps of the path that a forecast follows, as shares of the window: those of the first window, and two of the one after it. The first
// is a quarter of a minute: with one of a minute, workers went before a door closed, since in a minute the load would be lower, and
// were called back 30 s later.
var steps = [...]float64{1. / 60, 1. / 20, 1. / 15, 2. / 15, 2. / 15, 0.2, 0.2, 0.2, 1. / 3, 2. / 3}

// windowSteps are those of the first window.
const windowSteps = 8

// path is the conversations in the house at the end of each step, as they are expected, and their standard deviation.
type path struct {
	load, spread [len(steps)]float64
}

// path follows the conversations in the house over two windows.
//
// The deviations grow along the path. At 240 conversations that fall by 3 a minute, 15 minutes from now 195 ± 20 are expected and
// now 240 ± 0, so that 241 surely suffice; to add the last deviation to the first expectation would hold a worker for ten
// minutes more.
func (s *State) path(q *question) (p path) {
	leave := max(s.leaving(), 1e-6)
	rate, slope := s.Level, s.Slope
	load := q.load
	local := q.seen.Now.In(q.spec.Zone)
	base, known := s.seasonRate(slotOf(local))
	known = known && !q.spec.holiday(local)
	scale := s.dayScale(base)
	burst := max(s.Burst, 1)
	var elapsed, used float64
	for i, step := range steps {
		dt := step * q.window
		elapsed += dt
		fade := math.Exp(-dt / slopeTau)
		used += slope * slopeTau * (1 - fade)
		slope *= fade
		r := rate + used
		if known {
			if there, ok := s.seasonRate(slotOf(local.Add(time.Duration(elapsed) * time.Second))); ok {
				r += (there - base) * scale
			}
		}
		r = max(r, 0)
		e := math.Exp(-leave * dt)
		load = load*e + r/leave*(1-e)
		stay := math.Exp(-leave * elapsed)
		rateVar := max(s.P11+elapsed*s.P12+elapsed*elapsed/4*s.P22, 0)
		variance := q.load*stay*(1-stay) + burst*s.Level/leave*(1-stay) + rateVar*(1-stay)*(1-stay)/(leave*leave)
		p.load[i], p.spread[i] = load, math.Sqrt(variance)
	}
	return p
}

// most is the most that is expected within the window, and the most that surely comes: there, the expectation and a number of
// standard deviations.
func (p *path) most(now, deviations float64) (expected, surely float64) {
	expected, surely = now, now
	for i := range windowSteps {
		expected = max(expected, p.load[i])
		surely = max(surely, p.load[i]+deviations*p.spread[i])
	}
	return expected, surely
}

// returning is how likely it is, by the end of each step, that more than a number of conversations were in the house.
type returning [len(steps)]float64

// pickedTail makes deviations of those that were learnt a chance: six of a hundred minutes go beyond these, but of the minutes in
// which somebody goes, which are picked for looking low, 18 of a hundred do; that is a normal's two tails beyond 0.95 √2.
const pickedTail = 0.95

func (p *path) returning(room, learnt float64) (by returning) {
	learnt = max(learnt, 0.3) // a calm week makes nothing certain
	least, chance := math.Inf(1), 0.0
	for i := range steps {
		if z := (room - p.load[i]) / max(p.spread[i], 0.1); z < least {
			least = z
			chance = math.Erfc(max(z, 0) / learnt * pickedTail)
		}
		by[i] = chance
	}
	return by
}

// worth says whether to let so many workers go now is better than to wait for any time of the window.
//
// A worker that is called back within the window makes a flap, and a flap has a price in seconds of a worker. To wait for two minutes
// costs two minutes of each worker that goes, and saves the flap if the load returns within them; what it does not save is a return
// after the window, of which two minutes more are in sight by then. On a plateau both are alike, and waiting saves
// next to nothing; on a steep way down nothing returns later, and two minutes save nearly every flap.
func (by *returning) worth(price, window, workers float64) bool {
	at := 0.0
	inNext := by[len(steps)-1] - by[windowSteps-1]
	for i := range windowSteps {
		at += steps[i]
		if saved := by[i] - inNext*at; saved*price > at*window*(1-by[i]/2)*workers {
			return false
		}
	}
	return true
}

// sure is how many workers suffice so surely for the coming window that it is worth to let the others go.
func (s *State) sure(q *question, near outlook, wanted int32) int32 {
	if !s.Levelled {
		return q.have
	}
	p := s.path(q)
	expected, _ := p.most(q.load, 0)
	if q.load == 0 && s.idle(q) && expected < 1 {
		return 0
	}
	reserve := lateSigma * s.Caution * near.sigma // what will be kept free when they are gone
	n := max(wanted, q.workersFor(max(expected, q.load+reserve)))
	by := max((q.have-n)/16, 1) // of thousands, not each number is tried
	for ; n < q.have; n += by {
		back := p.returning(float64(n)*q.per-reserve, s.Quantiles[q.scale()])
		if back.worth(s.price(q), q.window, float64(q.have-n)) {
			return n
		}
	}
	return n
}

// A forecast that is waiting to be judged: the most that should surely come, and the most that came.
type pending struct {
	Surely float32 `json:"s"`
	Came   float32 `json:"c"`
	Scale  int8    `json:"q"`
}

// scales are the sizes of load for which the number of standard deviations is learnt by itself: a wild noon is no guide to the
// night.
const scales = 3

func (q *question) scale() int8 {
	switch workers := q.load / q.per; {
	case workers < 1.5:
		return 0
	case workers < 6:
		return 1
	default:
		return 2
	}
}

// The forecasts of the last quarter of an hour are judged when it is over. missShare is how many of them may have been too low; where
// arrivals come in bursts, so many times more: to be as sure would cost half a fleet.
const (
	forecasts    = 15
	missShare    = 0.06
	quantileStep = 0.02
	quantileLow  = 0.0
	quantileHigh = 4.0
	riseShare    = 1.05
)

// judgeForecasts holds what came against what was expected, each minute, and moves the quantile so that missShare is missed.
func (s *State) judgeForecasts(q *question) {
	p := s.path(q)
	expected, surely := p.most(q.load, s.Quantiles[q.scale()])
	i := s.Judged % forecasts
	if old := s.Forecasts[i]; old.Surely > 0 {
		quantile, miss := &s.Quantiles[old.Scale], missShare*s.bursts()
		if old.Came > old.Surely {
			*quantile += quantileStep * (1 - miss)
		} else {
			*quantile -= quantileStep * miss
		}
		*quantile = min(max(*quantile, quantileLow), quantileHigh)
	}
	s.Forecasts[i] = pending{Surely: float32(surely), Scale: q.scale()}
	if expected > q.load*riseShare+1 || q.load < q.per/3 { // on the way up nobody asks who may go, nor with one worker
		s.Forecasts[i].Surely = 0
	}
	s.Judged = (s.Judged + 1) % (forecasts * 1000)
	for i := range s.Forecasts {
		if age := (s.Judged - 1 - i + 2*forecasts) % forecasts; float64(age)*60 > q.window {
			continue
		}
		s.Forecasts[i].Came = max(s.Forecasts[i].Came, float32(q.load))
	}
}

// The price of a flap, in seconds of a worker, is learnt: each flap raises it, and it sinks with time, so that flapsDay are made a
// day, wherever they save most. Where arrivals come in bursts nobody can be as sure, and more are borne.
const (
	priceFirst  = 2500.0
	priceLow    = 100.0
	priceHigh   = 20000.0
	priceStep   = 0.3 // of its logarithm
	flapsDay    = 1.4
	burstsBorne = 8
	// priceFleet is a fleet for which the price is as it was learnt; a larger one pays in proportion, since a flap a day is a smaller
	// share of what it costs.
	priceFleet = 12
)

// price is what a flap costs the pool now.
func (s *State) price(q *question) float64 {
	return s.Price / s.borne() * max(1, float64(q.have)/priceFleet)
}

// bursts is how many times more than those of Poisson the arrivals vary.
func (s *State) bursts() float64 { return min(max(s.Burst, 1), burstsBorne) }

// borne is how many times more flaps are borne for it.
func (s *State) borne() float64 { return min(s.bursts()*s.bursts(), burstsBorne) }

// learnFlap raises the price when a change was taken back within the window.
func (s *State) learnFlap() { s.Price = min(s.Price*math.Exp(priceStep/s.borne()), priceHigh) }

// learnPrice lets it sink.
func (s *State) learnPrice(dt float64) {
	s.Price = max(s.Price*math.Exp(-priceStep*flapsDay*dt/86400), priceLow)
}

// Caution is by how much the reserves are multiplied. A minute in which somebody waited for a worker raises it; while conversations
// come it sinks, so that three such minutes in two days are borne: at five seconds each that is 0.01 % of the citizens or so.
const (
	cautionLow  = 0.75
	cautionHigh = 2.5
	cautionUp   = 0.12
	cautionDown = 0.18 / 86400 // a second
)

// learnCaution looks once a minute whether somebody waited although there were looks.
func (s *State) learnCaution(q *question, dt float64) {
	if s.Waited && q.now-s.FreshSince > settleSeconds {
		s.Caution += cautionUp
	}
	if s.Load > 0 {
		s.Caution -= cautionDown * dt
	}
	s.Caution = min(max(s.Caution, cautionLow), cautionHigh)
	s.Waited = false
}

// unseen is how many workers the last known course and the season call for while nobody can look.
func (s *State) unseen(q *question) int32 {
	if !s.Levelled || q.now-s.At < 1 {
		return 0
	}
	local := q.seen.Now.In(q.spec.Zone)
	gone := min(q.now-s.At, 6*3600)
	leave := s.leaving()
	load, rate := s.Load, s.Level
	then := local.Add(-time.Duration(gone * float64(time.Second)))
	base, known := s.seasonRate(slotOf(then))
	if q.spec.holiday(local) {
		known = false
	}
	scale := s.dayScale(base)
	h := gone + s.horizon(q)
	n := 12
	dt := h / float64(n)
	slope, used := s.Slope, 0.0
	for i := range n {
		used += slope * slopeTau * (1 - math.Exp(-dt/slopeTau))
		slope *= math.Exp(-dt / slopeTau)
		r := rate
		if known {
			at := then.Add(time.Duration(float64(i+1) * dt * float64(time.Second)))
			if there, ok := s.seasonRate(slotOf(at)); ok {
				// No two mornings are alike to the minute: a rise may come half a quarter of an hour sooner.
				if soon, ok := s.seasonRate(slotOf(at.Add(quarter / 2 * time.Second))); ok {
					there = max(there, soon)
				}
				r += (there - base) * scale
			}
		}
		r = max(r+used, 0)
		e := math.Exp(-leave * dt)
		load = load*e + r/max(leave, 1e-6)*(1-e)
	}
	stay := math.Exp(-leave * h)
	rateVar := max(s.P11+2*h*s.P12+h*h*s.P22, 0)
	if known { // the season carries the trend on
		rateVar = s.P11
	}
	spread := math.Sqrt(load*min(max(s.Burst, 1), 9) + rateVar*(1-stay)*(1-stay)/(leave*leave))
	return q.workersFor(load + blindSigmas*spread)
}

// blindSigmas are kept free while nobody can look. More than with open eyes: who falls short by one worker then falls short until the
// gap ends, and each citizen of half an hour waits.
const blindSigmas = 2.2

// A rate counts as surely reached when so many standard deviations below it still are above what was expected.
const (
	fastSigmas = 1.6
	midSigmas  = 1.5
)
