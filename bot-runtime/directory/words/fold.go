// Package words makes what people type comparable: folding, legal forms, chat words, old spelling, and distance between
// words. Directory, knowledge and dialog share it, so that a text means the same to all three. It knows no entries and
// decides nothing.
package words

import (
	_ "embed" // confusables.txt
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold makes a text comparable: compatibility forms decomposed, case folded (in full, so that a sharp s is two), marks and invisible
// characters off, everything that is neither letter nor digit a space, spaces single. Folding twice changes nothing.
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
		s = cases.Fold().String(norm.NFKD.String(s))
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			write(r)
		case r >= 'A' && r <= 'Z':
			write(r + 'a' - 'A')
		case r < utf8.RuneSelf:
			space = true
		case unicode.Is(unicode.M, r), Invisible(r):
			// marks and invisible characters stand inside words: they part nothing
		case r >= 0x1F150 && r <= 0x1F169: // white letters in black circles, which NFKD leaves
			write('a' + r - 0x1F150)
		case r >= 0x1F170 && r <= 0x1F189: // and in black squares
			write('a' + r - 0x1F170)
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

// MixedScripts says whether a text holds letters that only look Latin (UTS #39: Cyrillic, Greek, small capitals and others) or
// digits of another script, and gives the text with those replaced.
func MixedScripts(s string) (plain string, mixed bool) {
	for i, r := range s {
		if r < utf8.RuneSelf {
			continue
		}
		if _, ok := reads(r); ok {
			var b strings.Builder
			b.Grow(len(s))
			b.WriteString(s[:i])
			for _, r := range s[i:] {
				if l, ok := reads(r); ok {
					b.WriteString(l)
				} else {
					b.WriteRune(r)
				}
			}
			return b.String(), true
		}
	}
	return s, false
}

// reads gives what a letter or digit of another script looks like.
func reads(r rune) (string, bool) {
	if r < utf8.RuneSelf {
		return "", false
	}
	if l, ok := latinOf[unicode.ToLower(r)]; ok {
		return l, true
	}
	if d, ok := digitOf(r); ok && !compatible(r) {
		return string('0' + d), true
	}
	return "", false
}

// digitOf is the value of a decimal digit of any script: Unicode keeps each script's ten in a row, from the zero.
func digitOf(r rune) (rune, bool) {
	if !unicode.IsDigit(r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10, true
		}
	}
	return 0, false
}

// compatible: a form of an ASCII character, such as a wide digit, that NFKD makes that character.
func compatible(r rune) bool {
	s := norm.NFKD.String(string(r))
	return len(s) == 1 && s[0] < utf8.RuneSelf
}

// Legible gives a text as a reader sees it, for the parts of it that are compared letter by letter: compatibility forms composed
// (NFKC, so that wide letters and odd blanks are plain ones), letters and digits of other scripts as what they look like,
// invisible characters off. Mixed says that there were such letters, hidden that something invisible stood within a word.
func Legible(s string) (plain string, mixed, hidden bool) {
	if isASCII(s) {
		return s, false, false
	}
	s = norm.NFKC.String(s)
	s, hidden = withoutInvisible(s)
	s, mixed = MixedScripts(s)
	return s, mixed, hidden
}

func withoutInvisible(s string) (plain string, hidden bool) {
	if strings.IndexFunc(s, Invisible) < 0 {
		return s, false
	}
	var b strings.Builder
	b.Grow(len(s))
	last, dropped := ' ', false
	for _, r := range s {
		if Invisible(r) {
			dropped = true
			continue
		}
		hidden = hidden || dropped && withinWord(last) && (withinWord(r) || r == '/')
		last, dropped = r, false
		b.WriteRune(r)
	}
	return b.String(), hidden
}

func withinWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || strings.ContainsRune("._-@", r)
}

// Invisible says whether a character is drawn as nothing: soft hyphen, blanks of no width, marks of direction, fillers.
func Invisible(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

//go:embed confusables.txt
var confusables string

// latinOf are letters that are drawn as Latin ones, by UTS #39.
var latinOf = readConfusables()

func readConfusables() map[rune]string {
	m := map[rune]string{}
	for line := range strings.Lines(confusables) {
		if latin, others, ok := strings.Cut(strings.TrimSpace(line), " "); ok && latin != "#" {
			for _, r := range others {
				m[r] = latin
			}
		}
	}
	return m
}
