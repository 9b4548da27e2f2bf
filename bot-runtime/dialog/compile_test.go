package dialog

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"
	"github.com/loket-dev/loket/api/v1alpha1"
	"sigs.k8s.io/yaml"
)

// TestEverythingWrongIsToldAtOnce reads as lint does: path, reason, what is wrong and what mends it.
func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	for _, name := range []string{"broken", "loops", "runs", "rings"} {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			p, findings := Compile(flow(t, string(body)), world())
			if p != nil {
				t.Error("a flow with findings has a program")
			}
			var b strings.Builder
			for _, f := range findings {
				advice := ""
				if f.Advice {
					advice = " (advice)"
				}
				fmt.Fprintf(&b, "%s\n  %s%s: %s\n", f.Path, f.Reason, advice, f.Message)
			}
			golden(t, "testdata/"+name+".findings", b.String())
		})
	}
}

func TestADependencyThatIsRefusedItselfSaysSo(t *testing.T) {
	_, findings := Compile(flow(t, `
start: look
nodes:
- {name: look, lookup: {directory: broken, as: found, otherwise: over}}
- {name: over, end: {}}
`), world())
	if len(findings) == 0 || findings[0].Reason != "RefusedObject" || findings[0].Path != "nodes[look].lookup.directory" {
		t.Errorf("%+v", findings)
	}
}

func TestAFlowWithoutAPersonIsAdvisedNotRefused(t *testing.T) {
	p, findings := Compile(flow(t, `
start: ask
variables: [{name: x}]
nodes:
- {name: ask, ask: {text: {en: "What?", id: "Apa?"}, as: x}, next: over}
- {name: over, end: {}}
`), world())
	if p == nil || len(findings) != 1 || findings[0].Reason != "NoPersonNear" || !findings[0].Advice {
		t.Errorf("%v %+v", p != nil, findings)
	}
}

func TestAnExpensiveExpressionIsRefused(t *testing.T) {
	for _, expr := range []string{
		"input.text.split('').all(a, input.text.split('').all(b, a == b || input.text.contains(a)))",
		"input.text.replace('a', input.text).replace('b', input.text).size() > 3",
	} {
		p, findings := Compile(flow(t, fmt.Sprintf(`
start: b
nodes:
- name: b
  branch: {cases: [{when: %q, next: over}], otherwise: over}
- {name: over, end: {}}
`, expr)), world())
		if p != nil || findings[0].Reason != "ExpressionTooCostly" {
			t.Errorf("%s: %+v", expr, findings)
		}
	}
}

func TestAListOfAnyLengthCannotBeMade(t *testing.T) {
	_, findings := Compile(flow(t, `
start: b
nodes:
- name: b
  branch: {cases: [{when: "lists.range(1000000).size() > 3", next: over}], otherwise: over}
- {name: over, end: {}}
`), world())
	if len(findings) == 0 || !strings.HasPrefix(findings[0].Path, "nodes[b].branch.cases[0].when") {
		t.Errorf("%+v", findings)
	}
}

func TestTheSampleCompilesWithoutAFinding(t *testing.T) {
	body, err := os.ReadFile("../../config/samples/kontak157/dialogflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var f v1alpha1.DialogFlow
	if err := yaml.UnmarshalStrict(body, &f); err != nil {
		t.Fatal(err)
	}
	in := world()
	in.Pools["contact-centre"] = true
	in.Skills = map[string][]v1alpha1.AgentSkill{"contact-centre": {{Name: "english", Agents: []v1alpha1.AgentName{"agent1"}}}}
	p, findings := Compile(f.Spec, in)
	if p == nil || len(findings) != 0 {
		t.Errorf("%+v", findings)
	}
}

var everyKind = []types.Kind{types.StringKind, types.BoolKind, types.DoubleKind, types.IntKind, types.ListKind}

func FuzzCompile(f *testing.F) {
	for _, name := range []string{"testdata/broken.yaml", "testdata/loops.yaml", "testdata/runs.yaml", "testdata/rings.yaml"} {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	f.Add(wants)
	f.Add(owed)
	f.Add(interrupted)
	f.Add(moving)
	f.Add(report)
	f.Add(reminding)
	f.Add("start: a\ntriggers: [{name: t, words: {en: [hello]}, next: a, returns: true}]\nnodes: [{name: a, safePoint: true, run: {flow: address, results: [{name: x, value: y}]}, next: b}, {name: b, end: {}}]")
	linked := world()
	linked.Flows = map[string]*Program{"refused": nil}
	for _, one := range []struct{ name, text string }{{"town", town}, {"address", address}} {
		p, findings := Compile(flow(f, one.text), linked)
		if p == nil {
			f.Fatal(findings)
		}
		linked.Flows[one.name] = p
	}
	f.Add("start: a\nnodes: [{name: a, understand: {otherwise: a}}]")
	f.Add(branchOn("if: [{var: found.outcome, in: [exact, 5]}, {var: amount, atLeast: 3}]"))
	f.Add("start: a\nnodes: [{name: a, say: {text: {en: '{{ {{ }} \\'}}'}}, next: a}]")
	f.Fuzz(func(t *testing.T, text string) {
		var spec v1alpha1.DialogFlowSpec
		if yaml.Unmarshal([]byte(text), &spec) != nil || len(spec.Nodes) > 50 {
			t.Skip()
		}
		p, findings := Compile(spec, linked)
		refused := false
		for _, f := range findings {
			refused = refused || !f.Advice
			if f.Message == "" || f.Reason == "" {
				t.Fatalf("a finding without words: %+v", f)
			}
		}
		if (p == nil) != refused {
			t.Fatalf("program %v, findings %+v", p != nil, findings)
		}
		if p == nil {
			return
		}
		c := talkTo(t, p)
		for _, s := range []string{"hello", "1", "{{ x }}", "17-8-1945", "english"} {
			c.says(s)
		}
	})
}

func TestWhatAuthorsUsuallyWriteIsCheapEnough(t *testing.T) {
	env, err := environment(flow(t, `
start: x
variables: [{name: amount, type: number}, {name: story}]
nodes: []
`).Variables, []string{"found"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, expr := range []string{
		"input.text", "found.outcome == 'exact' ? 'a' : 'b'", "found.outcome in ['lookalike', 'listed-illegal']", "'lost ' + string(amount) + ': ' + story",
		"input.text.lowerAscii().contains('otp')", "input.text.size() >= 10", "input.text.matches('^[0-9]{16}$')", "found.names.join(', ')", "amount * 1.5 > 100.0",
		"input.text.trim().startsWith('0')", "story.replace(' ', '') == ''", "found.names.exists(n, n.contains('Bank'))", "'%s paid %f'.format([story, amount])", "language == 'id' && contact.name != ''",
	} {
		if _, faults := compileExpression(env, expr, "x", everyKind...); len(faults) > 0 {
			t.Errorf("%s: %+v", expr, faults)
		}
	}
}

// CEL speaks of tokens and overloads; authors read what to write instead.
func TestAFaultInAnExpressionIsToldWithItsMend(t *testing.T) {
	env, err := environment(nil, []string{"found"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"found.status = 'a'":         "no = here; use ==",
		"found.status === 'a'":       "no === here; use ==",
		"found.name.size() => 3":     "no => here; use >=",
		"found.name == 'a' & true":   "no & here; use &&",
		"found.name == 'a' and true": "no and here; use &&",
		"found.name == 'a' or true":  "no or here; use ||",
		"not true":                   "no not here; use !",
		"found.name <> 'a'":          "no <> here; use !=",
		"found.name == a'":           "a text is not closed; end it with the quote that it began with",
		"found.name == ‘a’":          `curly quotes; use ' or "`,
		"found.name == ":             "something is missing at the end",
		"":                           "nothing is written here; write an expression",
		" ":                          "nothing is written here; write an expression",
		"(found.name == 'a'":         "a ( is not closed",
		"found.name in ['a' 'b']":    "'b' does not fit here; an operator or a comma is missing before it",
		"found.status && true":       "a string stands where true or false is needed; compare it, as in x == 'a'",
		"found.status == 1":          "== does not go with string and int",
		"input.text.qqqqqqqq() > 3":  `no function "qqqqqqqq"`,
		"input.text.startWith('a')":  `no function "startWith"; did you mean "startsWith"?`,
		"size(input.text) == size(fund.name) && true": `no variable "fund"; did you mean "found"?; declare it in variables`,
	} {
		if _, faults := compileExpression(env, source, "x"); len(faults) != 1 || faults[0].message != want {
			t.Errorf("%s: %+v", source, faults)
		}
	}
}
