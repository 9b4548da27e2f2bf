package controllers

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/controllers/render"
)

// The kinds of objects that the operator makes.
var (
	deploymentKind  = appsv1.SchemeGroupVersion.WithKind("Deployment")
	statefulSetKind = appsv1.SchemeGroupVersion.WithKind("StatefulSet")
	serviceKind     = corev1.SchemeGroupVersion.WithKind("Service")
	configMapKind   = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	policyKind      = networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy")
	budgetKind      = policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget")
)

// kind is how to read one kind of object.
type kind struct {
	empty func() client.Object
	// owned extracts the fields that the operator applied.
	owned func(client.Object) (any, error)
}

var kinds = map[schema.GroupVersionKind]kind{
	deploymentKind: {
		empty: func() client.Object { return &appsv1.Deployment{} },
		owned: func(o client.Object) (any, error) {
			return appsv1ac.ExtractDeployment(o.(*appsv1.Deployment), render.FieldManager)
		},
	},
	statefulSetKind: {
		empty: func() client.Object { return &appsv1.StatefulSet{} },
		owned: func(o client.Object) (any, error) {
			return appsv1ac.ExtractStatefulSet(o.(*appsv1.StatefulSet), render.FieldManager)
		},
	},
	serviceKind: {
		empty: func() client.Object { return &corev1.Service{} },
		owned: func(o client.Object) (any, error) {
			return corev1ac.ExtractService(o.(*corev1.Service), render.FieldManager)
		},
	},
	configMapKind: {
		empty: func() client.Object { return &corev1.ConfigMap{} },
		owned: func(o client.Object) (any, error) {
			return corev1ac.ExtractConfigMap(o.(*corev1.ConfigMap), render.FieldManager)
		},
	},
	policyKind: {
		empty: func() client.Object { return &networkingv1.NetworkPolicy{} },
		owned: func(o client.Object) (any, error) {
			return networkingv1ac.ExtractNetworkPolicy(o.(*networkingv1.NetworkPolicy), render.FieldManager)
		},
	},
	budgetKind: {
		empty: func() client.Object { return &policyv1.PodDisruptionBudget{} },
		owned: func(o client.Object) (any, error) {
			return policyv1ac.ExtractPodDisruptionBudget(o.(*policyv1.PodDisruptionBudget), render.FieldManager)
		},
	},
}

// facts are what others wait for in an object's spec or status.
type facts struct {
	// Wanted replicas by the spec; Exist, Ready and Updated by the status.
	Wanted, Exist, Ready, Updated int32
	// Rolling says that the newest template is not on all pods yet.
	Rolling bool
	// Trouble is why the cluster cannot bring up the pods, in its own words; empty while it can. Only Deployments tell.
	Trouble string
	// NodePort of a Service's first port, 0 without one.
	NodePort int32
	// Claim of a StatefulSet's first volume.
	Claim *corev1.PersistentVolumeClaimSpec
}

func factsOf(object client.Object) facts {
	switch o := object.(type) {
	case *appsv1.Deployment:
		f := facts{Wanted: 1, Exist: o.Status.Replicas, Ready: o.Status.ReadyReplicas, Updated: o.Status.UpdatedReplicas}
		if o.Spec.Replicas != nil {
			f.Wanted = *o.Spec.Replicas
		}
		f.Rolling = o.Status.ObservedGeneration < o.Generation || o.Status.UpdatedReplicas < f.Wanted
		f.Trouble = troubleOf(o.Status.Conditions)
		return f
	case *appsv1.StatefulSet:
		f := facts{Wanted: 1, Exist: o.Status.Replicas, Ready: o.Status.ReadyReplicas, Updated: o.Status.UpdatedReplicas}
		if o.Spec.Replicas != nil {
			f.Wanted = *o.Spec.Replicas
		}
		f.Rolling = o.Status.ObservedGeneration < o.Generation || o.Status.UpdatedReplicas < f.Wanted
		if len(o.Spec.VolumeClaimTemplates) > 0 {
			f.Claim = &o.Spec.VolumeClaimTemplates[0].Spec
		}
		return f
	case *corev1.Service:
		if len(o.Spec.Ports) > 0 {
			return facts{NodePort: o.Spec.Ports[0].NodePort}
		}
	}
	return facts{}
}

// progressDeadlineExceeded is the reason of a Deployment's Progressing when its pods did not become ready in time.
const progressDeadlineExceeded = "ProgressDeadlineExceeded"

// troubleOf is what a person must know: the cluster refuses to make pods, or they do not become ready in time.
func troubleOf(conditions []appsv1.DeploymentCondition) string {
	late := ""
	for _, c := range conditions {
		switch {
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			return cut(c.Message, 500)
		case c.Type == appsv1.DeploymentProgressing && c.Reason == progressDeadlineExceeded:
			late = cut(c.Message, 500)
		}
	}
	return late
}

func fromUnstructured(u *unstructured.Unstructured, into client.Object) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}
