package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

const report = `
languages: [id, en]
start: report
variables:
- {name: who, type: string}
- {name: sum, type: number}
- {name: how, type: string}
- {name: told, type: bool}
nodes:
- name: report
  form:
    text: {id: "Ceritakan.", en: "Tell us."}
    button: {id: "Isi formulir", en: "Fill in"}
    whatsapp: "1234567890"
    screen: REPORT
  next: who
- name: who
  ask: {text: {id: "Siapa?", en: "Who?"}, as: who, rule: {minLength: 3}}
  next: sum
- name: sum
  ask: {text: {id: "Berapa?", en: "How much?"}, as: sum, type: number, error: {id: "Tulis angka.", en: "A number, please."}}
  next: how
- name: how
  ask:
    text: {id: "Lewat apa?", en: "How?"}
    as: how
    type: choice
    options: [{name: bank, title: {id: "Transfer bank", en: "Bank transfer"}}, {name: cash, title: {id: "Tunai", en: "Cash"}}]
  next: told
- name: told
  ask: {text: {id: "Sudah lapor polisi?", en: "Told the police?"}, as: told, type: yesno}
  next: thanks
- name: thanks
  say: {text: {id: "{{ who }}, {{ sum }}, {{ how }}, {{ told }}.", en: "{{ who }}, {{ sum }}, {{ how }}, {{ told }}."}}
  next: over
- name: over
  end: {}
`

// filling is a citizen on a channel with forms, and where they have got to.
type filling struct {
	*testing.T
	program *Program
	state   []byte
	forms   bool
	last    Result
}

func (f *filling) step(m message.In) {
	f.Helper()
	state, result, err := f.program.Step(f.state, Input{Kind: InputMessage, Message: m, At: monday}, Env{Now: monday, Forms: f.forms})
	if err != nil {
		f.Fatal(err)
	}
	if len(result.Say) == 0 {
		f.Fatalf("nothing is said to %+v", m)
	}
	f.state, f.last = state, result
}

func (f *filling) writes(text string) {
	f.Helper()
	f.step(message.In{Kind: message.InText, Text: text})
}

func (f *filling) fills(fields map[string]string) {
	f.Helper()
	f.step(message.In{Kind: message.InForm, Fields: fields, Text: "as an agent sees it"})
}

func (f *filling) hears(want string) {
	f.Helper()
	var said []string
	for _, m := range f.last.Say {
		said = append(said, m.Text)
	}
	if got := strings.Join(said, " | "); got != want {
		f.Errorf("the citizen is told %q, want %q", got, want)
	}
}

func TestAFormAsksEverythingAtOnce(t *testing.T) {
	f := &filling{T: t, program: compile(t, report), forms: true}
	f.writes("halo")
	f.hears("Ceritakan.")
	if form := f.last.Say[0].Form; form == nil || *form != (message.Form{ID: "1234567890", Screen: "REPORT", Button: "Isi formulir"}) {
		t.Fatalf("the form is %+v", form)
	}
	f.fills(map[string]string{"who": "Dana Mekar", "sum": "2jt", "how": "bank", "told": "true"})
	f.hears("Dana Mekar, 2000000, bank, true.")
	if !f.last.Ended {
		t.Error("the enquiry is not over")
	}
}

func TestOfAFormOnlyWhatWillNotDoIsAskedAgain(t *testing.T) {
	f := &filling{T: t, program: compile(t, report), forms: true}
	f.writes("halo")
	f.fills(map[string]string{"who": "Dana Mekar", "sum": "banyak", "how": "Tunai"})
	f.hears("Tulis angka.\n\nBerapa?")
	if s, err := Decode(f.state); err != nil || s.Format != 4 || s.Filled["how"] != "Tunai" {
		t.Errorf("what is left of the form is not kept: %+v %v", s, err)
	}
	f.writes("500")
	f.hears("Sudah lapor polisi?") // the form had no such field
	f.writes("belum")
	f.hears("Dana Mekar, 500, cash, false.")
	if s, err := Decode(f.state); err != nil || s.Filled != nil || s.Format != 1 {
		t.Errorf("an older binary cannot go on: %+v %v", s, err)
	}
}

func TestWithoutFormsOrByWhoWritesInsteadTheQuestionsAreAskedOneByOne(t *testing.T) {
	for _, forms := range []bool{false, true} {
		t.Run(fmt.Sprint("forms ", forms), func(t *testing.T) {
			f := &filling{T: t, program: compile(t, report), forms: forms}
			f.writes("halo")
			if forms {
				f.writes("apa ini?")
			}
			f.hears("Siapa?")
			f.writes("Dana Mekar")
			f.hears("Berapa?")
		})
	}
}

func TestAFormThatComesTooLateOrHoldsTooMuchIsNotAnsweredWithNothing(t *testing.T) {
	many := map[string]string{}
	for i := range maxFilled + 1 {
		many[fmt.Sprint("f", i)] = "x"
	}
	f := &filling{T: t, program: compile(t, report), forms: true}
	f.fills(map[string]string{"who": "Dana Mekar"}) // nothing was asked
	f.writes("halo")
	f.fills(many)
	f.fills(map[string]string{"who": "Dana Mekar", "sum": strings.Repeat("9", 5000), "how": "\xff", "told": "maybe"})
	f.hears("Tulis angka.\n\nBerapa?")
}

func TestAFormWithoutQuestionsIsRefused(t *testing.T) {
	_, findings := Compile(flow(t, strings.Replace(report, "  next: who\n", "  next: thanks\n", 1)), world())
	for _, f := range findings {
		if f.Path == "nodes[report].next" && strings.Contains(f.Message, "not to a say") {
			return
		}
	}
	t.Errorf("%+v", findings)
}

func TestAFlowsTestFillsInAForm(t *testing.T) {
	p := compile(t, report+`
tests:
- name: filled in
  steps:
  - citizen: halo
  - fills: {who: Dana Mekar, sum: "500", how: cash, told: "false"}
  - bot: {exact: "Dana Mekar, 500, cash, false.", ended: true}
- name: one by one elsewhere
  steps:
  - citizen: halo
  - bot: {node: who}
`)
	if r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday); len(r.Failures) > 0 {
		t.Errorf("%+v", r.Failures)
	}
}
