package dialog

import (
	"fmt"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// maxRuns is how deep runs may stand in each other.
const maxRuns = 8

// maxFrames is how many runs can be under way: those that an interlude interrupts, and those in it.
const maxFrames = 2*maxRuns + 1

// run is a sub-flow and how it is called.
type run struct {
	start     int
	unit      *unit // of another flow that is run; nil for nodes of the same
	arguments []assignment
	results   []assignment
	body      []bool // nodes that can be reached before an end, by index; not those of runs in it
	ends      bool   // an end is among them
	silent    bool   // and can be reached without a wait
}

func (c *compiler) runs(out *node, r *v1alpha1.Run, path string) {
	out.kind = kindRun
	out.run = &run{start: none}
	switch {
	case (r.Start != "") == (r.Flow != ""):
		c.find(reasonNode, path, "a run has a start (a node of this flow) or a flow (another one), one of both")
		return
	case r.Flow != "":
		c.runFlow(out, r, path)
		return
	}
	out.run = &run{
		start:     c.target(r.Start, path+".start"),
		arguments: c.assignments(r.Arguments, path+".arguments"),
		results:   c.assignments(r.Results, path+".results"),
	}
	c.once(r.Arguments, path+".arguments")
	c.once(r.Results, path+".results")
}

// once: a variable stands in the list one time, as admission says, too.
func (c *compiler) once(all []v1alpha1.Assignment, path string) {
	seen := map[string]bool{}
	for i, a := range all {
		if seen[string(a.Name)] {
			c.find(reasonDuplicate, fmt.Sprintf("%s[%d].name", path, i), "%q is given a value twice; leave one out", a.Name)
		}
		seen[string(a.Name)] = true
	}
}

// bodies finds what each run goes through. A run that comes to itself before its end would never stop growing: it is refused,
// and so is one that no end stops.
func (c *compiler) bodies() {
	p := c.program
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.kind != kindRun {
			continue
		}
		c.node = n.name
		path := fmt.Sprintf("nodes[%s].run.start", n.name)
		n.run.body = p.reached(n.run.start, func(n *node) []edge { return []edge{{to: n.next}} })
		n.run.ends = p.someEnd(n.run.body)
		inside := p.reached(n.run.start, func(n *node) []edge { return []edge{{to: n.run.start}, {to: n.next}} })
		switch {
		case inside[i]:
			c.find(reasonRun, path, "%s leads back to %s before an end; end the run first and go there by next", p.nodes[n.run.start].name, n.name)
		case !n.run.ends:
			c.find(reasonRun, path, "no end is reached from %s, so that next never follows; lead it to an end", p.nodes[n.run.start].name)
		}
	}
	if !c.refused() {
		c.depth()
	}
	c.node = ""
}

// reached are the nodes that can be reached from one; through says where a run leads.
func (p *Program) reached(from int, through func(*node) []edge) []bool {
	seen := make([]bool, len(p.nodes))
	todo := []int{from}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		n := &p.nodes[i]
		edges := n.edges
		if n.kind == kindRun {
			edges = func() []edge { return through(n) }
		}
		for _, e := range edges() {
			todo = append(todo, e.to)
		}
	}
	return seen
}

func (p *Program) someEnd(among []bool) bool {
	for i, in := range among {
		if in && p.nodes[i].kind == kindEnd {
			return true
		}
	}
	return false
}

// depth measures how deep runs stand in each other, and which come to their end without a wait. No run is part of itself here.
func (c *compiler) depth() {
	p := c.program
	deep := map[int]int{}
	var measure func(int) int
	measure = func(i int) int {
		if d, ok := deep[i]; ok {
			return d
		}
		r, d := p.nodes[i].run, 1
		for j, in := range r.body {
			if in && p.nodes[j].kind == kindRun {
				d = max(d, 1+measure(j))
			}
		}
		r.silent = p.silent(r.start, make([]bool, len(p.nodes)))
		deep[i] = d
		return d
	}
	for i := range p.nodes {
		if n := &p.nodes[i]; n.kind == kindRun && measure(i) > maxRuns {
			c.node = n.name
			c.find(reasonRun, fmt.Sprintf("nodes[%s].run", n.name), "runs stand in each other %d deep, at most %d may; make it flatter", deep[i], maxRuns)
		}
	}
}

// silent says whether an end can be reached without a wait; of the runs on the way that is known already.
func (p *Program) silent(i int, seen []bool) bool {
	n := &p.nodes[i]
	switch {
	case seen[i]:
		return false
	case n.kind == kindEnd:
		return true
	case n.kind == kindRun:
		seen[i] = true
		return n.run.silent && p.silent(n.next, seen)
	}
	seen[i] = true
	for _, e := range n.edges() {
		if !e.wait && p.silent(e.to, seen) {
			return true
		}
	}
	return false
}

// enter begins a run. An argument whose expression fails is empty.
func (s *stepper) enter(n *node) {
	values := make([]any, len(n.run.arguments))
	for i := range n.run.arguments {
		a := &n.run.arguments[i]
		v, ok := s.value(a)
		if !ok {
			v = zeroOf(a.kind)
		}
		values[i] = v
	}
	f := Frame{Node: n.name}
	if n.run.unit != nil { // its variables begin empty
		f.Former = s.state.forget(n.run.unit)
		s.scope.unit = n.run.unit
	}
	for i := range n.run.arguments {
		name := s.scope.unit.key(n.run.arguments[i].name)
		if n.run.unit != nil {
			s.state.set(name, values[i])
			continue
		}
		if former, ok := s.state.Variables[name]; ok {
			if f.Former == nil {
				f.Former = map[string]any{}
			}
			f.Former[name] = former
		}
		s.state.set(name, values[i])
	}
	s.state.Runs = append(s.state.Runs, f)
}

// caller is the node of the innermost run under way, or that an interlude returns to; or none. Those that the flow no longer has
// are left.
func (s *stepper) caller() int {
	for len(s.state.Runs) > 0 {
		f := s.state.innermost()
		if f.Trigger != "" {
			if i := s.p.returnsTo(f); i != none {
				return i
			}
		} else if i := s.p.runAt(f.Node); i != none {
			return i
		}
		s.leaveRun()
	}
	return none
}

// innermost of the runs under way.
func (s *State) innermost() *Frame { return &s.Runs[len(s.Runs)-1] }

func (p *Program) runAt(name string) int {
	if i, ok := p.index[name]; ok && p.nodes[i].kind == kindRun {
		return i
	}
	return none
}

// comeBack ends the innermost run, which is n's.
func (s *stepper) comeBack(n *node) {
	values := make([]any, len(n.run.results))
	known := make([]bool, len(n.run.results))
	if n.run.unit != nil {
		s.scope.unit = n.run.unit
	}
	for i := range n.run.results {
		values[i], known[i] = s.value(&n.run.results[i])
	}
	s.leaveRun()
	s.stand(n)
	for i := range n.run.results {
		if known[i] {
			s.set(n.run.results[i].name, values[i])
		}
	}
}

// leaveRun gives the arguments of the innermost run their former values back.
func (s *stepper) leaveRun() {
	last := len(s.state.Runs) - 1
	f := s.state.Runs[last]
	s.state.Runs = s.state.Runs[:last]
	if f.Trigger != "" {
		if f.Call != 0 && f.Answer == nil {
			s.result.Uncall = true
		}
		return
	}
	if i := s.p.runAt(f.Node); i != none {
		n := &s.p.nodes[i]
		if n.run.unit != nil {
			s.state.forget(n.run.unit)
		} else {
			for k := range n.run.arguments {
				delete(s.state.Variables, n.unit.key(n.run.arguments[k].name))
			}
		}
	}
	for name, v := range f.Former {
		s.state.set(name, v)
	}
}

// leaveRuns leaves the runs and the interlude that a node is no part of; all of them for none.
func (s *stepper) leaveRuns(to int) {
	for caller := s.caller(); caller != none && (to == none || !s.body(caller)[to]); caller = s.caller() {
		s.leaveRun()
	}
}

// body is what the innermost run or interlude goes through.
func (s *stepper) body(caller int) []bool {
	if f := s.state.innermost(); f.Trigger != "" {
		return s.p.interlude(f.Trigger).body
	}
	return s.p.nodes[caller].run.body
}
