package capacity

import (
	"reflect"
	"testing"
	"time"
)

func TestWhoScalesIsAdvisedAsDemandWouldDecide(t *testing.T) {
	three := int32(3)
	spec := pool(func(s *Spec) { s.External = &three })
	state, have := State{}, three
	for _, m := range []moment{
		{0, 42, 180, false, 4, "waiting 42 + active 180 over 60 a worker = 4"},
		{2, 42, 180, false, 4, "waiting 42 + active 180 over 60 a worker = 4"},                                // nobody has followed yet
		{4, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held until surely not needed"},    // and it is soon over
		{1100, 0, 10, true, 3, "no fresh figures from the runtime: workers stay at 3"},                        // blind, nothing goes
		{1102, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held until surely not needed"}, // nor just after
	} {
		look := Observation{Now: monday.Add(time.Duration(m.second) * time.Second), Fresh: !m.blind, Workers: have, Ready: have,
			WaitingForAgent: m.waiting, Active: m.active}
		before := state
		d := Advise(spec, state, look)
		if d.Workers != m.workers || d.Reasons.String() != m.why {
			t.Errorf("after %d s: %d, %s", m.second, d.Workers, d.Reasons)
		}
		if !reflect.DeepEqual(before, state) {
			t.Errorf("after %d s: an advice is remembered", m.second)
		}
		decided, after := Decide(spec, state, look)
		if state = after; decided.Workers != 3 {
			t.Errorf("after %d s: %d are decided, although somebody else does", m.second, decided.Workers)
		}
	}
	if state.LastDown != 0 {
		t.Error("a fall that nobody carried out is remembered")
	}
}
