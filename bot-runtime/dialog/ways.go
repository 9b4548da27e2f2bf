package dialog

import (
	"slices"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// Way is one way through a flow, and what it costs.
type Way struct {
	// Nodes in order, from the start.
	Nodes []string
	// Messages that the citizen gets on it; the people's own are not among them.
	Messages int
}

// Ways are the dearest ways from the start on which no node is passed twice, one for each node where a way ends: an end, a
// hand-off, or a node from which everything leads to one that was passed. The dearest is first. complete is false when the
// flow has more ways than are looked at; there may then be dearer ones.
func (p *Program) Ways() (ways []Way, complete bool) {
	w := walk{p: p, on: make([]bool, len(p.nodes)), best: map[int]Way{}}
	w.visit(p.start, spent{})
	for i := range p.nodes { // in the order of the flow
		if way, ok := w.best[i]; ok {
			ways = append(ways, way)
		}
	}
	slices.SortStableFunc(ways, func(a, b Way) int { return b.Messages - a.Messages })
	return ways, w.steps <= maxPaidSteps
}

// Prices are how many messages each node sends by itself, by name: a say sends none that the next question can carry.
func (p *Program) Prices() map[string]int {
	out := map[string]int{}
	for i := range p.nodes {
		out[p.nodes[i].name] = spent{}.after(&p.nodes[i]).messages
	}
	return out
}

// spent is how many messages were sent on a way; pending says that a text waits for what comes next, to go with it. filled says
// that the questions which come next were answered in a form.
type spent struct {
	messages int
	pending  bool
	filled   bool
}

// after passing n.
func (s spent) after(n *node) spent {
	filled := s.filled
	s.filled = false
	switch n.kind {
	case kindAsk:
		if filled && n.ask.fits() {
			s.filled = true
			return s
		}
		return spent{messages: s.messages + 1, filled: filled}
	case kindMenu:
		return spent{messages: s.messages + 1}
	case kindForm: // who writes instead is asked one by one, if the form leads them nowhere else
		return spent{messages: s.messages + 1, filled: n.otherwise != none && n.otherwise != n.next}
	case kindSurvey:
		return spent{messages: s.messages + 1, pending: n.thanks != nil}
	case kindSay:
		if n.apart {
			s = s.sent()
		}
		switch {
		case n.approved != nil:
			s = s.sent()
			s.messages++
		case n.attached == nil:
			s.pending = true
		case n.text != nil && n.attached.Kind != message.AttachmentImage && n.attached.Kind != message.AttachmentDocument:
			s.pending = true // it has no caption: the text goes ahead
			fallthrough
		default:
			s = s.sent()
			s.messages++
		}
	case kindHandoff:
		s.pending = s.pending || n.text != nil
		return s.sent()
	case kindEnd:
		s.pending = s.pending || n.text != nil
	case kindCall: // what was said does not wait for the service
		return s.sent()
	}
	return s
}

func (s spent) sent() spent {
	if s.pending {
		s.messages++
	}
	return spent{messages: s.messages}
}

// walk looks at all ways, or at as many as it may.
type walk struct {
	p     *Program
	on    []bool
	path  []string
	back  []int // where the runs under way go on
	best  map[int]Way
	steps int
}

// visit passes node i; it says whether it could.
func (w *walk) visit(i int, s spent) bool {
	if w.on[i] || w.steps > maxPaidSteps {
		return false
	}
	w.steps++
	n := &w.p.nodes[i]
	w.on[i] = true
	w.path = append(w.path, n.name)
	s = s.after(n)
	on := false
	switch last := len(w.back) - 1; {
	case n.kind == kindHandoff:
		w.ends(i, s)
		on = true
	case n.kind == kindRun:
		w.back = append(w.back, n.next)
		on = w.visit(n.run.start, s)
		w.back = w.back[:last+1]
	case n.kind == kindEnd && last >= 0:
		next := w.back[last]
		w.back = w.back[:last]
		on = w.visit(next, s)
		w.back = append(w.back, next)
	default:
		for _, e := range n.edges() {
			to := s
			to.filled = s.filled && (n.kind != kindForm || e.to == n.next)
			if w.visit(e.to, to) {
				on = true
			}
		}
	}
	if !on {
		w.ends(i, s.sent())
	}
	w.on[i] = false
	w.path = w.path[:len(w.path)-1]
	return true
}

// ends: the way so far is one to node i.
func (w *walk) ends(i int, s spent) {
	if known, ok := w.best[i]; !ok || s.messages > known.Messages {
		w.best[i] = Way{Nodes: slices.Clone(w.path), Messages: s.messages}
	}
}
