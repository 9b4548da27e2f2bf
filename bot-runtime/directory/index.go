package directory

import (
	"math"
	"sync"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Index is a data set made searchable. It is immutable and safe for concurrent use. Everything in it is a number in a slice or
// a letter in a text, so that the collector has next to nothing to walk.
type Index struct {
	rows rows
	seed hash

	// A key is a name or an alias, as words.
	keyEntry  []uint32 // its entry, times two, and one for an alias
	keyStart  []uint32 // where its words begin in keyWords; one more at the end
	keyWords  []uint32
	keyWeight []float32

	// A word of any key, once. Words of one sound share their postings.
	wordText   string
	wordStart  []uint32
	wordSound  []uint32
	soundText  string
	soundStart []uint32
	soundIDF   []float32
	postStart  []uint32
	postings   []uint32 // the keys of each sound, in their order

	// A form is a way to write a key without blanks.
	formText  string
	formStart []uint32
	formKey   []uint32

	names       table    // keys by the folded name
	pieces      table    // forms by their pieces, see whole
	repeats     []uint32 // by the pieces' slots, see letters
	sounds      table    // sounds by their text
	near        table    // sounds by their text with a letter less
	identifiers table    // entries by host, e-mail, phone, licence
	shapes      map[string]struct{}

	scratch sync.Pool
}

// Entries is how many there are.
func (x *Index) Entries() int { return x.rows.len() }

// Shown are the names of what entries may show.
func (x *Index) Shown() []string {
	names := make([]string, len(x.rows.facts))
	for i, f := range x.rows.facts {
		names[i] = f.Name
	}
	return names
}

func (x *Index) keys() int { return len(x.keyEntry) }

func (x *Index) entryOf(key uint32) uint32 { return x.keyEntry[key] / 2 }

func (x *Index) isAlias(key uint32) bool { return x.keyEntry[key]&1 == 1 }

func (x *Index) illegal(entry uint32) bool { return x.rows.status[entry] }

func (x *Index) wordsOf(key uint32) []uint32 { return x.keyWords[x.keyStart[key]:x.keyStart[key+1]] }

func (x *Index) word(w uint32) string { return x.wordText[x.wordStart[w]:x.wordStart[w+1]] }

func (x *Index) sound(s uint32) string { return x.soundText[x.soundStart[s]:x.soundStart[s+1]] }

func (x *Index) form(f uint32) string { return x.formText[x.formStart[f]:x.formStart[f+1]] }

func (x *Index) postingsOf(s uint32) []uint32 { return x.postings[x.postStart[s]:x.postStart[s+1]] }

// none stands for no word, sound or key.
const none = math.MaxUint32

// soundCalled finds a sound by its text.
func (x *Index) soundCalled(text []byte) uint32 {
	h := x.seed.bytes(text).sum()
	for _, s := range x.sounds.find(h) {
		if s.tag == uint32(h) && x.sound(s.id) == string(text) {
			return s.id
		}
	}
	return none
}

// namedBy gives the keys whose folded name is these words; the name is compared, not only its hash.
func (x *Index) namedBy(ws []string, into []uint32) []uint32 {
	if len(ws) == 0 {
		return into
	}
	h := hashWords(x.seed, ws)
	for _, s := range x.names.find(h) {
		if s.tag == uint32(h) && x.isNamed(s.id, ws) {
			into = append(into, s.id)
		}
	}
	return into
}

func hashWords(h hash, ws []string) uint64 {
	for _, w := range ws {
		h = h.text(w).byte(' ')
	}
	return h.sum()
}

func (x *Index) isNamed(key uint32, ws []string) bool {
	c := x.rows.cursor(x.entryOf(key))
	c.text()
	name := c.text()
	if !x.isAlias(key) {
		return sameWords(nameWords(name), ws)
	}
	c.text()
	c.text()
	for range c.number() {
		if sameWords(nameWords(c.text()), ws) {
			return true
		}
	}
	return false
}

func sameWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// nameWords are the words of a listed name: folded, without legal forms, at most maxWords.
func nameWords(name string) []string {
	plain, _ := words.MixedScripts(name)
	ws := words.Name(plain)
	if len(ws) > maxWords {
		ws = ws[:maxWords]
	}
	return ws
}

// canonical makes words comparable beyond folding: abbreviations and long forms of kinds of licence become one word.
func canonical(ws []string) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = words.Expand(w)
	}
	return phrased(out, words.Phrase)
}

// phrased makes the long forms of kinds of licence one word, in place.
func phrased(ws []string, phrase func([]string) (int, string)) []string {
	out := ws[:0]
	for i := 0; i < len(ws); {
		if n, short := phrase(ws[i:]); n > 0 {
			out = append(out, short)
			i += n
			continue
		}
		out = append(out, ws[i])
		i++
	}
	return out
}
