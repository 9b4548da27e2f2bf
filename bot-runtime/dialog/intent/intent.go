// Package intent tells what a citizen wants from examples that an author has written down. It is pure and needs no network:
// examples in, classifier out; text in, guess out. The same examples give the same classifier everywhere.
//
// It is a multinomial logistic regression over words, stems, pairs of words and groups of letters, weighed by how rare they
// are. Its confidence is the likelihood of the intent, less what the examples do not know of the message: a message of unknown
// words is never surely anything.
package intent

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// MaxExamples bounds what a classifier is made from, and with it how long that takes.
const MaxExamples = 2000

// Example is a sentence that means an intent.
type Example struct{ Text, Intent string }

// Keyword is a word or phrase that alone means an intent.
type Keyword struct{ Phrase, Intent string }

// Guess is what a text means: no intent where nothing speaks for one. Confidence is from 0 to 1.
type Guess struct {
	Intent     string
	Confidence float64
}

// Classifier is trained. It is immutable and safe for concurrent use.
type Classifier struct {
	intents  []string
	index    map[string]int // of a feature
	idf      []float64
	weights  []float64 // by feature, then intent: a sentence touches few features, each of them once
	bias     []float64
	words    map[string]float64 // known words and how much they tell
	byLetter map[byte][]string  // known words by their first letter, sorted
	unknown  float64            // how much a word that is not known would tell
	keywords []keyword
}

type keyword struct {
	phrase []string
	intent string
}

// Train makes a classifier. Without examples it knows keywords only.
func Train(examples []Example, keywords []Keyword) *Classifier {
	c := &Classifier{index: map[string]int{}, words: map[string]float64{}, byLetter: map[byte][]string{}}
	for _, k := range keywords {
		if p := strings.Fields(words.Fold(k.Phrase)); len(p) > 0 {
			c.keywords = append(c.keywords, keyword{p, k.Intent})
		}
	}
	if len(examples) > MaxExamples {
		examples = examples[:MaxExamples]
	}
	labels := make([]int, len(examples))
	texts := make([][]string, len(examples))
	for i, e := range examples {
		k := slices.Index(c.intents, e.Intent)
		if k < 0 {
			k = len(c.intents)
			c.intents = append(c.intents, e.Intent)
		}
		labels[i], texts[i] = k, plain(e.Text)
	}
	c.learnWords(texts)
	vectors := c.learnFeatures(texts)
	c.fit(vectors, labels)
	return c
}

// learnWords notes which words the examples know, and how much each tells.
func (c *Classifier) learnWords(texts [][]string) {
	df := map[string]int{}
	for _, t := range texts {
		for w := range setOf(t) {
			df[w]++
		}
	}
	for w, n := range df {
		c.words[w] = math.Log(1 + float64(len(texts))/float64(n))
		c.byLetter[w[0]] = append(c.byLetter[w[0]], w)
	}
	for _, ws := range c.byLetter {
		sort.Strings(ws)
	}
	c.unknown = math.Log(1 + float64(len(texts)))
}

// feature of a text and its weight.
type feature struct {
	at     int
	weight float64
}

// Weights of the groups of features, found on the held-out sentences of the tests.
const (
	weightWord, weightStem, weightPair, weightLetters = 1.0, 0.8, 0.6, 0.35
)

func (c *Classifier) learnFeatures(texts [][]string) [][]feature {
	var df []float64
	seen := make([]map[string]float64, len(texts))
	for i, t := range texts {
		seen[i] = featuresOf(t)
		for _, name := range sortedKeys(seen[i]) {
			at, ok := c.index[name]
			if !ok {
				at = len(df)
				c.index[name] = at
				df = append(df, 0)
			}
			df[at]++
		}
	}
	c.idf = make([]float64, len(df))
	for i, n := range df {
		c.idf[i] = math.Log(1 + float64(len(texts))/n)
	}
	vectors := make([][]feature, len(texts))
	for i := range texts {
		vectors[i] = c.vector(seen[i])
	}
	return vectors
}

func featuresOf(text []string) map[string]float64 {
	f := map[string]float64{}
	for i, w := range text {
		f["w "+w] = weightWord
		f["s "+stem(w)] = weightStem
		if i > 0 {
			f["p "+text[i-1]+" "+w] = weightPair
		}
		r := []rune(" " + w + " ")
		for n := 3; n <= 4; n++ {
			for k := 0; k+n <= len(r); k++ {
				f["l "+string(r[k:k+n])] = weightLetters
			}
		}
	}
	return f
}

// vector has length one, in the order of the features.
func (c *Classifier) vector(features map[string]float64) []feature {
	v := make([]feature, 0, len(features))
	for name, weight := range features {
		if at, ok := c.index[name]; ok {
			v = append(v, feature{at, weight * c.idf[at]})
		}
	}
	slices.SortFunc(v, func(a, b feature) int { return a.at - b.at })
	sum := 0.0 // in that order: the last digit of a sum depends on it
	for i := range v {
		sum += v[i].weight * v[i].weight
	}
	norm := math.Sqrt(sum)
	for i := range v {
		v[i].weight /= norm
	}
	return v
}

// How the regression is trained: by stochastic gradient in a fixed order, with weight decay. The number of passes keeps the work
// bounded for the largest sets.
const (
	rate      = 3.0
	decay     = 2e-4
	passes    = 40
	fewPasses = 5
	maxWork   = 4e7 // multiplications
	// negligible is a gradient that is not followed: of thirty intents a sentence soon concerns three or four.
	negligible = 2e-3
)

func (c *Classifier) fit(vectors [][]feature, labels []int) {
	k := len(c.intents)
	c.weights, c.bias = make([]float64, k*len(c.idf)), make([]float64, k)
	work := 1.0
	for _, v := range vectors {
		work += float64(len(v) * k)
	}
	rounds := int(min(passes, max(fewPasses, maxWork/work)))
	order := interleaved(labels, k)
	p := make([]float64, k)
	var far []int // intents that the sentence still moves
	for round := range rounds {
		step := rate / (1 + 0.1*float64(round))
		for _, i := range order {
			c.likelihood(vectors[i], p)
			p[labels[i]]-- // the gradient
			far = far[:0]
			for j, g := range p {
				if math.Abs(g) > negligible {
					far = append(far, j)
					c.bias[j] -= 0.1 * step * g
				}
			}
			for _, f := range vectors[i] {
				w := c.row(f.at)
				along := step * f.weight
				for _, j := range far {
					w[j] -= along*p[j] + step*decay*w[j]
				}
			}
		}
	}
}

// interleaved orders examples so that no intent is seen alone for long.
func interleaved(labels []int, k int) []int {
	by := make([][]int, k)
	for i, l := range labels {
		by[l] = append(by[l], i)
	}
	order := make([]int, 0, len(labels))
	for n := 0; len(order) < len(labels); n++ {
		for _, of := range by {
			if n < len(of) {
				order = append(order, of[n])
			}
		}
	}
	return order
}

// row are the weights of a feature, by intent.
func (c *Classifier) row(feature int) []float64 {
	k := len(c.bias)
	return c.weights[feature*k : (feature+1)*k : (feature+1)*k]
}

func (c *Classifier) likelihood(v []feature, p []float64) {
	copy(p, c.bias)
	for _, f := range v {
		w := c.row(f.at)[:len(p)]
		for j := range p {
			p[j] += w[j] * f.weight
		}
	}
	most := slices.Max(p)
	total := 0.0
	for j := range p {
		p[j] = math.Exp(p[j] - most)
		total += p[j]
	}
	for j := range p {
		p[j] /= total
	}
}

// Classify guesses what a text means.
func (c *Classifier) Classify(text string) Guess {
	if intent, ok := c.keyword(strings.Fields(words.Fold(cutText(text)))); ok {
		return Guess{intent, 1}
	}
	said := plain(text)
	if len(c.intents) == 0 || len(said) == 0 {
		return Guess{}
	}
	known := c.spell(said)
	v := c.vector(featuresOf(said))
	if len(v) == 0 {
		return Guess{}
	}
	p := make([]float64, len(c.intents))
	c.likelihood(v, p)
	best := 0
	for j := range p {
		if p[j] > p[best] {
			best = j
		}
	}
	return Guess{c.intents[best], p[best] * known}
}

// keyword finds the one intent whose keyword stands in what was said.
func (c *Classifier) keyword(said []string) (string, bool) {
	found := ""
	for _, k := range c.keywords {
		for i := 0; i+len(k.phrase) <= len(said); i++ {
			if !slices.Equal(said[i:i+len(k.phrase)], k.phrase) {
				continue
			}
			if found != "" && found != k.intent {
				return "", false // two are named: the sentence decides
			}
			found = k.intent
		}
	}
	return found, found != ""
}

// spell replaces typos by the words that they are of, and says how much of the message the examples know, from 0 to 1. Words
// that tell nothing, such as "apakah", need not be known.
func (c *Classifier) spell(said []string) float64 {
	known, all := 0.0, 0.0
	for i, w := range said {
		tells, ok := c.words[w]
		if !ok {
			if near := c.nearest(w); near != "" {
				said[i], tells, ok = near, c.words[near], true
			}
		}
		switch {
		case ok:
			known, all = known+tells, all+tells
		case c.knowsStem(w):
			known, all = known+c.unknown*0.8, all+c.unknown
		case words.Chat(w):
		default:
			all += c.unknown
		}
	}
	if all == 0 {
		return 0
	}
	const least = 0.25
	return least + (1-least)*known/all
}

func (c *Classifier) knowsStem(w string) bool {
	_, ok := c.index["s "+stem(w)]
	return ok
}

// nearest is the known word that one is a typo of, or empty. The first letter is rarely wrong.
func (c *Classifier) nearest(w string) string {
	budget := words.TypoBudget(len(w))
	if budget == 0 {
		return ""
	}
	best, least := "", budget+1
	for _, k := range c.byLetter[w[0]] {
		if words.TypoBudget(len(k)) == 0 {
			continue
		}
		if d := words.Distance(w, k, budget); d < least {
			best, least = k, d
		}
	}
	return best
}

func setOf(ws []string) map[string]bool {
	m := map[string]bool{}
	for _, w := range ws {
		m[w] = true
	}
	return m
}

func sortedKeys(m map[string]float64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
