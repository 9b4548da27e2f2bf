// Package load makes many citizens write at once to the counting flow, each numbering their messages.
package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/hack/sim/platform"
)

// Plan of a run.
type Plan struct {
	Citizens int `json:"citizens"`
	// AtOnce is how many citizens write at the same time: the next begins when one has all their answers. 0 is all of them.
	AtOnce int `json:"atOnce,omitempty"`
	// Messages of each citizen; the next is written when the one before is acknowledged.
	Messages int `json:"messages"`
	// Ahead is how many messages a citizen writes before the answer to the first of them; 0 is any number.
	Ahead int `json:"ahead,omitempty"`
	// Pause between an acknowledgement and the next message.
	Pause time.Duration `json:"pause,omitempty"`
	// Patience is how long to wait for an acknowledgement that does not come, and for the last answers.
	Patience time.Duration `json:"patience"`
}

// Total is how many messages all citizens write.
func (p Plan) Total() int { return p.Citizens * p.Messages }

// Load is a run that goes on.
type Load struct {
	plan         Plan
	citizens     []*platform.Citizen
	acknowledged atomic.Int64
	done         chan struct{}
	err          error
}

// Start lets the citizens write. It is over when every citizen has got as many answers as they wrote; Err then says who is
// still waiting. What was lost or doubled is for the checker to say.
func Start(ctx context.Context, p *platform.Platform, plan Plan) *Load {
	modes := []platform.Mode{platform.WithNumber, platform.WithoutNumber, platform.Changing}
	l := &Load{plan: plan, done: make(chan struct{})}
	var all sync.WaitGroup
	waiting := make(chan error, plan.Citizens)
	atOnce := plan.AtOnce
	if atOnce == 0 {
		atOnce = plan.Citizens
	}
	turn := make(chan struct{}, atOnce)
	for i := range plan.Citizens {
		c := p.NewCitizen("", modes[i%len(modes)])
		l.citizens = append(l.citizens, c)
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			if err := l.citizen(ctx, c); err != nil {
				waiting <- err // the others go on: what became of theirs is worth knowing
			}
		})
	}
	go func() {
		defer close(l.done)
		all.Wait()
		if n := len(waiting); n > 0 {
			l.err = fmt.Errorf("%d citizens wait; %w", n, <-waiting)
		}
	}()
	return l
}

func (l *Load) citizen(ctx context.Context, c *platform.Citizen) error {
	wait := func(n int) error {
		patience, cancel := context.WithTimeout(ctx, l.plan.Patience)
		defer cancel()
		if _, err := c.Messages(patience, n-1); err != nil {
			return fmt.Errorf("%s got %d answers, and waits for %d", c.Name, c.Count(), n)
		}
		return nil
	}
	for n := 1; n <= l.plan.Messages; n++ {
		if l.plan.Ahead > 0 && n > l.plan.Ahead {
			if err := wait(n - l.plan.Ahead); err != nil {
				return err
			}
		}
		patience, cancel := context.WithTimeout(ctx, l.plan.Patience)
		err := c.Say(patience, fmt.Sprintf("n%d", n))
		cancel()
		if err != nil {
			return err
		}
		l.acknowledged.Add(1)
		if l.plan.Pause > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(l.plan.Pause):
			}
		}
	}
	return wait(l.plan.Messages)
}

// Done is closed when the run is over.
func (l *Load) Done() <-chan struct{} { return l.done }

// Err is what went wrong, once Done is closed.
func (l *Load) Err() error { return l.err }

// Progress is how many messages are acknowledged, and how many reached the citizens' phones.
func (l *Load) Progress() (acknowledged, answered int) {
	for _, c := range l.citizens {
		answered += c.Count()
	}
	return int(l.acknowledged.Load()), answered
}
