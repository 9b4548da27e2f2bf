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

// BenchmarkCompile compiles a flow of 500 nodes.
func BenchmarkCompile(b *testing.B) {
	spec := flow(b, twoQuestions(500))
	in := world()
	for b.Loop() {
		if p, findings := Compile(spec, in); p == nil {
			b.Fatal(findings)
		}
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
