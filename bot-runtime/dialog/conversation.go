package dialog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory"
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

// talk is one test under way.
type talk struct {
	p        *Program
	calls    []v1alpha1.TestAnswer
	env      Env
	envAt    func(time.Time) Env
	at       time.Time
	timers   map[string]due
	deadline time.Time
	passed   map[[2]string]bool
	state    []byte
	nodes    int
	last     Result // since the citizen's last words
	said     string
	offered  []message.Choice // that can be tapped now
	forms    bool             // the test is of a channel that shows forms
	form     string           // that was offered last
	answers  []string         // what directories said, for why
}

// due is a timer that runs.
type due struct {
	at         time.Time
	generation int64
}

// silence lets time pass: what falls due happens, in its order. All of it counts as said since the citizen's last words.
func (t *talk) silence(d time.Duration) {
	until := t.at.Add(d)
	said := t.last
	for {
		name := ""
		for n, timer := range t.timers {
			if !timer.at.After(until) && (name == "" || timer.at.Before(t.timers[name].at)) {
				name = n
			}
		}
		if name == "" {
			break
		}
		timer := t.timers[name]
		delete(t.timers, name)
		t.watch(timer.at)
		t.step(Input{Kind: InputTimer, Timer: name, Generation: timer.generation, At: t.at})
		if t.nodes > maxTestNodes {
			break
		}
		t.last.Say, t.last.Visited = append(said.Say, t.last.Say...), append(said.Visited, t.last.Visited...)
		said = t.last
	}
	t.watch(until)
}

// watch sets the clock, and what depends on it.
func (t *talk) watch(at time.Time) {
	t.at, t.env = at, t.envAt(at)
	t.env.Forms = t.env.Forms || t.forms
	lookup := t.env.Lookup
	if lookup == nil {
		return
	}
	t.env.Lookup = func(name, query string) (directory.Answer, bool) {
		a, ok := lookup(name, query)
		if ok {
			t.answers = append(t.answers, fmt.Sprintf("directory %s answered %s; %s", name, a.Outcome, a.Why))
		}
		return a, ok
	}
}

func (t *talk) test(test *v1alpha1.ConversationTest) (Failure, bool) {
	t.forms = test.Forms || slices.ContainsFunc(test.Steps, func(s v1alpha1.TestStep) bool { return s.Fills != nil })
	t.watch(t.at)
	if test.Language != "" {
		t.state = mustEncode(State{Language: string(test.Language)})
	}
	t.calls = test.Calls
	for i := range test.Steps {
		step := &test.Steps[i]
		fail := Failure{Step: i + 1, Citizen: t.said}
		switch {
		case step.Citizen != "":
			t.citizen(step.Citizen)
		case step.Fills != nil:
			t.said = "(form)"
			fields := map[string]string{}
			for name, v := range step.Fills {
				fields[name] = string(v)
			}
			t.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InForm, Form: t.form, Fields: fields}, At: t.at})
		case step.Sends != "":
			t.said = "(" + step.Sends + ")"
			t.step(Input{Kind: InputMessage, Message: Attachment(step.Sends), At: t.at})
		case step.Silence > 0:
			t.silence(time.Duration(step.Silence) * time.Minute)
		case step.Agent != "":
			if t.last.Handoff == nil {
				fail.Want, fail.Got = "an agent who can close", "no hand-off before"
				return fail, false
			}
			t.step(Input{Kind: InputClosed, At: t.at})
		case step.Bot != nil:
			if wants := t.check(step.Bot); len(wants) > 0 {
				fail.Want, fail.Got, fail.Why = strings.Join(wants, ", "), t.got(), strings.Join(append(t.answers, t.last.Problems...), "; ")
				fail.Wants, fail.Visited, fail.Said = wants, t.last.Visited, t.last.Say
				return fail, false
			}
		}
		switch {
		case t.nodes > maxTestNodes:
			fail.Want, fail.Got = fmt.Sprintf("at most %d nodes", maxTestNodes), fmt.Sprint(t.nodes)
			return fail, false
		case time.Now().After(t.deadline):
			fail.Want, fail.Got = "all tests within "+maxTestsTime.String(), "no time left for this one"
			return fail, false
		}
	}
	return Failure{}, true
}

func mustEncode(s State) []byte { b, _ := s.encode(); return b }

// citizen writes, or taps when the words are the title of a choice.
func (t *talk) citizen(text string) {
	m := message.In{Kind: message.InText, Text: text}
	for _, c := range t.offered {
		if strings.EqualFold(c.Title, text) {
			m = message.In{Kind: message.InChoice, Text: c.Title, ChoiceID: c.ID}
		}
	}
	t.said = text
	t.step(Input{Kind: InputMessage, Message: m, At: t.at})
}

// Attachment is a message without words, as a channel makes it: what a test's sends names. Its ids and place are invented.
func Attachment(what string) message.In {
	switch what {
	case "location":
		return message.In{Kind: message.InLocation, Latitude: -6.175392, Longitude: 106.827153} // Monas
	case "contact":
		return message.In{Kind: message.InContact}
	case "call":
		return message.In{Kind: message.InOther, Original: "call"}
	case "picture":
		what = "image"
	}
	m := message.In{Kind: message.InMedia, MediaType: what, MediaID: "test-" + what}
	if what == "document" {
		m.FileName = "document.pdf"
	}
	return m
}

func (t *talk) step(in Input) {
	t.answers = nil
	before := ""
	if s, err := Decode(t.state); err == nil {
		before = s.Node
	}
	state, result, err := t.p.Step(t.state, in, t.env)
	if err != nil {
		result.Problems = append(result.Problems, err.Error())
	}
	t.state, t.last = state, result
	t.nodes += len(result.Visited)
	for _, n := range result.Visited {
		t.passed[[2]string{before, n}] = true
		before = n
	}
	for _, timer := range result.Timers {
		if timer.DueIn > 0 {
			t.timers[timer.Name] = due{t.at.Add(timer.DueIn), timer.Generation}
		} else {
			delete(t.timers, timer.Name)
		}
	}
	if result.Call != nil && t.nodes <= maxTestNodes {
		t.called(*result.Call, before)
		return
	}
	for _, m := range result.Say {
		if len(m.Choices) > 0 {
			t.offered = m.Choices
		}
		if m.Form != nil {
			t.form = m.Form.Token
		}
	}
}

// called answers a call as the test says; what the bot says after it is one with what it said before.
func (t *talk) called(c Call, node string) {
	answer := CallAnswer{Outcome: CallUnknown}
	for _, a := range t.calls {
		if named(a.Node, node) {
			answer = Answered(int(a.Status), []byte(a.Body), c.Request.Take)
		}
	}
	first := t.last
	t.step(Input{Kind: InputAnswer, At: t.at, Generation: c.Generation, Answer: answer})
	t.last.Say = append(first.Say, t.last.Say...)
	t.last.Visited = append(first.Visited, t.last.Visited...)
	t.last.Problems = append(first.Problems, t.last.Problems...)
	t.last.Timers = append(first.Timers, t.last.Timers...)
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
	}
	return out
}
