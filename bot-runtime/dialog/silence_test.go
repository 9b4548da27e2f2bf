package dialog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const patient = `
languages: [en]
start: menu
variables: [{name: story}]
triggers: [{name: person, words: {en: [agent]}, next: person}]
nodes:
- name: menu
  menu:
    text: {en: Choose.}
    options: [{name: tell, title: {en: Tell}, next: story}, {name: person, title: {en: A person}, next: person}]
    silence: [{minutes: 10, text: {en: "Still there?"}}, {minutes: 20, next: bye}]
- name: story
  ask:
    text: {en: "What happened?"}
    as: story
    rule: {minLength: 3}
    silence: [{minutes: 5, text: {en: We wait.}}, {minutes: 5, text: {en: We still wait.}}]
  next: bye
- {name: person, handoff: {pool: centre}, next: survey}
- {name: survey, survey: {text: {en: "How was it?"}}, next: bye}
- {name: bye, end: {text: {en: Good bye.}}}
`

// fires lets the newest timer of a result fall due.
func (c *talker) fires(r Result) Result {
	c.t.Helper()
	for _, timer := range r.Timers {
		if timer.DueIn > 0 {
			return c.step(Input{Kind: InputTimer, Timer: timer.Name, Generation: timer.Generation})
		}
	}
	c.t.Fatalf("no timer runs: %+v", r.Timers)
	return Result{}
}

func TestASilentCitizenIsRemindedThenLetGo(t *testing.T) {
	talk := talkTo(t, compile(t, patient))
	r := talk.says("hello")
	if len(r.Timers) != 1 || r.Timers[0].DueIn != 10*time.Minute {
		t.Fatalf("%+v", r.Timers)
	}
	first := r
	r = talk.fires(r)
	if transcript(r) != "Still there? [Tell] [A person]" || talk.at() != "menu" || r.Timers[0].DueIn != 20*time.Minute {
		t.Fatalf("%s %+v", transcript(r), r.Timers)
	}
	if again := talk.fires(first); len(again.Say)+len(again.Timers) != 0 {
		t.Errorf("a timer that was over fires: %+v", again)
	}
	if r = talk.fires(r); transcript(r) != "Good bye." || !r.Ended || len(r.Timers) != 1 || r.Timers[0].DueIn != 0 {
		t.Errorf("%s %+v", transcript(r), r.Timers)
	}
}

func TestAnAnswerEndsTheSilenceAndAnOldTimerFindsNothing(t *testing.T) {
	talk := talkTo(t, compile(t, patient))
	old := talk.says("hello")
	r := talk.says("tell")
	if got := talk.fires(old); len(got.Say)+len(got.Timers) != 0 || talk.at() != "story" {
		t.Errorf("the menu's timer fires into the question: %s", transcript(got))
	}
	short := talk.says("x")
	if got := talk.fires(r); len(got.Say) != 0 {
		t.Errorf("an answer that will not do begins the time anew, but the old timer says %s", transcript(got))
	}
	r = talk.fires(short)
	r = talk.fires(r)
	if transcript(r) != "We still wait." || len(r.Timers) != 1 || r.Timers[0].DueIn != 0 {
		t.Errorf("after the last reminder nothing more comes: %s %+v", transcript(r), r.Timers)
	}
	r = talk.says("agent")
	if r.Handoff == nil || talk.step(Input{Kind: InputTimer, Timer: "silence", Generation: 99}).Say != nil {
		t.Errorf("with a person: %+v", r)
	}
}

// Whatever happens in whatever order, a timer speaks only in the wait that set it.
func TestATimerNeverSpeaksIntoAnotherWait(t *testing.T) {
	p := compile(t, patient)
	rapid.Check(t, func(rt *rapid.T) {
		talk := talkTo(t, p)
		newest := int64(0)
		var all []Timer
		talk.says("hello")
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			var r Result
			fired := int64(-1)
			switch k := rapid.IntRange(0, 5).Draw(rt, "what"); {
			case k == 0 && len(all) > 0:
				timer := rapid.SampledFrom(all).Draw(rt, "timer")
				fired = timer.Generation
				r = talk.step(Input{Kind: InputTimer, Timer: timer.Name, Generation: timer.Generation})
			case k == 1:
				r = talk.step(Input{Kind: InputClosed})
			default:
				r = talk.says(rapid.SampledFrom([]string{"hello", "tell", "x", "agent", "it was stolen", "5"}).Draw(rt, "says"))
			}
			if fired >= 0 && fired != newest && (len(r.Say) > 0 || len(r.Timers) > 0 || r.Ended) {
				rt.Fatalf("generation %d fired while %d is the newest: %+v", fired, newest, r)
			}
			for _, timer := range r.Timers {
				if timer.DueIn > 0 {
					if timer.Generation <= newest {
						rt.Fatalf("generation %d after %d", timer.Generation, newest)
					}
					newest, all = timer.Generation, append(all, timer)
				}
			}
		}
	})
}

func TestASilenceThatCannotBeIsRefused(t *testing.T) {
	for silence, want := range map[string]string{
		"[{minutes: 5}]":                                                   "by a text or by a next",
		"[{minutes: 5, text: {en: x}, next: b}]":                           "by a text or by a next",
		"[{minutes: 5, next: b}, {minutes: 5, text: {en: x}}]":             "never comes; put it last",
		"[{minutes: 9000, text: {en: x}}, {minutes: 1081, text: {en: x}}]": "10081 minutes in all, 1 to 10080",
		"[{minutes: 5, next: b, template: {name: x}}]":                     "a template goes with a text",
		"[{minutes: 5, next: c}]":                                          `no node "c"`,
		"[{minutes: 5, text: {id: x}}]":                                    "silence[0].text.en: missing",
	} {
		var all []string
		p, findings := Compile(flow(t, fmt.Sprintf("languages: [en]\nstart: a\nvariables: [{name: x}]\nnodes:\n- {name: a, ask: {text: {en: x}, as: x, silence: %s}, next: b}\n- {name: b, end: {}}\n", silence)), world())
		for _, f := range findings {
			all = append(all, f.Path+": "+f.Message)
		}
		if p != nil || !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q", silence, all)
		}
	}
}

func TestAFlowsTestLetsTimePass(t *testing.T) {
	p := compile(t, patient+`
tests:
- name: reminded, and let go after half an hour
  steps:
  - citizen: hello
  - silence: 9
  - bot: {not: {contains: Still there}, node: menu}
  - silence: 1
  - bot: {contains: Still there, node: menu}
  - silence: 20
  - bot: {contains: Good bye, node: bye}
- name: an answer in time
  steps:
  - citizen: hello
  - silence: 10
  - citizen: tell
  - bot: {node: story, not: {contains: Still there}}
  - silence: 60
  - bot: {contains: We still wait, node: story}
`)
	if r := Test(p, func(at time.Time) Env { return Env{Now: at} }, monday); r.Passed != 2 {
		t.Errorf("%+v", r.Failures)
	}
}
