package engine

import (
	"reflect"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/judge"
)

// Live is what serves: the last good revision of every object, compiled. It never changes; Engine.Live is the newest.
type Live struct {
	// Version and Hash of the bundle that was judged last.
	Version  int64
	Hash     string
	Tenant   bundle.Tenant
	Channels map[string]*Channel
	Flows    map[string]*Flow
	Pools    map[string]*judge.Pool
	// Verdicts of the judged bundle, with what serves instead of what is refused.
	Verdicts []bundle.Verdict

	set     judge.Set
	sources map[string]v1alpha1.DirectorySpec // of the judged bundle, those that are fetched
	counts  *poolCounts
	older   revisions
}

// Channel is a live Channel and its connection.
type Channel struct {
	Connection
	Name string
	Flow string
	spec v1alpha1.ChannelSpec
}

// Flow is a compiled flow.
type Flow struct {
	Name, Hash string
	Program    *dialog.Program
	object     bundle.Object
}

// Directories are those that serve now, by name.
func (l *Live) Directories() map[string]*directory.Index { return l.set.Directories }

// PublicDirectory is one that everybody may ask, and how often; ok is false when there is none of that name.
func (l *Live) PublicDirectory(name string) (index *directory.Index, public v1alpha1.PublicLookUp, ok bool) {
	for _, o := range l.set.Objects {
		if o.Name == name && o.Directory != nil && o.Directory.Public != nil {
			index, ok = l.set.Directories[name]
			return index, *o.Directory.Public, ok
		}
	}
	return nil, public, false
}

// Answers says whether a flow answers on a channel.
func (l *Live) Answers(channel string) bool {
	_, ok := l.set.Channels[channel]
	return ok
}

// env is what a step may ask, at a time.
func (l *Live) env(now time.Time) dialog.Env {
	return l.set.Env(now, func(pool string) bool {
		p, ok := l.Pools[pool]
		return ok && l.waiting(pool) >= int(p.Spec.Queue.MaxWaiting)
	})
}

// waiting is how many conversations waited in a pool's queue at the last count, some seconds ago.
func (l *Live) waiting(pool string) int {
	counts := l.counts.Load()
	if counts == nil {
		return 0
	}
	c := (*counts)[pool]
	return c.WaitingForWorker + c.WaitingForAgent
}

// health is how the channels do, as this pod sees it.
func (l *Live) health() []bundle.Health {
	var all []bundle.Health
	for name, c := range l.Channels {
		h := bundle.Health{Channel: name, OK: true}
		if c.Sender != nil {
			h = c.Sender.Health()
			h.Channel = name
		}
		if h.OK && !l.Answers(name) {
			h = bundle.Health{Channel: name, Reason: v1alpha1.ReasonNoLiveFlow,
				Message: "DialogFlow " + c.Flow + " does not serve: citizens' messages are answered 503 until it does"}
		}
		all = append(all, h)
	}
	return all
}

// same says whether a channel's connection can be kept.
func (c *Channel) same(spec v1alpha1.ChannelSpec) bool { return reflect.DeepEqual(c.spec, spec) }
