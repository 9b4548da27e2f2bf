package render

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

const (
	portPublic   = "public"
	portInternal = "internal"
)

// botService is where webhooks and web chat arrive.
func botService(in Input) *corev1ac.ServiceApplyConfiguration {
	return publicService(in, BotName, BotLabels(in.Tenant.Name))
}

// deskService is where agents' browsers arrive; with embedded storage the bot's pod is the desk.
func deskService(in Input, pool string) *corev1ac.ServiceApplyConfiguration {
	if in.Embedded() {
		return nil
	}
	return publicService(in, DeskName(pool), DeskLabels(in.Tenant.Name, pool))
}

func publicService(in Input, name string, selector map[string]string) *corev1ac.ServiceApplyConfiguration {
	kind := corev1.ServiceTypeClusterIP
	if in.Class.Spec.Exposure.NodePort != nil {
		kind = corev1.ServiceTypeNodePort
	}
	return service(in, name, selector).WithSpec(corev1ac.ServiceSpec().
		WithType(kind).WithSelector(selector).
		WithPorts(corev1ac.ServicePort().WithName(portPublic).WithProtocol(corev1.ProtocolTCP).
			WithPort(bundle.PortPublic).WithTargetPort(intstr.FromString(portPublic))))
}

// internalService reaches pods that are not ready too: a fresh pod gets its first bundle through it.
func internalService(in Input) *corev1ac.ServiceApplyConfiguration {
	selector := TenantLabels(in.Tenant.Name)
	return service(in, InternalName(in.Tenant.Name), selector).WithSpec(corev1ac.ServiceSpec().
		WithType(corev1.ServiceTypeClusterIP).WithSelector(selector).WithPublishNotReadyAddresses(true).
		WithPorts(corev1ac.ServicePort().WithName(portInternal).WithProtocol(corev1.ProtocolTCP).
			WithPort(bundle.PortInternal).WithTargetPort(intstr.FromString(portInternal))))
}

func service(in Input, name string, labels map[string]string) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, in.Tenant.Namespace).
		WithLabels(with(labels, labelManagedBy, appName)).WithOwnerReferences(owner(in))
}
