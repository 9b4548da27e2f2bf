package directory

import (
	"cmp"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// meant: every distinctive word is explained by one entry, and no other entry is as near.
func (x *Index) meant(q *query, found []alignment) (hit, bool) {
	var best []alignment // of each entry
	for i := range found {
		a := &found[i]
		a.fine = -1
		if !a.explains() {
			continue
		}
		a.fine = x.spelling(q, a.key)
		if !x.closeEnough(q, a) {
			continue
		}
		e := x.entryOf(a.key)
		at := slices.IndexFunc(best, func(b alignment) bool { return x.entryOf(b.key) == e })
		switch {
		case at < 0:
			best = append(best, *a)
		case nearer(a, &best[at]) < 0:
			best[at] = *a
		}
	}
	if !slices.ContainsFunc(best, func(a alignment) bool { return !a.slight() }) {
		return hit{}, false
	}
	slices.SortStableFunc(best, func(a, b alignment) int { return nearer(&a, &b) })
	first := &best[0]
	if x.besideWhole(q, first, found) {
		return hit{}, false
	}
	as := []uint32{x.entryOf(first.key)}
	for i := 1; i < len(best); i++ {
		if b := &best[i]; asNear(first, b) {
			as = append(as, x.entryOf(b.key))
		}
	}
	field := fieldName
	if x.isAlias(first.key) {
		field = fieldAlias
	}
	score := max(0.5, 0.95-0.05*float64(first.edits)-0.1*float64(first.left))
	h := x.licensed(as, Confident, score, field, x.whyMeant(first))
	h.edits = first.edits
	return h, true
}

// besideWhole: a name with a typo and another slip, a second typo or a word left out, where the mistyped word is one of another's name,
// and that name stands in the query whole, its kind aside, with one word beside it. That word is more likely an impostor's, or
// another kind of licence, than the rest is two slips. Names of the warning list warn by themselves.
func (x *Index) besideWhole(q *query, first *alignment, found []alignment) bool {
	if first.edits == 0 || first.edits+first.left < 2 || x.illegal(x.entryOf(first.key)) {
		return false
	}
	name := x.textsOf(first.key)
	return slices.ContainsFunc(found, func(b alignment) bool {
		return b.strangers == 1 && b.stuck == 0 && b.left == b.leftKinds && b.edits == 0 && x.entryOf(b.key) != x.entryOf(first.key) &&
			slices.ContainsFunc(q.distinctive, func(d int) bool {
				w := q.words[d].text
				return b.own>>d&1 == 1 && !words.Kind(w) && !slices.Contains(name, w)
			})
	})
}

// explains: nothing of the query is left over. One typed word that is a typo of one of a name's is too little, and so is a part
// of a name with two typos.
func (a *alignment) explains() bool {
	if a.strangers > 0 || a.explained == 0 || a.edits > 1 && a.left > a.leftKinds {
		return false
	}
	return a.edits == 0 || a.left == 0 || a.explained > 1 && (a.asked > 1 || a.left == a.leftKinds)
}

// slight: one word of a name of three or more. It makes nobody meant; but beside another that is meant by a part of its name,
// it may be meant as well.
func (a *alignment) slight() bool {
	return a.explained == 1 && a.left-a.leftKinds > 1
}

// closeEnough: a name of one word, its kind of licence aside, is a typo of another by the letters of that word alone, and not
// by spelling and sound at once: there is nothing else to know it by. Two letters off it is another word, unless it is long.
func (x *Index) closeEnough(q *query, a *alignment) bool {
	if a.edits == 0 {
		return true
	}
	const long = 12
	only, letters, names := "", 0, 0
	for _, id := range x.wordsOf(a.key) {
		w := x.word(id)
		letters += len(w)
		if !words.Kind(w) {
			only = w
			names++
		}
	}
	if names != 1 {
		return len(q.distinctive) > 1 || a.edits < 2 || letters >= long
	}
	var asked strings.Builder
	for _, d := range q.distinctive {
		if w := q.words[d].text; len(q.distinctive) == 1 || !words.Kind(w) {
			asked.WriteString(w)
		}
	}
	budget := min(words.TypoBudget(len(only)), 1)
	switch {
	case len(q.distinctive) > 1 && x.inPassing(q, a):
		return false
	case len(only) >= long || len(only) >= 6 && len(q.distinctive) > 1 && a.left == 0: // the kind was named as well
		budget = 2
	}
	text := asked.String()
	if len(q.distinctive) == 1 { // the kind may be joined to it
		for kind := leadingKind(text); kind != "" && kind != only; kind = leadingKind(text) {
			text = text[len(kind):]
		}
		text = text[:len(text)-len(trailingKind(text))]
		if only == asked.String() || typed(asked.String(), only, budget) <= budget {
			return true
		}
	}
	return typed(text, only, budget) <= budget
}

// nearer orders alignments that explain everything: whole names first, then fewer words missed, fewer typos, fewer letters
// spelled otherwise.
func nearer(a, b *alignment) int {
	return cmp.Or(cmp.Compare(btoi(a.slight()), btoi(b.slight())), cmp.Compare(a.left, b.left), cmp.Compare(a.edits, b.edits), cmp.Compare(a.fine, b.fine), cmp.Compare(a.key, b.key))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// asNear: a whole name wins over a name of which it is a part, but a whole name with a typo is no nearer than a part without.
func asNear(first, b *alignment) bool {
	switch {
	case b.edits < first.edits:
		return true
	case first.left == 0 && b.left > 0:
		return false
	case first.left == 0:
		return b.edits == first.edits && b.fine <= first.fine
	}
	return b.edits == first.edits
}

// spelling is how many letters of the whole key differ from what was asked, in the order in which they stand.
func (x *Index) spelling(q *query, key uint32) int {
	const limit = 8
	var buf [2 * maxTyped]byte
	joined := buf[:0]
	for _, id := range x.wordsOf(key) {
		if w := x.word(id); len(joined)+len(w) < maxTyped {
			joined = append(joined, w...)
		}
	}
	return typed(q.compact(false), joined, limit)
}

// resembles: nearly all of an entry's words are there, and one more or another in their place.
func (x *Index) resembles(q *query, found []alignment) (hit, bool) {
	best := -1
	for i := range found {
		if a := &found[i]; x.lookalike(q, a) && (best < 0 || x.more(a, &found[best])) {
			best = i
		}
	}
	if best < 0 {
		return hit{}, false
	}
	a := &found[best]
	score := 0.8 * float64(a.share)
	return hit{outcome: Lookalike, entries: []uint32{x.entryOf(a.key)}, score: score, field: fieldName, why: x.whyResembles(q, a)}, true
}

func (q *query) at(bits uint64) string {
	var out []string
	for i := range q.words {
		if bits>>i&1 == 1 {
			out = append(out, q.words[i].text)
		}
	}
	return strings.Join(out, " ")
}

// compactOr is the words at the bits, or all distinctive ones when there are none.
func (q *query) compactOr(bits uint64) string {
	if bits != 0 {
		return q.at(bits)
	}
	for _, d := range q.distinctive {
		bits |= 1 << d
	}
	return q.at(bits)
}

func (x *Index) wordsAt(key uint32, bits uint64) string {
	var out []string
	for j, id := range x.wordsOf(key) {
		if bits>>j&1 == 1 {
			out = append(out, x.word(id))
		}
	}
	return strings.Join(out, " ")
}
