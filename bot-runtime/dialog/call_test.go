package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// tickets asks a service about a complaint's number.
const tickets = `
languages: [en]
start: number
variables: [{name: number}, {name: state}, {name: days, type: number}, {name: urgent, type: bool}, {name: code, type: number}]
triggers:
- {name: person, words: {en: [agent]}, next: person}
nodes:
- name: number
  ask: {text: {en: "Which number?"}, as: number}
  next: status
- name: status
  call:
    url: "https://api.agency.example/complaints/{{ number }}/state?lang={{ language }}"
    secretName: call-complaints
    timeout: 4s
    retries: 1
    take:
    - {as: state, from: /data/state}
    - {as: days, from: /data/days}
    - {as: urgent, from: /data/flags/0}
    statusAs: code
    otherwise: split
    onUnknown: late
  next: told
- name: told
  say: {text: {en: "It is {{ state }} since {{ days }} days, urgent: {{ urgent }}."}}
  next: over
- name: split
  branch: {cases: [{when: "code == 404.0", next: unknown}], otherwise: broken}
- name: unknown
  say: {text: {en: "There is no complaint {{ number }}."}}
  next: number
- name: broken
  say: {text: {en: "We cannot look it up now."}}
  next: over
- name: late
  say: {text: {en: "It takes too long now."}}
  next: over
- name: person
  handoff: {pool: centre, text: {en: A person comes.}}
  next: over
- name: over
  end: {}
`

const openState = `{"data": {"state": "open", "days": 12, "flags": [true]}}`

// asks brings the talk to the call.
func asks(t *testing.T, number string) (*talker, *Call) {
	t.Helper()
	talk := talkTo(t, compile(t, tickets))
	talk.says("hello")
	r := talk.says(number)
	if r.Call == nil {
		t.Fatalf("no call: %s %v", transcript(r), r.Problems)
	}
	return talk, r.Call
}

func (c *talker) answered(call *Call, a CallAnswer) Result {
	c.t.Helper()
	return c.step(Input{Kind: InputAnswer, Generation: call.Generation, Answer: a})
}

func TestAServiceIsAskedAndItsAnswerIsSaid(t *testing.T) {
	talk, call := asks(t, "K 12/7?x")
	want := CallRequest{Method: "GET", URL: "https://api.agency.example/complaints/K%2012%2F7%3Fx/state?lang=en", Secret: "call-complaints",
		Timeout: 4 * time.Second, Retries: 1, Repeatable: true, Take: []string{"/data/state", "/data/days", "/data/flags/0"}}
	if diff := cmp.Diff(want, call.Request); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if call.Within != 8*time.Second {
		t.Errorf("two attempts of 4 s are waited for %s", call.Within)
	}
	r := talk.answered(call, Answered(200, []byte(openState), call.Request.Take))
	if got := transcript(r); got != "It is open since 12 days, urgent: true." {
		t.Error(got, r.Problems)
	}
}

func TestEveryWayThatACallCanEndHasItsWords(t *testing.T) {
	for name, c := range map[string]struct {
		answer CallAnswer
		want   string
	}{
		"the service knows no such number":      {CallAnswer{Outcome: CallAnswered, Status: 404}, "There is no complaint 12. | Which number?"},
		"it answers with an error":              {CallAnswer{Outcome: CallAnswered, Status: 503}, "We cannot look it up now."},
		"it cannot be reached":                  {CallAnswer{Outcome: CallFailed}, "We cannot look it up now."},
		"it may have been done":                 {CallAnswer{Outcome: CallUnknown}, "It takes too long now."},
		"nobody called, and the time is over":   {CallAnswer{}, "We cannot look it up now."},
		"its answer has not what was expected":  {Answered(200, []byte(`{"data": {}}`), []string{"/data/state"}), "We cannot look it up now."},
		"its answer is of another kind":         {Answered(200, []byte(`{"data": {"state": "open", "days": "many", "flags": [true]}}`), []string{"/data/state", "/data/days", "/data/flags/0"}), "We cannot look it up now."},
		"its answer is no JSON":                 {Answered(200, []byte(`<html>`), []string{"/data/state"}), "We cannot look it up now."},
		"what is no text is shown as it stands": {Answered(200, []byte(`{"data": {"state": 3.5, "days": 1, "flags": [false]}}`), []string{"/data/state", "/data/days", "/data/flags/0"}), "It is 3.5 since 1 days, urgent: false."},
	} {
		t.Run(name, func(t *testing.T) {
			talk, call := asks(t, "12")
			if got := strings.ReplaceAll(transcript(talk.answered(call, c.answer)), "\n\n", " | "); got != c.want {
				t.Error(got)
			}
		})
	}
}

func TestWhileAServiceIsAskedMessagesWaitAndATriggerDoesNot(t *testing.T) {
	talk, call := asks(t, "12")
	for says, waits := range map[string]bool{"halo?": true, "13": true, "agent": false, "an agent please": false} {
		if got := talk.p.Waits(talk.state, message.In{Kind: message.InText, Text: says}); got != waits {
			t.Errorf("%q waits: %v", says, got)
		}
	}
	if !talk.p.Waits(talk.state, message.In{Kind: message.InMedia, MediaType: "voice"}) {
		t.Error("a voice note does not wait")
	}
	if talk.p.Waits(talk.state, message.In{Kind: message.InChoice, ChoiceID: personChoice}) {
		t.Error("the wish for a person waits")
	}
	r := talk.says("agent")
	if r.Handoff == nil || !r.Uncall || r.Call != nil {
		t.Errorf("the trigger ends the wait: %+v", r)
	}
	if r = talk.answered(call, Answered(200, []byte(openState), call.Request.Take)); len(r.Say) != 0 || talk.at() != "person" {
		t.Errorf("an answer that comes late was heard: %s at %s", transcript(r), talk.at())
	}
	if talk.p.Waits(talk.state, message.In{Kind: message.InText, Text: "halo?"}) {
		t.Error("messages wait for a call that is over")
	}
}

func TestAnAnswerOfAnEarlierCallIsNotTakenForThisOne(t *testing.T) {
	talk, first := asks(t, "12")
	talk.answered(first, CallAnswer{Outcome: CallAnswered, Status: 404})
	r := talk.says("13")
	if r.Call == nil || r.Call.Generation == first.Generation {
		t.Fatalf("a second call: %+v", r.Call)
	}
	if r := talk.answered(first, Answered(200, []byte(openState), first.Request.Take)); len(r.Say) != 0 || talk.at() != "status" {
		t.Errorf("the earlier call's answer was heard: %s", transcript(r))
	}
}

func TestNoValueLeadsACallElsewhere(t *testing.T) {
	for _, number := range []string{"..", ".", "../../admin", "//evil.example", "x?admin=1", "x#y", "a%2e%2e", "12\r\nX: y", "@evil.example", "13/..", `a\..\b`} {
		talk := talkTo(t, compile(t, tickets))
		talk.says("hello")
		r := talk.says(number)
		if r.Call == nil {
			if got := transcript(r); got != "We cannot look it up now." || len(r.Problems) == 0 {
				t.Errorf("%q: %s %v", number, got, r.Problems)
			}
			continue
		}
		const before, behind = "https://api.agency.example/complaints/", "/state?lang=en"
		inner, ok := strings.CutPrefix(r.Call.Request.URL, before)
		inner, ok2 := strings.CutSuffix(inner, behind)
		if !ok || !ok2 || strings.ContainsAny(inner, "/?#\r\n ") || strings.Contains(inner, "..") {
			t.Errorf("%q makes %s", number, r.Call.Request.URL)
		}
	}
}

func TestABodyKeepsItsStructureWhateverIsTyped(t *testing.T) {
	text := strings.Replace(tickets, `    url: "https://api.agency.example/complaints/{{ number }}/state?lang={{ language }}"`, `    method: POST
    url: https://api.agency.example/complaints
    body:
    - {name: text, value: number}
    - {name: days, value: "days + 1.0"}
    - {name: urgent, value: "!urgent"}`, 1)
	text = strings.Replace(text, "    retries: 1\n", "", 1)
	talk := talkTo(t, compile(t, text))
	talk.says("hello")
	r := talk.says(`","admin":true,"x":"<b>`)
	if got := string(r.Call.Request.Body); got != `{"days":1,"text":"\",\"admin\":true,\"x\":\"<b>","urgent":true}` {
		t.Error(got)
	}
	if r.Call.Request.Repeatable {
		t.Error("a POST is not to be repeated")
	}
}

func TestACallThatCannotBeRightIsRefusedWithItsMend(t *testing.T) {
	for old, c := range map[string]struct{ now, want string }{
		"https://api.agency.example/complaints/{{ number }}/state?lang={{ language }}": {"https://{{ number }}.example/", "must begin with scheme, host and a slash"},
		"https://api.agency.example/complaints/{{ number }}":                           {"https://user:pass@api.agency.example/{{ number }}", "key authorization"},
		"state?lang={{ language }}":                                                    {"state#{{ language }}", "is never sent"},
		"as: state, from":                                                              {"as: stat, from", `no variable "stat"`},
		"statusAs: code":                                                               {"statusAs: state", "a status is a number"},
		"otherwise: split":                                                             {"otherwise: status", "comes back without a wait"},
		"onUnknown: late":                                                              {"onUnknown: lat", `no node "lat"`},
		"  next: told":                                                                 {"  next: tol", `no node "tol"`},
	} {
		_, findings := Compile(flow(t, strings.Replace(tickets, old, c.now, 1)), world())
		found := false
		for _, f := range findings {
			found = found || strings.Contains(f.Message, c.want)
		}
		if !found {
			t.Errorf("%s: findings %+v", c.now, findings)
		}
	}
}

func TestAFlowsOwnTestsSayWhatServicesAnswer(t *testing.T) {
	text := tickets + `
tests:
- name: a complaint is found
  calls: [{node: status, body: '{"data": {"state": "open", "days": 12, "flags": [true]}}'}]
  steps: [{citizen: hello}, {citizen: "12"}, {bot: {contains: It is open since 12 days, node: told}}]
- name: there is none
  calls: [{node: status, status: 404}]
  steps: [{citizen: hello}, {citizen: "12"}, {bot: {contains: There is no complaint 12, node: number}}]
- name: nobody answers
  steps: [{citizen: hello}, {citizen: "12"}, {bot: {node: late}}]
`
	spec := flow(t, text)
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
	r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday)
	if r.Passed != 3 {
		t.Errorf("%+v", r.Failures)
	}
}
