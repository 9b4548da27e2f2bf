package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Bounds of the outside calls of dialogs.
const (
	callsMost = 64 // in the air, of a pod
	callsOver = 200
)

// Call makes one outside call and tells how it ended. It returns soon after ctx ends. The error is for the log, beside the answer: it
// says why there is none of the service.
type Call func(ctx context.Context, call store.ClaimedCall) (answer []byte, failed error)

// caller makes the calls that dialogs wait for: claim with a durable mark, call, answer.
type caller struct {
	store    store.Calling
	call     Call
	now      func() time.Time
	report   *reporter
	answered func() // the conversation can go on
	stopping func() bool
	again    signal

	calls  sync.WaitGroup
	mu     sync.Mutex
	flying int
}

// some claims what waits and starts the calls; it returns how many.
func (c *caller) some(ctx context.Context) (int, error) {
	over, err := c.store.ExpireCalls(ctx, callsOver)
	if err != nil {
		return 0, err
	}
	if over > 0 {
		c.report.callsOver.Add(float64(over))
		c.answered()
	}
	c.mu.Lock()
	room := callsMost - c.flying
	c.mu.Unlock()
	if room <= 0 || c.stopping() {
		return over, nil
	}
	asked := c.now()
	claimed, err := c.store.ClaimCalls(ctx, room)
	if err != nil { // also one whose commit may have happened: nothing of it is called, and its time ends it
		return over, err
	}
	c.mu.Lock()
	c.flying += len(claimed)
	c.mu.Unlock()
	for _, one := range claimed {
		c.calls.Go(func() {
			c.one(asked, one)
			c.mu.Lock()
			c.flying--
			c.mu.Unlock()
			c.again.raise()
		})
	}
	return over + len(claimed), nil
}

// one makes a call, if the dialog still waits, and insists on its answer as long as it does.
func (c *caller) one(asked time.Time, call store.ClaimedCall) {
	left := call.Left - c.now().Sub(asked)
	if left <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	answer, failed := c.call(ctx, call)
	if failed != nil && c.report.fresh("call/"+failed.Error()) {
		c.report.log.Info("an outside call of a dialog failed", "why", failed.Error())
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := c.store.AnswerCall(context.WithoutCancel(ctx), call, answer)
		if err == nil {
			c.answered()
			return
		}
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		c.report.failed("AnswerCall", err)
		select {
		case <-ctx.Done():
			return // its time ends it
		case <-time.After(wait):
		}
	}
}
