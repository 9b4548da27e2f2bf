package dialog

import (
	"strings"
	"testing"
	"time"
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
