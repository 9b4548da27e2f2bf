package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// settlements are the transactions at once: while one commits, the next gathers. Each takes a connection.
const settlements = 1

// settler makes one transaction of what many sends came to: they share the commit, and the number's budget row, which would
// else have them wait for one another.
type settler struct {
	store store.Sending
	turns chan struct{} // of transactions under way

	mu      sync.Mutex
	waiting []*outcome
}

type outcome struct {
	store.Settlement
	done chan settled // one answer, buffered
}

type settled struct {
	store.Settled
	err error // nothing of it is recorded, or nobody knows
}

func newSettler(s store.Sending) *settler {
	return &settler{store: s, turns: make(chan struct{}, settlements)}
}

// settle returns when the settlement is durable or refused. Whoever gets a turn settles for all who wait.
func (s *settler) settle(one store.Settlement) (store.Settled, error) {
	mine := &outcome{Settlement: one, done: make(chan settled, 1)}
	s.mu.Lock()
	s.waiting = append(s.waiting, mine)
	s.mu.Unlock()
	select {
	case s := <-mine.done:
		return s.Settled, s.err
	case s.turns <- struct{}{}:
	}
	s.mu.Lock()
	group := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	s.commit(group)
	<-s.turns
	my := <-mine.done
	return my.Settled, my.err
}

// commit settles a group in one transaction and answers everybody in it. If the database refuses it for what is in it, each
// is tried alone.
func (s *settler) commit(group []*outcome) {
	if len(group) == 0 {
		return
	}
	all := make([]store.Settlement, len(group))
	for i, o := range group {
		all[i] = o.Settlement
	}
	came, err := s.store.Settle(context.Background(), all)
	alone := err != nil && len(group) > 1 && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknownOutcome)
	for i, o := range group {
		switch {
		case alone:
			s.commit([]*outcome{o})
		case err != nil:
			o.done <- settled{err: err}
		default:
			o.done <- settled{Settled: came[i]}
		}
	}
}
