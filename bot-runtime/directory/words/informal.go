package words

import (
	_ "embed"
	"strings"
	"unicode"
)

//go:embed informal.txt
var informalText string

// informal are words as people write them on a phone, and the plain ones.
var informal = Pairs(informalText)

// Pairs reads a list of words and what each stands for: a word a line, its other form after it. # begins a comment.
func Pairs(list string) map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 1 && f[0] != "#" {
			m[Fold(f[0])] = f[1:]
		}
	}
	return m
}

// Written gives the words of a folded text as they are written out: yg as yang, gabisa as tidak bisa, tolooong as tolong, hati2 as
// hati. Names of firms must not be read so: what is no word of the list may become one.
func Written(folded string) []string {
	var all []string
	for w := range strings.FieldsSeq(folded) {
		if p, ok := informal[w]; ok {
			all = append(all, p...)
			continue
		}
		if r, ok := strings.CutSuffix(w, "2"); ok && len(r) > 2 && unicode.IsLetter(rune(r[len(r)-1])) {
			w = r // doubled
		}
		w = drawIn(w)
		if p, ok := informal[w]; ok {
			all = append(all, p...)
			continue
		}
		all = append(all, w)
	}
	return all
}

// drawIn writes tolooong as tolong.
func drawIn(w string) string {
	var b strings.Builder
	run := 0
	var last rune
	for _, r := range w {
		if r == last && unicode.IsLetter(r) {
			run++
		} else {
			run = 1
		}
		last = r
		if run <= 2 {
			b.WriteRune(r)
		}
	}
	drawn := b.String()
	if drawn == w {
		return w
	}
	return strings.NewReplacer("aa", "a", "ii", "i", "uu", "u", "ee", "e", "oo", "o").Replace(drawn)
}
