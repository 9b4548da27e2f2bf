package dialog

import (
	"fmt"
	"strings"
	"testing"
)

// The search for the first menu once went round for ever in a flow that begins with says in a ring.
func TestAFlowThatBeginsWithARingOfSaysIsRefused(t *testing.T) {
	p, findings := Compile(flow(t, `
languages: [en]
start: a
nodes:
- {name: a, say: {text: {en: A}}, next: b}
- {name: b, say: {text: {en: B}}, next: a}
`), world())
	if p != nil || !strings.Contains(fmt.Sprint(findings), reasonLoop) {
		t.Errorf("%+v", findings)
	}
}
