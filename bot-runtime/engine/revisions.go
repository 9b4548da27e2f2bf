package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// revisions are the flows that no longer serve, or not in this form, while conversations stand in them: each compiled against
// what is live, and fetched from the store by its hash when the first lane asks for it. They belong to one Live.
//
// The store keeps a revision's body as long as a conversation stands in it, so that every pod can have it, whenever it started.
type revisions struct {
	mu     sync.Mutex
	known  map[string]*Flow  // by hash; nil: gone, or it no longer compiles
	wanted map[string]string // hash → flow's name
}

// revisionsKept is how many a pod keeps compiled, some hundred kB each. One that was let go is fetched again.
const revisionsKept = 64

// of is the revision that has a hash: nil when it can no longer be had; not ok while it has to be fetched, see fetch.
func (l *Live) of(name, hash string) (flow *Flow, ok bool) {
	if f := l.Flows[name]; f != nil && f.Hash == hash {
		return f, true
	}
	r := &l.older
	r.mu.Lock()
	defer r.mu.Unlock()
	if flow, ok = r.known[hash]; !ok {
		if r.wanted == nil {
			r.wanted = map[string]string{}
		}
		r.wanted[hash] = name
	}
	return flow, ok
}

// fetch gets the revisions that lanes wait for. It is called between turns: a turn must not wait for a second connection.
func (l *Live) fetch(ctx context.Context, s store.Config, report *reporter) {
	r := &l.older
	r.mu.Lock()
	wanted := r.wanted
	r.wanted = nil
	r.mu.Unlock()
	for hash, name := range wanted {
		body, err := s.Revision(ctx, hash)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			report.failed("Revision", err)
			continue // the lane asks again
		}
		var flow *Flow
		var o bundle.Object
		if err == nil && json.Unmarshal(body, &o) == nil && o.Flow != nil {
			o.Name, o.Hash = name, hash
			flow = l.compile(o)
		}
		r.keep(hash, flow)
	}
}

func (r *revisions) keep(hash string, flow *Flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]*Flow{}
	}
	for other := range r.known {
		if len(r.known) < revisionsKept {
			break
		}
		delete(r.known, other)
	}
	r.known[hash] = flow
}

// follow takes over the revisions of what served before, so that no conversation waits for what this pod has at hand: what
// serves no more, and what was older already.
func (l *Live) follow(before *Live) {
	had := map[string]*Flow{}
	before.older.mu.Lock()
	maps.Copy(had, before.older.known)
	before.older.mu.Unlock()
	for _, f := range before.Flows {
		had[f.Hash] = f
	}
	for hash, f := range had {
		if f == nil {
			continue // it may compile against what is live now
		}
		if now := l.Flows[f.Name]; now != nil && now.Hash == hash {
			continue
		}
		l.older.keep(hash, l.compile(f.object))
	}
}
