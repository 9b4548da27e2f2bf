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
	if form := f.last.Say[0].Form; form == nil || *form != (message.Form{ID: "1234567890", Screen: "REPORT", Button: "Isi formulir", Token: "report"}) {
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

// sends is a form that was filled in, which says which one it is.
func (f *filling) sends(form string, fields map[string]string) {
	f.Helper()
	f.step(message.In{Kind: message.InForm, Form: form, Fields: fields})
}

var all = map[string]string{"who": "Dana Mekar", "sum": "2jt", "how": "bank", "told": "true"}

func TestWhoBeganToWriteMayStillFillInTheForm(t *testing.T) {
	f := &filling{T: t, program: compile(t, report), forms: true}
	f.writes("halo")
	if token := f.last.Say[0].Form.Token; token != "report" {
		t.Errorf("the token is %q", token)
	}
	f.writes("apa ini?")
	f.hears("Siapa?")
	f.writes("Dana")
	f.hears("Berapa?")
	f.sends("report", all)
	f.hears("Dana Mekar, 2000000, bank, true.")
}

func TestAFormThatIsSentAgainOrOfAnotherPlaceIsToldSoAndChangesNothing(t *testing.T) {
	p := compile(t, strings.Replace(report, "- name: over\n  end: {}\n", `- name: over
  form: {text: {id: "Lagi?", en: "More?"}, button: {id: Isi, en: Fill}, whatsapp: "99999", screen: MORE}
  next: more
- {name: more, ask: {text: {id: "Apa lagi?", en: "What else?"}, as: who}, next: end}
- {name: end, end: {text: {id: "Selesai.", en: "Done."}}}
`, 1))
	f := &filling{T: t, program: p, forms: true}
	f.writes("halo")
	f.sends("report", all)
	f.hears("Dana Mekar, 2000000, bank, true.\n\nLagi?")
	before := string(f.state)
	f.sends("report", all)
	if text := f.last.Say[0].Text; !strings.Contains(text, "tidak kami pakai") || string(f.state) != before {
		t.Errorf("%q %s", text, f.state)
	}
	f.writes("apa?")
	f.hears("Apa lagi?")
	before = string(f.state)
	f.sends("report", all)
	if text := f.last.Say[0].Text; !strings.HasSuffix(text, "\n\nApa lagi?") || !strings.Contains(text, "tidak kami pakai") || string(f.state) != before {
		t.Errorf("%q %s", text, f.state)
	}
	f.sends("over", map[string]string{"who": "X"})
	f.hears("Selesai.")
	f.sends("over", map[string]string{"who": "X"})
	if text := f.last.Say[0].Text; !strings.Contains(text, "tidak kami pakai") || f.last.Ended {
		t.Errorf("after the end: %q", text)
	}
}

func TestAFormLeadsWhoWritesInsteadElsewhere(t *testing.T) {
	led := strings.Replace(strings.Replace(report, "nodes:\n", "triggers: [{name: person, words: {id: [orang], en: [agent]}, next: over}]\nnodes:\n", 1), "    screen: REPORT\n", "    screen: REPORT\n    otherwise: written\n    silence: [{minutes: 30, text: {id: \"Masih di sana?\", en: \"Still there?\"}}]\n", 1) + `
- name: written
  set: {variables: [{name: who, value: input.text}]}
  next: noted
- name: noted
  end: {text: {id: "Dicatat: {{ who }}", en: "Noted: {{ who }}"}}
tests:
- name: written instead
  forms: true
  steps:
  - citizen: halo
  - bot: {contains: Ceritakan, node: report}
  - silence: 31
  - bot: {contains: Masih di sana}
  - citizen: ada orang yang mengambil uang saya tadi malam
  - bot: {exact: "Dicatat: ada orang yang mengambil uang saya tadi malam", ended: true}
- name: filled in
  steps:
  - citizen: halo
  - fills: {who: Dana Mekar, sum: "500", how: cash, told: "false"}
  - bot: {exact: "Dana Mekar, 500, cash, false."}
- name: one by one elsewhere
  steps:
  - citizen: halo
  - bot: {node: who, not: {contains: Ceritakan}}
`
	p := compile(t, led)
	if r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday); len(r.Failures) > 0 {
		t.Errorf("%+v", r.Failures)
	}
	f := &filling{T: t, program: p, forms: true}
	f.writes("halo")
	timer := f.last.Timers[0]
	if _, r, err := p.Step(f.state, Input{Kind: InputTimer, Timer: timer.Name, Generation: timer.Generation, At: monday}, Env{Now: monday, Forms: true}); err != nil || len(r.Say) != 1 || r.Say[0].Form == nil {
		t.Errorf("the reminder has no form: %+v %v", r, err)
	}
	dearest := func(p *Program) int {
		ways, _ := p.Ways()
		return ways[0].Messages
	}
	if filled, written := dearest(p), dearest(compile(t, report)); filled != 2 || written != 6 {
		t.Errorf("with otherwise the dearest way costs %d messages, without it %d", filled, written)
	}
}

func TestAFormThatComesWhileAServiceIsAskedWaitsWhateverItHolds(t *testing.T) {
	p := compile(t, `
languages: [en]
start: service
triggers: [{name: person, words: {en: [agent]}, next: person}]
nodes:
- {name: service, call: {url: "https://api.example/", otherwise: over}, next: over}
- {name: person, handoff: {pool: centre}, next: over}
- {name: over, end: {}}
`)
	state, r, err := p.Step(nil, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "hello"}, At: monday}, Env{Now: monday})
	if err != nil || r.Call == nil {
		t.Fatal(r, err)
	}
	if form := (message.In{Kind: message.InForm, Text: "who: agent", Fields: map[string]string{"who": "agent"}}); !p.Waits(state, form) {
		t.Error("a word in a form is taken for a trigger")
	}
}

func TestAFormFarFromAPersonIsAdvisedOn(t *testing.T) {
	far := strings.Replace(report, "- name: over\n  end: {}\n", "- name: over\n  handoff: {pool: centre}\n  next: end\n- name: end\n  end: {}\n", 1)
	_, findings := Compile(flow(t, far), world())
	for _, f := range findings {
		if f.Reason == reasonNoPerson && f.Node == "report" {
			return
		}
	}
	t.Errorf("%+v", findings)
}
