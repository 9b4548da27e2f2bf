// Package words makes what people type comparable: folding, legal forms, chat words, old spelling, and distance between
// words. Directory, knowledge and dialog share it, so that a text means the same to all three. It knows no entries and
// decides nothing.
package words

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold makes a text comparable: compatibility forms decomposed, lower case, marks and invisible characters off, everything
// that is neither letter nor digit a space, spaces single. Folding twice changes nothing.
func Fold(s string) string {
	if isFolded(s) {
		return s
	}
	for range 4 { // a lower-cased letter may decompose again: in practice the second round changes nothing
		f := foldOnce(s)
		if f == s {
			break
		}
		s = f
	}
	return s
}

func isFolded(s string) bool {
	space := true // as if a space stood before: a leading one is not folded
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			space = false
		case c == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return !space || s == ""
}

func foldOnce(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	write := func(r rune) {
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if !ascii {
		s = norm.NFKD.String(s)
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			write(r)
		case r >= 'A' && r <= 'Z':
			write(r + 'a' - 'A')
		case r < utf8.RuneSelf:
			space = true
		case unicode.Is(unicode.M, r), unicode.Is(unicode.Cf, r):
			// marks and invisible characters stand inside words: they part nothing
		case unicode.IsLetter(r), unicode.IsDigit(r):
			write(unicode.ToLower(r))
		default:
			space = true
		}
	}
	return b.String()
}

// Split folds a text and gives its words.
func Split(s string) []string { return strings.Fields(Fold(s)) }

// MixedScripts says whether a text holds letters that only look Latin (Cyrillic, Greek, Armenian, Cherokee) beside or
// instead of Latin ones, and gives the text with the common ones replaced.
func MixedScripts(s string) (plain string, mixed bool) {
	for _, r := range s {
		if r >= utf8.RuneSelf && unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee) {
			mixed = true
			break
		}
	}
	if !mixed {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		if l, ok := latinOf[unicode.ToLower(r)]; ok {
			return l
		}
		return r
	}, s), true
}

// latinOf are letters of other scripts that are drawn as Latin ones.
var latinOf = map[rune]rune{
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ё': 'e', 'һ': 'h', 'і': 'i', 'ї': 'i', 'ј': 'j', 'к': 'k', 'ӏ': 'l',
	'м': 'm', 'н': 'h', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x', 'п': 'n',
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'i', 'κ': 'k', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'χ': 'x',
	'γ': 'y', 'ω': 'w', 'ζ': 'z', 'μ': 'm', 'ո': 'n', 'օ': 'o', 'ս': 'u', 'հ': 'h', 'զ': 'q', 'ա': 'w',
}
