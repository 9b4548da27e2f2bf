// Package engine is the one place that ties channels, dialogs and the desk to the store: webhooks go in through the
// committer, steppers turn inbox rows into outcomes, senders hand over the outbox, one poll says what is due, and the newest
// bundle is judged and served. The rules it keeps are docs/architecture.md, "The message path".
//
// It decides nothing about words (package dialog), people (routing, desk) or platforms (channel), and writes no SQL (store).
// Package main opens the store, makes an Engine and mounts its handlers; tests do the same in one process.
package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Roles are what a pod does: Bot has webhooks, dialogs and sending; Desk has routing and consoles.
type Roles struct{ Bot, Desk bool }

// String is as the flag --roles and the pod's row have it.
func (r Roles) String() string {
	switch {
	case r.Bot && r.Desk:
		return "bot,desk"
	case r.Desk:
		return "desk"
	}
	return "bot"
}

// Options are what an Engine needs of its surroundings.
type Options struct {
	Store store.Store
	Roles Roles
	// Pools that this pod serves with the desk role; all that are live when empty.
	Pools []string
	// PodName is unique among the tenant's pods.
	PodName string
	Connect Connect
	// Steppers is how many turns run at once; 1 when 0, which is right where the database has one writer.
	Steppers int
	// Fetch asks the sources of Directories for their rows; nil where none can be asked. Bot pods do.
	Fetch Fetch
	// Route gives a pool's waiting conversations to its agents, and takes back those of agents who are gone; nil without the
	// desk role. It returns how many it gave.
	Route func(ctx context.Context, name string, pool *judge.Pool) (int, error)
	// Call makes the outside calls of dialogs; nil without the bot role.
	Call Call
	// Timing of sending and calling.
	Timing Timing
	// CleanStart says that the last process here ended in good order, so that lanes may share transactions at once.
	CleanStart bool
	// Memory is a folder that outlives the process: a message that kills it is recognised by the next one. None when empty.
	Memory string
	// Registerer takes the metrics; a registry of its own when nil.
	Registerer prometheus.Registerer
	// Clock for everything that is not a rule about work, which counts by the database's clock; time.Now when nil.
	Clock func() time.Time
	Log   logr.Logger
}

// Engine is one pod at work.
type Engine struct {
	store    store.Store
	roles    Roles
	pools    []string
	pod      string
	connect  Connect
	steppers int
	fetch    Fetch
	route    func(ctx context.Context, name string, pool *judge.Pool) (int, error)
	calm     bool
	caution  *caution
	careful  chan struct{} // holds one while a careful turn is under way; no mutex, whose waiting stops a simulation's clock
	now      func() time.Time
	started  time.Time
	report   *reporter

	live      atomic.Pointer[Live]
	desired   atomic.Pointer[string]
	sawBundle atomic.Int64 // version of the bundle that was last looked at
	done      atomic.Int64 // acts that found work, for the poll's pace
	deskAt    atomic.Int64 // when something was last seen to happen at the desk, in nanoseconds since 1970

	rawKinds   kinds
	poolCounts poolCounts
	storeError atomic.Pointer[heard]        // of the last read
	writeError atomic.Pointer[heard]        // of the last write
	inbox      atomic.Pointer[bundle.Inbox] // what waits for the bot, as of the last look; nil before
	ahead      atomic.Int64                 // of the database's clock before ours, in nanoseconds
	pace       *pace
	committer  *committer
	stepper    *stepper
	sender     *sender
	caller     *caller
	status     *board

	stop chan struct{}
	acts context.Context // of the loops' acts: lives on while a drain finishes what was claimed
	kill context.CancelFunc

	pollNow, wakeSteps, wakeTimers, wakeCalls, wakeSends, wakeStatuses, wakeUnknown, wakeRouting, wakeConfig, wakeHeart, wakeFetch signal

	resolvedAt time.Time // of poll alone

	deskMu      sync.Mutex
	deskChanged chan struct{} // closed and replaced whenever desk events are seen
}

// New makes an Engine. It does nothing until Run.
func New(o Options) *Engine {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	e := &Engine{
		store: o.Store, roles: o.Roles, pools: o.Pools, pod: o.PodName, connect: o.Connect, steppers: max(1, o.Steppers),
		route: o.Route, fetch: o.Fetch, calm: o.CleanStart, now: o.Clock, started: o.Clock(),
		careful:  make(chan struct{}, 1),
		report:   newReporter(newMetrics(o.Registerer), o.Log, o.Clock),
		rawKinds: kinds{seen: map[string]bool{}},
		stop:     make(chan struct{}), deskChanged: make(chan struct{}),
		pollNow: newSignal(), wakeSteps: newSignal(), wakeTimers: newSignal(), wakeCalls: newSignal(), wakeSends: newSignal(), wakeStatuses: newSignal(),
		wakeUnknown: newSignal(), wakeRouting: newSignal(), wakeConfig: newSignal(), wakeHeart: newSignal(), wakeFetch: newSignal(),
	}
	e.acts, e.kill = context.WithCancel(context.Background())
	e.live.Store(&Live{})
	e.pace = newPace(o.Clock)
	e.committer = newCommitter(o.Store, o.Clock, e.committed, func(a store.Accepted) {
		e.report.acceptedBatch(a)
		e.progressed()
		wakeIf(a.Stored > 0, e.wakeSteps)
		wakeIf(a.Statuses > 0, e.wakeStatuses)
	})
	var err error
	if e.caution, err = newCaution(o.Memory, e.gaveUp, func(err error) { e.report.failed("note a step", err) }); err != nil {
		o.Log.Error(err, "a message that kills the process is recognised only from its next death on")
	}
	e.stepper = newStepper(o.Store, e.Live, e.report, o.Timing.orDefault().CallSlack)
	e.sender = newSender(o.Store, o.Timing.orDefault(), e.Live, o.Clock, e.report, e.progressed, e.stopping, e.wakeSends)
	e.caller = &caller{store: o.Store, call: o.Call, now: o.Clock, report: e.report, stopping: e.stopping, again: e.wakeCalls,
		answered: func() { e.progressed(); e.wakeSteps.raise() }}
	e.status = newBoard(e)
	return e
}

// Live is what serves now. It is never nil and never changes; the next one replaces it.
func (e *Engine) Live() *Live { return e.live.Load() }

// Run works until ctx ends, then drains: what was claimed is finished, nothing new is begun. Whoever serves HTTP must have
// stopped accepting before ctx ends. It returns soon after drainFor at the latest.
func (e *Engine) Run(ctx context.Context) {
	var committing, working sync.WaitGroup
	committing.Go(func() { e.committer.run(e.stop) })
	for _, work := range e.work() {
		working.Go(work)
	}
	e.wakeConfig.raise()
	e.pollNow.raise()
	<-ctx.Done()
	close(e.stop)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		committing.Wait()
		working.Wait()
		e.sender.calls.Wait()
		e.caller.calls.Wait()
	}()
	over := time.NewTimer(drainFor)
	defer over.Stop()
	select {
	case <-drained:
	case <-over.C:
		e.report.log.Info("the end came before all sends were settled; the platform's echo will settle them")
	}
	if e.StoreError() == nil { // a database that is gone would have the pod wait past its grace, and forgets it by itself
		if err := e.store.Farewell(e.acts, e.pod); err != nil {
			e.report.failed("Farewell", err)
		}
	}
	e.kill()
}

// drainFor bounds the end: a pod is killed 45 s after it was told, and calls in the air take at most DefaultTiming.Call.
const drainFor = 25 * time.Second

// work lists the loops of this pod's roles.
func (e *Engine) work() []func() {
	loops := []func(){
		e.poll,
		e.beat,
		e.status.run,
		func() { e.loop(e.wakeConfig, "Live", e.configure) },
	}
	if e.roles.Bot {
		for range e.steppers {
			loops = append(loops, func() { e.loop(e.wakeSteps, "Turn", e.steps) })
		}
		loops = append(loops,
			func() { e.loop(e.wakeTimers, "FireTimers", e.fireTimers) },
			func() { e.loop(e.wakeCalls, "ClaimCalls", e.caller.some) },
			func() { e.loop(e.wakeSends, "ClaimSends", e.sender.some) },
			func() { e.loop(e.wakeStatuses, "ApplyStatuses", e.applyStatuses) },
			func() { e.loop(e.wakeUnknown, "ResolveUnknown", e.resolveUnknown) })
	}
	if e.roles.Bot && e.fetch != nil {
		loops = append(loops, func() { e.loop(e.wakeFetch, "Fetch", e.fetchAll) })
	}
	if e.roles.Desk {
		loops = append(loops, func() { e.loop(e.wakeRouting, "Route", e.routeAll) })
	}
	return loops
}

// Wake makes the engine look at once, because somebody in this process made work for it.
func (e *Engine) Wake() {
	e.progressed()
	e.wakeSends.raise()
	e.wakeSteps.raise()
	e.pollNow.raise()
}

// DeskChanged returns a channel that is closed when newer desk events are seen.
func (e *Engine) DeskChanged() <-chan struct{} {
	e.deskMu.Lock()
	defer e.deskMu.Unlock()
	return e.deskChanged
}

func (e *Engine) tellDesk() {
	e.deskMu.Lock()
	defer e.deskMu.Unlock()
	close(e.deskChanged)
	e.deskChanged = make(chan struct{})
}
