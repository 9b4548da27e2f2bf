package lookup

import (
	"hash/fnv"
	"math/bits"
	"regexp"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

func sortStrings(s []string) { slices.Sort(s) }

// claimed says whether an entry other than these could claim a text by definition 4: every distinctive word is one of its own,
// within the typos that its length allows, in any order, or the whole without blanks is. It is written apart from the index,
// in the plainest way: it looks at every entry that as a whole has a third of the text's letters in one piece, where no typo
// fell, and at every entry that shares a word. Of words that very many names have, only the rarest is looked at.
func (c *Corpus) claimed(text string, by ...int) bool {
	all := words.Name(amounts.ReplaceAllString(text, " "))
	talks := slices.ContainsFunc(all, words.Chat)
	var distinctive []string
	for _, w := range all {
		if !words.Chat(w) && !(talks && words.ChatInContext(w)) {
			distinctive = append(distinctive, w)
		}
	}
	asked := speak(distinctive)
	if len(distinctive) == 0 {
		return false
	}
	claims := func(list []int32) bool {
		for _, e := range list {
			if c.letters[e].might(asked.letters) && !slices.Contains(by, int(e)) && c.couldBe(int(e), asked) {
				return true
			}
		}
		return false
	}
	byPieces := func(s string, is func(e int, has uint32) bool) bool {
		has := lettersOf(s)
		for length := max(1, len(s)-2); length <= len(s)+2; length++ {
			budget := words.TypoBudget(length)
			for i := range piecesOf(budget) {
				from, to := pieceOf(length, budget, i)
				for shift := -2; shift <= 2; shift++ {
					if from+shift < 0 || to+shift > len(s) {
						continue
					}
					for _, o := range c.byPiece[pieceKey(length, i, s[from+shift:to+shift])] {
						if bits.OnesCount32(o.has&^has) <= budget && bits.OnesCount32(has&^o.has) <= budget && !slices.Contains(by, int(o.entry)) && is(int(o.entry), has) {
							return true
						}
					}
				}
			}
		}
		return false
	}
	for _, s := range slices.Compact([]string{asked.whole, asked.sound}) {
		if byPieces(s, func(e int, has uint32) bool { return c.isWhole(e, s, has) }) {
			return true
		}
	}
	if own := strings.Join(slices.DeleteFunc(slices.Clone(distinctive), words.Kind), ""); own != asked.whole && own != "" { // its kind behind it
		for _, s := range slices.Compact([]string{own, words.Sound(own)}) {
			if byPieces(s, func(e int, _ uint32) bool { return c.couldBe(e, asked) }) {
				return true
			}
		}
	}
	const common = 3000 // entries of a word
	rarest := []int32(nil)
	for _, w := range distinctive {
		if words.Kind(w) && names(distinctive) > 0 { // who shares no more than that was looked at as a whole
			continue
		}
		list := c.byWord[w]
		if len(list) <= common {
			if claims(list) {
				return true
			}
		} else if rarest == nil || len(list) < len(rarest) {
			rarest = list
		}
	}
	return claims(rarest)
}

// amounts of money are no part of a name.
var amounts = regexp.MustCompile(`\b[0-9]+ (?:juta|jt|ribu|rb)\b`)

// piecesOf, pieceOf and pieceKey: a name is cut into more pieces than its typos can spoil, so that one is as written; two letters
// that change places may spoil two.
func piecesOf(budget int) int { return budget + 1 + min(budget, 1) }

func pieceOf(length, budget, i int) (from, to int) {
	n := piecesOf(budget)
	return length * i / n, length * (i + 1) / n
}

func pieceKey(length, i int, piece string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{byte(length), byte(i)})
	_, _ = h.Write([]byte(piece))
	return h.Sum64()
}

// addPieces lets an entry be found by a way to write a name of it without blanks.
func (c *Corpus) addPieces(entry int32, s joined) {
	budget := words.TypoBudget(len(s.text))
	for i := range piecesOf(budget) {
		from, to := pieceOf(len(s.text), budget, i)
		key := pieceKey(len(s.text), i, s.text[from:to])
		c.byPiece[key] = append(c.byPiece[key], owner{entry, s.has})
	}
}

// owner of a piece: an entry, and the letters of the name that was cut, which tell most of them away without a look at it.
type owner struct {
	entry int32
	has   uint32
}

// alphabet is the letters of a text, as written and as pronounced, a bit each.
type alphabet struct{ written, heard uint32 }

func lettersOf(s string) uint32 {
	var set uint32
	for i := 0; i < len(s); i++ {
		set |= 1 << (s[i] & 31)
	}
	return set
}

func (l *alphabet) add(s spoken) {
	l.written |= s.letters.written
	l.heard |= s.letters.heard
}

// might: two typos bring at most two letters that the name has not.
func (l alphabet) might(asked alphabet) bool {
	return bits.OnesCount32(asked.written&^l.written) <= 2 || bits.OnesCount32(asked.heard&^l.heard) <= 2
}

// spoken is a name or a query as it sounds, made once.
type spoken struct {
	words   []string
	sounds  []string
	whole   string
	sound   string
	digits  string
	letters alphabet
	wholes  []joined // a listed name's ways to be written without blanks
}

func speak(ws []string) spoken {
	s := spoken{words: ws, whole: strings.Join(ws, "")}
	for _, w := range ws {
		s.sounds = append(s.sounds, words.Sound(words.Expand(w)))
	}
	s.sound, s.digits = words.Sound(s.whole), digitsOf(s.whole)
	s.letters = alphabet{lettersOf(s.whole), lettersOf(strings.Join(s.sounds, "") + s.sound)}
	return s
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// isWhole: a text, of these letters, is one of an entry's names without blanks, within its typos.
func (c *Corpus) isWhole(e int, s string, has uint32) bool {
	for i := range c.parts[e] {
		for _, listed := range c.parts[e][i].wholes {
			budget := words.TypoBudget(len(listed.text))
			if n := len(s) - len(listed.text); n > budget || -n > budget {
				continue
			}
			if bits.OnesCount32(listed.has&^has) <= budget && bits.OnesCount32(has&^listed.has) <= budget &&
				digitsOf(s) == digitsOf(listed.text) && words.Distance(s, listed.text, budget) <= budget {
				return true
			}
		}
	}
	return false
}

// joined is a way to write a name without blanks, and its letters.
type joined struct {
	text string
	has  uint32
}

// pulled: a text without blanks is words of a name in another order, as "bankpadi sinar" is of "Bank Sinar Padi".
func pulled(whole string, listed []string) bool {
	longest := slices.SortedStableFunc(slices.Values(listed), func(a, b string) int { return len(b) - len(a) })
	for _, w := range longest {
		whole = strings.Replace(whole, w, " ", 1)
	}
	return strings.TrimSpace(whole) == ""
}

func (c *Corpus) couldBe(e int, asked spoken) bool {
	if len(asked.words) == 0 {
		return false
	}
	for _, name := range c.parts[e] {
		if asked.digits != name.digits && asked.digits != "" { // digits are a typo of nothing, but may be left out with their word
			continue
		}
		if len(asked.whole) <= len(name.whole) && pulled(asked.whole, name.words) {
			return true
		}
		listed := name.words
		budget := words.TypoBudget(len(name.whole))
		near := func(a, b string) bool {
			n := len(a) - len(b)
			return n <= budget && -n <= budget && words.Distance(a, b, budget) <= budget
		}
		if near(asked.whole, name.whole) || near(asked.sound, name.sound) {
			return true
		}
		if len(asked.words) > len(name.words) {
			continue
		}
		edits := 0
		used := make([]bool, len(listed))
		for i, w := range asked.words {
			best, at := budget+1, -1
			for j, l := range listed {
				if used[j] {
					continue
				}
				if n := len(asked.sounds[i]) - len(name.sounds[j]); n > 2 || n < -2 {
					continue
				}
				d := 0
				if w != l {
					d = words.Distance(asked.sounds[i], name.sounds[j], 2)
				}
				if len(l) < 4 && d > 0 {
					continue
				}
				if d < best {
					best, at = d, j
				}
			}
			if at < 0 || best > 2 {
				edits = budget + 1
				break
			}
			used[at] = true
			edits += best
		}
		if edits <= budget {
			return true
		}
	}
	return false
}
