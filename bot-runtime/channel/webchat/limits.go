package webchat

import (
	"cmp"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/callers"
)

// Limit is how often something may be done.
type Limit = callers.Limit

// Rates of callers, each in one pod. An address may stand for many people: mobile networks and offices share theirs.
type Rates struct {
	SessionsByAddress, PostsByAddress, PostsByCitizen, ReadsByCitizen Limit
	// ReadsByAddress are reads and opened streams.
	ReadsByAddress Limit
	// StreamsByCitizen and StreamsByAddress open at once.
	StreamsByCitizen, StreamsByAddress int
}

// DefaultRates leave room for a busy office behind one address, and none for a flood.
var DefaultRates = Rates{
	SessionsByAddress: Limit{Burst: 100, PerSecond: 2},
	PostsByAddress:    Limit{Burst: 200, PerSecond: 20},
	PostsByCitizen:    Limit{Burst: 10, PerSecond: 1},
	ReadsByCitizen:    Limit{Burst: 30, PerSecond: 5},
	ReadsByAddress:    Limit{Burst: 400, PerSecond: 40},
	StreamsByCitizen:  4,
	StreamsByAddress:  500,
}

func (r Rates) orDefault() Rates {
	d := DefaultRates
	return Rates{
		SessionsByAddress: cmp.Or(r.SessionsByAddress, d.SessionsByAddress),
		PostsByAddress:    cmp.Or(r.PostsByAddress, d.PostsByAddress),
		PostsByCitizen:    cmp.Or(r.PostsByCitizen, d.PostsByCitizen),
		ReadsByCitizen:    cmp.Or(r.ReadsByCitizen, d.ReadsByCitizen),
		ReadsByAddress:    cmp.Or(r.ReadsByAddress, d.ReadsByAddress),
		StreamsByCitizen:  cmp.Or(r.StreamsByCitizen, d.StreamsByCitizen),
		StreamsByAddress:  cmp.Or(r.StreamsByAddress, d.StreamsByAddress),
	}
}

// Room is how many streams a pod holds open at once, for all its web chats together.
type Room chan struct{}

// NewRoom makes room for so many streams.
func NewRoom(streams int) Room { return make(Room, streams) }

// DefaultRoom is some 60 MB of connections.
const DefaultRoom = 2000

type limiters struct {
	rates                                   Rates
	room                                    Room
	now                                     func() time.Time
	sessions, addresses, mine, own, readers *callers.Limiter
	mu                                      sync.Mutex
	streams                                 map[string]int // open ones, by citizen and by address
}

func newLimiters(l Rates, room Room, now func() time.Time) *limiters {
	return &limiters{rates: l, room: room, now: now, sessions: callers.NewLimiter(l.SessionsByAddress), addresses: callers.NewLimiter(l.PostsByAddress),
		mine: callers.NewLimiter(l.PostsByCitizen), own: callers.NewLimiter(l.ReadsByCitizen), readers: callers.NewLimiter(l.ReadsByAddress), streams: map[string]int{}}
}

// Each returns how long to wait; 0 lets through.
func (l *limiters) session(address string) time.Duration { return l.sessions.Take(address, l.now()) }

func (l *limiters) read(address, citizen string) time.Duration {
	if wait := l.own.Take(citizen, l.now()); wait > 0 {
		return wait
	}
	return l.readers.Take(address, l.now())
}

func (l *limiters) post(address, citizen string) time.Duration {
	if wait := l.mine.Take(citizen, l.now()); wait > 0 {
		return wait
	}
	return l.addresses.Take(address, l.now())
}

// stream counts an open stream until done is called, or refuses it.
func (l *limiters) stream(address, citizen string) (done func(), _ *refusal) {
	if wait := l.read(address, citizen); wait > 0 {
		return nil, tooFast(wait)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	citizen, address = "citizen "+citizen, "address "+address
	switch {
	case l.streams[citizen] >= l.rates.StreamsByCitizen:
		return nil, tooFast(keepAlive)
	case l.streams[address] >= l.rates.StreamsByAddress:
		return nil, crowded("too many streams are open from this address")
	}
	select {
	case l.room <- struct{}{}:
	default:
		return nil, crowded("too many streams are open here")
	}
	l.streams[citizen]++
	l.streams[address]++
	return func() {
		<-l.room
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, who := range []string{citizen, address} {
			if l.streams[who]--; l.streams[who] == 0 {
				delete(l.streams, who)
			}
		}
	}, nil
}
