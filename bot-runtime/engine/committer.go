package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Bounds of the committer.
const (
	gatherFor  = 2 * time.Millisecond
	gatherMost = 200
	// shedAfter is how long a webhook may wait for its transaction to begin. Platforms wait 5 to 20 s for an answer and
	// deliver again after a 503; a queue that grows without bound would make every citizen's webhook time out instead.
	shedAfter = 2 * time.Second
	// groupsMost are under way at once: while one waits for the disk, the next one is looked up. A third would bring little.
	groupsMost = 2
	// heldMost is how long a webhook may wait for a lane that somebody holds: a stopped stepper's session is ended before.
	heldMost = 5 * time.Second
	// heldAgain is how long it rests between two tries.
	heldAgain = 100 * time.Millisecond
)

// ErrShed: the queue is too long for this batch to be stored in time; nothing was stored. Answer 503.
var ErrShed = errors.New("the intake queue is over two seconds long")

// committer makes one transaction of what many webhooks brought, because a durable commit costs the same for two hundred
// messages as for one. It answers each webhook only after its commit is known.
type committer struct {
	intake   store.Intake
	now      func() time.Time
	wrote    func(error) // told how each commit ended
	accepted func(store.Accepted)
	queue    chan *arrival
	room     chan struct{} // holds one for each group under way
	storing  sync.WaitGroup
	stopped  chan struct{} // closed when run has returned

	// Webhooks whose citizens' lanes are held wait here, and one goroutine tries them while there are any.
	heldMu  sync.Mutex
	held    []*arrival
	holding sync.WaitGroup
}

// arrival is one webhook's batch on its way into a transaction.
type arrival struct {
	batch store.Batch
	since time.Time
	state atomic.Int32
	done  chan error // one answer, buffered
}

// An arrival is waiting until exactly one of these happens: the committer takes it, or the webhook gives up.
const (
	arrivalWaits int32 = iota
	arrivalTaken
	arrivalGone
)

func newCommitter(intake store.Intake, now func() time.Time, wrote func(error), accepted func(store.Accepted)) *committer {
	return &committer{intake: intake, now: now, wrote: wrote, accepted: accepted,
		queue: make(chan *arrival, 4*gatherMost), room: make(chan struct{}, groupsMost), stopped: make(chan struct{})}
}

// Accept stores a batch and returns when that is durable. Any error means: not acknowledged, answer 503.
//
// It takes no context on purpose: a webhook whose connection breaks must not cut a commit in the middle, whose outcome
// would then be unknown for everybody in the same transaction.
func (c *committer) Accept(batch store.Batch) error {
	if len(batch.Messages)+len(batch.Statuses)+len(batch.Moves)+len(batch.Raw) == 0 {
		return nil
	}
	a := &arrival{batch: batch, since: c.now(), done: make(chan error, 1)}
	patience := time.NewTimer(shedAfter)
	defer patience.Stop()
	select {
	case c.queue <- a:
	case <-c.stopped:
		return store.ErrUnavailable
	case <-patience.C:
		return ErrShed
	}
	select {
	case err := <-a.done:
		return err
	case <-patience.C:
		if a.state.CompareAndSwap(arrivalWaits, arrivalGone) {
			return ErrShed
		}
	case <-c.stopped:
		if a.state.CompareAndSwap(arrivalWaits, arrivalGone) {
			return store.ErrUnavailable
		}
	}
	return <-a.done // its transaction has begun: only the database knows the answer now
}

// run commits until stop is closed and nothing waits any more.
func (c *committer) run(stop <-chan struct{}) {
	defer close(c.stopped)
	defer c.holding.Wait()
	defer c.storing.Wait()
	for {
		c.room <- struct{}{} // what comes while there is none is one group
		select {
		case a := <-c.queue:
			c.commit(c.gather(a))
		case <-stop:
			<-c.room
			for {
				select {
				case a := <-c.queue:
					c.room <- struct{}{}
					c.commit(c.gather(a))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits together with first.
func (c *committer) gather(first *arrival) []*arrival {
	var group []*arrival
	size := 0
	take := func(a *arrival) {
		if c.now().Sub(a.since) > shedAfter {
			if a.state.CompareAndSwap(arrivalWaits, arrivalGone) {
				a.done <- ErrShed
			}
			return
		}
		if a.state.CompareAndSwap(arrivalWaits, arrivalTaken) {
			group = append(group, a)
			size += len(a.batch.Messages) + len(a.batch.Statuses) + len(a.batch.Moves) + len(a.batch.Raw)
		}
	}
	take(first)
	linger := time.NewTimer(gatherFor)
	defer linger.Stop()
	for size < gatherMost {
		select {
		case a := <-c.queue:
			take(a)
		case <-linger.C:
			return group
		}
	}
	return group
}

// commit stores a group in one transaction and answers everybody in it.
//
// If the database refuses the group for what is in it, rather than for its own state, each batch is tried alone: one
// webhook that cannot be stored must not keep two hundred others out. What waits for a lane that somebody holds is stored beside.
// And if the group cannot be stored now, what brings no message needs no lane, and is tried once more without the rest.
//
// It returns when the messages have their places, so that those of the next group come after them, and frees the room at the end.
func (c *committer) commit(group []*arrival) {
	ordered := make(chan struct{})
	inOrder := sync.OnceFunc(func() { close(ordered) })
	c.storing.Go(func() {
		defer func() { inOrder(); <-c.room }()
		c.hold(c.store(group, inOrder))
	})
	<-ordered
}

// store stores a group and returns whose lanes are held: they have no answer yet.
func (c *committer) store(group []*arrival, ordered func()) (held []*arrival) {
	if len(group) == 0 {
		return nil
	}
	all := store.Batch{Ordered: ordered}
	for _, a := range group {
		all.Messages = append(all.Messages, a.batch.Messages...)
		all.Statuses = append(all.Statuses, a.batch.Statuses...)
		all.Moves = append(all.Moves, a.batch.Moves...)
		all.Raw = append(all.Raw, a.batch.Raw...)
	}
	err := c.accept(all)
	var some *store.Held
	if errors.As(err, &some) {
		c.wrote(nil)
		return parted(group, some.Messages)
	}
	c.wrote(err)
	switch {
	case errors.Is(err, store.ErrUnavailable):
		var laneless []*arrival
		for _, a := range group {
			if len(a.batch.Messages) == 0 {
				laneless = append(laneless, a)
			} else {
				a.done <- err
			}
		}
		if len(laneless) == len(group) { // there was no lane to wait for
			for _, a := range group {
				a.done <- err
			}
			return nil
		}
		return c.store(laneless, ordered)
	case err != nil && len(group) > 1 && !errors.Is(err, store.ErrUnknownOutcome):
		for _, a := range group {
			err := c.accept(a.batch)
			if errors.As(err, &some) {
				held = append(held, parted([]*arrival{a}, some.Messages)...)
				continue
			}
			a.done <- err
		}
	default:
		for _, a := range group {
			a.done <- err
		}
	}
	return held
}

// parted answers the arrivals of a group that is stored but for some messages, and leaves in the others what is not.
func parted(group []*arrival, places []int) (held []*arrival) {
	first := 0
	for _, a := range group {
		var left []store.Inbound
		for i, m := range a.batch.Messages {
			if _, not := slices.BinarySearch(places, first+i); not {
				left = append(left, m)
			}
		}
		first += len(a.batch.Messages)
		if len(left) == 0 {
			a.done <- nil
			continue
		}
		a.batch = store.Batch{Messages: left}
		held = append(held, a)
	}
	return held
}

// hold has arrivals tried again, beside the others, until their lanes are free or they have waited too long.
func (c *committer) hold(some []*arrival) {
	if len(some) == 0 {
		return
	}
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	if c.held = append(c.held, some...); len(c.held) == len(some) {
		c.holding.Go(c.tryHeld)
	}
}

// tryHeld ends when nothing is held any more. What is being tried stays in the list, so that there is one of it.
func (c *committer) tryHeld() {
	for {
		time.Sleep(heldAgain)
		c.heldMu.Lock()
		group := slices.Clone(c.held)
		c.heldMu.Unlock()
		var in, late []*arrival
		for _, a := range group {
			if c.now().Sub(a.since) > heldMost {
				late = append(late, a)
			} else {
				in = append(in, a)
			}
		}
		still := c.store(in, nil)
		for _, a := range late {
			a.done <- fmt.Errorf("%w: the lane of a message is held", store.ErrUnavailable)
		}
		c.heldMu.Lock()
		c.held = append(still, c.held[len(group):]...)
		over := len(c.held) == 0
		c.heldMu.Unlock()
		if over {
			return
		}
	}
}

// accept is one transaction.
func (c *committer) accept(batch store.Batch) error {
	counts, err := c.intake.Accept(context.Background(), batch)
	var some *store.Held
	if err == nil || errors.As(err, &some) {
		c.accepted(counts)
	}
	return err
}
