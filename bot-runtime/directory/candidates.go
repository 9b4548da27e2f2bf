package directory

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// leastNear is the shortest sound that is found by a letter less.
const leastNear = 4

// appendNear makes the hashes of a sound with a letter less.
func (x *Index) appendNear(list []hashed, sound uint32) []hashed {
	s := x.sound(sound)
	if len(s) < leastNear || len(s) > maxTyped {
		return list
	}
	for i := range len(s) {
		if i > 0 && s[i] == s[i-1] {
			continue
		}
		list = append(list, hashed{x.seed.text(s[:i]).text(s[i+1:]).byte(1).sum(), sound})
	}
	return list
}

// maxNear sounds are tried for a word that nobody has.
const maxNear = 12

// nearSounds gives the sounds that a word is one letter off from.
func (x *Index) nearSounds(sound []byte, into []uint32) []uint32 {
	if len(sound) < leastNear-1 || len(sound) > maxTyped {
		return into
	}
	try := func(t *table, h uint64) {
		for _, s := range t.find(h) {
			if s.tag == uint32(h) && len(into) < maxNear && !slices.Contains(into, s.id) && typed(sound, x.sound(s.id), 1) <= 1 {
				into = append(into, s.id)
			}
		}
	}
	try(&x.near, x.seed.bytes(sound).byte(1).sum())
	for i := range sound {
		h := x.seed.bytes(sound[:i]).bytes(sound[i+1:])
		try(&x.sounds, h.sum())
		try(&x.near, h.byte(1).sum())
	}
	return into
}

// wordsInside gives the sounds of listed words that stand inside a longer one, the longest of them: those of
// "danamekarjayacepat".
func (x *Index) wordsInside(sound []byte, into []uint32) []uint32 {
	const least, most, kept = 4, 16, 8
	own := len(into)
	for from := 0; from+least <= min(len(sound), maxTyped); from++ {
		h := x.seed
		best := uint32(none)
		for to := from; to < len(sound) && to < from+most; to++ {
			h = h.byte(sound[to])
			if to-from+1 < least {
				continue
			}
			sum := h.sum()
			for _, s := range x.sounds.find(sum) {
				if s.tag == uint32(sum) && x.sound(s.id) == string(sound[from:to+1]) {
					best = s.id
				}
			}
		}
		if best != none && !slices.Contains(into, best) {
			into = append(into, best)
		}
	}
	slices.SortStableFunc(into[own:], func(a, b uint32) int { return cmp.Compare(len(x.sound(b)), len(x.sound(a))) })
	return into[:min(len(into), own+kept)]
}

// appendPieces makes the hashes by which a form is found as a whole with typos: it is cut into one piece more than the typos
// that it may have, so that one piece is as typed, at most as many letters off its place (Li et al., Pass-Join, VLDB 2011).
func (x *Index) appendPieces(list []hashed, f uint32) []hashed {
	s := x.form(f)
	budget := words.TypoBudget(len(s))
	for i := range budget + 1 {
		from, to := piece(len(s), budget, i)
		h := x.seed.byte(byte(len(s))).byte(byte(i)).text(s[from:to]).sum()
		list = append(list, hashed{h&^math.MaxUint32 | uint64(uint32(lettersOf(s))), f})
	}
	return list
}

// letters is how often a text has each letter, as bits: in the low half those that it has, in the high half those that it has
// again, and of the most usual ones whether it has more. A typo takes at most one letter away and brings one, so that it changes
// at most one bit to 0 and one to 1: most forms that have a piece fall away without a look at them. The low half is the piece's
// tag, instead of more of its hash; the high half stands beside.
type letters uint64

// counts of letters by their low five bits, in which digits fall together with some of them.
type counts [32]uint8

func (n *counts) letters() letters {
	var set letters
	for i, k := range n {
		if k >= 1 {
			set |= 1 << i
		}
		if k >= 2 && 1 <= i && i <= 26 {
			set |= 1 << (32 + i)
		}
	}
	for _, often := range [...]struct {
		letter byte
		times  uint8
		bit    int
	}{{'a', 3, 0}, {'a', 4, 27}, {'i', 3, 28}, {'n', 3, 29}, {'u', 3, 30}, {'e', 3, 31}} {
		if n[often.letter&31] >= often.times {
			set |= 1 << (32 + often.bit)
		}
	}
	return set
}

func lettersOf(s string) letters {
	var n counts
	for i := 0; i < len(s); i++ {
		n[s[i]&31]++
	}
	return n.letters()
}

// lettersAsked are the letters that a query surely has, and those that it may have: a digit is itself or a letter it looks like.
func lettersAsked(s string) (sure, possible letters) {
	var certain, most counts
	for i := 0; i < len(s); i++ {
		most[s[i]&31]++
		if !isDigit(s[i]) {
			certain[s[i]&31]++
			continue
		}
		for _, l := range words.LettersFor(s[i]) {
			most[words.Class(byte(l))&31]++
		}
	}
	return certain.letters(), most.letters()
}

// addRepeats fills in the high halves of the pieces' letters.
func (x *Index) addRepeats(workers int) {
	x.repeats = make([]uint32, len(x.pieces.slots))
	inParts(len(x.pieces.slots), workers, func(_, from, to int) {
		for i := from; i < to; i++ {
			x.repeats[i] = uint32(lettersOf(x.form(x.pieces.slots[i].id)) >> 32)
		}
	})
}

func piece(length, budget, i int) (from, to int) {
	return length * i / (budget + 1), length * (i + 1) / (budget + 1)
}

// maxCompared bounds how many forms a query is compared with as a whole.
const maxCompared = 20_000

// whole calls found with every key that, written without blanks, is what was asked but for typos within its budget. search is
// what pieces are taken of, asked what is compared.
func (x *Index) whole(search, asked string, found func(key uint32, edits int)) {
	compared := 0
	n := len(search)
	sure, possible := lettersAsked(asked)
	for length := max(1, n-2); length <= min(n+2, maxForm); length++ {
		budget := words.TypoBudget(length)
		off := n - length
		if off > budget || -off > budget {
			continue
		}
		for i := range budget + 1 {
			from, to := piece(length, budget, i)
			lead := x.seed.byte(byte(length)).byte(byte(i))
			for shift := max(-i, off-(budget-i)); shift <= min(i, off+(budget-i)); shift++ {
				a, b := from+shift, to+shift
				if a < 0 || b > n {
					continue
				}
				h := lead.text(search[a:b]).sum()
				first, slots := x.pieces.bucket(h)
				for j, s := range slots {
					has := letters(s.tag) | letters(x.repeats[first+j])<<32
					if bits.OnesCount64(uint64(has&^possible)) > budget || bits.OnesCount64(uint64(sure&^has)) > budget {
						continue
					}
					if compared++; compared > maxCompared {
						return
					}
					if edits := typed(asked, x.form(s.id), budget); edits <= budget {
						found(x.formKey[s.id], edits)
					}
				}
			}
		}
	}
}

// scratch is what a query needs of memory; it is cleared after use by what was touched.
type scratch struct {
	scores  []float32
	touched []uint32
	lists   []weighed
	sounds  []uint32
	best    []scored
}

type weighed struct {
	sound  uint32
	weight float32
}

type scored struct {
	key   uint32
	score float32
}

const (
	maxCandidates = 32     // are aligned word by word
	maxPostings   = 80_000 // are looked at
	nearShare     = 0.8    // of its weight has a word that is a letter off
)

// byWords calls found with the keys that share most with the distinctive words, by the weight of shared words.
func (x *Index) byWords(q *query, found func(key uint32)) {
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	s.lists = s.lists[:0]
	total := float32(0)
	for _, d := range q.distinctive {
		total += x.listsOf(&q.words[d], s)
	}
	slices.SortFunc(s.lists, func(a, b weighed) int { return cmp.Compare(len(x.postingsOf(a.sound)), len(x.postingsOf(b.sound))) })
	looked := 0
	for i, l := range s.lists {
		if i > 0 && l.sound == s.lists[i-1].sound {
			continue
		}
		postings := x.postingsOf(l.sound)
		common := len(postings) > max(2000, x.keys()/20) && len(s.touched) > 0
		if looked += len(postings); common || looked > maxPostings && i > 0 {
			x.addKnown(s, l)
			continue
		}
		for _, k := range postings {
			if s.scores[k] == 0 {
				s.touched = append(s.touched, k)
			}
			s.scores[k] += l.weight
		}
	}
	x.top(s, total)
	for _, k := range s.touched {
		s.scores[k] = 0
	}
	s.touched = s.touched[:0]
	for _, b := range s.best {
		found(b.key)
	}
}

// listsOf appends the sounds that a word may stand for, and gives what it weighs.
func (x *Index) listsOf(w *queryWord, s *scratch) float32 {
	if w.id != none {
		s.lists = append(s.lists, weighed{w.id, x.soundIDF[w.id]})
		return x.soundIDF[w.id]
	}
	const unknown = 6 // what a word that nobody has weighs
	if w.rigid {
		return unknown
	}
	s.sounds = x.nearSounds(w.sound, s.sounds[:0])
	if light := classes(w.text); light != string(w.sound) { // a typo may have made another sound
		s.sounds = x.nearSounds([]byte(light), s.sounds)
	}
	if len(w.sound) >= 7 {
		s.sounds = x.wordsInside(w.sound, s.sounds)
	}
	for _, n := range s.sounds {
		s.lists = append(s.lists, weighed{n, x.soundIDF[n] * nearShare})
	}
	return unknown
}

// addKnown adds a common word's weight to those keys only that a rarer one has found. It walks the shorter of the two: keys of
// the word come in order, and are looked up quickly; words of a key are not.
func (x *Index) addKnown(s *scratch, l weighed) {
	const dearer = 8
	if postings := x.postingsOf(l.sound); len(postings) < dearer*len(s.touched) {
		for _, k := range postings {
			if s.scores[k] != 0 {
				s.scores[k] += l.weight
			}
		}
		return
	}
	for _, k := range s.touched {
		for _, w := range x.wordsOf(k) {
			if x.wordSound[w] == l.sound {
				s.scores[k] += l.weight
				break
			}
		}
	}
}

// top keeps the best by twice the shared weight over the sum of both.
func (x *Index) top(s *scratch, total float32) {
	best := s.best[:0]
	least := 0
	for _, k := range s.touched {
		if len(best) == maxCandidates && 2*s.scores[k] <= best[least].score*total {
			continue // whatever the key weighs
		}
		score := 2 * s.scores[k] / (total + x.keyWeight[k])
		switch {
		case len(best) < maxCandidates:
			best = append(best, scored{k, score})
			if score < best[least].score {
				least = len(best) - 1
			}
		case score > best[least].score:
			best[least] = scored{k, score}
			for i := range best {
				if best[i].score < best[least].score {
					least = i
				}
			}
		}
	}
	slices.SortFunc(best, func(a, b scored) int {
		if c := cmp.Compare(b.score, a.score); c != 0 {
			return c
		}
		return cmp.Compare(a.key, b.key)
	})
	s.best = best
}

// searches are the ways to look for a query as a whole: what pieces are taken of, and what is compared.
func (q *query) searches() [][2]string {
	var out [][2]string
	out = addSearches(out, q.distinctiveWords())
	if len(q.distinctive) != len(q.words) && len(q.words) <= 8 {
		out = addSearches(out, q.span(0, len(q.words)))
	}
	if raw := strings.Join(q.folded, ""); len(q.folded) <= 12 {
		out = addSearch(out, classes(raw))
	}
	return out
}

// wider are more ways, for a name of which a word, or half a word that was split, is chat: the distinctive words with the chat
// between them, and with a word before or behind.
func (q *query) wider() [][2]string {
	first, last := q.distinctive[0], q.distinctive[len(q.distinctive)-1]
	var out [][2]string
	if last-first >= len(q.distinctive) {
		out = addSearches(out, q.span(first, last+1))
	}
	if first > 0 {
		out = addSearches(out, q.span(first-1, last+1))
	}
	if last+1 < len(q.words) {
		out = addSearches(out, q.span(first, last+2))
	}
	return out
}

func (q *query) distinctiveWords() []string {
	out := make([]string, len(q.distinctive))
	for i, d := range q.distinctive {
		out[i] = q.words[d].text
	}
	return out
}

func (q *query) span(from, to int) []string {
	out := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, q.words[i].text)
	}
	return out
}

func addSearches(out [][2]string, ws []string) [][2]string {
	c := strings.Join(ws, "")
	light := classes(c)
	sound := strings.Join(soundsOf(ws), "")
	out = addSearch(addSearch(out, light), sound)
	if c != light || words.HasDigit(c) || sound != c {
		out = addSearch(out, words.Sound(c)) // letters that meet where words were split
	}
	return out
}

func addSearch(out [][2]string, asked string) [][2]string {
	search := leet(asked)
	if search == "" || len(search) > maxForm || slices.Contains(out, [2]string{search, asked}) {
		return out
	}
	return append(out, [2]string{search, asked})
}

// leet writes letters for the digits that look like them.
func leet(s string) string {
	if !words.HasDigit(s) || !words.HasLetter(s) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if isDigit(c) {
			b[i] = words.Class(words.LetterFor(c))
		}
	}
	return string(b)
}
