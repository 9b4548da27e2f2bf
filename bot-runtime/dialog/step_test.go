package dialog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// counter is a small flow with a node of every kind.
const counter = `
languages: [en, id]
start: welcome
variables: [{name: amount, type: number}, {name: story}, {name: big, type: bool}]
knowledge: [answers]
triggers:
- {name: person, words: {en: [agent], id: [petugas, orang]}, next: person}
- {name: scammed, words: {en: [already paid], id: [sudah transfer]}, next: firstAid}
nodes:
- name: welcome
  say: {text: {en: Hello., id: Halo.}}
  next: menu
- name: menu
  menu:
    text: {en: Type a name or choose., id: Ketik nama atau pilih.}
    options:
    - {name: complaint, title: {en: Complaint, id: Pengaduan}, words: {id: [keluhan]}, next: amount}
    - {name: person, title: {en: Talk to a person, id: Hubungi petugas}, next: person}
    otherwise: check
- name: check
  lookup:
    directory: institutions
    as: found
    cases: [{outcomes: [exact], next: licensed}, {outcomes: [ambiguous], next: which}]
    otherwise: unknown
- name: licensed
  say: {text: {en: "{{ found.name }} is licensed, {{ found.licence }}.", id: "{{ found.name }} berizin, {{ found.licence }}."}}
  next: menu
- name: which
  say: {text: {en: "Which: {{ found.names }}?", id: "Yang mana: {{ found.names }}?"}}
  next: menu
- name: unknown
  say: {text: {en: "Not listed: {{ found.query }}", id: "Tidak terdaftar: {{ found.query }}"}}
  next: menu
- name: amount
  ask:
    text: {en: "How much?", id: "Berapa?"}
    as: amount
    type: number
    valid: "double(input.text) > 0.0"
    retries: 1
    otherwise: story
  next: size
- name: size
  set: {variables: [{name: big, value: "amount > 1000000.0"}]}
  next: split
- name: split
  branch: {cases: [{when: big, next: firstAid}], otherwise: story}
- name: story
  ask: {text: {en: "What happened?", id: "Apa yang terjadi?"}, as: story, retries: 2}
  next: person
- name: firstAid
  say: {text: {en: Call your bank., id: Hubungi bank Anda.}}
  next: person
- name: person
  handoff:
    pool: centre
    priority: high
    text: {en: A person comes., id: Petugas segera datang.}
    summary: "'lost ' + string(amount) + ': ' + story"
    otherwise: closed
  next: survey
- name: closed
  say: {text: {en: We are closed., id: Kami tutup.}}
  next: menu
- name: survey
  survey: {text: {en: "How was it?", id: "Bagaimana?"}, thanks: {en: Thank you., id: Terima kasih.}}
  next: over
- name: over
  end: {}
`

func TestTheFirstMessageIsUnderstoodAtOnce(t *testing.T) {
	p := compile(t, counter)
	for _, c := range []struct{ what, says, want, at string }{
		{"a greeting is greeted", "good morning", "Hello.\n\nType a name or choose. [Complaint] [Talk to a person]", "menu"},
		{"a question is answered without a welcome", "is Dana Sekar Wangi legit?", "Dana Sekar Wangi is licensed, KEP-12.\n\nType a name or choose. [Complaint] [Talk to a person]", "menu"},
		{"in the language that it is asked in", "apakah Dana Sekar Wangi resmi kak?", "Dana Sekar Wangi berizin, KEP-12.\n\nKetik nama atau pilih. [Pengaduan] [Hubungi petugas]", "menu"},
		{"an option can be named", "pengaduan dong kak", "Berapa?", "amount"},
		{"a bare number chooses nothing that was not seen", "2", "Hello.\n\nType a name or choose. [Complaint] [Talk to a person]", "menu"},
		{"a trigger comes first", "I already paid them", "Call your bank.\n\nA person comes.", "person"},
		{"an approved answer keeps the choices", "what does it cost?", "It is free. [Complaint] [Talk to a person]", "menu"},
		{"the name of a language", "bahasa indonesia", "Halo.\n\nKetik nama atau pilih. [Pengaduan] [Hubungi petugas]", "menu"},
		{"several may be meant", "bank mekar", "Which: Bank Mekar Jaya, Bank Mekar Teduh?\n\nType a name or choose. [Complaint] [Talk to a person]", "menu"},
	} {
		t.Run(c.what, func(t *testing.T) {
			talk := talkTo(t, p)
			if got := transcript(talk.says(c.says)); got != c.want || talk.at() != c.at {
				t.Errorf("at %s: %s", talk.at(), got)
			}
		})
	}
}

func TestAMenuUnderstandsHowPeopleChoose(t *testing.T) {
	p := compile(t, counter)
	for _, s := range []string{"1", "1.", "no 1", "Complaint", "complaint please", "complant", "keluhan", "pengaduan"} {
		talk := talkTo(t, p)
		talk.says("hello")
		if talk.says(s); talk.at() != "amount" {
			t.Errorf("%q leads to %s", s, talk.at())
		}
	}
}

func TestATapOnAnOldMenuStillLeadsWhereItSaid(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	talk.says("hello")
	talk.says("1")
	if r := talk.taps("menu/person", "Talk to a person"); r.Handoff == nil {
		t.Errorf("no hand-off: %s", transcript(r))
	}
	talk = talkTo(t, talk.p)
	if r := talk.taps("gone/away", "Complaint"); talk.at() != "amount" {
		t.Errorf("a choice that is gone is read by its title: %s", transcript(r))
	}
}

func TestAnswersAreCheckedAndRetriesEnd(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	talk.says("complaint")
	if got := transcript(talk.says("much")); got != "Please write digits, such as 250000." {
		t.Error(got)
	}
	if got := transcript(talk.says("nothing")); got != "What happened?" {
		t.Errorf("after the last retry: %s", got)
	}
	talk = talkTo(t, talk.p)
	talk.says("complaint")
	if got := transcript(talk.says("Rp 2.500.000")); !strings.HasPrefix(got, "Call your bank.") {
		t.Error(got)
	}
	talk = talkTo(t, talk.p)
	talk.says("complaint")
	talk.says("50 ribu")
	if r := talk.says("they took it and ran away"); r.Handoff == nil || r.Handoff.Summary != "lost 50000: they took it and ran away" || r.Handoff.Priority != "high" {
		t.Errorf("%+v", r.Handoff)
	}
}

func TestASingleWordInsideAStoryCallsNobody(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	talk.says("pengaduan")
	talk.says("1000")
	talk.says("ada orang yang mengaku dari bank dan meminta kode")
	if s, _ := Decode(talk.state); s.Variables["story"] != "ada orang yang mengaku dari bank dan meminta kode" {
		t.Errorf("the story is lost: %+v", s)
	}
	talk = talkTo(t, talk.p)
	talk.says("pengaduan")
	talk.says("1000")
	if r := talk.says("saya sudah transfer semuanya ke orang itu kemarin malam"); !strings.Contains(transcript(r), "Hubungi bank") {
		t.Errorf("money already sent is not heard: %s", transcript(r))
	}
}

func TestWhatHoldsNoTextIsNeverAnsweredWithNothing(t *testing.T) {
	p := compile(t, counter)
	for _, kind := range []message.InKind{message.InMedia, message.InLocation, message.InContact, message.InOther} {
		for _, before := range [][]string{nil, {"hello"}, {"complaint"}} {
			talk := talkTo(t, p)
			for _, s := range before {
				talk.says(s)
			}
			r := talk.step(Input{Kind: InputMessage, Message: message.In{Kind: kind}})
			if len(r.Say) != 1 || !strings.Contains(r.Say[0].Text, "I can only read text") || !strings.Contains(transcript(r), "Talk to a person") {
				t.Errorf("%s after %v: %s", kind, before, transcript(r))
			}
		}
	}
	talk := talkTo(t, p)
	if r := talk.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InReaction, Text: "👍"}}); len(r.Say) != 0 {
		t.Errorf("a reaction is answered: %s", transcript(r))
	}
	if r := talk.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InMedia, Text: "is Dana Sekar Wangi legit?"}}); !strings.Contains(transcript(r), "is licensed") {
		t.Errorf("a caption is not read: %s", transcript(r))
	}
}

func TestAClosedOrFullPoolTakesTheOtherWay(t *testing.T) {
	for what, pool := range map[string]func(string) (bool, bool){
		"closed": func(string) (bool, bool) { return false, false },
		"full":   func(string) (bool, bool) { return true, true },
	} {
		talk := talkTo(t, compile(t, counter))
		talk.env.PoolOpen = pool
		if r := talk.says("agent"); r.Handoff != nil || !strings.HasPrefix(transcript(r), "We are closed.") {
			t.Errorf("%s: %s", what, transcript(r))
		}
	}
}

// served brings a conversation to its survey.
func served(t *testing.T) *talker {
	talk := talkTo(t, compile(t, counter))
	if r := talk.says("agent"); r.Handoff == nil || transcript(r) != "A person comes." {
		t.Fatal(transcript(r))
	}
	r := talk.step(Input{Kind: InputClosed})
	if transcript(r) != "How was it? [1 Bad] [2 Poor] [3 Fair] [4 Good] [5 Very good]" || len(r.Timers) != 1 || r.Timers[0].DueIn != 2*time.Hour {
		t.Fatalf("%s %+v", transcript(r), r.Timers)
	}
	return talk
}

func TestASurveyIsAnsweredSkippedOrForgotten(t *testing.T) {
	for _, s := range []string{"5", "5/5", "bintang 5", "lima", "5 very good", "very good"} {
		talk := served(t)
		r := talk.says(s)
		if stars(r) != 5 || transcript(r) != "Thank you." || !r.Ended || len(r.Timers) != 1 || r.Timers[0].DueIn != 0 {
			t.Errorf("%q: %+v", s, r)
		}
	}
	talk := served(t)
	if r := talk.says("is Dana Sekar Wangi legit?"); stars(r) != 0 || !strings.Contains(transcript(r), "is licensed") || len(r.Timers) != 1 {
		t.Errorf("a new question: %+v", r)
	}
	talk = served(t)
	if r := talk.says("thank you"); stars(r) != 0 || transcript(r) != "Thank you." || !r.Ended {
		t.Errorf("thanks: %+v", r)
	}
	talk = served(t)
	if r := talk.step(Input{Kind: InputTimer, Timer: "survey", Generation: 1}); !r.Ended || len(r.Say) != 0 || talk.at() != "" {
		t.Errorf("nobody answers: %+v", r)
	}
	if r := talk.taps("survey/4", "4 Good"); stars(r) != 4 || talk.at() != "" {
		t.Errorf("a late tap: %+v", r)
	}
	talk = served(t)
	if r := talk.step(Input{Kind: InputTimer, Timer: "survey", Generation: 7}); r.Ended || talk.at() != "survey" {
		t.Errorf("another's timer: %+v", r)
	}
}

func TestTheLanguageIsHeardAndChanged(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	if r := talk.says("halo kak mau tanya"); r.Language != "id" {
		t.Errorf("heard as %s", r.Language)
	}
	if r := talk.says("English"); r.Language != "en" || transcript(r) != "Type a name or choose. [Complaint] [Talk to a person]" {
		t.Errorf("%s: %s", r.Language, transcript(r))
	}
	if r := talk.says("apa ini yang resmi"); r.Language != "en" {
		t.Error("a language that was chosen is kept")
	}
	talk = talkTo(t, talk.p)
	if r := talk.says("Dana Sekar Wangi"); r.Language != "en" {
		t.Error("a name alone leaves the flow's first language")
	}
	if r := talk.says("apakah itu resmi kak"); r.Language != "id" {
		t.Error("what tells the language later is heard")
	}
}

// The web chat's page has a choice of language; what is chosen there comes with the next message.
func TestTheLanguageOfThePageIsSpoken(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	chosen := func(language, text string) Result {
		return talk.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: text, Language: language}})
	}
	if r := chosen("id", "is the company licensed? Dana Sekar Wangi"); r.Language != "id" || !strings.Contains(transcript(r), "berizin") {
		t.Errorf("%s: what is chosen counts before what is heard: %s", r.Language, transcript(r))
	}
	if r := talk.says("what does it cost"); r.Language != "id" {
		t.Error("a language that was chosen is kept")
	}
	if r := chosen("en", "Dana Sekar Wangi"); r.Language != "en" {
		t.Error("another choice changes it")
	}
	if r := chosen("fr", "Dana Sekar Wangi"); r.Language != "en" {
		t.Error("a language that the flow has not is left aside")
	}
	if r := talk.says("bahasa indonesia"); r.Language != "id" {
		t.Error("a later word of the citizen's counts")
	}
	state, ok := talk.p.Speak(talk.state, "en")
	if talk.state = state; !ok || talk.says("Dana Sekar Wangi").Language != "en" {
		t.Error("what is chosen while a person has the conversation is spoken afterwards")
	}
	if _, ok := talk.p.Speak(talk.state, "fr"); ok {
		t.Error("the flow has no French")
	}
}

func TestAnApologyOffersAPerson(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	r := talk.step(Input{Kind: InputApology})
	if len(r.Say) != 1 || !strings.Contains(r.Say[0].Text, "fault on our side") {
		t.Fatal(transcript(r))
	}
	if r := talk.taps(r.Say[0].Choices[0].ID, r.Say[0].Choices[0].Title); r.Handoff == nil {
		t.Errorf("the choice reaches nobody: %s", transcript(r))
	}
}

func TestADirectoryThatDoesNotServeIsNoNotListed(t *testing.T) {
	talk := talkTo(t, compile(t, counter))
	talk.env.Lookup = func(string, string) (answer directory.Answer, ok bool) { return }
	r := talk.says("Dana Sekar Wangi")
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "does not serve") {
		t.Errorf("%v", r.Problems)
	}
	if s, _ := Decode(talk.state); s.Found["found"].Outcome != "unavailable" {
		t.Errorf("%+v", s.Found["found"])
	}
}

func TestValuesAreNeverReadAgain(t *testing.T) {
	p := compile(t, counter)
	rapid.Check(t, func(t *rapid.T) {
		typed := "x" + rapid.StringMatching(`[a-z{}' .]{0,10}(\{\{ [a-z.]{1,8} \}\})[a-z{}' ]{0,10}`).Draw(t, "typed")
		_, r, err := p.Step(nil, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: typed}}, Env{Now: monday, Lookup: func(string, string) (directory.Answer, bool) {
			return directory.Answer{Outcome: directory.None}, true
		}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Say[0].Text; !strings.HasPrefix(got, "Not listed: "+strings.TrimSpace(typed)) && !strings.HasPrefix(got, "Tidak terdaftar: "+strings.TrimSpace(typed)) {
			t.Fatalf("%q became %q", typed, got)
		}
	})
}

func TestAnExpressionThatFailsHasItsOutcome(t *testing.T) {
	p := compile(t, `
languages: [en]
start: go
variables: [{name: num, type: number}, {name: s}, {name: b, type: bool}]
nodes:
- name: go
  set: {variables: [{name: s, value: "'kept'"}, {name: s, value: "input.text.substring(50)"}, {name: num, value: "1.0 / 0.0"}]}
  next: cond
- name: cond
  branch: {cases: [{when: "input.text.substring(50) == ''", next: wrong}], otherwise: tell}
- name: tell
  say: {text: {en: "{{ s }} {{ num }} {{ input.text.substring(50) }}"}}
  next: over
- {name: wrong, say: {text: {en: wrong}}, next: over}
- {name: over, end: {}}
`)
	r := talkTo(t, p).says("short")
	if transcript(r) != "kept 0 -" || len(r.Problems) != 4 {
		t.Errorf("%s %q", transcript(r), r.Problems)
	}
	for _, problem := range r.Problems {
		if !strings.HasPrefix(problem, "nodes[") {
			t.Errorf("no place in %q", problem)
		}
	}
}

func TestAStateNeverOutgrowsItsBounds(t *testing.T) {
	p := compile(t, `
languages: [en]
start: go
variables: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}, {name: g}, {name: h}, {name: i}]
nodes:
- name: go
  ask: {text: {en: "More?"}, as: a}
  next: grow
- name: grow
  set: {variables: [{name: b, value: a + a}, {name: c, value: b + b}, {name: d, value: c + c}, {name: e, value: d + d}, {name: f, value: e + e}, {name: g, value: f + f}, {name: h, value: g + g}, {name: i, value: h + h}]}
  next: go
`)
	talk := talkTo(t, p)
	talk.says("hello")
	for range 5 {
		r := talk.says(strings.Repeat("<&>", 2700))
		if len(talk.state) > MaxStateBytes || len(r.Problems) == 0 {
			t.Fatalf("%d bytes, %d problems", len(talk.state), len(r.Problems))
		}
	}
}

func TestALongMessageIsPartedAndNothingIsLost(t *testing.T) {
	p := compile(t, `
languages: [en]
start: ask
variables: [{name: a}]
nodes:
- {name: ask, ask: {text: {en: "Text?"}, as: a}, next: menu}
- {name: menu, menu: {text: {en: "{{ a }}{{ a }}"}, options: [{name: x, title: {en: X}, next: over}]}}
- {name: over, end: {}}
`)
	talk := talkTo(t, p)
	talk.says("hello")
	r := talk.says(strings.TrimSpace(strings.Repeat("word ", 800)))
	for i, m := range r.Say {
		last := i == len(r.Say)-1
		if n := len([]rune(m.Text)); n > 1024 || (len(m.Choices) > 0) != last {
			t.Errorf("message %d has %d characters and %d choices", i, n, len(m.Choices))
		}
	}
	if n := strings.Count(transcript(r), "word"); n != 1600 {
		t.Errorf("%d words of 1600", n)
	}
}

func TestOldStatesAreUnderstoodAndNewerOnesLeftAlone(t *testing.T) {
	p := compile(t, counter)
	old := []byte(`{"f":1,"n":"story","l":"id","r":1,"v":{"amount":50000},"d":{"found":{"o":"none","q":"x"}},"unknown":true}`)
	state, r, err := p.Step(old, Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "uang saya diambil"}}, Env{Now: monday})
	if err != nil || r.Handoff == nil || r.Handoff.Summary != "lost 50000: uang saya diambil" || r.Language != "id" {
		t.Errorf("%v %+v %s", err, r.Handoff, state)
	}
	if _, _, err := p.Step([]byte(`{"f":99}`), Input{Kind: InputMessage}, Env{}); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer format gives %v", err)
	}
	for _, broken := range []string{"{", `{"f":1,"n":"a node that is gone"}`} {
		_, r, err := p.Step([]byte(broken), Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: "hello"}}, Env{Now: monday})
		if err != nil || !strings.HasPrefix(transcript(r), "Hello.") {
			t.Errorf("%s: %v %s", broken, err, transcript(r))
		}
	}
}

func FuzzStep(f *testing.F) {
	p := compile(f, counter)
	f.Add([]byte(`{"f":1,"n":"amount","v":{"amount":1,"story":3,"big":"x"}}`), "5", "menu/person", uint8(0))
	f.Add([]byte(`{"f":1,"n":"survey","g":1,"d":{"found":null}}`), "agent", ":person", uint8(1))
	f.Add([]byte(`{"f":1,"n":"person"}`), "\xff", "/", uint8(2))
	f.Add([]byte(`{"f":2,"n":"street","c":[{"n":"other","s":{"who":[1],"street":"x"}},{"n":"gone"}]}`), "Jalan Satu", "", uint8(128))
	f.Add([]byte(`{"f":1,"n":"story","w":1,"g":4}`), "x", "", uint8(1))
	f.Add([]byte(`{"f":2,"n":"town","c":[{"n":"inTown"},{"n":"inTown"},{"n":"own"}],"v":{"a":{"b":[1]}}}`), "x", "welcome/move", uint8(128))
	f.Add([]byte(`{"f":1,"n":"status","g":1,"v":{"number":"12"}}`), "open", "", uint8(4+64))
	f.Add([]byte(`{"f":1,"n":"number","g":1}`), "../12?x#y", "", uint8(64))
	f.Add([]byte(`{"f":3,"n":"amount","g":4,"c":[{"n":"own","s":{"who":"x"}},{"n":"status","t":"amount","g":2,"a":{"outcome":"answered","status":200,"values":{"/data/state":[1]}}}]}`), "250", "", uint8(192))
	f.Add([]byte(`{"f":3,"n":"status","g":9,"a":1,"c":[{"n":"town","t":"sent","r":7},{"n":"town","t":"sent"}]}`), "already paid", "", uint8(192+4))
	f.Add([]byte(`{"f":3,"n":"address:town:which","c":[{"n":"theirs","s":{"address:street":"x"}},{"n":"address:where"}],"v":{"address:town:town":"y","x":1}}`), "Depok", "1", uint8(192))
	programs := []*Program{p, compile(f, tickets), compile(f, twoAddresses), compile(f, interrupted), linkedFlows(f), compile(f, report), compile(f, reminding)}
	f.Add([]byte(`{"f":4,"n":"who","p":{"sum":"2jt","how":"cash","told":"true"}}`), "Dana Mekar", "report", uint8(32))
	f.Add([]byte(`{"f":1,"n":"story","w":1,"g":1,"v":{"ticket":7}}`), "x", "\xff/", uint8(16+1))
	f.Fuzz(func(t *testing.T, state []byte, text, choice string, kind uint8) {
		p := programs[(int(kind>>6)+len(choice))%len(programs)]
		kinds := []InputKind{InputMessage, InputTimer, InputClosed, InputApology, InputAnswer, InputTooMany, InputMessage, InputMessage}
		in := Input{Kind: kinds[int(kind)%len(kinds)], Timer: "survey", Generation: 1, Message: message.In{Kind: message.InText, Text: text},
			Answer: CallAnswer{Outcome: CallAnswered, Status: 200, Values: map[string]any{"/data/state": text, "/data/days": 1.0, "/data/flags/0": true}}}
		switch {
		case kind&32 != 0:
			in.Message.Kind, in.Message.Form = message.InForm, choice
			in.Message.Fields = map[string]string{"who": text, "sum": text, "how": choice, "told": text, "story": text}
		case choice != "":
			in.Message.Kind, in.Message.ChoiceID = message.InChoice, choice
		}
		if kind&16 != 0 {
			in.Timer = "silence"
		}
		env := talkTo(t, p).env
		env.Forms = true
		next, r, err := p.Step(state, in, env)
		if err != nil {
			return
		}
		if len(next) > MaxStateBytes || len(r.Visited) > MaxNodesPerStep {
			t.Fatalf("%d bytes, %d nodes", len(next), len(r.Visited))
		}
		if r.Call != nil && !strings.HasPrefix(r.Call.Request.URL, "https://api.agency.example/complaints/") {
			t.Fatalf("the call goes to %s", r.Call.Request.URL)
		}
		for _, m := range r.Say {
			if m.Words() == "" {
				t.Fatal("an empty message")
			}
		}
	})
}
