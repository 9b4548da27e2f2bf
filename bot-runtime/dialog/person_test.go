package dialog

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// flowsWithEverything have, together, every kind of node.
func flowsWithEverything(t testing.TB) map[string]*Program {
	all := map[string]*Program{}
	for name, text := range map[string]string{"counter": counter, "twoAddresses": twoAddresses, "form": form, "patient": patient, "wants": wants, "visit": visit, "interrupted": interrupted} {
		all[name] = compile(t, text)
	}
	all["moving"] = linkedFlows(t)
	return all
}

var typed = []string{"hello", "1", "2", "3", "agent", "petugas", "Dana Sekar Wangi", "complaint", "5000000", "yes", "no", "bdg", "english", "bahasa indonesia", "5",
	"they took it all yesterday", "thank you", "17 agustus 1945", "when are you open", "-6.2000,106.8000", "{{ x }}", "tell", "we move", "already paid", "how much", "status", "31740102030400050", "a@b.id", "\U0001F64F"}

// wordless are what citizens send that holds no words, and still want an answer to.
var wordless = []message.In{
	{Kind: message.InMedia, MediaType: "voice", MediaID: "v"}, {Kind: message.InMedia, MediaType: "image", MediaID: "i"}, {Kind: message.InMedia, MediaType: "sticker", MediaID: "s"},
	{Kind: message.InMedia, MediaType: "video", MediaID: "w"}, {Kind: message.InMedia, MediaType: "document", MediaID: "d", FileName: "x.pdf"}, {Kind: message.InMedia, MediaType: "image"},
	{Kind: message.InLocation, Latitude: -6.2, Longitude: 106.8}, {Kind: message.InContact}, {Kind: message.InOther, Original: "call"}, {Kind: message.InOther, Original: "unsupported"},
	{Kind: message.InText}, {Kind: message.InChoice, ChoiceID: "gone/away"},
}

// TestBotAndPersonNeverBothSpeak walks through flows in any order, as the engine does: while a person has the conversation the
// bot is asked nothing but by timers that were set before, and those find it silent. In the step that hands over, nothing is
// said after the hand-off, and no timer is left that would speak.
func TestBotAndPersonNeverBothSpeak(t *testing.T) {
	for name, p := range flowsWithEverything(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				talk := talkTo(t, p)
				full := rapid.Bool().Draw(rt, "full")
				talk.env.PoolOpen = func(string) (bool, bool) { return true, full }
				person := false
				var set []Timer
				running := map[string]int64{} // the generation of each timer that has not fired
				for range rapid.IntRange(1, 25).Draw(rt, "steps") {
					k := rapid.IntRange(0, 9).Draw(rt, "what")
					var r Result
					switch {
					case k == 0 && len(set) > 0:
						timer := rapid.SampledFrom(set).Draw(rt, "timer")
						if running[timer.Name] == timer.Generation {
							delete(running, timer.Name)
						}
						r = talk.step(Input{Kind: InputTimer, Timer: timer.Name, Generation: timer.Generation})
						if person && (len(r.Say) > 0 || len(r.Visited) > 0 || r.Ended) {
							rt.Fatalf("a timer makes the bot speak beside the person: %+v", r)
						}
					case person && k < 4:
						person = false
						r = talk.step(Input{Kind: InputClosed})
					case person:
						continue // the citizen speaks with the person
					case k == 1:
						r = talk.step(Input{Kind: InputMessage, Message: rapid.SampledFrom(wordless).Draw(rt, "sends")})
					default:
						r = talk.says(rapid.SampledFrom(typed).Draw(rt, "says"))
					}
					for _, timer := range r.Timers {
						delete(running, timer.Name)
						if timer.DueIn > 0 {
							set, running[timer.Name] = append(set, timer), timer.Generation
						}
					}
					if r.Handoff == nil {
						continue
					}
					person = true
					last := r.Visited[len(r.Visited)-1]
					if p.nodes[p.index[last]].kind != kindHandoff || talk.at() != last || r.Ended {
						rt.Fatalf("something follows the hand-off: %v, waits at %q", r.Visited, talk.at())
					}
					if len(running) > 0 {
						rt.Fatalf("timers run while a person speaks: %v", running)
					}
				}
			})
		})
	}
}

// TestAVoiceNoteOrACallIsNeverAnsweredWithNothing, wherever the conversation stands; and a person is offered or reached, where
// the message was not what was asked for.
func TestAVoiceNoteOrACallIsNeverAnsweredWithNothing(t *testing.T) {
	for name, p := range flowsWithEverything(t) {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				talk := talkTo(t, p)
				for range rapid.IntRange(0, 8).Draw(rt, "steps") {
					if r := talk.says(rapid.SampledFrom(typed).Draw(rt, "says")); r.Handoff != nil {
						talk.step(Input{Kind: InputClosed})
					}
				}
				at := talk.at()
				r := talk.step(Input{Kind: InputMessage, Message: rapid.SampledFrom(wordless).Draw(rt, "sends")})
				if len(r.Say) == 0 && r.Handoff == nil {
					rt.Fatalf("at %q nothing is said: %+v", at, r)
				}
				for _, m := range r.Say {
					if strings.TrimSpace(m.Words()) == "" {
						rt.Fatalf("at %q an empty message: %+v", at, r)
					}
				}
			})
		})
	}
}

func TestALanguageWithoutAWordForAPersonIsAdvised(t *testing.T) {
	p, findings := Compile(flow(t, `
languages: [en, id]
start: what
variables: [{name: x}]
triggers: [{name: person, words: {en: [agent]}, next: person}]
nodes:
- {name: what, ask: {text: {en: "What?", id: "Apa?"}, as: x}, next: over}
- {name: person, handoff: {pool: centre}, next: over}
- {name: over, end: {}}
`), world())
	if p == nil || len(findings) != 1 || findings[0].Reason != "NoPersonNear" || findings[0].Path != "triggers[person].words.id" || !findings[0].Advice {
		t.Errorf("%+v", findings)
	}
}

func TestANodeFarFromAPersonIsAdvised(t *testing.T) {
	for far, advised := range map[int]bool{1: false, 2: true, 4: true} {
		var b strings.Builder
		b.WriteString("languages: [en]\nstart: q0\nvariables: [{name: x}]\nnodes:\n")
		for i := range far + 1 {
			next := fmt.Sprintf("q%d", i+1)
			if i == far {
				next = "person"
			}
			fmt.Fprintf(&b, "- {name: q%d, ask: {text: {en: x}, as: x, silence: [{minutes: 5, next: person}]}, next: %s}\n", i, next)
		}
		b.WriteString("- {name: person, handoff: {pool: centre}, next: over}\n- {name: over, end: {}}\n")
		_, findings := Compile(flow(t, b.String()), world())
		if got := strings.Contains(fmt.Sprint(findings), "more than two replies away"); got != advised {
			t.Errorf("%d questions before a person: %+v", far+1, findings)
		}
	}
}
