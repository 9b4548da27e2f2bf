package dialog

// Shown is a variable's value as a text shows it, and as a test expects it.
func Shown(v any) string { return show(v) }

// Question is one that a form holds.
type Question struct {
	// Field that has the answer.
	Field string
	Text  string
	// Titles of what can be chosen.
	Titles []string
}

// Questions are those that the form of that name holds, as the conversation would be asked them: attachments are not among them.
func (p *Program) Questions(stored []byte, form string, env Env) []Question {
	at, ok := p.index[form]
	if !ok || p.nodes[at].kind != kindForm {
		return nil
	}
	state, err := Decode(stored)
	if err != nil {
		return nil
	}
	s := stepper{p: p, env: env, state: state}
	s.scope = scope{state: &s.state, unit: p.unit, input: inputValue{now: s.today()}}
	defer s.scope.close()
	s.speak(state.Language)
	s.stand(&p.nodes[at])
	var out []Question
	for _, i := range p.askedBehind(at) {
		n := &p.nodes[i]
		if !n.ask.fits() {
			continue
		}
		q := Question{Field: n.ask.as, Text: s.text(n.text)}
		for _, o := range n.options {
			q.Titles = append(q.Titles, o.titles[s.lang])
		}
		out = append(out, q)
	}
	return out
}
