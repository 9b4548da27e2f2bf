package dialog

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/common/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog/intent"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// fewExamples is below how many examples an intent is hardly told from others.
const fewExamples = 5

// intents are what understand nodes choose among.
type intents struct {
	names      []string
	examples   []intent.Example
	keywords   []intent.Keyword
	classifier *intent.Classifier
}

// intents compiles the declared ones and trains what tells them apart.
func (c *compiler) intents() {
	in := &c.program.intents
	meant := map[string]string{} // folded sentence or word → intent
	used := c.usedIntents()
	for i, d := range c.flow.Intents {
		name := string(d.Name)
		path := fmt.Sprintf("intents[%s]", name)
		if slices.Contains(in.names, name) {
			c.find(reasonDuplicate, fmt.Sprintf("intents[%d].name", i), "two intents are named %q; rename one", name)
			continue
		}
		in.names = append(in.names, name)
		take := func(ws v1alpha1.Words, field string, add func(string)) int {
			count := 0
			for _, l := range keysOf(ws) {
				for j, p := range ws[l] {
					at, f := fmt.Sprintf("%s.%s.%s[%d]", path, field, l, j), words.Fold(string(p))
					other, taken := meant[f]
					switch {
					case f == "":
						c.find(reasonNode, at, "no word of letters; a citizen could never say it")
					case taken && other != name:
						c.find(reasonDuplicate, at, "means %q, too; keep it in one of both", other)
					default:
						meant[f] = name
						add(string(p))
						count++
					}
				}
			}
			return count
		}
		count := take(d.Examples, "examples", func(s string) { in.examples = append(in.examples, intent.Example{Text: s, Intent: name}) })
		take(d.Keywords, "keywords", func(s string) { in.keywords = append(in.keywords, intent.Keyword{Phrase: s, Intent: name}) })
		c.extraLanguages(keysOf(d.Examples), path+".examples")
		switch {
		case !used[name]:
			c.advise(reasonUnreachable, path, "no understand node leads it anywhere; give it a case or remove it")
		case count < fewExamples:
			c.advise(reasonExamples, path+".examples", "%d examples; with ten or more, each in other words, far more citizens are understood", count)
		}
	}
	if len(in.examples) > intent.MaxExamples {
		c.find(reasonTooLong, "intents", "%d examples, at most %d are learned from; remove those that say the same", len(in.examples), intent.MaxExamples)
		return
	}
	if len(in.names) > 0 {
		in.classifier = intent.Train(in.examples, in.keywords)
	}
}

func (c *compiler) usedIntents() map[string]bool {
	used := map[string]bool{}
	for _, n := range c.flow.Nodes {
		if n.Understand == nil {
			continue
		}
		for _, k := range n.Understand.Cases {
			for _, name := range k.Intents {
				used[string(name)] = true
			}
		}
	}
	return used
}

func (c *compiler) understand(out *node, u *v1alpha1.Understand, path string) {
	out.kind = kindUnderstand
	out.sure = float64(u.Confidence) / 100
	query := string(u.Query)
	if query == "" {
		query = "input.text"
	}
	out.query = c.expression(query, path+".query", 0, types.StringKind)
	if out.as = string(u.As); out.as != "" {
		switch kind, ok := c.program.variables[out.as]; {
		case !ok:
			c.find(reasonUndeclared, path+".as", "no variable %q%s; declare it in variables", out.as, didYouMean(out.as, keysOf(c.program.variables)))
		case kind != v1alpha1.VariableString:
			c.find(reasonVariableType, path+".as", "%q is a %s, but the name of an intent is a string", out.as, kind)
		}
	}
	if len(c.program.intents.names) == 0 {
		c.find(reasonIntent, path, "the flow declares no intents; add some, with examples")
	}
	out.outcomes = map[string]int{}
	for i, k := range u.Cases {
		at := fmt.Sprintf("%s.cases[%d]", path, i)
		next := c.target(k.Next, at+".next")
		for _, name := range k.Intents {
			_, twice := out.outcomes[string(name)]
			switch {
			case !slices.Contains(c.program.intents.names, string(name)):
				c.find(reasonIntent, at+".intents", "no intent %q%s; declare it in intents", name, didYouMean(string(name), c.program.intents.names))
			case twice:
				c.find(reasonDuplicate, at+".intents", "%s has a way already; the first is taken", name)
			default:
				out.outcomes[string(name)] = next
			}
		}
	}
	out.otherwise = c.target(u.Otherwise, path+".otherwise")
}

// understand chooses the way of the intent, when it is sure enough.
func (s *stepper) understand(n *node) int {
	query := s.scope.input.text
	if v, err := n.query.eval(&s.scope); err != nil {
		s.problem(err)
	} else {
		query = show(v)
	}
	guess := n.unit.intents.classifier.Classify(query)
	if guess.Intent != "" && guess.Confidence < n.sure {
		guess.Intent = ""
	}
	if n.as != "" {
		s.set(n.as, guess.Intent)
	}
	if next, ok := n.outcomes[guess.Intent]; ok {
		return next
	}
	return n.otherwise
}

// Understanding is how well a flow's intents are told apart, on sentences that the classifier had not seen.
type Understanding struct {
	Tried, Right, Unsure, Wrong int
	// Mistakes are the wrong ones.
	Mistakes []Mistake
}

// Mistake is a sentence that was taken for another intent.
type Mistake struct{ Text, Meant, Taken string }

// Understanding holds each example out in turn: a fifth of them at a time, while the others train. Nil for a flow without
// understand nodes. It takes as long as training five times.
func (p *Program) Understanding() *Understanding {
	sure := 0.0
	for i := range p.nodes[:p.own] {
		if n := &p.nodes[i]; n.kind == kindUnderstand && (sure == 0 || n.sure < sure) {
			sure = n.sure
		}
	}
	if sure == 0 || len(p.intents.examples) == 0 {
		return nil
	}
	var u Understanding
	for _, t := range intent.HeldOut(p.intents.examples, p.intents.keywords) {
		u.Tried++
		switch {
		case t.Confidence < sure:
			u.Unsure++
		case t.Guess.Intent == t.Example.Intent:
			u.Right++
		default:
			u.Wrong++
			u.Mistakes = append(u.Mistakes, Mistake{t.Text, t.Example.Intent, t.Guess.Intent})
		}
	}
	return &u
}
