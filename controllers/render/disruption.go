package render

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
)

func botDisruptionBudget(in Input) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return disruptionBudget(in, BotName, BotLabels(in.Tenant.Name), in.BotReplicas())
}

func deskDisruptionBudget(in Input, pool string) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	if in.Embedded() {
		return nil
	}
	return disruptionBudget(in, DeskName(pool), DeskLabels(in.Tenant.Name, pool), in.Workers[pool])
}

// disruptionBudget protects a workload of at least two; with one it would only block drains. Pods that are not healthy may
// always go: a tenant whose database is down must not keep a node from being drained.
func disruptionBudget(in Input, name string, selector map[string]string, replicas int32) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	if replicas < 2 {
		return nil
	}
	return policyv1ac.PodDisruptionBudget(name, in.Tenant.Namespace).
		WithLabels(with(selector, labelManagedBy, appName)).WithOwnerReferences(owner(in)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)))
}
