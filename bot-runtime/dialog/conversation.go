package dialog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// Budgets of conversation tests, so that a flow cannot hold up the pod that judges it. Nodes and the cost of expressions are counted
// and come out the same everywhere. The time of all tests of a flow is only the last guard: it is wide, since a busy machine must not
// refuse what an idle one takes.
const (
	maxTestNodes = 10_000
	maxTestsTime = 30 * time.Second
)

// Report is how the conversation tests of a flow went.
type Report struct {
	Passed, All int
	Failures    []Failure
	// Nodes and Edges that the tests passed, of all that there are.
	Nodes, AllNodes, Edges, AllEdges int
	// Missed are the nodes that no test passed; MissedEdges the ways between nodes that were passed, as welcome → real.
	Missed, MissedEdges []string
	// Went are the ways that tests passed, from node to node; from "" where a conversation begins.
	Went map[[2]string]bool
}

// Failure is the first step of a test that did not go as written.
type Failure struct {
	Test    string
	Index   int // of the test
	Step    int // from 1
	Citizen string
	Want    string
	Got     string
	Why     string
	// Wants are what Want joins; Visited and Said are what Got shortens.
	Wants   []string
	Visited []string
	Said    []message.Out
}

// Findings are the failures as findings of the flow.
func (r Report) Findings() []bundle.Finding {
	var out []bundle.Finding
	for _, f := range r.Failures {
		m := fmt.Sprintf("%s, step %d: want %s; got %s", f.Test, f.Step, f.Want, f.Got)
		if f.Citizen != "" {
			m = fmt.Sprintf("%s, step %d, after %q: want %s; got %s", f.Test, f.Step, f.Citizen, f.Want, f.Got)
		}
		if f.Why != "" {
			m += "; why: " + f.Why
		}
		out = append(out, bundle.Finding{Path: fmt.Sprintf("tests[%s].steps[%d]", f.Test, f.Step-1), Reason: ReasonTestFailed, Message: m})
	}
	return out
}

// Test runs the flow's own conversations against env, which must be made of fixtures: it is asked for the time of each test.
// A test without a time of its own takes place on the last Monday at 10:00 before now, in the tenant's time zone.
func Test(p *Program, env func(time.Time) Env, now time.Time) Report {
	r := Report{All: len(p.tests), AllNodes: p.own}
	passed := map[[2]string]bool{}
	deadline := time.Now().Add(maxTestsTime)
	for i := range p.tests {
		t := &p.tests[i]
		if time.Now().After(deadline) {
			r.Failures = append(r.Failures, Failure{Test: t.Name, Index: i, Step: 1, Want: "all tests within " + maxTestsTime.String(), Got: "no time left for this one"})
			continue
		}
		at := mondayMorning(now, p.zone)
		if t.At != nil {
			at = t.At.Time
		}
		run := talk{p: p, envAt: env, env: env(at), at: at, timers: map[string]due{}, passed: passed, deadline: deadline}
		if f, ok := run.test(t); !ok {
			f.Test, f.Index = t.Name, i
			r.Failures = append(r.Failures, f)
			continue
		}
		r.Passed++
	}
	r.cover(p, passed)
	return r
}

func mondayMorning(now time.Time, zone *time.Location) time.Time {
	t := now.In(zone)
	back := (int(t.Weekday()) + 6) % 7
	m := time.Date(t.Year(), t.Month(), t.Day()-back, 10, 0, 0, 0, zone)
	if m.After(now) {
		m = m.AddDate(0, 0, -7)
	}
	return m
}

// cover counts the nodes and edges that were passed.
func (r *Report) cover(p *Program, passed map[[2]string]bool) {
	r.Went = passed
	seen := map[string]bool{}
	for pair := range passed {
		seen[pair[1]] = true
	}
	for i := range p.nodes[:p.own] {
		n := &p.nodes[i]
		if seen[n.name] {
			r.Nodes++
		} else {
			r.Missed = append(r.Missed, n.name)
		}
		counted := map[int]bool{}
		for _, e := range n.edges() {
			if counted[e.to] {
				continue
			}
			counted[e.to] = true
			r.AllEdges++
			switch to := p.nodes[e.to].name; {
			case passed[[2]string{n.name, to}]:
				r.Edges++
			case seen[n.name] && seen[to]:
				r.MissedEdges = append(r.MissedEdges, n.name+" → "+to)
			}
		}
	}
}

// check gives what was wanted and did not come; nothing when all is as expected.
func (t *talk) check(e *v1alpha1.Expectation) (wants []string) {
	all := strings.ToLower(t.text())
	passed := func(name v1alpha1.Name) bool {
		for _, n := range t.last.Visited {
			if named(name, n) {
				return true
			}
		}
		s, _ := Decode(t.state)
		return named(name, s.Node)
	}
	add := func(bad bool, format string, args ...any) {
		if bad {
			wants = append(wants, fmt.Sprintf(format, args...))
		}
	}
	add(e.Node != "" && !passed(e.Node), "node %s", e.Node)
	add(e.Contains != "" && !strings.Contains(all, strings.ToLower(e.Contains)), "contains %q", e.Contains)
	add(e.Exact != "" && t.words() != strings.TrimSpace(e.Exact), "exactly %q", strings.TrimSpace(e.Exact))
	if e.Matches != "" {
		re, err := regexp.Compile(e.Matches)
		if err != nil {
			add(true, "matches %q, which is no regular expression: %v", e.Matches, err)
		} else {
			add(!re.MatchString(t.text()), "matches %q", e.Matches)
		}
	}
	if e.Buttons != nil {
		var offered []v1alpha1.ButtonTitle
		for _, m := range t.last.Say {
			for _, c := range m.Choices {
				offered = append(offered, v1alpha1.ButtonTitle(c.Title))
			}
		}
		add(!slices.Equal(e.Buttons, offered), "buttons %q (they are %q)", e.Buttons, offered)
	}
	if e.Ended != nil && *e.Ended != t.last.Ended {
		add(*e.Ended, "the enquiry is over")
		add(!*e.Ended, "the enquiry goes on")
	}
	add(e.HandedTo != "" && (t.last.Handoff == nil || t.last.Handoff.Pool != string(e.HandedTo)), "handed to %s", e.HandedTo)
	if want := sortedSkills(e.Skills); want != nil {
		var got []string
		if t.last.Handoff != nil {
			got = t.last.Handoff.Skills
		}
		add(!slices.Equal(want, got), "asks for the skills %s (it asks for %s)", strings.Join(want, ", "), orNothing(got))
	}
	for _, name := range keysOf(e.Variables) {
		want := string(e.Variables[name])
		if got := t.value(name); got != want {
			wants = append(wants, fmt.Sprintf("%s %q (it is %q)", name, want, got))
		}
	}
	add(e.Messages != nil && int(*e.Messages) != len(t.last.Say), "%d messages", deref(e.Messages))
	if e.Not != nil {
		add(e.Not.Node != "" && passed(e.Not.Node), "not node %s", e.Not.Node)
		add(e.Not.Contains != "" && strings.Contains(all, strings.ToLower(e.Not.Contains)), "not contains %q", e.Not.Contains)
	}
	return wants
}

// value of a variable, as a text shows it; empty when there is none.
func (t *talk) value(name string) string {
	s, _ := Decode(t.state)
	if v, ok := s.Variables[name]; ok {
		return show(v)
	}
	if kind, ok := t.p.variables[name]; ok && len(t.state) > 0 && kind != v1alpha1.VariableString {
		return show(zeroOf(kind))
	}
	return ""
}

func deref(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}

// words are what the bot said, a message a line.
func (t *talk) words() string {
	var all []string
	for _, m := range t.last.Say {
		all = append(all, strings.TrimSpace(m.Words()))
	}
	return strings.Join(all, "\n")
}

// text is all that the bot said, with the titles of choices.
func (t *talk) text() string {
	var b strings.Builder
	for _, m := range t.last.Say {
		b.WriteString(m.Words())
		for _, c := range m.Choices {
			b.WriteString("\n" + c.Title)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (t *talk) got() string {
	at := "no node"
	if n := len(t.last.Visited); n > 0 {
		at = "node " + t.last.Visited[n-1]
		if n > 1 {
			at = "nodes " + strings.Join(t.last.Visited, " → ")
		}
	}
	said := make([]string, 0, len(t.last.Say))
	for _, m := range t.last.Say {
		said = append(said, quoted(m.Words()))
	}
	out := at + ": " + strings.Join(said, ", ")
	if len(said) == 0 {
		out = at + ", nothing said"
	}
	if t.last.Handoff != nil {
		out += ", handed to " + t.last.Handoff.Pool
		if skills := t.last.Handoff.Skills; len(skills) > 0 {
			out += " for " + strings.Join(skills, ", ")
		}
	}
	return out
}
