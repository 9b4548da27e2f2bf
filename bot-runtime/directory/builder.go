package directory

import (
	"math"
	"math/rand/v2"
	"runtime"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Builder takes entries one by one and makes the index of them. It is for one goroutine.
type Builder struct{ rows rows }

// Show says what entries may show, by name and label, before the first is taken; what else they have to show is left out.
func (b *Builder) Show(facts []Fact) { b.rows.facts = facts }

// Add takes an entry; it keeps a copy of its texts.
func (b *Builder) Add(e Entry) { b.rows.add(&e) }

// Len is how many entries were taken.
func (b *Builder) Len() int { return b.rows.len() }

// FromEntries makes the index of entries that were read elsewhere.
func FromEntries(entries []Entry) *Index {
	var b Builder
	for i := range entries {
		b.Add(entries[i])
	}
	return b.Build()
}

// batch is what one worker makes of some entries: words and hashes, not yet numbered.
type batch struct {
	keyEntry    []uint32
	keyWords    []string
	keyEnd      []int
	forms       []string // of the keys in turn
	formEnd     []int
	names       []uint64
	identifiers []hashed
	shapes      map[string]struct{}
}

const batchSize = 4096 // entries

// Build makes the index, with all processors; the builder is empty afterwards. Folding is parallel, in batches so that only
// a few of them are in memory at a time.
func (b *Builder) Build() *Index {
	b.rows.seal()
	x := &Index{rows: b.rows, seed: hash(rand.Uint64() | 1), shapes: map[string]struct{}{}}
	*b = Builder{}
	workers := runtime.GOMAXPROCS(0)
	number := numbering{x: x, words: map[string]uint32{}}
	made := make(chan chan *batch, workers)
	go func() {
		defer close(made)
		for from := 0; from < x.rows.len(); from += batchSize {
			one := make(chan *batch, 1)
			made <- one
			go func() { one <- x.fold(from, min(from+batchSize, x.rows.len())) }()
		}
	}()
	for one := range made {
		number.take(<-one)
	}
	number.finish(workers)
	x.scratch.New = func() any { return &scratch{scores: make([]float32, x.keys())} }
	return x
}

// fold makes words of the names of some entries.
func (x *Index) fold(from, to int) *batch {
	b := &batch{shapes: map[string]struct{}{}}
	for i := from; i < to; i++ {
		c := x.rows.cursor(uint32(i))
		c.text()
		name, licence := c.text(), c.text()
		c.text()
		first := len(b.keyEntry)
		b.addKey(x.seed, uint32(i)*2, first, name)
		for range c.number() {
			b.addKey(x.seed, uint32(i)*2+1, first, c.text())
		}
		identifier := func(field, value string) {
			if value != "" {
				b.identifiers = append(b.identifiers, hashed{identifierHash(x.seed, field, value), uint32(i)})
			}
		}
		for _, f := range [...]struct {
			field  string
			normal func(string) string
		}{{fieldSite, siteOf}, {fieldPhone, phoneOf}, {fieldEmail, emailOf}} {
			for range c.number() {
				identifier(f.field, f.normal(c.text()))
			}
		}
		identifier(fieldLicence, licenceOf(licence))
		if s := shapeOf(licence); s != "" && len(b.shapes) < maxShapes {
			b.shapes[s] = struct{}{}
		}
	}
	return b
}

// addKey adds a name unless it folds as an earlier one of the entry does.
func (b *batch) addKey(seed hash, entry uint32, first int, name string) {
	ws := nameWords(name)
	if len(ws) == 0 {
		return
	}
	h := hashWords(seed, ws)
	for k := first; k < len(b.names); k++ {
		if b.names[k] == h {
			return
		}
	}
	b.names = append(b.names, h)
	b.keyEntry = append(b.keyEntry, entry)
	canon := canonical(ws)
	b.keyWords = append(b.keyWords, canon...)
	b.keyEnd = append(b.keyEnd, len(b.keyWords))
	b.forms = formsOf(b.forms, canon, ws)
	b.formEnd = append(b.formEnd, len(b.forms))
}

// formsOf gives the ways to write a name without blanks that differ: by class of letter, as pronounced, and before
// abbreviations were expanded.
func formsOf(into []string, canon, raw []string) []string {
	n := len(into)
	light := classes(strings.Join(canon, ""))
	into = append(into, light)
	if sound := strings.Join(soundsOf(canon), ""); sound != light {
		into = append(into, sound)
	}
	if plain := classes(strings.Join(raw, "")); plain != light && plain != into[len(into)-1] {
		into = append(into, plain)
	}
	for i := n; i < len(into); i++ {
		if len(into[i]) > maxForm {
			into[i] = into[i][:maxForm]
		}
	}
	return into
}

const maxForm = 120 // bytes of a name without blanks that are compared

func soundsOf(ws []string) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = words.Sound(w)
	}
	return out
}

func classes(s string) string {
	same := true
	for i := 0; i < len(s) && same; i++ {
		same = words.Class(s[i]) == s[i]
	}
	if same {
		return s
	}
	b := make([]byte, len(s))
	for i := range b {
		b[i] = words.Class(s[i])
	}
	return string(b)
}

// numbering gives words their numbers, in the order of the entries.
type numbering struct {
	x           *Index
	words       map[string]uint32
	wordText    strings.Builder
	formText    strings.Builder
	names       []hashed
	identifiers [][]hashed
}

func (n *numbering) take(b *batch) {
	x := n.x
	word, form := 0, 0
	for k, entry := range b.keyEntry {
		key := uint32(len(x.keyEntry))
		x.keyEntry = append(x.keyEntry, entry)
		x.keyStart = append(x.keyStart, uint32(len(x.keyWords)))
		for ; word < b.keyEnd[k]; word++ {
			w := b.keyWords[word]
			id, ok := n.words[w]
			if !ok {
				id = uint32(len(n.words))
				x.wordStart = append(x.wordStart, uint32(n.wordText.Len()))
				n.wordText.WriteString(w)
				n.words[strings.Clone(w)] = id
			}
			x.keyWords = append(x.keyWords, id)
		}
		for ; form < b.formEnd[k]; form++ {
			x.formStart = append(x.formStart, uint32(n.formText.Len()))
			n.formText.WriteString(b.forms[form])
			x.formKey = append(x.formKey, key)
		}
		n.names = append(n.names, hashed{b.names[k], key})
	}
	n.identifiers = append(n.identifiers, b.identifiers)
	for s := range b.shapes {
		if len(x.shapes) < maxShapes {
			x.shapes[s] = struct{}{}
		}
	}
}

func (n *numbering) finish(workers int) {
	x := n.x
	x.keyStart = append(x.keyStart, uint32(len(x.keyWords)))
	x.wordStart = append(x.wordStart, uint32(n.wordText.Len()))
	x.formStart = append(x.formStart, uint32(n.formText.Len()))
	x.wordText, x.formText = n.wordText.String(), n.formText.String()
	n.words = nil
	x.names, n.names = newTable(n.names), nil
	x.identifiers, n.identifiers = newTable(n.identifiers...), nil
	x.addSounds()
	x.addPostings()
	lists := make([][]hashed, workers)
	inParts(len(x.soundStart)-1, workers, func(p, from, to int) {
		for s := from; s < to; s++ {
			lists[p] = x.appendNear(lists[p], uint32(s))
		}
	})
	x.near = newTable(lists...)
	clear(lists)
	inParts(len(x.formKey), workers, func(p, from, to int) {
		for f := from; f < to; f++ {
			lists[p] = x.appendPieces(lists[p], uint32(f))
		}
	})
	x.pieces = newTable(lists...)
	x.addRepeats(workers)
}

func (x *Index) addSounds() {
	known := map[string]uint32{}
	var text strings.Builder
	var list []hashed
	x.wordSound = make([]uint32, len(x.wordStart)-1)
	var buf []byte
	for w := range x.wordSound {
		buf = words.AppendSound(buf[:0], x.word(uint32(w)), false)
		id, ok := known[string(buf)]
		if !ok {
			id = uint32(len(known))
			known[string(buf)] = id
			x.soundStart = append(x.soundStart, uint32(text.Len()))
			text.Write(buf)
			list = append(list, hashed{x.seed.bytes(buf).sum(), id})
		}
		x.wordSound[w] = id
	}
	x.soundStart = append(x.soundStart, uint32(text.Len()))
	x.soundText = text.String()
	x.sounds = newTable(list)
}

// addPostings counts, then fills. A rare word weighs more; kinds of licence weigh least.
func (x *Index) addPostings() {
	sounds := len(x.soundStart) - 1
	x.postStart = make([]uint32, sounds+1)
	each := func(do func(key, sound uint32)) {
		for k := range x.keyEntry {
			ws := x.wordsOf(uint32(k))
		word:
			for i, w := range ws {
				s := x.wordSound[w]
				for _, before := range ws[:i] {
					if x.wordSound[before] == s {
						continue word
					}
				}
				do(uint32(k), s)
			}
		}
	}
	each(func(_, s uint32) { x.postStart[s+1]++ })
	x.soundIDF = make([]float32, sounds)
	for s := range sounds {
		x.soundIDF[s] = float32(math.Log(1 + float64(len(x.keyEntry))/float64(max(x.postStart[s+1], 1))))
	}
	for w, s := range x.wordSound {
		if words.Kind(x.word(uint32(w))) {
			x.soundIDF[s] = min(x.soundIDF[s], kindWeight)
		}
	}
	for s := range sounds {
		x.postStart[s+1] += x.postStart[s]
	}
	x.postings = make([]uint32, x.postStart[sounds])
	at := append([]uint32(nil), x.postStart...)
	x.keyWeight = make([]float32, len(x.keyEntry))
	each(func(k, s uint32) {
		x.postings[at[s]] = k
		at[s]++
		x.keyWeight[k] += x.soundIDF[s]
	})
}

// kindWeight is what a kind of licence weighs at most: as much as a word that every fourth name has.
const kindWeight = 1.5
