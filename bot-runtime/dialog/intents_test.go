package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// wants understands three things; everything else is looked up.
const wants = `
languages: [id, en]
start: menu
variables: [{name: topic}]
intents:
- name: scam
  examples:
    id: [saya tertipu investasi bodong, uang saya dibawa kabur penipu, saya korban penipuan, saya sudah kirim uang lalu nomornya mati, rekening saya dibobol]
    en: [I was scammed, my money is gone, I sent money to a fraud, they disappeared after I paid, somebody emptied my account]
- name: hours
  examples:
    id: [jam berapa kantor buka, hari sabtu buka atau tidak, sampai jam berapa melayani, kapan jam layanan, apakah hari minggu tutup]
    en: [when are you open, what are your opening hours, are you open on sunday, when do you close, until what time can I call]
- name: credit
  examples:
    id: [bagaimana cek riwayat kredit, nama saya masuk daftar hitam bank, minta laporan debitur, skor kredit saya jelek, cara cek bi checking]
    en: [how do I check my credit history, am I on the blacklist, I need my credit report, my credit score is bad, why was my credit refused]
  keywords: {id: [slik], en: [slik]}
nodes:
- {name: menu, menu: {text: {id: Silakan., en: Please.}, options: [{name: person, title: {id: Petugas, en: A person}, next: person}], otherwise: what}}
- name: what
  understand:
    as: topic
    cases: [{intents: [scam], next: person}, {intents: [hours], next: hours}, {intents: [credit], next: credit}]
    otherwise: check
- {name: hours, say: {text: {id: "Buka setiap hari.", en: "Open every day."}}, next: menu}
- {name: credit, say: {text: {id: "Cek di situs kami ({{ topic }}).", en: "See our site ({{ topic }})."}}, next: menu}
- {name: check, lookup: {directory: institutions, as: found, cases: [{outcomes: [exact], next: licensed}], otherwise: unknown}}
- {name: licensed, say: {text: {id: "{{ found.name }} berizin{{ topic }}.", en: "{{ found.name }} is licensed{{ topic }}."}}, next: menu}
- {name: unknown, say: {text: {id: "Tidak terdaftar.", en: "Not listed."}}, next: menu}
- {name: person, handoff: {pool: centre, summary: topic}, next: over}
- {name: over, end: {}}
`

func TestFreeTextIsUnderstoodOrLookedUp(t *testing.T) {
	p := compile(t, wants)
	for says, want := range map[string]string{
		"kak sy ketipu investasi bodong nih": "handed over: scam",
		"duit sy dibawa kabur penipuu":       "handed over: scam",
		"ktr buka jam brp ya kak":            "Buka setiap hari.",
		"when do u close":                    "Open every day.",
		"mau tanya slik dong kak":            "Cek di situs kami (credit).",
		"cara cek riwayat kreditt":           "Cek di situs kami (credit).",
		"Dana Sekar Wangi":                   "Dana Sekar Wangi berizin.",
		"apakah Sumber Makmur Lestari aman":  "Tidak terdaftar.",
	} {
		r := talkTo(t, p).says(says)
		got := strings.TrimSuffix(strings.TrimSuffix(transcript(r), "\n\nSilakan. [Petugas]"), "\n\nPlease. [A person]")
		if r.Handoff != nil {
			got = "handed over: " + r.Handoff.Summary
		}
		if got != want {
			t.Errorf("%q: %s", says, got)
		}
	}
}

func TestUnderstandingIsMeasuredOnSentencesThatWereHeldOut(t *testing.T) {
	u := compile(t, wants).Understanding()
	if u == nil || u.Tried != 30 || u.Right+u.Unsure+u.Wrong != 30 || u.Right == 0 || u.Wrong > 3 || len(u.Mistakes) != u.Wrong {
		t.Errorf("%+v", u)
	}
	if compile(t, counter).Understanding() != nil {
		t.Error("a flow without intents has nothing to measure")
	}
}

func TestIntentsThatCannotBeToldApartAreRefused(t *testing.T) {
	var all []string
	p, findings := Compile(flow(t, `
languages: [en]
start: what
variables: [{name: sum, type: number}]
intents:
- {name: scam, examples: {en: [I was scammed, "!!", my money is gone]}}
- {name: scam, examples: {en: [again]}}
- {name: hours, examples: {en: [my money is gone, when do you open]}}
- {name: nowhere, examples: {en: [a, b, c, d, e]}, keywords: {en: [scam, hours]}}
nodes:
- {name: what, understand: {as: sum, cases: [{intents: [scm, scam], next: over}, {intents: [scam, hours], next: ovr}], otherwise: over}}
- {name: over, end: {}}
`), world())
	for _, f := range findings {
		all = append(all, f.Path+": "+f.Message)
	}
	golden(t, "testdata/intents.findings", strings.Join(all, "\n")+"\n")
	if p != nil {
		t.Error("it has a program")
	}
}

// Training is part of compiling, which a pod does while it serves.
func TestFiftyIntentsCompile(t *testing.T) {
	var b strings.Builder
	b.WriteString("languages: [en]\nstart: what\nintents:\n")
	for i := range 50 {
		fmt.Fprintf(&b, "- {name: i%d, examples: {en: [", i)
		for j := range 30 {
			fmt.Fprintf(&b, "\"please tell me of subject%d in case%d today\", ", i, i*31+j)
		}
		b.WriteString("]}}\n")
	}
	b.WriteString("nodes:\n- {name: what, understand: {cases: [")
	for i := range 50 {
		fmt.Fprintf(&b, "{intents: [i%d], next: over}, ", i)
	}
	b.WriteString("], otherwise: over}}\n- {name: over, end: {}}\n")
	began := time.Now()
	p := compile(t, b.String())
	t.Log(time.Since(began))
	if g := p.intents.classifier.Classify("tell me of subject7"); g.Intent != "i7" {
		t.Errorf("%+v", g)
	}
}

// As docs/flows.md shows it: what a service of the agency's own understands is data, and chooses among the cases alone.
const understandsElsewhere = `
languages: [en]
start: menu
variables: [{name: said}, {name: meant}, {name: sure, type: number}]
intents:
- name: scam
  examples: {en: [I was scammed, my money is gone, I sent money to a fraud, they disappeared after I paid, somebody emptied my account]}
- name: hours
  examples: {en: [when are you open, what are your opening hours, are you open on sunday, when do you close, until what time can I call]}
nodes:
- {name: menu, menu: {text: {en: "How can we help?"}, options: [{name: person, title: {en: A person}, next: person}], otherwise: listen}}
- {name: listen, set: {variables: [{name: said, value: input.text}]}, next: service}
- name: service
  call:
    method: POST
    url: https://language.agency.example/understand
    secretName: call-language
    timeout: 2s
    idempotent: true
    body: [{name: text, value: said}, {name: intents, value: "['scam', 'hours']"}]
    take: [{as: meant, from: /intent}, {as: sure, from: /confidence}]
    otherwise: alone
  next: chosen
- name: chosen
  branch:
    cases:
    - {when: "meant == 'scam' && sure >= 0.6", next: person}
    - {when: "meant == 'hours' && sure >= 0.6", next: hours}
    otherwise: alone
- {name: alone, understand: {query: said, cases: [{intents: [scam], next: person}, {intents: [hours], next: hours}], otherwise: menu}}
- {name: hours, say: {text: {en: Open every day.}}, next: menu}
- {name: person, handoff: {pool: centre}, next: over}
- {name: over, end: {}}
tests:
- name: the service knows
  calls: [{node: service, status: 200, body: '{"intent": "hours", "confidence": 0.93}'}]
  steps: [{citizen: hello}, {citizen: is anybody there at eight}, {bot: {contains: open every day, not: {node: alone}}}]
- name: the service is not sure, and the bot is
  calls: [{node: service, status: 200, body: '{"intent": "hours", "confidence": 0.2}'}]
  steps: [{citizen: hello}, {citizen: my money is gone}, {bot: {node: alone, handedTo: centre}}]
- name: the service names what the flow does not
  calls: [{node: service, status: 200, body: '{"intent": "licensed", "confidence": 1}'}]
  steps: [{citizen: hello}, {citizen: when do you open}, {bot: {node: alone, contains: open every day}}]
- name: the service is away
  steps: [{citizen: hello}, {citizen: when do you open}, {bot: {node: alone, contains: open every day}}]
`

func TestAServiceOfTheAgencysOwnMayUnderstandAndTheBotDoesWhereItDoesNot(t *testing.T) {
	r := Test(compile(t, understandsElsewhere), func(at time.Time) Env { return Env{Now: at} }, monday)
	if r.Passed != 4 {
		t.Errorf("%+v", r.Failures)
	}
}
