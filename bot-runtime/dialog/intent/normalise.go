package intent

import (
	_ "embed"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

//go:embed alike.txt
var alikeText string

// alike are words that mean what another does.
var alike = words.Pairs(alikeText)

// plain gives a text's words in one form: folded, written out (words.Written), those that mean alike as one, greeting and
// politeness left out unless nothing else is there.
func plain(text string) []string {
	var all []string
	for _, w := range words.Written(words.Fold(cutText(text))) {
		if same, ok := alike[w]; ok {
			all = append(all, same...)
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
