package directory

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Index is a data set made searchable. It is immutable and safe for concurrent use.
type Index struct {
	entries []Entry
	// keys are the names and aliases, folded.
	keys []key
	// exact finds keys by their whole folded name.
	exact map[string][]int32
	// grams are the three-letter pieces: which keys have them, in one slice, and what they weigh.
	grams    map[uint64]gram
	postings []int32
	wordIDF  map[string]float32
	// identifiers find entries.
	hosts, phones, emails, licences map[string][]int32
	scratch                         sync.Pool
}

type key struct {
	entry int32
	alias bool
	// words of the name, folded, without legal forms; joined is them without blanks.
	words  []string
	sounds []string
	weight float32 // of all its grams
}

type gram struct {
	start, count uint32
	idf          float32
}

func newIndex(entries []Entry) *Index {
	x := &Index{
		entries: entries, exact: make(map[string][]int32, len(entries)), wordIDF: map[string]float32{},
		hosts: map[string][]int32{}, phones: map[string][]int32{}, emails: map[string][]int32{}, licences: map[string][]int32{},
	}
	shared := map[string]string{} // one copy of each word
	intern := func(w string) string {
		if s, ok := shared[w]; ok {
			return s
		}
		shared[w] = w
		return w
	}
	for i := range entries {
		e := &entries[i]
		x.addKey(int32(i), false, e.Name, intern)
		for _, a := range e.Aliases {
			x.addKey(int32(i), true, a, intern)
		}
		x.addIdentifiers(int32(i), e)
	}
	x.weighWords()
	x.addGrams()
	x.scratch.New = func() any { return &scratch{scores: make([]float32, len(x.keys))} }
	return x
}

func (x *Index) addKey(entry int32, alias bool, name string, intern func(string) string) {
	ws := words.Name(name)
	if len(ws) == 0 {
		return
	}
	if len(ws) > maxWords {
		ws = ws[:maxWords]
	}
	k := key{entry: entry, alias: alias, words: make([]string, len(ws)), sounds: make([]string, len(ws))}
	for i, w := range ws {
		k.words[i] = intern(w)
		k.sounds[i] = intern(words.Sound(words.Expand(w)))
	}
	folded := strings.Join(k.words, " ")
	for _, other := range x.exact[folded] {
		if x.keys[other].entry == entry {
			return // an alias that folds as the name does
		}
	}
	x.exact[folded] = append(x.exact[folded], int32(len(x.keys)))
	x.keys = append(x.keys, k)
}

// weighWords: a rare word says more. Kinds of licence say least.
func (x *Index) weighWords() {
	df := map[string]int{}
	for i := range x.keys {
		for j, s := range x.keys[i].sounds {
			if !slices.Contains(x.keys[i].sounds[:j], s) {
				df[s]++
			}
		}
	}
	for s, n := range df {
		x.wordIDF[s] = float32(math.Log(1 + float64(len(x.keys))/float64(n)))
	}
}

func (x *Index) weightOf(word, sound string) float32 {
	w, ok := x.wordIDF[sound]
	if !ok {
		w = float32(math.Log(1 + float64(len(x.keys))))
	}
	if words.Kind(word) {
		w *= 0.25
	}
	return w
}

// addGrams counts, then fills: postings lie in one slice, in the order of the keys.
func (x *Index) addGrams() {
	x.grams = map[uint64]gram{}
	var buf []uint64
	total := uint32(0)
	for i := range x.keys {
		buf = gramsOf(buf[:0], x.keys[i].sounds)
		for _, g := range buf {
			e := x.grams[g]
			e.count++
			x.grams[g] = e
			total++
		}
	}
	at := uint32(0)
	for g, e := range x.grams {
		e.idf = float32(math.Log(1 + float64(len(x.keys))/float64(e.count)))
		e.start, at = at, at+e.count
		e.count = 0 // filled below
		x.grams[g] = e
	}
	x.postings = make([]int32, total)
	for i := range x.keys {
		buf = gramsOf(buf[:0], x.keys[i].sounds)
		for _, g := range buf {
			e := x.grams[g]
			x.postings[e.start+e.count] = int32(i)
			e.count++
			x.grams[g] = e
			x.keys[i].weight += e.idf
		}
	}
}

// gramsOf gives the different three-letter pieces of the words, each word with a blank around it.
func gramsOf(out []uint64, ws []string) []uint64 {
	for _, w := range ws {
		a, b := rune(' '), rune(-1)
		n := 0
		push := func(c rune) {
			if b >= 0 {
				out = append(out, uint64(a)<<42|uint64(b)<<21|uint64(c))
				a, b = b, c
			} else {
				b = c
			}
			n++
		}
		for _, c := range w {
			push(c)
		}
		push(' ')
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scratch is what a query needs of memory; it is cleared after use by what was touched.
type scratch struct {
	scores  []float32
	touched []int32
	grams   []uint64
}

// maxCandidates are aligned word by word.
const maxCandidates = 48

// candidates are the keys that share most with the words, by the weight of shared pieces.
func (x *Index) candidates(sounds []string) []int32 {
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	s.grams = gramsOf(s.grams[:0], sounds)
	weight := float32(0)
	unknown := float32(math.Log(1 + float64(len(x.keys))))
	// Pieces that half of all names have would only cost time: they are looked at when there is nothing rarer.
	common := uint32(max(1000, len(x.keys)/10))
	for _, skipCommon := range []bool{true, false} {
		for _, g := range s.grams {
			e, ok := x.grams[g]
			if !ok {
				if skipCommon {
					weight += unknown
				}
				continue
			}
			if (e.count > common) == skipCommon {
				continue
			}
			weight += e.idf
			for _, k := range x.postings[e.start : e.start+e.count] {
				if s.scores[k] == 0 {
					s.touched = append(s.touched, k)
				}
				s.scores[k] += e.idf
			}
		}
		if skipCommon && len(s.touched) > 0 {
			for _, g := range s.grams { // common pieces count for those found already
				e, ok := x.grams[g]
				if !ok || e.count <= common {
					continue
				}
				weight += e.idf
			}
			break
		}
	}
	best := top(s, x.keys, weight)
	for _, k := range s.touched {
		s.scores[k] = 0
	}
	s.touched = s.touched[:0]
	return best
}

// top keeps the maxCandidates best by twice the shared weight over the sum of both.
func top(s *scratch, keys []key, weight float32) []int32 {
	type scored struct {
		key   int32
		score float32
	}
	var heap [maxCandidates]scored
	n, least := 0, 0
	for _, k := range s.touched {
		score := 2 * s.scores[k] / (weight + keys[k].weight)
		switch {
		case n < maxCandidates:
			heap[n] = scored{k, score}
			if score < heap[least].score {
				least = n
			}
			n++
		case score > heap[least].score:
			heap[least] = scored{k, score}
			for i := range heap {
				if heap[i].score < heap[least].score {
					least = i
				}
			}
		}
	}
	found := heap[:n]
	slices.SortFunc(found, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return int(a.key - b.key)
	})
	out := make([]int32, n)
	for i := range found {
		out[i] = found[i].key
	}
	return out
}

// Entries is how many there are.
func (x *Index) Entries() int { return len(x.entries) }
