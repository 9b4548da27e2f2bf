package lookup

import (
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

func sortStrings(s []string) { slices.Sort(s) }

// claimed says whether an entry other than these could claim a text by definition 4: every distinctive word is one of its own,
// within the typos that its length allows, in any order, or the whole without blanks is. It is written apart from the index,
// in the plainest way, and looks at every entry that shares a word, a beginning, an end or, where it is short, all but a letter.
func (c *Corpus) claimed(text string, by ...int) bool {
	var distinctive []string
	for _, w := range words.Name(text) {
		if !words.Chat(w) {
			distinctive = append(distinctive, w)
		}
	}
	asked := speak(distinctive)
	seen := map[int32]bool{}
	const most = 300 // entries of a word; of commoner words only the rarest is looked at
	rarest := []int32(nil)
	claims := func(list []int32) bool {
		for _, e := range list {
			if !seen[e] && !slices.Contains(by, int(e)) && c.couldBe(int(e), asked) {
				return true
			}
			seen[e] = true
		}
		return false
	}
	bySigns := func(s string) bool {
		for _, key := range c.signs(s) {
			if list := c.byCompact[key]; !(c.large() && len(list) > mostOfSign) && claims(list) {
				return true
			}
		}
		return false
	}
	if bySigns(asked.whole) || asked.sound != asked.whole && bySigns(asked.sound) {
		return true
	}
	for _, w := range distinctive {
		list := c.byWord[w]
		if len(list) <= most && claims(list) {
			return true
		}
		if len(list) > most && (rarest == nil || len(list) < len(rarest)) {
			rarest = list
		}
		if bySigns(w) {
			return true
		}
	}
	return claims(rarest[:min(len(rarest), mostOfRarest)])
}

const (
	// Above so many entries a beginning such as "kopera" has a hundred thousand names: those are then told apart by longer
	// beginnings and ends alone, which a typo in the middle of a name may escape.
	largeList    = 300_000
	mostOfSign   = 1000
	mostOfRarest = 20_000
)

func (c *Corpus) large() bool { return len(c.Entries) > largeList }

// signs are what names without blanks are found by: beginning and end, and all but a letter where they are short.
func (c *Corpus) signs(s string) []string {
	const n = 6
	if len(s) > 9 {
		out := []string{"<" + s[:n], ">" + s[len(s)-n:]}
		if longer := 2 * n; c.large() && len(s) > longer {
			out = append(out, "<"+s[:longer], ">"+s[len(s)-longer+2:], "<"+s[:n+3], ">"+s[len(s)-n-2:])
		}
		return out
	}
	out := []string{s}
	for i := range s {
		out = append(out, s[:i]+s[i+1:])
	}
	return out
}

// spoken is a name or a query as it sounds, made once.
type spoken struct {
	words  []string
	sounds []string
	whole  string
	sound  string
	digits string
}

func speak(ws []string) spoken {
	s := spoken{words: ws, whole: strings.Join(ws, "")}
	for _, w := range ws {
		s.sounds = append(s.sounds, words.Sound(words.Expand(w)))
	}
	s.sound, s.digits = words.Sound(s.whole), digitsOf(s.whole)
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

func (c *Corpus) couldBe(e int, asked spoken) bool {
	if len(asked.words) == 0 {
		return false
	}
	for _, name := range c.parts[e] {
		if asked.digits != name.digits { // digits are a typo of nothing
			continue
		}
		listed := name.words
		budget := words.TypoBudget(len(name.whole))
		if words.Distance(asked.whole, name.whole, budget) <= budget || words.Distance(asked.sound, name.sound, budget) <= budget {
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
