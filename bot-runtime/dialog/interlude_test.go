package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// interrupted has triggers that return: one says something, one asks, one reaches a person; and one that does not.
const interrupted = `
languages: [en, id]
start: welcome
variables: [{name: who}, {name: town}, {name: number}, {name: state}, {name: amount, type: number}]
triggers:
- {name: sent, words: {en: [already paid], id: [sudah transfer]}, next: firstAid, returns: true}
- {name: amount, words: {en: [how much], id: [berapa]}, next: amount, returns: true}
- {name: person, words: {en: [agent], id: [petugas]}, next: person, returns: true}
- {name: stop, words: {en: [stop], id: [berhenti]}, next: bye}
nodes:
- name: welcome
  menu:
    text: {en: Choose., id: Pilih.}
    options: [{name: move, title: {en: We move, id: Pindah}, next: own}, {name: status, title: {en: Status, id: Status}, next: number}]
- {name: own, run: {start: town, arguments: [{name: who, value: "'you'"}]}, next: welcome}
- {name: town, ask: {text: {en: "Where do {{ who }} live?", id: "{{ who }} di mana?"}, as: town, rule: {minLength: 3}, silence: [{minutes: 5, text: {en: We wait., id: Kami tunggu.}}]}, next: noted}
- {name: noted, end: {text: {en: "{{ town }} is noted.", id: "{{ town }} dicatat."}}}
- {name: number, ask: {text: {en: "Which number?", id: "Nomor?"}, as: number}, next: status}
- {name: status, call: {url: "https://api.agency.example/complaints/{{ number }}", take: [{as: state, from: /data/state}], otherwise: broken}, next: told}
- {name: told, say: {text: {en: "It is {{ state }}.", id: "Status {{ state }}."}}, next: welcome}
- {name: broken, say: {text: {en: It is not known., id: Tidak tahu.}}, next: welcome}
- {name: firstAid, say: {text: {en: Call your bank., id: Hubungi bank.}}, next: back}
- {name: amount, ask: {text: {en: "How much is it?", id: "Berapa?"}, as: amount, type: number}, next: rate}
- {name: rate, call: {url: "https://api.agency.example/complaints/rate", otherwise: amountNoted}, next: amountNoted}
- {name: amountNoted, end: {text: {en: "{{ amount }} is noted.", id: "{{ amount }} dicatat."}}}
- {name: person, handoff: {pool: centre, text: {en: A person comes., id: Petugas datang.}}, next: survey}
- {name: survey, survey: {text: {en: "How was it?", id: "Bagaimana?"}}, next: back}
- {name: back, end: {}}
- {name: bye, end: {text: {en: Good bye., id: Sampai jumpa.}}}
`

func TestATriggerThatReturnsComesBackToTheQuestionAlsoInARun(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("hello")
	for _, c := range []struct{ says, want string }{
		{"we move", "Where do you live?"},
		{"oh, I have already paid them", "Call your bank.\n\nWhere do you live?"},
		{"how much", "How much is it?"},
		{"lots", "Please write digits, such as 250000."},
		{"already paid", "Call your bank.\n\nWhere do you live?"}, // within the other: back to the same place
		{"Bogor", "Bogor is noted.\n\nChoose. [We move] [Status]"},
	} {
		if got := transcript(talk.says(c.says)); got != c.want {
			t.Errorf("%q is answered %q, want %q", c.says, got, c.want)
		}
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 0 || s.Format != 1 || s.Variables["who"] != nil {
		t.Errorf("what was interrupted is over, and older versions read it: %s", talk.state)
	}
}

func TestATriggerThatReturnsRemembersTheTries(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("we move")
	talk.says("x")
	talk.says("already paid")
	if s, _ := Decode(talk.state); s.Retries != 1 || s.Node != "town" {
		t.Errorf("%s", talk.state)
	}
}

func TestAPersonWhoWasCalledLeadsBackToWhereTheCitizenLeftOff(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("we move")
	if r := talk.says("agent"); r.Handoff == nil || transcript(r) != "A person comes." {
		t.Fatal(transcript(r))
	}
	talk.step(Input{Kind: InputClosed})
	if r := talk.says("5"); stars(r) != 5 || transcript(r) != "Where do you live?" || r.Ended {
		t.Fatalf("%+v", r)
	}
	talk.says("agent")
	talk.step(Input{Kind: InputClosed})
	if r := talk.says("Bandung is where I live now"); transcript(r) != "Where do you live?" {
		t.Errorf("a survey that is passed over leads back: %s", transcript(r))
	}
	r := talk.step(Input{Kind: InputApology})
	if r := talk.taps(r.Say[0].Choices[0].ID, "Talk to a person"); r.Handoff == nil {
		t.Fatal(transcript(r))
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 2 || s.Runs[1].Trigger != "person" {
		t.Errorf("Loket's own choice of a person returns as the trigger does: %s", talk.state)
	}
}

func TestATapOnTheQuestionThatWasInterruptedEndsTheInterlude(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("hello")
	talk.says("how much")
	if r := talk.taps("welcome/move", "We move"); transcript(r) != "Where do you live?" {
		t.Error(transcript(r))
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 1 || s.Runs[0].Node != "own" {
		t.Errorf("%s", talk.state)
	}
}

func TestATriggerThatDoesNotReturnLeavesAllForGood(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("status")
	call := talk.says("12").Call
	talk.says("how much")
	if r := talk.says("stop"); transcript(r) != "Good bye." || !r.Ended || !r.Uncall {
		t.Errorf("%s %+v", transcript(r), r)
	}
	if r := talk.answered(call, Answered(200, []byte(openState), call.Request.Take)); len(r.Say) != 0 {
		t.Errorf("a late answer is told: %s", transcript(r))
	}
}

func TestACallGoesOnWhileATriggerIsFollowed(t *testing.T) {
	asked := func(t *testing.T) (*talker, *Call) {
		talk := talkTo(t, compile(t, interrupted))
		talk.says("status")
		r := talk.says("12")
		if r.Call == nil {
			t.Fatal(transcript(r))
		}
		return talk, r.Call
	}
	open := Answered(200, []byte(openState), []string{"/data/state"})
	const told = "It is open.\n\nChoose. [We move] [Status]"

	talk, call := asked(t)
	for text, waits := range map[string]bool{"hello?": true, "I have already paid": false, "how much": false, "agent": false, "stop": false, "bahasa indonesia": false} {
		if got := talk.p.Waits(talk.state, message.In{Kind: message.InText, Text: text}); got != waits {
			t.Errorf("%q waits for the answer: %v", text, got)
		}
	}
	if r := talk.says("I have already paid"); transcript(r) != "Call your bank." || r.Uncall || talk.at() != "status" {
		t.Fatalf("%s %+v", transcript(r), r)
	}
	if r := talk.answered(call, open); transcript(r) != told {
		t.Errorf("the answer after the trigger: %s", transcript(r))
	}

	talk, call = asked(t)
	talk.says("how much")
	if r := talk.answered(call, open); len(r.Say)+len(r.Visited) != 0 || talk.at() != "amount" {
		t.Fatalf("an answer that comes meanwhile is kept: %+v", r)
	}
	second := talk.says("250")
	if second.Call == nil || second.Call.Generation == call.Generation {
		t.Fatalf("%+v", second)
	}
	if r := talk.answered(call, open); len(r.Say) != 0 {
		t.Fatalf("the first call's answer is taken for the second's: %s", transcript(r))
	}
	if r := talk.answered(second.Call, CallAnswer{Outcome: CallAnswered, Status: 200}); transcript(r) != "250 is noted.\n\n"+told {
		t.Errorf("both: %s", transcript(r))
	}

	talk, call = asked(t)
	talk.says("how much")
	second = talk.says("250")
	if r := talk.answered(second.Call, CallAnswer{Outcome: CallFailed}); transcript(r) != "250 is noted." || r.Uncall || talk.at() != "status" {
		t.Fatalf("%s %+v", transcript(r), r)
	}
	if s, _ := Decode(talk.state); s.Awaits != call.Generation || s.Format != 3 {
		t.Fatalf("%s", talk.state)
	}
	if r := talk.answered(second.Call, open); len(r.Say) != 0 {
		t.Fatalf("the second call's answer is taken for the first's: %s", transcript(r))
	}
	if r := talk.answered(call, CallAnswer{Outcome: CallUnknown}); !strings.HasPrefix(transcript(r), "It is not known.") {
		t.Errorf("%s", transcript(r))
	}
	if s, _ := Decode(talk.state); s.Awaits != 0 || s.Format != 1 {
		t.Errorf("%s", talk.state)
	}

	talk, call = asked(t)
	talk.says("agent")
	state, ok := talk.p.Keep(talk.state, call.Generation, open) // a person has the conversation
	if talk.state = state; !ok {
		t.Fatalf("%s", talk.state)
	}
	if _, ok := talk.p.Keep(talk.state, call.Generation, open); ok {
		t.Error("one answer is kept twice")
	}
	talk.step(Input{Kind: InputClosed})
	if got := transcript(talk.says("5")); got != told {
		t.Errorf("after the person: %s", got)
	}
}

func TestAnotherLanguageIsSpokenWhileACallIsUnderWay(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	talk.says("status")
	call := talk.says("12").Call
	if r := talk.says("bahasa indonesia"); transcript(r) != "Mohon tunggu sebentar." || r.Uncall {
		t.Fatalf("%s", transcript(r))
	}
	if got := transcript(talk.answered(call, Answered(200, []byte(openState), call.Request.Take))); got != "Status open.\n\nPilih. [Pindah] [Status]" {
		t.Error(got)
	}
}

func TestAReminderIsSetAnewAfterATriggerHasReturned(t *testing.T) {
	talk := talkTo(t, compile(t, interrupted))
	first := talk.says("we move")
	r := talk.says("already paid")
	if again := talk.fires(first); len(again.Say) != 0 {
		t.Errorf("the old reminder: %s", transcript(again))
	}
	if got := transcript(talk.fires(r)); got != "We wait." {
		t.Error(got)
	}
}

func TestATriggerThatCouldNeverReturnIsRefused(t *testing.T) {
	p, findings := Compile(flow(t, `
languages: [en]
start: ask
variables: [{name: x}]
triggers: [{name: again, words: {en: [again]}, next: ask, returns: true}]
nodes:
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: ask}
`), world())
	if p != nil || len(findings) != 1 || findings[0].Path != "triggers[again].returns" || findings[0].Reason != "NeverReturns" {
		t.Errorf("%+v", findings)
	}
}

// A flow may change while a conversation is interrupted: what it returns to is left out when it is gone.
func TestAnInterludeOfAnotherRevisionHarmsNobody(t *testing.T) {
	p := compile(t, interrupted)
	for _, frame := range []string{`{"n":"gone","t":"sent"}`, `{"n":"town","t":"gone"}`, `{"n":"town","t":"stop"}`, `{"n":"noted","t":"sent"}`, `{"n":"status","t":"sent"}`} {
		talk := talkTo(t, p)
		talk.state = fmt.Appendf(nil, `{"f":3,"n":"amount","c":[%s]}`, frame)
		r := talk.says("250")
		talk.answered(r.Call, CallAnswer{Outcome: CallFailed})
		if s, _ := Decode(talk.state); len(s.Runs) != 0 || s.Node != "" {
			t.Errorf("%s: %s", frame, talk.state)
		}
	}
}

// tested runs tests of the interrupted flow; answers of services are successes where they do not say what they are.
func tested(t *testing.T, tests string) Report {
	t.Helper()
	spec := flow(t, interrupted+"tests:\n"+tests)
	for i := range spec.Tests {
		for k := range spec.Tests[i].Calls {
			if spec.Tests[i].Calls[k].Status == 0 {
				spec.Tests[i].Calls[k].Status = 200 // the CRD's default
			}
		}
	}
	p, findings := Compile(spec, world())
	if p == nil {
		t.Fatal(findings)
	}
	return Test(p, func(at time.Time) Env { return Env{Now: at} }, monday)
}

func TestAFlowsTestWritesWhileAServiceIsAsked(t *testing.T) {
	const open = `  calls: [{node: status, body: '{"data": {"state": "open"}}'}]
`
	r := tested(t, `
- name: a trigger that returns, then the answer
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - bot: {node: status, messages: 0}
  - citizen: already paid
  - bot: {exact: Call your bank., node: status, messages: 1}
  - answers: status
  - bot: {contains: It is open, node: welcome, messages: 1}
- name: the answer comes while another question stands
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - citizen: how much
  - bot: {contains: How much is it, node: amount}
  - answers: status
  - bot: {messages: 0, node: amount}
  - citizen: "500"
  - bot: {contains: It is open, node: welcome}
- name: what is no trigger waits, in its order
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - citizen: we move
  - citizen: Bogor
  - bot: {messages: 0, node: status}
  - answers: status
  - bot: {contains: Bogor is noted, messages: 3, node: told}
- name: a trigger overtakes what waits
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - citizen: we move
  - citizen: stop
  - bot: {contains: Good bye, node: town} # and what waited goes on
  - answers: status
  - bot: {messages: 0, node: town}
- name: the answer comes while a person has the conversation
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - citizen: are you there
  - citizen: agent
  - bot: {handedTo: centre, messages: 1}
  - answers: status
  - bot: {messages: 0}
  - agent: close
  - bot: {contains: How was it}
  - citizen: "5"
  - bot: {contains: It is open}
- name: a service that does not answer has ended after a minute
`+open+`  steps:
  - citizen: status
  - citizen: "12"
  - citizen: we move
  - silence: 1
  - bot: {contains: It is not known, node: town}
  - citizen: status
  - citizen: stop
  - citizen: status
  - citizen: "13"
  - answers: status
  - bot: {contains: It is open}
- name: two at once
  calls: [{node: status, body: '{"data": {"state": "open"}}'}, {node: rate}]
  steps:
  - citizen: status
  - citizen: "12"
  - citizen: how much
  - citizen: "500"
  - bot: {messages: 0, node: rate}
  - answers: status
  - bot: {messages: 0, node: rate}
  - answers: rate
  - bot: {contains: 500 is noted, node: told}
- name: those that no step names are answered at once
`+open+`  steps:
  - citizen: how much
  - citizen: "500"
  - bot: {contains: 500 is noted}
  - citizen: status
  - citizen: "12"
  - bot: {node: status, messages: 0}
  - answers: status
  - bot: {contains: It is open}
`)
	for _, f := range r.Failures {
		t.Errorf("%s, step %d: want %s; got %s (%s)", f.Test, f.Step, f.Want, f.Got, f.Why)
	}
	r = tested(t, `
- name: nothing was asked
  steps: [{citizen: status}, {answers: status}]
- name: answered already
  steps: [{citizen: status}, {citizen: "12"}, {answers: status}, {answers: status}]
- name: no such node
  steps: [{citizen: status}, {citizen: "12"}, {answers: nowhere}]
`)
	if len(r.Failures) != 3 {
		t.Fatalf("%+v", r.Failures)
	}
	for i, want := range []string{"a call of node status under way", "a call of node status under way", "a call of node nowhere under way"} {
		if f := r.Failures[i]; f.Want != want || !strings.HasPrefix(f.Got, "none: ") {
			t.Errorf("%+v", f)
		}
	}
}
