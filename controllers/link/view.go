package link

import (
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// View is what the operator knows of a tenant's runtime at a moment.
type View struct {
	// Connected is false where the operator talks to no runtime: no accepted tenant, or a suspended one.
	Connected bool
	// Wanted is the hash of the bundle that the runtime shall have, and Objects what is in it, by bundle.Key.
	Wanted  string
	Objects map[string]Wanted
	// Status is what the runtime said last, nil until it spoke; shared, not to be changed.
	Status *bundle.Status
	// At is when it said so by this operator's clock, Stale whether that is longer ago than two promised intervals.
	At    time.Time
	Stale bool
	// Fault is why nothing comes, nil while something does.
	Fault *Fault
}

// Wanted is one object as the bundle has it.
type Wanted struct {
	Hash       string
	Generation int64
	// Since is when this content was first wanted.
	Since time.Time
}

// Fault is why the operator and a runtime do not talk.
type Fault struct {
	// Timeout says that nothing answered at all, as when a NetworkPolicy drops the packets.
	Timeout bool
	// Answered says that the runtime did answer, and refused.
	Answered bool
	// Busy says that it will not now, and may later.
	Busy bool
	// Message says what happened, in words without secrets.
	Message string
}

// Verdict is what the runtime said of an object, nil where it said nothing.
func (v View) Verdict(kind bundle.Kind, name string) *bundle.Verdict {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Verdicts {
		if d := &v.Status.Verdicts[i]; d.Kind == kind && d.Name == name {
			return d
		}
	}
	return nil
}

// Health is how a channel does, nil where the runtime said nothing.
func (v View) Health(channel string) *bundle.Health {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Channels {
		if h := &v.Status.Channels[i]; h.Channel == channel {
			return h
		}
	}
	return nil
}

// Pool is a pool's backlog, nil where the runtime said nothing.
func (v View) Pool(name string) *bundle.Pool {
	if v.Status == nil {
		return nil
	}
	for i := range v.Status.Pools {
		if p := &v.Status.Pools[i]; p.Name == name {
			return p
		}
	}
	return nil
}

// object is a kind and name to wake.
type object struct {
	kind bundle.Kind
	name string
}

// changed lists what differs between two statuses, so that only those are woken whom it concerns: a busy pool speaks twice a
// second, and the flows beside it are none the wiser.
func changed(before, after *bundle.Status) (objects []object, tenant bool) {
	if before == nil {
		before = &bundle.Status{}
	}
	seen := map[object]bool{}
	add := func(kind bundle.Kind, name string) {
		if o := (object{kind, name}); !seen[o] {
			seen[o] = true
			objects = append(objects, o)
		}
	}
	diff(before.Verdicts, after.Verdicts, func(v bundle.Verdict) string { return bundle.Key(v.Kind, v.Name) }, sameVerdict,
		func(v bundle.Verdict) {
			add(v.Kind, v.Name)
			if v.Kind == bundle.KindDialogFlow { // channels are ready when their flow is live
				for i := range after.Channels {
					add(bundle.KindChannel, after.Channels[i].Channel)
				}
			}
		})
	diff(before.Channels, after.Channels, func(h bundle.Health) string { return h.Channel },
		func(a, b bundle.Health) bool { return a == b }, func(h bundle.Health) { add(bundle.KindChannel, h.Channel) })
	diff(before.Pools, after.Pools, func(p bundle.Pool) string { return p.Name },
		func(a, b bundle.Pool) bool { return a == b }, func(p bundle.Pool) { add(bundle.KindAgentPool, p.Name) })
	tenant = before.Desired != after.Desired || before.Applied != after.Applied || before.Pods != after.Pods ||
		before.PodsOnApplied != after.PodsOnApplied || inboxNews(before.Inbox, after.Inbox) || before.Durability != after.Durability || before.StoreError != after.StoreError
	return objects, tenant
}

// inboxNews says whether what waits for the bot is another as far as anybody acts on it.
func inboxNews(before, after *bundle.Inbox) bool {
	if before == nil || after == nil {
		return before != after
	}
	return before.Coarse() != after.Coarse()
}

// diff calls tell for each element that is new, gone or not the same.
func diff[T any](before, after []T, key func(T) string, same func(a, b T) bool, tell func(T)) {
	old := make(map[string]T, len(before))
	for _, b := range before {
		old[key(b)] = b
	}
	for _, a := range after {
		if b, ok := old[key(a)]; !ok || !same(a, b) {
			tell(a)
		}
		delete(old, key(a))
	}
	for _, gone := range old {
		tell(gone)
	}
}

func sameVerdict(a, b bundle.Verdict) bool {
	if len(a.Findings) != len(b.Findings) {
		return false
	}
	for i := range a.Findings {
		if a.Findings[i] != b.Findings[i] {
			return false
		}
	}
	return a.Hash == b.Hash && a.Generation == b.Generation && a.Good == b.Good && a.LiveGeneration == b.LiveGeneration &&
		a.Entries == b.Entries && a.Rejected == b.Rejected && a.Expired == b.Expired &&
		a.Nodes == b.Nodes && a.TestsPassed == b.TestsPassed && a.TestsAll == b.TestsAll
}
