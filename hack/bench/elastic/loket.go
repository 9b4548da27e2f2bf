package elastic

import (
	"fmt"
	"time"

	"github.com/loket-dev/loket/controllers/capacity"
)

// Loket is the policy of package capacity, as the operator runs it.
type Loket struct {
	Spec  capacity.Spec
	Begin time.Time
	State capacity.State
	// Last is the decision that was made last.
	Last capacity.Decision
}

// NewLoket knows nothing but what is told.
func NewLoket(t Told) (*Loket, error) {
	spec, err := t.Spec()
	return &Loket{Spec: spec, Begin: t.StartsAt}, err
}

// Decide asks capacity.
func (l *Loket) Decide(seen Seen) int {
	l.Last, l.State = capacity.Decide(l.Spec, l.State, l.Observation(seen))
	return int(l.Last.Workers)
}

// Observation is what was seen, in the words of package capacity.
func (l *Loket) Observation(s Seen) capacity.Observation {
	return capacity.Observation{
		Now: l.Begin.Add(time.Duration(s.T * float64(time.Second))), Fresh: s.OK,
		WaitingForWorker: s.WaitingForWorker, WaitingForAgent: s.WaitingForAgent, Active: s.Active, Arrived: s.Arrived, Finished: s.Finished,
		Workers: int32(s.Desired), Ready: int32(s.Ready), Starting: int32(s.Starting), Draining: int32(s.Draining),
	}
}

// Check refuses an observation that cannot be.
func (s Seen) Check() error {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"t", s.T}, {"waitingForWorker", float64(s.WaitingForWorker)}, {"waitingForAgent", float64(s.WaitingForAgent)}, {"active", float64(s.Active)},
		{"arrived", float64(s.Arrived)}, {"finished", float64(s.Finished)}, {"agents", float64(s.Agents)}, {"desired", float64(s.Desired)},
		{"ready", float64(s.Ready)}, {"starting", float64(s.Starting)}, {"draining", float64(s.Draining)},
	} {
		if most := map[bool]float64{true: 1e15, false: 1e9}[c.name == "arrived" || c.name == "finished"]; !(c.value >= 0 && c.value <= most) {
			return fmt.Errorf("%s is %g; it must be from 0 to %g", c.name, c.value, most)
		}
	}
	return nil
}
