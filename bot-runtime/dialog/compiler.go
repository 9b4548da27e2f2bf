package dialog

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Limits of WhatsApp, the strictest channel, in characters.
const (
	maxText         = 4096
	maxButtonsBody  = 1024
	maxButtons      = 3 // more options make a list
	maxButtonTitle  = 20
	maxListRowTitle = 24
)

// compiler gathers findings while it builds the program.
type compiler struct {
	flow     v1alpha1.DialogFlowSpec
	in       CompileInput
	env      *cel.Env
	types    map[string]*cel.Type // of everything that an expression may name
	compiled map[string]*expression
	program  *Program
	findings []bundle.Finding
	names    []string // of the nodes
	node     string   // that is looked at now
	linked   []linked
}

func newCompiler(flow v1alpha1.DialogFlowSpec, in CompileInput) *compiler {
	c := &compiler{flow: flow, in: in, compiled: map[string]*expression{}, program: &Program{
		index: map[string]int{}, opening: none, person: none, caller: none, tests: flow.Tests,
		unit: &unit{variables: map[string]v1alpha1.VariableType{}, lookups: map[string]bool{}},
	}}
	if c.program.budget = usualBudget; flow.Budget != nil && flow.Budget.PaidMessages > 0 {
		c.program.budget = int(flow.Budget.PaidMessages)
	}
	for _, l := range flow.Languages {
		c.program.languages = append(c.program.languages, string(l))
	}
	if len(c.program.languages) == 0 {
		c.program.languages = in.Tenant.Languages
	}
	if len(c.program.languages) == 0 {
		c.program.languages = []string{"en"}
	}
	return c
}

func (c *compiler) refused() bool {
	return slices.ContainsFunc(c.findings, func(f bundle.Finding) bool { return !f.Advice })
}

func (c *compiler) find(reason, path, format string, args ...any) {
	c.findings = append(c.findings, bundle.Finding{Path: path, Node: c.node, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) advise(reason, path, format string, args ...any) {
	c.find(reason, path, format, args...)
	c.findings[len(c.findings)-1].Advice = true
}

// declarations: names of nodes, variables, and the environment of expressions.
func (c *compiler) declarations() {
	zone, err := time.LoadLocation(c.in.Tenant.TimeZone)
	if err != nil {
		c.find(reasonTimeZone, "", "the tenant's time zone %q is unknown; use an IANA name such as Asia/Jakarta", c.in.Tenant.TimeZone)
		zone = time.UTC
	}
	c.program.zone = zone
	for i, n := range c.flow.Nodes {
		name := string(n.Name)
		if _, twice := c.program.index[name]; twice {
			c.find(reasonDuplicate, fmt.Sprintf("nodes[%d].name", i), "two nodes are named %q; rename one", name)
			continue
		}
		c.program.index[name] = i
		c.names = append(c.names, name)
		if n.Lookup != nil {
			c.program.lookups[string(n.Lookup.As)] = true
		}
	}
	for i, v := range c.flow.Variables {
		path := fmt.Sprintf("variables[%s]", v.Name)
		name := string(v.Name)
		switch {
		case reserved[name]:
			c.find(reasonReserved, path, "%q is Loket's own; choose another name", name)
			continue
		case c.program.lookups[name]:
			c.find(reasonDuplicate, path, "a lookup keeps its result as %q; leave the variable out, the lookup declares it", name)
			continue
		}
		if _, twice := c.program.variables[name]; twice {
			c.find(reasonDuplicate, fmt.Sprintf("variables[%d]", i), "%q is declared twice; leave one out", name)
			continue
		}
		kind := v.Type
		if kind == "" {
			kind = v1alpha1.VariableString
		}
		c.program.variables[name] = kind
	}
	var declared []v1alpha1.VariableDeclaration
	for name, kind := range c.program.variables {
		declared = append(declared, v1alpha1.VariableDeclaration{Name: v1alpha1.Variable(name), Type: kind})
	}
	var lookups []string
	for name := range c.program.lookups {
		if reserved[name] {
			continue
		}
		lookups = append(lookups, name)
	}
	env, err := environment(declared, lookups, c.shown())
	if err != nil {
		c.find(reasonExpression, "variables", "variables cannot be declared: %v", err)
		env, _ = baseEnv()
	}
	c.env, c.program.env = env, env
	c.types = map[string]*cel.Type{"input": inputType, "contact": contactType, "language": cel.StringType}
	for name, kind := range c.program.variables {
		c.types[name] = celType(kind)
	}
	for name := range c.program.lookups {
		c.types[name] = foundType
	}
	c.program.types = c.types
}

// shown are the names of what the Directories show that the flow looks up in.
func (c *compiler) shown() []string {
	var names []string
	for _, n := range c.flow.Nodes {
		if n.Lookup != nil {
			names = append(names, c.in.Directories[string(n.Lookup.Directory)].Shown...)
		}
	}
	return names
}

// target resolves the name of a node.
func (c *compiler) target(name v1alpha1.Name, path string) int {
	if i, ok := c.program.index[string(name)]; ok {
		return i
	}
	if name == "" {
		c.find(ReasonDangling, path, "missing; name the node that follows")
		return none
	}
	c.find(ReasonDangling, path, "no node %q%s", name, didYouMean(string(name), c.names))
	return none
}

// optionalTarget is target for a name that may be left out.
func (c *compiler) optionalTarget(name v1alpha1.Name, path string) int {
	if name == "" {
		return none
	}
	return c.target(name, path)
}

// text compiles a text in all of the flow's languages.
func (c *compiler) text(t v1alpha1.Text, path string, limit int) texts {
	out := make(texts, len(c.program.languages))
	for i, l := range c.program.languages {
		s, ok := t[l]
		if !ok || s == "" {
			c.find(reasonTranslation, path+"."+l, "missing; add it or remove %s from languages", l)
			continue
		}
		out[i] = c.template(string(s), path+"."+l, limit)
	}
	c.extraLanguages(keysOf(t), path)
	return out
}

// optionalText is text for one that may be left out altogether.
func (c *compiler) optionalText(t v1alpha1.Text, path string) texts {
	if len(t) == 0 {
		return nil
	}
	return c.text(t, path, maxText)
}

func (c *compiler) extraLanguages(have []string, path string) {
	for _, l := range have {
		if !slices.Contains(c.program.languages, l) {
			c.advise(reasonExtraLanguage, path+"."+l, "never said: the flow speaks %v; add %s to languages or leave it out", c.program.languages, l)
		}
	}
}

// template reads one text; limit is in characters, of what is not an expression.
func (c *compiler) template(s, path string, limit int) *template {
	parts, ok, column := split(s)
	if !ok {
		c.find(reasonExpression, path, "column %d: {{ without }}; close it", column+1)
		return nil
	}
	t := &template{}
	literal, expressions := 0, false
	for _, p := range parts {
		if !p.expr {
			literal += utf8.RuneCountInString(p.text)
			t.parts = append(t.parts, part{literal: p.text})
			continue
		}
		expressions = true
		e := c.expression(p.text, path, p.column, types.StringKind, types.DoubleKind, types.IntKind, types.UintKind, types.BoolKind, types.ListKind)
		t.parts = append(t.parts, part{expr: e})
	}
	if literal > limit {
		c.find(reasonTooLong, path, "%d characters, at most %d are shown; shorten it", literal, limit)
	}
	if !expressions {
		t.literal, t.parts = s, nil
	}
	return t
}

// expression compiles CEL; column is where it begins in its text.
func (c *compiler) expression(source, path string, column int, wanted ...types.Kind) *expression {
	if e := c.named(strings.TrimSpace(source), wanted); e != nil {
		e.where, e.column = path, column
		return e
	}
	key := fmt.Sprint(wanted, source)
	if known, ok := c.compiled[key]; ok { // as in another language's text
		e := *known
		e.where, e.column = path, column
		return &e
	}
	e, faults := compileExpression(c.env, source, path, wanted...)
	for _, f := range faults {
		c.find(f.reason, path, "column %d: %s", column+f.column+1, f.message)
	}
	if e != nil {
		e.column = column
		c.compiled[key] = e
	}
	return e
}

// named is an expression that is nothing but a variable or a field of one, as most are: it needs no interpreter. Nil for any
// other, and for one that is wrong.
func (c *compiler) named(source string, wanted []types.Kind) *expression {
	name, field, dotted := strings.Cut(source, ".")
	of, ok := c.types[name]
	if dotted && ok {
		of, ok = objectFields[of.TypeName()][field]
	}
	if !ok || !kindIn(of.Kind(), wanted) {
		return nil
	}
	e := &expression{path: []string{name}, kind: of.Kind()}
	if dotted {
		e.path = append(e.path, field)
	}
	return e
}

// said folds the words of all languages, each once.
func said(ws v1alpha1.Words) []string {
	var out []string
	for _, l := range keysOf(ws) {
		for _, p := range ws[l] {
			if f := words.Fold(string(p)); f != "" && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
