package dialog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// conditions writes conditions as CEL, so that they run as what an author of expressions would have written.
func (c *compiler) conditions(all []v1alpha1.Condition, path string) *expression {
	written := make([]string, 0, len(all))
	for i := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		if s, ok := c.condition(&all[i], at); ok {
			written = append(written, s)
		}
	}
	if len(written) < len(all) {
		return nil
	}
	return c.expression(strings.Join(written, " && "), path, 0, types.BoolKind)
}

func (c *compiler) condition(k *v1alpha1.Condition, at string) (string, bool) {
	of, ok := c.typeOf(k.Var, at+".var")
	if !ok {
		return "", false
	}
	var said []string // what is said of the variable, as CEL
	good := true
	say := func(field string, kinds []types.Kind, cel string, valid bool) {
		if !slices.Contains(kinds, of.Kind()) {
			c.find(reasonVariableType, at+"."+field, "%s is a %s, of which this cannot be said", k.Var, kindName(of))
			good = false
			return
		}
		good = good && valid
		said = append(said, cel)
	}
	scalar := []types.Kind{types.StringKind, types.DoubleKind, types.BoolKind}
	if k.Is != nil {
		v, ok := c.literal(*k.Is, of, k.Var, at+".is")
		say("is", scalar, k.Var+" == "+v, ok)
	}
	if k.IsNot != nil {
		v, ok := c.literal(*k.IsNot, of, k.Var, at+".isNot")
		say("isNot", scalar, k.Var+" != "+v, ok)
	}
	if len(k.In) > 0 {
		var values []string
		valid := true
		for i := range k.In {
			v, ok := c.literal(k.In[i], of, k.Var, fmt.Sprintf("%s.in[%d]", at, i))
			values, valid = append(values, v), valid && ok
		}
		say("in", scalar, k.Var+" in ["+strings.Join(values, ", ")+"]", valid)
	}
	if k.Contains != "" {
		say("contains", []types.Kind{types.StringKind}, k.Var+".lowerAscii().contains("+strconv.Quote(lowerASCII(k.Contains))+")", true)
	}
	for _, bound := range []struct {
		field, sign string
		value       *int64
	}{{"atLeast", ">=", k.AtLeast}, {"atMost", "<=", k.AtMost}, {"above", ">", k.Above}, {"below", "<", k.Below}} {
		if bound.value != nil {
			say(bound.field, []types.Kind{types.DoubleKind}, fmt.Sprintf("%s %s %d.0", k.Var, bound.sign, *bound.value), true)
		}
	}
	if k.Empty != nil {
		sign := "=="
		if !*k.Empty {
			sign = "!="
		}
		say("empty", []types.Kind{types.StringKind, types.ListKind}, k.Var+".size() "+sign+" 0", true)
	}
	if good && len(said) != 1 {
		c.find(reasonNode, at, "a condition says exactly one thing of %s: is, isNot, in, contains, atLeast, atMost, above, below or empty", k.Var)
		good = false
	}
	return strings.Join(said, " && "), good
}

// typeOf finds the type of a variable or of its field.
func (c *compiler) typeOf(name, path string) (*cel.Type, bool) {
	base, field, dotted := strings.Cut(name, ".")
	of, ok := c.types[base]
	if !ok {
		c.find(reasonUndeclared, path, "no variable %q%s; declare it in variables", base, didYouMean(base, keysOf(c.types)))
		return nil, false
	}
	fields := objectFields[of.TypeName()]
	switch {
	case !dotted && fields == nil:
		return of, true
	case !dotted:
		c.find(reasonUndeclared, path, "%s has fields; name one, such as %s.%s", base, base, keysOf(fields)[0])
		return nil, false
	}
	of, ok = fields[field]
	if !ok {
		c.find(reasonUndeclared, path, "no field %q of %s%s", field, base, didYouMean(field, keysOf(fields)))
	}
	return of, ok
}

// literal writes a value as CEL of a variable's type.
func (c *compiler) literal(v intstr.IntOrString, of *cel.Type, name, path string) (string, bool) {
	text := v.String()
	switch of.Kind() {
	case types.DoubleKind:
		if f, err := strconv.ParseFloat(text, 64); err == nil && f >= -maxNumber && f <= maxNumber {
			return "double(" + strconv.FormatFloat(f, 'f', -1, 64) + ")", true
		}
		c.find(reasonVariableType, path, "%s is a number, and %q is none", name, text)
		return "0.0", false
	case types.BoolKind:
		if text == "true" || text == "false" {
			return text, true
		}
		c.find(reasonVariableType, path, `%s is "true" or "false", and %q is neither`, name, text)
		return "false", false
	}
	return strconv.Quote(text), true
}

func kindName(t *cel.Type) string {
	switch t.Kind() {
	case types.DoubleKind:
		return "number"
	case types.BoolKind:
		return "bool"
	case types.ListKind:
		return "list of strings"
	}
	return "string"
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
