package dialog

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/id"
	"github.com/go-playground/locales/jv"
	"github.com/go-playground/locales/ms"
	"golang.org/x/text/currency"
	"golang.org/x/text/feature/plural"
	textlanguage "golang.org/x/text/language"
	"golang.org/x/text/message"
	textnumber "golang.org/x/text/number"
)

// Numbers, money and days as a language writes them, and the form of a word that goes with a number: CLDR's rules, as methods of
// expressions. Each is a macro that hands over the conversation's language as one more argument, so that the functions stay pure.
const (
	asNumber = "asNumber" // amount.asNumber(): 2.500.000
	asMoney  = "asMoney"  // amount.asMoney('IDR'): Rp 2.500.000
	asDate   = "asDate"   // day.asDate(): 31 Desember 2026, of 2026-12-31
	asPlural = "plural"   // count.plural({'one': 'agent', 'other': 'agents'})
)

var localeFunctions = []string{asNumber, asMoney, asDate, asPlural}

// localeMends say how a function is written that stands behind the wrong thing, or without what it needs.
var localeMends = map[string]string{
	asNumber: "asNumber goes with a number, as amount.asNumber(); double(x) makes one of a text that holds digits",
	asMoney:  "asMoney goes with a number, as amount.asMoney('IDR'); double(x) makes one of a text that holds digits",
	asDate:   "asDate goes with a text that holds a day as 2026-12-31, as day.asDate()",
	asPlural: "plural goes with a number, as count.plural({'one': 'agent', 'other': 'agents'}), and its forms are texts",
}

// maxWritten is the longest that a number, an amount or a day becomes, in characters: the largest double has 309 digits.
const maxWritten = 512

// maxFraction is how many decimals a number shows at most.
const maxFraction = 6

// localeOptions declares the functions to CEL.
func localeOptions() []cel.EnvOption {
	macros := []cel.Macro{
		cel.ReceiverMacro(asNumber, 0, inLanguage(asNumber, nil)),
		cel.ReceiverMacro(asMoney, 1, inLanguage(asMoney, checkCurrency)),
		cel.ReceiverMacro(asDate, 0, inLanguage(asDate, nil)),
		cel.ReceiverMacro(asPlural, 1, inLanguage(asPlural, checkForms)),
	}
	forms := cel.MapType(cel.StringType, cel.StringType)
	var numbers, amounts, plurals []cel.FunctionOpt
	for _, n := range []*cel.Type{cel.DoubleType, cel.IntType} {
		numbers = append(numbers, cel.MemberOverload(n.String()+"_"+asNumber, []*cel.Type{n, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(n, language ref.Val) ref.Val {
				return types.String(numberIn(plainLanguage(language), float(n)))
			})))
		amounts = append(amounts, cel.MemberOverload(n.String()+"_"+asMoney, []*cel.Type{n, cel.StringType, cel.StringType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				code, _ := args[1].Value().(string)
				unit, err := currency.ParseISO(code)
				if err != nil {
					return types.NewErr("%q is no currency; write its code, such as IDR", code)
				}
				return types.String(moneyIn(plainLanguage(args[2]), float(args[0]), unit))
			})))
		plurals = append(plurals, cel.MemberOverload(n.String()+"_"+asPlural, []*cel.Type{n, forms, cel.StringType}, cel.StringType,
			cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				return formOf(args[1].(traits.Mapper), pluralIn(plainLanguage(args[2]), float(args[0])))
			})))
	}
	return []cel.EnvOption{
		cel.Macros(macros...),
		cel.Function(asNumber, numbers...),
		cel.Function(asMoney, amounts...),
		cel.Function(asPlural, plurals...),
		cel.Function(asDate, cel.MemberOverload("string_"+asDate, []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(day, language ref.Val) ref.Val {
				text, _ := day.Value().(string)
				if text == "" {
					return types.String("") // not asked yet
				}
				at, err := time.Parse(time.DateOnly, text)
				if err != nil {
					return types.NewErr("%q is no day; it is kept as 2026-12-31", text)
				}
				return types.String(dateIn(plainLanguage(language), at))
			}))),
	}
}

// inLanguage is a macro that calls the function of its own name with the conversation's language behind the arguments.
func inLanguage(name string, check func(ast.Expr) string) cel.MacroFactory {
	return func(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if check != nil {
			if wrong := check(args[0]); wrong != "" {
				return nil, f.NewError(args[0].ID(), wrong)
			}
		}
		return f.NewMemberCall(name, target, append(slices.Clone(args), f.NewIdent("language"))...), nil
	}
}

// checkCurrency says what is wrong with a currency that is written out; one that is computed is looked at when it is used.
func checkCurrency(e ast.Expr) string {
	code, written := literal(e)
	if _, err := currency.ParseISO(code); written && err != nil {
		return "'" + code + "' is no currency; write its code, such as 'IDR'"
	}
	return ""
}

// pluralForms are CLDR's, by the number that x/text gives them.
var pluralForms = []string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// checkForms says what is wrong with the forms of a plural: they are written out, and one of them is for every number.
func checkForms(e ast.Expr) string {
	const mend = "write {'one': 'agent', 'other': 'agents'}"
	if e.Kind() != ast.MapKind {
		return "plural needs the forms of the word; " + mend
	}
	other := false
	for _, entry := range e.AsMap().Entries() {
		form, written := literal(entry.AsMapEntry().Key())
		if !written || !slices.Contains(pluralForms, form) {
			return "a form of a plural is one of 'zero', 'one', 'two', 'few', 'many', 'other'; " + mend
		}
		other = other || form == "other"
	}
	if !other {
		return "plural needs the form 'other', which goes with every number that has no form of its own; " + mend
	}
	return ""
}

func literal(e ast.Expr) (text string, written bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, written = e.AsLiteral().Value().(string)
	return text, written
}

func float(n ref.Val) float64 {
	switch n := n.(type) {
	case types.Int:
		return float64(n)
	case types.Double:
		return float64(n)
	}
	return math.NaN()
}

func plainLanguage(v ref.Val) string {
	language, _ := v.Value().(string)
	return language
}

// CLDR's dates by language. English has the day first, as the bot reads it, unless it is American.
var dates = map[string]locales.Translator{"id": id.New(), "jv": jv.New(), "ms": ms.New(), "en-US": en.New(), "en": en_GB.New()}

// ofIndonesia are languages that CLDR says little or nothing of; they write numbers as Indonesian does.
var ofIndonesia = set("jv su ace ban bjn bug mad min")

// writesLike is the language whose numbers and plurals are taken for a language.
func writesLike(language string) textlanguage.Tag {
	if base, _, _ := strings.Cut(language, "-"); ofIndonesia[base] {
		return textlanguage.Indonesian
	}
	return textlanguage.Make(language)
}

// numberIn writes a number as the language does, with up to six decimals.
func numberIn(language string, n float64) string {
	return message.NewPrinter(writesLike(language)).Sprint(textnumber.Decimal(n, textnumber.MaxFractionDigits(maxFraction)))
}

// moneyIn writes an amount with its currency's sign and as many decimals as the currency has in use.
func moneyIn(language string, n float64, unit currency.Unit) string {
	return message.NewPrinter(writesLike(language)).Sprint(currency.Symbol(unit.Amount(n)))
}

// dateIn writes a day out. Languages whose months are not known here have the English ones.
func dateIn(language string, day time.Time) string {
	base, _, _ := strings.Cut(language, "-")
	for _, known := range []string{language, base, writesLike(language).String()} {
		if d, ok := dates[known]; ok {
			return d.FmtDateLong(day)
		}
	}
	return dates["en"].FmtDateLong(day)
}

// pluralIn names the form that a number takes. What is written decides: 1.5 is no 1, though 1.0 is.
func pluralIn(language string, n float64) string {
	n = math.Abs(n)
	if n >= 1e6 { // no language looks further than at the last six digits
		n = 1e6 + math.Mod(math.Trunc(n), 1e6)
	}
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(n, 'f', maxFraction, 64), ".")
	fraction = strings.TrimRight(fraction, "0")
	i, _ := strconv.Atoi(whole)
	f, _ := strconv.Atoi(fraction)
	return pluralForms[plural.Cardinal.MatchPlural(writesLike(language), i, len(fraction), len(fraction), f, f)]
}

// formOf takes the form out of those that the author wrote; "other" is for all that have none of their own.
func formOf(forms traits.Mapper, wanted string) ref.Val {
	for _, name := range []string{wanted, "other"} {
		if text, ok := forms.Find(types.String(name)); ok {
			return text
		}
	}
	return types.NewErr("plural has no form 'other'")
}
