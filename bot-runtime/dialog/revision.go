package dialog

// KindOf names the kind of a node, such as menu; empty for one that the flow does not have.
func (p *Program) KindOf(node string) string {
	if i, ok := p.index[node]; ok {
		return p.nodes[i].kind.String()
	}
	return ""
}

// Takes says whether a conversation that another revision of the flow has left waiting, at a node of that kind, can go on in this
// one: the node is a safe point here, of the same kind; the runs that the conversation stands in are here, and lead to it; and no
// variable that it holds has become of another type. One that was interrupted by a trigger that returns stays where it is.
func (p *Program) Takes(stored []byte, kind string) bool {
	state, err := Decode(stored)
	if err != nil {
		return false
	}
	at, ok := p.index[state.Node]
	if !ok || !p.nodes[at].safe || p.nodes[at].kind.String() != kind {
		return false
	}
	for k := len(state.Runs) - 1; k >= 0; k-- {
		caller := p.runAt(state.Runs[k].Node)
		if caller == none || state.Runs[k].Trigger != "" || !p.nodes[caller].run.body[at] {
			return false
		}
		at = caller
	}
	for name, v := range state.Variables {
		if declared, ok := p.variables[name]; ok && !kindHolds(declared, v) {
			return false
		}
	}
	return true
}
