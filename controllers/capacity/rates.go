package capacity

import "math"

// The time constants of the rates, in seconds.
const (
	fastTau  = 8.0   // sees a spike within seconds
	midTau   = 40.0  // confirms it
	leaveTau = 900.0 // how quickly conversations end
	burstTau = 5400.0
	// leavePrior is a handling time that is believed for so many conversation-seconds, until some ended.
	leavePrior       = 480.0
	leavePriorWeight = 3000.0
)

// watchDemand brings the rates up to a fresh observation.
func (s *State) watchDemand(q *question) {
	seen := q.seen
	q.load = float64(max(seen.WaitingForWorker, 0) + max(seen.WaitingForAgent, 0) + max(seen.Active, 0))
	if q.load > 0 {
		s.BusyAt = q.now
	}
	if s.At == 0 { // the first look: nothing to compare with
		s.At, s.Arrived, s.Finished, s.Load, s.FreshSince, s.BusyAt = q.now, seen.Arrived, seen.Finished, q.load, q.now, q.now
		s.LastUp = q.now // nobody knows what was before
		return
	}
	dt := q.now - s.At
	if dt <= 0 {
		return
	}
	arrived := float64(seen.Arrived - s.Arrived)
	if arrived < 0 { // another counter: what came meanwhile is not known, but who is there now did come
		arrived = max(q.load-s.Load, 0)
	}
	// Who came and is not there any more has left: also he whom no agent answered, and who is in nobody's count of the finished.
	finished := max(arrived-(q.load-s.Load), 0)
	if dt > gapSeconds {
		s.FreshSince = q.now
	}
	if dt > absentSeconds && !s.Levelled { // an hour's mean says when its citizens came, to the season, but not how it is now
		s.bookSeason(q, arrived, dt)
		s.At, s.Arrived, s.Finished, s.Load = q.now, seen.Arrived, seen.Finished, q.load
		return
	}
	s.Waited = s.Waited || seen.WaitingForWorker > 0 && seen.Ready > 0
	rate := arrived / dt
	s.Fast += (rate - s.Fast) * (1 - math.Exp(-dt/fastTau))
	s.Mid += (rate - s.Mid) * (1 - math.Exp(-dt/midTau))
	s.accumulate(q, arrived, finished, (s.Load+q.load)/2*dt, dt)
	s.At, s.Arrived, s.Finished, s.Load = q.now, seen.Arrived, seen.Finished, q.load
}

const (
	// gapSeconds without a fresh observation is a gap.
	gapSeconds = 75.0
	// absentSeconds without a decision is an absence: nobody ran the operator, or the clock was set.
	absentSeconds = 300.0
)

// wasAbsent forgets what is only true of the moment, and keeps what was learnt: the season, how sure forecasts are, how long
// starts take and conversations stay. A state of nine, when the morning rose, must not make a pool grow at ten before anybody
// has looked; and as with the very first look, nobody goes until it is known how it is.
func (s *State) wasAbsent(now float64) {
	s.Fast, s.Mid, s.Level, s.Slope, s.P11, s.P12, s.P22, s.LastRate, s.Levelled = 0, 0, 0, 0, 0, 0, 0, 0, false
	s.MinuteArrived, s.MinuteFinished, s.MinuteLoad, s.MinuteSeconds, s.Waited = 0, 0, 0, 0, false
	s.Pending, s.Forecasts = [pendingKept]starting{}, [forecasts]pending{}
	s.FreshSince, s.LastUp, s.LastDown = now, now, 0
	s.BusyAt = min(s.BusyAt, now)
	if s.At > now { // the clock was set back
		s.At = 0
	}
}

// accumulate fills the minute, and takes it in when it is full. A gap's arrivals are spread over the whole gap.
func (s *State) accumulate(q *question, arrived, finished, loadSeconds, dt float64) {
	s.bookSeason(q, arrived, dt)
	s.MinuteArrived += arrived
	s.MinuteFinished += finished
	s.MinuteLoad += loadSeconds
	s.MinuteSeconds += dt
	if s.MinuteSeconds < 60 {
		return
	}
	dt = s.MinuteSeconds
	e := math.Exp(-dt / leaveTau)
	s.Left, s.Stayed = s.Left*e+s.MinuteFinished, s.Stayed*e+s.MinuteLoad
	s.learnLevel(q, s.MinuteArrived/dt, dt)
	s.learnCaution(q, dt)
	s.learnPrice(dt)
	s.MinuteArrived, s.MinuteFinished, s.MinuteLoad, s.MinuteSeconds = 0, 0, 0, 0
	s.judgeForecasts(q)
}

// leaving is the share of conversations that ends each second.
func (s *State) leaving() float64 {
	return (s.Left + leavePriorWeight/leavePrior) / (s.Stayed + leavePriorWeight)
}

// The level of arrivals is followed by a Kalman filter with the state (rate, slope), in conversations a second and a second
// squared. The season moves the expected rate; slope and noise are of what the season does not explain.
const (
	levelNoise = 0.012  // of the rate, a root of a minute
	slopeNoise = 0.0022 // of the rate, a minute and a root of a minute
	slopeTau   = 1500.0 // seconds until a slope has faded
	burstMost  = 40.0
)

func (s *State) learnLevel(q *question, z, dt float64) {
	if !s.Levelled {
		s.Levelled = true
		s.Level, s.P11, s.P22, s.LastRate, s.Burst = z, z/dt+0.01, 1e-8, z, 1
		return
	}
	minutes := dt / 60
	// predict
	fade := math.Exp(-dt / slopeTau)
	season := s.seasonMove(q, q.now-dt, q.now)
	s.Level = max(s.Level+s.Slope*slopeTau*(1-fade)+season, 0) // the slope fades along the way, also over a long gap
	s.Slope *= fade
	scale := max(s.Level, z*0.3, 0.02)
	ql, qs := levelNoise*scale, slopeNoise*scale/60
	p11 := s.P11 + 2*dt*s.P12 + dt*dt*s.P22 + ql*ql*minutes
	p12 := (s.P12 + dt*s.P22) * fade
	p22 := s.P22*fade*fade + qs*qs*minutes
	// correct
	noise := max(s.Level, 1/dt) / dt // of a Poisson rate
	// Bursts: the square of how far two minutes differ, over what Poisson would have; a ramp hardly shows in it.
	d := z - s.LastRate - season
	if dt <= 2*gapSeconds { // over a gap the rate has moved, which is no burst: of 20 minutes it would count for a fifth
		w := 1 - math.Exp(-dt/burstTau)
		s.Burst += (min(d*d/2/noise, burstMost) - s.Burst) * w
	}
	s.LastRate = z
	r := noise * max(s.Burst, 1)
	nu := z - s.Level
	if limit := 4 * math.Sqrt(p11+r); math.Abs(nu) > limit { // a break: what was is no guide
		p11 += nu * nu / 4
	}
	k1, k2 := p11/(p11+r), p12/(p11+r)
	s.Level = max(s.Level+k1*nu, 0)
	s.Slope += k2 * nu
	s.P11, s.P12, s.P22 = p11*(1-k1), p12*(1-k1), max(p22-k2*p12, 0)
}
