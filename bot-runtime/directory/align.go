package directory

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// alignment says which words of a query a key explains.
type alignment struct {
	key         uint32
	unexplained uint64 // words of the query that are distinctive and not the key's, a bit each
	missed      uint64 // words of the key that the query has not
	strangers   int    // how many are unexplained
	left        int    // how many are missed
	leftKinds   int    // and how many of those are kinds of licence
	explained   int    // words of the key that stand for something: neither chat nor kind of licence
	names       int    // how many of those the key has
	asked       int    // distinctive words of the query
	edits       int
	letters     int     // of the key
	fine        int     // letters that differ in spelling, of equals
	share       float32 // weight of the explained words in the key's
	glued       bool    // the whole name stands inside the query's letters
	stuck       uint64  // words of the query that are one of the key's with letters stuck on
	own         uint64  // words of the query that are the key's, chat among them
}

// align explains the query's words by a key's: equal ones first, then equal by sound, then joined and split ones, then typos
// within the budget of the whole name.
func (x *Index) align(q *query, key uint32) alignment {
	ids := x.wordsOf(key)
	var texts [maxWords]string
	var asked [maxWords]string
	var qbuf, ebuf [maxWords]bool
	listed, own := texts[:len(ids)], asked[:min(len(q.words), maxWords)]
	qUsed, eUsed := qbuf[:len(own)], ebuf[:len(ids)]
	for j, w := range ids {
		listed[j] = x.word(w)
	}
	for i := range own {
		own[i] = q.words[i].text
	}
	for i := range own {
		for j := range listed {
			if !qUsed[i] && !eUsed[j] && own[i] == listed[j] {
				qUsed[i], eUsed[j] = true, true
			}
		}
	}
	for i := range own {
		for j := range listed {
			if !qUsed[i] && !eUsed[j] && q.words[i].id != none && q.words[i].id == x.wordSound[ids[j]] {
				qUsed[i], eUsed[j] = true, true
			}
		}
	}
	joinRuns(own, qUsed, listed, eUsed)
	joinRuns(listed, eUsed, own, qUsed)
	a := alignment{key: key, letters: total(listed), asked: len(q.distinctive)}
	a.edits = x.typos(q, qUsed, key, eUsed, words.TypoBudget(min(total(listed), total(own)+2)))
	a.stuck = gluedWords(q, qUsed, listed, eUsed)
	all := float32(0)
	for j, w := range ids {
		weight := x.soundIDF[x.wordSound[w]]
		all += weight
		kind := words.Kind(listed[j])
		name := !kind && !words.Chat(listed[j])
		if name {
			a.names++
		}
		if !eUsed[j] {
			a.missed |= 1 << j
			a.left++
			if kind {
				a.leftKinds++
			}
			continue
		}
		a.share += weight
		if name {
			a.explained++
		}
	}
	if all > 0 {
		a.share /= all
	}
	for i, used := range qUsed {
		if used {
			a.own |= 1 << i
		}
	}
	for _, d := range q.distinctive {
		if d < len(qUsed) && !qUsed[d] {
			a.unexplained |= 1 << d
			a.strangers++
		}
	}
	a.glued = a.stuck != 0 && a.left == 0 && a.strangers <= 2 && (a.names > 1 || a.edits == 0) || a.strangers > 0 && a.left > 0 && glued(q, listed)
	return a
}

func total(list []string) int {
	n := 0
	for _, w := range list {
		n += len(w)
	}
	return n
}

// joinRuns explains a word of whole by up to four words of parts that stand side by side: "dana mekar" and "danamekar".
func joinRuns(parts []string, partUsed []bool, whole []string, wholeUsed []bool) {
	for j, w := range whole {
		if wholeUsed[j] || len(w) < 3 {
			continue
		}
		for i := range parts {
			rest, n := w, i
			for n < len(parts) && n < i+4 && !partUsed[n] && rest != "" && strings.HasPrefix(rest, parts[n]) {
				rest = rest[len(parts[n]):]
				n++
			}
			if rest == "" && n-i >= 2 {
				for m := i; m < n; m++ {
					partUsed[m] = true
				}
				wholeUsed[j] = true
				break
			}
		}
	}
}

// typos explains words that are a typo of each other, within the budget of the name's letters. Kinds of licence, places and
// numbers are never a typo of anything.
func (x *Index) typos(q *query, qUsed []bool, key uint32, eUsed []bool, budget int) int {
	ids := x.wordsOf(key)
	edits := 0
	for _, i := range q.distinctive {
		if i >= len(qUsed) || qUsed[i] || q.words[i].rigid || len(q.words[i].text) < 3 {
			continue
		}
		best, bestJ := budget-edits+1, -1
		for j, id := range ids {
			if eUsed[j] {
				continue
			}
			e := x.word(id)
			if len(e) < 3 || !words.HasLetter(e) || len(e) <= 4 && words.Kind(e) { // bpjs is no bprs
				continue
			}
			limit := min(best-1, 1)
			if len(e) >= 6 && !words.City(e) { // two letters off a place is no typo of it
				limit = min(best-1, 2)
			}
			if limit < 1 {
				continue
			}
			d := typed(q.words[i].text, e, limit)
			if d > 1 && !words.HasDigit(q.words[i].text) { // whose sound has letters for them
				d = min(d, typed(q.words[i].sound, x.sound(x.wordSound[id]), limit))
			}
			if d > 0 && numbered(q.words[i].text) {
				continue
			}
			if d = max(d, 1); d <= limit {
				best, bestJ = d, j
			}
		}
		if bestJ >= 0 {
			qUsed[i], eUsed[bestJ] = true, true
			edits += best
		}
	}
	return edits + x.joinedTypo(q, qUsed, key, eUsed, min(1, budget-edits))
}

// joinedTypo explains one word that is several of the name's run together, with a typo: "danamekarjya". The other way round
// is not explained: a word too many is a word too many.
func (x *Index) joinedTypo(q *query, qUsed []bool, key uint32, eUsed []bool, budget int) int {
	if budget < 1 {
		return 0
	}
	ids := x.wordsOf(key)
	for _, i := range q.distinctive {
		if i >= len(qUsed) || qUsed[i] || len(q.words[i].text) < 8 {
			continue
		}
		w := q.words[i].text
		var buf [2 * maxTyped]byte
		for from := range ids {
			joined := buf[:0]
			for to := from; to < len(ids) && !eUsed[to] && len(joined) <= len(w)+budget; to++ {
				joined = append(joined, x.word(ids[to])...)
				if to == from || len(joined)+budget < len(w) {
					continue
				}
				if d := typed(w, joined, budget); d <= budget && (d == 0 || !numbered(w)) && !readsRigidOtherwise(w, x.textsOf(key)[from:to+1]) {
					qUsed[i] = true
					for m := from; m <= to; m++ {
						eUsed[m] = true
					}
					return max(d, 1)
				}
			}
		}
	}
	return 0
}

// gluedWords finds words of the name with letters or digits stuck on: they are the name's, and the query's word is a stranger
// none the less.
func gluedWords(q *query, qUsed []bool, listed []string, eUsed []bool) (found uint64) {
	const least = 4
	for _, i := range q.distinctive {
		if i >= len(qUsed) || qUsed[i] || q.words[i].rigid {
			continue
		}
		w := q.words[i].text
		for j, e := range listed {
			if !eUsed[j] && len(e) >= least && len(w) > len(e) && (strings.HasPrefix(w, e) || strings.HasSuffix(w, e)) {
				eUsed[j] = true
				found |= 1 << i
				break
			}
		}
	}
	return found
}

// glued: the whole name stands in the letters of the query, with more around it: "danamekarjayacepat".
func glued(q *query, listed []string) bool {
	const least = 8
	n := total(listed)
	if n < least {
		return false
	}
	for _, d := range q.distinctive {
		if w := q.words[d].text; len(w) > n && contains(w, listed) {
			return true
		}
	}
	return false
}

func contains(w string, parts []string) bool {
	for at := range w {
		rest, ok := w[at:], true
		for _, p := range parts {
			if rest, ok = strings.CutPrefix(rest, p); !ok {
				break
			}
		}
		if ok {
			return true
		}
	}
	return false
}

// lookalike bounds a resemblance, so that plain talk with a name's word in it raises no alarm.
func (x *Index) lookalike(q *query, a *alignment) bool {
	left := a.left - a.leftKinds
	switch {
	case x.inPassing(q, a):
		return false
	case a.glued:
		return true
	case a.explained == 0 || a.strangers == 0:
		return false
	case a.edits > 0 && a.strangers > 1: // a typo among strangers is another word
		return false
	case left == 0 && a.names == 1: // words beside a name of one word
		if a.left > 0 && !q.hasKind(a.unexplained) || a.edits > 0 && a.letters < 8 {
			return false
		}
		return a.strangers <= 2
	case left == 0: // words added, or another kind of licence
		return a.strangers <= maxAdded
	case left > 1:
		return false
	case a.names == 2: // one of two is another: which one stayed must say something
		return a.edits == 0 && (a.strangers == 1 && a.share >= leastShareOfTwo || a.strangers == 2 && a.left == 1 && a.share >= 0.7)
	}
	return a.strangers <= 2 && a.share >= leastShare
}

// inPassing: one word of the query is a name's, in talk, and little says that the name is meant. What is added to a name stands at it:
// "saya mau bicara dengan petugas" speaks of nobody called Bicara, and "pinjaman saya di bank belum lunas dua bulan" of no Bank Bulan.
// And beside a stranger the word is as the name has it, letter by letter and in its place: "pinjaman saya di bank susah dibuka" speaks of
// no Bank Sucah, and "cara lapor lewat telepon gimana" of no Panca Cara.
func (x *Index) inPassing(q *query, a *alignment) bool {
	var named, kinds uint64
	for _, d := range q.distinctive {
		switch {
		case a.unexplained>>d&1 == 1:
		case words.Kind(q.words[d].text):
			kinds |= 1 << d
		default:
			named |= 1 << d
		}
	}
	strangers := a.unexplained
	if named == 0 {
		named, strangers = a.stuck, strangers&^a.stuck
	}
	if bits.OnesCount64(named) != 1 || !q.talks(a.own) {
		return false
	}
	if at := bits.TrailingZeros64(named); strangers != 0 && !(slices.Contains(x.textsOf(a.key), q.words[at].text) && x.inPlace(a, strangers, at)) {
		return true
	}
	apart := func(of uint64) bool { return of != 0 && !q.touch(named, of, a.own) }
	return apart(kinds) || apart(a.stuck&^named) || apart(strangers)
}

// inPlace: where of two words of a name only the one at at is asked, a stranger stands on that side of it where the name has the other.
func (x *Index) inPlace(a *alignment, strangers uint64, at int) bool {
	if a.names != 2 || a.left == a.leftKinds {
		return true
	}
	for j, id := range x.wordsOf(a.key) {
		if w := x.word(id); words.Kind(w) || words.Chat(w) {
			continue
		}
		if a.missed>>j&1 == 1 { // the first of the two
			return strangers&(1<<at-1) != 0
		}
		break
	}
	return strangers>>at != 0
}

const (
	maxAdded        = 4
	leastShare      = 0.4 // weight of the explained words where one of three or more is replaced
	leastShareOfTwo = 0.4
)

// more: the greater resemblance; of equals, a licensed entry, which a fake would imitate.
func (x *Index) more(a, b *alignment) bool {
	if a.glued != b.glued && (a.left > 0 || b.left > 0) {
		return a.glued
	}
	if a.strangers != b.strangers {
		return a.strangers < b.strangers
	}
	if a.left != b.left {
		return a.left < b.left
	}
	if a.share != b.share {
		return a.share > b.share
	}
	if a.edits != b.edits {
		return a.edits < b.edits
	}
	return !x.illegal(x.entryOf(a.key)) && x.illegal(x.entryOf(b.key))
}
