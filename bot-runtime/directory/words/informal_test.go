package words

import (
	"strings"
	"testing"
)

func TestWhatPeopleWriteOnAPhoneIsWrittenOut(t *testing.T) {
	for typed, want := range map[string]string{
		"gak bs, blm dpt kode yg dikirim":    "tidak bisa belum dapat kode yang dikirim",
		"Ga / nggak / gk / ngga / enggak":    "tidak tidak tidak tidak tidak",
		"udh tf 2jt ke rek org itu kmrn":     "sudah transfer 2jt ke rekening orang itu kemarin",
		"bgmn dgn pinjol? gmn cara lapornya": "bagaimana dengan pinjaman online bagaimana cara lapornya",
		"tolooong doong kak, hati2":          "tolong doong kak hati",
		"sy nelpon ga diangkat":              "saya telepon tidak diangkat",
		"Bank Mekar Jaya 2":                  "bank mekar jaya 2",
		"apakah sudah resmi":                 "apakah sudah resmi",
		"":                                   "",
	} {
		if got := strings.Join(Written(Fold(typed)), " "); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
}

// A plain form is not itself written out once more, or a word would mean something else at its second reading.
func TestPlainFormsArePlain(t *testing.T) {
	for word, plain := range informal {
		for _, w := range plain {
			if again, ok := informal[w]; ok {
				t.Errorf("%s stands for %v, of which %s stands for %v", word, plain, w, again)
			}
			if Fold(w) != w {
				t.Errorf("%s stands for %q, which is not folded", word, w)
			}
		}
	}
}

func FuzzWritten(f *testing.F) {
	for _, s := range []string{"udh tf 2jt", "hati2", "2", "aaaa2", "\xff", "ééé", "tolooong"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range Written(Fold(s)) {
			if w == "" || strings.ContainsAny(w, " \n") {
				t.Fatalf("%q has the word %q", s, w)
			}
		}
	})
}
