package desk

import (
	"sync"
	"time"
)

// attempts bounds how often passwords are tried, by agent and by address. Only wrong ones are spent: right ones are given
// back. Each pod counts for itself, so n pods allow n times as much; the hash's cost is what a guesser really pays.
type attempts struct {
	clock   func() time.Time
	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

// bucket is what is left, as of a time.
type bucket struct {
	limit
	left float64
	at   time.Time
}

// limit is how many attempts may come at once and how long one takes to grow again.
type limit struct {
	burst float64
	each  time.Duration
}

var (
	// byAgent lets a person mistype ten times, and a guesser try 2,880 passwords a day.
	byAgent = limit{burst: 10, each: 30 * time.Second}
	// byAddress is wide, for a whole contact centre may sit behind one gateway.
	byAddress = limit{burst: 60, each: time.Second}
)

// maxBuckets bounds memory when names are made up; full buckets, which say nothing, go first.
const maxBuckets = 10_000

func newAttempts(clock func() time.Time) *attempts {
	return &attempts{clock: clock, buckets: map[string]*bucket{}}
}

// take spends one attempt of each; false when one of them has none, and then nothing is spent.
func (a *attempts) take(agent, address string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	x, y := a.bucket("agent "+agent, byAgent), a.bucket("address "+address, byAddress)
	if x == nil || y == nil || x.left < 1 || y.left < 1 {
		return false
	}
	x.left--
	y.left--
	return true
}

// giveBack returns what take spent, since the password was right.
func (a *attempts) giveBack(agent, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range []*bucket{a.bucket("agent "+agent, byAgent), a.bucket("address "+address, byAddress)} {
		if b != nil {
			b.left = min(b.left+1, b.burst)
		}
	}
}

// bucket is the key's, as of now; nil when there are too many that say something.
func (a *attempts) bucket(key string, l limit) *bucket {
	now := a.clock()
	b, ok := a.buckets[key]
	if !ok {
		if len(a.buckets) >= maxBuckets && !a.forgetFull(now) {
			return nil
		}
		b = &bucket{limit: l, left: l.burst, at: now}
		a.buckets[key] = b
	}
	b.grow(now)
	return b
}

func (b *bucket) grow(now time.Time) {
	b.left = min(b.burst, b.left+float64(now.Sub(b.at))/float64(b.each))
	b.at = now
}

// forgetFull drops the buckets that are as new; false when none is. It looks once a second: a flood must not make it busy.
func (a *attempts) forgetFull(now time.Time) bool {
	if now.Sub(a.swept) < time.Second {
		return false
	}
	a.swept = now
	for key, b := range a.buckets {
		if b.grow(now); b.left == b.burst {
			delete(a.buckets, key)
		}
	}
	return len(a.buckets) < maxBuckets
}
