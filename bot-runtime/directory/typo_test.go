package directory

import (
	"testing"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"pgregory.net/rapid"
)

func TestTyposAreCountedAsTheDistanceOfLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[abc]{0,12}`).Draw(t, "asked"), rapid.StringMatching(`[abc]{0,12}`).Draw(t, "listed")
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		if got, want := typed(a, b, limit), words.Distance(a, b, limit); got != want {
			t.Fatalf("%q for %q within %d: %d, want %d", a, b, limit, got, want)
		}
	})
}

func TestADigitIsALetterItLooksLikeAndATypoOfNothing(t *testing.T) {
	for _, c := range []struct {
		asked, listed string
		want          int
	}{
		{"m3kar", "mekar", 0}, {"m3kra", "mekar", 1}, {"mekar8", "mekar", 3}, {"mekar", "mekar8", 3}, {"21", "31", 3}, {"8mekar", "mekar", 3}, {"mek4", "mekar", 1}, {"bank46", "bank46", 0}, {"bnak46", "bank46", 1},
	} {
		if got := typed(c.asked, c.listed, 2); got != c.want {
			t.Errorf("%s for %s: %d, want %d", c.asked, c.listed, got, c.want)
		}
	}
}
