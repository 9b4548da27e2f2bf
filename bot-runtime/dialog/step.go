package dialog

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// surveyTimer ends a survey that nobody answers.
const (
	surveyTimer = "survey"
	surveyWait  = 2 * time.Hour
)

// personChoice is the id of Loket's own choice that leads to a person. No node can be named so.
const personChoice = ":person"

// Step takes a conversation one input further. stored is what the last step gave, or empty for a new conversation; a node
// that the flow no longer has starts the conversation anew. It never waits and calls nothing but env.
//
// A conversation that begins (its first message, or the first after an end) is understood at once: triggers first; then, when
// the flow opens with a menu (only says before it) and the message asks something (more than greeting and politeness, no
// bare number), as if it had been typed at that menu. Only a message that the menu has no answer to is greeted.
//
// The error is ErrNewerFormat and nothing else.
func (p *Program) Step(stored []byte, in Input, env Env) ([]byte, Result, error) {
	state, err := Decode(stored)
	if err == ErrNewerFormat {
		return nil, Result{}, err
	}
	s := stepper{p: p, env: env, in: in, state: state}
	if err != nil {
		s.problem(err)
	}
	s.scope = scope{contact: in.Contact, state: &s.state, unit: p.unit,
		input: inputValue{text: cut(strings.TrimSpace(in.Message.Text), MaxVariableBytes), kind: string(in.Message.Kind), mediaType: in.Message.MediaType,
			fileName: in.Message.FileName, now: s.today()}}
	defer s.scope.close()
	s.speak(s.state.Language)
	if i := s.waiting(); i != none {
		s.stand(&p.nodes[i])
	}
	before := s.awaited()
	s.input()
	s.flush(nil)
	s.await(before)
	s.result.Language = s.language()
	encoded, dropped := s.state.encode()
	for _, name := range dropped {
		s.problem(fmt.Errorf("the state is larger than %d bytes: %s was dropped", MaxStateBytes, name))
	}
	return encoded, s.result, nil
}

// stepper is one step under way.
type stepper struct {
	p       *Program
	env     Env
	in      Input
	state   State
	scope   scope
	lang    int // index into the program's languages
	pending string
	wanted  message.Want // of the message that is being written
	result  Result
	touched bool // the silence is over: somebody spoke, or time did
	passed  int  // nodes
}

func (s *stepper) input() {
	switch s.in.Kind {
	case InputMessage:
		s.message()
	case InputTimer:
		s.timer()
	case InputClosed:
		s.touched = true
		s.closed()
	case InputAnswer:
		s.replied()
	case InputApology:
		s.apologise()
	case InputTooMany:
		s.emit(own(s.language()).tooMany, nil)
	}
}

// waiting is the node where the conversation stands, or none.
func (s *stepper) waiting() int {
	if s.state.Node == "" {
		return none
	}
	if i, ok := s.p.index[s.state.Node]; ok {
		return i
	}
	return none
}

func (s *stepper) timer() {
	i := s.waiting()
	if s.in.Timer == silenceTimer {
		s.silent(i)
		return
	}
	if i == none || s.in.Timer != surveyTimer || s.in.Generation != s.state.Generation || s.p.nodes[i].kind != kindSurvey {
		return // it was answered, or replaced
	}
	s.state.begin()
	s.result.Ended = true
}

// closed: the agent is done, and the bot is back.
func (s *stepper) closed() {
	i := s.waiting()
	if i == none || s.p.nodes[i].kind != kindHandoff {
		s.state.begin() // the flow has changed meanwhile
		s.result.Ended = true
		return
	}
	s.run(s.p.nodes[i].next)
}

func (s *stepper) apologise() {
	s.flush(nil)
	text, choices := own(s.language()).apology, s.offerPerson(nil)
	s.emit(text, choices)
}

// offerPerson adds the choice of a person, where one can be reached and a choice fits.
func (s *stepper) offerPerson(choices []message.Choice) []message.Choice {
	if s.p.person == none || len(choices) >= 10 {
		return choices
	}
	return append(choices, message.Choice{ID: personChoice, Title: own(s.language()).person})
}

// run passes nodes until one waits. It is guarded by a count, although loops without a wait are refused when compiled.
func (s *stepper) run(i int) {
	s.leave()
	ended := false // a run, whose node comes next
	for ; s.passed < MaxNodesPerStep; s.passed++ {
		n := &s.p.nodes[i]
		s.stand(n)
		s.result.Visited = append(s.result.Visited, n.name)
		if n.kind != kindAsk {
			s.state.Filled = nil
		}
		switch n.kind {
		case kindSay:
			s.tell(n)
			i = n.next
		case kindAsk:
			s.state.Node, s.state.Retries = n.name, 0
			if s.filled(n) {
				i = n.next
				continue
			}
			s.question(n)
			return
		case kindForm:
			if !s.env.Forms {
				i = n.next
				continue
			}
			s.state.Node = n.name
			s.form(n)
			return
		case kindMenu:
			s.state.Node = n.name
			s.show(n)
			return
		case kindLookup:
			i = s.lookup(n)
		case kindCall:
			next, waits := s.call(n)
			if waits {
				return
			}
			i = next
		case kindUnderstand:
			i = s.understand(n)
		case kindSet:
			s.assign(n)
			i = n.next
		case kindBranch:
			i = s.branch(n)
		case kindHandoff:
			next, waits := s.handoff(n)
			if waits {
				return
			}
			i = next
		case kindSurvey:
			s.survey(n)
			return
		case kindRun:
			if ended {
				s.comeBack(n)
				i = n.next
			} else {
				s.enter(n)
				i = n.run.start
			}
			ended = false
		case kindEnd:
			s.say(s.text(n.text))
			if caller := s.caller(); caller != none {
				if s.state.innermost().Trigger != "" {
					s.passed++
					s.resume(caller)
					return
				}
				i, ended = caller, true
				continue
			}
			s.state.begin()
			s.result.Ended = true
			return
		}
	}
	s.problem(fmt.Errorf("nodes[%s]: more than %d nodes without a wait; the conversation starts anew", s.p.nodes[i].name, MaxNodesPerStep))
	s.state.begin()
	s.result.Ended = true
}

// leave removes what belongs to the node where the conversation waited.
func (s *stepper) leave() {
	i := s.waiting()
	if i == none {
		return
	}
	switch s.p.nodes[i].kind {
	case kindSurvey:
		s.result.Timers = append(s.result.Timers, Timer{Name: surveyTimer, Generation: s.state.Generation})
	case kindCall:
		s.state.Generation++ // an answer that still comes is late
		s.state.Awaits = 0
		s.result.Call, s.result.Uncall = nil, !s.state.interrupted()
	}
}

// unavailable is the outcome of a look-up in a Directory that does not serve.
const unavailable = "unavailable"

func (s *stepper) lookup(n *node) int {
	query := s.scope.input.text
	if v, err := n.query.eval(&s.scope); err != nil {
		s.problem(err)
	} else {
		query = show(v)
	}
	found := &Found{Outcome: unavailable, Query: cut(query, maxQueryBytes)}
	if s.env.Lookup != nil {
		if a, ok := s.env.Lookup(n.directory, query); ok {
			found = foundOf(a, query)
		}
	}
	if found.Outcome == unavailable {
		s.problem(fmt.Errorf("nodes[%s].lookup: directory %q does not serve; otherwise is taken", n.name, n.directory))
	}
	if s.state.Found == nil {
		s.state.Found = map[string]*Found{}
	}
	s.state.Found[n.unit.key(n.as)] = found
	if next, ok := n.outcomes[found.Outcome]; ok {
		return next
	}
	return n.otherwise
}

// assign: an expression that fails leaves its variable as it was.
func (s *stepper) assign(n *node) {
	for i := range n.sets {
		if v, ok := s.value(&n.sets[i]); ok {
			s.set(n.sets[i].name, v)
		}
	}
}

// value of an assignment, as its variable keeps it; not ok when the expression fails, which is a problem then.
func (s *stepper) value(a *assignment) (v any, ok bool) {
	v, err := a.value.eval(&s.scope)
	if err != nil {
		s.problem(err)
		return nil, false
	}
	switch a.kind {
	case v1alpha1.VariableNumber:
		f := number(v)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			s.problem(fmt.Errorf("%s: %v is no number; %s stays as it was", a.value.where, f, a.name))
			return nil, false
		}
		v = f
	case v1alpha1.VariableString:
		v = s.bounded(a.name, show(v))
	}
	return v, true
}

func (s *stepper) bounded(name, v string) string {
	if len(v) > MaxVariableBytes {
		s.problem(fmt.Errorf("%s was cut to %d bytes", name, MaxVariableBytes))
	}
	return cut(strings.ToValidUTF8(v, "\uFFFD"), MaxVariableBytes)
}

func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return math.NaN()
}

// branch: a case whose expression fails does not hold.
func (s *stepper) branch(n *node) int {
	for i := range n.cases {
		v, err := n.cases[i].when.eval(&s.scope)
		if err != nil {
			s.problem(err)
			continue
		}
		if v == true {
			return n.cases[i].next
		}
	}
	return n.otherwise
}

// handoff enters the pool's queue; waits is false when the pool is closed or full and the node knows another way.
func (s *stepper) handoff(n *node) (next int, waits bool) {
	if n.otherwise != none && s.env.PoolOpen != nil {
		if open, full := s.env.PoolOpen(n.pool); !open || full {
			return n.otherwise, false
		}
	}
	h := &Handoff{Pool: n.pool, Priority: n.priority, Skills: n.skills}
	if n.summary != nil {
		if v, err := n.summary.eval(&s.scope); err != nil {
			s.problem(err)
		} else {
			h.Summary = cut(strings.Join(strings.Fields(show(v)), " "), maxSummaryBytes)
		}
	}
	s.say(s.text(n.text))
	s.state.Node = n.name
	s.result.Handoff = h
	return none, true
}

// maxSummaryBytes is what an agent can read at a glance.
const maxSummaryBytes = 500

func (s *stepper) problem(err error) {
	s.result.Problems = append(s.result.Problems, err.Error())
}

// text renders a text in the conversation's language, or the flow's first.
func (s *stepper) text(t texts) string {
	if t == nil {
		return ""
	}
	tpl := t[s.lang]
	if tpl == nil {
		tpl = t[0]
	}
	return tpl.render(&s.scope, s.problem)
}

// say adds a paragraph to the message that is being written. One that would not fit begins a new message.
func (s *stepper) say(text string) {
	switch {
	case text == "":
	case s.pending == "":
		s.pending = text
	case utf8.RuneCountInString(s.pending)+2+utf8.RuneCountInString(text) <= maxText:
		s.pending += "\n\n" + text
	default:
		s.flush(nil)
		s.pending = text
	}
}

// flush sends what was said, with choices under it. A text too long for buttons goes ahead of them.
func (s *stepper) flush(choices []message.Choice) {
	if s.pending == "" {
		return
	}
	text := s.pending
	s.pending = ""
	s.emit(text, choices)
}

func (s *stepper) emit(text string, choices []message.Choice) {
	for utf8.RuneCountInString(text) > maxText { // values may be long: nothing is lost, it takes several messages
		head, rest := breakText(text, maxText)
		s.result.Say = append(s.result.Say, message.Out{Text: head, Language: s.language()})
		text = rest
	}
	s.result.Say = append(s.result.Say, message.Out{Text: text, Choices: choices, Language: s.language(), Want: s.wanted})
	s.wanted = ""
}

// breakText parts a text at the last blank before the limit, in characters.
func breakText(text string, limit int) (head, rest string) {
	at := 0
	for range limit {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if i := strings.LastIndexAny(text[:at], " \n"); i > at/2 {
		return text[:i], text[i+1:]
	}
	return text[:at], text[at:]
}

// withChoices sends what was said, then text and its choices: as one message where that fits.
func (s *stepper) withChoices(text string, choices []message.Choice) {
	limit := maxText
	if len(choices) > 0 && len(choices) <= maxButtons {
		limit = maxButtonsBody
	}
	if s.pending != "" && utf8.RuneCountInString(s.pending)+2+utf8.RuneCountInString(text) > limit {
		s.flush(nil)
	}
	if s.pending != "" && text != "" {
		text = s.pending + "\n\n" + text
	} else if text == "" {
		text = s.pending
	}
	s.pending = ""
	if utf8.RuneCountInString(text) > limit { // only where values made it so
		head, rest := text, ""
		for utf8.RuneCountInString(head) > limit {
			var part string
			part, rest = breakText(head, limit)
			s.result.Say = append(s.result.Say, message.Out{Text: part, Language: s.language()})
			head = rest
		}
		text = head
	}
	s.result.Say = append(s.result.Say, message.Out{Text: text, Choices: choices, Language: s.language()})
}
