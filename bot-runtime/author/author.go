// Package author is the offline commands of those who write flows: lint, test, chat, lookup, graph, texts and import. They read
// files, judge them as a runtime would, and print for people. Nothing here touches a store or a network.
package author

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/judge"
)

// judged is a folder as a runtime sees it.
type judged struct {
	*files.Folder
	set      judge.Set
	verdicts []bundle.Verdict
}

// load reads and judges a folder. With tests, the flows' own conversations run as well, unless the API server would refuse
// something: they would then fail for what is not their fault.
func load(path string, now time.Time, tests bool) judged {
	j := judged{Folder: files.Load(path)}
	b := bundle.From(j.Objects)
	j.Problems = append(j.Problems, standIn(path, b)...)
	if !tests || len(j.Problems) > 0 {
		for i, o := range b.Objects {
			if o.Flow != nil {
				spec := *o.Flow
				spec.Tests = nil
				b.Objects[i].Flow = &spec
			}
		}
	}
	j.set, j.verdicts = judge.All(bundle.Wrap(b), nil, now)
	return j
}

func objectName(v bundle.Verdict) string { return strings.ToLower(string(v.Kind)) + "/" + v.Name }

// finding is one line of what lint prints.
type finding struct {
	files.Problem
	advice bool
}

// findings are all that is wrong: what the API server would refuse first, then what the runtime would. What follows from a
// finding that is told is not told again.
func (j judged) findings() []finding {
	var out []finding
	for _, p := range j.Problems {
		if !j.namesTargets(p) { // the compiler says which one, and what was meant
			out = append(out, finding{Problem: p})
		}
	}
	refused := out
	for _, v := range j.verdicts {
		name := objectName(v)
		for _, f := range v.Findings {
			if follows(f, name, refused) || j.fromElsewhere(f, v) {
				continue
			}
			file, line := j.At(name, f.Path)
			out = append(out, finding{files.Problem{File: file, Line: line, Object: name, Path: f.Path, Message: f.Message}, f.Advice})
		}
	}
	return append(out, j.secretAdvice()...)
}

// follows: admission has refused the same field, or what is around it.
func follows(f bundle.Finding, object string, refused []finding) bool {
	for _, p := range refused {
		if p.Object == object && p.Path != "" && (p.Path == f.Path || strings.HasPrefix(f.Path, p.Path+".")) {
			return true
		}
	}
	return false
}

// fromElsewhere: the mistake is in another object, which is told itself or, of a single file, was not read.
func (j judged) fromElsewhere(f bundle.Finding, v bundle.Verdict) bool {
	switch f.Reason {
	case dialog.ReasonRefusedObject:
		return true
	case dialog.ReasonUnknownObject, v1alpha1.ReasonNoLiveFlow:
		return j.One || j.wasRead(f, v)
	}
	return false
}

// wasRead: the object that a finding misses is in the files, and refused itself.
func (j judged) wasRead(f bundle.Finding, v bundle.Verdict) bool {
	named := func(kind, name string) bool {
		_, line := j.At(kind+"/"+name, "")
		return line > 0
	}
	if f.Reason == v1alpha1.ReasonNoLiveFlow {
		for _, c := range j.Objects.Channels {
			if c.Name == v.Name {
				return named("dialogflow", string(c.Spec.Flow))
			}
		}
	}
	for object := range j.Unread {
		if _, name, _ := strings.Cut(object, "/"); strings.Contains(f.Message, fmt.Sprintf(" %q in this namespace", name)) {
			return true
		}
	}
	return false
}

// namesTargets says whether a problem is admission's rule about a node's next, and the compiler has found the very node.
func (j judged) namesTargets(p files.Problem) bool {
	if p.Path != "nodes" && p.Path != "start" {
		return false
	}
	return slices.ContainsFunc(j.verdicts, func(v bundle.Verdict) bool {
		return objectName(v) == p.Object && slices.ContainsFunc(v.Findings, func(f bundle.Finding) bool {
			return f.Reason == dialog.ReasonDangling && (p.Path == "nodes" || f.Path == "start")
		})
	})
}

// Lint prints everything that is wrong in a folder or file, a line each with its place and mend; advice is marked. It returns
// whether anything would be refused.
func Lint(out io.Writer, path string, now time.Time) (refused bool, err error) {
	j := load(path, now, true)
	p := printer{out: out}
	found := j.findings()
	p.findings(found)
	if j.One && len(j.Objects.Channels)+len(j.Objects.Flows) > 0 {
		p.line("only %s was read: what it names in other files is not judged; give the folder", path)
	}
	wrong, advice, objects := 0, 0, map[string]bool{}
	for _, f := range found {
		objects[f.File+f.Object] = true
		if f.advice {
			advice++
		} else {
			wrong++
		}
	}
	switch {
	case wrong+advice == 0:
		p.line("%s  nothing to mend", count(len(j.verdicts), "object"))
	case wrong == 0:
		p.line("nothing to mend, %s", pieces(advice))
	case advice == 0:
		p.line("%s in %s", count(wrong, "finding"), count(len(objects), "object"))
	default:
		p.line("%s and %s in %s", count(wrong, "finding"), pieces(advice), count(len(objects), "object"))
	}
	return wrong > 0, p.err
}

func pieces(n int) string {
	if n == 1 {
		return "1 piece of advice"
	}
	return fmt.Sprintf("%d pieces of advice", n)
}

// printer remembers the first error, so that commands read as what they print.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) findings(all []finding) {
	for _, f := range all {
		if f.advice {
			f.Message = "advice: " + f.Message
		}
		p.line("%s", f.Problem)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
