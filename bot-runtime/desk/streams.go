package desk

import (
	"context"
	"sync"
)

// maxStreams a sign-in: some tabs, and their successors that overlap while they reconnect.
const maxStreams = 12

// streams are the open event streams of this pod by sign-in, so that signing out ends them at once. On other pods they end
// with their next heartbeat.
type streams struct {
	mu   sync.Mutex
	next int
	open map[string]map[int]context.CancelFunc // token hash → streams
}

func newStreams() *streams { return &streams{open: map[string]map[int]context.CancelFunc{}} }

// begin enters a stream; its context ends with the parent's or with the sign-in. False when there are too many.
func (s *streams) begin(parent context.Context, tokenHash []byte) (ctx context.Context, done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := string(tokenHash)
	if len(s.open[key]) >= maxStreams {
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(parent)
	if s.open[key] == nil {
		s.open[key] = map[int]context.CancelFunc{}
	}
	s.next++
	id := s.next
	s.open[key][id] = cancel
	return ctx, func() { cancel(); s.forget(key, id) }, true
}

func (s *streams) forget(key string, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open[key], id)
	if len(s.open[key]) == 0 {
		delete(s.open, key)
	}
}

// end ends all streams of a sign-in.
func (s *streams) end(tokenHash []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.open[string(tokenHash)] {
		cancel()
	}
}
