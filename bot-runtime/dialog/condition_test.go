package dialog

import (
	"fmt"
	"strings"
	"testing"
)

// branchOn is a flow that says yes when the case holds.
func branchOn(when string) string {
	return fmt.Sprintf(`
languages: [en]
start: look
variables: [{name: story}, {name: amount, type: number}, {name: sure, type: bool}]
nodes:
- {name: look, lookup: {directory: institutions, as: found, otherwise: fill}}
- {name: fill, set: {variables: [{name: amount, value: "250000.0"}, {name: sure, value: "true"}, {name: story, value: "'They took MONEY'"}]}, next: split}
- {name: split, branch: {cases: [{%s, next: good}], otherwise: bad}}
- {name: good, end: {text: {en: "yes"}}}
- {name: bad, end: {text: {en: "no"}}}
`, when)
}

// Each pair is the same condition twice: for authors who write no expressions, and for those who do.
func TestConditionsDecideAsTheExpressionsTheyStandFor(t *testing.T) {
	for _, c := range []struct{ conditions, expression, want string }{
		{"if: [{var: found.outcome, is: exact}]", "when: found.outcome == 'exact'", "yes"},
		{"if: [{var: found.outcome, isNot: exact}]", "when: found.outcome != 'exact'", "no"},
		{"if: [{var: found.outcome, in: [lookalike, exact]}]", "when: \"found.outcome in ['lookalike', 'exact']\"", "yes"},
		{"if: [{var: amount, atLeast: 250000}, {var: amount, below: 250001}]", "when: amount >= 250000.0 && amount < 250001.0", "yes"},
		{"if: [{var: amount, above: 250000}]", "when: amount > 250000.0", "no"},
		{"if: [{var: amount, atMost: -1}]", "when: amount <= -1.0", "no"},
		{"if: [{var: amount, is: 250000}]", "when: amount == 250000.0", "yes"},
		{"if: [{var: amount, in: [1, 250000]}]", "when: \"amount in [1.0, 250000.0]\"", "yes"},
		{"if: [{var: sure, is: 'true'}]", "when: sure", "yes"},
		{"if: [{var: story, contains: Money}]", "when: story.lowerAscii().contains('money')", "yes"},
		{"if: [{var: found.names, empty: true}]", "when: found.names.size() == 0", "no"},
		{"if: [{var: found.site, empty: false}]", "when: found.site != ''", "yes"},
		{"if: [{var: story, is: \"' || true || '\"}]", "when: \"story == \\\"' || true || '\\\"\"", "no"},
		{"if: [{var: language, is: en}]", "when: language == 'en'", "yes"},
	} {
		for _, when := range []string{c.conditions, c.expression} {
			r := talkTo(t, compile(t, branchOn(when))).says("Dana Sekar Wangi")
			if transcript(r) != c.want || len(r.Problems) > 0 {
				t.Errorf("%s: %s %q", when, transcript(r), r.Problems)
			}
		}
	}
}

func TestAConditionThatMakesNoSenseIsRefused(t *testing.T) {
	for when, want := range map[string]string{
		"if: [{var: fund.outcome, is: exact}]":      `if[0].var: no variable "fund"; did you mean "found"?`,
		"if: [{var: found.outcom, is: exact}]":      `no field "outcom" of found; did you mean "outcome"?`,
		"if: [{var: found, is: exact}]":             "found has fields; name one, such as found.licence",
		"if: [{var: amount, is: much}]":             `if[0].is: amount is a number, and "much" is none`,
		"if: [{var: sure, is: yes please}]":         `sure is "true" or "false"`,
		"if: [{var: story, atLeast: 5}]":            "if[0].atLeast: story is a string, of which this cannot be said",
		"if: [{var: found.names, is: x}]":           "found.names is a list of strings",
		"if: [{var: story}]":                        "says exactly one thing",
		"if: [{var: amount, above: 1, below: 3}]":   "says exactly one thing",
		"if: [{var: sure, is: 'true'}], when: sure": "one of both",
		"when: ''": "one of both",
	} {
		var all []string
		p, findings := Compile(flow(t, branchOn(when)), world())
		for _, f := range findings {
			all = append(all, f.Path+": "+f.Message)
		}
		if p != nil || !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q", when, all)
		}
	}
}
