package dialog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// Bounds of one expression. A step of 200 nodes with a costly expression each stays under a second.
const (
	maxEstimatedCost = 200_000 // refused when compiled: the worst case over values of MaxVariableBytes
	maxRunCost       = 100_000 // stopped when run
	interruptEvery   = 100
	maxRunTime       = 100 * time.Millisecond // all expressions of a step together
)

// expression is CEL compiled once. Reading one variable or field, which most texts do, is done without the interpreter.
type expression struct {
	where   string // path of the flow, for problems
	column  int    // of the expression within its text, 0-based
	path    []string
	program cel.Program // nil where the path is enough
	kind    types.Kind
}

// baseEnv has no list.range and nothing without a cost: strings, comparisons, and the standard macros.
var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	return cel.NewEnv(append(localeOptions(),
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(objects{Provider: registry}),
		ext.Strings(),
		cel.CrossTypeNumericComparisons(true),
		cel.Variable("input", inputType),
		cel.Variable("contact", contactType),
		cel.Variable("language", cel.StringType),
	)...)
})

// reserved names belong to Loket.
var reserved = map[string]bool{"input": true, "contact": true, "language": true}

// environment declares a flow's variables, the results of its lookups and the names of what those show, to CEL.
func environment(variables []v1alpha1.VariableDeclaration, lookups, shown []string) (*cel.Env, error) {
	base, err := baseEnv()
	if err != nil {
		return nil, err
	}
	opts := []cel.EnvOption{cel.CustomTypeProvider(objects{Provider: base.CELTypeProvider().(objects).Provider, shown: textsBy(shown)})}
	for _, v := range variables {
		opts = append(opts, cel.Variable(string(v.Name), celType(v.Type)))
	}
	for _, name := range lookups {
		opts = append(opts, cel.Variable(name, foundType))
	}
	return base.Extend(opts...)
}

func textsBy(names []string) map[string]*cel.Type {
	fields := map[string]*cel.Type{}
	for _, name := range names {
		fields[name] = cel.StringType
	}
	return fields
}

func celType(t v1alpha1.VariableType) *cel.Type {
	switch t {
	case v1alpha1.VariableNumber:
		return cel.DoubleType
	case v1alpha1.VariableBool:
		return cel.BoolType
	}
	return cel.StringType
}

// compileExpression checks source against env. wanted says which kinds of result will do.
func compileExpression(env *cel.Env, source, where string, wanted ...types.Kind) (*expression, []fault) {
	if strings.TrimSpace(source) == "" {
		return nil, []fault{{reason: reasonExpression, message: "nothing is written here; write an expression"}}
	}
	checked, issues := env.Compile(source)
	if issues != nil && issues.Err() != nil {
		return nil, faultsOf(env, source, issues.Errors())
	}
	kind := checked.OutputType().Kind()
	if !kindIn(kind, wanted) {
		return nil, []fault{{reason: reasonExpressionType, message: fmt.Sprintf("%s gives %s; %s is needed", quoted(source), checked.OutputType(), kindNames(wanted))}}
	}
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		return nil, []fault{{reason: reasonExpression, message: "its cost cannot be told: " + err.Error()}}
	}
	if estimate.Max > maxEstimatedCost {
		return nil, []fault{{reason: reasonExpressionCost, message: fmt.Sprintf("%s may cost %d steps on long texts, %d are allowed; make it simpler", quoted(source), estimate.Max, uint64(maxEstimatedCost))}}
	}
	program, err := env.Program(checked, cel.CostLimit(maxRunCost), cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, []fault{{reason: reasonExpression, message: err.Error()}}
	}
	return &expression{where: where, path: plainPath(checked.NativeRep().Expr()), program: program, kind: kind}, nil
}

// plainPath is the variable, and maybe its field and that one's, when the expression is nothing else.
func plainPath(e ast.Expr) []string {
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}
	case ast.SelectKind:
		s := e.AsSelect()
		if of := plainPath(s.Operand()); of != nil && !s.IsTestOnly() {
			return append(of, s.FieldName())
		}
	}
	return nil
}

// scope is what expressions read: one step's values.
type scope struct {
	input    inputValue
	contact  Contact
	language string
	state    *State
	unit     *unit
	ctx      context.Context // bounds the step's expressions; made with the first that needs the interpreter
	cancel   context.CancelFunc
}

// ResolveName gives a variable's value; declared ones that were never set are empty, zero or false.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return &s.input, true
	case "contact":
		return &s.contact, true
	case "language":
		return s.language, true
	}
	key := s.unit.key(name)
	if v, ok := s.state.Variables[key]; ok {
		return v, true
	}
	if f, ok := s.state.Found[key]; ok {
		return f, true
	}
	if t, ok := s.unit.variables[name]; ok {
		return zeroOf(t), true
	}
	if s.unit.lookups[name] {
		return &Found{}, true
	}
	return nil, false
}

// Parent is none.
func (s *scope) Parent() cel.Activation { return nil }

func (s *scope) close() {
	if s.cancel != nil {
		s.cancel()
	}
}

func zeroOf(t v1alpha1.VariableType) any {
	switch t {
	case v1alpha1.VariableNumber:
		return 0.0
	case v1alpha1.VariableBool:
		return false
	}
	return ""
}

// kindHolds says whether a variable of a type can hold a value.
func kindHolds(t v1alpha1.VariableType, v any) bool {
	switch v.(type) {
	case float64:
		return t == v1alpha1.VariableNumber
	case bool:
		return t == v1alpha1.VariableBool
	}
	return t == v1alpha1.VariableString
}

// eval gives the value as string, float64, int64, uint64, bool, or []string.
func (e *expression) eval(s *scope) (any, error) {
	if e.path != nil {
		if v, ok := s.read(e.path); ok {
			return v, nil
		}
		if e.program == nil {
			return nil, fmt.Errorf("%s, column %d: %s cannot be read", e.where, e.column+1, strings.Join(e.path, "."))
		}
	}
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithTimeout(context.Background(), maxRunTime)
	}
	v, _, err := e.program.ContextEval(s.ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%s, column %d: %w", e.where, e.column+1, err)
	}
	return plain(v), nil
}

// read is the short way for a variable or a field of an object.
func (s *scope) read(path []string) (any, bool) {
	v, ok := s.ResolveName(path[0])
	if !ok {
		return nil, false
	}
	for _, field := range path[1:] {
		o, is := v.(object)
		if !is {
			return nil, false
		}
		if v, ok = o.field(field); !ok {
			return nil, false
		}
	}
	switch v.(type) {
	case string, float64, bool, []string:
		return v, true
	}
	return nil, false
}

func plain(v ref.Val) any {
	switch v := v.(type) {
	case types.String:
		return string(v)
	case types.Double:
		return float64(v)
	case types.Int:
		return int64(v)
	case types.Uint:
		return uint64(v)
	case types.Bool:
		return bool(v)
	}
	if list, err := v.ConvertToNative(stringsType); err == nil {
		return list
	}
	return fmt.Sprint(v.Value())
}

// show writes a value into a text.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

// sizes tells CEL how large values can be.
type sizes struct{}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if n.ComputedSize() != nil {
		return nil
	}
	if len(n.Path()) == 0 {
		if e := n.Expr(); e.Kind() == ast.CallKind {
			switch e.AsCall().FunctionName() {
			case "string", asPlural:
				return &cost.SizeEstimate{Max: MaxVariableBytes} // no longer than what it is made of
			case asNumber, asMoney, asDate:
				return &cost.SizeEstimate{Max: maxWritten}
			}
		}
		return nil
	}
	if n.Type().Kind() == types.ListKind {
		return &cost.SizeEstimate{Max: maxNames}
	}
	return &cost.SizeEstimate{Max: MaxVariableBytes}
}

func kindIn(k types.Kind, ks []types.Kind) bool {
	for _, x := range ks {
		if x == k {
			return true
		}
	}
	return false
}

func kindNames(ks []types.Kind) string {
	var names []string
	for _, k := range ks {
		switch k {
		case types.StringKind:
			names = append(names, "a string")
		case types.BoolKind:
			names = append(names, "true or false")
		case types.DoubleKind:
			names = append(names, "a number")
		case types.ListKind:
			names = append(names, "a list of strings")
		}
	}
	return strings.Join(names, " or ")
}
