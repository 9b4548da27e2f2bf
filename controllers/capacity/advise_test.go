package capacity

import (
	"reflect"
	"testing"
	"time"
)

func TestWhoScalesIsAdvisedAsDemandWouldDecide(t *testing.T) {
	three := int32(3)
	spec := pool(func(s *Spec) { s.External = &three })
	state, risen := State{}, Risen{}
	for _, m := range []moment{
		{0, 42, 180, false, 4, "waiting 42 + active 180 over 60 a worker = 4"},
		{2, 42, 180, false, 4, "waiting 42 + active 180 over 60 a worker = 4"}, // nobody has followed yet
		{4, 0, 10, false, 4, "waiting 0 + active 10 over 60 a worker = 1; 3 held until surely not needed; 4 held for 58s"},
		{40, 0, 0, true, 4, "no fresh figures from the runtime: workers stay at 3; 4 held for 22s"},
		{62, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held for 3m58s"},                 // and it is over
		{1100, 0, 10, true, 3, "no fresh figures from the runtime: workers stay at 3"},                        // blind, nothing goes
		{1102, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held until surely not needed"}, // nor just after
		{1300, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held for 2m"},
		{1370, 0, 10, false, 3, "waiting 0 + active 10 over 60 a worker = 1; 3 held for 50s"},
		{1430, 0, 10, false, 1, "waiting 0 + active 10 over 60 a worker = 1"},
	} {
		look := Observation{Now: monday.Add(time.Duration(m.second) * time.Second), Fresh: !m.blind, Workers: three, Ready: three,
			WaitingForAgent: m.waiting, Active: m.active}
		before := state
		var d Decision
		d, risen = Advise(spec, state, look, risen)
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

func TestAnAdviceForMoreStandsWithinTheLimits(t *testing.T) {
	look := Observation{Now: monday, Fresh: true, Workers: 3, Ready: 3, Active: 500}
	_, risen := Advise(pool(nil), State{}, look, Risen{})
	if risen.Workers < 9 {
		t.Fatalf("advised %v", risen)
	}
	look.Now, look.Active = monday.Add(2*time.Second), 10
	for name, c := range map[string]struct {
		spec    Spec
		workers int32
	}{
		"as it was":               {pool(nil), risen.Workers},
		"the most was lowered":    {pool(func(s *Spec) { s.Max = 5 }), 5},
		"the day's cost is spent": {pool(func(s *Spec) { s.DailyHours = 1 }), 1},
	} {
		if d, _ := Advise(c.spec, State{}, look, risen); d.Workers != c.workers {
			t.Errorf("%s: %d, %s", name, d.Workers, d.Reasons)
		}
	}
}

func TestAnAdviceAtTheEdgeOfAWorkerIsOneNumber(t *testing.T) {
	spec := pool(nil)
	state, risen := State{}, Risen{}
	for second := range 600 {
		look := Observation{Now: monday.Add(time.Duration(second) * time.Second), Fresh: true, Workers: 3, Ready: 3, Active: 180 + second%2}
		var d Decision
		d, risen = Advise(spec, state, look, risen)
		if _, state = Decide(pool(func(s *Spec) { s.External = &look.Workers }), state, look); second > 0 && d.Workers < 4 {
			t.Fatalf("after %d s: %d, %s", second, d.Workers, d.Reasons)
		}
	}
}
