package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/render"
)

// scalers are others who write a number of workers, sorted.
//
// Autoscalers are known by their HorizontalPodAutoscalers. A ScaledObject of KEDA has one that it owns, which is how it is found: the
// operator needs no right on KEDA's kinds, nor KEDA.
type scalers struct {
	// ofDesk write the replicas of the desk's Deployment, which are the operator's; ofPool those of the AgentPool.
	ofDesk, ofPool []string
}

// scalersOf reads the autoscalers beside a pool, and picks those that scale it or its desk.
func (s shared) scalersOf(ctx context.Context, pool *v1alpha1.AgentPool) (scalers, error) {
	list, err := s.autoscalers(ctx, pool.Namespace)
	return scalers{
		ofDesk: scalersAmong(list, deploymentKind, render.DeskName(pool.Name)),
		ofPool: scalersAmong(list, v1alpha1.GroupVersion.WithKind("AgentPool"), pool.Name),
	}, err
}

func (s shared) autoscalers(ctx context.Context, namespace string) ([]autoscalingv2.HorizontalPodAutoscaler, error) {
	var list autoscalingv2.HorizontalPodAutoscalerList
	if err := s.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("reading the autoscalers of %s: %w", namespace, err)
	}
	return list.Items, nil
}

// scalersAmong names those that scale an object, of whatever version of its kind, sorted.
func scalersAmong(list []autoscalingv2.HorizontalPodAutoscaler, kind schema.GroupVersionKind, name string) []string {
	var out []string
	for i := range list {
		target := list[i].Spec.ScaleTargetRef
		version, err := schema.ParseGroupVersion(target.APIVersion)
		if err == nil && version.WithKind(target.Kind).GroupKind() == kind.GroupKind() && target.Name == name {
			out = append(out, scalerName(&list[i]))
		}
	}
	slices.Sort(out)
	return out
}

// scalerName is what people know an autoscaler by: KEDA's is its ScaledObject.
func scalerName(hpa *autoscalingv2.HorizontalPodAutoscaler) string {
	if owner := metav1.GetControllerOf(hpa); owner != nil {
		return owner.Kind + " " + owner.Name
	}
	return "HorizontalPodAutoscaler " + hpa.Name
}

// yields says that somebody else writes the desk's replicas. Two who write them in turn would start and stop workers all day, so the
// operator leaves them alone until there is one owner again. A suspended tenant's workers go all the same.
func (s *poolSeen) yields() bool {
	return len(s.scalers.ofDesk) > 0 && s.scales() && !s.tenant.Spec.Suspend
}

// twoOwners says that more than one decides the number of workers, and how to have one; empty when one does.
func (s *poolSeen) twoOwners() string {
	external, of := s.pool.Spec.Workers.Mode == v1alpha1.WorkersExternal, s.scalers
	switch {
	case len(of.ofDesk) > 0:
		return fmt.Sprintf("%s writes the replicas of Deployment %s, which are the operator's; they are left to it for so long. "+
			"Delete it, or have it scale AgentPool %s and set spec.workers.mode to external", and(of.ofDesk), render.DeskName(s.name), s.name)
	case len(of.ofPool) > 0 && !external:
		return fmt.Sprintf("%s scales this AgentPool, but demand decides, since spec.workers.mode is auto. Set the mode to external, or delete it",
			and(of.ofPool))
	case len(of.ofPool) > 1:
		return fmt.Sprintf("%s scale this AgentPool at once; delete all but one", and(of.ofPool))
	}
	return ""
}

// and joins names as people do.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
