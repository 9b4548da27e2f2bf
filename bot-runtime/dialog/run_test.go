package dialog

import (
	"fmt"
	"strings"
	"testing"
)

// twoAddresses asks the same questions for two people.
const twoAddresses = `
languages: [en]
start: welcome
variables: [{name: who}, {name: street}, {name: town}, {name: mine}, {name: theirs}]
triggers: [{name: person, words: {en: [agent]}, next: person}]
nodes:
- {name: welcome, menu: {text: {en: Choose.}, options: [{name: move, title: {en: We move}, next: own}, {name: person, title: {en: A person}, next: person}]}}
- name: own
  run: {start: street, arguments: [{name: who, value: "'you'"}], results: [{name: mine, value: "street + ', ' + town"}]}
  next: other
- name: other
  run: {start: street, arguments: [{name: who, value: "'they'"}, {name: street, value: "''"}], results: [{name: theirs, value: "street + ', ' + town + ' (' + who + ')'"}]}
  next: tell
- {name: tell, say: {text: {en: "From {{ mine }} to {{ theirs }}; street is {{ street }}, who is {{ who == '' ? 'nobody' : who }}."}}, next: welcome}
- {name: street, ask: {text: {en: "Where do {{ who }} live?"}, as: street}, next: inTown}
- {name: inTown, run: {start: town}, next: noted}
- {name: town, ask: {text: {en: "Which town?"}, as: town}, next: townKnown}
- {name: townKnown, end: {text: {en: "{{ town }} is noted."}}}
- {name: noted, end: {}}
- {name: person, handoff: {pool: centre}, next: over}
- {name: over, end: {text: {en: Bye.}}}
`

func TestARunAsksTheSameForTwoAndComesBackEachTime(t *testing.T) {
	talk := talkTo(t, compile(t, twoAddresses))
	var got []string
	for _, s := range []string{"we move", "Jalan Satu", "Bogor", "Jalan Dua", "Depok"} {
		got = append(got, transcript(talk.says(s)))
	}
	want := []string{"Where do you live?", "Which town?", "Bogor is noted.\n\nWhere do they live?", "Which town?",
		"Depok is noted.\n\nFrom Jalan Satu, Bogor to Jalan Dua, Depok (they); street is Jalan Satu, who is nobody.\n\nChoose. [We move] [A person]"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 0 || s.Format != 1 {
		t.Errorf("a state without a run is as older versions write it: %s", talk.state)
	}
}

func TestATriggerLeavesARunForGood(t *testing.T) {
	talk := talkTo(t, compile(t, twoAddresses))
	talk.says("we move")
	talk.says("Jalan Satu")
	if s, _ := Decode(talk.state); len(s.Runs) != 2 || s.Format != 2 {
		t.Fatalf("%s", talk.state)
	}
	if r := talk.says("agent"); r.Handoff == nil {
		t.Fatal(transcript(r))
	}
	r := talk.step(Input{Kind: InputClosed})
	if s, _ := Decode(talk.state); transcript(r) != "Bye." || !r.Ended || len(s.Runs) != 0 {
		t.Errorf("%s %s", transcript(r), talk.state)
	}
}

func TestATapOutsideOfARunLeavesIt(t *testing.T) {
	talk := talkTo(t, compile(t, twoAddresses))
	talk.says("we move")
	talk.says("Jalan Satu")
	talk.taps("welcome/move", "We move")
	if s, _ := Decode(talk.state); len(s.Runs) != 1 || s.Variables["who"] != "you" {
		t.Errorf("the first run is left before it begins again: %s", talk.state)
	}
}

func TestARunThatWouldNeverEndIsRefused(t *testing.T) {
	for what, c := range map[string]struct{ nodes, want string }{
		"into itself": {`
- {name: go, run: {start: ask}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: go}`, "ask leads back to go before an end"},
		"by way of another": {`
- {name: go, run: {start: inner}, next: over}
- {name: inner, run: {start: ask}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x, otherwise: go}, next: over}`, "inner leads back to go before an end"},
		"without an end": {`
- {name: go, run: {start: ask}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: ask}`, "no end is reached from ask"},
		"a start that is no node": {`
- {name: go, run: {start: aks}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: over}`, `no node "aks"; did you mean "ask"?`},
		"an argument of another type": {`
- {name: go, run: {start: ask, arguments: [{name: x, value: "1.0"}]}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: over}`, `"1.0" gives double; a string is needed`},
		"a result that is not declared": {`
- {name: go, run: {start: ask, results: [{name: xx, value: x}, {name: x, value: x}, {name: x, value: x}]}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: over}`, `no variable "xx"; did you mean "x"?`},
		"round without a wait": {`
- {name: go, run: {start: tell}, next: go2}
- {name: go2, run: {start: tell}, next: go}
- {name: tell, say: {text: {en: "What?"}}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: over}`, "comes back without a wait"},
	} {
		p, findings := Compile(flow(t, "languages: [en]\nstart: go\nvariables: [{name: x}]\nnodes:"+c.nodes+"\n- {name: over, end: {}}\n"), world())
		if p != nil || !strings.Contains(fmt.Sprint(findings), c.want) {
			t.Errorf("%s: %+v", what, findings)
		}
	}
}

func TestRunsStandInEachOtherOnlySoDeep(t *testing.T) {
	var b strings.Builder
	b.WriteString("languages: [en]\nstart: r0\nvariables: [{name: x}]\nnodes:\n- {name: over, end: {}}\n- {name: r9, ask: {text: {en: x}, as: x}, next: over}\n")
	for i := range 9 {
		fmt.Fprintf(&b, "- {name: r%d, run: {start: r%d}, next: over}\n", i, i+1)
	}
	if p, findings := Compile(flow(t, b.String()), world()); p != nil || !strings.Contains(fmt.Sprint(findings), "9 deep, at most 8") {
		t.Errorf("%+v", findings)
	}
}

// A menu after a run that always waits is no loop without a wait.
func TestARunWaitsWhereItsNodesDo(t *testing.T) {
	p := compile(t, `
languages: [en]
start: go
variables: [{name: x}]
nodes:
- {name: go, run: {start: outer}, next: go}
- {name: outer, run: {start: ask}, next: over}
- {name: ask, ask: {text: {en: "What?"}, as: x}, next: over}
- {name: over, end: {}}
`)
	talk := talkTo(t, p)
	for range 5 {
		if got := transcript(talk.says("hello")); got != "What?" {
			t.Fatal(got)
		}
	}
	if s, _ := Decode(talk.state); len(s.Runs) != 2 {
		t.Errorf("%s", talk.state)
	}
}
