// Package author is the offline commands of those who write flows: lint, test, chat and lookup. They read files, judge them
// as a runtime would, and print for people. Nothing here touches a store or a network.
package author

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/judge"
)

// judged is a folder as a runtime sees it.
type judged struct {
	problems []files.Problem
	bundle   bundle.Bundle
	set      judge.Set
	verdicts []bundle.Verdict
}

func load(path string, now time.Time) judged {
	objects, _, problems := files.Load(path)
	j := judged{problems: problems, bundle: bundle.From(objects)}
	j.set, j.verdicts = judge.All(bundle.Wrap(j.bundle), nil, now)
	return j
}

func objectName(v bundle.Verdict) string { return strings.ToLower(string(v.Kind)) + "/" + v.Name }

// Lint prints everything that is wrong in a folder or file, an object's path and the mend a line; advice is marked. It returns
// whether anything would be refused.
func Lint(out io.Writer, path string, now time.Time) (refused bool, err error) {
	j := load(path, now)
	p := printer{out: out}
	told := map[string]bool{}
	for _, problem := range j.problems {
		refused = true
		if j.namesTargets(problem) {
			continue // the compiler says which one, and what was meant
		}
		told[problem.Object+" "+problem.Path] = true
		p.line("%s", problem)
	}
	for _, v := range causesFirst(j.verdicts) {
		for _, f := range v.Findings {
			if told[objectName(v)+" "+f.Path] {
				continue // admission has said it
			}
			mark := ""
			if f.Advice {
				mark = "advice: "
			} else {
				refused = true
			}
			where := f.Path
			if where != "" {
				where += ": "
			}
			p.line("%s  %s%s%s", objectName(v), where, mark, f.Message)
		}
	}
	if p.lines == 0 {
		p.line("%s  nothing to mend", count(len(j.verdicts), "object"))
	}
	return refused, p.err
}

// causesFirst puts channels last: what is wrong with them is mostly their flow.
func causesFirst(vs []bundle.Verdict) []bundle.Verdict {
	sorted := slices.Clone(vs)
	slices.SortStableFunc(sorted, func(a, b bundle.Verdict) int {
		rank := map[bool]int{true: 1}
		return rank[a.Kind == bundle.KindChannel] - rank[b.Kind == bundle.KindChannel]
	})
	return sorted
}

// namesTargets says whether a problem is admission's rule about a node's next, and the compiler has found the very node.
func (j judged) namesTargets(p files.Problem) bool {
	if p.Path != "nodes" && p.Path != "start" {
		return false
	}
	for _, v := range j.verdicts {
		for _, f := range v.Findings {
			if objectName(v) == p.Object && f.Reason == dialog.ReasonDangling {
				return true
			}
		}
	}
	return false
}

// printer remembers the first error, so that commands read as what they print.
type printer struct {
	out   io.Writer
	lines int
	err   error
}

func (p *printer) line(format string, args ...any) {
	p.lines++
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
