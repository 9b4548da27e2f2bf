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

func TestAWordBesideAWholeNameMakesNobodyElseByTwoSlips(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "yocah", Name: "PT BPR Yocah", Status: StatusLicensed},
		{ID: "both", Name: "PT BPR Jocah Nyama Syariah", Status: StatusLicensed},
		{ID: "three", Name: "PT BPR Melur Kasih Abadi", Status: StatusLicensed},
		{ID: "ina", Name: "Bank Ina", Status: StatusLicensed},
		{ID: "mnc", Name: "Bank MNC Internasional", Status: StatusLicensed},
		{ID: "pawn", Name: "PT Gadai Pesona Adil", Status: StatusLicensed},
		{ID: "bank", Name: "PT Bank Pesona Nirwana Adi", Status: StatusLicensed},
		{ID: "mekar", Name: "Bank Mekar", Status: StatusLicensed},
		{ID: "jaja", Name: "Jaja", Status: StatusLicensed},
		{ID: "jaya", Name: "Bank Mekar Jaya", Status: StatusLicensed},
	})
	for q, want := range map[string]Outcome{
		"nyaga bpr yocah":         Lookalike, // BPR Yocah with a word before it, and no BPR Jocah Nyama without its Syariah
		"bpr jocah nyama":         Confident, // without a typo it is the part of one name that no other has
		"bpr jocah nyaga syariah": Confident, // whole, with a typo
		"bpr melur kasi":          Confident, // a part with a typo, and no whole name within
		"bank ina international":  Lookalike,
		"bank mnk internasional":  Confident,
		"bank pesona adil":        Lookalike, // another kind of licence
		"bank mekar jaja":         Confident, // one slip of the whole name, though there is a Jaja as well
	} {
		if a := x.Ask(q); a.Outcome != want {
			t.Errorf("%s: %s %v, want %s", q, a.Outcome, a.Entries, want)
		}
	}
}
