package author

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/author/layered"
	"github.com/loket-dev/loket/bot-runtime/dialog"
)

// card is a node as the picture shows it: its kind and name, its first words, and a row for each way out of it.
type card struct {
	kind, name string
	words      []string
	all        string // what it says in full, for a reader who points at it
	price      int    // messages that it sends by itself
	passed     bool   // by a test
	rows       []row
}

// row is one way out of a node.
type row struct {
	label  string
	to     string
	known  bool // whether a test passes it can be told
	passed bool
}

// picture is a flow, ready to be placed and drawn.
type picture struct {
	flow   string
	words  captions
	cards  []card
	report dialog.Report
	ways   []dialog.Way
	whole  bool // all ways were looked at
	budget int
}

// Sizes of a card, in the picture's units, which are pixels at full size.
const (
	cardWidth   = 252
	headHeight  = 26
	lineHeight  = 15
	rowHeight   = 20
	wordsFoot   = 7
	cardFoot    = 6
	columnGap   = 96
	cardGap     = 22
	lineRunes   = 36
	maxLines    = 3
	maxPassed   = 2 // columns that a line passes; longer ways are written
	triggerCard = "*"
)

// wayFields lead to a node.
var wayFields = []string{"next", "otherwise", "onUnknown", "start"}

// newPicture gathers what the picture shows, with texts in one language.
func newPicture(f *v1alpha1.DialogFlow, program *dialog.Program, report dialog.Report, language string) picture {
	p := picture{flow: f.Name, words: captionsIn(language), report: report, budget: program.Budget()}
	p.ways, p.whole = program.Ways()
	prices := program.Prices()
	missed := map[string]bool{}
	for _, n := range report.Missed {
		missed[n] = true
	}
	languages := append([]string{language}, program.Languages()...)
	for i := range f.Spec.Nodes {
		n := &f.Spec.Nodes[i]
		c := p.card(n, languages)
		c.price, c.passed = prices[c.name], !missed[c.name]
		for k := range c.rows {
			c.rows[k].known, c.rows[k].passed = true, report.Went[[2]string{c.name, c.rows[k].to}]
		}
		p.cards = append(p.cards, c)
	}
	start := slices.IndexFunc(p.cards, func(c card) bool { return c.name == string(f.Spec.Start) })
	p.cards[0], p.cards[start] = p.cards[start], p.cards[0]
	if len(f.Spec.Triggers) > 0 {
		t := card{kind: p.words.anywhere, name: triggerCard, passed: true}
		for _, trigger := range f.Spec.Triggers {
			label := string(trigger.Name)
			for _, l := range languages {
				if ws := trigger.Words[l]; len(ws) > 0 {
					label = "“" + string(ws[0]) + "” …"
					break
				}
			}
			t.rows = append(t.rows, row{label: label, to: string(trigger.Next)})
		}
		p.cards = slices.Insert(p.cards, 1, t)
	}
	return p
}

func (p *picture) card(n *v1alpha1.Node, languages []string) card {
	c := card{name: string(n.Name)}
	said := ""
	fields(reflect.ValueOf(n), "", func(f field) {
		switch {
		case c.kind == "" && f.value.Kind() == reflect.Pointer && !f.value.IsNil():
			c.kind = f.name
		case f.value.Type() == reflect.TypeFor[v1alpha1.Text]() && said == "":
			said = inLanguage(f.value.Interface().(v1alpha1.Text), languages)
		case f.value.Type() == reflect.TypeFor[v1alpha1.Name]() && slices.Contains(wayFields, f.name) && f.value.String() != "":
			c.rows = append(c.rows, row{label: p.label(f, languages), to: f.value.String()})
		}
	})
	if said == "" {
		said = does(n)
	}
	c.all = said
	c.words = wrap(inserted.ReplaceAllString(said, "‹$1›"), lineRunes, maxLines)
	return c
}

func inLanguage(t v1alpha1.Text, languages []string) string {
	for _, l := range languages {
		if s := t[l]; s != "" {
			return string(s)
		}
	}
	return ""
}

// does is what a node without words does.
func does(n *v1alpha1.Node) string {
	switch {
	case n.Lookup != nil:
		return string(n.Lookup.Directory) + " ? " + string(n.Lookup.Query)
	case n.Call != nil:
		return string(n.Call.Method) + " " + n.Call.URL
	case n.Handoff != nil:
		to := "→ " + string(n.Handoff.Pool)
		for _, skill := range n.Handoff.Skills {
			to += " · " + string(skill)
		}
		return to
	case n.Set != nil:
		var all []string
		for _, a := range n.Set.Variables {
			all = append(all, string(a.Name)+" = "+string(a.Value))
		}
		return strings.Join(all, "; ")
	}
	return ""
}

// label of a way: what leads to it.
func (p *picture) label(f field, languages []string) string {
	switch f.name {
	case "otherwise":
		return p.words.otherwise
	case "onUnknown":
		return p.words.unknown
	case "start":
		return p.words.runs
	}
	switch of := f.parent.Interface().(type) {
	case v1alpha1.Option:
		return inLanguage(of.Title, languages)
	case v1alpha1.OutcomeCase:
		return joined(of.Outcomes)
	case v1alpha1.IntentCase:
		return joined(of.Intents)
	case v1alpha1.Silence:
		return fmt.Sprintf(p.words.silence, of.Minutes)
	case v1alpha1.Case:
		if of.When != "" {
			return string(of.When)
		}
		var all []string
		for _, c := range of.If {
			all = append(all, condition(c))
		}
		return strings.Join(all, " & ")
	}
	return p.words.next
}

func joined[S ~string](all []S) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// condition is one condition as its YAML says it, without braces.
func condition(c v1alpha1.Condition) string {
	out := c.Var
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "var" || v.Field(i).IsZero() {
			continue
		}
		switch value := v.Field(i).Interface().(type) {
		case *intstr.IntOrString:
			out += " " + name + " " + value.String()
		case []intstr.IntOrString:
			all := make([]string, len(value))
			for k := range value {
				all[k] = value[k].String()
			}
			out += " " + name + " " + strings.Join(all, ", ")
		default:
			out += fmt.Sprintf(" %s %v", name, reflect.Indirect(v.Field(i)))
		}
	}
	return out
}

// inserted is an expression in a text.
var inserted = regexp.MustCompile(`\{\{\s*(.*?)\s*\}\}`)

// wrap breaks a text into at most so many lines of so many characters; an ellipsis says that more follows.
func wrap(text string, width, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for len([]rune(word)) > width { // an address, or an expression
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, word = append(lines, string([]rune(word)[:width])), string([]rune(word)[width:])
		}
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = clip(lines[most-1]+" …", width)
		if !strings.HasSuffix(lines[most-1], "…") {
			lines[most-1] += "…"
		}
	}
	return lines
}

// clip shortens a text to so many characters.
func clip(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return strings.TrimRight(string(r[:most-1]), " ") + "…"
}

func (c *card) height() float64 {
	h := headHeight + len(c.words)*lineHeight + len(c.rows)*rowHeight + cardFoot
	if len(c.words) > 0 {
		h += wordsFoot
	}
	return float64(h)
}

// port is the middle of a row, from the card's top.
func (c *card) port(i int) float64 {
	y := headHeight + len(c.words)*lineHeight + i*rowHeight + rowHeight/2
	if len(c.words) > 0 {
		y += wordsFoot
	}
	return float64(y)
}

// placed gives the cards their places, and each row its edge.
func (p *picture) placed() (nodes []layered.Node, edges []layered.Edge) {
	index := map[string]int{}
	for i := range p.cards {
		index[p.cards[i].name] = i
		nodes = append(nodes, layered.Node{Height: p.cards[i].height(), Gap: cardGap, Entry: headHeight / 2})
	}
	for i := range p.cards {
		for k, r := range p.cards[i].rows {
			edges = append(edges, layered.Edge{From: i, To: index[r.to], Port: p.cards[i].port(k)})
		}
	}
	layered.Place(nodes, edges, maxPassed)
	return nodes, edges
}
