package render

import (
	"maps"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

const (
	containerName = "runtime"
	// runtimeUser is who the image runs as, and the group that volumes belong to.
	runtimeUser = 65532
	// graceSeconds is how long a pod may take to finish what it holds: a step, a send, open sockets.
	graceSeconds = 45
	// leaveSeconds is how long a pod that ends still takes new work, until every node has heard that it is no endpoint any
	// more: its listener would refuse what is still sent to it.
	leaveSeconds = 3
	// memoryForGo is the share of the memory limit that Go's collector aims at; the rest is for SQLite, stacks and the kernel.
	memoryForGo = 0.9
)

// defaultResources are what a pod gets where the tenant says nothing else. There is no limit on CPU: throttled webhooks are late.
func defaultResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
	}
}

// layered lays resources over each other, the last on top, each request and limit by itself. Where a layer puts a limit below the
// request of a lower one, or a request above its limit, the lower one gives way: it is nobody's wish for this pod.
func layered(layers ...corev1.ResourceRequirements) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for _, l := range layers {
		maps.Copy(out.Requests, l.Requests)
		maps.Copy(out.Limits, l.Limits)
		for name, limit := range l.Limits {
			if request, ok := out.Requests[name]; ok && request.Cmp(limit) > 0 {
				if _, wished := l.Requests[name]; !wished {
					out.Requests[name] = limit
				}
			}
		}
		for name, request := range l.Requests {
			if limit, ok := out.Limits[name]; ok && request.Cmp(limit) > 0 {
				if _, wished := l.Limits[name]; !wished {
					out.Limits[name] = request
				}
			}
		}
	}
	return out
}

// pod is what differs between a tenant's pods.
type pod struct {
	labels   map[string]string
	args     []string
	volumes  []volume
	embedded bool
	// resources over those that all of the tenant's pods have.
	resources corev1.ResourceRequirements
}

// podTemplate meets the restricted Pod Security standard and holds no token of the cluster.
func podTemplate(in Input, p pod) *corev1ac.PodTemplateSpecApplyConfiguration {
	overrides := in.Tenant.Spec.Pods
	labels := map[string]string{}
	for k, v := range overrides.Labels {
		labels[k] = string(v)
	}
	for k, v := range p.labels { // ours win: Services and policies select by them
		labels[k] = v
	}
	spec := corev1ac.PodSpec().
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithSecurityContext(corev1ac.PodSecurityContext().
			WithRunAsNonRoot(true).WithRunAsUser(runtimeUser).WithRunAsGroup(runtimeUser).
			WithFSGroup(runtimeUser).WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container(in, p)).
		WithVolumes(bootVolume(in), scratchVolume())
	for _, v := range p.volumes {
		spec.WithVolumes(v.source)
	}
	if !p.embedded {
		spec.WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithMaxSkew(1).WithTopologyKey(corev1.LabelHostname).WithWhenUnsatisfiable(corev1.ScheduleAnyway).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(p.labels)).
			WithMatchLabelKeys("pod-template-hash"))
	}
	for i := range overrides.Tolerations {
		spec.WithTolerations(toleration(overrides.Tolerations[i]))
	}
	for _, s := range overrides.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(s.Name))
	}
	for k, v := range overrides.NodeSelector {
		spec.WithNodeSelector(map[string]string{k: string(v)})
	}
	if overrides.PriorityClassName != "" {
		spec.WithPriorityClassName(string(overrides.PriorityClassName))
	}
	template := corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(spec)
	if len(overrides.Annotations) > 0 {
		template.WithAnnotations(overrides.Annotations)
	}
	return template
}

func container(in Input, p pod) *corev1ac.ContainerApplyConfiguration {
	resources := layered(defaultResources(), in.Tenant.Spec.Pods.Resources, p.resources)
	c := corev1ac.Container().WithName(containerName).
		WithImage(in.Class.Spec.Runtime.Image).WithImagePullPolicy(in.Class.Spec.Runtime.PullPolicy).
		WithArgs(p.args...).
		WithEnv(corev1ac.EnvVar().WithName("POD_NAME").WithValueFrom(corev1ac.EnvVarSource().
			WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.name")))).
		WithPorts(
			corev1ac.ContainerPort().WithName(portPublic).WithContainerPort(bundle.PortPublic).WithProtocol(corev1.ProtocolTCP),
			corev1ac.ContainerPort().WithName(portInternal).WithContainerPort(bundle.PortInternal).WithProtocol(corev1.ProtocolTCP),
		).
		WithResources(resourceRequirements(resources)).
		WithSecurityContext(corev1ac.SecurityContext().
													WithAllowPrivilegeEscalation(false).WithReadOnlyRootFilesystem(true).WithRunAsNonRoot(true).
													WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))).
		WithStartupProbe(probe("/healthz").WithPeriodSeconds(1).WithFailureThreshold(120)). // migrations of a large store
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(2)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(6)).
		WithVolumeMounts(bootMount(), scratchMount())
	if limit, ok := resources.Limits[corev1.ResourceMemory]; ok {
		c.WithEnv(corev1ac.EnvVar().WithName("GOMEMLIMIT").
			WithValue(strconv.FormatInt(int64(float64(limit.Value())*memoryForGo), 10)))
	}
	for _, v := range p.volumes {
		c.WithVolumeMounts(v.mount)
	}
	if p.embedded {
		c.WithVolumeMounts(corev1ac.VolumeMount().WithName(dataVolume).WithMountPath(bundle.DataDir))
	} else { // a pod that is alone has nobody to leave work to
		c.WithLifecycle(corev1ac.Lifecycle().WithPreStop(corev1ac.LifecycleHandler().
			WithSleep(corev1ac.SleepAction().WithSeconds(leaveSeconds))))
	}
	return c
}

func probe(path string) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().WithTimeoutSeconds(5).
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portInternal)))
}

func resourceRequirements(r corev1.ResourceRequirements) *corev1ac.ResourceRequirementsApplyConfiguration {
	out := corev1ac.ResourceRequirements()
	if len(r.Limits) > 0 {
		out.WithLimits(r.Limits)
	}
	if len(r.Requests) > 0 {
		out.WithRequests(r.Requests)
	}
	return out
}

func toleration(t corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	out := corev1ac.Toleration()
	if t.Key != "" {
		out.WithKey(t.Key)
	}
	if t.Operator != "" {
		out.WithOperator(t.Operator)
	}
	if t.Value != "" {
		out.WithValue(t.Value)
	}
	if t.Effect != "" {
		out.WithEffect(t.Effect)
	}
	out.TolerationSeconds = t.TolerationSeconds
	return out
}
