package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	uid   types.UID
	state capacity.State
	// completions of the pool's agents, by how many conversations they had at once.
	completions staffing.Completions
	staffing    *v1alpha1.PoolPeople
	// figuresAt is when waiting, active, agents and why were written last; peopleAt and weekAt when people were counted last, and
	// lookedAt, finished when and how many conversations had been finished at the last look.
	figuresAt, peopleAt, weekAt, lookedAt time.Time
	finished                              int64
	// shortSince is since when fewer agents are signed in than are needed; zero while they suffice.
	shortSince time.Time
	// told is what the last event of a scaling said, without its figures.
	told string
	// zone is the tenant's, and named its name
	zone  *time.Location
	named string
	// kept is what the ConfigMap says of the season, and keptAt since when.
	kept   [2]int64
	keptAt time.Time
}

// keptForm is the ConfigMap's one value.
type keptForm struct {
	Capacity    json.RawMessage      `json:"capacity"`
	Completions staffing.Completions `json:"completions"`
}

const (
	keptKey   = "learnt"
	keepEvery = time.Hour
	// keptMost is how much of a ConfigMap is read: the state and the completions.
	keptMost = capacity.MaxStateBytes + 4<<10
)

func keptName(pool string) string { return render.DeskName(pool) + "-learnt" }

// recall is what is remembered of a pool; after a start of the operator, what the ConfigMap says.
func (r *AgentPoolReconciler) recall(ctx context.Context, seen *poolSeen) (poolMemory, error) {
	r.mu.Lock()
	m, known := r.pools[client.ObjectKeyFromObject(seen.pool)]
	r.mu.Unlock()
	if !known || m.uid != seen.pool.UID {
		m = poolMemory{uid: seen.pool.UID, keptAt: seen.now}
		if seen.scales() {
			if err := r.reread(ctx, seen, &m); err != nil {
				return m, err
			}
		}
	}
	if seen.tenant != nil && (m.zone == nil || seen.tenant.Spec.TimeZone != m.named) {
		m.named, m.zone = seen.tenant.Spec.TimeZone, time.UTC
		if zone, err := time.LoadLocation(m.named); err == nil { // the CRD lets a name through that no system knows
			m.zone = zone
		}
	}
	return m, nil
}

func (r *AgentPoolReconciler) reread(ctx context.Context, seen *poolSeen, m *poolMemory) error {
	c := &corev1.ConfigMap{}
	name := types.NamespacedName{Namespace: seen.pool.Namespace, Name: keptName(seen.pool.Name)}
	if err := r.children.live.Get(ctx, name, c); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("reading what was learnt of the pool: %w", err)
	}
	var form keptForm
	body := c.Data[keptKey]
	if controllerOf(c) != seen.pool.UID || len(body) > keptMost || json.Unmarshal([]byte(body), &form) != nil {
		return nil // another's, or spoilt: the pool learns anew
	}
	if state, err := capacity.ReadState(form.Capacity); err == nil && state.At <= float64(seen.now.Unix())+60 {
		m.state, m.completions, m.kept = state, form.Completions, state.Learnt()
	}
	return nil
}

// keep writes what was learnt, if it is something and the last time is an hour ago.
func (r *AgentPoolReconciler) keep(ctx context.Context, seen *poolSeen, m *poolMemory) error {
	learnt := m.state.Learnt()
	if learnt == m.kept || seen.now.Sub(m.keptAt) < keepEvery {
		return nil
	}
	state, err := m.state.Marshal()
	if err != nil {
		return err
	}
	body, err := json.Marshal(keptForm{Capacity: state, Completions: m.completions})
	if err != nil {
		return fmt.Errorf("writing what was learnt of the pool: %w", err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"namespace": seen.pool.Namespace, "name": keptName(seen.pool.Name),
			"ownerReferences": []any{map[string]any{
				"apiVersion": v1alpha1.GroupVersion.String(), "kind": "AgentPool", "name": seen.pool.Name, "uid": string(seen.pool.UID), "controller": true,
			}},
		},
		"data": map[string]any{keptKey: string(body)},
	}}
	err = r.children.cache.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(CapacityManager),
		client.ForceOwnership, client.DisableReadYourWritesConsistency)
	if err != nil {
		return refusedByCluster(fmt.Errorf("writing what was learnt of the pool: %w", err))
	}
	m.kept, m.keptAt = learnt, seen.now
	return nil
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
