package dialog

import (
	"strings"
	"testing"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
)

const showing = `
languages: [en]
start: ask
nodes:
- name: ask
  ask: {text: {en: "{{ found.shown.address }}?"}, as: name}
  next: check
- name: check
  lookup: {directory: institutions, as: found, query: name, otherwise: told}
- name: told
  branch:
    cases: [{when: "has(found.shown.director) && found.shown.director.startsWith('Ibu')", next: led}]
    otherwise: where
- name: led
  say: {text: {en: "{{ found.shown.director }} leads {{ found.name }}."}}
  next: where
- name: where
  say: {text: {en: "At [{{ found.shown.address }}], {{ found.shown.director == '' ? 'by nobody' : found.shown.director }}."}}
  next: ask
variables: [{name: name}]
`

func TestAFlowShowsWhatElseTheDirectoryHasAsItStandsThere(t *testing.T) {
	index, _, findings := directory.Build(`name,status,address,head
Bank Mekar Jaya,licensed,"Jl. {{ name }} 1
*Solo*",Ibu Ratna
Bank Nusa Lestari,licensed,,
`, v1alpha1.DirectoryMapping{Shown: []v1alpha1.ShownColumn{{Name: "address"}, {Name: "director", Column: "head"}}})
	if index == nil {
		t.Fatal(findings)
	}
	known := world()
	known.Directories["institutions"] = KnownDirectory{Serves: true, Shown: index.Shown()}
	p, findings := Compile(flow(t, showing), known)
	if p == nil {
		t.Fatalf("refused: %+v", findings)
	}
	c := talkTo(t, p)
	c.env.Lookup = func(_, q string) (directory.Answer, bool) { return index.Ask(q), true }
	for _, turn := range []struct{ says, want string }{
		{"hi", "?"}, // before the look-up everything is empty
		{"bank mekar jaya", "Ibu Ratna leads Bank Mekar Jaya.\n\nAt [Jl. {{ name }} 1\n*Solo*], Ibu Ratna.\n\nJl. {{ name }} 1\n*Solo*?"},
		{"bank nusa lestari", "At [], by nobody.\n\n?"},
		{"nothing of the kind", "At [], by nobody.\n\n?"},
	} {
		r := c.says(turn.says)
		if got := transcript(r); got != turn.want || len(r.Problems) > 0 {
			t.Errorf("%s: %q, want %q; problems %v", turn.says, got, turn.want, r.Problems)
		}
	}
}

func TestAFlowThatShowsWhatTheDirectoryHasNotIsRefused(t *testing.T) {
	known := world()
	known.Directories["institutions"] = KnownDirectory{Serves: true, Shown: []string{"addresses", "director"}}
	p, findings := Compile(flow(t, showing), known)
	if p != nil || len(findings) == 0 {
		t.Fatalf("served: %+v", findings)
	}
	for _, f := range findings {
		if f.Reason != reasonUndeclared || !strings.Contains(f.Message, `no field "address"; did you mean "addresses"?`) {
			t.Errorf("%+v", f)
		}
	}
}

func TestAFlowThatReadsAllThatIsShownAtOnceIsRefused(t *testing.T) {
	if p, findings := Compile(flow(t, strings.ReplaceAll(showing, "found.shown.address", "found.shown")), world()); p != nil {
		t.Fatalf("served: %+v", findings)
	}
}
