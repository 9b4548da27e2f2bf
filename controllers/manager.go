package controllers

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/render"
)

// ManagerOptions are what the controllers need of their manager; where it listens and whether it elects is the caller's.
//
// What is cached of the operator's own kinds of objects is bounded by what it made itself; a read of a custom resource
// waits until the cache has seen the operator's last write; replicas that wait for the lease have their caches warm.
func ManagerOptions() (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return ctrl.Options{}, fmt.Errorf("registering Kubernetes' kinds: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return ctrl.Options{}, fmt.Errorf("registering Loket's kinds: %w", err)
	}
	yes := true
	ours := cache.ByObject{Label: labels.SelectorFromSet(render.ManagedLabels())}
	return ctrl.Options{
		Scheme:     scheme,
		Controller: config.Controller{EnableWarmup: &yes},
		Client:     client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: &yes}},
		Cache: cache.Options{
			DefaultTransform: slim,
			ByObject: map[client.Object]cache.ByObject{
				&appsv1.Deployment{}: ours, &appsv1.StatefulSet{}: ours, &corev1.Service{}: ours,
				&networkingv1.NetworkPolicy{}: ours, &policyv1.PodDisruptionBudget{}: ours,
			},
		},
	}, nil
}

// slim drops what no reconciler reads, before it is cached: a ConfigMap of rows that was made with kubectl apply carries all
// of them once more in an annotation.
func slim(o any) (any, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return o, nil // not an object, such as the mark of a deletion that was missed
	}
	m.SetManagedFields(nil)
	if hpa, ok := o.(*autoscalingv2.HorizontalPodAutoscaler); ok { // only what it scales is looked at
		hpa.Spec.Metrics, hpa.Spec.Behavior, hpa.Status = nil, nil, autoscalingv2.HorizontalPodAutoscalerStatus{}
	}
	if annotations := m.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		m.SetAnnotations(annotations)
	}
	return o, nil
}
