package externalscaler

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// streams are the calls that wait for news of a pool. A stream that has not taken the last news yet needs no second: it looks at what
// is true when it looks.
type streams struct {
	mu     sync.Mutex
	byPool map[types.NamespacedName]map[chan struct{}]bool
}

// join gives a stream its news, and what to do when it ends.
func (s *streams) join(pool types.NamespacedName) (news <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byPool == nil {
		s.byPool = map[types.NamespacedName]map[chan struct{}]bool{}
	}
	if s.byPool[pool] == nil {
		s.byPool[pool] = map[chan struct{}]bool{}
	}
	s.byPool[pool][c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.byPool[pool], c); len(s.byPool[pool]) == 0 {
			delete(s.byPool, pool)
		}
	}
}

// tell wakes the streams of a pool.
func (s *streams) tell(pool types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.byPool[pool] {
		wake(c)
	}
}

// tellAll wakes every stream.
func (s *streams) tellAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pool := range s.byPool {
		for c := range pool {
			wake(c)
		}
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
