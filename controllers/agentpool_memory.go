package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/capacity/staffing"
	"github.com/loket-dev/loket/controllers/render"
)

// poolMemory is what is remembered of a pool between two observations.
//
// What an hour of the week is like takes weeks to learn, so it outlives the operator: it is kept in a ConfigMap beside the pool,
// owned by it. Not in the pool's status, which people read and GitOps compares, and not in an annotation, which every list of
// pools would carry. It is written at most once an hour and only when there was something to learn: a restart loses an hour of a
// season, and then holds the workers until it has looked for a while.
type poolMemory struct {
	uid    types.UID
	state  capacity.State
	people poolPeople
	kept   poolKept
	// figuresAt is when figures were written last, and reported what the decision went by then.
	figuresAt time.Time
	reported  string
	// told is what the last event of a scaling said, without its figures.
	told  string
	limit poolLimit
	// risen is the last advice for more, in mode external.
	risen capacity.Risen
	// shadow is how many workers there would be if a dry run's decisions had been carried out; nil without one.
	shadow *int32
	// zone is the tenant's, and named its name.
	zone  *time.Location
	named string
}

// poolKept is how a pool's ConfigMap stands to its memory.
type poolKept struct {
	// read is true once the ConfigMap was read, or is known not to be there. Before, it is not written: what the weeks taught would
	// be overwritten by what the last minutes did.
	read bool
	// next is when to read or to write again, at the earliest.
	next    time.Time
	learnt  [2]int64 // what the ConfigMap has, as capacity.State.Learnt says it
	trouble *metav1.Condition
}

// keptForm is the ConfigMap's one value.
type keptForm struct {
	Capacity    json.RawMessage      `json:"capacity"`
	Completions staffing.Completions `json:"completions"`
}

const (
	keptKey   = "learnt"
	keepEvery = time.Hour
	// keepAgain is how soon after trouble the ConfigMap is tried again.
	keepAgain = time.Minute
	// keptMost is how much of a ConfigMap is read: the state and the completions.
	keptMost = capacity.MaxStateBytes + 4<<10
)

func keptName(pool string) string { return render.DeskName(pool) + "-learnt" }

// recall is what is remembered of a pool; after a start of the operator, what the ConfigMap says.
func (r *AgentPoolReconciler) recall(ctx context.Context, seen *poolSeen) poolMemory {
	r.mu.Lock()
	m, known := r.pools[client.ObjectKeyFromObject(seen.pool)]
	r.mu.Unlock()
	if !known || m.uid != seen.pool.UID {
		m = poolMemory{uid: seen.pool.UID}
	}
	if seen.tenant != nil && (m.zone == nil || seen.tenant.Spec.TimeZone != m.named) {
		m.named, m.zone = seen.tenant.Spec.TimeZone, time.UTC
		if zone, err := time.LoadLocation(m.named); err == nil { // the CRD lets a name through that no system knows
			m.zone = zone
		}
	}
	seen.zone = m.zone
	if seen.learns() && !m.kept.read && !seen.now.Before(m.kept.next) {
		r.reread(ctx, seen, &m)
	}
	return m
}

// reread takes over what the ConfigMap says. When it cannot be read the pool goes on with what it sees, and tries again.
func (r *AgentPoolReconciler) reread(ctx context.Context, seen *poolSeen, m *poolMemory) {
	name := types.NamespacedName{Namespace: seen.pool.Namespace, Name: keptName(seen.pool.Name)}
	trouble := func(reason, message string) {
		c := no(v1alpha1.ConditionLearning, reason, message)
		m.kept.trouble, m.kept.next = &c, seen.now.Add(keepAgain)
	}
	c := &corev1.ConfigMap{}
	err := r.children.live.Get(ctx, name, c)
	switch {
	case apierrors.IsNotFound(err):
		m.kept = poolKept{read: true, next: seen.now.Add(keepEvery)}
		return
	case err != nil:
		trouble(v1alpha1.ReasonNotRead, fmt.Sprintf(
			"ConfigMap %s cannot be read, so that what was learnt of the week is not known; the pool goes on by what it sees: %v", name.Name, err))
		return
	case controllerOf(c) != seen.pool.UID:
		trouble(v1alpha1.ReasonNotOurs, notOurs(name.Name))
		return
	}
	m.kept = poolKept{read: true, next: seen.now.Add(keepEvery)}
	state, completions, err := readKept(c.Data[keptKey], seen.now)
	if err != nil {
		trouble(v1alpha1.ReasonUnreadable, fmt.Sprintf(
			"ConfigMap %s makes no sense, and the pool learns anew; restore it within the hour, or it is written over: %v", name.Name, err))
		m.kept.next = seen.now.Add(keepEvery)
		return
	}
	m.state, m.people.completions, m.kept.learnt = state, completions, state.Learnt()
}

// readKept reads the ConfigMap's value, which people can write, too.
func readKept(body string, now time.Time) (capacity.State, staffing.Completions, error) {
	var form keptForm
	fail := func(err error) (capacity.State, staffing.Completions, error) {
		return capacity.State{}, staffing.Completions{}, err
	}
	if len(body) > keptMost {
		return fail(fmt.Errorf("%d bytes are more than %d", len(body), keptMost))
	}
	if err := json.Unmarshal([]byte(body), &form); err != nil {
		return fail(fmt.Errorf("key %s: %w", keptKey, err))
	}
	state, err := capacity.ReadState(form.Capacity)
	if err != nil {
		return fail(err)
	}
	if state.At > float64(now.Unix())+60 {
		return fail(fmt.Errorf("it was written in the future, at %s", time.Unix(int64(state.At), 0).UTC().Format(time.RFC3339)))
	}
	if err := form.Completions.Check(); err != nil {
		return fail(err)
	}
	return state, form.Completions, nil
}

func notOurs(configMap string) string {
	return fmt.Sprintf("ConfigMap %s is not this pool's, so that nothing that is learnt outlives the operator; delete it or give it another name", configMap)
}

// keep writes what was learnt, if it is something and the last time is an hour ago. A dry run writes nothing: it is kept once
// that ends.
func (r *AgentPoolReconciler) keep(ctx context.Context, seen *poolSeen, m *poolMemory) {
	learnt := m.state.Learnt()
	if !m.kept.read || seen.dry() || learnt == m.kept.learnt || seen.now.Before(m.kept.next) {
		return
	}
	reason, err := r.writeKept(ctx, seen, m)
	if err != nil {
		c := no(v1alpha1.ConditionLearning, reason, err.Error())
		m.kept.trouble, m.kept.next = &c, seen.now.Add(keepAgain)
		return
	}
	m.kept = poolKept{read: true, learnt: learnt, next: seen.now.Add(keepEvery)}
}

// writeKept makes the ConfigMap, or changes the one that was just read: somebody else's is never touched.
func (r *AgentPoolReconciler) writeKept(ctx context.Context, seen *poolSeen, m *poolMemory) (reason string, err error) {
	state, err := m.state.Marshal()
	if err != nil {
		return v1alpha1.ReasonNotWritten, err
	}
	body, err := json.Marshal(keptForm{Capacity: state, Completions: m.people.completions})
	if err != nil {
		return v1alpha1.ReasonNotWritten, fmt.Errorf("writing what was learnt: %w", err)
	}
	yes := true
	c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: seen.pool.Namespace, Name: keptName(seen.pool.Name),
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "AgentPool", Name: seen.pool.Name, UID: seen.pool.UID, Controller: &yes,
		}},
	}, Data: map[string]string{keptKey: string(body)}}
	there := &corev1.ConfigMap{}
	err = r.children.live.Get(ctx, client.ObjectKeyFromObject(c), there)
	switch {
	case apierrors.IsNotFound(err):
		err = r.children.cache.Create(ctx, c, client.FieldOwner(CapacityManager), client.DisableReadYourWritesConsistency)
	case err == nil && controllerOf(there) != seen.pool.UID:
		return v1alpha1.ReasonNotOurs, errors.New(notOurs(c.Name))
	case err == nil:
		before := there.DeepCopy()
		there.Data = c.Data
		err = r.children.cache.Patch(ctx, there, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}),
			client.FieldOwner(CapacityManager), client.DisableReadYourWritesConsistency)
	}
	if err != nil {
		return v1alpha1.ReasonNotWritten, fmt.Errorf("ConfigMap %s cannot be written, so that what is learnt does not outlive the operator: %w", c.Name, err)
	}
	return "", nil
}

// pretend lets a dry run see the workers that there would be by its own earlier decisions: else each look would be the first in
// which more are needed, and no decision would follow from another.
func (m *poolMemory) pretend(seen *poolSeen, look *capacity.Observation) {
	if !seen.dry() {
		m.shadow = nil
		return
	}
	if m.shadow != nil {
		look.Workers, look.Ready, look.Starting, look.Draining = *m.shadow, *m.shadow, 0, 0
	}
}

func (r *AgentPoolReconciler) remember(name types.NamespacedName, m poolMemory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pools[name] = m
}

func (r *AgentPoolReconciler) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pools, name)
	workersWanted.DeleteLabelValues(name.Namespace, name.Name)
	poolFigures.DeletePartialMatch(map[string]string{"namespace": name.Namespace, "pool": name.Name})
}
