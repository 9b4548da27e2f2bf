package render

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// dataVolume is the claim of the embedded store; the cluster names it data-bot-0.
const dataVolume = "data"

// botDeployment is the citizens' side on PostgreSQL. A roll never has fewer ready pods than before: webhooks keep arriving.
func botDeployment(in Input) *appsv1ac.DeploymentApplyConfiguration {
	if in.Embedded() {
		return nil
	}
	labels := BotLabels(in.Tenant.Name)
	return deployment(in, BotName, labels).WithSpec(appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(labels)).
		WithRevisionHistoryLimit(3).
		WithStrategy(appsv1ac.DeploymentStrategy().WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
				WithMaxUnavailable(intstr.FromInt32(0)).WithMaxSurge(intstr.FromInt32(1)))).
		WithTemplate(podTemplate(in, pod{
			labels:    labels,
			args:      []string{"serve", "--roles=bot", "--storage=postgres"},
			volumes:   slices.Concat(storeVolumes(in), channelVolumes(in), callVolumes(in)),
			resources: in.Tenant.Spec.Bot.Resources,
		})))
}

// botStatefulSet is the one pod of a tenant with embedded storage; it has every role. The claim outlives tenant and set.
func botStatefulSet(in Input) *appsv1ac.StatefulSetApplyConfiguration {
	if !in.Embedded() {
		return nil
	}
	args := []string{"serve", "--roles=bot,desk"}
	volumes := append(channelVolumes(in), callVolumes(in)...)
	for i := range in.Pools {
		args = append(args, "--pool="+in.Pools[i].Name)
		volumes = append(volumes, agentsVolume(&in.Pools[i]))
	}
	labels := BotLabels(in.Tenant.Name)
	return appsv1ac.StatefulSet(BotName, in.Tenant.Namespace).
		WithLabels(with(labels, labelManagedBy, appName)).WithOwnerReferences(owner(in)).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithServiceName(InternalName(in.Tenant.Name)).
			// In order, a set waits for a pod of a bad template to become ready before it makes one of the mended template
			// (kubernetes#67250); and the policy can never be changed.
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(labels)).
			WithRevisionHistoryLimit(3).
			WithPersistentVolumeClaimRetentionPolicy(appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(appsv1.RetainPersistentVolumeClaimRetentionPolicyType).
				WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithVolumeClaimTemplates(dataClaim(in)).
			WithTemplate(podTemplate(in, pod{
				labels:    labels,
				args:      append(args, "--storage=embedded"),
				volumes:   volumes,
				embedded:  true,
				resources: in.Tenant.Spec.Bot.Resources,
			})))
}

// deskDeployment serves a pool's agents. A desk pod holds nothing, so that any of them may go at any time.
func deskDeployment(in Input, pool *v1alpha1.AgentPool) *appsv1ac.DeploymentApplyConfiguration {
	if in.Embedded() {
		return nil
	}
	labels := DeskLabels(in.Tenant.Name, pool.Name)
	return deployment(in, DeskName(pool.Name), labels).WithSpec(appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(labels)).
		WithRevisionHistoryLimit(3).
		WithTemplate(podTemplate(in, pod{
			labels:    labels,
			args:      []string{"serve", "--roles=desk", "--pool=" + pool.Name, "--storage=postgres"},
			volumes:   append(storeVolumes(in), agentsVolume(pool)),
			resources: pool.Spec.Workers.Resources,
		})))
}

func deployment(in Input, name string, labels map[string]string) *appsv1ac.DeploymentApplyConfiguration {
	return appsv1ac.Deployment(name, in.Tenant.Namespace).
		WithLabels(with(labels, labelManagedBy, appName)).WithOwnerReferences(owner(in))
}

// dataClaim is the claim as it was first made, since Kubernetes lets nobody change a set's claim templates; a class that
// offers another size later speaks of new tenants.
func dataClaim(in Input) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	claim := corev1ac.PersistentVolumeClaimSpec()
	if v := in.Volume; v != nil {
		claim.WithAccessModes(v.AccessModes...).
			WithResources(corev1ac.VolumeResourceRequirements().WithRequests(v.Resources.Requests))
		claim.StorageClassName = v.StorageClassName
	} else if offer := in.Class.Spec.Storage.Embedded; offer != nil {
		claim.WithAccessModes(offer.AccessMode).
			WithResources(corev1ac.VolumeResourceRequirements().
				WithRequests(corev1.ResourceList{corev1.ResourceStorage: offer.Size}))
		claim.StorageClassName = offer.StorageClassName
	}
	return (&corev1ac.PersistentVolumeClaimApplyConfiguration{}).WithName(dataVolume).WithSpec(claim)
}
