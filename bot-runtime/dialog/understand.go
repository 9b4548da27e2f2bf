package dialog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// message understands what the citizen sent, wherever the conversation stands.
func (s *stepper) message() {
	m := &s.in.Message
	switch m.Kind {
	case message.InReaction, message.InSystem:
		return // never answered
	}
	s.touched = true
	s.choose(m.Language)
	if m.Kind == message.InChoice {
		if s.tapped(m.ChoiceID) {
			return
		}
	}
	if at := s.waiting(); at != none && s.p.nodes[at].kind == kindAsk {
		if value, ok := s.p.nodes[at].ask.attached(m); ok {
			s.answer(&s.p.nodes[at], value, true)
			return
		}
	}
	if m.Kind == message.InForm {
		s.filledIn(m)
		return
	}
	text := s.scope.input.text
	if text == "" {
		s.cannotRead(own(s.language()).pleaseWrite)
		return
	}
	folded := words.Fold(text)
	if s.switchLanguage(folded) {
		return
	}
	s.detect(folded)
	i := s.waiting()
	if i == none || s.p.nodes[i].kind == kindHandoff { // the bot is asked, so no person holds the conversation
		s.begin(text, folded)
		return
	}
	n := &s.p.nodes[i]
	if n.kind == kindMenu {
		if o := n.chosen(folded, false); o != nil { // what stands on the menu is meant, also where a trigger has the same word
			s.run(o.next)
			return
		}
	}
	if n.kind == kindAsk && len(n.options) > 0 {
		if o := n.chosen(folded, false); o != nil {
			s.answer(n, o.name, true)
			return
		}
	}
	if k := s.triggered(folded, n.kind == kindAsk || n.kind == kindForm); k != none {
		s.fire(k)
		return
	}
	switch n.kind {
	case kindMenu:
		s.typed(n, text, folded)
	case kindAsk:
		s.answered(n, text)
	case kindForm: // who would rather write is asked one by one, or led elsewhere
		if n.otherwise != none {
			s.run(n.otherwise)
			return
		}
		s.run(n.next)
	case kindSurvey:
		s.rated(n, text, folded)
	}
}

// filledIn goes on with a form that was filled in, also while one of its questions stands: the form is still on the phone of who
// began to write instead. One that is sent again, or after the conversation has gone elsewhere, changes nothing, and is told so.
func (s *stepper) filledIn(m *message.In) {
	at := s.waiting()
	i := at
	if at != none && s.p.nodes[at].kind == kindAsk {
		i = s.p.formOf(at, m.Form)
	}
	switch {
	case len(m.Fields) > maxFilled:
		s.cannotRead(own(s.language()).pleaseWrite)
		return
	case i == none || s.p.nodes[i].kind != kindForm || m.Form != "" && m.Form != s.p.nodes[i].name:
		s.cannotRead(own(s.language()).lateForm)
		return
	}
	s.state.Filled = maps.Clone(m.Fields)
	s.run(s.p.nodes[i].next)
}

// formOf is the form of that name, if it holds the question at i; else none.
func (p *Program) formOf(i int, name string) int {
	form, ok := p.index[name]
	if !ok || p.nodes[form].kind != kindForm {
		return none
	}
	if slices.Contains(p.askedBehind(form), i) {
		return form
	}
	return none
}

// askedBehind are the questions that a form holds, each once.
func (p *Program) askedBehind(form int) []int {
	var out []int
	for i := p.nodes[form].next; p.nodes[i].kind == kindAsk && !slices.Contains(out, i); i = p.nodes[i].next {
		out = append(out, i)
	}
	return out
}

// begin starts an enquiry with its first message: see Step.
func (s *stepper) begin(text, folded string) {
	s.state.begin()
	s.scope.unit = s.p.unit
	if k := s.triggered(folded, false); k != none {
		s.fire(k)
		return
	}
	if s.p.opening != none && !bareNumber(folded) && !words.OnlyCourtesy(folded) {
		n := &s.p.nodes[s.p.opening]
		if o := n.chosen(folded, true); o != nil {
			s.run(o.next)
			return
		}
		if s.known(n, text) {
			return
		}
		if n.otherwise != none {
			s.run(n.otherwise)
			return
		}
	}
	s.run(s.p.start)
}

func bareNumber(folded string) bool {
	_, err := strconv.Atoi(folded)
	return err == nil
}

// tapped follows a choice by its id: also one of an old menu, as long as the flow still has it.
func (s *stepper) tapped(id string) bool {
	if id == personChoice && s.p.person != none {
		s.beginIfNew()
		if s.p.caller != none {
			s.fire(s.p.caller)
			return true
		}
		s.leaveRuns(none)
		s.run(s.p.person)
		return true
	}
	name, choice, ok := strings.Cut(id, "/")
	i, exists := s.p.index[name]
	if !ok || !exists {
		return false
	}
	n := &s.p.nodes[i]
	was := s.scope.unit
	s.stand(n)
	switch n.kind {
	case kindMenu:
		for k := range n.options {
			if n.options[k].name == choice {
				s.beginIfNew()
				s.leaveRuns(i)
				s.run(n.options[k].next)
				return true
			}
		}
	case kindAsk:
		for k := range n.options {
			if n.options[k].name == choice {
				s.beginIfNew()
				if s.waiting() != i {
					s.leaveRuns(i)
					s.leave()
					s.state.Node, s.state.Retries = n.name, 0
				}
				s.answer(n, choice, true)
				return true
			}
		}
	case kindSurvey:
		if score, err := strconv.Atoi(choice); err == nil && score >= 1 && score <= 5 && n.scale == v1alpha1.ScaleCSAT {
			s.rate(i, score)
			return true
		}
	}
	s.scope.unit = was
	return false
}

// beginIfNew forgets an enquiry that is over, before a tap on its old menu begins another.
func (s *stepper) beginIfNew() {
	if s.waiting() == none {
		s.state.begin()
	}
}

// triggered gives the first trigger whose phrase the message is or holds. Where a question waits for free text
// (asked), a single word must stand in a short message: "orang" inside a complaint calls nobody, "sudah transfer" does.
func (s *stepper) triggered(folded string, asked bool) int {
	const short = 6
	said := strings.Fields(folded)
	for i := range s.p.triggers {
		for _, phrase := range s.p.triggers[i].phrases {
			if asked && len(phrase) == 1 && len(said) > short {
				continue
			}
			if contains(said, phrase) {
				return i
			}
		}
	}
	for i := range s.p.triggers {
		for _, phrase := range s.p.triggers[i].phrases {
			if nearMiss(folded, strings.Join(phrase, " ")) {
				return i
			}
		}
	}
	return none
}

func contains(said, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(said); i++ {
		if slices.Equal(said[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// nearMiss: a whole message that is a typo of a phrase of at least six letters.
func nearMiss(said, phrase string) bool {
	const least = 6
	if len(phrase) < least || said == "" || said[0] != phrase[0] {
		return false
	}
	budget := 1
	if len(phrase) >= 12 {
		budget = 2
	}
	return words.Distance(said, phrase, budget) <= budget
}

// typed is free text at a menu that chose none of it: asked of knowledge, then otherwise.
func (s *stepper) typed(n *node, text, folded string) {
	if s.known(n, text) {
		return
	}
	if n.otherwise != none && !words.OnlyCourtesy(folded) {
		s.run(n.otherwise)
		return
	}
	if !words.OnlyCourtesy(folded) {
		s.say(own(s.language()).notUnderstood)
	}
	s.result.Visited = append(s.result.Visited, n.name)
	s.show(n)
}

// known answers from the approved answers, with the menu's choices under it, and stays at the menu.
func (s *stepper) known(n *node, text string) bool {
	for _, k := range n.unit.knowledge {
		if entry, ok := k.Match(text, s.language(), s.env.Now); ok {
			s.leave()
			s.state.Node = n.name
			s.result.Visited = append(s.result.Visited, n.name)
			s.withChoices(entry.Answer(s.language()), s.choices(n))
			return true
		}
	}
	return false
}

// show says the menu's text with its choices.
func (s *stepper) show(n *node) { s.withChoices(s.text(n.text), s.choices(n)) }

func (s *stepper) choices(n *node) []message.Choice {
	if len(n.options) == 0 {
		return nil
	}
	out := make([]message.Choice, len(n.options), len(n.options)+1)
	for i := range n.options {
		out[i] = message.Choice{ID: n.options[i].id, Title: n.options[i].titles[s.lang]}
	}
	return out
}

// chosen finds the option that a typed text means: by number, title, word, then a near miss of just one. A number means
// nothing to a citizen who has not seen the menu (unseen).
func (n *node) chosen(folded string, unseen bool) *option {
	if !unseen {
		if k, ok := numberOf(folded); ok && k >= 1 && k <= len(n.options) {
			return &n.options[k-1]
		}
	}
	said := strings.Fields(folded)
	for i := range n.options {
		for _, w := range n.options[i].said {
			if w == folded || onlyPoliteBeside(said, strings.Fields(w)) {
				return &n.options[i]
			}
		}
	}
	var near *option
	for i := range n.options {
		for _, w := range n.options[i].said {
			if nearMiss(folded, w) {
				if near != nil && near != &n.options[i] {
					return nil
				}
				near = &n.options[i]
			}
		}
	}
	return near
}

// numberOf reads "2", "2.", "no 2", "nomor 2", "pilih 2", "option 2".
func numberOf(folded string) (int, bool) {
	fields := strings.Fields(folded)
	if len(fields) == 2 {
		switch fields[0] {
		case "no", "nomor", "nomer", "pilih", "pilihan", "number", "option", "choose":
			fields = fields[1:]
		}
	}
	if len(fields) != 1 || len(fields[0]) > 2 {
		return 0, false
	}
	k, err := strconv.Atoi(fields[0])
	return k, err == nil
}

// onlyPoliteBeside: the phrase stands in what was said, and all beside it is greeting or politeness ("pengaduan dong kak").
func onlyPoliteBeside(said, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(said); i++ {
		if !slices.Equal(said[i:i+len(phrase)], phrase) {
			continue
		}
		polite := func(ws []string) bool {
			return !slices.ContainsFunc(ws, func(w string) bool { return !words.Courtesy(w) })
		}
		return polite(said[:i]) && polite(said[i+len(phrase):])
	}
	return false
}

// cannotRead answers what leads nowhere, with a text that says why: never with nothing, and with the way to a person.
func (s *stepper) cannotRead(text string) {
	i := s.waiting()
	if i == none || s.p.nodes[i].kind == kindHandoff {
		s.state.begin()
		if s.p.opening != none {
			i = s.p.opening
			s.state.Node = s.p.nodes[i].name
			s.result.Visited = append(s.result.Visited, s.state.Node)
		}
	}
	var choices []message.Choice
	if i != none {
		switch n := &s.p.nodes[i]; n.kind {
		case kindAsk:
			if s.in.Message.Kind == message.InForm {
				text += "\n\n" + s.text(n.text) // what is asked now
			} else if n.ask.kind == v1alpha1.AskLocation || n.ask.kind == v1alpha1.AskFile || n.ask.kind == v1alpha1.AskPicture {
				text = s.fault(n) // something else was sent than was asked for
			}
			choices = s.choices(n)
		case kindMenu:
			choices = s.choices(n)
			if s.leadsToPerson(n) {
				s.withChoices(text, choices)
				return
			}
		case kindSurvey:
			s.withChoices(text, ratings(n, s.language()))
			return
		}
	}
	s.withChoices(text, s.offerPerson(choices))
}

// leadsToPerson says whether an option of the menu already offers one.
func (s *stepper) leadsToPerson(n *node) bool {
	return slices.ContainsFunc(n.options, func(o option) bool { return s.p.handsOff(o.next, 0) })
}
