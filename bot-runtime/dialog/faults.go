package dialog

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// fault is what is wrong with an expression: a stable reason, the column (0-based) and a sentence.
type fault struct {
	reason  string
	column  int
	message string
}

// functions that authors may mean when they write one that does not exist.
var functions = append([]string{"contains", "startsWith", "endsWith", "matches", "size", "lowerAscii", "upperAscii", "replace", "split", "join",
	"trim", "indexOf", "substring", "string", "int", "double", "has", "all", "exists", "filter", "map"}, localeFunctions...)

// faultsOf turns messages of CEL into ours, with the mend. What follows a syntax error is its consequence and not told.
func faultsOf(env *cel.Env, source string, errs []*cel.Error) []fault {
	var faults []fault
	for _, e := range errs {
		column := max(e.Location.Column(), 0) // CEL gives an empty text no place
		if said, ok := strings.CutPrefix(e.Message, "Syntax error: "); ok {
			return []fault{{reasonExpression, column, syntaxInWords(source, column, said)}}
		}
		faults = append(faults, faultOf(env, source, column, e.Message))
	}
	return faults
}

var (
	overload  = regexp.MustCompile(`^found no matching overload for '_?([^'_]+)_?' applied to '\(?(.*?)\)?'$`)
	wantsBool = regexp.MustCompile(`^expected type 'bool' but found '(.*)'$`)
	input     = regexp.MustCompile(`^(?:mismatched|extraneous) input '(.*?)' expecting`)
	token     = regexp.MustCompile(`^token recognition error at: '(.*)'$`)
)

func faultOf(env *cel.Env, source string, column int, message string) fault {
	if rest, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		if strings.Contains(source, name+"(") {
			hint := didYouMean(name, functions)
			if name == "length" || name == "len" {
				hint = didYouMean("size", functions)
			}
			return fault{reasonUndeclared, column, fmt.Sprintf("no function %q%s", name, hint)}
		}
		var known []string
		for _, v := range env.Variables() {
			known = append(known, v.Name())
		}
		return fault{reasonUndeclared, column, fmt.Sprintf("no variable %q%s; declare it in variables", name, didYouMean(name, known))}
	}
	if rest, ok := strings.CutPrefix(message, "undefined field '"); ok {
		name, _, _ := strings.Cut(rest, "'")
		var known []string
		for _, fields := range objectFields {
			for f := range fields {
				known = append(known, f)
			}
		}
		if o, ok := env.CELTypeProvider().(objects); ok {
			known = append(known, keysOf(o.shown)...)
		}
		return fault{reasonUndeclared, column, fmt.Sprintf("no field %q%s", name, didYouMean(name, known))}
	}
	if m := wantsBool.FindStringSubmatch(message); m != nil {
		return fault{reasonExpression, column, fmt.Sprintf("a %s stands where true or false is needed; compare it, as in x == 'a'", m[1])}
	}
	if m := overload.FindStringSubmatch(message); m != nil {
		if mend, ok := localeMends[m[1]]; ok {
			return fault{reasonExpression, column, mend}
		}
		message = fmt.Sprintf("%s does not go with %s", m[1], strings.ReplaceAll(m[2], ", ", " and "))
		if strings.Contains(m[2], "double") && strings.Contains(m[2], "int") {
			message += "; numbers are decimals here: write 1.0 for 1"
		}
	}
	return fault{reasonExpression, column, strings.ReplaceAll(message, "\n", " ")}
}

// inOtherLanguages are signs and words that CEL writes otherwise.
var inOtherLanguages = map[string]string{"=": "==", "===": "==", "=>": ">=", "=<": "<=", "&": "&&", "|": "||", "and": "&&", "or": "||", "not": "!", "<>": "!="}

func syntaxInWords(source string, column int, said string) string {
	at := source[:min(column, len(source))]
	if m := token.FindStringSubmatch(said); m != nil {
		sign := strings.TrimSpace(m[1])
		if strings.HasSuffix(at, "=") {
			sign = "===" // the first two were taken
		}
		switch {
		case inOtherLanguages[sign] != "":
			return fmt.Sprintf("no %s here; use %s", sign, inOtherLanguages[sign])
		case strings.HasPrefix(sign, "'") || strings.HasPrefix(sign, `"`):
			return "a text is not closed; end it with the quote that it began with"
		case strings.ContainsAny(sign, "‘’“”"):
			return `curly quotes; use ' or "`
		}
		return fmt.Sprintf("no %s here; take it out", sign)
	}
	if strings.Contains(said, "missing ')'") {
		return "a ( is not closed"
	}
	m := input.FindStringSubmatch(said)
	switch {
	case m == nil:
		return "cannot be read: " + said
	case strings.HasSuffix(strings.TrimRight(at, " "), "not"):
		return "no not here; use !"
	case m[1] == ">" && strings.HasSuffix(at, "<"):
		return "no <> here; use !="
	case inOtherLanguages[m[1]] != "":
		return fmt.Sprintf("no %s here; use %s", m[1], inOtherLanguages[m[1]])
	case m[1] == "<EOF>":
		return "something is missing at the end"
	}
	return fmt.Sprintf("%s does not fit here; an operator or a comma is missing before it", m[1])
}
