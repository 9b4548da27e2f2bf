package directory

import (
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// query is a text as words, with those that mark a name apart from chat.
type query struct {
	text        string
	folded      []string // without legal forms
	talk        []bool   // which of those are chat
	words       []queryWord
	distinctive []int // indices of words that are not chat
	cut         bool  // there were more words than are read
	// twofold: a word was read as an abbreviation that may as well be chat.
	twofold bool
	parted  bool // words were parted at kinds of licence and places
}

type queryWord struct {
	text  string // folded, abbreviations expanded
	sound []byte
	id    uint32 // of its sound, or none
	chat  bool
	rigid bool // a kind of licence, a place or a number: never a typo of anything
	// expanded: it was written as an abbreviation, or is the beginning of a word that was split.
	expanded bool
}

// query parts a text into words. A word that is chat and an abbreviation as well, as "sy" is, belongs to the name that stands
// directly before it, else it is chat.
func (x *Index) query(text string) *query { return x.read(text, true) }

func (x *Index) read(text string, abbreviations bool) *query {
	folded := words.Name(text)
	q := &query{text: text, folded: folded, cut: len(folded) > maxWords}
	if q.cut {
		folded = folded[:maxWords]
		q.folded = folded
	}
	q.talk = make([]bool, len(folded))
	asked := make([]string, len(folded)) // chat stands as it is
	for i, w := range folded {
		asked[i] = w
		q.talk[i] = words.Chat(w)
		if full := words.Expand(w); full == w {
			continue
		} else if !q.talk[i] {
			asked[i] = full
		} else if abbreviations && i > 0 && !q.talk[i-1] && !words.ChatInContext(folded[i-1]) {
			asked[i], q.talk[i] = full, false
			q.twofold = q.twofold || i+1 < len(folded)
		}
	}
	canon := phrased(asked, words.TypedPhrase)
	q.words = make([]queryWord, 0, len(canon)+4)
	same := len(canon) == len(folded)
	for i, w := range canon {
		q.add(x, w)
		if same && folded[i] != w && len(q.words) > 0 {
			q.words[len(q.words)-1].expanded = true
		}
	}
	q.markChat()
	return q
}

// add takes a word; digits that stand before or after its letters, and for none of them, are a word of their own, so that
// "mekar88" is "mekar" and one word more.
func (q *query) add(x *Index, w string) {
	n := queryWord{text: w, sound: words.AppendSound(make([]byte, 0, len(w)+4), w, false)}
	n.id = x.soundCalled(n.sound)
	if n.id == none && words.HasDigit(w) && words.HasLetter(w) {
		if s := words.AppendSound(nil, w, true); x.soundCalled(s) != none {
			n.sound, n.id = s, x.soundCalled(s)
		} else if core := strings.Trim(w, "0123456789"); core != w && len(core) >= 3 {
			at := strings.Index(w, core)
			if at > 0 {
				q.add(x, w[:at])
			}
			q.add(x, core)
			if rest := w[at+len(core):]; rest != "" {
				q.add(x, rest)
			}
			return
		}
	}
	n.rigid = words.Rigid(w) || !words.HasLetter(w)
	q.words = append(q.words, n)
}

func (q *query) markChat() {
	for i := range q.words {
		w := &q.words[i]
		// "pinjaman online" is what people call the trade; "online" alone is part of a name.
		w.chat = words.Chat(w.text) || words.LegalForm(w.text) || w.text == "online" && i > 0 && q.words[i-1].chat && strings.HasPrefix(q.words[i-1].text, "pinj")
	}
	for i := 0; i < len(q.words); i++ { // a run of words that are chat in context is chat when no name touches it
		if q.words[i].chat || !words.ChatInContext(q.words[i].text) {
			continue
		}
		to := i
		for to < len(q.words) && !q.words[to].chat && words.ChatInContext(q.words[to].text) {
			to++
		}
		free := (i == 0 || q.words[i-1].chat) && (to == len(q.words) || q.words[to].chat)
		for j := i; j < to; j++ {
			q.words[j].chat = free
		}
		i = to
	}
	for i := range q.words {
		if !q.words[i].chat {
			q.distinctive = append(q.distinctive, i)
		}
	}
}

// withoutContext: what is chat among chat only, and stands alone beside an identifier, is no chat: "danamekar.example teman".
func (q *query) withoutContext() {
	if len(q.distinctive) > 0 || slices.ContainsFunc(q.words, func(w queryWord) bool { return !words.ChatInContext(w.text) }) {
		return
	}
	for i := range q.words {
		q.words[i].chat = false
		q.distinctive = append(q.distinctive, i)
	}
}

// compact joins the words without blanks, all of them or the distinctive ones.
func (q *query) compact(all bool) string {
	var b strings.Builder
	for i := range q.words {
		if all || !q.words[i].chat {
			b.WriteString(q.words[i].text)
		}
	}
	return b.String()
}

// touch: a word at the bits of a and one at those of b stand together, with no chat between them but at the bits of own.
func (q *query) touch(a, b, own uint64) bool {
	var run uint64
	for i := range q.words {
		if q.words[i].chat && own>>i&1 == 0 {
			run = 0
			continue
		}
		if run |= 1 << i; run&a != 0 && run&b != 0 {
			return true
		}
	}
	return false
}

// talks: more than courtesies stands beside the words at the bits, and nothing asks who is genuine or tells of an offer.
func (q *query) talks(own uint64) bool {
	talk := false
	for i := range q.words {
		talk = talk || q.words[i].chat && own>>i&1 == 0 && !words.Courtesy(q.words[i].text)
	}
	return talk && !slices.ContainsFunc(q.folded, words.Doubt)
}

// hasKind: one of the words at the bits is a kind of licence.
func (q *query) hasKind(at uint64) bool {
	for i := range q.words {
		if at>>i&1 == 1 && words.Kind(q.words[i].text) {
			return true
		}
	}
	return false
}
