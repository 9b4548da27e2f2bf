package directory

import (
	"fmt"
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
//  1. a text that is a listed name as a whole is that one, also when it looks like a host;
//  2. an identifier that nobody listed owns caps everything at lookalike, and so do identifiers of two entries;
//  3. a name whose every distinctive word is explained by one entry, and by no other as well, is that entry;
//  4. a name that has nearly all of an entry's words and one more, or another, is a look-alike;
//  5. all else is nothing.
func (x *Index) Ask(text string) Answer {
	if len(text) > maxQuery {
		text = strings.ToValidUTF8(text[:maxQuery], "")
	}
	plain, mixed := words.MixedScripts(text)
	if !mixed {
		if hit, ok := x.wholeName(words.Name(text)); ok {
			return x.answer(hit)
		}
	}
	ids, rest := x.identifiers(plain)
	name := x.byName(queryOf(rest))
	if len(ids) > 0 {
		name = x.withIdentifiers(ids, mixed, queryOf(rest), name)
	}
	if mixed && (name.outcome == Exact || name.outcome == Confident) { // nobody's keyboard does so by accident
		name.outcome, name.score = Lookalike, 0.9
		name.why += "; letters of another script are mixed in"
	}
	return x.answer(name)
}

// hit is an answer under way: entries by their index.
type hit struct {
	outcome Outcome
	entries []int32
	score   float64
	field   string
	why     string
}

// maxOffered are named when several may be meant.
const maxOffered = 3

func (x *Index) answer(h hit) Answer {
	a := Answer{Outcome: h.outcome, Score: h.score, Field: h.field, Why: h.why}
	for i, e := range h.entries {
		if i == maxOffered || i > 0 && h.outcome != Ambiguous {
			break
		}
		a.Entries = append(a.Entries, x.entries[e])
	}
	return a
}

// query is a text as words, with those that mark a name apart from chat.
type query struct {
	words       []string
	sounds      []string
	distinctive []int // indices of words that are not chat
}

func queryOf(text string) query {
	q := query{words: words.Name(text)}
	if len(q.words) > maxWords {
		q.words = q.words[:maxWords]
	}
	q.sounds = make([]string, len(q.words))
	for i, w := range q.words {
		q.sounds[i] = words.Sound(words.Expand(w))
		// "pinjaman online" is what people call the trade; "online" alone is part of a name.
		chat := words.Chat(w) || words.LegalForm(w) || w == "online" && i > 0 && words.Chat(q.words[i-1]) && strings.HasPrefix(q.words[i-1], "pinj")
		if !chat {
			q.distinctive = append(q.distinctive, i)
		}
	}
	return q
}

// wholeName finds entries whose name or alias is exactly these words.
func (x *Index) wholeName(ws []string) (hit, bool) {
	keys := x.exact[strings.Join(ws, " ")]
	if len(keys) == 0 {
		return hit{}, false
	}
	var entries []int32
	field := "alias"
	for _, k := range keys {
		entries = appendOnce(entries, x.keys[k].entry)
		if !x.keys[k].alias {
			field = "name"
		}
	}
	return x.licensed(entries, Exact, 1, field, fmt.Sprintf("the %s is equal", field)), true
}

// licensed makes the answer for entries that are meant: one is what outcome says, an illegal one is listed-illegal, several
// are ambiguous, also when some are illegal: a name on both lists is never only one of them.
func (x *Index) licensed(entries []int32, outcome Outcome, score float64, field, why string) hit {
	illegal := 0
	for _, e := range entries {
		if x.entries[e].Status == StatusIllegal {
			illegal++
		}
	}
	switch {
	case illegal == len(entries):
		return hit{outcome: ListedIllegal, entries: entries, score: score, field: field, why: why + "; it is on the warning list"}
	case len(entries) == 1:
		return hit{outcome: outcome, entries: entries, score: score, field: field, why: why}
	case illegal > 0:
		why += "; some of them are on the warning list"
	}
	return hit{outcome: Ambiguous, entries: entries, score: min(score, 0.6), field: field, why: fmt.Sprintf("%d entries may be meant: %s", len(entries), why)}
}

// byName decides by names alone.
func (x *Index) byName(q query) hit {
	if len(q.words) == 0 {
		return hit{outcome: None, why: "nothing was asked"}
	}
	if h, ok := x.exactWithin(q); ok {
		return h
	}
	if len(q.distinctive) == 0 {
		return hit{outcome: None, why: "nothing but chat words was asked"}
	}
	sounds := make([]string, len(q.distinctive))
	for i, d := range q.distinctive {
		sounds[i] = q.sounds[d]
	}
	var found []alignment
	for _, k := range x.candidates(sounds) {
		found = append(found, x.align(q, k))
	}
	if h, ok := x.meant(q, found); ok {
		return h
	}
	if h, ok := x.resembles(q, found); ok {
		return h
	}
	return hit{outcome: None, why: "no entry has these words"}
}

// exactWithin finds a listed name that, chat aside, is all that was asked. The longest wins.
func (x *Index) exactWithin(q query) (hit, bool) {
	if len(q.distinctive) == 0 {
		return x.wholeName(q.words) // a name of chat words only counts as the whole query
	}
	first, last := q.distinctive[0], q.distinctive[len(q.distinctive)-1]
	bare := make([]string, len(q.distinctive))
	for i, d := range q.distinctive {
		bare[i] = q.words[d]
	}
	// Chat words may be part of the name: at its ends or within.
	const reach = 4
	for from := max(0, first-reach); from <= first; from++ {
		for to := min(len(q.words)-1, last+reach); to >= last; to-- {
			if h, ok := x.wholeName(q.words[from : to+1]); ok {
				return h, true
			}
		}
	}
	return x.wholeName(bare)
}

// withIdentifiers decides where identifiers stand beside, or instead of, a name.
func (x *Index) withIdentifiers(ids []identifier, mixed bool, q query, name hit) hit {
	var owners []int32
	var strange, own *identifier
	for i := range ids {
		id := &ids[i]
		if len(id.entries) == 0 || mixed && id.field == "site" {
			strange = id
			continue
		}
		if own == nil {
			own, owners = id, id.entries
			continue
		}
		if common := shared(owners, id.entries); len(common) > 0 {
			owners = common
			continue
		}
		return hit{outcome: Lookalike, entries: owners, score: 0.5, field: id.field, why: fmt.Sprintf("%q and %q belong to two different entries", own.text, id.text)}
	}
	if name.outcome == ListedIllegal {
		return name
	}
	if strange != nil {
		return x.strangeIdentifier(strange, owners, name)
	}
	return x.genuineIdentifier(own, owners, q)
}

// strangeIdentifier: nobody listed owns it, so nothing beside it is licensed.
func (x *Index) strangeIdentifier(id *identifier, owners []int32, name hit) hit {
	why := fmt.Sprintf("%s %q is none of the data set's", id.field, id.text)
	switch {
	case name.outcome != None:
		return hit{outcome: Lookalike, entries: name.entries[:1], score: 0.7, field: id.field, why: why}
	case len(owners) > 0:
		return hit{outcome: Lookalike, entries: owners, score: 0.7, field: id.field, why: why}
	case id.field == "site" || id.field == "email":
		if near := x.byName(queryOf(hostWords(id.value))); near.outcome != None && near.outcome != ListedIllegal {
			return hit{outcome: Lookalike, entries: near.entries[:1], score: 0.7, field: id.field, why: why + ", and it is made to look like this one"}
		} else if near.outcome == ListedIllegal {
			return near
		}
	}
	return hit{outcome: None, field: id.field, why: why}
}

// hostWords parts a host, or the host of an e-mail, into words without its ending.
func hostWords(v string) string {
	v, _ = words.MixedScripts(v[strings.LastIndexByte(v, '@')+1:])
	labels := strings.Split(v, ".")
	for len(labels) > 1 && topLevel[labels[len(labels)-1]] {
		labels = labels[:len(labels)-1]
	}
	return strings.Join(labels, " ")
}

// genuineIdentifier: its owner is meant, unless a distinctive word stands beside it that the owner has not.
func (x *Index) genuineIdentifier(id *identifier, owners []int32, q query) hit {
	if len(q.distinctive) == 0 {
		return x.licensed(owners, Exact, 1, id.field, fmt.Sprintf("%s %q is equal", id.field, id.text))
	}
	var explained []int32
	stranger := ""
	for k := range x.keys {
		if !contains(owners, x.keys[k].entry) {
			continue
		}
		a := x.align(q, int32(k))
		if len(a.unexplained) == 0 {
			explained = appendOnce(explained, x.keys[k].entry)
		} else {
			stranger = q.words[a.unexplained[0]]
		}
	}
	if len(explained) > 0 {
		return x.licensed(explained, Exact, 1, id.field, fmt.Sprintf("%s %q is equal, and so is the name beside it", id.field, id.text))
	}
	if x.entries[owners[0]].Status == StatusIllegal {
		return x.licensed(owners[:1], Exact, 0.9, id.field, fmt.Sprintf("%s %q is equal", id.field, id.text))
	}
	return hit{outcome: Lookalike, entries: owners[:1], score: 0.7, field: id.field, why: fmt.Sprintf("%s %q is genuine, but %q beside it is not in the name", id.field, id.text, stranger)}
}

func shared(a, b []int32) []int32 {
	var out []int32
	for _, v := range a {
		if contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

func contains(list []int32, v int32) bool {
	for _, w := range list {
		if w == v {
			return true
		}
	}
	return false
}
