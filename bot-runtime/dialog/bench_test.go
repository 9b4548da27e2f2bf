package dialog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// BenchmarkStep is two questions and their answers: start plus two answers, the state decoded and encoded around each.
func BenchmarkStep(b *testing.B) {
	for _, nodes := range []int{5, 500} {
		b.Run(fmt.Sprintf("%d nodes", nodes), func(b *testing.B) {
			p := compile(b, twoQuestions(nodes))
			env := Env{Now: monday}
			inputs := []Input{text("hello"), text("Siti"), text("42")}
			b.ReportAllocs()
			bytes := 0
			for b.Loop() {
				var state []byte
				for i := range inputs {
					next, _, err := p.Step(state, inputs[i], env)
					if err != nil {
						b.Fatal(err)
					}
					state = next
					bytes = max(bytes, len(state))
				}
			}
			b.ReportMetric(float64(bytes), "state-bytes")
		})
	}
}

// BenchmarkCompile compiles a flow of 500 nodes: with a variable in each text, and with another expression at each node.
func BenchmarkCompile(b *testing.B) {
	expressions := twoQuestions(500)
	for i := 4; i < 500; i++ {
		from, to := fmt.Sprintf(" %d for {{ name }}", i), fmt.Sprintf(" %d for {{ name.size() > %d ? name : 'you' }}", i, i)
		expressions = strings.ReplaceAll(expressions, from, to)
		expressions = strings.ReplaceAll(expressions, fmt.Sprintf(" %d untuk {{ name }}", i), strings.Replace(to, "for", "untuk", 1))
	}
	for name, text := range map[string]string{"500 nodes": twoQuestions(500), "500 nodes with expressions": expressions} {
		b.Run(name, func(b *testing.B) {
			spec := flow(b, text)
			in := world()
			for b.Loop() {
				if p, findings := Compile(spec, in); p == nil {
					b.Fatal(findings)
				}
			}
		})
	}
}

// BenchmarkIdle is what a conversation costs that nobody speaks in: its stored bytes, where it waits at a menu after a look-up,
// where it waits in a run, and where it has ended.
func BenchmarkIdle(b *testing.B) {
	for _, c := range []struct {
		what, flow string
		says       []string
	}{
		{"after a look-up", counter, []string{"apakah Dana Sekar Wangi resmi kak?"}},
		{"in a run", twoAddresses, []string{"we move", "Jalan Satu 5"}},
		{"ended", patient, []string{"hello", "tell", "it was stolen"}},
	} {
		b.Run(c.what, func(b *testing.B) {
			talk := talkTo(b, compile(b, c.flow))
			for _, s := range c.says {
				talk.says(s)
			}
			for b.Loop() {
				if _, err := Decode(talk.state); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(talk.state)), "state-bytes")
		})
	}
}

func text(s string) Input {
	return Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: s}}
}

func twoQuestions(nodes int) string {
	var b strings.Builder
	b.WriteString(`
languages: [en, id]
start: name
variables: [{name: name}, {name: age, type: number}]
nodes:
- {name: name, ask: {text: {en: "What is your name?", id: "Siapa nama Anda?"}, as: name}, next: age}
- {name: age, ask: {text: {en: "How old are you, {{ name }}?", id: "Berapa umur Anda, {{ name }}?"}, as: age, type: number, valid: "double(input.text) > 0.0"}, next: thanks}
- {name: thanks, say: {text: {en: "Thank you, {{ name }}, {{ age }}.", id: "Terima kasih, {{ name }}, {{ age }}."}}, next: more}
- {name: more, menu: {text: {en: "More?", id: "Lagi?"}, options: [{name: again, title: {en: "Yes", id: Ya}, next: n4}]}}
`)
	for i := 4; i < nodes; i++ {
		next := fmt.Sprintf("n%d", i+1)
		if i == nodes-1 {
			next = "more"
		}
		fmt.Fprintf(&b, "- {name: n%d, say: {text: {en: \"Step %d for {{ name }}\", id: \"Langkah %d untuk {{ name }}\"}}, next: %s}\n", i, i, i, next)
	}
	return b.String()
}
