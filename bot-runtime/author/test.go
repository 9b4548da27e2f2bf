package author

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// Test runs the conversation tests of every flow in a folder or file and prints what failed as a diff. It returns whether all
// passed; a flow that would be refused before has not. junit names a file that gets the same for build servers, or is empty;
// it is written whatever the outcome, unless the command itself cannot go on.
func Test(out io.Writer, path, junit string, now time.Time) (passed bool, err error) {
	j := load(path, now, false) // without tests: those that fail would take the program from us
	p := printer{out: out}
	var suites junitSuites
	switch {
	case len(j.Problems) > 0:
		p.findings(j.findings())
		p.line("no test was run: mend these first")
		suites.refused("files", path, j.findings())
	case len(j.Objects.Flows) == 0:
		p.line("no DialogFlow here; give a folder that has one")
		suites.refused("files", path, []finding{{Problem: files.Problem{File: path, Message: "no DialogFlow here"}}})
	default:
		passed = j.testAll(&p, path, &suites, now)
	}
	if junit != "" && p.err == nil {
		err = suites.write(junit)
	}
	return passed, errors.Join(p.err, err)
}

// testAll runs the tests of each flow; it returns whether all passed.
func (j judged) testAll(p *printer, path string, suites *junitSuites, now time.Time) bool {
	passed := true
	for i := range j.Objects.Flows {
		f := &j.Objects.Flows[i]
		program, ok := j.set.Flows[f.Name]
		if !ok {
			passed = false
			j.refusal(p, path, f.Name)
			suites.refused("dialogflow/"+f.Name, path, j.findings())
			continue
		}
		report := j.report(program, f.Spec.Tests, now)
		passed = passed && report.Passed == report.All
		j.printReport(p, f.Name, report)
		printUnderstanding(p, program.Understanding())
		suites.ran(j, f, report)
	}
	return passed
}

func (j judged) report(program *dialog.Program, tests []v1alpha1.ConversationTest, now time.Time) dialog.Report {
	return dialog.Test(program.WithTests(tests), func(at time.Time) dialog.Env { return j.set.Env(at, nil) }, now)
}

// refusal prints why a flow cannot run.
func (j judged) refusal(p *printer, path, flow string) {
	p.line("%s  no test was run: the flow would be refused", flow)
	for _, f := range j.findings() {
		if !f.advice {
			p.line("%s", f.Problem)
		}
	}
	if j.One && missesOthers(j.verdicts, flow) {
		p.line("only %s was read, and %s names objects of other files; give the folder", path, flow)
	}
}

func missesOthers(vs []bundle.Verdict, flow string) bool {
	for _, v := range vs {
		for _, f := range v.Findings {
			if v.Name == flow && f.Reason == dialog.ReasonUnknownObject {
				return true
			}
		}
	}
	return false
}

// printUnderstanding tells how well sentences are understood that the classifier had not seen.
func printUnderstanding(p *printer, u *dialog.Understanding) {
	if u == nil {
		return
	}
	p.line("  intents    of %s held out  ✓ %d (%d %%)  unsure %d  ✗ %d", count(u.Tried, "example"), u.Right, (100*u.Right+u.Tried/2)/u.Tried, u.Unsure, u.Wrong)
	for _, m := range u.Mistakes {
		p.line("  %q means %s and would be taken for %s, were it not an example", m.Text, m.Meant, m.Taken)
	}
}

func (j judged) printReport(p *printer, flow string, r dialog.Report) {
	p.line("%-10s %s  ✓ %d  ✗ %d    nodes %d/%d  edges %d/%d", flow, count(r.All, "test"), r.Passed, r.All-r.Passed, r.Nodes, r.AllNodes, r.Edges, r.AllEdges)
	for _, f := range r.Failures {
		file, line := j.At("dialogflow/"+flow, stepPath(f))
		p.line("  ✗ %s   step %d, %s:%d", f.Test, f.Step, filepath.Base(file), line)
		for _, row := range difference(f) {
			p.line("%s", strings.TrimRight("      "+row, " "))
		}
	}
	for _, n := range r.Missed {
		p.line("  no test passes node %s", n)
	}
	if len(r.MissedEdges) > 0 {
		p.line("  no test goes %s", strings.Join(r.MissedEdges, ", "))
	}
	if r.All == 0 {
		p.line("  no tests: write down the conversations that must never go wrong")
	}
}

// stepPath is where the step stands that failed.
func stepPath(f dialog.Failure) string {
	return fmt.Sprintf("tests[%d].steps[%d]", f.Index, f.Step-1)
}

// difference is a failure as rows: what the citizen said, with - what was expected and is not so, with + what came instead, in
// full, and why.
func difference(f dialog.Failure) []string {
	var rows []string
	row := func(who, sign, text string) {
		rows = append(rows, strings.TrimRight(fmt.Sprintf("%-8s %s%s", who, sign, text), " "))
	}
	if f.Citizen != "" {
		row("citizen", "", oneLine(f.Citizen))
	}
	who := "bot"
	for _, w := range orOne(f.Wants, f.Want) {
		row(who, "- ", w)
		who = ""
	}
	if f.Wants == nil {
		row(who, "+ ", f.Got)
	} else {
		row(who, "+ ", way(f.Visited))
		for _, m := range f.Said {
			for i, paragraph := range strings.Split(said(m), "\n") {
				sign := "    "
				if i == 0 {
					sign = "+   "
				}
				row(who, sign, paragraph)
			}
		}
		if len(f.Said) == 0 {
			row(who, "+   ", "(says nothing)")
		}
	}
	if f.Why != "" {
		row("why", "", f.Why)
	}
	return rows
}

func orOne(all []string, one string) []string {
	if len(all) == 0 {
		return []string{one}
	}
	return all
}

func way(visited []string) string {
	switch len(visited) {
	case 0:
		return "no node"
	case 1:
		return "node " + visited[0]
	}
	return "nodes " + strings.Join(visited, " → ")
}

// said is one message with what can be tapped under it.
func said(m message.Out) string {
	var b strings.Builder
	b.WriteString(m.Words())
	for i, c := range m.Choices {
		if i == 0 {
			b.WriteByte('\n')
		} else {
			b.WriteByte(' ')
		}
		b.WriteString("[" + c.Title + "]")
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
