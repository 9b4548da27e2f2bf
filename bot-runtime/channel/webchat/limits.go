package webchat

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a bucket: so many at once, and so many a second from then on.
type Limit struct {
	Burst     int
	PerSecond float64
}

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

// maxBuckets bounds memory; beyond, the oldest generation is forgotten, which only ever allows more.
const maxBuckets = 20_000

type limiters struct {
	rates                                   Rates
	room                                    Room
	now                                     func() time.Time
	sessions, addresses, mine, own, readers *buckets
	mu                                      sync.Mutex
	streams                                 map[string]int // open ones, by citizen and by address
}

func newLimiters(l Rates, room Room, now func() time.Time) *limiters {
	return &limiters{rates: l, room: room, now: now, sessions: newBuckets(l.SessionsByAddress), addresses: newBuckets(l.PostsByAddress),
		mine: newBuckets(l.PostsByCitizen), own: newBuckets(l.ReadsByCitizen), readers: newBuckets(l.ReadsByAddress), streams: map[string]int{}}
}

// Each returns how long to wait; 0 lets through.
func (l *limiters) session(address string) time.Duration { return l.sessions.take(address, l.now()) }

func (l *limiters) read(address, citizen string) time.Duration {
	if wait := l.own.take(citizen, l.now()); wait > 0 {
		return wait
	}
	return l.readers.take(address, l.now())
}

func (l *limiters) post(address, citizen string) time.Duration {
	if wait := l.mine.take(citizen, l.now()); wait > 0 {
		return wait
	}
	return l.addresses.take(address, l.now())
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

// buckets keeps two generations, so that a flood of new callers cannot grow them without bound nor reset everyone at once.
type buckets struct {
	limit    Limit
	mu       sync.Mutex
	new, old map[string]*rate.Limiter
}

func newBuckets(l Limit) *buckets {
	return &buckets{limit: l, new: map[string]*rate.Limiter{}, old: map[string]*rate.Limiter{}}
}

func (b *buckets) take(who string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.new[who]
	if !ok {
		if one, ok = b.old[who]; !ok {
			one = rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.Burst)
		}
		if len(b.new) >= maxBuckets {
			b.old, b.new = b.new, map[string]*rate.Limiter{}
		}
		b.new[who] = one
	}
	r := one.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// caller is the address that limits go by. Behind a gateway, which has a private address, it is the last public one that
// proxies wrote down: what stands before it a caller may have made up. IPv6 callers own a whole /64.
func caller(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if inside(addr) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop
			if !inside(hop) {
				break
			}
		}
	}
	if addr = addr.Unmap(); addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

func inside(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}
