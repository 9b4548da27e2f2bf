package controllers

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CapacityManager is the field manager that alone owns the number of replicas. Were it part of the applied configuration,
// dropping it once would set every workload back to 1.
const CapacityManager = "loket-capacity"

// scale asks for a number of pods through the scale subresource, and does nothing when that is what is asked for already.
// It returns how many were asked for before; nothing happens to a workload that is not there yet, or that is another's.
func (c *Children) scale(ctx context.Context, owner types.UID, kind schema.GroupVersionKind, name types.NamespacedName, replicas int32) (before int32, scaled bool, err error) {
	k, err := c.read(ctx, kind, name)
	if err != nil || k == nil || k.owner != owner || k.facts.Wanted == replicas {
		return replicas, false, err
	}
	workload, wish := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	workload.SetGroupVersionKind(kind)
	wish.SetGroupVersionKind(autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
	for _, u := range []*unstructured.Unstructured{workload, wish} {
		u.SetNamespace(name.Namespace)
		u.SetName(name.Name)
	}
	if err := unstructured.SetNestedField(wish.Object, int64(replicas), "spec", "replicas"); err != nil {
		return 0, false, fmt.Errorf("scaling %s %s: %w", kind.Kind, name, err)
	}
	err = c.cache.SubResource("scale").Apply(ctx, client.ApplyConfigurationFromUnstructured(workload),
		&client.SubResourceApplyOptions{SubResourceBody: client.ApplyConfigurationFromUnstructured(wish)},
		client.FieldOwner(CapacityManager), client.ForceOwnership, client.DisableReadYourWritesConsistency)
	if client.IgnoreNotFound(err) != nil {
		return 0, false, refusedByCluster(fmt.Errorf("scaling %s %s to %d: %w", kind.Kind, name, replicas, err))
	}
	if err != nil { // gone meanwhile
		c.drop(childKey{kind, name})
		return replicas, false, nil
	}
	before = k.facts.Wanted
	after := *k
	after.resourceVersion = workload.GetResourceVersion() // of the answer; the cache catches up; until then this is the newest that is known
	after.facts.Wanted = replicas
	after.facts.Rolling = true
	c.remember(childKey{kind, name}, after)
	return before, true, nil
}
