package dialog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// talk is one test under way.
type talk struct {
	p        *Program
	calls    []v1alpha1.TestAnswer
	lookups  []v1alpha1.TestLookup
	held     map[string]bool // the nodes whose calls steps answer, as steps name them
	pending  []asked         // calls under way, in their order
	waiting  []message.In    // messages that an answer is awaited before
	handed   bool            // a person has the conversation
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

// asked is a call under way.
type asked struct {
	node string
	call Call
}

// due is a timer that runs.
type due struct {
	at         time.Time
	generation int64
}

// silence lets time pass: what falls due happens, in its order. All of it counts as said since the citizen's last words.
//
// A minute is more than a service has to answer: calls under way have ended.
func (t *talk) silence(d time.Duration) {
	until := t.at.Add(d)
	for len(t.pending) > 0 {
		said := t.last
		t.reply(0, CallAnswer{Outcome: CallUnknown})
		t.after(said)
	}
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
		t.after(Result{Say: said.Say, Visited: said.Visited})
		said = t.last
	}
	t.watch(until)
}

// watch sets the clock, and what depends on it.
func (t *talk) watch(at time.Time) {
	t.at, t.env = at, t.envAt(at)
	t.env.Forms = t.env.Forms || t.forms
	lookup := t.env.Lookup
	t.env.Lookup = func(name, query string) (directory.Answer, bool) {
		a, ok, written := t.written(name, query)
		if !written && lookup != nil {
			a, ok = lookup(name, query)
		}
		if ok {
			t.answers = append(t.answers, fmt.Sprintf("directory %s answered %s; %s", name, a.Outcome, a.Why))
		}
		return a, ok
	}
}

// written is what the test says that a Directory answers.
func (t *talk) written(name, query string) (a directory.Answer, ok, written bool) {
	i := slices.IndexFunc(t.lookups, func(l v1alpha1.TestLookup) bool {
		return string(l.Directory) == name && (l.Query == "" || strings.EqualFold(strings.TrimSpace(l.Query), strings.TrimSpace(query)))
	})
	if i < 0 {
		return a, false, false
	}
	l := t.lookups[i]
	if l.Outcome == unavailable {
		return a, false, true
	}
	a = directory.Answer{Outcome: directory.Outcome(l.Outcome), Why: "the test says so", WhyID: "menurut tes"}
	for _, e := range l.Entries {
		entry := directory.Entry{Name: e.Name, Licence: e.Licence, Type: e.Type, Status: cmp.Or(e.Status, directory.StatusLicensed)}
		if e.Site != "" {
			entry.Sites = []string{e.Site}
		}
		if e.Phone != "" {
			entry.Phones = []string{e.Phone}
		}
		for _, fact := range slices.Sorted(maps.Keys(e.Shown)) {
			entry.Shown = append(entry.Shown, directory.Fact{Name: fact, Value: string(e.Shown[fact])})
		}
		a.Entries = append(a.Entries, entry)
	}
	return a, true, true
}

func (t *talk) test(test *v1alpha1.ConversationTest) (Failure, bool) {
	t.lookups = test.Lookups
	t.forms = test.Forms || slices.ContainsFunc(test.Steps, func(s v1alpha1.TestStep) bool { return s.Fills != nil })
	t.watch(t.at)
	if test.Language != "" {
		t.state = mustEncode(State{Language: string(test.Language)})
	}
	t.calls, t.held = test.Calls, map[string]bool{}
	for _, step := range test.Steps {
		if step.Answers != "" {
			t.held[string(step.Answers)] = true
		}
	}
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
			t.hears(message.In{Kind: message.InForm, Form: t.form, Fields: fields})
		case step.Sends != "":
			t.said = "(" + step.Sends + ")"
			t.hears(Attachment(step.Sends))
		case step.Silence > 0:
			t.silence(time.Duration(step.Silence) * time.Minute)
		case step.Answers != "":
			at := slices.IndexFunc(t.pending, func(a asked) bool { return named(step.Answers, a.node) })
			if at < 0 {
				fail.Want, fail.Got = fmt.Sprintf("a call of node %s under way", step.Answers), "none: "+t.got()
				return fail, false
			}
			t.reply(at, t.answer(t.pending[at]))
		case step.Agent != "":
			if t.last.Handoff == nil {
				fail.Want, fail.Got = "an agent who can close", "no hand-off before"
				return fail, false
			}
			t.handed = false
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
	t.hears(m)
}

// hears takes a message of the citizen's. One that an answer is awaited before is handled after that, in order.
func (t *talk) hears(m message.In) {
	if t.p.Waits(t.state, m) {
		t.waiting, t.last = append(t.waiting, m), Result{}
		return
	}
	t.step(Input{Kind: InputMessage, Message: m, At: t.at})
	t.goOn()
}

// goOn handles the messages that need not wait any more.
func (t *talk) goOn() {
	for t.nodes <= maxTestNodes {
		at := slices.IndexFunc(t.waiting, func(m message.In) bool { return !t.p.Waits(t.state, m) })
		if at < 0 || t.handed {
			break
		}
		m, said := t.waiting[at], t.last
		t.waiting = slices.Delete(t.waiting, at, at+1)
		t.step(Input{Kind: InputMessage, Message: m, At: t.at})
		t.after(said)
	}
	if t.handed {
		t.waiting = nil // the person reads them
	}
}

// reply ends a call under way. One that the conversation has left is late.
func (t *talk) reply(at int, answer CallAnswer) {
	c := t.pending[at].call
	t.pending = slices.Delete(t.pending, at, at+1)
	if t.handed {
		t.state, _ = t.p.Keep(t.state, c.Generation, answer)
		t.last.Say, t.last.Visited = nil, nil
		return
	}
	t.step(Input{Kind: InputAnswer, At: t.at, Generation: c.Generation, Answer: answer})
	t.goOn()
}

// after puts what was said and done before in front of the last result.
func (t *talk) after(first Result) {
	t.last.Say = append(first.Say, t.last.Say...)
	t.last.Visited = append(first.Visited, t.last.Visited...)
	t.last.Problems = append(first.Problems, t.last.Problems...)
	t.last.Timers = append(first.Timers, t.last.Timers...)
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
	t.handed = t.handed || result.Handoff != nil
	if result.Call != nil {
		a := asked{before, *result.Call}
		switch {
		case t.isHeld(before):
			t.pending = append(t.pending, a)
		case t.nodes <= maxTestNodes:
			t.called(a)
			return
		}
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

// isHeld says whether a step answers the calls of a node.
func (t *talk) isHeld(node string) bool {
	for name := range t.held {
		if named(v1alpha1.Name(name), node) {
			return true
		}
	}
	return false
}

// answer is what the test says that a service answers.
func (t *talk) answer(to asked) CallAnswer {
	for _, a := range t.calls {
		if named(a.Node, to.node) {
			return Answered(int(a.Status), []byte(a.Body), to.call.Request.Take)
		}
	}
	return CallAnswer{Outcome: CallUnknown}
}

// called answers a call at once; what the bot says after it is one with what it said before.
func (t *talk) called(a asked) {
	first := t.last
	t.step(Input{Kind: InputAnswer, At: t.at, Generation: a.call.Generation, Answer: t.answer(a)})
	t.after(first)
}
