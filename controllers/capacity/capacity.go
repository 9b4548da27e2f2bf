// Package capacity turns what a pool has to do into a number of workers, with the reasons as data.
//
// It reads no cluster and no clock: whoever calls hands it the limits, what it remembers and what was seen, and carries out the
// decision. The AgentPool controller and the simulator (hack/bench) run the very same Decide. How many people are needed is in
// package staffing.
//
// What a decision is made of, in the order of the files: starts.go learns how long workers take to start, rates.go how many
// conversations arrive and leave, season.go what an hour of the week is like, forecast.go what follows from these, and this file
// decides. What a decision goes by is in docs/concepts/capacity.md.
package capacity

import (
	"math"
	"time"
)

// Spec is what a pool's workers may be.
type Spec struct {
	// Min and Max workers, from the pool; Ceiling from the class, 0 for none. The lower of Max and Ceiling wins, also over Min.
	Min, Max, Ceiling int32
	// ConversationsPerWorker is how many waiting and active conversations one worker is meant for; at least 1.
	ConversationsPerWorker int32
	// Start is how long a worker takes until it is ready, at the 99th percentile. It is believed until starts were seen.
	Start time.Duration
	// Window is how long a change shall hold: workers that go shall not be wanted again within it, nor go sooner after more were
	// asked for. 0 is a quarter of an hour.
	Window time.Duration
	// Zone is where the pool's people live; nil is UTC.
	Zone *time.Location
	// Holidays are local days on which the hours of the week say nothing.
	Holidays []Day
	// Step is the most workers that one decision adds; 0 is any number.
	Step int32
	// DailyHours is how many hours of workers a local day may have; 0 is any number. Those that Min takes until midnight are set
	// aside, and when the rest is spent there are Min.
	DailyHours int32
	// External is the number that somebody else decided; nil lets demand decide.
	External *int32
}

// Observation is what was seen of a pool at a moment. Counters only rise, so that a look that was missed loses nothing.
type Observation struct {
	Now time.Time
	// Fresh is false when the figures are stale or there are none; then only the workers are looked at.
	Fresh bool
	// Conversations by what they wait for; Active are with an agent, and not parked.
	WaitingForWorker, WaitingForAgent, Active int
	// Arrived and Finished conversations since whenever the counting began.
	Arrived, Finished int64
	// Workers asked for, and those that exist by phase.
	Workers, Ready, Starting, Draining int32
}

// Decision is how many workers there shall be.
type Decision struct {
	Workers int32
	Reasons Reasons
	// Again is when to decide anew if nothing is heard meanwhile: a minute at most, and sooner where the hour of the week is about
	// to change. 0 when time alone changes nothing, as with External.
	Again time.Duration
}

// The policy's constants. They are no options: each was chosen on the traces of hack/bench, and what it is for stands with it.
const (
	// usualWindow is how long a change shall hold, where nothing else is told.
	usualWindow = 15 * time.Minute
	// reserveSigma is how many standard deviations of the arrivals and departures during a start are kept free.
	reserveSigma = 1.5
	// lateSigma is the same within a flap window after workers went: coming back so soon is worth a thinner reserve.
	lateSigma = 1.0
	// burstSigma is the same while arrivals break out, of a pool whose arrivals vary more than bursty times as much as Poisson's.
	burstSigma = 2.0
	bursty     = 1.3
	// upAhead is how far ahead, in seconds, a decision for more looks once it is due, so that a ramp takes few decisions.
	upAhead = 260.0
	// spikeAhead is the same when arrivals break out: nobody knows where a spike ends, and it may be soon.
	spikeAhead = 30.0
	// upShare of the workers are added at once when more are due: six to 70. One by one they were written 87 times a day, and who
	// came between two writes waited. Where arrivals come in bursts it is less, by the root of how much they vary: more is due sooner
	// there, and seldom for long.
	upShare = 0.09
	// downShare of the workers must be superfluous before any goes.
	downShare = 0.08
)

// Decide says how many workers there shall be, and what to remember for the next time.
func Decide(spec Spec, state State, seen Observation) (Decision, State) {
	spec = spec.sane()
	if state.Version != StateVersion {
		state = newState()
	}
	q := question{spec: spec, seen: seen, per: float64(spec.ConversationsPerWorker), have: seen.Workers}
	q.now, q.window = float64(seen.Now.UnixNano())/1e9, spec.Window.Seconds()
	if state.WorkersAt > 0 && math.Abs(q.now-state.WorkersAt) > absentSeconds {
		state.wasAbsent(q.now)
	}
	state.watchWorkers(&q)
	if seen.Fresh {
		state.watchDemand(&q)
	}
	d := state.decide(&q)
	if spec.External == nil {
		d.Again = state.again(&q, d.Again)
	}
	if d.Workers != seen.Workers {
		state.changed(&q, seen.Workers, d.Workers)
	}
	return d, state
}

// lookEvery is the longest time between two decisions. Where nothing happens nothing is heard, and yet workers that were held
// are let go, minutes close and openings come near.
const lookEvery = 60 * time.Second

// again is when to look next: within lookEvery, when a hold ends, and when a worker that is asked for would be ready at the next
// quarter of an hour, since there the hour of the week changes.
//
// With starts of 22 s and looks at 07:59:20 and 08:00:20, an opening at 08:00 is in sight of neither; one at 07:59:38 sees it.
func (s *State) again(q *question, hold time.Duration) time.Duration {
	next := lookEvery
	if hold > 0 {
		next = min(next, hold)
	}
	into := math.Mod(q.now, quarter)
	for _, due := range [...]float64{quarter - s.horizon(q) - 2, quarter} {
		if in := due - into; in > 0 {
			return max(min(next, time.Duration(math.Ceil(in))*time.Second), time.Second)
		}
	}
	return next
}

// question is one decision's input with what follows from it.
type question struct {
	spec Spec
	seen Observation
	now  float64 // Unix seconds
	per  float64 // conversations a worker
	have int32   // workers asked for
	// window is the spec's, in seconds
	window float64
	load   float64 // conversations in the house
	// reasons, in the order in which they were found
	reasons Reasons
}

func (s Spec) sane() Spec {
	s.ConversationsPerWorker = max(s.ConversationsPerWorker, 1)
	if s.Ceiling <= 0 {
		s.Ceiling = math.MaxInt32
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Window <= 0 {
		s.Window = usualWindow
	}
	s.Min = max(s.Min, 0)
	return s
}

func (s Spec) within(workers int32) int32 { return min(max(workers, s.Min), s.Max, s.Ceiling) }

// workersFor is conversations over those of a worker, rounded up: 222 over 60 are 4.
func (q *question) workersFor(conversations float64) int32 {
	return int32(min(math.Ceil(max(conversations, 0)/q.per-1e-9), 1<<30))
}

func (s *State) decide(q *question) Decision {
	spec, seen := q.spec, q.seen
	switch {
	case spec.External != nil:
		workers := min(max(*spec.External, 0), spec.Ceiling)
		q.say(Reason{Code: External, Wanted: *spec.External, Workers: workers})
		return Decision{Workers: workers, Reasons: q.reasons}
	case !seen.Fresh:
		return s.blind(q)
	}
	demand := q.workersFor(q.load)
	q.say(Reason{Code: Demand, Waiting: seen.WaitingForWorker + seen.WaitingForAgent, Active: seen.Active,
		ConversationsPerWorker: spec.ConversationsPerWorker, Wanted: demand, Workers: demand})

	near := s.near(q)
	wanted := max(demand, q.workersFor(near.pressure))
	if q.load == 0 && s.idle(q) {
		wanted = 0
	}
	switch need := spec.within(wanted); {
	case s.spent(q) && max(need, q.have) > spec.within(0):
		workers := spec.within(0)
		q.say(Reason{Code: CostCap, Wanted: need, Workers: workers})
		return Decision{Workers: workers, Reasons: q.reasons}
	case need > q.have:
		return s.up(q, near, demand, wanted)
	default:
		return s.down(q, near, demand, wanted)
	}
}

// up is decided at once, and at once for what the ramp will want soon after.
func (s *State) up(q *question, near outlook, demand, wanted int32) Decision {
	target, spec := wanted, q.spec
	if wanted > 0 {
		target = max(target, q.workersFor(near.ahead), spec.within(q.have+int32(upShare/math.Sqrt(s.bursts())*float64(q.have))))
	}
	if reserve := target - demand; reserve > 0 {
		code := Reserve
		if near.seasonal {
			code = Forecast
		}
		q.say(Reason{Code: code, Wanted: reserve, Workers: target, At: near.at})
	}
	return Decision{Workers: s.limited(q, target), Reasons: q.reasons}
}

// limited keeps a number within the limits, and says which one had the say.
func (s *State) limited(q *question, target int32) int32 {
	workers := q.spec.within(target)
	switch {
	case workers < target:
		q.say(Reason{Code: Most, Workers: workers})
	case workers > target:
		q.say(Reason{Code: Least, Workers: workers})
	}
	if q.spec.Step > 0 && workers > q.have+q.spec.Step {
		workers = q.have + q.spec.Step
		q.say(Reason{Code: Step, Workers: workers})
	}
	return workers
}

// spent says whether a day's hours of workers are used up, but for those that Min takes until midnight. A local day may have 23
// hours, or 25.
func (s *State) spent(q *question) bool {
	if q.spec.DailyHours <= 0 {
		return false
	}
	local := q.seen.Now.In(q.spec.Zone)
	y, m, d := local.Date()
	left := time.Date(y, m, d+1, 0, 0, 0, 0, q.spec.Zone).Sub(local).Seconds()
	return s.Spent+left*float64(q.spec.within(0)) >= float64(q.spec.DailyHours)*3600
}

// down takes what is surely not needed before a quarter of an hour has passed.
func (s *State) down(q *question, near outlook, demand, wanted int32) Decision {
	floor := max(wanted, s.sure(q, near, wanted))
	target := q.spec.within(floor)
	switch least := q.spec.within(0); {
	case q.have > min(q.spec.Max, q.spec.Ceiling): // the limits were lowered
		return Decision{Workers: s.limited(q, max(target, min(q.spec.Max, q.spec.Ceiling))), Reasons: q.reasons}
	case target >= q.have:
		if wanted > q.have { // with the limit reached, each look says so, not only the one that reached it
			q.say(Reason{Code: Most, Workers: q.have})
		} else if floor > demand && q.have > least {
			s.sayHeld(q, near, q.have, 0)
		} else if q.have >= least && demand < q.have {
			q.say(Reason{Code: Least, Workers: q.have})
		}
		return Decision{Workers: q.have, Reasons: q.reasons}
	}
	if wait := s.patience(q, target); wait > 0 {
		s.sayHeld(q, near, q.have, wait)
		return Decision{Workers: q.have, Reasons: q.reasons, Again: time.Duration(math.Ceil(wait)) * time.Second}
	}
	if target > demand {
		if target > floor {
			q.say(Reason{Code: Least, Workers: target})
		} else {
			q.say(Reason{Code: Reserve, Wanted: target - demand, Workers: target})
		}
	}
	return Decision{Workers: target, Reasons: q.reasons}
}

func (s *State) sayHeld(q *question, near outlook, workers int32, wait float64) {
	code := Held
	if near.seasonal {
		code = Forecast
	}
	q.say(Reason{Code: code, Workers: workers, Wanted: workers, Window: time.Duration(math.Ceil(wait)) * time.Second, At: near.at})
}

// patience is for how many seconds more workers stay although they are superfluous.
//
// A pool of 13 that needs 12 keeps the thirteenth: one of 13 is less than 8 %, and at 50 workers four go together. Without the steps a
// pool of 70 wrote its replicas 130 times a day.
func (s *State) patience(q *question, target int32) float64 {
	surplus := q.have - target
	if q.have > 0 && float64(surplus) < downShare*float64(q.have) && target > q.spec.within(0) {
		return q.window / 3
	}
	hold := q.window - (q.now - s.LastUp)
	if float64(surplus) >= spikeShare/min(max(s.Burst, 1), 2.5)*float64(q.have) && surplus >= 2 { // a spike is over: a flap is cheaper than half a fleet
		hold = min(hold, spikeHold-(q.now-s.LastUp))
	}
	hold = max(hold, min(settleSeconds, q.window)-(q.now-s.FreshSince))
	if target == 0 {
		hold = max(hold, quietBeforeZero-(q.now-s.BusyAt))
	}
	return max(hold, 0)
}

const (
	// settleSeconds without a gap must have been seen before workers go.
	settleSeconds = 120.0
	// When so large a share is superfluous, the hold after growing is only so long.
	spikeShare = 0.3
	spikeHold  = 300.0
	// quietBeforeZero is how long nobody must have been there before the last worker goes.
	quietBeforeZero = 120.0
)

// blind holds what there is: after a night without an answer 40 conversations may still be open, and a worker too many is
// cheaper than a desk that is not there. It may add what the season or the last trend call for. The limits still hold.
func (s *State) blind(q *question) Decision {
	workers := max(q.have, s.unseen(q))
	if workers > q.have && s.spent(q) {
		workers = q.have
	}
	if workers > q.have {
		q.say(Reason{Code: Stale, Wanted: q.have, Workers: q.have})
		q.say(Reason{Code: Forecast, Wanted: workers - q.have, Workers: workers, At: q.seen.Now.In(q.spec.Zone)})
		return Decision{Workers: max(s.limited(q, workers), min(q.have, q.spec.within(q.have))), Reasons: q.reasons}
	}
	workers = q.spec.within(q.have)
	q.say(Reason{Code: Stale, Wanted: q.have, Workers: workers})
	return Decision{Workers: workers, Reasons: q.reasons}
}
