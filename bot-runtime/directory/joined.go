package directory

import (
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// What is compared without blanks forgets where words end. These are the rules about words that it must not forget.

// hasWordMore: one of the words is none of the name's, though its letters are few enough to pass for typos: without it the name
// is no farther off. "dana mekar xy" is no typo of "dana mekar", and neither is "dana mekar bbbabb", which sounds no longer than "bab".
func (x *Index) hasWordMore(q *query, a *alignment) bool {
	short := slices.ContainsFunc(q.distinctive, func(d int) bool { return brief(q.words[d].text) })
	if !short || len(q.words) == 1 {
		return false
	}
	name := strings.Join(x.textsOf(a.key), "")
	sound := words.Sound(name)
	near := func(ws []string) bool {
		s := strings.Join(ws, "")
		return typed(s, name, a.edits) <= a.edits || typed(words.Sound(s), sound, a.edits) <= a.edits
	}
	more := false
	for _, ws := range [...][]string{q.distinctiveWords(), q.span(0, len(q.words)), q.folded} { // as it may have been found
		if !near(ws) {
			continue
		}
		needed := true
		for i, w := range ws {
			if brief(w) && !words.Chat(w) && near(slices.Delete(slices.Clone(ws), i, i+1)) {
				needed = false
			}
		}
		if needed {
			return false
		}
		more = true
	}
	return more
}

// brief: no more letters, as written or as heard, than typos may be.
func brief(w string) bool {
	const longest = 3
	return len(w) <= longest || len(words.Sound(w)) <= longest
}

func (x *Index) textsOf(key uint32) []string {
	ids := x.wordsOf(key)
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = x.word(id)
	}
	return out
}

// rigidOtherwise: joined or split, what was asked has another kind of licence or place than the name has there, and is no typo
// of it, as "bprsmekar" is none of "BPR Mekar".
func (x *Index) rigidOtherwise(q *query, key uint32) bool {
	asked, name := q.compact(false), x.textsOf(key)
	if readsRigidOtherwise(asked, name) {
		return true
	}
	return len(q.distinctive) < len(q.words) && len(q.words) <= 8 && readsRigidOtherwise(q.compact(true), name)
}

func readsRigidOtherwise(asked string, name []string) bool {
	whole := strings.Join(name, "")
	if asked == whole {
		return false
	}
	const far, reach = 4, 2 // letters that old spelling and typos change; that they move a word's ends
	off := typed(asked, whole, far)
	if off > far {
		return false
	}
	at := 0
	for _, w := range name {
		end := at + len(w)
		for from := max(0, at-reach); from <= min(at+reach, len(asked)); from++ {
			for to := max(from+3, end-reach); to <= min(end+reach, len(asked)); to++ {
				part := asked[from:to]
				if part == w || !words.Rigid(part) {
					continue
				}
				if typed(asked[:from], whole[:at], off)+typed(part, w, off)+typed(asked[to:], whole[end:], off) <= off {
					return true
				}
			}
		}
		at = end
	}
	return false
}

// gathered reads the words of a kind's long form as its abbreviation where they do not stand as they should: "Mekar, bank rakyat
// perkreditan". What it finds is never exact, and a name with more typos than two, those of the long form among them, is not meant.
func (x *Index) gathered(q *query) (hit, bool) {
	const mostTypos = 2
	if q.parted || len(q.words) < 3 {
		return hit{}, false
	}
	for _, form := range words.LongForms(q.folded) {
		if slices.ContainsFunc(q.words, func(w queryWord) bool { return w.text == form.Short }) { // it stood as it should
			continue
		}
		again := x.query(form.Short + " " + strings.Join(form.Rest, " "))
		again.parted, again.twofold = true, false
		h := x.readAs(again)
		switch {
		case h.outcome == None:
			continue
		case h.outcome == Exact:
			h.outcome, h.score = Confident, 0.9
		case h.outcome == Confident && h.edits+form.Typos > mostTypos:
			h.outcome, h.score = Lookalike, 0.7
		}
		return h, true
	}
	return hit{}, false
}

// partedAtRigid reads words that nobody has as a kind of licence or a place joined to something, or is nil when there are none.
func (x *Index) partedAtRigid(q *query) *query {
	if q.parted {
		return nil
	}
	var parts []string
	for i := range q.words {
		w := &q.words[i]
		if at := rigidEnd(w.text); !w.chat && w.id == none && at > 0 && !dropped(w.text[:at]) && !dropped(w.text[at:]) {
			parts = append(parts, w.text[:at], w.text[at:])
		} else {
			parts = append(parts, w.text)
		}
	}
	if len(parts) == len(q.words) || len(parts) > maxWords {
		return nil
	}
	parted := x.query(strings.Join(parts, " "))
	parted.parted, parted.twofold = len(parted.words) >= len(parts), false
	return parted
}

// dropped: a word that stands alone is chat or a legal form; glued to another it is neither.
func dropped(w string) bool { return words.Chat(w) || words.ChatInContext(w) || words.LegalForm(w) }

// rigidEnd is where to part a word that begins or ends as a kind of licence or a place, or 0. The longest such part counts.
func rigidEnd(w string) int {
	const rest, longest = 3, 18
	for n := min(longest, len(w)-rest); n >= 3; n-- {
		switch {
		case words.Rigid(w[:n]):
			return n
		case words.Rigid(w[len(w)-n:]):
			return len(w) - n
		}
	}
	return 0
}

// asTyped: as they were typed, the words may be words of some name, also joined or split, so that a name of which they are a part
// competes with a whole name that has a typo.
func (x *Index) asTyped(q *query) bool {
	for i := 0; i < len(q.distinctive); {
		n := 0 // words that make sense together
		if w := &q.words[q.distinctive[i]]; w.id != none || x.joinsWords(w.text) {
			n = 1
		}
		joined := ""
		for to := i; to < min(i+4, len(q.distinctive)); to++ {
			joined += q.words[q.distinctive[to]].text
			if to > i && x.knows(joined) != none {
				n = to + 1 - i
			}
		}
		if n == 0 {
			return false
		}
		i += n
	}
	return true
}

func (x *Index) knows(text string) uint32 {
	var buf [maxTyped]byte
	if len(text) >= maxTyped {
		return none
	}
	return x.soundCalled(words.AppendSound(buf[:0], text, false))
}

// joinsWords: a word is two or three of one name's written together.
func (x *Index) joinsWords(w string) bool {
	const longest, shortest = 48, 2
	if len(w) > longest {
		return true
	}
	for at := shortest; at+shortest <= len(w); at++ {
		first := x.knows(w[:at])
		if first == none {
			continue
		}
		if second := x.knows(w[at:]); second != none && x.together(first, second) {
			return true
		}
		for to := at + shortest; to+shortest <= len(w); to++ {
			if second := x.knows(w[at:to]); second != none && x.knows(w[to:]) != none && x.together(first, second) {
				return true
			}
		}
	}
	return false
}

// together: some name has both.
func (x *Index) together(a, b uint32) bool {
	const most = 1000 // names of the rarer; more is taken for yes
	if len(x.postingsOf(a)) > len(x.postingsOf(b)) {
		a, b = b, a
	}
	postings := x.postingsOf(a)
	if len(postings) > most {
		return true
	}
	for _, k := range postings {
		for _, w := range x.wordsOf(k) {
			if x.wordSound[w] == b {
				return true
			}
		}
	}
	return false
}
