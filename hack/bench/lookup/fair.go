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
	joined := strings.Join(distinctive, "")
	seen := map[int32]bool{}
	const most = 300 // entries of a word; of commoner words only the rarest is looked at
	rarest := []int32(nil)
	claims := func(list []int32) bool {
		for _, e := range list {
			if !seen[e] && !slices.Contains(by, int(e)) && c.couldBe(int(e), distinctive, joined) {
				return true
			}
			seen[e] = true
		}
		return false
	}
	for _, key := range append(signs(joined), signs(words.Sound(joined))...) {
		if claims(c.byCompact[key]) {
			return true
		}
	}
	for _, w := range distinctive {
		list := c.byWord[w]
		if len(list) <= most && claims(list) {
			return true
		}
		if len(list) > most && (rarest == nil || len(list) < len(rarest)) {
			rarest = list
		}
		for _, key := range signs(w) {
			if claims(c.byCompact[key]) {
				return true
			}
		}
	}
	return claims(rarest)
}

// signs are what names without blanks are found by: beginning and end, and all but a letter where they are short.
func signs(s string) []string {
	const n = 6
	if len(s) > 9 {
		return []string{"<" + s[:n], ">" + s[len(s)-n:]}
	}
	out := []string{s}
	for i := range s {
		out = append(out, s[:i]+s[i+1:])
	}
	return out
}

func (c *Corpus) couldBe(e int, distinctive []string, joined string) bool {
	if len(distinctive) == 0 {
		return false
	}
	for _, listed := range c.parts[e] {
		whole := strings.Join(listed, "")
		budget := words.TypoBudget(len(whole))
		if words.Distance(joined, whole, budget) <= budget || words.Distance(words.Sound(joined), words.Sound(whole), budget) <= budget {
			return true
		}
		edits := 0
		used := make([]bool, len(listed))
		for _, w := range distinctive {
			best, at := budget+1, -1
			for j, l := range listed {
				if used[j] {
					continue
				}
				d := 0
				if w != l {
					d = words.Distance(words.Sound(words.Expand(w)), words.Sound(words.Expand(l)), 2)
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
