package capacity

import "time"

// Risen is the last advice for more workers than there were, and when it held last; the zero value is none.
type Risen struct {
	Workers int32
	At      time.Time
}

// standsFor is how long an advice for more stands. Who follows it looks each 15 seconds, as a HorizontalPodAutoscaler does, or each 30,
// as KEDA does: a rise that was over between two looks would be none, and one that comes and goes at the edge of a worker would be
// another number with every citizen.
const standsFor = time.Minute

// Advise says how many workers demand calls for where somebody else decides, as in mode external. It looks from the workers that there
// are, so that it is as slow to take one away as Decide, and as blind or as sure.
//
// The state is the one of before the look, and Decide is called with it as well: what is remembered are the numbers that were carried
// out, and never those that were only advised. A HorizontalPodAutoscaler that follows a minute later would else count each look of that
// minute as a fall of its own. What was advised is in Risen, which is handed on from one advice to the next.
func Advise(spec Spec, state State, seen Observation, risen Risen) (Decision, Risen) {
	spec.External = nil
	d, _ := Decide(spec, state, seen)
	left := standsFor - seen.Now.Sub(risen.At)
	stands := min(spec.sane().within(risen.Workers), risen.Workers)
	switch {
	case d.Workers > seen.Workers && (d.Workers >= risen.Workers || left <= 0):
		return d, Risen{d.Workers, seen.Now}
	case left > 0 && d.Workers < stands && !d.Reasons.Has(CostCap):
		q := question{reasons: d.Reasons}
		q.say(Reason{Code: Held, Workers: stands, Wanted: stands, Window: left.Truncate(time.Second)})
		d.Workers, d.Reasons, d.Again = stands, q.reasons, min(d.Again, left)
	}
	return d, risen
}
