package dialog

import "fmt"

// An interlude is what a trigger that returns leads through, from where it interrupts the conversation until an end. It stands
// among the runs under way as a Frame with the trigger's name. There is one at a time: a trigger within it leads elsewhere and
// returns to the same place.

// interludes finds what triggers that return lead through.
func (c *compiler) interludes() {
	p := c.program
	for k := range p.triggers {
		t := &p.triggers[k]
		if !t.returns {
			continue
		}
		t.body = p.reached(t.next, func(n *node) []edge { return []edge{{to: n.next}} })
		if !p.someEnd(t.body) {
			c.find(reasonReturn, fmt.Sprintf("triggers[%s].returns", t.name), "no end is reached from %s, so that it never returns; lead it to an end, or leave returns out", p.nodes[t.next].name)
		}
	}
}

// fire follows a trigger.
func (s *stepper) fire(k int) {
	t := &s.p.triggers[k]
	switch at := s.waiting(); {
	case !t.returns || at == none:
		s.leaveRuns(none)
	default:
		s.interrupt(&s.p.nodes[at], t.name)
	}
	s.run(t.next)
}

// interrupt notes where the conversation stands, for the trigger to return to.
func (s *stepper) interrupt(n *node, trigger string) {
	for k := range s.state.Runs {
		if s.state.Runs[k].Trigger != "" {
			s.leave()
			for len(s.state.Runs) > k+1 {
				s.leaveRun()
			}
			s.state.Runs[k].Trigger = trigger
			s.state.Node = ""
			return
		}
	}
	f := Frame{Node: n.name, Trigger: trigger, Retries: s.state.Retries}
	if n.kind == kindCall {
		f.Call = s.awaitedCall()
	} else {
		s.leave()
	}
	s.state.Node, s.state.Retries, s.state.Awaits = "", 0, 0
	s.state.Runs = append(s.state.Runs, f)
}

// resume ends the interlude that is innermost: the question at the node is put again, or the call is waited for, or gone on from
// if its answer has come meanwhile.
func (s *stepper) resume(i int) {
	last := len(s.state.Runs) - 1
	f := s.state.Runs[last]
	s.state.Runs = s.state.Runs[:last]
	n := &s.p.nodes[i]
	s.stand(n)
	s.state.Node, s.state.Retries = n.name, f.Retries
	if n.kind == kindCall {
		if f.Answer != nil {
			s.outcome(n, *f.Answer)
		} else if f.Call != s.state.Generation {
			s.state.Awaits = f.Call
		}
		return
	}
	s.result.Visited = append(s.result.Visited, n.name)
	switch n.kind {
	case kindMenu:
		s.show(n)
	case kindAsk:
		s.question(n)
	case kindForm:
		s.form(n)
	case kindSurvey:
		s.survey(n)
	}
}

// returnsTo is the node that an interlude returns to, or none where the flow no longer has it or the trigger.
func (p *Program) returnsTo(f *Frame) int {
	i, ok := p.index[f.Node]
	if !ok || p.interlude(f.Trigger) == nil {
		return none
	}
	switch n := &p.nodes[i]; {
	case n.kind == kindAsk, n.kind == kindForm, n.kind == kindMenu, n.kind == kindSurvey, n.kind == kindCall && f.Call != 0:
		return i
	}
	return none
}

func (p *Program) interlude(name string) *trigger {
	for k := range p.triggers {
		if t := &p.triggers[k]; t.returns && t.name == name {
			return t
		}
	}
	return nil
}

// awaitedCall is the generation of the call that the conversation is parked at.
func (s *stepper) awaitedCall() int64 {
	if s.state.Awaits != 0 {
		return s.state.Awaits
	}
	return s.state.Generation
}

// interrupted says whether a call is under way that an interlude returns to.
func (s *State) interrupted() bool {
	for k := range s.Runs {
		if s.Runs[k].Call != 0 && s.Runs[k].Answer == nil {
			return true
		}
	}
	return false
}

// keep notes the answer of a call that was interrupted; false when none waits for it.
func (s *State) keep(generation int64, a CallAnswer) bool {
	for k := range s.Runs {
		if f := &s.Runs[k]; f.Call != 0 && f.Call == generation && f.Answer == nil {
			f.Answer = &a
			return true
		}
	}
	return false
}

// Keep notes in a stored state the answer of a call that a trigger has interrupted, while a person has the conversation; false when
// nothing waits for it, or the state is a newer binary's.
func (p *Program) Keep(stored []byte, generation int64, a CallAnswer) ([]byte, bool) {
	state, err := Decode(stored)
	if err != nil || !state.keep(generation, a) {
		return stored, false
	}
	encoded, _ := state.encode()
	return encoded, true
}
