package dialog

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/knowledge"
)

// A program holds the nodes of the flows that its flow runs, too, so that a conversation stands in one program, of one revision,
// whatever it goes through. What a flow declares stays its own: its nodes belong to a unit, and a conversation's state keeps the
// unit's variables under its prefix.

// unit is what one flow declares.
type unit struct {
	prefix    string // of its nodes' names and variables, such as address:, or empty
	variables map[string]v1alpha1.VariableType
	lookups   map[string]bool
	knowledge []*knowledge.Set
	intents   intents
	env       *cel.Env
	types     map[string]*cel.Type
}

// key is the name under which the state keeps a variable.
func (u *unit) key(name string) string {
	if u.prefix == "" {
		return name
	}
	return u.prefix + name
}

// linked is a flow that this one runs: its nodes begin at an index.
type linked struct {
	name  string
	from  *Program
	first int
	main  *unit
}

// unitMark parts the name of a flow from that of a node or a variable, which hold none.
const unitMark = ":"

// maxLinkedName leaves room for an option's name within the 200 characters that a row of a list may be called by.
const maxLinkedName = 200 - 1 - 63

// linkTo finds a flow to run, or tells why it cannot be. Its nodes will follow those of the flows before it.
func (c *compiler) linkTo(name, path string) (linked, bool) {
	for _, l := range c.linked {
		if l.name == name {
			return l, true
		}
	}
	p, ok := c.in.Flows[name]
	switch {
	case c.in.Rings[name]:
		c.find(reasonRun, path, "DialogFlow %q runs this one in turn, which would never stop growing; let one of both do without the other", name)
		return linked{}, false
	case !ok:
		c.find(ReasonUnknownObject, path, "no DialogFlow %q in this namespace%s", name, didYouMean(name, keysOf(c.in.Flows)))
		return linked{}, false
	case p == nil:
		c.find(ReasonRefusedObject, path, "DialogFlow %q is refused itself and has never served; mend it first", name)
		return linked{}, false
	}
	for _, l := range c.program.languages {
		if !slices.Contains(p.languages, l) {
			c.find(reasonTranslation, path, "DialogFlow %q does not speak %s; add it there, or remove it from languages here", name, l)
			return linked{}, false
		}
	}
	l := linked{name: name, from: p, first: len(c.flow.Nodes)}
	if n := len(c.linked); n > 0 {
		l.first = c.linked[n-1].first + len(c.linked[n-1].from.nodes)
	}
	l.main = p.unit.under(name + unitMark)
	c.linked = append(c.linked, l)
	return l, true
}

func (u *unit) under(prefix string) *unit {
	other := *u
	other.prefix = prefix + u.prefix
	return &other
}

// link takes the nodes of the flows that are run into the program.
func (c *compiler) link() {
	for _, l := range c.linked {
		language := make([]int, len(c.program.languages))
		for i, name := range c.program.languages {
			language[i] = slices.Index(l.from.languages, name)
		}
		units := map[*unit]*unit{l.from.unit: l.main}
		for i := range l.from.nodes {
			n := l.from.nodes[i].moved(l, language)
			if units[n.unit] == nil {
				units[n.unit] = n.unit.under(l.name + unitMark)
			}
			n.unit = units[n.unit]
			if n.run != nil && n.run.unit != nil {
				if units[n.run.unit] == nil {
					units[n.run.unit] = n.run.unit.under(l.name + unitMark)
				}
				n.run.unit = units[n.run.unit]
			}
			if len(n.name) > maxLinkedName {
				c.find(reasonTooLong, "nodes", "%s is a name of %d characters, at most %d are possible; shorten those of the flows or of the node", n.name, len(n.name), maxLinkedName)
			}
			c.program.index[n.name] = len(c.program.nodes)
			c.program.nodes = append(c.program.nodes, n)
		}
	}
}

// moved is the node at its place in another program, with its texts in the order of that one's languages.
func (n node) moved(l linked, language []int) node {
	at := func(i int) int {
		if i == none {
			return none
		}
		return i + l.first
	}
	n.name = l.name + unitMark + n.name
	n.next, n.otherwise = at(n.next), at(n.otherwise)
	n.text, n.thanks = n.text.in(language), n.thanks.in(language)
	n.options = slices.Clone(n.options)
	for i := range n.options {
		o := &n.options[i]
		o.id, o.next = n.name+"/"+o.name, at(o.next)
		titles := make([]string, len(language))
		for k, from := range language {
			titles[k] = o.titles[from]
		}
		o.titles = titles
	}
	if n.ask != nil {
		ask := *n.ask
		ask.fault = ask.fault.in(language)
		n.ask = &ask
	}
	if n.form != nil {
		form := *n.form
		form.button = form.button.in(language)
		n.form = &form
	}
	n.approved = n.approved.in(language)
	if n.call != nil {
		call := *n.call
		call.unknown = at(call.unknown)
		n.call = &call
	}
	n.outcomes = maps.Clone(n.outcomes)
	for name, to := range n.outcomes {
		n.outcomes[name] = at(to)
	}
	n.cases = slices.Clone(n.cases)
	for i := range n.cases {
		n.cases[i].next = at(n.cases[i].next)
	}
	n.silence = slices.Clone(n.silence)
	for i := range n.silence {
		n.silence[i].text, n.silence[i].next = n.silence[i].text.in(language), at(n.silence[i].next)
		n.silence[i].approved = n.silence[i].approved.in(language)
	}
	if n.run != nil {
		run := *n.run
		run.start = at(run.start)
		n.run = &run
	}
	return n
}

func (t texts) in(language []int) texts {
	if t == nil {
		return nil
	}
	out := make(texts, len(language))
	for i, from := range language {
		out[i] = t[from]
	}
	return out
}

// runFlow compiles a run of another flow.
func (c *compiler) runFlow(out *node, r *v1alpha1.Run, path string) {
	l, ok := c.linkTo(string(r.Flow), path+".flow")
	if !ok {
		return
	}
	out.run = &run{start: l.first + l.from.start, unit: l.main,
		arguments: c.assigned(r.Arguments, path+".arguments", l.main, c.program.unit),
		results:   c.assigned(r.Results, path+".results", c.program.unit, l.main)}
	c.once(r.Arguments, path+".arguments")
	c.once(r.Results, path+".results")
}

// named says whether a name in a test means a node: one of another flow by its last part.
func named(name v1alpha1.Name, node string) bool {
	return node == string(name) || strings.HasSuffix(node, unitMark+string(name))
}

// forget drops what the state keeps of a unit, and of those that it runs; it gives what the variables held.
func (s *State) forget(u *unit) map[string]any {
	var held map[string]any
	for name, v := range s.Variables {
		if strings.HasPrefix(name, u.prefix) {
			if held == nil {
				held = map[string]any{}
			}
			held[name] = v
			delete(s.Variables, name)
		}
	}
	for name := range s.Found {
		if strings.HasPrefix(name, u.prefix) {
			delete(s.Found, name)
		}
	}
	return held
}

// stand makes a node's unit that of expressions.
func (s *stepper) stand(n *node) { s.scope.unit = n.unit }

// set gives a variable of the unit a value.
func (s *stepper) set(name string, v any) { s.state.set(s.scope.unit.key(name), v) }
