package author

import (
	"io"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
)

// Test runs the conversation tests of every flow in a folder or file and prints what failed as a diff. It returns whether all
// passed; a flow that would be refused before has not.
func Test(out io.Writer, path string, now time.Time) (passed bool, err error) {
	j := load(path, now, false) // without tests: those that fail would take the program from us
	p := printer{out: out}
	if len(j.Problems) > 0 {
		p.findings(j.findings())
		p.line("no test was run: mend these first")
		return false, p.err
	}
	if len(j.Objects.Flows) == 0 {
		p.line("no DialogFlow here; give a folder that has one")
		return false, p.err
	}
	passed = true
	for i := range j.Objects.Flows {
		f := &j.Objects.Flows[i]
		program, ok := j.set.Flows[f.Name]
		if !ok {
			passed = false
			j.refusal(&p, path, f.Name)
			continue
		}
		report := j.report(program, f.Spec.Tests, now)
		passed = passed && report.Passed == report.All
		printReport(&p, f.Name, report)
		printUnderstanding(&p, program.Understanding())
	}
	return passed, p.err
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

func printReport(p *printer, flow string, r dialog.Report) {
	p.line("%-10s %s  ✓ %d  ✗ %d    nodes %d/%d  edges %d/%d", flow, count(r.All, "test"), r.Passed, r.All-r.Passed, r.Nodes, r.AllNodes, r.Edges, r.AllEdges)
	for _, f := range r.Failures {
		p.line("  ✗ %s   step %d", f.Test, f.Step)
		if f.Citizen != "" {
			p.line("      citizen  %s", f.Citizen)
		}
		p.line("      bot      - %s", f.Want)
		p.line("               + %s", f.Got)
		if f.Why != "" {
			p.line("      why      %s", f.Why)
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
