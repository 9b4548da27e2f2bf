package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// alignment says which words of a query a key explains.
type alignment struct {
	key         int32
	unexplained []int // words of the query that are distinctive and not the key's
	missed      []int // words of the key that the query has not
	explained   int   // words of the key that stand for something: neither chat nor kind of licence
	edits       int
	share       float32 // weight of the explained words in the key's
	glued       bool    // the whole name stands inside the query's letters
}

// align explains the query's words by a key's: equal ones first, then equal by sound, then joined and split ones, then typos
// within the budget of the whole name.
func (x *Index) align(q query, k int32) alignment {
	key := &x.keys[k]
	var qbuf, ebuf [maxWords]bool
	qUsed, eUsed := qbuf[:len(q.words)], ebuf[:len(key.words)]
	pair := func(equal func(i, j int) bool) {
		for i := range q.words {
			for j := range key.words {
				if !qUsed[i] && !eUsed[j] && equal(i, j) {
					qUsed[i], eUsed[j] = true, true
				}
			}
		}
	}
	pair(func(i, j int) bool { return q.words[i] == key.words[j] })
	pair(func(i, j int) bool { return q.sounds[i] == key.sounds[j] && sameDigits(q.words[i], key.words[j]) })
	joinRuns(q.words, qUsed, key.words, eUsed)
	joinRuns(key.words, eUsed, q.words, qUsed)
	a := alignment{key: k}
	a.edits = typos(q, qUsed, key, eUsed)
	total := float32(0)
	for j, w := range key.words {
		weight := x.weightOf(w, key.sounds[j])
		total += weight
		if !eUsed[j] {
			a.missed = append(a.missed, j)
			continue
		}
		a.share += weight
		if !words.Kind(w) && !words.Chat(w) {
			a.explained++
		}
	}
	if total > 0 {
		a.share /= total
	}
	for _, d := range q.distinctive {
		if !qUsed[d] {
			a.unexplained = append(a.unexplained, d)
		}
	}
	if len(a.unexplained) > 0 && len(a.missed) > 0 {
		a.glued = glued(q, key)
	}
	return a
}

// sameDigits: "m3kar" sounds as "mekar", but "jaya8" is not "jayab", and 21 is not 31.
func sameDigits(a, b string) bool {
	return strings.IndexFunc(a, isDigit) < 0 || len(a) == len(b) || len(a) > 0 && !isDigit(rune(a[len(a)-1])) && !isDigit(rune(a[0]))
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// joinRuns explains a word of whole by up to four words of parts that stand side by side: "dana mekar" and "danamekar".
func joinRuns(parts []string, partUsed []bool, whole []string, wholeUsed []bool) {
	for j, w := range whole {
		if wholeUsed[j] {
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

// typos explains words that are a typo of each other. The budget is that of the explained name's letters; kinds of licence and
// numbers are never a typo of anything.
func typos(q query, qUsed []bool, key *key, eUsed []bool) int {
	letters := 0
	for _, w := range key.words {
		letters += len(w)
	}
	budget, edits := words.TypoBudget(letters), 0
	for _, i := range q.distinctive {
		w := q.words[i]
		if qUsed[i] || words.Kind(w) || len(w) < 3 {
			continue
		}
		best, bestJ := budget-edits+1, -1
		for j, e := range key.words {
			if eUsed[j] || words.Kind(e) || len(e) < 3 || digitsOf(w) != digitsOf(e) {
				continue
			}
			limit := min(best-1, 1)
			if len(e) >= 6 {
				limit = min(best-1, 2)
			}
			if limit < 1 {
				continue
			}
			if d := words.Distance(w, e, limit); d <= limit {
				best, bestJ = d, j
			}
		}
		if bestJ >= 0 {
			qUsed[i], eUsed[bestJ] = true, true
			edits += best
		}
	}
	return edits + joinedTypo(q, qUsed, key, eUsed, budget-edits)
}

// joinedTypo explains one word that is several of the name's run together, with a typo: "danamekarjya". The other way round
// is not explained: a word too many is a word too many.
func joinedTypo(q query, qUsed []bool, key *key, eUsed []bool, budget int) int {
	if budget < 1 {
		return 0
	}
	for _, i := range q.distinctive {
		w := q.words[i]
		if qUsed[i] || len(w) < 8 {
			continue
		}
		for from := range key.words {
			joined := ""
			for to := from; to < len(key.words) && !eUsed[to]; to++ {
				joined += key.words[to]
				if to == from || len(joined)+budget < len(w) || digitsOf(joined) != digitsOf(w) {
					continue
				}
				if d := words.Distance(w, joined, budget); d <= budget {
					qUsed[i] = true
					for m := from; m <= to; m++ {
						eUsed[m] = true
					}
					return d
				}
			}
		}
	}
	return 0
}

func digitsOf(s string) string {
	if strings.IndexFunc(s, isDigit) < 0 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if isDigit(r) {
			return r
		}
		return -1
	}, s)
}

// glued: the whole name stands in the letters of the query, with more around it: "danamekarjayacepat".
func glued(q query, key *key) bool {
	const least = 8
	name := strings.Join(key.words, "")
	if len(name) < least {
		return false
	}
	for _, d := range q.distinctive {
		if len(q.words[d]) > len(name) && strings.Contains(q.words[d], name) {
			return true
		}
	}
	return false
}

// meant: every distinctive word is explained by one entry, and no other entry is as near.
func (x *Index) meant(q query, found []alignment) (hit, bool) {
	best := map[int32]alignment{}
	var order []int32
	for _, a := range found {
		if len(a.unexplained) > 0 || a.explained == 0 {
			continue
		}
		e := x.keys[a.key].entry
		if b, ok := best[e]; !ok {
			best[e] = a
			order = append(order, e)
		} else if nearer(a, b) < 0 {
			best[e] = a
		}
	}
	if len(order) == 0 {
		return hit{}, false
	}
	slices.SortStableFunc(order, func(a, b int32) int { return nearer(best[a], best[b]) })
	first := best[order[0]]
	as := order[:1]
	for _, e := range order[1:] {
		b := best[e]
		whole := len(first.missed) == 0 && nearer(first, b) < 0 // it wins over a name of which it is a part
		if b.edits > first.edits || whole && first.edits <= b.edits {
			continue // but a whole name with a typo is no nearer than a part without
		}
		as = append(as, e)
	}
	key := &x.keys[first.key]
	field := "name"
	if key.alias {
		field = "alias"
	}
	why := "the words are equal but for how they are written"
	switch {
	case first.edits > 0:
		why = fmt.Sprintf("every word is explained, with %d letters typed otherwise", first.edits)
	case len(first.missed) > 0:
		why = fmt.Sprintf("every word is explained; %q was left out", wordsAt(key.words, first.missed))
	}
	score := max(0.5, 0.95-0.05*float64(first.edits)-0.1*float64(len(first.missed)))
	return x.licensed(as, Confident, score, field, why), true
}

// nearer orders alignments that explain everything: fewer words missed, then fewer edits.
func nearer(a, b alignment) int {
	if d := len(a.missed) - len(b.missed); d != 0 {
		return d
	}
	return a.edits - b.edits
}

// resembles: nearly all of an entry's words are there, and one more or another in their place.
func (x *Index) resembles(q query, found []alignment) (hit, bool) {
	best := -1
	for i := range found {
		if a := &found[i]; x.lookalike(a) && (best < 0 || x.more(a, &found[best])) {
			best = i
		}
	}
	if best < 0 {
		return hit{}, false
	}
	a := &found[best]
	key := &x.keys[a.key]
	e := &x.entries[key.entry]
	var why string
	switch {
	case len(a.unexplained) == 0:
		why = fmt.Sprintf("near to %q", e.Name)
	case len(a.missed) == 0 || a.glued:
		why = fmt.Sprintf("%q is not in the name %q and not a chat word, see docs/concepts/look-up.md", wordsAt(q.words, a.unexplained), e.Name)
	default:
		why = fmt.Sprintf("%q stands where %q has %q, see docs/concepts/look-up.md", wordsAt(q.words, a.unexplained), e.Name, wordsAt(key.words, a.missed))
	}
	return hit{outcome: Lookalike, entries: []int32{key.entry}, score: 0.8 * float64(a.share), field: "name", why: why}, true
}

// Bounds of a resemblance, so that plain talk with a name's word in it raises no alarm.
const (
	maxAddedToOneWord = 2   // words beside a name of a single word
	maxAddedToOthers  = 2   // words beside a longer name of which one word is replaced
	leastShare        = 0.5 // weight of the explained words where one is replaced
	leastShareOfTwo   = 0.6 // the same of a name of two words: "dana cepat" is no look-alike of "dana mekar"
)

func (x *Index) lookalike(a *alignment) bool {
	n := len(x.keys[a.key].words)
	switch {
	case a.glued:
		return true
	case a.explained == 0 || len(a.unexplained) == 0:
		return false
	case len(a.missed) == 0 && n == 1:
		return len(a.unexplained) <= maxAddedToOneWord
	case len(a.missed) == 0:
		return true
	}
	if n == 2 {
		return len(a.missed) == 1 && len(a.unexplained) == 1 && a.share >= leastShareOfTwo
	}
	return len(a.missed) == 1 && len(a.unexplained) <= maxAddedToOthers && a.share >= leastShare
}

// more: the greater resemblance; of equals, a licensed entry, which a fake would imitate.
func (x *Index) more(a, b *alignment) bool {
	if a.glued != b.glued && len(b.missed) > 0 {
		return a.glued
	}
	if len(a.missed) != len(b.missed) {
		return len(a.missed) < len(b.missed)
	}
	if len(a.unexplained) != len(b.unexplained) {
		return len(a.unexplained) < len(b.unexplained)
	}
	if a.share != b.share {
		return a.share > b.share
	}
	return x.entries[x.keys[a.key].entry].Status == StatusLicensed && x.entries[x.keys[b.key].entry].Status != StatusLicensed
}

func wordsAt(ws []string, at []int) string {
	out := make([]string, len(at))
	for i, j := range at {
		out[i] = ws[j]
	}
	return strings.Join(out, " ")
}
