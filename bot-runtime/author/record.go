package author

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog"
)

// conversation is a test as a flow's tests hold it, in the order and style that people write.
type conversation struct {
	Name  string       `yaml:"name"`
	Forms bool         `yaml:"forms,omitempty"`
	At    string       `yaml:"at,omitempty"`
	Calls []testAnswer `yaml:"calls,omitempty,flow"`
	Steps []step       `yaml:"steps"`
}

type testAnswer struct {
	Node   string `yaml:"node"`
	Status int    `yaml:"status"`
	Body   string `yaml:"body,omitempty"`
}

type step struct {
	Citizen string            `yaml:"citizen,omitempty"`
	Fills   map[string]string `yaml:"fills,omitempty,flow"`
	Sends   string            `yaml:"sends,omitempty"`
	Silence int               `yaml:"silence,omitempty"`
	Answers string            `yaml:"answers,omitempty"`
	Agent   string            `yaml:"agent,omitempty"`
	Bot     *expected         `yaml:"bot,omitempty,flow"`
}

type expected struct {
	Contains  string            `yaml:"contains,omitempty"`
	Node      string            `yaml:"node,omitempty"`
	HandedTo  string            `yaml:"handedTo,omitempty"`
	Skills    []string          `yaml:"skills,omitempty"`
	Variables map[string]string `yaml:"variables,omitempty"`
	Messages  int               `yaml:"messages"`
}

// Bounds of a test, as the API has them, and what is long enough to tell one text from another.
const (
	maxTestSteps     = 50
	maxTestWords     = 4096
	maxExpectedValue = 512
	maxRecordedWords = 60
)

// recorder writes a talk down as tests of the flow. A nil recorder does nothing.
type recorder struct {
	j       judged
	flow    string
	program *dialog.Program
	began   time.Time
	clock   time.Time
	names   map[string]bool
	done    []conversation
	now     conversation
	open    map[string]bool       // nodes whose service is asked, in the test under way: whether somebody spoke since
	held    map[string]bool       // nodes whose service answered after somebody had spoken: the test has steps for it
	atOnce  map[string]bool       // nodes whose service answered before
	offered bool                  // a form, in the test under way
	calls   map[string]testAnswer // of the test under way, by node; a status of 0 is no answer
	bot     *expected             // since the last step of another
	fault   error                 // why the talk is no test
}

func newRecorder(j judged, flow string, p *dialog.Program, now time.Time) *recorder {
	if zone, err := time.LoadLocation(j.Objects.Tenant.Spec.TimeZone); err == nil {
		now = now.In(zone)
	}
	r := &recorder{j: j, flow: flow, program: p, began: now.Truncate(time.Minute), names: map[string]bool{}}
	r.anew()
	r.clock = r.began
	for _, t := range j.testsOf(flow) {
		r.names[t.Name] = true
	}
	return r
}

// recordable says whether a file can take a recording, before anybody has talked.
func recordable(file string) error {
	if file == "" {
		return nil
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--record: %s is there already; name a new file", file)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("--record: there is no folder %s; make it, or name another", filepath.Dir(file))
	}
	return nil
}

// did takes what anybody but the bot does.
func (r *recorder) did(s step) {
	if r == nil {
		return
	}
	r.settle()
	for node := range r.open {
		r.open[node] = true
	}
	if n := utf8.RuneCountInString(s.Citizen); n > maxTestWords {
		r.fault = errors.Join(r.fault, fmt.Errorf("%d characters in one message, a test has at most %d", n, maxTestWords))
	}
	for name, v := range s.Fills {
		if n := utf8.RuneCountInString(v); n > maxExpectedValue {
			r.fault = errors.Join(r.fault, fmt.Errorf("%d characters in the form's %s, a test has at most %d", n, name, maxExpectedValue))
		}
	}
	r.now.Steps = append(r.now.Steps, s)
}

// waits lets time pass. What the bot says in a silence counts together with what it said before.
func (r *recorder) waits(d time.Duration) {
	if r == nil {
		return
	}
	before := expected{}
	if r.bot != nil {
		before.Messages = r.bot.Messages
	}
	minutes := int((d + time.Minute - 1) / time.Minute)
	r.did(step{Silence: minutes})
	r.bot = &before
	r.clock = r.clock.Add(time.Duration(minutes) * time.Minute)
}

// answered takes what a service says to the call of a node. A test has one answer for a node, and gives it at once, or by steps.
func (r *recorder) answered(a testAnswer) {
	if r == nil {
		return
	}
	late := r.open[a.Node]
	delete(r.open, a.Node)
	if late || r.held[a.Node] {
		r.held[a.Node] = true
		r.did(step{Answers: a.Node})
	} else {
		r.atOnce[a.Node] = true
	}
	if r.held[a.Node] && r.atOnce[a.Node] {
		r.fault = errors.Join(r.fault, fmt.Errorf("the service of node %s answers at once, and later after somebody wrote: record two talks", a.Node))
	}
	if n := utf8.RuneCountInString(a.Body); n > maxTestWords {
		r.fault = errors.Join(r.fault, fmt.Errorf("%d characters in an answer of node %s, a test has at most %d", n, a.Node, maxTestWords))
	}
	if before, twice := r.calls[a.Node]; twice && before != a {
		r.fault = errors.Join(r.fault, fmt.Errorf("the service of node %s answers twice, and not the same: a test has one answer for a node; record two talks", a.Node))
	}
	r.calls[a.Node] = a
}

// answer takes what the bot did in one step.
func (r *recorder) answer(before, after []byte, result dialog.Result) {
	if r == nil {
		return
	}
	if r.bot == nil {
		r.bot = &expected{}
	}
	r.bot.Messages += len(result.Say)
	for _, m := range result.Say {
		r.offered = r.offered || m.Form != nil
		if r.bot.Contains == "" {
			r.bot.Contains = firstWords(m.Words())
		}
	}
	if result.Handoff != nil {
		r.bot.HandedTo, r.bot.Skills = result.Handoff.Pool, result.Handoff.Skills
	}
	state, err := dialog.Decode(after)
	if err != nil {
		return
	}
	if result.Call != nil {
		r.open[state.Node] = false
	}
	switch n := len(result.Visited); {
	case n > 0:
		r.bot.Node = result.Visited[n-1]
	case state.Node != "":
		r.bot.Node = state.Node
	}
	old, _ := dialog.Decode(before)
	for name, v := range state.Variables {
		if shown := dialog.Shown(v); old.Variables[name] != v && shown != "" && utf8.RuneCountInString(shown) <= maxExpectedValue {
			if r.bot.Variables == nil {
				r.bot.Variables = map[string]string{}
			}
			r.bot.Variables[name] = shown
		}
	}
}

// firstWords of a text: its first line, up to a word's end. An end that is no word's is left out, too.
func firstWords(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(line)
	runes := []rune(line)
	if len(runes) <= maxRecordedWords {
		return line
	}
	line = string(runes[:maxRecordedWords])
	if i := strings.LastIndexByte(line, ' '); i > 0 {
		line = line[:i]
	}
	return strings.TrimRight(line, " ,;:(")
}

// settle puts what the bot did into the test.
func (r *recorder) settle() {
	if r.bot != nil {
		r.now.Steps = append(r.now.Steps, step{Bot: r.bot})
		r.bot = nil
	}
}

// end ends the test under way; what follows is another conversation.
func (r *recorder) end() {
	if r == nil {
		return
	}
	r.settle()
	if len(r.now.Steps) > 0 {
		for _, node := range slices.Sorted(maps.Keys(r.open)) { // never answered in the talk: until here at least
			r.now.Steps = append(r.now.Steps, step{Answers: node})
			if r.atOnce[node] {
				r.fault = errors.Join(r.fault, fmt.Errorf("the service of node %s answers at once, and then not at all: record two talks", node))
			}
		}
		for _, node := range slices.Sorted(maps.Keys(r.calls)) {
			if a := r.calls[node]; a.Status > 0 {
				r.now.Calls = append(r.now.Calls, a)
			}
		}
		r.now.Name = r.name()
		r.now.Forms = r.offered && !slices.ContainsFunc(r.now.Steps, func(s step) bool { return s.Fills != nil })
		if len(r.now.Steps) > maxTestSteps {
			r.fault = errors.Join(r.fault, fmt.Errorf("%s: %d steps, a test has at most %d; begin another with /new", r.now.Name, len(r.now.Steps), maxTestSteps))
		} else if r.fault == nil {
			r.proven()
		}
		r.done = append(r.done, r.now)
	}
	r.anew()
	r.began = r.clock
}

// anew begins another test.
func (r *recorder) anew() {
	r.now, r.offered, r.calls = conversation{}, false, map[string]testAnswer{}
	r.open, r.held, r.atOnce = map[string]bool{}, map[string]bool{}, map[string]bool{}
}

// name of the test: the citizen's first words, one that no other has.
func (r *recorder) name() string {
	first := "a talk"
	for _, s := range r.now.Steps {
		if s.Citizen != "" {
			first = firstWords(s.Citizen)
			break
		}
	}
	name := "recorded: " + first
	for n := 2; r.names[name]; n++ {
		name = fmt.Sprintf("recorded: %s (%d)", first, n)
	}
	r.names[name] = true
	return name
}

// proven runs the test under way as bot-runtime test would. Its time is written down only where the conversation depends on it.
func (r *recorder) proven() {
	passes := func(now time.Time) (dialog.Report, bool) {
		report := r.j.report(r.program, []v1alpha1.ConversationTest{r.now.test()}, now)
		return report, report.Passed == 1
	}
	_, today := passes(r.clock)
	_, later := passes(r.clock.AddDate(0, 0, 10))
	if today && later {
		return
	}
	r.now.At = r.began.Format(time.RFC3339)
	if report, ok := passes(r.clock); !ok {
		f := report.Failures[0]
		r.fault = fmt.Errorf("%s: as a test, its step %d would fail: want %s; got %s", r.now.Name, f.Step, f.Want, f.Got)
	}
}

// test is the conversation as the API has it.
func (c conversation) test() v1alpha1.ConversationTest {
	t := v1alpha1.ConversationTest{Name: c.Name, Forms: c.Forms}
	if at, err := time.Parse(time.RFC3339, c.At); err == nil {
		t.At = &metav1.Time{Time: at}
	}
	for _, a := range c.Calls {
		t.Calls = append(t.Calls, v1alpha1.TestAnswer{Node: v1alpha1.Name(a.Node), Status: int32(a.Status), Body: a.Body}) // #nosec G115 -- 100 to 599
	}
	for _, s := range c.Steps {
		out := v1alpha1.TestStep{Citizen: s.Citizen, Sends: s.Sends, Silence: int32(s.Silence), Answers: v1alpha1.Name(s.Answers), Agent: s.Agent} // #nosec G115 -- at most a day of minutes
		for name, v := range s.Fills {
			if out.Fills == nil {
				out.Fills = map[string]v1alpha1.ExpectedValue{}
			}
			out.Fills[name] = v1alpha1.ExpectedValue(v)
		}
		if b := s.Bot; b != nil {
			messages := int32(b.Messages) // #nosec G115 -- of one step
			out.Bot = &v1alpha1.Expectation{Contains: b.Contains, Node: v1alpha1.Name(b.Node), HandedTo: v1alpha1.ObjectName(b.HandedTo), Messages: &messages}
			for _, skill := range b.Skills {
				out.Bot.Skills = append(out.Bot.Skills, v1alpha1.Skill(skill))
			}
			for name, v := range b.Variables {
				if out.Bot.Variables == nil {
					out.Bot.Variables = map[string]v1alpha1.ExpectedValue{}
				}
				out.Bot.Variables[name] = v1alpha1.ExpectedValue(v)
			}
		}
		t.Steps = append(t.Steps, out)
	}
	return t
}

// write ends the recording. Nothing is written that would not pass.
func (r *recorder) write(p *printer, file string) error {
	r.end()
	switch {
	case r.fault != nil:
		return fmt.Errorf("nothing was recorded: %w", r.fault)
	case len(r.done) == 0:
		p.line("nothing was said, so that nothing was recorded")
		return nil
	}
	body, err := r.yaml()
	if err == nil {
		err = create(file, body)
	}
	if err != nil {
		p.line("%s", body) // the talk is not lost
		return fmt.Errorf("--record: %w", err)
	}
	p.line("%s recorded in %s; read it, cut it to what matters, and paste it under the spec of dialogflow/%s", count(len(r.done), "test"), file, r.flow)
	return nil
}

// yaml is the tests as they stand under spec.
func (r *recorder) yaml() ([]byte, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(map[string]any{"tests": r.done}); err != nil {
		return nil, fmt.Errorf("the talk cannot be written: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "  # Recorded by bot-runtime chat with dialogflow/%s: paste it under spec, or only the list under the tests that are there.\n", r.flow)
	for line := range strings.Lines(b.String()) {
		out.WriteString("  " + line)
	}
	return out.Bytes(), nil
}

// create writes a file that was not there.
func create(file string, body []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	return errors.Join(err, f.Close())
}
