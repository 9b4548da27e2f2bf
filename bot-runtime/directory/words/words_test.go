package words

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFoldingTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("%q folds to %q, then to %q", s, once, twice)
		}
		if !utf8.ValidString(once) || strings.Contains(once, "  ") || strings.TrimSpace(once) != once {
			t.Fatalf("%q folds to %q", s, once)
		}
	})
}

func TestTextsThatReadAlikeFoldAlike(t *testing.T) {
	for _, c := range []struct{ what, a, b string }{
		{"case", "Dana MEKAR", "dana mekar"},
		{"marks", "Dána Mékar", "dana mekar"},
		{"wide letters", "Ｄａｎａ　Ｍｅｋａｒ", "dana mekar"},
		{"punctuation", "dana-mekar, (jaya)!", "dana mekar jaya"},
		{"invisible characters", "da\u200bna\u00ad mekar", "dana mekar"},
		{"emoji", "dana 💰 mekar", "dana mekar"},
		{"a sharp s, small or capital", "Weiß WEIẞ", "weiss weiss"},
		{"bold letters of mathematics", "𝐝𝐚𝐧𝐚", "dana"},
	} {
		if Fold(c.a) != Fold(c.b) {
			t.Errorf("%s: %q and %q", c.what, Fold(c.a), Fold(c.b))
		}
	}
}

func TestClaimsAndDoubtsAreChatAsWell(t *testing.T) {
	for _, list := range []map[string]struct{}{claims, doubts} {
		if len(list) < 10 {
			t.Errorf("only %d words", len(list))
		}
		for w := range list {
			if !Chat(w) || Fold(w) != w {
				t.Errorf("%q is no chat word, or not folded", w)
			}
		}
	}
}

func TestLegalFormsFallAwayAndKindsStay(t *testing.T) {
	for in, want := range map[string]string{
		"PT Bank Mekar (Persero) Tbk.": "bank mekar",
		"P.T. Mekar":                   "mekar",
		"BPR Mekar, PT":                "bpr mekar",
		"PT":                           "pt",
		"Koperasi Syariah Mekar":       "koperasi syariah mekar",
	} {
		if got := strings.Join(Name(in), " "); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestWordsOfOneSoundAreOneWord(t *testing.T) {
	for _, c := range [][2]string{{"soerja", "surya"}, {"tjahaja", "cahaya"}, {"djaja", "jaya"}, {"sjariah", "syariah"}, {"shariah", "syariah"}, {"dharma", "darma"}, {"mekarr", "mekar"}, {"commonwealthhhh", "commonwealth"}, {"soooerja", "surya"}, {"sssyyyariah", "syariah"}, {"aqsa", "aksa"}} {
		if Sound(c[0]) != Sound(c[1]) {
			t.Errorf("%s sounds %s, %s sounds %s", c[0], Sound(c[0]), c[1], Sound(c[1]))
		}
	}
	for digits, word := range map[string]string{"m3kar": "mekar", "sej4hter4": "sejahtera", "2iar4h": "ziarah"} {
		if string(AppendSound(nil, digits, true)) != Sound(word) {
			t.Errorf("%s is not read as %s", digits, word)
		}
	}
	if s := string(AppendSound(nil, "cahaya4", true)); s == Sound("cahaya") {
		t.Errorf("a digit behind a name falls away: %s", s)
	}
	for _, c := range [][2]string{{"11", "1"}, {"21", "31"}, {"bank", "bunk"}} {
		if Sound(c[0]) == Sound(c[1]) {
			t.Errorf("%s and %s sound alike", c[0], c[1])
		}
	}
}

func TestDistanceCountsEdits(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"mekar", "mekar", 2, 0}, {"mekar", "mekra", 2, 1}, {"mekar", "mekr", 2, 1}, {"mekar", "mekars", 2, 1}, {"mekar", "makur", 2, 2},
		{"mekar", "bank", 2, 3}, {"", "ab", 2, 2}, {"ñandu", "nandu", 2, 1}, {"abc", "abcdefgh", 3, 4},
	} {
		if got := Distance(c.a, c.b, c.limit); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "a"), rapid.StringMatching(`[ab]{0,8}`).Draw(t, "b")
		if Distance(a, b, 20) != Distance(b, a, 20) {
			t.Fatalf("%q and %q differ by the order", a, b)
		}
	})
}

func TestGreetingAsksNothing(t *testing.T) {
	for _, s := range []string{"halo kak, selamat pagi 🙏", "assalamualaikum wr. wb.", "hi", "thank you very much", "p", "mau tanya dong min"} {
		if !OnlyCourtesy(s) {
			t.Errorf("%q asks something", s)
		}
	}
	for _, s := range []string{"halo, Dana Mekar resmi?", "pengaduan", "apa itu ojk"} {
		if OnlyCourtesy(s) {
			t.Errorf("%q is only courtesy", s)
		}
	}
}
