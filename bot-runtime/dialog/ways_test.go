package dialog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// A way costs what it then costs: each is compared with the messages of a conversation that goes it.
func TestAWayCostsWhatAConversationOnItCosts(t *testing.T) {
	for name, c := range map[string]struct {
		nodes string
		says  []string // the citizen's
		want  string
	}{
		"what is said goes with the next question, and at the end alone": {`
- {name: hi, say: {text: {en: Hi}}, next: which}
- {name: which, menu: {text: {en: Which}, options: [{name: a, title: {en: First}, next: first}]}}
- {name: first, say: {text: {en: "One"}}, next: bye}
- {name: bye, end: {}}`, []string{"hi", "First"}, "2 hi → which → first → bye"},
		"a place is a message, and so is its text": {`
- {name: hi, say: {text: {en: Hi}, location: {latitude: "1", longitude: "2", name: Office}}, next: more}
- {name: more, say: {apart: true, text: {en: More}}, next: bye}
- {name: bye, end: {text: {en: Bye}}}`, []string{"hi"}, "3 hi → more → bye"},
		"a picture has its text as caption": {`
- {name: hi, say: {text: {en: Hi}, image: {url: "https://example.go.id/a.png"}}, next: bye}
- {name: bye, end: {}}`, []string{"hi"}, "1 hi → bye"},
		"a run's end is none, and a survey thanks": {`
- {name: hi, run: {start: word}, next: rate}
- {name: word, ask: {text: {en: Word}, as: w}, next: over}
- {name: over, end: {text: {en: Over}}}
- {name: rate, survey: {text: {en: Rate}, thanks: {en: Thanks}}, next: bye}
- {name: bye, end: {}}`, []string{"hi", "x", "5"}, "3 hi → word → over → rate → bye"},
		"the words of a hand-off cost, too": {`
- {name: hi, say: {text: {en: Hi}}, next: person}
- {name: person, handoff: {pool: centre, text: {en: Wait}}, next: bye}
- {name: bye, end: {}}`, []string{"hi"}, "1 hi → person"},
	} {
		first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(c.nodes), "- {name: "), ",")
		p := compile(t, "languages: [en]\nstart: "+first+"\nvariables: [{name: w}]\nnodes:"+c.nodes)
		ways, complete := p.Ways()
		got := ""
		if len(ways) > 0 {
			got = fmt.Sprintf("%d %s", ways[0].Messages, strings.Join(ways[0].Nodes, " → "))
		}
		if got != c.want || !complete {
			t.Errorf("%s: %s (%v)", name, got, complete)
		}
		var state []byte
		var choices []message.Choice
		sent := 0
		for _, words := range c.says {
			m := message.In{Kind: message.InText, Text: words}
			for _, choice := range choices {
				if choice.Title == words {
					m = message.In{Kind: message.InChoice, Text: words, ChoiceID: choice.ID}
				}
			}
			var r Result
			var err error
			if state, r, err = p.Step(state, Input{Kind: InputMessage, Message: m, At: monday}, Env{Now: monday}); err != nil {
				t.Fatal(err)
			}
			sent += len(r.Say)
			for _, said := range r.Say {
				choices = said.Choices
			}
		}
		if want := fmt.Sprint(sent); !strings.HasPrefix(got, want+" ") {
			t.Errorf("%s: told %s, a conversation has %s messages", name, got, want)
		}
	}
}

func TestADearFlowIsAdvisedOnAgainstItsBudget(t *testing.T) {
	var b strings.Builder
	for i := range 6 {
		fmt.Fprintf(&b, "- {name: q%d, ask: {text: {en: Q}, as: w}, next: q%d}\n", i, i+1)
	}
	b.WriteString("- {name: q6, say: {text: {en: Thanks}}, next: bye}\n- {name: bye, end: {}}")
	for _, c := range []struct{ budget, want string }{
		{"", "q0 → q1 → q2 → q3 → q4 → q5 → q6 → bye costs 7 paid messages, budget 6; merge questions, or raise budget.paidMessages"},
		{"budget: {paidMessages: 3}\n", "q0 → q1 → q2 → q3 → q4 → q5 → q6 → bye costs 7 paid messages, budget 3; "},
		{"budget: {paidMessages: 7}\n", ""},
	} {
		_, findings := Compile(flow(t, "languages: [en]\nstart: q0\n"+c.budget+"variables: [{name: w}]\nnodes:\n"+b.String()), world())
		got := fmt.Sprint(findings)
		if c.want == "" && strings.Contains(got, "paid messages") || !strings.Contains(got, c.want) {
			t.Errorf("%q: %+v", c.budget, findings)
		}
	}
}
