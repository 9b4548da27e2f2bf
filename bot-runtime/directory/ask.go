package directory

import (
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Bounds of a query; what is beyond is not read.
const (
	maxQuery = 4000 // bytes
	maxWords = 40
)

// Ask finds what a text means: a name as people type it, a sentence around one, or an identifier. The rules are those of
// docs/concepts/look-up.md; the first that has the say decides:
//
//  1. what is written as a listed name is, letter by letter, is that name, also when it looks like a host;
//  2. an identifier that nobody listed owns caps everything at lookalike, and so do identifiers of two entries;
//  3. a name whose every distinctive word is explained by one entry, and by no other as well, is that entry;
//  4. a name that has nearly all of an entry's words and one more, or another, is a look-alike;
//  5. all else is nothing.
//
// What only reads as a listed name or host does, by letters of another script or something invisible in a host, and what is too
// long to be read to its end, is a look-alike at most.
func (x *Index) Ask(text string) Answer {
	text, cut := beginning(text)
	plain, mixed, hidden := words.Legible(text)
	ids, rest, more := x.identifiersIn(plain)
	whole := false
	var h hit
	if len(ids) == 0 || x.written(strings.TrimSpace(text)) {
		h, whole = x.wholeName(words.Name(plain))
	}
	if !whole {
		q := x.query(withoutMoney(rest))
		cut = cut || more || q.cut
		h = x.byName(q)
		if len(ids) > 0 {
			h = x.withIdentifiers(ids, mixed || hidden, q, h)
		}
	}
	switch {
	case h.outcome != Exact && h.outcome != Confident:
	case mixed && (len(ids) > 0 || !x.asListed(text, h.entries)): // nobody's keyboard does so by accident
		h.outcome, h.score, h.why = Lookalike, 0.9, h.why.and(whyMixed)
	case cut:
		h.outcome, h.score, h.why = Lookalike, 0.6, h.why.and(whyCut)
	}
	return x.answer(h)
}

// beginning is what of a text is read, and whether there is more.
func beginning(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if len(text) <= maxQuery {
		return text, false
	}
	return strings.ToValidUTF8(text[:maxQuery], ""), true
}

// written says whether a text is a listed name as it is written, but for case and legal forms. Folding is not enough where a
// text looks like a host: "bmj.co" is not BMJ.
func (x *Index) written(text string) bool {
	var buf [8]uint32
	for _, k := range x.namedBy(words.Name(text), buf[:0]) {
		e := x.rows.entry(x.entryOf(k))
		for _, name := range append([]string{e.Name}, e.Aliases...) {
			if bareName(name) == bareName(text) {
				return true
			}
		}
	}
	return false
}

// asListed: each word with letters of another script or alphabet is a word of the entries' names, as the list writes it.
func (x *Index) asListed(text string, entries []uint32) bool {
	for _, w := range words.Split(text) {
		if _, mixed := words.MixedScripts(w); !mixed {
			continue
		}
		for _, i := range entries {
			e := x.rows.entry(i)
			if !slices.ContainsFunc(append(e.Aliases, e.Name), func(name string) bool { return slices.Contains(words.Split(name), w) }) {
				return false
			}
		}
	}
	return true
}

// bareName is a name as it is written, in small letters, without the words that are legal forms.
func bareName(name string) string {
	var kept []string
	for _, w := range strings.Fields(strings.ToLower(name)) {
		if bare := strings.Trim(w, ".,()"); !words.LegalForm(strings.ReplaceAll(bare, ".", "")) {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

// hit is an answer under way: entries by their index.
type hit struct {
	outcome Outcome
	entries []uint32
	score   float64
	edits   int // letters typed otherwise, of a name
	field   string
	why     Reason
}

// maxOffered are named when several may be meant.
const maxOffered = 3

func (x *Index) answer(h hit) Answer {
	a := Answer{Outcome: h.outcome, Score: h.score, Field: h.field, Why: h.why.EN, WhyID: h.why.ID}
	for i, e := range h.entries {
		if i == maxOffered || i > 0 && h.outcome != Ambiguous {
			break
		}
		a.Entries = append(a.Entries, x.rows.entry(e))
	}
	return a
}

// wholeName finds entries whose name or alias is exactly these words.
func (x *Index) wholeName(ws []string) (hit, bool) {
	var buf [8]uint32
	keys := x.namedBy(ws, buf[:0])
	if len(keys) == 0 {
		return hit{}, false
	}
	var entries []uint32
	field := fieldAlias
	for _, k := range keys {
		entries = appendOnce(entries, x.entryOf(k))
		if !x.isAlias(k) {
			field = fieldName
		}
	}
	return x.licensed(entries, Exact, 1, field, whyEqual(field)), true
}

// licensed makes the answer for entries that are meant: one is what outcome says, an illegal one is listed-illegal, several
// are ambiguous, also when some are illegal: a name on both lists is never only one of them.
func (x *Index) licensed(entries []uint32, outcome Outcome, score float64, field string, why Reason) hit {
	illegal := len(x.listedAmong(entries))
	if illegal > 0 && illegal < len(entries) && len(entries) > maxOffered { // both kinds are among those named
		first := x.illegal(entries[0])
		if other := slices.IndexFunc(entries, func(e uint32) bool { return x.illegal(e) != first }); other >= maxOffered {
			entries[maxOffered-1], entries[other] = entries[other], entries[maxOffered-1]
		}
	}
	switch {
	case illegal == len(entries):
		return hit{outcome: ListedIllegal, entries: entries, score: score, field: field, why: why.and(whyListed)}
	case len(entries) == 1:
		return hit{outcome: outcome, entries: entries, score: score, field: field, why: why}
	case illegal > 0:
		why = why.and(whySomeListed)
	}
	return hit{outcome: Ambiguous, entries: entries, score: min(score, 0.6), field: field, why: whySeveral(len(entries), why)}
}

// exactWithin finds a listed name that, chat aside, is all that was asked. The longest wins.
func (x *Index) exactWithin(q *query) (hit, bool) {
	if len(q.distinctive) == 0 {
		return x.wholeName(q.folded) // a name of chat words only counts as the whole query
	}
	if len(q.folded) == len(q.words) { // else a phrase was shortened, and the places differ
		first, last := q.distinctive[0], q.distinctive[len(q.distinctive)-1]
		const reach = 4 // chat words may be part of the name: at its ends or within
		for from := max(0, first-reach); from <= first; from++ {
			for to := min(len(q.words)-1, last+reach); to >= last; to-- {
				if h, ok := x.wholeName(q.folded[from : to+1]); ok {
					return q.presented(h, from, to), true
				}
			}
		}
	}
	bare := make([]string, 0, len(q.folded))
	for i, w := range q.folded {
		if !q.talk[i] {
			bare = append(bare, w)
		}
	}
	h, ok := x.wholeName(bare)
	if !ok {
		return hit{}, false
	}
	return q.presented(h, len(q.talk), 0), true
}

// presented: a name that is put with nothing but an impostor's words beside it, as "Dana Mekar Official" and "Admin Dana Mekar", and asks
// nothing, is no more than confident: so it is shown with the genuine one's site. from and to are the words that are the name's.
func (q *query) presented(h hit, from, to int) hit {
	if h.outcome != Exact || strings.Contains(q.text, "?") {
		return h
	}
	claims := 0
	for i, talk := range q.talk {
		if !talk || i >= from && i <= to {
			continue
		}
		if !words.Claim(q.folded[i]) {
			return h
		}
		claims++
	}
	if claims > 0 {
		h.outcome, h.score, h.why = Confident, 0.9, h.why.and(whyPresented)
	}
	return h
}

// byName decides by names alone. Where a word may be an abbreviation or chat, and both readings mean somebody, both may be meant.
func (x *Index) byName(q *query) hit {
	h := x.readAs(q)
	if !q.twofold || h.outcome != Exact && h.outcome != Confident {
		return h
	}
	other := x.readAs(x.read(q.text, false))
	if other.outcome != Exact && other.outcome != Confident || other.entries[0] == h.entries[0] {
		return h
	}
	return x.licensed([]uint32{h.entries[0], other.entries[0]}, Confident, h.score, h.field, h.why)
}

func (x *Index) readAs(q *query) hit {
	if len(q.words) == 0 {
		return hit{outcome: None, why: whyNothing}
	}
	if h, ok := x.exactWithin(q); ok {
		return h
	}
	if len(q.distinctive) == 0 {
		return hit{outcome: None, why: whyOnlyChat}
	}
	var buf [64]alignment
	found := x.asWhole(q, q.searches(), buf[:0])
	if len(found) == 0 && len(q.distinctive) < len(q.words) {
		found = x.asWhole(q, q.wider(), found)
	}
	found = slices.DeleteFunc(found, func(a alignment) bool { return !x.closeEnough(q, &a) })
	best := -1
	for i := range found {
		if best < 0 || found[i].edits < best {
			best = found[i].edits
		}
	}
	// A whole name is nearer than any part of another; only parts with fewer typos could compete.
	if best == 0 || best == 1 && !x.asTyped(q) {
		if h, ok := x.meant(q, found); ok {
			return h
		}
	}
	x.byWords(q, func(key uint32) {
		for i := range found {
			if found[i].key == key {
				return
			}
		}
		if a := x.align(q, key); a.explained > 0 || a.glued {
			found = append(found, a)
		}
	})
	if h, ok := x.meant(q, found); ok {
		return h
	}
	if h, ok := x.gathered(q); ok {
		return h
	}
	if parted := x.partedAtRigid(q); parted != nil {
		if h := x.readAs(parted); h.outcome != None {
			switch {
			case h.outcome == Exact: // what was joined is not equal
				h.outcome, h.score = Confident, 0.9
			case h.outcome == Confident && h.edits > 0: // joined otherwise than the name, and typed otherwise
				h.outcome, h.score = Lookalike, 0.7
			}
			return h
		}
	}
	if h, ok := x.resembles(q, found); ok {
		return h
	}
	return hit{outcome: None, why: whyNoEntry}
}

// maxWhole keys are kept that are all that was asked.
const maxWhole = 48

// asWhole finds keys that, written without blanks, are what was asked but for typos.
func (x *Index) asWhole(q *query, searches [][2]string, found []alignment) []alignment {
	numbered := q.numbered()
	for _, s := range searches {
		x.whole(s[0], s[1], func(key uint32, edits int) {
			if numbered && edits > 0 {
				return
			}
			for i := range found {
				if found[i].key == key {
					found[i].edits = min(found[i].edits, edits)
					return
				}
			}
			if len(found) < maxWhole && x.sameKind(q, key, edits) {
				found = append(found, alignment{key: key, edits: edits, share: 1, explained: 1, names: 1, asked: len(q.distinctive)})
			}
		})
	}
	return slices.DeleteFunc(found, func(a alignment) bool { return x.hasWordMore(q, &a) || x.rigidOtherwise(q, a.key) })
}

// numbered says whether a word is letters with a number behind, as "manmu94". Its digits may stand for letters that they look like,
// but then all else is as listed: with a typo beside, nearly every name is near.
func numbered(w string) bool {
	letters := strings.TrimRight(w, "0123456789")
	return letters != "" && len(w)-len(letters) >= 2
}

func (q *query) numbered() bool {
	return slices.ContainsFunc(q.distinctive, func(d int) bool { return numbered(q.words[d].text) })
}

// sameKind: a kind of licence, a place or a number that was asked as a word is the key's as well, letter by letter.
func (x *Index) sameKind(q *query, key uint32, edits int) bool {
	ids := x.wordsOf(key)
words:
	for _, d := range q.distinctive {
		w := &q.words[d]
		if !w.rigid || edits == 0 && (!words.Kind(w.text) || w.expanded) {
			continue
		}
		for _, id := range ids {
			if w.id != none && w.id == x.wordSound[id] {
				continue words
			}
		}
		return false
	}
	return true
}

func leadingKind(w string) string {
	for n := min(len(w)-1, 12); n >= 3; n-- {
		if words.Kind(w[:n]) {
			return w[:n]
		}
	}
	return ""
}

func trailingKind(w string) string {
	for n := min(len(w)-1, 12); n >= 3; n-- {
		if words.Kind(w[len(w)-n:]) {
			return w[len(w)-n:]
		}
	}
	return ""
}
