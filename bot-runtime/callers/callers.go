// Package callers tells who calls over HTTP and holds them to a rate. What is served, and what a rate should be, others know.
package callers

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

// maxCallers bounds memory; beyond, the oldest generation is forgotten, which only ever allows more.
const maxCallers = 20_000

// Limiter holds every caller to one limit. It keeps two generations of callers, so that a flood of new ones cannot grow it
// without bound nor reset everyone at once. It is safe for concurrent use.
type Limiter struct {
	limit    Limit
	mu       sync.Mutex
	new, old map[string]*rate.Limiter
}

// NewLimiter makes one that knows nobody yet.
func NewLimiter(l Limit) *Limiter {
	return &Limiter{limit: l, new: map[string]*rate.Limiter{}, old: map[string]*rate.Limiter{}}
}

// Take says how long a caller has to wait; 0 lets through, and counts.
func (b *Limiter) Take(who string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.new[who]
	if !ok {
		if one, ok = b.old[who]; !ok {
			one = rate.NewLimiter(rate.Limit(b.limit.PerSecond), b.limit.Burst)
		}
		if len(b.new) >= maxCallers {
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

// Address is the address that limits go by. Behind a gateway, which has a private address, it is the last public one that
// proxies wrote down: what stands before it a caller may have made up. IPv6 callers own a whole /64.
func Address(r *http.Request) string {
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
