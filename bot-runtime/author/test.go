package author

import (
	"io"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/judge"
)

// Test runs the conversation tests of every flow in a folder or file and prints what failed as a diff. It returns whether all
// passed; a flow that does not compile has not.
func Test(out io.Writer, path string, now time.Time) (passed bool, err error) {
	objects, _, problems := files.Load(path)
	p := printer{out: out}
	for _, problem := range problems {
		p.line("%s", problem)
	}
	passed = len(problems) == 0
	b := bundle.From(objects)
	flows := 0
	for i := range b.Objects {
		if b.Objects[i].Flow != nil {
			flows++
			spec := *b.Objects[i].Flow
			spec.Tests = nil
			b.Objects[i].Flow = &spec
		}
	}
	if flows == 0 {
		p.line("no DialogFlow here; give a folder with -f")
		return false, p.err
	}
	// Compiled without tests first: those that fail would take the program from us.
	set, verdicts := judge.All(bundle.Wrap(b), nil, now)
	for _, v := range verdicts {
		if v.Kind == bundle.KindDialogFlow && !v.Good {
			passed = false
			p.line("%s  does not compile; see bot-runtime lint", v.Name)
			for _, f := range v.Findings {
				if !f.Advice {
					p.line("  %s: %s", f.Path, f.Message)
				}
			}
		}
	}
	for i := range objects.Flows {
		f := &objects.Flows[i]
		program, ok := set.Flows[f.Name]
		if !ok {
			continue
		}
		report := dialog.Test(program.WithTests(f.Spec.Tests), func(at time.Time) dialog.Env { return set.Env(at, nil) }, now)
		passed = passed && report.Passed == report.All
		printReport(&p, f.Name, report)
	}
	return passed, p.err
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
	if r.All == 0 {
		p.line("  no tests: write down the conversations that must never go wrong")
	}
}
