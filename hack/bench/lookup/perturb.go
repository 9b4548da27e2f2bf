package lookup

import (
	"math/rand/v2"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// A Class says what an answer must be.
type Class string

// The classes.
const (
	Genuine Class = "genuine" // the entry is meant: it must come first
	Fake    Class = "fake"    // an imitation of the entry: never licensed, and warned of
	Illegal Class = "illegal" // the entry is on the warning list: warned of
	Absent  Class = "absent"  // nobody's name: never licensed
	Talk    Class = "talk"    // no name at all: no alarm
	Grey    Class = "grey"    // typo and fake at once: measured, not bounded
)

// A kind is one way to ask. make returns false where an entry has nothing to ask that way.
type kind struct {
	name  string
	class Class
	// typed: exact is wrong, since the folded text is no listed name.
	typed bool
	// foreign: an identifier decides, so other entries' claims to the words are no matter.
	foreign bool
	// strange: letters of another script are mixed in, so a look-alike of the right entry is right as well.
	strange bool
	// added: a word of its own was added to the whole name, which is never licensed.
	added bool
	// hard: may miss a little more.
	hard bool
	make func(a *asker, e *directory.Entry) (string, bool)
}

// asker makes queries from a corpus.
type asker struct {
	r *rand.Rand
	c *Corpus
}

func (a *asker) word() string {
	for {
		if w := pick(a.r, a.c.vocabulary); len(w) > 4 && !words.Kind(w) && !words.City(w) && !words.Chat(w) {
			return w
		}
	}
}

// name is the entry's words, small and without legal forms.
func name(e *directory.Entry) []string { return words.Name(e.Name) }

// longest is the longest word that is no kind of licence.
func longest(ws []string) int {
	best := -1
	for i, w := range ws {
		if !words.Kind(w) && (best < 0 || len(w) > len(ws[best])) {
			best = i
		}
	}
	return best
}

// some is a word of at least so many letters that is no kind of licence, or -1.
func (a *asker) some(ws []string, letters int) int {
	at := a.r.IntN(len(ws))
	for i := range ws {
		if j := (at + i) % len(ws); len(ws[j]) >= letters && !words.Kind(ws[j]) {
			return j
		}
	}
	return -1
}

const letters = "abcdefghijklmnopqrstuvwxyz"

// edited changes one letter: replaced, left out, put in, or two changed about.
func edited(r *rand.Rand, w string, how int) (string, bool) {
	if len(w) < 4 {
		return w, false
	}
	i := r.IntN(len(w))
	switch how {
	case 0:
		if c := letters[r.IntN(26)]; c != w[i] {
			return w[:i] + string(c) + w[i+1:], true
		}
	case 1:
		return w[:i] + w[i+1:], true
	case 2:
		return w[:i] + string(letters[r.IntN(26)]) + w[i:], true
	default:
		if i+1 < len(w) && w[i] != w[i+1] {
			return w[:i] + string(w[i+1]) + string(w[i]) + w[i+2:], true
		}
	}
	return w, false
}

// typo is the name with a letter changed; it must be within the budget, which grows with the name's letters.
func typo(how int) func(a *asker, e *directory.Entry) (string, bool) {
	return func(a *asker, e *directory.Entry) (string, bool) {
		ws := append([]string(nil), name(e)...)
		if len(strings.Join(ws, "")) < 5 {
			return "", false
		}
		at := a.some(ws, 4)
		if at < 0 {
			return "", false
		}
		w, ok := edited(a.r, ws[at], how)
		if !ok || words.Chat(w) || words.Kind(w) {
			return "", false
		}
		ws[at] = w
		return strings.Join(ws, " "), true
	}
}

var neighboursOnKeyboard = map[byte]string{'a': "sqz", 'b': "vn", 'c': "xv", 'd': "sf", 'e': "wr", 'f': "dg", 'g': "fh", 'h': "gj", 'i': "uo", 'j': "hk", 'k': "jl",
	'l': "k", 'm': "n", 'n': "bm", 'o': "ip", 'p': "o", 'r': "et", 's': "ad", 't': "ry", 'u': "yi", 'w': "qe", 'y': "tu", 'z': "x"}

func keyboard(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	at := a.some(ws, 5)
	if at < 0 {
		return "", false
	}
	i := a.r.IntN(len(ws[at]))
	n := neighboursOnKeyboard[ws[at][i]]
	if n == "" {
		return "", false
	}
	ws[at] = ws[at][:i] + string(n[a.r.IntN(len(n))]) + ws[at][i+1:]
	return strings.Join(ws, " "), true
}

func twoTypos(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	if len(strings.Join(ws, "")) < 10 {
		return "", false
	}
	for range 2 {
		at := a.some(ws, 5)
		if at < 0 {
			return "", false
		}
		w, ok := edited(a.r, ws[at], a.r.IntN(4))
		if !ok || words.Kind(w) || words.Chat(w) {
			return "", false
		}
		ws[at] = w
	}
	return strings.Join(ws, " "), words.Distance(strings.Join(ws, ""), strings.Join(name(e), ""), 2) == 2
}

func missing(a *asker, e *directory.Entry) (string, bool) {
	ws := name(e)
	if len(ws) < 3 {
		return "", false
	}
	at := a.r.IntN(len(ws))
	left := append(append([]string(nil), ws[:at]...), ws[at+1:]...)
	return strings.Join(left, " "), longest(left) >= 0
}

func joinedTwo(a *asker, e *directory.Entry) (string, bool) {
	ws := name(e)
	if len(ws) < 2 {
		return "", false
	}
	at := 1 + a.r.IntN(len(ws)-1)
	return strings.Join(ws[:at], " ") + strings.Join(ws[at:], " "), true
}

func joinedAll(_ *asker, e *directory.Entry) (string, bool) {
	return strings.Join(name(e), ""), len(name(e)) > 1
}

func split(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	at := a.some(ws, 5)
	if at < 0 {
		return "", false
	}
	i := 2 + a.r.IntN(len(ws[at])-3)
	if words.Chat(ws[at][:i]) || words.Chat(ws[at][i:]) || words.LegalForm(ws[at][:i]) || words.LegalForm(ws[at][i:]) {
		return "", false
	}
	ws[at] = ws[at][:i] + " " + ws[at][i:]
	return strings.Join(ws, " "), true
}

func swapped(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	if len(ws) < 2 {
		return "", false
	}
	i := a.r.IntN(len(ws) - 1)
	ws[i], ws[i+1] = ws[i+1], ws[i]
	return strings.Join(ws, " "), ws[i] != ws[i+1]
}

// rewritten replaces letters in all words; nothing replaced is nothing asked.
func rewritten(pairs ...string) func(a *asker, e *directory.Entry) (string, bool) {
	replacer := strings.NewReplacer(pairs...)
	return func(_ *asker, e *directory.Entry) (string, bool) {
		ws := append([]string(nil), name(e)...)
		changed := false
		for i, w := range ws {
			if !words.Kind(w) {
				ws[i] = replacer.Replace(w)
				changed = changed || ws[i] != w
			}
		}
		return strings.Join(ws, " "), changed
	}
}

func digits(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	at := a.some(ws, 5)
	if at < 0 {
		return "", false
	}
	before := ws[at]
	for _, pair := range []string{"a4", "i1", "e3", "o0", "s5"} {
		if a.r.IntN(2) == 0 {
			ws[at] = strings.Replace(ws[at], pair[:1], pair[1:], 1)
		}
	}
	return strings.Join(ws, " "), ws[at] != before
}

func repeated(a *asker, e *directory.Entry) (string, bool) {
	ws := append([]string(nil), name(e)...)
	at := longest(ws)
	if at < 0 {
		return "", false
	}
	i := a.r.IntN(len(ws[at]))
	ws[at] = ws[at][:i+1] + strings.Repeat(ws[at][i:i+1], 1+a.r.IntN(3)) + ws[at][i+1:]
	return strings.Join(ws, " "), true
}

func abbreviated(_ *asker, e *directory.Entry) (string, bool) {
	short := map[string]string{"indonesia": "indo", "koperasi": "kop", "syariah": "uus", "sejahtera": "sjhtr", "teknologi": "tek", "bandung": "bdg", "surabaya": "sby",
		"medan": "mdn", "semarang": "smg", "yogyakarta": "jogja", "makassar": "mks", "asuransi": "asr", "sekuritas": "sek"}
	long := map[string]string{"bpr": "bank perkreditan rakyat", "ksp": "koperasi simpan pinjam", "bprs": "bank pembiayaan rakyat syariah"}
	ws := append([]string(nil), name(e)...)
	changed := false
	for i, w := range ws {
		if s := short[w]; s != "" {
			ws[i], changed = s, true
		} else if l := long[w]; l != "" && i == 0 {
			ws[i], changed = l, true
		}
	}
	return strings.Join(ws, " "), changed
}

// look-alike letters of other scripts.
var strange = map[rune]rune{'a': 'а', 'e': 'е', 'o': 'о', 'p': 'р', 'c': 'с', 'i': 'і', 's': 'ѕ', 'k': 'κ', 'n': 'п'}

func confusable(a *asker, e *directory.Entry) (string, bool) {
	s := []rune(strings.ToLower(e.Name))
	changed := false
	for i, c := range s {
		if l, ok := strange[c]; ok && a.r.IntN(3) == 0 {
			s[i], changed = l, true
		}
	}
	return string(s), changed
}

func wide(_ *asker, e *directory.Entry) (string, bool) {
	return strings.Map(func(c rune) rune {
		if c > ' ' && c < 127 {
			return c + 0xFEE0
		}
		return c
	}, e.Name), true
}

func bold(_ *asker, e *directory.Entry) (string, bool) {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' {
			return c - 'a' + 0x1D41A
		}
		return c
	}, strings.ToLower(e.Name)), true
}

var (
	sentences = []string{"apakah % itu resmi kak?", "min mau tanya, % terdaftar di OJK gak ya", "halo kak, tolong cek % legal atau tidak", "saya ditawari pinjaman 5 juta oleh %, aman kah?",
		"assalamualaikum, % itu berizin tidak? terima kasih", "% penipu bukan sih", "apakah pinjol % itu resmi kak?", "bang % beneran diawasi ojk?", "kemarin saya dihubungi % lewat wa, itu asli?", "mohon info legalitas %"}
	english = []string{"is % legit?", "hi, can you check whether % is licensed please", "I want to know if % is registered with OJK", "is % a scam or real", "hello, what about % is it safe"}
	emoji   = []string{"🙏 %", "% 😭😭", "✅%✅", "% 💰🔥", "‼️ % ‼️"}
)

func around(templates []string, inner func(a *asker, e *directory.Entry) (string, bool)) func(a *asker, e *directory.Entry) (string, bool) {
	return func(a *asker, e *directory.Entry) (string, bool) {
		s, ok := inner(a, e)
		return strings.Replace(pick(a.r, templates), "%", s, 1), ok
	}
}

func asWritten(_ *asker, e *directory.Entry) (string, bool) { return e.Name, true }

func alias(_ *asker, e *directory.Entry) (string, bool) {
	if len(e.Aliases) == 0 {
		return "", false
	}
	return strings.ToLower(e.Aliases[0]), true
}
