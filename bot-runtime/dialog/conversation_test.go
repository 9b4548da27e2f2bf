package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

const greeter = `
languages: [id, en]
start: menu
nodes:
- name: menu
  menu:
    text: {id: "Mau apa?", en: "What would you like?"}
    options:
    - {name: check, title: {id: "Cek izin", en: "Check a licence"}, next: bye}
    - {name: done, title: {id: "Selesai", en: "Done"}, next: bye}
- name: bye
  say:
    text: {id: "Nomor {{ 41 + 1 }}. Terima kasih.", en: "Number {{ 41 + 1 }}. Thank you."}
  next: over
- name: over
  end: {}
`

func TestAFlowsTestMaySayWhatMustBeSaidWordForWordByPatternByButtonsAndThatItEnds(t *testing.T) {
	for expected, wants := range map[string]string{
		`{buttons: [Cek izin, Selesai], exact: "Mau apa?", ended: false}`: "",
		`{buttons: [Selesai, Cek izin]}`:                                  `buttons ["Selesai" "Cek izin"] (they are ["Cek izin" "Selesai"])`,
		`{exact: "Mau apa"}`:                                              `exactly "Mau apa"`,
		`{ended: true}`:                                                   "the enquiry is over",
		`{matches: "(?i)mau\\s+APA"}`:                                     "",
		`{matches: "^apa"}`:                                               `matches "^apa"`,
		`{matches: "(mau"}`:                                               "is no regular expression",
	} {
		p := compile(t, greeter+"tests:\n- name: greeting\n  steps:\n  - citizen: halo\n  - bot: "+expected+"\n")
		expect(t, expected, Test(p, func(at time.Time) Env { return Env{Now: at} }, monday), wants)
	}
	for expected, wants := range map[string]string{
		`{exact: "Nomor 42. Terima kasih.", ended: true}`: "",
		`{matches: "Nomor \\d+\\.", ended: false}`:        "the enquiry goes on",
		`{buttons: [Selesai]}`:                            `buttons ["Selesai"] (they are [])`,
	} {
		p := compile(t, greeter+"tests:\n- name: end\n  steps:\n  - citizen: halo\n  - citizen: Selesai\n  - bot: "+expected+"\n")
		expect(t, expected, Test(p, func(at time.Time) Env { return Env{Now: at} }, monday), wants)
	}
}

func expect(t *testing.T, expected string, r Report, wants string) {
	t.Helper()
	switch {
	case wants == "" && len(r.Failures) > 0:
		t.Errorf("%s: %+v", expected, r.Failures)
	case wants != "" && (len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Want, wants)):
		t.Errorf("%s: not told that it wants %q: %+v", expected, wants, r.Failures)
	}
}

const asking = `
languages: [en]
start: ask
variables: [{name: who}]
nodes:
- {name: ask, ask: {text: {en: "Which institution?"}, as: who}, next: look}
- name: look
  lookup: {directory: institutions, query: who, as: found, cases: [{outcomes: [exact], next: yes}, {outcomes: [ambiguous], next: which}, {outcomes: [lookalike, listed-illegal], next: warn}], otherwise: unknown}
- {name: yes, say: {text: {en: "{{ found.name }} has the licence {{ found.licence }}, at {{ found.site }}, {{ found.phone }}."}}, next: over}
- {name: which, say: {text: {en: "Do you mean {{ found.names.join(' or ') }}?"}}, next: over}
- {name: warn, say: {text: {en: "{{ found.status }}: {{ found.name }}"}}, next: over}
- {name: unknown, say: {text: {en: "{{ found.outcome }}"}}, next: over}
- {name: over, end: {}}
tests:
- name: one
  lookups:
`

func TestATestMaySayWhatADirectoryAnswersWhateverStandsInTheList(t *testing.T) {
	real := func(at time.Time) Env {
		return Env{Now: at, Lookup: func(_, q string) (directory.Answer, bool) { return listed.Ask(q), true }}
	}
	for lookup, says := range map[string]string{
		`{directory: institutions, outcome: exact, entries: [{name: Dana Baru, licence: KEP-1, site: baru.example, phone: "+6221"}]}`: "Dana Baru has the licence KEP-1, at baru.example, +6221.",
		`{directory: institutions, query: DANA SEKAR WANGI, outcome: ambiguous, entries: [{name: A}, {name: B}]}`:                     "Do you mean A or B?",
		`{directory: institutions, outcome: listed-illegal, entries: [{name: Dana, status: illegal}]}`:                                "illegal: Dana",
		`{directory: institutions, outcome: none}`:                        "none",
		`{directory: institutions, outcome: unavailable}`:                 "unavailable",
		`{directory: institutions, query: something else, outcome: none}`: "Dana Sekar Wangi has the licence KEP-12, at danasekar.example, .",
	} {
		p := compile(t, asking+"  - "+lookup+"\n  steps:\n  - citizen: hello\n  - citizen: Dana Sekar Wangi\n  - bot: {exact: '"+says+"'}\n")
		expect(t, lookup, Test(p, real, monday), "")
		if p := compile(t, asking+"  - "+lookup+"\n  steps:\n  - citizen: hello\n  - citizen: Dana Sekar Wangi\n  - bot: {exact: 'no'}\n"); len(Test(p, real, monday).Failures) != 1 {
			t.Errorf("%s: no failure", lookup)
		}
	}
}

func TestALookUpOfATestInNoDirectoryIsTold(t *testing.T) {
	_, findings := Compile(flow(t, asking+"  - {directory: institution, outcome: none}\n  steps:\n  - citizen: hello\n"), world())
	if len(findings) != 1 || findings[0].Path != "tests[one].lookups[0].directory" || !strings.Contains(findings[0].Message, "institutions") {
		t.Errorf("%+v", findings)
	}
}
