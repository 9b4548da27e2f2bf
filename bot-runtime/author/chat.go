package author

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// chatHelp is shown at the beginning of a talk, chatCommands by /help and after a command that is none.
const (
	chatHelp     = "type as a citizen would; a number taps a choice, /help lists the commands"
	chatCommands = `/state  what the bot remembers
/voice  send a voice note; so do /picture, /document and /location what they name
/fill   fill in the form: its questions come one by one, an empty line leaves one out
/forms  begin anew on a channel that shows no forms, as the web chat; again, on one that does
/close  close as the agent
/answer what the service answers that the bot calls: /answer 200 {"state": "open"}; /answer alone is no answer
/wait   say nothing until the time is over that an answer has
/new    begin anew
/quit   end`
)

// Chat talks to a flow in a terminal: who speaks, the node, and the price of the talk so far. flow may be empty when there is
// only one. It ends with the input, with /quit, or with ctx. A flow whose own tests fail can be talked to: that is how one finds out why.
// record names a file that must not be there yet and gets the talk as a test of the flow, or is empty.
func Chat(ctx context.Context, in io.Reader, out io.Writer, path, flow, record string, now func() time.Time) error {
	if err := recordable(record); err != nil {
		return err
	}
	j := load(path, now(), false)
	p := printer{out: out}
	p.findings(j.findings())
	name, program, err := pick(j.set, flow)
	if err != nil {
		return errors.Join(err, p.err)
	}
	if r := j.report(program, j.testsOf(name), now()); r.Passed < r.All {
		p.line("warning: %d of %s fail; see bot-runtime test", r.All-r.Passed, count(r.All, "test"))
	}
	p.line("%s: %s", name, chatHelp)
	c := chat{p: &p, set: j.set, program: program, now: now}
	if record != "" {
		c.record = newRecorder(j, name, program, now())
		c.now = func() time.Time { return c.record.clock }
		p.line("recording: the time is %s and passes with /wait only; the test is written when you leave", c.record.clock.Format("2006-01-02 15:04 MST"))
	}
	var unread error
	for line := range linesOf(ctx, in, &unread) {
		if !c.typed(strings.TrimSpace(line)) || p.err != nil {
			break
		}
	}
	if c.record == nil || p.err != nil {
		return errors.Join(p.err, unread)
	}
	return errors.Join(c.record.write(&p, record), p.err, unread)
}

// linesOf gives the lines of in until it ends, or ctx does; unread then says why it could not be read. A terminal that is being read
// from cannot be told to stop: whoever reads is left behind, for the process to end.
func linesOf(ctx context.Context, in io.Reader, unread *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		lines, end := make(chan string), make(chan error, 1)
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		go func() {
			all := bufio.NewScanner(io.LimitReader(in, 1<<20))
			for all.Scan() {
				select {
				case lines <- all.Text():
				case <-ctx.Done():
					return
				}
			}
			end <- all.Err()
		}()
		for {
			select {
			case line := <-lines:
				if !yield(line) {
					return
				}
			case *unread = <-end:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

func (j judged) testsOf(flow string) []v1alpha1.ConversationTest {
	for i := range j.Objects.Flows {
		if j.Objects.Flows[i].Name == flow {
			return j.Objects.Flows[i].Spec.Tests
		}
	}
	return nil
}

// pick finds the flow to talk to.
func pick(set judge.Set, flow string) (string, *dialog.Program, error) {
	var names []string
	for n := range set.Flows {
		names = append(names, n)
	}
	sort.Strings(names)
	switch {
	case flow != "" && set.Flows[flow] != nil:
		return flow, set.Flows[flow], nil
	case flow != "":
		return "", nil, fmt.Errorf("no flow %q serves here (there are: %s); see bot-runtime lint", flow, strings.Join(names, ", "))
	case len(names) == 1:
		return names[0], set.Flows[names[0]], nil
	case len(names) == 0:
		return "", nil, errors.New("no flow serves here; bot-runtime lint says why")
	}
	return "", nil, fmt.Errorf("several flows are here: %s; name one", strings.Join(names, ", "))
}

// chat is a talk under way.
type chat struct {
	p       *printer
	set     judge.Set
	program *dialog.Program
	now     func() time.Time
	state   []byte
	choices []message.Choice
	timer   dialog.Timer
	call    *dialog.Call
	asks    string            // the call's node
	form    *message.Form     // that was offered last
	blank   []dialog.Question // of the form that is being filled in, those to come
	fields  map[string]string // what it holds
	plain   bool              // the channel shows no forms
	handed  bool
	paid    int
	record  *recorder // nil while nothing is recorded
}

// typed handles one line; false ends the talk.
func (c *chat) typed(line string) bool {
	if len(c.blank) > 0 && !strings.HasPrefix(line, "/") {
		c.fill(line)
		return true
	}
	c.blank = nil
	switch line {
	case "":
	case "/quit":
		return false
	case "/new", "/forms":
		c.record.end()
		*c = chat{p: c.p, set: c.set, program: c.program, now: c.now, record: c.record, plain: c.plain != (line == "/forms")}
		if line == "/forms" {
			c.p.line("%s", map[bool]string{true: "on a channel that shows no forms", false: "on a channel that shows forms"}[c.plain])
		}
	case "/fill":
		c.open()
	case "/state":
		c.show()
	case "/close":
		if !c.handed {
			c.p.line("no agent has the conversation")
			break
		}
		c.handed = false
		c.record.did(step{Agent: "close"})
		c.step(dialog.Input{Kind: dialog.InputClosed})
	case "/wait":
		if c.timer.DueIn == 0 {
			c.p.line("no timer runs")
			break
		}
		due := c.timer
		c.timer = dialog.Timer{}
		c.record.waits(due.DueIn)
		c.step(dialog.Input{Kind: dialog.InputTimer, Timer: due.Name, Generation: due.Generation})
	case "/answer":
		c.answer("")
	case "/voice", "/picture", "/document", "/location":
		what := strings.TrimPrefix(line, "/")
		c.citizen(dialog.Attachment(what), step{Sends: what})
	case "/help":
		c.p.line("%s", chatCommands)
	default:
		if rest, ok := strings.CutPrefix(line, "/answer "); ok {
			c.answer(rest)
			break
		}
		if strings.HasPrefix(line, "/") {
			c.p.line("no command %s; there are\n%s", line, chatCommands)
			break
		}
		if c.form != nil && strings.EqualFold(line, c.form.Button) {
			c.open()
			break
		}
		m := c.read(line)
		c.citizen(m, step{Citizen: m.Text})
	}
	return true
}

// env is what a step may ask on this channel.
func (c *chat) env(at time.Time) dialog.Env {
	env := c.set.Env(at, nil)
	env.Forms = !c.plain
	return env
}

// read makes a tap of a choice's number or title.
func (c *chat) read(line string) message.In {
	k, err := strconv.Atoi(line)
	for i, choice := range c.choices {
		if err == nil && k == i+1 || strings.EqualFold(choice.Title, line) {
			return message.In{Kind: message.InChoice, Text: choice.Title, ChoiceID: choice.ID}
		}
	}
	return message.In{Kind: message.InText, Text: line}
}

// citizen sends m, which a test writes as s.
func (c *chat) citizen(m message.In, s step) {
	if c.handed {
		c.p.line("          (goes to the agent; /close gives the conversation back)")
		return
	}
	if c.program.Waits(c.state, m) {
		c.p.line("          (waits for the service's answer; /answer gives one)")
		return
	}
	c.record.did(s)
	c.step(dialog.Input{Kind: dialog.InputMessage, Message: m})
}

// answer is what the service says: a status and a JSON body, or nothing at all.
func (c *chat) answer(line string) {
	if c.call == nil {
		c.p.line("the bot calls no service now")
		return
	}
	a, told := dialog.CallAnswer{Outcome: dialog.CallUnknown}, testAnswer{Node: c.asks}
	if line != "" {
		status, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		code, err := strconv.Atoi(status)
		if err != nil || code < 100 || code > 599 {
			c.p.line("%q is no HTTP status; write one such as /answer 200 {\"state\": \"open\"}", status)
			return
		}
		a, told = dialog.Answered(code, []byte(body), c.call.Request.Take), testAnswer{Node: c.asks, Status: code, Body: body}
	}
	call := c.call
	c.call = nil
	c.record.answered(told)
	c.step(dialog.Input{Kind: dialog.InputAnswer, Generation: call.Generation, Answer: a})
}

func (c *chat) step(in dialog.Input) {
	in.At = c.now()
	state, result, err := c.program.Step(c.state, in, c.env(in.At))
	if err != nil {
		c.p.line("%v", err)
		return
	}
	c.record.answer(c.state, state, result)
	c.state = state
	c.paid += len(result.Say)
	for _, m := range result.Say {
		for i, paragraph := range strings.Split(m.Words(), "\n") {
			who := "          "
			if i == 0 {
				who = "bot       "
			}
			c.p.line("%s", strings.TrimRight(who+paragraph, " "))
		}
		if len(m.Choices) > 0 {
			c.choices = m.Choices
			titles := make([]string, len(m.Choices))
			for i, choice := range m.Choices {
				titles[i] = fmt.Sprintf("[%d %s]", i+1, choice.Title)
			}
			c.p.line("          %s", strings.Join(titles, " "))
		}
		if m.Template != nil {
			c.p.line("          on WhatsApp by template %s, %s", m.Template.Name, m.Template.Language)
		}
		if m.Form != nil {
			c.form = m.Form
			c.p.line("          [%s]  /fill fills the form in", m.Form.Button)
		}
	}
	for _, t := range result.Timers {
		c.timer = t
	}
	if result.Uncall {
		c.call = nil
	}
	if result.Call != nil {
		c.call = result.Call
		if at, err := dialog.Decode(state); err == nil {
			c.asks = at.Node
		}
	}
	c.foot(result)
}

// foot is the line under an answer: the way, the price, and what else was done.
func (c *chat) foot(r dialog.Result) {
	parts := []string{"node " + strings.Join(slices.Clone(r.Visited), " → ")}
	if len(r.Visited) == 0 {
		parts[0] = "no node"
	}
	if r.Handoff != nil {
		c.handed = true
		how := strings.Join(append([]string{r.Handoff.Pool, r.Handoff.Priority}, r.Handoff.Skills...), ", ")
		parts = append(parts, fmt.Sprintf("handed to %s: %q", how, r.Handoff.Summary))
	}
	if r.Rating != nil {
		parts = append(parts, fmt.Sprintf("rating %d", r.Rating.Score))
	}
	if r.Ended {
		parts = append(parts, "ended")
	}
	if r.Call != nil {
		parts = append(parts, fmt.Sprintf("calls %s %s (not from here: /answer says what it answers)", r.Call.Request.Method, r.Call.Request.URL))
	}
	parts = append(parts, count(c.paid, "paid message")+" so far")
	c.p.line("          · %s", strings.Join(parts, " · "))
	for _, problem := range r.Problems {
		c.p.line("          ! %s", problem)
	}
}

// show prints what the bot remembers.
func (c *chat) show() {
	state, err := dialog.Decode(c.state)
	switch {
	case err != nil:
		c.p.line("%v", err)
		return
	case len(c.state) == 0:
		c.p.line("nothing yet")
		return
	}
	row := func(name, value string) {
		if value != "" {
			c.p.line("          %-14s %s", name, value)
		}
	}
	row("waits at", state.Node)
	row("language", state.Language)
	if state.Retries > 0 {
		row("retries", strconv.Itoa(state.Retries))
	}
	for _, name := range slices.Sorted(maps.Keys(state.Variables)) {
		row(name, fmt.Sprint(state.Variables[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(state.Found)) {
		f := state.Found[name]
		for _, field := range []struct{ name, value string }{
			{"query", f.Query}, {"outcome", f.Outcome}, {"name", f.Name}, {"licence", f.Licence}, {"type", f.Type}, {"status", f.Status},
			{"site", f.Site}, {"phone", f.Phone}, {"names", strings.Join(f.Names, ", ")}, {"why", f.Why},
		} {
			row(name+"."+field.name, field.value)
		}
	}
}
