package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/source"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// PutBundle stores a bundle if the current one is ifMatch, and has it judged soon. body is the envelope's JSON.
func (e *Engine) PutBundle(ctx context.Context, envelope bundle.Envelope, ifMatch string, body []byte) error {
	if err := e.store.PutBundle(ctx, envelope.Hash, ifMatch, body); err != nil {
		return err
	}
	e.wakeConfig.raise()
	return nil
}

// configure judges the newest bundle if nobody has, or only an older program, and serves what is live. Pods that do so at once
// do the same work twice; the store keeps the first judgement of the newest program.
func (e *Engine) configure(ctx context.Context) (int, error) {
	current, err := e.store.CurrentBundle(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if current.Judge < judge.Newness() {
		err := e.judge(ctx, current)
		if errors.Is(err, store.ErrConflict) {
			return 1, nil // a newer one came meanwhile: look again
		}
		if err != nil {
			return 0, err
		}
	}
	set, err := e.store.Live(ctx)
	if err != nil {
		return 0, err
	}
	next, err := e.load(set)
	if err != nil {
		return 0, err
	}
	before := e.Live()
	next.follow(before)
	if before.Hash != next.Hash || before.Version != next.Version {
		e.report.log.Info("a bundle is live", "version", next.Version, "hash", next.Hash, "flows", len(next.Flows), "channels", len(next.Channels))
	}
	e.live.Store(next)
	e.desired.Store(&current.Hash)
	e.sawBundle.Store(current.Version)
	e.report.bundleVersion.Set(float64(next.Version))
	e.report.watch(next.Flows)
	e.wakeHeart.raise()
	e.status.stale()
	e.wakeSteps.raise() // lanes may have waited for their channel
	e.wakeFetch.raise()
	return 0, nil
}

// judge compiles a bundle, runs its flows' own tests, and records the verdicts and what serves.
func (e *Engine) judge(ctx context.Context, current store.StoredBundle) error {
	var envelope bundle.Envelope
	if err := json.Unmarshal(current.Body, &envelope); err != nil {
		return fmt.Errorf("bundle %s in the store is not an envelope: %w", current.Hash, err)
	}
	before, err := e.store.Live(ctx)
	if err != nil {
		return err
	}
	serving, err := objectsOf(before.Objects)
	if err != nil {
		return err
	}
	asPut := envelope.Bundle.Objects
	var states map[string]source.State
	if envelope.Bundle.Objects, states, err = e.fetched(ctx, asPut); err != nil {
		return err
	}
	set, verdicts := judge.Bundle(envelope, serving, e.now())
	tellOfSources(verdicts, asPut, states)
	judged := map[string]bool{}
	var rows []store.ObjectVerdict
	for i, v := range verdicts { // in the order of the bundle's objects
		o := envelope.Bundle.Objects[i]
		if v.Good { // a flow with those that it runs
			o, _ = set.Object(o.Kind, o.Name)
		}
		row, err := rowOf(v, o)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		judged[bundle.Key(v.Kind, v.Name)] = true
	}
	for _, o := range set.Objects { // no longer in the bundle, but a flow that serves still needs it
		if judged[bundle.Key(o.Kind, o.Name)] {
			continue
		}
		row, err := rowOf(bundle.Verdict{Kind: o.Kind, Name: o.Name, Hash: o.Hash, Generation: o.Generation, Good: true}, o)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return e.store.SaveVerdicts(ctx, current.Version, judge.Newness(), rows)
}

func rowOf(v bundle.Verdict, o bundle.Object) (store.ObjectVerdict, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return store.ObjectVerdict{}, fmt.Errorf("object %s/%s: %w", o.Kind, o.Name, err)
	}
	verdict, err := json.Marshal(v)
	if err != nil {
		return store.ObjectVerdict{}, fmt.Errorf("verdict of %s/%s: %w", o.Kind, o.Name, err)
	}
	return store.ObjectVerdict{Kind: string(v.Kind), Name: v.Name, Hash: o.Hash, Generation: v.Generation, Good: v.Good,
		Body: body, Verdict: verdict}, nil
}

// connection keeps the connection of a channel whose spec is the same: it holds health, limits and tokens.
func (e *Engine) connection(name string, spec v1alpha1.ChannelSpec) *Channel {
	if had, ok := e.Live().Channels[name]; ok && had.same(spec) {
		return had
	}
	c := &Channel{Name: name, Flow: string(spec.Flow), spec: spec}
	c.Connection = e.connect(name, spec, Doors{
		Accept:  e.accept,
		Foreign: func(n int) { e.report.foreign.WithLabelValues(name).Add(float64(n)) },
		Mailbox: e.store,
		Live:    func() bool { return e.Live().Answers(name) },
		Tenant:  func() bundle.Tenant { return e.Live().Tenant },
	})
	return c
}

// ServedPools are the live pools whose desk this pod serves.
func (e *Engine) ServedPools() map[string]*judge.Pool {
	served := map[string]*judge.Pool{}
	if !e.roles.Desk {
		return served
	}
	for name, pool := range e.Live().Pools {
		if len(e.pools) == 0 || slices.Contains(e.pools, name) {
			served[name] = pool
		}
	}
	return served
}

// WindowOf is how long after a citizen's message a channel lets us write; 0 is always.
func (e *Engine) WindowOf(channel string) time.Duration {
	if c, ok := e.Live().Channels[channel]; ok {
		return c.Window
	}
	return 0
}

// Ready says why this pod cannot do its work now; nil when it can.
func (e *Engine) Ready() error {
	switch {
	case e.StoreError() != nil:
		return errors.New("the database cannot be reached or refuses work")
	case e.Live().Hash == "":
		return errors.New("no bundle was judged yet: the operator has not come, or the first bundle is being judged")
	}
	return nil
}

// pollRequest says what this pod cares for.
func (e *Engine) pollRequest() store.PollRequest {
	var in store.PollRequest
	if e.roles.Bot {
		for name := range e.Live().Channels {
			in.Channels = append(in.Channels, name)
		}
		slices.Sort(in.Channels)
	}
	for name := range e.ServedPools() {
		in.Pools = append(in.Pools, name)
	}
	slices.Sort(in.Pools)
	return in
}

// storeTime is the database's clock, as of the last look.
func (e *Engine) storeTime() time.Time { return e.now().Add(time.Duration(e.ahead.Load())) }

// counted keeps the pools' backlog, for metrics and for hand-offs that ask whether a queue is full.
func (e *Engine) counted(counts []store.PoolCount) {
	byName := make(map[string]store.PoolCount, len(counts))
	for _, c := range counts {
		byName[c.Pool] = c
	}
	e.poolCounts.Store(&byName)
	e.report.pools(counts)
}

// poolCounts is shared with every Live.
type poolCounts = atomic.Pointer[map[string]store.PoolCount]
