package dialog

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/knowledge"
	"github.com/loket-dev/loket/bot-runtime/message"
)

var update = flag.Bool("update", false, "write golden files")

var monday = time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("WIB", 7*3600))

// flow reads a flow's spec, with the defaults of the API server.
func flow(t testing.TB, text string) v1alpha1.DialogFlowSpec {
	t.Helper()
	var f v1alpha1.DialogFlow
	if err := yaml.UnmarshalStrict([]byte(text), &f.Spec); err != nil {
		t.Fatal(err)
	}
	f.Default()
	return f.Spec
}

// world is what flows of the tests may name.
func world() CompileInput {
	answers, _ := knowledge.Build(v1alpha1.KnowledgeSpec{Entries: []v1alpha1.KnowledgeEntry{{
		Name: "fees", Questions: v1alpha1.Words{"en": {"what does it cost", "is it free"}, "id": {"berapa biayanya"}},
		Answer: v1alpha1.Text{"en": "It is free.", "id": "Gratis."},
	}}}, []string{"en", "id"}, monday)
	return CompileInput{
		Tenant:      bundle.Tenant{Languages: []string{"en", "id"}, TimeZone: "Asia/Jakarta"},
		Directories: map[string]KnownDirectory{"institutions": {Serves: true}, "broken": {}},
		Pools:       map[string]bool{"centre": true},
		Knowledge:   map[string]*knowledge.Set{"answers": answers},
	}
}

func compile(t testing.TB, text string) *Program {
	t.Helper()
	p, findings := Compile(flow(t, text), world())
	if p == nil {
		t.Fatalf("refused: %+v", findings)
	}
	return p
}

var listed = directory.FromEntries([]directory.Entry{
	{ID: "1", Name: "Dana Sekar Wangi", Licence: "KEP-12", Status: "licensed", Sites: []string{"danasekar.example"}},
	{ID: "2", Name: "Bank Mekar Jaya", Status: "licensed"}, {ID: "3", Name: "Bank Mekar Teduh", Status: "licensed"},
})

// talker is a citizen in a test.
type talker struct {
	t     testing.TB
	p     *Program
	env   Env
	state []byte
}

func talkTo(t testing.TB, p *Program) *talker {
	return &talker{t: t, p: p, env: Env{Now: monday, Lookup: func(name, q string) (directory.Answer, bool) {
		return listed.Ask(q), name == "institutions"
	}, PoolOpen: func(string) (bool, bool) { return true, false }}}
}

func (c *talker) step(in Input) Result {
	c.t.Helper()
	state, r, err := c.p.Step(c.state, in, c.env)
	if err != nil {
		c.t.Fatal(err)
	}
	c.state = state
	return r
}

func (c *talker) says(text string) Result {
	c.t.Helper()
	return c.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InText, Text: text}})
}

func (c *talker) taps(id, title string) Result {
	c.t.Helper()
	return c.step(Input{Kind: InputMessage, Message: message.In{Kind: message.InChoice, ChoiceID: id, Text: title}})
}

func (c *talker) at() string {
	s, err := Decode(c.state)
	if err != nil {
		c.t.Fatal(err)
	}
	return s.Node
}

// transcript is all that was said, a message a paragraph.
func transcript(r Result) string {
	var all []string
	for _, m := range r.Say {
		s := m.Text
		for _, c := range m.Choices {
			s += " [" + c.Title + "]"
		}
		all = append(all, s)
	}
	return strings.Join(all, " | ")
}

// golden compares with a file that people read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", name, got, want)
	}
}
