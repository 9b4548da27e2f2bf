package externalscaler

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

const (
	// lookEvery is how often the lease is read; its leader renews it every two seconds.
	lookEvery = 5 * time.Second
	// silentAfter is how long a lease may stay as it is until nobody leads: longer than another replica takes to take it over, which is
	// 15 seconds, so that a change of leaders is no outage.
	silentAfter = 25 * time.Second
)

// heartbeat tells by a lease whether anybody leads. The lease's own time is another machine's: what counts is that it moves.
//
// A leader that is gone writes no status any more, and the last one may say two workers where two hundred citizens wait by now. So
// nothing is answered of it.
type heartbeat struct {
	mu      sync.Mutex
	renewed time.Time // as the lease said last
	moved   time.Time // when that was another than before, by this machine's clock; zero until it was
	read    bool
}

// hear takes what the lease says now, and tells whether a leader is there that was not before.
func (h *heartbeat) hear(renewed, now time.Time) (back bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.read && !renewed.Equal(h.renewed) {
		back = !h.beats(now)
		h.moved = now
	}
	h.renewed, h.read = renewed, true
	return back
}

func (h *heartbeat) alive(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beats(now)
}

// beats needs h.mu.
func (h *heartbeat) beats(now time.Time) bool {
	return !h.moved.IsZero() && now.Sub(h.moved) < silentAfter
}

// leads says whether somebody leads who looks at the pools.
func (s *Server) leads() bool {
	return s.options.Lease.Name == "" || s.heartbeat.alive(time.Now())
}

// listenToLeader reads the lease until the context ends. One that cannot be read is as one that does not move.
func (s *Server) listenToLeader(ctx context.Context) {
	if s.options.Lease.Name == "" {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		lease := &coordinationv1.Lease{}
		if err := s.options.Live.Get(ctx, s.options.Lease, lease); err == nil && lease.Spec.RenewTime != nil {
			if s.heartbeat.hear(lease.Spec.RenewTime.Time, time.Now()) {
				s.streams.tellAll()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
