package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

func TestNumbersAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"250000": "250000", "250.000": "250000", "250,000": "250000", "Rp 2.500.000,-": "2500000", "rp2.500.000": "2500000", "1.250,50": "1250.5",
		"1,250.50": "1250.5", "2 juta": "2000000", "2jt": "2000000", "2,5 juta": "2500000", "2.5jt": "2500000", "2jt 500rb": "2500000", "250rb": "250000",
		"250k": "250000", "1,5 miliar": "1500000000", "2.500 juta": "2500000", "dua juta": "2000000", "dua ratus lima puluh ribu": "250000", "seratus ribu": "100000",
		"sejuta": "1000000", "seribu": "1000", "lima belas": "15", "sebelas": "11", "satu setengah juta": "1500000", "setengah juta": "500000",
		"sekitar 3 juta rupiah": "3000000", "kurang lebih 500 ribu": "500000", "two hundred and fifty": "250", "twenty five thousand": "25000",
		"half a million": "500000", "1.5 million": "1500000", "$300": "300", "-5": "-5", "42 tahun": "42", "3 orang": "3", "nol": "0", "2 juta 5 ratus ribu": "",
		"dua juta lima ratus ribu": "2500000", "dua puluh satu": "21", "1.000.000": "1000000", "0,5": "0.5",
		"banyak": "", "": "", "2 3": "", "satu dua": "", "juta": "", "12 ribu juta": "", "9999999999999999": "", "1.2.3": "", "rp": "", "0812 3456": "",
	} {
		if got, _ := numberText(typed); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

func TestDatesAsPeopleTypeThem(t *testing.T) {
	for typed, want := range map[string]string{
		"31-12-2026": "2026-12-31", "31/12/26": "2026-12-31", "2026-12-31": "2026-12-31", "31.12.2026": "2026-12-31", "31122026": "2026-12-31", "20261231": "2026-12-31",
		"17 Agustus 1945": "1945-08-17", "17 agt 45": "1945-08-17", "tgl 3 nopember 2026": "2026-11-03", "17 agustus": "2026-08-17", "Senin, 23 November 2026": "2026-11-23",
		"August 17, 1945": "1945-08-17", "17th of August 1945": "1945-08-17", "Dec 31st 2026": "2026-12-31", "on 3 March 2026": "2026-03-03", "8/17/1945": "1945-08-17",
		"2026 dec 31": "2026-12-31", "hari ini": "2026-11-23", "Kemarin": "2026-11-22", "kemarin lusa": "2026-11-21", "besok": "2026-11-24", "lusa": "2026-11-25", "tadi malam": "2026-11-22",
		"today": "2026-11-23", "yesterday": "2026-11-22", "3 hari lalu": "2026-11-20", "tiga hari yang lalu": "2026-11-20", "two weeks ago": "2026-11-09", "in 2 days": "2026-11-25",
		"minggu lalu": "2026-11-16", "2 hari lagi": "2026-11-25",
		"31-2-2026": "", "13/13/2026": "", "kapan": "", "": "", "1-1-1": "", "99999999": "", "tanggal": "", "31 12": "", "entah kapan ya": "", "1 januari 1800": "",
	} {
		if got, _ := dateText(typed, monday); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

func TestYesAndNoAsPeopleSayThem(t *testing.T) {
	for typed, want := range map[string]string{
		"ya": yes, "iya kak": yes, "y": yes, "betul": yes, "sudah": yes, "boleh": yes, "yes please": yes, "ok": yes, "gak papa": yes, "iya, tidak apa-apa": yes,
		"tidak": no, "gak": no, "ngga kak": no, "belum": no, "ya belum": no, "no": no, "not yet": no, "enggak dulu": no, "bukan": no,
		"apa itu": "", "dana mekar": "", "saya tidak tahu apa yang harus saya lakukan": "",
	} {
		if got, _ := yesOrNo(strings.Join(strings.Fields(strings.NewReplacer(",", " ", "-", " ").Replace(typed)), " ")); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}

// form asks one question of every type.
const form = `
languages: [en, id]
start: city
variables: [{name: city}, {name: sure, type: bool}, {name: where}, {name: proof}, {name: photo}, {name: born}, {name: amount, type: number}, {name: nik}, {name: mail}, {name: phone}]
triggers: [{name: person, words: {en: [agent], id: [petugas]}, next: person}]
nodes:
- name: city
  ask:
    text: {en: "Which city?", id: "Kota mana?"}
    as: city
    type: choice
    options:
    - {name: jakarta, title: {en: Jakarta, id: Jakarta}, words: {id: [jkt, dki]}}
    - {name: bandung, title: {en: Bandung, id: Bandung}, words: {id: [bdg]}}
    - {name: other, title: {en: Elsewhere, id: Lainnya}}
    retries: 1
    otherwise: person
  next: sure
- {name: sure, ask: {text: {en: "Are you sure?", id: "Yakin?"}, as: sure, type: yesno}, next: where}
- {name: where, ask: {text: {en: "Where was it?", id: "Di mana?"}, as: where, type: location}, next: proof}
- {name: proof, ask: {text: {en: "Send the receipt.", id: "Kirim buktinya."}, as: proof, type: file}, next: photo}
- {name: photo, ask: {text: {en: "And a picture.", id: "Dan foto."}, as: photo, type: picture, error: {en: "A picture, please.", id: "Fotonya."}}, next: born}
- {name: born, ask: {text: {en: "When were you born?", id: "Kapan lahir?"}, as: born, type: date, rule: {notAfter: today, notBefore: "1920-01-01"}, error: {en: "A day before today.", id: "Sebelum hari ini."}}, next: amount}
- {name: amount, ask: {text: {en: "How much?", id: "Berapa?"}, as: amount, type: number, rule: {minimum: 10000, maximum: 1000000000}}, next: nik}
- {name: nik, ask: {text: {en: "Number of your card?", id: "NIK?"}, as: nik, rule: {pattern: "[0-9]{16}"}, error: {en: "Sixteen digits.", id: "Enam belas angka."}}, next: mail}
- {name: mail, ask: {text: {en: "Mail?", id: "Surel?"}, as: mail, type: email}, next: phone}
- {name: phone, ask: {text: {en: "Phone?", id: "Telepon?"}, as: phone, type: phone}, next: tell}
- {name: tell, say: {text: {en: "{{ city }} {{ sure }} {{ where }} {{ proof }} {{ photo }} {{ born }} {{ amount }} {{ nik }} {{ mail }} {{ phone }}", id: "{{ city }}"}}, next: over}
- {name: person, handoff: {pool: centre}, next: over}
- {name: over, end: {}}
`

func media(kind, id, name string) Input {
	return Input{Kind: InputMessage, Message: message.In{Kind: message.InMedia, MediaType: kind, MediaID: id, FileName: name}}
}

func TestEveryTypeOfAnswerIsAskedCheckedAndKept(t *testing.T) {
	talk := talkTo(t, compile(t, form))
	said := func(s string) func() Result { return func() Result { return talk.says(s) } }
	sent := func(in Input) func() Result { return func() Result { return talk.step(in) } }
	for _, c := range []struct {
		do   func() Result
		want string
	}{
		{said("hello"), "Which city? [Jakarta] [Bandung] [Elsewhere]"},
		{said("surabaya"), "Sorry, I did not understand. Please choose one. [Jakarta] [Bandung] [Elsewhere]"},
		{said("bdg kak"), "Are you sure? [Yes] [No]"},
		{said("perhaps"), "Please answer yes or no. [Yes] [No]"},
		{func() Result { return talk.taps("sure/no", "No") }, "Where was it?"},
		{said("my house"), "Please share your location, or write its coordinates, such as -6.20, 106.80."},
		{sent(media("voice", "v", "")), "Please share your location, or write its coordinates, such as -6.20, 106.80. [Talk to a person]"},
		{sent(Input{Kind: InputMessage, Message: message.In{Kind: message.InLocation, Latitude: -6.175392, Longitude: 106.827153, Text: "Monas"}}), "Send the receipt."},
		{said("here it is"), "Please send the file as an attachment."},
		{sent(media("document", "doc-1", "bukti.pdf")), "And a picture."},
		{sent(media("document", "doc-2", "bukti.pdf")), "A picture, please. [Talk to a person]"},
		{sent(media("image", "img-1", "")), "When were you born?"},
		{said("besok"), "A day before today."},
		{said("17 agustus 75"), "How much?"},
		{said("5 ribu"), "Please write digits, such as 250000."},
		{said("2,5jt"), "Number of your card?"},
		{said("317401"), "Sixteen digits."},
		{said("3174010203040005"), "Mail?"},
		{said("siti@contoh.id"), "Phone?"},
		{said("0812-3456-7890"), "bandung false -6.17539,106.82715 doc-1 img-1 1975-08-17 2500000 3174010203040005 siti@contoh.id +6281234567890"},
	} {
		if got := transcript(c.do()); got != c.want {
			t.Fatalf("got %q, want %q", got, c.want)
		}
	}
}

func TestAQuestionForAPlaceHasItsButton(t *testing.T) {
	talk := talkTo(t, compile(t, form))
	talk.says("hello")
	talk.says("1")
	if r := talk.says("yes"); r.Say[0].Want != message.WantLocation {
		t.Errorf("%+v", r.Say)
	}
}

func TestAChoiceIsMeantBeforeATriggerAndRetriesEnd(t *testing.T) {
	p := compile(t, form)
	talk := talkTo(t, p)
	talk.says("hello")
	talk.says("xx")
	if r := talk.says("yy"); r.Handoff == nil {
		t.Errorf("after the last retry: %s", transcript(r))
	}
	talk = talkTo(t, p)
	talk.says("hello")
	if r := talk.says("agent"); r.Handoff == nil {
		t.Errorf("a trigger works at a question with choices: %s", transcript(r))
	}
	talk = talkTo(t, p)
	talk.says("hello")
	talk.says("jakarta")
	talk.taps("city/bandung", "Bandung")
	if s, _ := Decode(talk.state); s.Variables["city"] != "bandung" || s.Node != "sure" {
		t.Errorf("an older question is answered anew by its choice: %s", talk.state)
	}
}

func TestARuleThatFitsNotItsQuestionIsRefused(t *testing.T) {
	for ask, want := range map[string]string{
		"type: number, rule: {minLength: 3}":                                            "minLength: means nothing for a question of type number",
		"rule: {pattern: '[0-9'}":                                                       "no regular expression: missing closing ]",
		"type: date, rule: {notAfter: 2026-13-01}":                                      `"2026-13-01" is no date; write it as 2026-12-31, or today`,
		"type: choice":                                                                  "options are what a question of type choice offers",
		"options: [{name: a, title: {en: A}}, {name: b, title: {en: B}}]":               "options are what a question of type choice offers",
		"type: choice, options: [{name: a, title: {en: A}}, {name: b, title: {en: A}}]": `reads as option "a" does`,
		"type: choice, options: [{name: a, title: {en: A}}, {name: b, title: {id: B}}]": "options[b].title.en: missing",
	} {
		var all []string
		p, findings := Compile(flow(t, fmt.Sprintf("languages: [en]\nstart: a\nvariables: [{name: x}]\nnodes:\n- {name: a, ask: {text: {en: x}, as: x, %s}, next: b}\n- {name: b, end: {}}\n", ask)), world())
		for _, f := range findings {
			all = append(all, f.Path+": "+f.Message)
		}
		if p != nil || !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q", ask, all)
		}
	}
}

func TestAFlowsTestSendsAPictureAndReadsVariables(t *testing.T) {
	p := compile(t, form+`
tests:
- name: a report with a picture
  steps:
  - citizen: hello
  - citizen: jkt
  - citizen: "yes"
  - sends: location
  - bot: {node: proof, variables: {city: jakarta, sure: "true", where: "-6.17539,106.82715"}}
  - sends: picture
  - sends: picture
  - bot: {node: born, variables: {photo: test-image, mail: ""}}
- name: wrong on purpose
  steps:
  - citizen: hello
  - citizen: jkt
  - bot: {variables: {city: bandung}}
`)
	r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday)
	if r.Passed != 1 || len(r.Failures) != 1 || !strings.Contains(r.Failures[0].Want, `city "bandung" (it is "jakarta")`) {
		t.Errorf("%+v", r)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"2jt 500rb", "31 Dec 2026", "ya tidak", "-6.2,106.8", "satu setengah juta", "\xff", "8/17/1945"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := dateText(s, monday); ok {
			if again, same := dateText(d, monday); !same || again != d {
				t.Fatalf("%q is %s, which is %s", s, d, again)
			}
		}
		if n, ok := numberText(s); ok && !decimal.MatchString(n) && !strings.Contains(n, "e") && len(n) > 24 {
			t.Fatalf("%q is %s", s, n)
		}
		if p, ok := placeText(s); ok {
			if again, same := placeText(p); !same || again != p {
				t.Fatalf("%q is %s, which is %s", s, p, again)
			}
		}
	})
}
