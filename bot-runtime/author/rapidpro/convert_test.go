package rapidpro

import (
	"fmt"
	"strings"
	"testing"
)

func TestTextsAreOurs(t *testing.T) {
	for theirs, ours := range map[string]string{
		"Hi @contact.name, you are @results.age.value.": "Hi {{ contact.name }}, you are {{ age }}.",
		"write to info@@agency.example or info@agency":  "write to info@agency.example or info@agency",
		"you wrote @input":            "you wrote {{ input.text }}",
		"{{ x }} {{{ @input":          "{ { x }} { { { {{ input.text }}",
		"@(upper(results.age)) stays": "@(upper(results.age)) stays",
	} {
		c := converter{variables: map[string]bool{}}
		if got := c.template(theirs); got != ours {
			t.Errorf("%q became %q, not %q", theirs, got, ours)
		}
	}
	c := converter{variables: map[string]bool{}}
	if got := c.expression(`a "b" @fields.town`); got != `"a \"b\" " + town` {
		t.Error(got)
	}
}

func TestWhatHasNoCounterpartIsToldWithoutItsKeys(t *testing.T) {
	export := `{"version":"13","flows":[{"uuid":"f","name":"Flow","language":"eng","nodes":[
	 {"uuid":"a","actions":[{"type":"call_webhook","method":"DELETE","url":"https://api.example/x?key=rahasia"},{"type":"enter_flow","flow":{"uuid":"z","name":"Other"}},{"type":"send_broadcast"}],"exits":[{"destination_uuid":"b"}]},
	 {"uuid":"b","router":{"type":"random","categories":[{"uuid":"c","name":"A","exit_uuid":"e"}]},"exits":[{"uuid":"e"}]}]}]}`
	flow, notes, err := Convert([]byte(export), "Flow")
	if err != nil || flow.Spec.Start == "" || len(flow.Spec.Nodes) != 3 {
		t.Fatalf("%v %+v", err, flow.Spec)
	}
	told := fmt.Sprint(notes)
	for _, words := range []string{`call_webhook "DELETE" "https://api.example/x" was left out`, `flow "Other" is not in the export`, `"send_broadcast" has no counterpart`, `a split of type "random" has no counterpart`} {
		if !strings.Contains(told, words) {
			t.Errorf("%s is not in %s", words, told)
		}
	}
	if strings.Contains(told, "rahasia") {
		t.Error("a key was told: " + told)
	}
}
