// Package scenario runs a load of the counting flow against a tenant while something goes wrong, waits until all is quiet, and has
// the run judged by the checker. It knows neither pods nor clusters: whoever runs a scenario says where the simulator and the
// store are, and what goes wrong (bot-runtime's tests on one machine, test/e2e on a real cluster).
package scenario

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/control"
	"github.com/loket-dev/loket/hack/sim/dump"
	"github.com/loket-dev/loket/hack/sim/load"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// Run is one run.
type Run struct {
	Sim control.Client
	// Store is where the tenant's store is read: a PostgreSQL URI or an SQLite file. The journal must begin with this run; what
	// was in the store before is left out.
	Store  string
	Plan   load.Plan
	Faults platform.Faults
	// Fault makes things go wrong while the load runs, until its context ends with the load, and puts everything right before it
	// returns. Its error ends the run: what it should have proved was not tried. nil is a calm run.
	Fault Fault
	// Figures are Loket's own two figures, by pod; nil where they are not read.
	Figures func(ctx context.Context) map[string]Figures
	// Terms beside what the run finds out itself; Late, when set, adds what only the fault knew.
	Terms check.Terms
	Late  func(*check.Terms)
	// Quiet bounds the wait for the last work to be done after the last answer.
	Quiet time.Duration
	Log   func(format string, args ...any)
	// Every is how often a line of progress is logged; never when 0.
	Every time.Duration
}

// Fault is what goes wrong. It runs beside the test, and so must return what stops it: t.Fatal is not for it.
type Fault func(ctx context.Context, load Progress) error

// ErrOver is of a fault that was to strike when the load was over: nothing was tried.
var ErrOver = errors.New("the load was over before the fault struck: make it longer")

// Figures are what a pod's process has counted since it began at Started.
type Figures struct {
	Started           float64
	Doubled, Repaired int
}

var figure = regexp.MustCompile(`(?m)^(process_start_time_seconds|loket_sends_doubled_total|loket_lanes_repaired_total) (\S+)$`)

// ParseFigures reads the text of /metrics.
func ParseFigures(text string) (f Figures) {
	for _, m := range figure.FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		switch {
		case err != nil:
		case m[1] == "process_start_time_seconds":
			f.Started = v
		case m[1] == "loket_sends_doubled_total":
			f.Doubled = int(v)
		default:
			f.Repaired = int(v)
		}
	}
	return f
}

// Progress tells a fault how far the load is.
type Progress struct {
	answered func(share float64) <-chan struct{}
}

// Wait returns once a share of all messages is answered, and ErrOver when the load has ended: what strikes then proves nothing.
func (p Progress) Wait(ctx context.Context, share float64) error {
	select {
	case <-p.answered(share):
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // both may be there
		return fmt.Errorf("waiting for %.0f %% of the answers: %w", 100*share, ErrOver)
	}
	return nil
}

// Do runs it. The error says that the run could not be made or judged; a broken promise is in the report.
func (r Run) Do(ctx context.Context) (check.Report, error) {
	if r.Log == nil {
		r.Log = func(string, ...any) {}
	}
	before, err := dump.Store(ctx, r.Store)
	if err != nil {
		return check.Report{}, err
	}
	if err := r.Sim.Faults(ctx, r.Faults); err != nil {
		return check.Report{}, err
	}
	if err := r.Sim.StartLoad(ctx, r.Plan); err != nil {
		return check.Report{}, err
	}
	w := &watch{run: r, figures: map[string]Figures{}}
	var watched sync.WaitGroup
	defer watched.Wait() // nobody looks at a store any more whose run is over
	watching, endWatch := context.WithCancel(ctx)
	defer endWatch()
	watched.Go(func() { w.look(watching) })
	if err := w.through(ctx); err != nil {
		return check.Report{}, err
	}
	final, err := w.quiet(ctx)
	if err != nil {
		return check.Report{}, err
	}
	final = final.Since(before)
	endWatch()
	watched.Wait()
	w.sample(ctx)
	if err := w.blind(); err != nil {
		return check.Report{}, err
	}
	terms := r.Terms
	terms.Final, terms.Glances = &final, w.glances
	if r.Figures != nil {
		doubled, repaired := w.sum()
		doubled += final.Doubled // counted in the store, and not yet by a pod
		terms.Doubled, terms.Repaired = &doubled, &repaired
	}
	if r.Late != nil {
		r.Late(&terms)
	}
	return r.Sim.Check(ctx, terms)
}

// through goes through the load with the fault beside it. Either one's error ends both.
func (w *watch) through(ctx context.Context) error {
	if w.run.Fault == nil {
		return w.load(ctx)
	}
	loading, giveUp := context.WithCancel(ctx)
	defer giveUp()
	faulty, end := context.WithCancel(ctx)
	defer end()
	fault := make(chan error, 1)
	go func() {
		err := errors.New("it ended its goroutine, as t.Fatal does")
		defer func() {
			if err != nil {
				giveUp()
			}
			fault <- err
		}()
		err = w.run.Fault(faulty, Progress{w.reached})
	}()
	err := w.load(loading)
	end()
	if f := <-fault; f != nil {
		return fmt.Errorf("the fault: %w", f)
	}
	return err
}

// watch is what is seen of a run while it goes on.
type watch struct {
	run Run

	mu      sync.Mutex
	looks   int // at the store
	done    int
	waits   []waiting
	figures map[string]Figures // by pod and start
	glances []dump.Dump        // those in which something is wrong
}

type waiting struct {
	answers int
	there   chan struct{}
}

// reached is closed when a share of all messages is answered.
func (w *watch) reached(share float64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := waiting{int(share * float64(w.run.Plan.Total())), make(chan struct{})}
	if w.done >= at.answers {
		close(at.there)
	} else {
		w.waits = append(w.waits, at)
	}
	return at.there
}

func (w *watch) answered(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = n
	var left []waiting
	for _, at := range w.waits {
		if n >= at.answers {
			close(at.there)
		} else {
			left = append(left, at)
		}
	}
	w.waits = left
}

// load waits for the end of the load. That somebody still waits for an answer is for the checker to say.
func (w *watch) load(ctx context.Context) error {
	began, told := time.Now(), time.Now()
	was := 0
	for {
		state, err := w.run.Sim.Load(ctx, 200*time.Millisecond)
		if err != nil {
			return err
		}
		w.answered(state.Answered)
		if every := w.run.Every; every > 0 && time.Since(told) >= every {
			w.run.Log("%6.0f s  %d acknowledged, %d of %d answered, %.0f/s", time.Since(began).Seconds(), state.Acknowledged, state.Answered,
				w.run.Plan.Total(), float64(state.Answered-was)/time.Since(told).Seconds())
			told, was = time.Now(), state.Answered
		}
		if state.Done {
			if state.Problem != "" {
				w.run.Log("the load: %s", state.Problem)
			}
			return nil
		}
	}
}

// quiet waits until nothing is left to do, and reads the store then; or as it is when the patience is over.
func (w *watch) quiet(ctx context.Context) (dump.Dump, error) {
	deadline := time.Now().Add(w.run.Quiet)
	for calm := 0; calm < 3; {
		d, err := dump.Glance(ctx, w.run.Store)
		if err == nil && d.Quiet() {
			calm++
		} else {
			calm = 0
		}
		if time.Now().After(deadline) {
			w.run.Log("not quiet after %s: %v %v", w.run.Quiet, d.Waiting, err)
			break
		}
		select {
		case <-ctx.Done():
			return dump.Dump{}, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return dump.Store(ctx, w.run.Store)
}

// look samples until the end: what can be lost with a killed pod, and what must hold at any moment.
func (w *watch) look(ctx context.Context) {
	for {
		w.sample(ctx)
		if d, err := dump.Glance(ctx, w.run.Store); err == nil {
			w.mu.Lock()
			w.looks++
			if d.Stranded+len(d.Overfull)+len(d.Disowned) > 0 && len(w.glances) < 20 {
				w.glances = append(w.glances, d)
			}
			w.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (w *watch) sample(ctx context.Context) {
	if w.run.Figures == nil {
		return
	}
	for pod, f := range w.run.Figures(ctx) {
		w.mu.Lock()
		w.figures[fmt.Sprintf("%s since %.2f", pod, f.Started)] = f
		w.mu.Unlock()
	}
}

// blind says what nobody looked at although it is to be judged.
func (w *watch) blind() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.looks == 0:
		return errors.New("the store could not be looked at while the run went on: nobody knows what held at any moment")
	case w.run.Figures != nil && len(w.figures) == 0:
		return errors.New("no pod told its figures: nobody knows what was counted")
	}
	return nil
}

func (w *watch) sum() (doubled, repaired int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.figures {
		doubled, repaired = doubled+f.Doubled, repaired+f.Repaired
	}
	return doubled, repaired
}
