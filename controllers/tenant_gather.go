package controllers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/render"
)

// seen is everything that a tenant's reconciler looks at.
type seen struct {
	application
	name    types.NamespacedName
	objects bundle.Objects
	// botScalers are autoscalers that write the bot's replicas.
	botScalers []string
}

func (s seen) gone() bool { return s.tenant == nil || !s.tenant.DeletionTimestamp.IsZero() }

// gather does all the reading of custom resources.
func (r *TenantReconciler) gather(ctx context.Context, name types.NamespacedName) (seen, error) {
	out := seen{name: name}
	var tenants v1alpha1.BotTenantList
	var classes v1alpha1.TenantClassList
	if err := r.client.List(ctx, &tenants, client.InNamespace(name.Namespace)); err != nil {
		return out, fmt.Errorf("listing the namespace's BotTenants: %w", err)
	}
	for i := range tenants.Items {
		t := &tenants.Items[i]
		if t.Name == name.Name {
			out.tenant = t
		}
		if t.DeletionTimestamp.IsZero() {
			out.siblings = append(out.siblings, *t)
		}
	}
	if out.gone() {
		return out, nil
	}
	if err := r.client.List(ctx, &classes); err != nil {
		return out, fmt.Errorf("listing TenantClasses: %w", err)
	}
	out.classes = classes.Items
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.client.Get(ctx, client.ObjectKey{Name: name.Namespace}, namespace); err != nil {
		return out, fmt.Errorf("reading the labels of namespace %s: %w", name.Namespace, err)
	}
	out.namespaceLabels = namespace.Labels
	autoscalers, err := r.autoscalers(ctx, name.Namespace)
	if err != nil {
		return out, err
	}
	out.botScalers = scalersAmong(autoscalers, botKind(out.tenant), render.BotName)
	out.objects, err = r.gatherObjects(ctx, name.Namespace)
	return out, err
}

// gatherObjects reads what goes into the bundle.
func (r *TenantReconciler) gatherObjects(ctx context.Context, namespace string) (bundle.Objects, error) {
	var channels v1alpha1.ChannelList
	var flows v1alpha1.DialogFlowList
	var directories v1alpha1.DirectoryList
	var knowledge v1alpha1.KnowledgeList
	var pools v1alpha1.AgentPoolList
	for _, list := range []client.ObjectList{&channels, &flows, &directories, &knowledge, &pools} {
		if err := r.client.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return bundle.Objects{}, fmt.Errorf("listing what the bundle is made of: %w", err)
		}
	}
	// The cache lists in no order; pods must not roll because of it.
	slices.SortFunc(channels.Items, func(a, b v1alpha1.Channel) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(directories.Items, func(a, b v1alpha1.Directory) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(pools.Items, func(a, b v1alpha1.AgentPool) int { return cmp.Compare(a.Name, b.Name) })
	out := bundle.Objects{
		Channels: channels.Items, Flows: flows.Items, Directories: directories.Items,
		Knowledge: knowledge.Items, Pools: pools.Items, ConfigMaps: map[string]map[string]string{},
	}
	for i := range out.Directories {
		source := out.Directories[i].Spec.Source.ConfigMap
		if source == nil {
			continue
		}
		if _, ok := out.ConfigMaps[source.Name]; ok {
			continue
		}
		values, err := r.rows.read(ctx, types.NamespacedName{Namespace: namespace, Name: source.Name})
		if err != nil {
			return out, err
		}
		if values != nil {
			out.ConfigMaps[source.Name] = values
		}
	}
	r.rows.only(namespace, out.ConfigMaps)
	return out, nil
}

// rowReader reads the ConfigMaps that Directories name. The cache holds their metadata only, so a ConfigMap is read again
// when its resourceVersion is another.
type rowReader struct {
	cache client.Reader
	live  client.Reader

	mu    sync.Mutex
	known map[types.NamespacedName]rows
}

type rows struct {
	resourceVersion string
	values          map[string]string
}

// read returns the values of a ConfigMap by key, nil where there is none.
func (r *rowReader) read(ctx context.Context, name types.NamespacedName) (map[string]string, error) {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(configMapKind)
	if err := r.cache.Get(ctx, name, m); err != nil {
		if apierrors.IsNotFound(err) {
			r.keep(name, nil)
			return nil, nil
		}
		return nil, fmt.Errorf("looking up ConfigMap %s: %w", name, err)
	}
	r.mu.Lock()
	known, ok := r.known[name]
	r.mu.Unlock()
	if ok && known.resourceVersion == m.ResourceVersion {
		return known.values, nil
	}
	c := &corev1.ConfigMap{}
	if err := r.live.Get(ctx, name, c); err != nil {
		if apierrors.IsNotFound(err) {
			r.keep(name, nil)
			return nil, nil
		}
		return nil, fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	r.keep(name, &rows{c.ResourceVersion, c.Data})
	return c.Data, nil
}

func (r *rowReader) keep(name types.NamespacedName, value *rows) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value == nil {
		delete(r.known, name)
		return
	}
	r.known[name] = *value
}

// only forgets the ConfigMaps of a namespace that are not wanted any more: generators give each edition a name of its own, and
// an edition may have a megabyte.
func (r *rowReader) only(namespace string, wanted map[string]map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.known {
		if _, ok := wanted[name.Name]; name.Namespace == namespace && !ok {
			delete(r.known, name)
		}
	}
}
