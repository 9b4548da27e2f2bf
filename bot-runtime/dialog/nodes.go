package dialog

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// nodes compiles every node, each by its kind.
func (c *compiler) nodes() {
	c.node = ""
	c.program.start = c.target(c.flow.Start, "start")
	for _, n := range c.flow.Nodes {
		c.node = string(n.Name)
		path := fmt.Sprintf("nodes[%s]", n.Name)
		out := node{name: c.node, unit: c.program.unit, next: none, otherwise: none}
		switch kinds := kindsOf(n); {
		case len(kinds) != 1:
			c.find(reasonNode, path, "a node is exactly one of say, ask, form, menu, lookup, call, understand, set, branch, handoff, survey, run, end; this has %s", orNothing(kinds))
		case n.Say != nil:
			c.say(&out, n.Say, path+".say")
		case n.Ask != nil:
			c.ask(&out, n.Ask, path+".ask")
		case n.Form != nil:
			c.form(&out, n.Form, path+".form")
		case n.Menu != nil:
			c.menu(&out, n.Menu, path)
		case n.Lookup != nil:
			c.lookup(&out, n.Lookup, path+".lookup")
		case n.Call != nil:
			c.call(&out, n.Call, path+".call")
		case n.Understand != nil:
			c.understand(&out, n.Understand, path+".understand")
		case n.Set != nil:
			c.set(&out, n.Set, path+".set")
		case n.Branch != nil:
			c.branch(&out, n.Branch, path+".branch")
		case n.Handoff != nil:
			c.handoff(&out, n.Handoff, path+".handoff")
		case n.Survey != nil:
			out.kind = kindSurvey
			if out.scale = n.Survey.Scale; out.scale == "" {
				out.scale = v1alpha1.ScaleCSAT
			}
			out.text = c.text(n.Survey.Text, path+".survey.text", maxText)
			out.thanks = c.optionalText(n.Survey.Thanks, path+".survey.thanks")
		case n.Run != nil:
			c.runs(&out, n.Run, path+".run")
		case n.End != nil:
			out.kind = kindEnd
			out.text = c.optionalText(n.End.Text, path+".end.text")
		}
		switch out.kind {
		case kindSay, kindAsk, kindForm, kindCall, kindSet, kindHandoff, kindSurvey, kindRun:
			out.next = c.target(n.Next, path+".next")
		default:
			if n.Next != "" {
				c.find(reasonNode, path+".next", "end, menu, lookup, understand and branch choose their own way; leave next out")
			}
		}
		if out.safe = n.SafePoint; out.safe && !out.waits() {
			c.find(reasonSafePoint, path+".safePoint", "a safePoint is a node where a conversation waits for somebody: ask, form, menu, handoff or survey; %s is none", out.kind)
		}
		c.program.nodes = append(c.program.nodes, out)
	}
	c.program.own = len(c.program.nodes)
	c.node = ""
}

func kindsOf(n v1alpha1.Node) []string {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"say", n.Say != nil}, {"ask", n.Ask != nil}, {"form", n.Form != nil}, {"menu", n.Menu != nil}, {"lookup", n.Lookup != nil}, {"call", n.Call != nil}, {"understand", n.Understand != nil}, {"set", n.Set != nil},
		{"branch", n.Branch != nil}, {"handoff", n.Handoff != nil}, {"survey", n.Survey != nil}, {"run", n.Run != nil}, {"end", n.End != nil}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

func orNothing(kinds []string) string {
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

func (c *compiler) ask(out *node, a *v1alpha1.Ask, path string) {
	out.kind = kindAsk
	kind := a.Type
	if kind == "" {
		kind = v1alpha1.AskText
	}
	if kind != v1alpha1.AskYesNo && len(a.Options) == 0 {
		out.text = c.text(a.Text, path+".text", maxText)
	}
	out.ask = &ask{as: string(a.As), kind: kind, retries: int(a.Retries)}
	out.otherwise = c.optionalTarget(a.Otherwise, path+".otherwise")
	c.silences(out, a.Silence, path+".silence")
	c.askVariable(out.ask, path)
	c.answers(out, a, path)
	if a.Rule != nil {
		out.ask.rule = c.answerRule(a.Rule, kind, path+".rule")
	}
	if a.Valid != "" {
		out.ask.valid = c.expression(string(a.Valid), path+".valid", 0, types.BoolKind)
	}
	out.ask.fault = c.optionalText(a.Error, path+".error")
}

func (c *compiler) form(out *node, f *v1alpha1.Form, path string) {
	out.kind = kindForm
	out.text = c.text(f.Text, path+".text", maxButtonsBody)
	out.otherwise = c.optionalTarget(f.Otherwise, path+".otherwise")
	c.silences(out, f.Silence, path+".silence")
	out.form = &shownForm{id: f.WhatsApp, screen: f.Screen, button: c.text(f.Button, path+".button", maxFormButton)}
}

// maxFormButton is how many characters WhatsApp has for the button that opens a form.
const maxFormButton = 30

// questions of forms: what follows a form must be an ask, or the form would hold none.
func (c *compiler) questions() {
	for i := range c.program.nodes[:c.program.own] {
		if n := &c.program.nodes[i]; n.kind == kindForm && c.program.nodes[n.next].kind != kindAsk {
			c.node = n.name
			c.find(reasonNode, fmt.Sprintf("nodes[%s].next", n.name), "a form stands before the asks whose questions it holds; lead to the first of them, not to a %s",
				c.program.nodes[n.next].kind)
		}
	}
	c.node = ""
}

// askVariable: a number is kept in a number or as text, yes and no in a bool or as text, everything else as text.
func (c *compiler) askVariable(a *ask, path string) {
	declared, ok := c.program.variables[a.as]
	switch {
	case !ok:
		c.find(reasonUndeclared, path+".as", "no variable %q%s; declare it in variables", a.as, didYouMean(a.as, keysOf(c.program.variables)))
	case declared == v1alpha1.VariableNumber && a.kind == v1alpha1.AskNumber, declared == v1alpha1.VariableBool && a.kind == v1alpha1.AskYesNo:
		a.variable = declared
	case declared != v1alpha1.VariableString:
		c.find(reasonVariableType, path+".as", "%q is a %s, but the answer is a %s; declare it as string", a.as, declared, a.kind)
	}
}

// answers compiles what a question offers to tap.
func (c *compiler) answers(out *node, a *v1alpha1.Ask, path string) {
	var all []v1alpha1.Option
	switch {
	case out.ask.kind == v1alpha1.AskYesNo:
		titles := map[string]v1alpha1.Text{yes: {}, no: {}}
		for _, l := range c.program.languages {
			titles[yes][l], titles[no][l] = v1alpha1.Sentence(own(l).yes), v1alpha1.Sentence(own(l).no)
		}
		all = []v1alpha1.Option{{Name: yes, Title: titles[yes]}, {Name: no, Title: titles[no]}}
	case (out.ask.kind == v1alpha1.AskChoice) != (len(a.Options) > 0):
		c.find(reasonNode, path+".options", "options are what a question of type choice offers: give both or neither")
		return
	default:
		for _, o := range a.Options {
			all = append(all, v1alpha1.Option{Name: o.Name, Title: o.Title, Words: o.Words})
		}
	}
	limit, titleLimit := maxText, maxListRowTitle
	if len(all) <= maxButtons {
		limit, titleLimit = maxButtonsBody, maxButtonTitle
	}
	if len(all) > 0 {
		out.text = c.text(a.Text, path+".text", limit)
	}
	c.options(out, all, titleLimit, path, func(*v1alpha1.Option, string) int { return none })
}

func (c *compiler) menu(out *node, m *v1alpha1.Menu, path string) {
	out.kind = kindMenu
	limit, titleLimit := maxText, maxListRowTitle
	if len(m.Options) <= maxButtons {
		limit, titleLimit = maxButtonsBody, maxButtonTitle
	}
	out.text = c.text(m.Text, path+".menu.text", limit)
	out.otherwise = c.optionalTarget(m.Otherwise, path+".menu.otherwise")
	c.silences(out, m.Silence, path+".menu.silence")
	c.options(out, m.Options, titleLimit, path+".menu", func(o *v1alpha1.Option, at string) int { return c.target(o.Next, at+".next") })
}

// options compiles what can be chosen; next says where each leads.
func (c *compiler) options(out *node, all []v1alpha1.Option, titleLimit int, path string, next func(*v1alpha1.Option, string) int) {
	titles := make([]map[string]int, len(c.program.languages))
	for i := range all {
		o := &all[i]
		at := fmt.Sprintf("%s.options[%s]", path, o.Name)
		opt := option{name: string(o.Name), id: out.name + "/" + string(o.Name), next: next(o, at)}
		for j, l := range c.program.languages {
			title := string(o.Title[l])
			opt.titles = append(opt.titles, title)
			switch n := utf8.RuneCountInString(title); {
			case title == "":
				c.find(reasonTranslation, at+".title."+l, "missing; add it or remove %s from languages", l)
				continue
			case n > titleLimit:
				c.find(reasonTooLong, at+".title."+l, "%d characters, at most %d are shown with %d options; shorten it", n, titleLimit, len(all))
			case strings.Contains(title, "{{"):
				c.find(reasonExpression, at+".title."+l, "a title holds no expressions; write it out")
			}
			folded := words.Fold(title)
			if titles[j] == nil {
				titles[j] = map[string]int{}
			}
			if other, twice := titles[j][folded]; twice {
				c.find(reasonDuplicate, at+".title."+l, "reads as option %q does; no one could choose between them", all[other].Name)
			} else {
				titles[j][folded] = i
			}
			if folded != "" && !slices.Contains(opt.said, folded) {
				opt.said = append(opt.said, folded)
			}
		}
		c.extraLanguages(keysOf(o.Title), at+".title")
		for _, w := range said(o.Words) {
			if !slices.Contains(opt.said, w) {
				opt.said = append(opt.said, w)
			}
		}
		for k := range out.options {
			if out.options[k].name == opt.name {
				c.find(reasonDuplicate, fmt.Sprintf("%s.options[%d].name", path, i), "options[%d] is named %q, too; rename one", k, opt.name)
			}
		}
		out.options = append(out.options, opt)
	}
}

func (c *compiler) lookup(out *node, l *v1alpha1.Lookup, path string) {
	out.kind = kindLookup
	out.directory = string(l.Directory)
	out.as = string(l.As)
	if reserved[out.as] {
		c.find(reasonReserved, path+".as", "%q is Loket's own; choose another name", out.as)
	}
	query := string(l.Query)
	if query == "" {
		query = "input.text"
	}
	out.query = c.expression(query, path+".query", 0, types.StringKind)
	out.outcomes = map[string]int{}
	for i, on := range l.On {
		next := c.target(on.Next, fmt.Sprintf("%s.cases[%d].next", path, i))
		for _, o := range on.Outcomes {
			if _, twice := out.outcomes[string(o)]; twice {
				c.find(reasonDuplicate, fmt.Sprintf("%s.cases[%d].outcomes", path, i), "%s has a way already; the first is taken", o)
				continue
			}
			out.outcomes[string(o)] = next
		}
	}
	out.otherwise = c.target(l.Otherwise, path+".otherwise")
}

func (c *compiler) set(out *node, s *v1alpha1.Set, path string) {
	out.kind = kindSet
	out.sets = c.assignments(s.Variables, path+".variables")
}

func (c *compiler) assignments(all []v1alpha1.Assignment, path string) []assignment {
	return c.assigned(all, path, c.program.unit, c.program.unit)
}

// assigned compiles assignments to variables of one unit, with values of another.
func (c *compiler) assigned(all []v1alpha1.Assignment, path string, to, from *unit) []assignment {
	values := c
	if from != c.program.unit {
		values = &compiler{env: from.env, types: from.types, compiled: map[string]*expression{}, node: c.node}
		defer func() { c.findings = append(c.findings, values.findings...) }()
	}
	var out []assignment
	for i, v := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		kind, ok := to.variables[string(v.Name)]
		if !ok {
			c.find(reasonUndeclared, at+".name", "no variable %q%s; declare it in variables", v.Name, didYouMean(string(v.Name), keysOf(to.variables)))
			continue
		}
		wanted := []types.Kind{types.StringKind}
		switch kind {
		case v1alpha1.VariableNumber:
			wanted = []types.Kind{types.DoubleKind, types.IntKind, types.UintKind}
		case v1alpha1.VariableBool:
			wanted = []types.Kind{types.BoolKind}
		}
		out = append(out, assignment{name: string(v.Name), kind: kind, value: values.expression(string(v.Value), at+".value", 0, wanted...)})
	}
	return out
}

func (c *compiler) branch(out *node, b *v1alpha1.Branch, path string) {
	out.kind = kindBranch
	for i, k := range b.Cases {
		at := fmt.Sprintf("%s.cases[%d]", path, i)
		one := branchCase{next: c.target(k.Next, at+".next")}
		switch {
		case (k.When != "") == (len(k.If) > 0):
			c.find(reasonNode, at, "a case has a when (an expression) or an if (conditions), one of both")
		case k.When != "":
			one.when = c.expression(string(k.When), at+".when", 0, types.BoolKind)
		default:
			one.when = c.conditions(k.If, at+".if")
		}
		out.cases = append(out.cases, one)
	}
	out.otherwise = c.target(b.Otherwise, path+".otherwise")
}

func (c *compiler) handoff(out *node, h *v1alpha1.Handoff, path string) {
	out.kind = kindHandoff
	out.pool = string(h.Pool)
	out.priority = string(h.Priority)
	if out.priority == "" {
		out.priority = string(v1alpha1.PriorityNormal)
	}
	out.skills = sortedSkills(h.Skills)
	out.text = c.optionalText(h.Text, path+".text")
	if h.Summary != "" {
		out.summary = c.expression(string(h.Summary), path+".summary", 0, types.StringKind)
	}
	out.otherwise = c.optionalTarget(h.Otherwise, path+".otherwise")
}

func sortedSkills(skills []v1alpha1.Skill) []string {
	var names []string
	for _, skill := range skills {
		names = append(names, string(skill))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// triggers compiles what works from anywhere.
func (c *compiler) triggers() {
	for _, t := range c.flow.Triggers {
		path := fmt.Sprintf("triggers[%s]", t.Name)
		out := trigger{name: string(t.Name), next: c.target(t.Next, path+".next"), returns: t.Returns}
		for _, w := range said(t.Words) {
			out.phrases = append(out.phrases, strings.Fields(w))
		}
		if len(out.phrases) == 0 {
			c.find(reasonNode, path+".words", "no word of letters; a citizen could never say it")
		}
		c.extraLanguages(keysOf(t.Words), path+".words")
		c.program.triggers = append(c.program.triggers, out)
	}
}

// references checks the other objects that the flow names.
func (c *compiler) references() {
	directories := map[string]bool{}
	for name, d := range c.in.Directories {
		directories[name] = d.Serves
	}
	for _, n := range c.flow.Nodes {
		c.node = string(n.Name)
		if n.Lookup != nil {
			c.reference("Directory", string(n.Lookup.Directory), fmt.Sprintf("nodes[%s].lookup.directory", n.Name), directories)
		}
		if n.Handoff != nil && c.reference("AgentPool", string(n.Handoff.Pool), fmt.Sprintf("nodes[%s].handoff.pool", n.Name), c.in.Pools) {
			c.skills(n.Handoff, fmt.Sprintf("nodes[%s].handoff.skills", n.Name))
		}
	}
	c.node = ""
	for _, t := range c.flow.Tests {
		for i, l := range t.Lookups {
			c.reference("Directory", string(l.Directory), fmt.Sprintf("tests[%s].lookups[%d].directory", t.Name, i), directories)
		}
	}
	known := map[string]bool{}
	for name, set := range c.in.Knowledge {
		known[name] = set != nil
	}
	for i, k := range c.flow.Knowledge {
		if c.reference("Knowledge", string(k), fmt.Sprintf("knowledge[%d]", i), known) {
			c.program.knowledge = append(c.program.knowledge, c.in.Knowledge[string(k)])
		}
	}
}

// skills is advice: who works at a counter changes from day to day, and citizens are served by the others meanwhile.
func (c *compiler) skills(h *v1alpha1.Handoff, path string) {
	known := map[string]bool{}
	for _, s := range c.in.Skills[string(h.Pool)] {
		known[string(s.Name)] = true
	}
	for i, skill := range h.Skills {
		if !known[string(skill)] {
			c.advise(reasonSkill, fmt.Sprintf("%s[%d]", path, i), "no agent of AgentPool %q has the skill %q, so that anybody of it is asked at once; name them under its agents.skills%s",
				h.Pool, skill, didYouMean(string(skill), keysOf(known)))
		}
	}
}

func (c *compiler) reference(kind, name, path string, known map[string]bool) bool {
	good, ok := known[name]
	switch {
	case !ok:
		c.find(ReasonUnknownObject, path, "no %s %q in this namespace%s", kind, name, didYouMean(name, keysOf(known)))
	case !good:
		c.find(ReasonRefusedObject, path, "%s %q is refused itself and has never served; mend it first", kind, name)
	}
	return ok && good
}
