package intent

import (
	_ "embed"
	"strings"
	"unicode"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

//go:embed informal.txt
var informalText string

// informal are words as people write them on a phone, and the plain ones.
var informal = readInformal()

func readInformal() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(informalText) {
		if f := strings.Fields(line); len(f) > 1 && f[0] != "#" {
			m[words.Fold(f[0])] = f[1:]
		}
	}
	return m
}

// plain gives a text's words in one spelling: folded, drawn-out letters drawn in, "hati2" written out, informal words replaced,
// greeting and politeness left out unless nothing else is there.
func plain(text string) []string {
	var all []string
	for w := range strings.FieldsSeq(words.Fold(cutText(text))) {
		if r, ok := strings.CutSuffix(w, "2"); ok && len(r) > 2 && unicode.IsLetter(rune(r[len(r)-1])) {
			w = r // doubled, as in hati2
		}
		if p, ok := informal[w]; ok {
			all = append(all, p...)
			continue
		}
		w = drawIn(w)
		if p, ok := informal[w]; ok {
			all = append(all, p...)
			continue
		}
		all = append(all, w)
	}
	var kept []string
	for _, w := range all {
		if !words.Courtesy(w) {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return all
	}
	return kept
}

// maxText is how much of a message is read; what it wants stands at its beginning.
const maxText = 600

func cutText(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
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

var (
	prefixes = []string{"meng", "meny", "peng", "peny", "men", "mem", "pen", "pem", "ber", "ter", "per", "ng", "ny", "me", "di", "ke", "se", "pe"}
	suffixes = []string{"nya", "kan", "lah", "kah", "an", "in", "ku", "mu", "i", "ing", "ed", "s"}
)

// stem takes one prefix and one suffix off, of Indonesian or English: no dictionary, so that a stem may be no word. The same is
// done to every text, so that it need not be.
func stem(w string) string {
	const least = 4
	for _, s := range suffixes {
		if r, ok := strings.CutSuffix(w, s); ok && len(r) >= least {
			w = r
			break
		}
	}
	for _, p := range prefixes {
		if r, ok := strings.CutPrefix(w, p); ok && len(r) >= least {
			return r
		}
	}
	return w
}
