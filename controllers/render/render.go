// Package render turns a tenant's custom resources into the objects that shall exist for it.
//
// It is pure: it reads no cluster, and what it makes depends on Input alone, which golden files show. A builder returns nil
// when its object should not exist; the controllers delete what is there and not wanted. No builder sets replicas: scaling
// belongs to another field manager (package controllers, file scale.go).
package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// Input is everything that decides what a tenant's objects look like.
type Input struct {
	// Tenant as accepted: its wishes already cut to the class's ceilings.
	Tenant   v1alpha1.BotTenant
	Class    v1alpha1.TenantClass
	Channels []v1alpha1.Channel
	Pools    []v1alpha1.AgentPool
	// Calls are the Secrets of outside calls: see bundle.Objects.
	Calls []string
	// OperatorNamespace is where the operator's pods call from.
	OperatorNamespace string
	// Keys are the public halves that operators sign with, by key id, and Published since when each is in the boot ConfigMap.
	Keys      map[string][]byte
	Published map[string]time.Time
	// NodePorts by Service, where the cluster has given them.
	NodePorts map[string]int32
	// Workers that a pool's desk has at present, by pool.
	Workers map[string]int32
	// Volume is the claim template of the embedded store as it was first made, since it cannot change; nil before.
	Volume *corev1.PersistentVolumeClaimSpec
}

// Embedded says whether one pod with a volume has every role.
func (in Input) Embedded() bool { return in.Tenant.Spec.Storage.Embedded != nil }

// BotReplicas is how many bot pods there shall be.
func (in Input) BotReplicas() int32 {
	switch {
	case in.Tenant.Spec.Suspend:
		return 0
	case in.Embedded():
		return 1
	default:
		return in.Tenant.Spec.Bot.Replicas
	}
}

// Object is one object that shall exist: its configuration with the hash of it in an annotation.
type Object struct {
	Kind schema.GroupVersionKind
	Name string
	// Owner is the tenant's UID.
	Owner types.UID
	Hash  string
	Body  *unstructured.Unstructured
}

// Services are a tenant's Services. They come first: the other objects tell the addresses that the cluster gives them.
func Services(in Input) []Object {
	objects := list{}
	objects.add(botService(in))
	objects.add(internalService(in))
	for i := range in.Pools {
		objects.add(deskService(in, in.Pools[i].Name))
	}
	return objects
}

// Workloads are everything but the Services.
func Workloads(in Input) []Object {
	objects := list{}
	objects.add(bootConfigMap(in))
	objects.add(denyPolicy(in))
	objects.add(egressPolicy(in))
	objects.add(publicPolicy(in))
	objects.add(internalPolicy(in))
	objects.add(botDeployment(in))
	objects.add(botStatefulSet(in))
	objects.add(botDisruptionBudget(in))
	for i := range in.Pools {
		objects.add(deskDeployment(in, &in.Pools[i]))
		objects.add(deskDisruptionBudget(in, in.Pools[i].Name))
	}
	return objects
}

type list []Object

// add takes a builder's apply configuration; nil means that the object should not exist.
func (l *list) add(configuration any) {
	if v := reflect.ValueOf(configuration); v.Kind() == reflect.Pointer && v.IsNil() {
		return
	}
	body, err := json.Marshal(configuration)
	if err != nil {
		panic(fmt.Sprintf("rendering %T: %v", configuration, err)) // our own plain data
	}
	hash, err := HashOf(body)
	if err != nil {
		panic(fmt.Sprintf("rendering %T: %v", configuration, err))
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		panic(fmt.Sprintf("rendering %T: %v", configuration, err))
	}
	u.SetAnnotations(with(u.GetAnnotations(), HashAnnotation, hash))
	*l = append(*l, Object{
		Kind: u.GroupVersionKind(), Name: u.GetName(), Owner: u.GetOwnerReferences()[0].UID, Hash: hash, Body: u,
	})
}

// HashOf is the hash of an apply configuration's JSON, without the annotation that carries it. It is the same for what is
// rendered and for what the operator is seen to own in a live object.
func HashOf(configuration []byte) (string, error) {
	u := map[string]any{}
	if err := json.Unmarshal(configuration, &u); err != nil {
		return "", fmt.Errorf("hashing a configuration: %w", err)
	}
	unstructured.RemoveNestedField(u, "metadata", "annotations", HashAnnotation)
	if a, _, _ := unstructured.NestedMap(u, "metadata", "annotations"); len(a) == 0 {
		unstructured.RemoveNestedField(u, "metadata", "annotations")
	}
	sorted, err := json.Marshal(u)
	if err != nil {
		return "", fmt.Errorf("hashing a configuration: %w", err)
	}
	sum := sha256.Sum256(sorted)
	return hex.EncodeToString(sum[:8]), nil
}

// owner makes the cluster's garbage collector remove an object with its tenant. It does not block the tenant's deletion, so
// that no rights on finalizers are needed.
func owner(in Input) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).WithKind("BotTenant").
		WithName(in.Tenant.Name).WithUID(in.Tenant.UID).WithController(true)
}
