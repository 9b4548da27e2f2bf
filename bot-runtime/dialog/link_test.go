package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// moving runs the flow address for two people, which runs the flow town.
const moving = `
languages: [en]
start: welcome
variables: [{name: street}, {name: mine}, {name: theirs}]
triggers:
- {name: person, words: {en: [agent]}, next: person}
- {name: sent, words: {en: [already paid]}, next: aid, returns: true}
nodes:
- {name: welcome, menu: {text: {en: Choose.}, options: [{name: move, title: {en: We move}, next: ours}]}}
- {name: ours, run: {flow: address, arguments: [{name: who, value: "'you'"}], results: [{name: mine, value: "street + ', ' + town"}]}, next: theirs}
- {name: theirs, run: {flow: address, results: [{name: theirs, value: "street + ', ' + town + (who == '' ? '' : who)"}]}, next: tell}
- {name: tell, say: {text: {en: "From {{ mine }} to {{ theirs }}{{ street }}."}}, next: welcome}
- {name: aid, say: {text: {en: Call your bank.}}, next: again}
- {name: again, run: {flow: address}, next: noted}
- {name: noted, end: {}}
- {name: person, handoff: {pool: centre}, next: noted}
`

const address = `
languages: [id, en]
start: street
variables: [{name: who}, {name: street}, {name: town}]
knowledge: [answers]
triggers: [{name: leave, words: {en: [agent, leave], id: [petugas]}, next: gone}]
nodes:
- {name: street, ask: {text: {en: "Where do {{ who == '' ? 'they' : who }} live?", id: "Di mana?"}, as: street, rule: {minLength: 3}, error: {en: A street., id: Jalan.}}, next: where}
- {name: where, run: {flow: town, arguments: [{name: street, value: street}], results: [{name: town, value: town}]}, next: known}
- {name: known, end: {text: {en: "{{ town }} is noted.", id: "{{ town }} dicatat."}}}
- {name: gone, end: {}}
`

const town = `
languages: [en, id]
start: which
variables: [{name: street}, {name: town}]
nodes:
- {name: which, menu: {text: {en: "Which town is {{ street }} in?", id: "Kota mana?"}, options: [{name: bogor, title: {en: Bogor, id: Bogor}, next: bogor}, {name: other, title: {en: Another, id: Lain}, next: ask}]}}
- {name: bogor, set: {variables: [{name: town, value: "'Bogor'"}]}, next: known}
- {name: ask, ask: {text: {en: "Which?", id: "Mana?"}, as: town}, next: known}
- {name: known, end: {}}
`

// linkedFlows compiles moving with the flows that it runs.
func linkedFlows(t testing.TB) *Program {
	t.Helper()
	in := world()
	in.Flows = map[string]*Program{}
	for _, f := range []struct{ name, text string }{{"town", town}, {"address", address}, {"moving", moving}} {
		p, findings := Compile(flow(t, f.text), in)
		if p == nil {
			t.Fatalf("%s is refused: %+v", f.name, findings)
		}
		in.Flows[f.name] = p
	}
	return in.Flows["moving"]
}

func TestAFlowRunsAnotherAndKeepsItsVariablesApart(t *testing.T) {
	talk := talkTo(t, linkedFlows(t))
	for _, c := range []struct{ says, want string }{
		{"we move", "Where do you live?"},
		{"J1", "A street."},
		{"Jalan Satu", "Which town is Jalan Satu in? [Bogor] [Another]"},
		{"bogor", "Bogor is noted.\n\nWhere do they live?"},
		{"Jalan Dua", "Which town is Jalan Dua in? [Bogor] [Another]"},
		{"2", "Which?"},
		{"Depok", "Depok is noted.\n\nFrom Jalan Satu, Bogor to Jalan Dua, Depok.\n\nChoose. [We move]"},
	} {
		if got := transcript(talk.says(c.says)); got != c.want {
			t.Errorf("%q is answered %q, want %q", c.says, got, c.want)
		}
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 0 || s.Format != 1 || len(s.Variables) != 2 {
		t.Errorf("what the other flows held is gone: %s", talk.state)
	}
}

func TestTriggersOfTheFlowThatRunsWorkInTheOneThatIsRun(t *testing.T) {
	talk := talkTo(t, linkedFlows(t))
	talk.says("we move")
	talk.says("Jalan Satu")
	if s, _ := Decode(talk.state); s.Node != "address:town:which" || s.Format != 3 {
		t.Fatalf("%s", talk.state)
	}
	if got := transcript(talk.says("already paid")); got != "Call your bank.\n\nWhere do they live?" {
		t.Fatal(got) // the same flow is run while it is interrupted
	}
	talk.says("Jalan Tiga")
	if got := transcript(talk.says("bogor")); got != "Bogor is noted.\n\nWhich town is Jalan Satu in? [Bogor] [Another]" {
		t.Errorf("%q: what it held before is there again", got)
	}
	if got := transcript(talk.taps("address:town:which/other", "Another")); got != "Which?" {
		t.Error(got)
	}
	if r := talk.says("agent"); r.Handoff == nil { // a trigger of the flow that is run would have ended it
		t.Error(transcript(r))
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 0 || len(s.Variables) != 0 {
		t.Errorf("%s", talk.state)
	}
}

func TestARunOfAnotherFlowIsChecked(t *testing.T) {
	in := world()
	in.Flows = map[string]*Program{"refused": nil, "address": nil}
	compiled := func(text string) *Program {
		p, findings := Compile(flow(t, text), in)
		if p == nil {
			t.Fatal(findings)
		}
		return p
	}
	in.Flows["town"] = compiled(town)
	in.Flows["quiet"] = compiled("languages: [en]\nstart: tell\nnodes:\n- {name: tell, say: {text: {en: Hello.}}, next: over}\n- {name: over, end: {}}\n")
	in.Flows["endless"] = compiled("languages: [en]\nstart: m\nnodes:\n- {name: m, menu: {text: {en: Hello.}, options: [{name: a, title: {en: A}, next: m}]}}\n")
	in.Rings = map[string]bool{"ring": true}
	for run, want := range map[string]string{
		"flow: twn":     `nodes[go].run.flow UnknownObject: no DialogFlow "twn" in this namespace; did you mean "town"?`,
		"flow: refused": `nodes[go].run.flow RefusedObject: DialogFlow "refused" is refused itself and has never served; mend it first`,
		"flow: ring":    `nodes[go].run.flow EndlessRun: DialogFlow "ring" runs this one in turn, which would never stop growing; let one of both do without the other`,
		"flow: town, results: [{name: x, value: twn}]":          `nodes[go].run.results[0].value UndeclaredVariable: column 1: no variable "twn"; did you mean "town"? declare it in variables`,
		"flow: town, results: [{name: xx, value: town}]":        `nodes[go].run.results[0].name UndeclaredVariable: no variable "xx"; did you mean "x"? declare it in variables`,
		"flow: town, arguments: [{name: x, value: x}]":          `nodes[go].run.arguments[0].name UndeclaredVariable: no variable "x"`,
		"flow: town, arguments: [{name: town, value: street}]":  `nodes[go].run.arguments[0].value UndeclaredVariable: column 1: no variable "street"`,
		"flow: town, arguments: [{name: town, value: \"1.0\"}]": `nodes[go].run.arguments[0].value ExpressionType: column 1: "1.0" gives double; a string is needed`,
		"flow: town, start: over":                               `nodes[go].run NodeKind: a run has a start (a node of this flow) or a flow (another one), one of both`,
		"flow: quiet":                                           `nodes[go] LoopWithoutWait: `,
		"flow: endless":                                         `nodes[go].run.start EndlessRun: no end is reached from endless:m`,
	} {
		p, findings := Compile(flow(t, fmt.Sprintf(`
languages: [en]
start: go
variables: [{name: x}]
triggers: [{name: stop, words: {en: [stop]}, next: over}]
nodes:
- {name: go, run: {%s}, next: go}
- {name: over, end: {}}
`, run)), in)
		var said []string
		for _, f := range findings {
			said = append(said, f.Path+" "+f.Reason+": "+f.Message)
		}
		all := strings.ReplaceAll(strings.Join(said, "\n"), "?; declare", "? declare")
		if p != nil || !strings.HasPrefix(all, want) {
			t.Errorf("%s: %s\nwant %s", run, all, want)
		}
	}
	_, findings := Compile(flow(t, "languages: [en, jv]\nstart: go\nnodes:\n- {name: go, run: {flow: town}, next: over}\n- {name: over, end: {}}\n"), in)
	if len(findings) == 0 || findings[0].Message != `DialogFlow "town" does not speak jv; add it there, or remove it from languages here` {
		t.Errorf("%+v", findings)
	}
}

func TestTestsNameNodesOfTheFlowThatIsRun(t *testing.T) {
	spec := flow(t, moving+`tests:
- name: through both
  steps: [{citizen: we move}, {citizen: Jalan Satu}, {bot: {node: which, not: {node: known}}}, {citizen: bogor}, {bot: {node: bogor, contains: Bogor is noted}}]
`)
	report := Test(linkedFlows(t).WithTests(spec.Tests), func(at time.Time) Env { return Env{Now: at} }, monday)
	if report.Passed != 1 || report.AllNodes != 8 || report.Nodes != 2 {
		t.Errorf("%+v", report)
	}
}

// The flow that is run has its languages in another order than the one that runs it.
func TestAFormAndATemplateOfAnotherFlowSpeakTheLanguageOfTheConversation(t *testing.T) {
	in := world()
	other, findings := Compile(flow(t, strings.Replace(strings.Replace(reminding, "start: story", "start: form", 1), "nodes:\n", `nodes:
- {name: form, form: {text: {id: Ceritakan., en: Tell us.}, button: {id: Isi, en: Fill in}, whatsapp: "12345", screen: A}, next: story}
`, 1)), in)
	if other == nil {
		t.Fatal(findings)
	}
	in.Flows = map[string]*Program{"other": other}
	p, findings := Compile(flow(t, `
languages: [en]
start: ours
nodes:
- {name: ours, run: {flow: other}, next: over}
- {name: over, end: {}}
`), in)
	if p == nil {
		t.Fatal(findings)
	}
	env := Env{Now: monday, Forms: true}
	state, r, err := p.Step(nil, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "hello"}, At: monday}, env)
	if err != nil || len(r.Say) != 1 || r.Say[0].Form.Button != "Fill in" || r.Say[0].Form.Token != "other:form" {
		t.Fatalf("%+v %v", r, err)
	}
	_, r, err = p.Step(state, Input{Kind: InputMessage, Message: message.In{Kind: message.InForm, Form: "other:form", Fields: map[string]string{"story": "x"}}, At: monday}, env)
	if err != nil || len(r.Say) != 2 || r.Say[0].Template.Language != "en" {
		t.Fatalf("%+v %v", r, err)
	}
}
