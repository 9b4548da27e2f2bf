package webchat

import (
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
	// StreamsByCitizen open at once.
	StreamsByCitizen int
}

// DefaultRates leave room for a busy office behind one address, and none for a flood.
var DefaultRates = Rates{
	SessionsByAddress: Limit{Burst: 100, PerSecond: 2},
	PostsByAddress:    Limit{Burst: 200, PerSecond: 20},
	PostsByCitizen:    Limit{Burst: 10, PerSecond: 1},
	ReadsByCitizen:    Limit{Burst: 30, PerSecond: 5},
	StreamsByCitizen:  4,
}

// maxBuckets bounds memory; beyond, the oldest generation is forgotten, which only ever allows more.
const maxBuckets = 20_000

type limiters struct {
	rates                          Rates
	now                            func() time.Time
	sessions, addresses, mine, own *buckets
	mu                             sync.Mutex
	streams                        map[string]int
}

func newLimiters(l Rates, now func() time.Time) *limiters {
	return &limiters{rates: l, now: now, sessions: newBuckets(l.SessionsByAddress), addresses: newBuckets(l.PostsByAddress),
		mine: newBuckets(l.PostsByCitizen), own: newBuckets(l.ReadsByCitizen), streams: map[string]int{}}
}

// Each returns how long to wait; 0 lets through.
func (l *limiters) session(address string) time.Duration { return l.sessions.take(address, l.now()) }

func (l *limiters) read(citizen string) time.Duration { return l.own.take(citizen, l.now()) }

func (l *limiters) post(address, citizen string) time.Duration {
	if wait := l.mine.take(citizen, l.now()); wait > 0 {
		return wait
	}
	return l.addresses.take(address, l.now())
}

// stream counts an open stream until done is called.
func (l *limiters) stream(citizen string) (done func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.streams[citizen] >= l.rates.StreamsByCitizen {
		return nil, false
	}
	l.streams[citizen]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.streams[citizen]--; l.streams[citizen] == 0 {
			delete(l.streams, citizen)
		}
	}, true
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
