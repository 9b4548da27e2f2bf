package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/message"
)

const reminding = `
languages: [id, en]
start: story
variables: [{name: story}, {name: ticket}]
triggers: [{name: person, words: {id: [petugas], en: [agent]}, next: person}]
nodes:
- name: story
  ask:
    text: {id: "Apa yang terjadi?", en: "What happened?"}
    as: story
    silence:
    - {minutes: 60, text: {id: "Kami menunggu.", en: "We wait."}}
    - minutes: 1740
      text: {id: "{{ contact.name }}, pengaduan Anda belum lengkap.", en: "{{ contact.name }}, your complaint is not complete."}
      template:
        name: complaint_reminder
        languages: {en: en_US}
        parameters: [{value: contact.name}, {value: ticket}]
  next: sent
- name: sent
  say:
    text: {id: "Pengaduan {{ ticket }} diterima.", en: "Complaint {{ ticket }} is received."}
    template: {name: complaint_received, parameters: [{name: words, value: story}]}
  next: more
- {name: more, say: {text: {id: Terima kasih., en: Thank you.}}, next: over}
- {name: over, end: {}}
- {name: person, handoff: {pool: centre}, next: over}
`

func TestAReminderAfterADayIsATemplate(t *testing.T) {
	p, findings := Compile(flow(t, reminding), world())
	if p == nil || len(findings) > 0 {
		t.Fatal(findings)
	}
	state, r, err := p.Step(nil, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "halo"}, At: monday}, Env{Now: monday})
	for _, want := range []message.Out{
		{Text: "Kami menunggu.", Language: "id"},
		{Text: "Siti\nAni, pengaduan Anda belum lengkap.", Language: "id", Template: &message.Template{Name: "complaint_reminder", Language: "id",
			Parameters: []message.Parameter{{Text: "Siti Ani"}, {Text: "-"}}}},
	} {
		if err != nil || len(r.Timers) != 1 {
			t.Fatal(r, err)
		}
		state, r, err = p.Step(state, Input{Kind: InputTimer, Timer: r.Timers[0].Name, Generation: r.Timers[0].Generation, At: monday, Contact: Contact{Name: "Siti\nAni"}}, Env{Now: monday})
		if diff := cmp.Diff([]message.Out{want}, r.Say); diff != "" {
			t.Error(diff)
		}
	}
	// what is said beside a template is a message of its own, and the values are lines within the bound
	_, r, err = p.Step(state, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "hilang\n\n" + strings.Repeat("uang ", 400)}, At: monday}, Env{Now: monday})
	if err != nil || len(r.Say) != 2 || r.Say[1].Template != nil || r.Say[1].Text != "Terima kasih." {
		t.Fatalf("%+v %v", r.Say, err)
	}
	if got := r.Say[0].Template; got.Name != "complaint_received" || got.Parameters[0].Name != "words" || !strings.HasPrefix(got.Parameters[0].Text, "hilang uang uang") || len(got.Parameters[0].Text) > 1024 {
		t.Errorf("%+v", got)
	}
}

func TestATemplateSpeaksTheConversationsLanguageAsItsAccountHasIt(t *testing.T) {
	p := compile(t, reminding)
	state, r, err := p.Step(mustEncode(State{Language: "en"}), Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "hello"}, At: monday}, Env{Now: monday})
	for range 2 {
		if err != nil || len(r.Timers) != 1 {
			t.Fatal(r, err)
		}
		state, r, err = p.Step(state, Input{Kind: InputTimer, Timer: r.Timers[0].Name, Generation: r.Timers[0].Generation, At: monday}, Env{Now: monday})
	}
	if got := r.Say[0].Template; got == nil || got.Language != "en_US" {
		t.Errorf("%+v", got)
	}
	_, r, _ = p.Step(state, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "lost"}, At: monday}, Env{Now: monday})
	if got := r.Say[0].Template; got == nil || got.Language != "en" {
		t.Errorf("%+v", got)
	}
}

func TestATemplateCostsAMessageOfItsOwn(t *testing.T) {
	ways, _ := compile(t, reminding).Ways()
	if ways[0].Messages != 3 { // the question, the template, the thanks
		t.Errorf("%+v", ways[0])
	}
	if price := compile(t, reminding).Prices()["sent"]; price != 1 {
		t.Errorf("the template costs %d messages", price)
	}
}

func TestWhatIsSaidAfterADayWithoutATemplateIsAdvisedOn(t *testing.T) {
	const late = `
languages: [en]
start: a
variables: [{name: x}]
nodes:
- {name: a, ask: {text: {en: x}, as: x, silence: %s}, next: bye}
- {name: told, say: {text: {en: Hi}, template: {name: hi}}, next: quiet}
- {name: quiet, end: {}}
- {name: bye, end: {text: {en: Good bye.}}}
- {name: ways, branch: {cases: [{when: "x == ''", next: told}], otherwise: bye}}
- {name: person, handoff: {pool: centre, text: {en: Wait.}}, next: told}
- {name: all, menu: {text: {en: x}, options: [{name: a, title: {en: a}, next: ways}, {name: b, title: {en: b}, next: person}, {name: c, title: {en: c}, next: a}]}}
`
	for silence, want := range map[string]string{
		`[{minutes: 1380, text: {en: x}}]`:                                "",
		`[{minutes: 1800, text: {en: x}, template: {name: x}}]`:           "",
		`[{minutes: 1800, text: {en: x}}]`:                                "nodes[a].ask.silence[0].text: falls due after 30 hours, when WhatsApp takes nothing but a template",
		`[{minutes: 1000, text: {en: x}}, {minutes: 381, text: {en: x}}]`: "nodes[a].ask.silence[1].text: falls due after 1381 minutes",
		`[{minutes: 1800, next: told}]`:                                   "",
		`[{minutes: 1800, next: quiet}]`:                                  "",
		`[{minutes: 1800, next: bye}]`:                                    "nodes[a].ask.silence[0].next: leads to bye after 30 hours",
		`[{minutes: 1800, next: ways}]`:                                   "leads to bye after 30 hours",
		`[{minutes: 1800, next: person}]`:                                 "leads to person after 30 hours",
		`[{minutes: 1800, next: all}]`:                                    "leads to all after 30 hours",
		`[{minutes: 1800, text: {en: x}, template: {name: x, parameters: [{value: x}, {name: b, value: x}]}}]`:          "either all parameters have a name or none has",
		`[{minutes: 1800, text: {en: x}, template: {name: x, parameters: [{name: b, value: x}, {name: b, value: x}]}}]`: `"b" is given twice`,
		`[{minutes: 1800, text: {en: x}, template: {name: x, parameters: [{value: nosuch}]}}]`:                          "nodes[a].ask.silence[0].template.parameters[0].value",
		`[{minutes: 1800, text: {en: x}, template: {name: x, languages: {id: id}}}]`:                                    "template.languages.id: never said",
	} {
		text := fmt.Sprintf(late, silence) + "triggers: [{name: all, words: {en: [all]}, next: all}]\n"
		_, findings := Compile(flow(t, text), world())
		var all []string
		for _, f := range findings {
			if f.Reason != reasonNoPerson {
				all = append(all, f.Path+": "+f.Message)
			}
		}
		if got := strings.Join(all, "\n"); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", silence, got)
		}
	}
}

func TestAFlowsTestLetsADayPass(t *testing.T) {
	p := compile(t, reminding+`
tests:
- name: reminded after thirty hours
  steps:
  - citizen: halo
  - silence: 1800
  - bot: {contains: belum lengkap, messages: 3}
`)
	if r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday); len(r.Failures) > 0 {
		t.Errorf("%+v", r.Failures)
	}
}
