package dialog

import (
	"fmt"
	"strings"
)

// edge is a way from one node to another; wait says that the citizen (or an agent) speaks before it is taken.
type edge struct {
	to    int
	wait  bool
	timed bool // nobody speaks, that is why it is taken
}

// waits says whether a conversation waits at the node for somebody to speak.
func (n *node) waits() bool {
	return n.kind == kindAsk || n.kind == kindForm || n.kind == kindMenu || n.kind == kindHandoff || n.kind == kindSurvey
}

// edges of a node, in the order that they are written.
func (n *node) edges() []edge {
	var out []edge
	add := func(to int, wait bool) {
		if to != none {
			out = append(out, edge{to: to, wait: wait})
		}
	}
	for i := range n.silence {
		if to := n.silence[i].next; to != none {
			out = append(out, edge{to: to, wait: true, timed: true})
		}
	}
	switch n.kind {
	case kindMenu:
		for i := range n.options {
			add(n.options[i].next, true)
		}
		add(n.otherwise, true)
	case kindAsk, kindForm:
		add(n.next, true)
		add(n.otherwise, true)
	case kindHandoff:
		add(n.next, true)
		add(n.otherwise, false) // a closed pool: nobody speaks before
	case kindSurvey:
		add(n.next, true)
	case kindLookup, kindUnderstand:
		for _, o := range keysOf(n.outcomes) {
			add(n.outcomes[o], false)
		}
		add(n.otherwise, false)
	case kindCall: // it waits for a service, not for anybody's words: a ring of calls is a ring
		add(n.next, false)
		add(n.otherwise, false)
		add(n.call.unknown, false)
	case kindBranch:
		for i := range n.cases {
			add(n.cases[i].next, false)
		}
		add(n.otherwise, false)
	case kindSay, kindSet:
		add(n.next, false)
	case kindRun:
		add(n.run.start, false)
		if n.run.ends {
			add(n.next, !n.run.silent)
		}
	}
	return out
}

// graph checks how nodes hang together; all targets exist by now.
func (c *compiler) graph() {
	c.bodies()
	c.interludes()
	if c.refused() {
		return
	}
	c.unreachable()
	c.questions()
	c.loops()
	p := c.program
	p.opening = p.openingMenu()
	p.person, p.caller = p.nearestPerson()
	c.personNear()
	c.windows()
	c.paid()
}

func (c *compiler) unreachable() {
	seen := make([]bool, len(c.program.nodes))
	var visit func(int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, e := range c.program.nodes[i].edges() {
			visit(e.to)
		}
	}
	visit(c.program.start)
	for _, t := range c.program.triggers {
		visit(t.next)
	}
	for i, ok := range seen[:c.program.own] {
		if !ok {
			c.node = c.program.nodes[i].name
			c.find(reasonUnreachable, fmt.Sprintf("nodes[%s]", c.node), "nothing leads to it; lead a next to it or remove it")
		}
	}
	c.node = ""
}

// loops finds ways that come back without a wait: they would run until the step is stopped.
func (c *compiler) loops() {
	const (
		white = iota
		grey
		black
	)
	colour := make([]int, len(c.program.nodes))
	var path []int
	var visit func(int)
	visit = func(i int) {
		colour[i] = grey
		path = append(path, i)
		for _, e := range c.program.nodes[i].edges() {
			if e.wait {
				continue
			}
			switch colour[e.to] {
			case white:
				visit(e.to)
			case grey:
				c.loop(path, e.to)
			}
		}
		path = path[:len(path)-1]
		colour[i] = black
	}
	for i := range c.program.nodes {
		if colour[i] == white {
			visit(i)
		}
	}
	c.node = ""
}

func (c *compiler) loop(path []int, to int) {
	var names []string
	for i := range path {
		if path[i] == to {
			for _, j := range path[i:] {
				names = append(names, c.program.nodes[j].name)
			}
			break
		}
	}
	c.node = c.program.nodes[to].name
	c.find(reasonLoop, fmt.Sprintf("nodes[%s]", c.node), "%s → %s comes back without a wait; put an ask, a menu or an end into it", strings.Join(names, " → "), c.node)
}

// openingMenu is the menu that a conversation begins at when only says stand before it.
func (p *Program) openingMenu() int {
	i := p.start
	for range p.nodes { // says may stand in a ring, which loops refuses
		switch p.nodes[i].kind {
		case kindMenu:
			return i
		case kindSay:
			i = p.nodes[i].next
		default:
			return none
		}
	}
	return none
}

// nearestPerson is where a citizen who wants a person is led: by the first trigger that leads to a hand-off without a further
// question, else the first hand-off of the flow.
func (p *Program) nearestPerson() (node, trigger int) {
	for k, t := range p.triggers {
		if p.handsOff(t.next, 0) {
			return t.next, k
		}
	}
	for i := range p.nodes {
		if p.nodes[i].kind == kindHandoff {
			return i, none
		}
	}
	return none, none
}

// handsOff says whether every way from i is a hand-off without a wait before.
func (p *Program) handsOff(i, depth int) bool {
	n := &p.nodes[i]
	switch {
	case n.kind == kindHandoff:
		return true
	case depth > len(p.nodes):
		return false
	case n.kind == kindSay || n.kind == kindSet:
		return p.handsOff(n.next, depth+1)
	case n.kind == kindRun:
		return p.handsOff(n.run.start, depth+1)
	case n.kind == kindBranch:
		for i := range n.cases {
			if !p.handsOff(n.cases[i].next, depth+1) {
				return false
			}
		}
		return p.handsOff(n.otherwise, depth+1)
	}
	return false
}

// personNear advises when a citizen needs more than two replies to reach a person.
func (c *compiler) personNear() {
	p := c.program
	if p.person == none {
		c.advise(reasonNoPerson, "nodes", "no hand-off: citizens can reach no person; add a handoff node")
		return
	}
	if c.personByWord() {
		return // one word from anywhere
	}
	for i := range p.nodes[:p.own] {
		n := &p.nodes[i]
		if (n.kind == kindMenu || n.kind == kindAsk || n.kind == kindForm) && !p.personWithin(i, 2) {
			c.node = n.name
			c.advise(reasonNoPerson, fmt.Sprintf("nodes[%s]", n.name), "a person is more than two replies away; add a trigger that leads to a handoff")
		}
	}
	c.node = ""
}

// personByWord says whether a word leads to a person from anywhere. It advises on languages that have no such word.
func (c *compiler) personByWord() bool {
	p := c.program
	spoken := map[string]bool{}
	leads := -1
	for i, t := range c.flow.Triggers {
		if !p.handsOff(p.triggers[i].next, 0) {
			continue
		}
		if leads < 0 {
			leads = i
		}
		for l := range t.Words {
			spoken[l] = true
		}
	}
	if leads < 0 {
		return false
	}
	for _, l := range p.languages {
		if !spoken[l] {
			c.advise(reasonNoPerson, fmt.Sprintf("triggers[%s].words.%s", c.flow.Triggers[leads].Name, l), "no word of this language leads to a person; add those that citizens use for it")
		}
	}
	return true
}

// personWithin says whether a hand-off is reached from i with so many replies.
func (p *Program) personWithin(i, replies int) bool {
	type at struct{ node, replies int }
	seen := map[at]bool{}
	var visit func(at) bool
	visit = func(a at) bool {
		if p.nodes[a.node].kind == kindHandoff {
			return true
		}
		if seen[a] {
			return false
		}
		seen[a] = true
		for _, e := range p.nodes[a.node].edges() {
			left := a.replies
			if e.timed {
				continue // whoever wants a person writes
			}
			if e.wait {
				left--
			}
			if left >= 0 && visit(at{e.to, left}) {
				return true
			}
		}
		return false
	}
	return visit(at{i, replies})
}
