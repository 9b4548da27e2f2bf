package engine

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// pacedMost is the longest that a webhook is held back: platforms wait 5 to 20 s for an answer.
const pacedMost = time.Second

// pace holds back the webhooks of a citizen who is over their allowance, since everybody stands in one queue for the disk: a flood
// over a few connections then comes as slowly as it is answered. Nothing is refused, and nobody else waits.
type pace struct {
	now func() time.Time

	mu sync.Mutex
	// of has the citizens who wrote since turned, and before those who wrote in the span until then: whoever was silent for a whole
	// span has their whole allowance again and need not be remembered.
	of, before map[message.Identity]*rate.Limiter
	turned     time.Time
}

func newPace(now func() time.Time) *pace {
	return &pace{now: now, of: map[message.Identity]*rate.Limiter{}, turned: now()}
}

// delay is how long this batch is to be held back. One of several citizens is not: most of them do not flood.
func (p *pace) delay(batch store.Batch) time.Duration {
	var citizen message.Identity
	for i, m := range batch.Messages {
		switch {
		case len(m.Identities) == 0, i > 0 && m.Identities[0] != citizen:
			return 0
		}
		citizen = m.Identities[0]
	}
	if len(batch.Messages) == 0 {
		return 0
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.turned) >= allowanceSpan {
		p.before, p.of, p.turned = p.of, map[message.Identity]*rate.Limiter{}, now
	}
	l := p.of[citizen]
	if l == nil {
		if l = p.before[citizen]; l == nil {
			l = rate.NewLimiter(rate.Every(allowanceSpan/allowanceMost), allowanceMost)
		}
		p.of[citizen] = l
	}
	turn := l.ReserveN(now, min(len(batch.Messages), allowanceMost))
	wait := turn.DelayFrom(now)
	if wait > pacedMost { // what is not waited for is not owed: the flood's end is the end of it
		turn.CancelAt(now)
		return pacedMost
	}
	return wait
}
