package directory

import (
	"math/bits"
	"sync"
)

// table finds numbers by a hash of what they stand for. It is filled once: all numbers lie in one slice, ordered by their
// bucket. A hit may be another thing of the same hash, so whoever asks compares.
type table struct {
	shift uint
	start []uint32
	slots []slot
}

type slot struct{ tag, id uint32 }

type hashed struct {
	hash uint64
	id   uint32
}

// newTable takes the pairs in lists, as several workers made them.
func newTable(lists ...[]hashed) table {
	n := 0
	for _, l := range lists {
		n += len(l)
	}
	size := 1 << bits.Len(uint(max(n, 1)))
	t := table{shift: uint(64 - bits.TrailingZeros(uint(size))), start: make([]uint32, size+1), slots: make([]slot, n)}
	for _, l := range lists {
		for _, h := range l {
			t.start[h.hash>>t.shift]++
		}
	}
	sum := uint32(0)
	for i, n := range t.start {
		t.start[i] = sum
		sum += n
	}
	for _, l := range lists { // filling moves each start to the next one's
		for _, h := range l {
			b := h.hash >> t.shift
			t.slots[t.start[b]] = slot{uint32(h.hash), h.id}
			t.start[b]++
		}
	}
	copy(t.start[1:], t.start)
	t.start[0] = 0
	return t
}

// find gives the slots of the bucket; those whose tag is the hash's low half are hits.
func (t *table) find(hash uint64) []slot {
	b := hash >> t.shift
	return t.slots[t.start[b]:t.start[b+1]]
}

// bucket is find, and the place of the first slot among all.
func (t *table) bucket(hash uint64) (first int, _ []slot) {
	b := hash >> t.shift
	return int(t.start[b]), t.slots[t.start[b]:t.start[b+1]]
}

// hash is FNV-1a with the index's seed and a last mix; it is computed piece by piece.
type hash uint64

func (h hash) byte(c byte) hash { return (h ^ hash(c)) * 1099511628211 }

func (h hash) text(s string) hash {
	for i := 0; i < len(s); i++ {
		h = h.byte(s[i])
	}
	return h
}

func (h hash) bytes(s []byte) hash {
	for i := 0; i < len(s); i++ {
		h = h.byte(s[i])
	}
	return h
}

func (h hash) sum() uint64 {
	x := uint64(h)
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return x
}

// inParts runs f over n things in as many parts as there are workers, and waits.
func inParts(n, workers int, f func(part, from, to int)) {
	var wg sync.WaitGroup
	for p := range workers {
		wg.Go(func() { f(p, n*p/workers, n*(p+1)/workers) })
	}
	wg.Wait()
}
