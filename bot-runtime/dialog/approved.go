package dialog

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// Limits of WhatsApp's templates, in characters.
const (
	maxTemplateBody  = 1024
	maxTemplateValue = 1024
)

// freely is how long after a citizen's words WhatsApp takes what no template says: 24 hours, less one for the way.
const freely = 23 * time.Hour

// nothing stands where a value is empty, which WhatsApp refuses.
const nothing = "-"

// approved is a template of WhatsApp's, and what is put into it.
type approved struct {
	name       string
	codes      []string // by the index of the language
	parameters []assignment
}

func (c *compiler) approved(t *v1alpha1.Template, path string) *approved {
	if t == nil {
		return nil
	}
	out := &approved{name: t.Name}
	for _, l := range c.program.languages {
		code := string(t.Languages[l])
		if code == "" {
			code = strings.ReplaceAll(l, "-", "_")
		}
		out.codes = append(out.codes, code)
	}
	c.extraLanguages(keysOf(t.Languages), path+".languages")
	named := map[string]bool{}
	for i, p := range t.Parameters {
		at := fmt.Sprintf("%s.parameters[%d]", path, i)
		switch {
		case (p.Name == "") != (t.Parameters[0].Name == ""):
			c.find(reasonNode, at+".name", "either all parameters have a name or none has: then their order counts")
		case p.Name != "" && named[p.Name]:
			c.find(reasonDuplicate, at+".name", "%q is given twice; leave one out", p.Name)
		}
		named[p.Name] = true
		out.parameters = append(out.parameters, assignment{name: p.Name, value: c.expression(string(p.Value), at+".value", 0,
			types.StringKind, types.DoubleKind, types.IntKind, types.UintKind, types.BoolKind, types.ListKind)})
	}
	return out
}

func (t *approved) in(language []int) *approved {
	if t == nil {
		return nil
	}
	out := *t
	out.codes = make([]string, len(language))
	for i, from := range language {
		out.codes[i] = t.codes[from]
	}
	return &out
}

// filledOut is the template with its values. One whose expression fails is a dash: the rest is told all the same.
func (s *stepper) filledOut(t *approved) *message.Template {
	out := &message.Template{Name: t.name, Language: t.codes[s.lang]}
	for i := range t.parameters {
		p := &t.parameters[i]
		text := ""
		if v, err := p.value.eval(&s.scope); err != nil {
			s.problem(err)
		} else {
			text = strings.Join(strings.Fields(strings.ToValidUTF8(show(v), "")), " ")
		}
		if utf8.RuneCountInString(text) > maxTemplateValue {
			text, _ = breakText(text, maxTemplateValue)
		}
		if text == "" {
			text = nothing
		}
		out.Parameters = append(out.Parameters, message.Parameter{Name: p.name, Text: text})
	}
	return out
}

// tellApproved sends a template, with the text that other channels say: always as one message, since WhatsApp might take no other.
func (s *stepper) tellApproved(t *approved, text string, choices []message.Choice) {
	if utf8.RuneCountInString(text) > maxText {
		s.problem(fmt.Errorf("the text of template %s was cut to %d characters", t.name, maxText))
		text, _ = breakText(text, maxText)
	}
	if text == "" {
		text = nothing
	}
	s.flush(nil)
	s.result.Say = append(s.result.Say, message.Out{Text: text, Choices: choices, Language: s.language(), Template: s.filledOut(t)})
}

// windows advises on what is said without a template when a citizen has been silent for so long that WhatsApp takes nothing else.
func (c *compiler) windows() {
	p := c.program
	for i := range p.nodes[:p.own] {
		n := &p.nodes[i]
		c.node = n.name
		total := time.Duration(0)
		for k := range n.silence {
			q := &n.silence[k]
			if total += q.after; total <= freely {
				continue
			}
			path := fmt.Sprintf("nodes[%s].%s.silence[%d]", n.name, n.kind, k)
			switch {
			case q.next == none && q.approved == nil:
				c.advise(reasonWindow, path+".text", "falls due after %s, when WhatsApp takes nothing but a template; give it one, or make it shorter", inHours(total))
			case q.next != none:
				if speaks := p.speaksFreely(q.next, map[int]bool{}); speaks != none {
					c.advise(reasonWindow, path+".next", "leads to %s after %s, when WhatsApp takes nothing but a template, and it speaks without one; give it one, or make it shorter",
						p.nodes[speaks].name, inHours(total))
				}
			}
		}
	}
	c.node = ""
}

func inHours(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// speaksFreely is the first node from i, before anybody else speaks, that says something without a template; or none.
func (p *Program) speaksFreely(i int, seen map[int]bool) int {
	if seen[i] {
		return none
	}
	seen[i] = true
	switch n := &p.nodes[i]; n.kind {
	case kindAsk, kindForm, kindMenu, kindSurvey:
		return i
	case kindSay:
		if n.approved == nil {
			return i
		}
	case kindHandoff, kindEnd:
		if n.text != nil {
			return i
		}
	}
	for _, e := range p.nodes[i].edges() {
		if e.wait {
			continue
		}
		if found := p.speaksFreely(e.to, seen); found != none {
			return found
		}
	}
	return none
}
