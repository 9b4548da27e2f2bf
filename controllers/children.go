package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/controllers/render"
)

// firstComparison is within what time of a start an object whose hash is right is compared in full, spread so that an
// operator of a thousand tenants does not ask for ten thousand objects at once. Only what others wait for is read at once: the
// replicas of workloads, and the node ports of a class that exposes them.
const firstComparison = 10 * time.Minute

// Children are the objects that the operator made, as far as it must know them.
//
// Caches hold their metadata only. The first need of an object's facts, and every look after it has changed, costs one GET;
// what was learnt is kept with the resourceVersion that it is true of. Reconcilers of tenants and pools share it.
type Children struct {
	cache client.Client // reads metadata from the cache, writes
	live  client.Reader // reads the API server
	now   func() time.Time

	mu    sync.Mutex
	known map[childKey]child
}

type childKey struct {
	kind schema.GroupVersionKind
	name types.NamespacedName
}

// child is what is known of an object as of a resourceVersion.
type child struct {
	resourceVersion string
	hash            string // of the configuration that was applied last
	// normal is what the API server made of that configuration, as it answered: it may have filled in what it holds for
	// the same, such as the version of a field reference. Empty when this operator has not applied it.
	normal      string
	matches     bool // the live object is as that configuration says
	compareAt   time.Time
	annotations map[string]string
	owner       types.UID // of its controller
	facts       facts
	factless    bool // only its metadata has been seen, so that facts say nothing
}

// blocked is an error that trying again does not mend: a person must.
type blocked struct{ error }

// refusedByCluster marks an error as blocked where the API server has understood the request and will not have it.
func refusedByCluster(err error) error {
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		return blocked{err}
	}
	return err
}

// allBlocked are the parts of an error that a person must mend.
func allBlocked(err error) []error {
	var out []error
	switch e := err.(type) {
	case blocked:
		out = append(out, e)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			out = append(out, allBlocked(part)...)
		}
	}
	return out
}

// notOf says that an object of the wanted name is another's, which is never taken over.
func (k *child) notOf(owner types.UID, key childKey) error {
	if k.owner == owner {
		return nil
	}
	return blocked{fmt.Errorf("%s %s exists and is not this tenant's; delete it or give it another name", key.kind.Kind, key.name)}
}

// newChildren makes a memory that knows nothing yet.
func newChildren(cached client.Client, live client.Reader, now func() time.Time) *Children {
	return &Children{cache: cached, live: live, now: now, known: map[childKey]child{}}
}

// look says what is known of an object, nil when there is none.
func (c *Children) look(ctx context.Context, kind schema.GroupVersionKind, name types.NamespacedName) (*child, error) {
	key := childKey{kind, name}
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(kind)
	err := c.cache.Get(ctx, name, m)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("looking up %s %s: %w", kind.Kind, name, err)
	}
	known, ok := c.recall(key)
	absent := apierrors.IsNotFound(err)
	switch {
	case absent && !ok:
		return nil, nil
	case ok && !absent && !newer(m.ResourceVersion, known.resourceVersion):
		if known.compareAt.IsZero() || c.now().Before(known.compareAt) {
			return &known, nil
		}
	case !ok && !absent:
		first := child{
			factless:        true,
			resourceVersion: m.ResourceVersion, hash: m.Annotations[render.HashAnnotation], matches: true,
			annotations: m.Annotations, owner: controllerOf(m), compareAt: c.now().Add(rand.N(firstComparison)),
		}
		c.remember(key, first)
		return &first, nil
	}
	return c.fetch(ctx, key)
}

// read is look for those who need the facts.
func (c *Children) read(ctx context.Context, kind schema.GroupVersionKind, name types.NamespacedName) (*child, error) {
	k, err := c.look(ctx, kind, name)
	if err != nil || k == nil || !k.factless {
		return k, err
	}
	return c.fetch(ctx, childKey{kind, name})
}

// fetch asks the API server itself.
func (c *Children) fetch(ctx context.Context, key childKey) (*child, error) {
	object := kinds[key.kind].empty()
	if err := c.live.Get(ctx, key.name, object); err != nil {
		if apierrors.IsNotFound(err) {
			c.drop(key)
			return nil, nil
		}
		return nil, fmt.Errorf("reading %s %s: %w", key.kind.Kind, key.name, err)
	}
	return c.learn(key, object, "")
}

// learn keeps what a whole object tells.
func (c *Children) learn(key childKey, object client.Object, normal string) (*child, error) {
	owned, err := kinds[key.kind].owned(object)
	if err != nil {
		return nil, fmt.Errorf("reading who owns the fields of %s %s: %w", key.kind.Kind, key.name, err)
	}
	sum, err := configurationHash(owned)
	if err != nil {
		return nil, err
	}
	hash := object.GetAnnotations()[render.HashAnnotation]
	if known, ok := c.recall(key); ok && normal == "" && known.hash == hash {
		normal = known.normal
	}
	if normal == justApplied {
		normal = sum
	}
	k := child{
		resourceVersion: object.GetResourceVersion(), hash: hash, normal: normal, matches: sum == hash || sum == normal,
		annotations: object.GetAnnotations(), owner: controllerOf(object), facts: factsOf(object),
	}
	c.remember(key, k)
	return &k, nil
}

// justApplied marks an object that is the answer to an apply.
const justApplied = "just applied"

// apply brings an object to its configuration, and writes only when it is not there already.
func (c *Children) apply(ctx context.Context, want render.Object) error {
	key := childKey{want.Kind, types.NamespacedName{Namespace: want.Body.GetNamespace(), Name: want.Name}}
	k, err := c.look(ctx, key.kind, key.name)
	if err == nil && k == nil {
		k, err = c.fetch(ctx, key) // the cache holds only what carries our label
	}
	if err != nil {
		return err
	}
	if k != nil {
		if err := k.notOf(want.Owner, key); err != nil {
			c.drop(key)
			return err
		}
		if k.hash == want.Hash && k.matches {
			return nil
		}
	}
	body := want.Body.DeepCopy() // the answer is written into it
	err = c.cache.Apply(ctx, client.ApplyConfigurationFromUnstructured(body),
		client.FieldOwner(render.FieldManager), client.ForceOwnership, client.DisableReadYourWritesConsistency)
	if err != nil {
		return refusedByCluster(fmt.Errorf("applying %s %s: %w", key.kind.Kind, key.name, err))
	}
	object := kinds[key.kind].empty()
	if err := fromUnstructured(body, object); err != nil {
		return fmt.Errorf("reading the applied %s %s: %w", key.kind.Kind, key.name, err)
	}
	_, err = c.learn(key, object, justApplied)
	return err
}

// prune deletes what a tenant owns and does not want any more.
func (c *Children) prune(ctx context.Context, owner types.UID, namespace, tenant string, want []render.Object) error {
	wanted := make(map[childKey]bool, len(want))
	for _, o := range want {
		wanted[childKey{o.Kind, types.NamespacedName{Namespace: namespace, Name: o.Name}}] = true
	}
	var errs []error
	for gvk := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		err := c.cache.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels(render.TenantLabels(tenant)),
			client.MatchingLabels(render.ManagedLabels()))
		if err != nil {
			errs = append(errs, fmt.Errorf("listing %s of the tenant: %w", gvk.Kind, err))
		}
		for i := range list.Items {
			m := &list.Items[i]
			key := childKey{gvk, client.ObjectKeyFromObject(m)}
			if wanted[key] || !metav1.IsControlledBy(m, &metav1.ObjectMeta{UID: owner}) || !m.DeletionTimestamp.IsZero() {
				continue
			}
			m.SetGroupVersionKind(gvk)
			err := c.cache.Delete(ctx, m, client.Preconditions{UID: &m.UID},
				client.PropagationPolicy(metav1.DeletePropagationBackground), client.DisableReadYourWritesConsistency)
			if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
				errs = append(errs, refusedByCluster(fmt.Errorf("deleting %s %s: %w", gvk.Kind, key.name, err)))
				continue
			}
			c.drop(key)
		}
	}
	return errors.Join(errs...)
}

// nextComparison is when the first of a tenant's objects is due for its full comparison, 0 when none is.
func (c *Children) nextComparison(want []render.Object) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var soonest time.Duration
	for _, o := range want {
		k := c.known[childKey{o.Kind, types.NamespacedName{Namespace: o.Body.GetNamespace(), Name: o.Name}}]
		if k.compareAt.IsZero() {
			continue
		}
		if in := max(k.compareAt.Sub(c.now()), time.Second); soonest == 0 || in < soonest {
			soonest = in
		}
	}
	return soonest
}

// forget drops what is known of a namespace's objects.
func (c *Children) forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.known {
		if key.name.Namespace == namespace {
			delete(c.known, key)
		}
	}
}

func (c *Children) recall(key childKey) (child, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[key]
	return k, ok
}

func (c *Children) remember(key childKey, k child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[key] = k
}

func (c *Children) drop(key childKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, key)
}

func controllerOf(o metav1.Object) types.UID {
	if c := metav1.GetControllerOf(o); c != nil {
		return c.UID
	}
	return ""
}

// newer compares resourceVersions, which Kubernetes lets clients do since 1.35 within one kind: a cache that lags behind an
// own write shows an older one.
func newer(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	if errX != nil || errY != nil {
		return a != b
	}
	return x > y
}

// configurationHash is of the fields that the operator owns in a live object, in the same form as package render's, so that
// the two are equal exactly when nobody has changed or taken a field.
func configurationHash(owned any) (string, error) {
	body, err := json.Marshal(owned)
	if err != nil {
		return "", fmt.Errorf("hashing a live object: %w", err)
	}
	return render.HashOf(body)
}
