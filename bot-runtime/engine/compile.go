package engine

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// load compiles what is live and connects its channels. Channels that serve no flow are connected as well: their platform's
// handshake is answered, and their health says what is missing.
func (e *Engine) load(stored store.LiveSet) (*Live, error) {
	var envelope bundle.Envelope
	if len(stored.Bundle) > 0 {
		if err := json.Unmarshal(stored.Bundle, &envelope); err != nil {
			return nil, fmt.Errorf("the judged bundle %s in the store is not an envelope: %w", stored.Hash, err)
		}
	}
	objects, err := objectsOf(stored.Objects)
	if err != nil {
		return nil, err
	}
	live := &Live{Version: stored.Version, Hash: stored.Hash, Tenant: envelope.Bundle.Tenant, counts: &e.poolCounts,
		set: judge.Serve(envelope.Bundle.Tenant, objects, e.now()), sources: sourcesOf(envelope.Bundle.Objects),
		Channels: map[string]*Channel{}, Flows: map[string]*Flow{}}
	live.Pools = live.set.Pools
	if live.Verdicts, err = verdictsOf(stored, envelope); err != nil {
		return nil, err
	}
	for _, o := range live.set.Objects {
		if o.Flow != nil {
			live.Flows[o.Name] = &Flow{Name: o.Name, Hash: o.Hash, Program: live.set.Flows[o.Name], object: o}
		}
	}
	for _, o := range envelope.Bundle.Objects {
		if o.Channel != nil {
			live.Channels[o.Name] = e.connection(o.Name, *o.Channel)
		}
	}
	for name, spec := range live.set.Channels { // the last good revision of a channel that is refused now
		live.Channels[name] = e.connection(name, spec)
	}
	return live, nil
}

func objectsOf(rows []store.LiveObject) ([]bundle.Object, error) {
	objects := make([]bundle.Object, 0, len(rows))
	for _, row := range rows {
		var o bundle.Object
		if err := json.Unmarshal(row.Body, &o); err != nil {
			return nil, fmt.Errorf("live object %s/%s in the store is not JSON: %w", row.Kind, row.Name, err)
		}
		o.Hash, o.Generation = row.Hash, row.Generation
		objects = append(objects, o)
	}
	return objects, nil
}

// verdictsOf are the verdicts of the bundle's objects, with the generation that serves. What serves on although the bundle no
// longer holds it, because a last good flow needs it, is told of nowhere: nobody could mend it.
func verdictsOf(stored store.LiveSet, envelope bundle.Envelope) ([]bundle.Verdict, error) {
	serving := map[string]int64{}
	for _, o := range stored.Objects {
		serving[bundle.Key(bundle.Kind(o.Kind), o.Name)] = o.Generation
	}
	var verdicts []bundle.Verdict
	for _, raw := range stored.Verdicts {
		var v bundle.Verdict
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, fmt.Errorf("a verdict in the store is not JSON: %w", err)
		}
		if slices.ContainsFunc(envelope.Bundle.Objects, func(o bundle.Object) bool { return o.Kind == v.Kind && o.Name == v.Name }) {
			v.LiveGeneration = serving[bundle.Key(v.Kind, v.Name)]
			verdicts = append(verdicts, v)
		}
	}
	return verdicts, nil
}

// compile makes a flow's old revision against what is live; nil when that does not do any more.
func (l *Live) compile(o bundle.Object) *Flow {
	if program := l.set.Compile(o); program != nil {
		return &Flow{Name: o.Name, Hash: o.Hash, Program: program, object: o}
	}
	return nil
}
