package dialog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
)

const owed = `
languages: [id, en, en-US, jv, ar]
start: sum
variables: [{name: sum, type: number}, {name: day}, {name: asked, type: number}]
nodes:
- {name: sum, ask: {text: {id: "Berapa?", en: "How much?", en-US: "How much?", jv: "Pira?", ar: "كم؟"}, as: sum, type: number}, next: day}
- {name: day, ask: {text: {id: "Kapan?", en: "When?", en-US: "When?", jv: "Kapan?", ar: "متى؟"}, as: day, type: date}, next: told}
- name: told
  say:
    text:
      id: &t "{{ sum.asNumber() }}; {{ sum.asMoney('IDR') }}; {{ (sum / 8.0).asMoney('USD') }}; {{ day.asDate() }}; {{ sum.plural({'zero': '0', 'one': '1', 'two': '2', 'few': 'f', 'many': 'm', 'other': 'o'}) }}"
      en: *t
      en-US: *t
      jv: *t
      ar: *t
  next: over
- {name: over, end: {}}
`

func TestNumbersMoneyAndDaysAreWrittenAsTheLanguageDoes(t *testing.T) {
	p := compile(t, owed)
	for _, c := range []struct{ language, sum, want string }{
		{"id", "2500000", "2.500.000; Rp 2.500.000; US$ 312.500,00; 17 Agustus 2026; o"},
		{"id", "1", "1; Rp 1; US$ 0,13; 17 Agustus 2026; o"},
		{"en", "1", "1; IDR 1; $ 0.13; 17 August 2026; 1"},
		{"en", "2500000", "2,500,000; IDR 2,500,000; $ 312,500.00; 17 August 2026; o"},
		{"en-US", "2500000", "2,500,000; IDR 2,500,000; $ 312,500.00; August 17, 2026; o"},
		{"jv", "2500000", "2.500.000; Rp 2.500.000; US$ 312.500,00; 17 Agustus 2026; o"},
		{"ar", "3", "٣; IDR ٣; US$ ٠٫٣٨; 17 August 2026; f"},
	} {
		talk := talkTo(t, p)
		talk.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "x", Language: c.language}})
		talk.says(c.sum)
		if got := talk.says("17-8-2026").Say; len(got) != 1 || got[0].Words() != c.want {
			t.Errorf("%s: %+v, want %q", c.language, got, c.want)
		}
	}
}

func TestAFormOfAPluralIsThatOfTheNumberAsItIsWritten(t *testing.T) {
	for _, c := range []struct {
		language string
		n        float64
		want     string
	}{
		{"en", 1, "one"}, {"en", -1, "one"}, {"en", 1.5, "other"}, {"en", 0, "other"}, {"id", 1, "other"},
		{"ar", 0, "zero"}, {"ar", 2, "two"}, {"ar", 3, "few"}, {"ar", 11, "many"}, {"ar", 1_000_003, "few"}, {"ar", 7_000_000_011, "many"},
		{"pl", 22, "few"}, {"pl", 25, "many"}, {"pl", 1e300, "many"}, {"fr", 1.5, "one"},
	} {
		if got := pluralIn(c.language, c.n); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.language, c.n, got, c.want)
		}
	}
}

func TestWhatCannotBeWrittenIsToldWithItsMend(t *testing.T) {
	env, err := environment(flow(t, owed).Variables, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"sum.asMoney('RUPIAH')":                   "'RUPIAH' is no currency; write its code, such as 'IDR'",
		"sum.plural('agents')":                    "plural needs the forms of the word; write {'one': 'agent', 'other': 'agents'}",
		"sum.plural({'one': 'agent'})":            "plural needs the form 'other', which goes with every number that has no form of its own; write {'one': 'agent', 'other': 'agents'}",
		"sum.plural({'some': 'x', 'other': 'y'})": "a form of a plural is one of 'zero', 'one', 'two', 'few', 'many', 'other'; write {'one': 'agent', 'other': 'agents'}",
		"sum.plural({day: 'x', 'other': 'y'})":    "a form of a plural is one of 'zero', 'one', 'two', 'few', 'many', 'other'; write {'one': 'agent', 'other': 'agents'}",
		"day.asNumber()":                          localeMends[asNumber],
		"sum.asMoney()":                           localeMends[asMoney],
		"sum.plural({'other': 1})":                localeMends[asPlural],
		"sum.asDate()":                            localeMends[asDate],
		"day.asMoney('IDR')":                      localeMends[asMoney],
		"sum.asMony('IDR')":                       `no function "asMony"; did you mean "asMoney"?`,
	} {
		if _, faults := compileExpression(env, source, "x"); len(faults) != 1 || faults[0].message != want {
			t.Errorf("%s: %+v, want %q", source, faults, want)
		}
	}
}

func TestTextsWithNumbersAreJoinedAndBoundedInCost(t *testing.T) {
	p := compile(t, `
languages: [en]
start: sum
variables: [{name: sum, type: number}, {name: joined}]
nodes:
- {name: sum, ask: {text: {en: "How many?"}, as: sum, type: number}, next: keep}
- {name: keep, set: {variables: [{name: joined, value: "sum.asNumber() + ' ' + sum.plural({'one': 'day', 'other': 'days'}) + ' or ' + sum.asMoney('IDR')"}]}, next: told}
- {name: told, say: {text: {en: "{{ joined }}"}}, next: over}
- {name: over, end: {}}
`)
	talk := talkTo(t, p)
	talk.says("hello")
	if got := talk.says("1").Say[0].Words(); got != "1 day or IDR 1" {
		t.Errorf("%q", got)
	}
	talk = talkTo(t, p)
	talk.says("hello")
	if got := talk.says("9" + strings.Repeat("0", 14)).Say[0].Words(); got != "900,000,000,000,000 days or IDR 900,000,000,000,000" {
		t.Errorf("%q", got)
	}
}

func TestADayThatIsNoneIsReported(t *testing.T) {
	p := compile(t, `
languages: [en]
start: told
variables: [{name: day}]
nodes:
- {name: told, say: {text: {en: "{{ 'tomorrow'.asDate() }}/{{ day.asDate() }}/{{ input.date.asDate() }}"}}, next: over}
- {name: over, end: {}}
`)
	talk := talkTo(t, p)
	r := talk.says("hello")
	if got := r.Say[0].Words(); got != "-//23 November 2026" || len(r.Problems) != 1 || !strings.Contains(fmt.Sprint(r.Problems[0]), `"tomorrow" is no day`) {
		t.Errorf("%q %v", got, r.Problems)
	}
}
