package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

const (
	// pause is the shortest time between two polls: a pool whose figures change all the time would else have the runtime
	// answer as fast as the network goes. Four times a second is well within the second that scaling may take.
	pause = 250 * time.Millisecond
	// longPause is the same for a runtime that answers at once though nothing is new, as it does without its store.
	longPause = 2 * time.Second
	// firstBackOff and longestBackOff bound the waits after calls that came to nothing.
	firstBackOff   = 250 * time.Millisecond
	longestBackOff = 15 * time.Second
	// patience is how many calls in a row may come to nothing before it is a fault: pods roll, connections break.
	patience = 3
	// openingPatience is how long a runtime may answer 503 before anybody has spoken: its pods are opening their store.
	openingPatience = 10 * time.Second
)

// link is the conversation with one tenant's runtime.
type link struct {
	all   *Links
	nudge chan struct{} // the target has changed

	mu       sync.Mutex
	cancel   context.CancelFunc
	stopped  bool
	want     Target
	objects  map[string]Wanted
	status   *bundle.Status
	at       time.Time
	promise  time.Duration
	failures int
	failing  time.Time // since when
	fault    *Fault
	told     bool // whoever is concerned knows that the figures are stale

	refused      *Fault // why the runtime would not have the bundle of refusedHash
	refusedHash  string
	refusals     int
	deliverAfter time.Time
}

func newLink(all *Links, t Target) *link {
	k := &link{all: all, nudge: make(chan struct{}, 1)}
	k.update(t)
	return k
}

// run puts and polls until the context ends.
func (k *link) run(ctx context.Context) {
	for ctx.Err() == nil {
		started, before := k.all.now(), k.latest()
		err := k.once(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errNudged):
		case err != nil:
			k.failed(ctx, err)
			k.wait(ctx, backOff(k.count()))
		default:
			least := pause
			if after := k.latest(); before != nil && after.ETag == before.ETag {
				least = longPause
			}
			k.wait(ctx, least-k.all.now().Sub(started))
		}
	}
}

// once brings the bundle down if the runtime has another one, and waits for what it says next.
func (k *link) once(ctx context.Context) error {
	select { // the target that is read next has every change so far
	case <-k.nudge:
	default:
	}
	t, known := k.target(), k.latest()
	if known == nil {
		return k.poll(ctx, t, "")
	}
	if known.Desired == t.Envelope.Hash {
		k.delivered(ctx, nil)
		return k.poll(ctx, t, known.ETag)
	}
	if known.StoreError != "" || !k.mayDeliver() {
		return k.poll(ctx, t, known.ETag) // a runtime without its store takes no bundle
	}
	err := k.all.put(ctx, t, known.Desired)
	var no refusal
	switch {
	case errors.As(err, &no): // a bundle that is refused must not silence the figures
		k.delivered(ctx, err)
		return k.poll(ctx, t, known.ETag)
	case err != nil && !errors.Is(err, errConflict):
		return err
	}
	// Put, or somebody else did: what the runtime says next must come at once, whatever it said last.
	return k.poll(ctx, t, "")
}

// mayDeliver holds a refused bundle back for a while, unless another one is wanted by now.
func (k *link) mayDeliver() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refusals == 0 || k.refusedHash != k.want.Envelope.Hash || !k.all.now().Before(k.deliverAfter)
}

// delivered notes that a bundle went through, or why the runtime would not have it.
func (k *link) delivered(ctx context.Context, err error) {
	k.mu.Lock()
	before := k.refused
	if err == nil {
		k.refused, k.refusals = nil, 0
	} else {
		if fault := faultOf(err); !fault.Busy {
			k.refused = &fault
		}
		k.refusedHash = k.want.Envelope.Hash
		k.refusals++
		k.deliverAfter = k.all.now().Add(backOff(k.refusals + patience))
	}
	tell := (before == nil) != (k.refused == nil) || before != nil && *before != *k.refused
	t := k.want
	k.mu.Unlock()
	if tell {
		k.all.wake(ctx, KindTenant, t.Tenant.Namespace, t.Tenant.Name)
	}
}

// poll waits for the next status; a changed target ends it.
func (k *link) poll(ctx context.Context, t Target, since string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, k.deadline(), errSilent)
	defer cancel()
	ctx, nudged := context.WithCancelCause(ctx)
	defer nudged(nil)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-k.nudge:
			nudged(errNudged)
		case <-done:
		}
	}()
	status, err := k.all.status(ctx, t, since)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			return cause
		}
		return err
	}
	k.heard(ctx, status)
	return nil
}

var (
	errNudged = errors.New("the target has changed")
	errSilent = errors.New("no answer within twice the time that the runtime promised")
)

// deadline of a poll: when it passes, the figures are stale.
func (k *link) deadline() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.status == nil {
		return 2 * dialTimeout
	}
	return 2 * k.promise
}

// heard keeps a status and wakes whom it concerns.
func (k *link) heard(ctx context.Context, s *bundle.Status) {
	k.mu.Lock()
	before := k.status
	recovered := k.fault != nil || k.told || before == nil
	k.status, k.at, k.promise = s, k.all.now(), promised(s)
	k.failures, k.fault, k.told = 0, nil, false
	t, objects := k.want, k.objects
	k.mu.Unlock()

	if recovered {
		k.wakeAll(ctx, t, objects)
		return
	}
	touched, tenant := changed(before, s)
	for _, o := range touched {
		k.all.wake(ctx, o.kind, t.Tenant.Namespace, o.name)
	}
	if tenant {
		k.all.wake(ctx, KindTenant, t.Tenant.Namespace, t.Tenant.Name)
	}
}

// promised is within what time the runtime speaks again; a promise outside reason is not believed.
func promised(s *bundle.Status) time.Duration {
	d := time.Duration(s.PromiseSeconds * float64(time.Second))
	return min(max(d, bundle.PromiseBusy), bundle.PromiseIdle)
}

// failed counts a call that came to nothing, and tells whom it concerns once it is a fault or the figures are stale.
func (k *link) failed(ctx context.Context, err error) {
	k.mu.Lock()
	if k.failures++; k.failures == 1 {
		k.failing = k.all.now()
	}
	tell := false
	if fault := faultOf(err); k.isFault(fault) {
		tell = k.fault == nil || *k.fault != fault
		k.fault = &fault
	}
	if k.staleAt(k.all.now()) && !k.told {
		k.told, tell = true, true
	}
	t, objects, failures := k.want, k.objects, k.failures
	k.mu.Unlock()

	if failures == patience {
		k.all.log.Info("runtime does not answer", "tenant", t.Tenant, "why", err.Error())
	}
	if tell {
		k.wakeAll(ctx, t, objects)
	}
}

// isFault needs k.mu. A pod that is opening its store answers 503; while a tenant rolls, another that serves is found by the
// next call, so that it is a fault only once nobody has spoken for long.
func (k *link) isFault(f Fault) bool {
	now := k.all.now()
	switch {
	case k.staleAt(now):
		return true
	case f.Busy && k.status != nil:
		return false
	case f.Busy:
		return now.Sub(k.failing) >= openingPatience
	default:
		return k.failures >= patience
	}
}

func (k *link) wakeAll(ctx context.Context, t Target, objects map[string]Wanted) {
	for _, o := range t.Envelope.Bundle.Objects {
		if _, ok := objects[bundle.Key(o.Kind, o.Name)]; ok {
			k.all.wake(ctx, o.Kind, t.Tenant.Namespace, o.Name)
		}
	}
	k.all.wake(ctx, KindTenant, t.Tenant.Namespace, t.Tenant.Name)
}

// wait ends early when the target changes, since that is worth a try at once.
func (k *link) wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-k.nudge:
	}
}

// backOff doubles with each failure, within bounds, and is drawn between half and all of that, so that a thousand tenants
// of an operator that was away do not all come at the same moment.
func backOff(failures int) time.Duration {
	d := firstBackOff << min(failures-1, 10)
	d = min(d, longestBackOff)
	return d/2 + rand.N(d/2+1)
}

func (k *link) view(now time.Time) View {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := View{
		Connected: true, Wanted: k.want.Envelope.Hash, Objects: k.objects,
		Status: k.status, At: k.at, Stale: k.staleAt(now), Fault: k.fault,
	}
	if v.Fault == nil {
		v.Fault = k.refused
	}
	return v
}

// staleAt needs k.mu. A runtime that never spoke is not stale: there are no figures to be old.
func (k *link) staleAt(now time.Time) bool {
	return k.status != nil && now.Sub(k.at) >= 2*k.promise
}

// update takes a target over, and interrupts the poll when another bundle is wanted.
func (k *link) update(t Target) {
	k.mu.Lock()
	defer k.mu.Unlock()
	other := k.want.Envelope.Hash != t.Envelope.Hash
	now := k.all.now()
	objects := make(map[string]Wanted, len(t.Envelope.Bundle.Objects))
	for _, o := range t.Envelope.Bundle.Objects {
		key := bundle.Key(o.Kind, o.Name)
		w := Wanted{Hash: o.Hash, Generation: o.Generation, Since: now}
		if before, ok := k.objects[key]; ok && before.Hash == w.Hash {
			w.Since = before.Since
		}
		objects[key] = w
	}
	k.want, k.objects = t, objects // a new map each time: views share the old one
	if other {
		select {
		case k.nudge <- struct{}{}:
		default:
		}
	}
}

func (k *link) target() Target {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.want
}

func (k *link) latest() *bundle.Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}

func (k *link) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failures
}

func (k *link) setCancel(cancel context.CancelFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel = cancel
	if k.stopped {
		cancel()
	}
}

func (k *link) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.cancel != nil {
		k.cancel()
	}
}
