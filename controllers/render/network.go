package render

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// namespaceName is the label that Kubernetes itself puts on every namespace.
const namespaceName = "kubernetes.io/metadata.name"

// nodeLocalDNS is where the node-local DNS cache listens; it runs in the host's network, which no pod selector matches.
const nodeLocalDNS = "169.254.20.10/32"

// publicInternet is every address that the runtime's dial guard lets through: without one of the two the other is the wall.
func publicInternet() []*networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	var four, six, translated []string
	for _, closed := range bundle.Closed {
		switch p := closed.Prefix; {
		case p.Addr().Is4():
			four = append(four, p.String())
			translated = append(translated, behindNAT64(p).String())
		case bundle.Global6.Contains(p.Addr()):
			six = append(six, p.String())
		}
	}
	return []*networkingv1ac.NetworkPolicyPeerApplyConfiguration{
		block("0.0.0.0/0", four...), block(bundle.Global6.String(), six...), block(bundle.NAT64.String(), translated...),
	}
}

// behindNAT64 is where a translator reaches a range of IPv4 addresses.
func behindNAT64(p netip.Prefix) netip.Prefix {
	within, four := bundle.NAT64.Addr().As16(), p.Addr().As4()
	copy(within[12:], four[:])
	return netip.PrefixFrom(netip.AddrFrom16(within), bundle.NAT64.Bits()+p.Bits())
}

// denyPolicy closes a tenant's pods both ways; the other policies open what is needed.
func denyPolicy(in Input) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return policy(in, in.Tenant.Name+"-deny", networkingv1ac.NetworkPolicySpec().
		WithPodSelector(tenantPods(in)).
		WithPolicyTypes(networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress))
}

// publicPolicy lets everybody to the public port, or those whom the class names: routes, gateways and node ports come from where
// the platform likes.
func publicPolicy(in Input) *networkingv1ac.NetworkPolicyApplyConfiguration {
	rule := networkingv1ac.NetworkPolicyIngressRule().WithPorts(tcp(bundle.PortPublic))
	for _, from := range in.Class.Spec.Exposure.From {
		peer := networkingv1ac.NetworkPolicyPeer()
		if from.CIDR != "" {
			peer = block(from.CIDR)
		}
		peer.NamespaceSelector, peer.PodSelector = selector(from.NamespaceSelector), selector(from.PodSelector)
		rule.WithFrom(peer)
	}
	return policy(in, in.Tenant.Name+"-public", networkingv1ac.NetworkPolicySpec().
		WithPodSelector(tenantPods(in)).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(rule))
}

func selector(s *metav1.LabelSelector) *metav1ac.LabelSelectorApplyConfiguration {
	if s == nil {
		return nil
	}
	out := metav1ac.LabelSelector().WithMatchLabels(s.MatchLabels)
	for _, e := range s.MatchExpressions {
		out.WithMatchExpressions(metav1ac.LabelSelectorRequirement().WithKey(e.Key).WithOperator(e.Operator).WithValues(e.Values...))
	}
	return out
}

// internalPolicy lets the operator's pods to the internal port, and namespaces labelled for monitoring to the metrics there.
func internalPolicy(in Input) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return policy(in, InternalName(in.Tenant.Name), networkingv1ac.NetworkPolicySpec().
		WithPodSelector(tenantPods(in)).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(networkingv1ac.NetworkPolicyIngressRule().
			WithPorts(tcp(bundle.PortInternal)).
			WithFrom(
				namespacePeer(map[string]string{namespaceName: in.OperatorNamespace}).
					WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(OperatorLabels())),
				namespacePeer(map[string]string{labelMonitoring: "true"}),
			)))
}

// egressPolicy opens DNS, public HTTPS, the class's private ranges, and a database in the tenant's own namespace.
func egressPolicy(in Input) *networkingv1ac.NetworkPolicyApplyConfiguration {
	rules := []*networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration{
		networkingv1ac.NetworkPolicyEgressRule().
			WithPorts(port(corev1.ProtocolUDP, 53), tcp(53)).
			WithTo(namespacePeer(map[string]string{namespaceName: "kube-system"}), block(nodeLocalDNS)),
		networkingv1ac.NetworkPolicyEgressRule().
			WithPorts(tcp(443)).
			WithTo(publicInternet()...),
	}
	if !in.Embedded() {
		rules = append(rules, networkingv1ac.NetworkPolicyEgressRule().WithPorts(tcp(5432)).
			WithTo(networkingv1ac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector())))
	}
	for _, allow := range in.Class.Spec.Egress.Allow {
		rule := networkingv1ac.NetworkPolicyEgressRule().WithTo(block(allow.CIDR))
		for _, p := range allow.Ports {
			rule.WithPorts(tcp(int32(p)))
		}
		rules = append(rules, rule)
	}
	return policy(in, in.Tenant.Name+"-egress", networkingv1ac.NetworkPolicySpec().
		WithPodSelector(tenantPods(in)).
		WithPolicyTypes(networkingv1.PolicyTypeEgress).
		WithEgress(rules...))
}

func policy(in Input, name string, spec *networkingv1ac.NetworkPolicySpecApplyConfiguration) *networkingv1ac.NetworkPolicyApplyConfiguration {
	return networkingv1ac.NetworkPolicy(name, in.Tenant.Namespace).
		WithLabels(with(TenantLabels(in.Tenant.Name), labelManagedBy, appName)).
		WithOwnerReferences(owner(in)).WithSpec(spec)
}

func tenantPods(in Input) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(TenantLabels(in.Tenant.Name))
}

func namespacePeer(labels map[string]string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(labels))
}

func block(cidr string, except ...string) *networkingv1ac.NetworkPolicyPeerApplyConfiguration {
	return networkingv1ac.NetworkPolicyPeer().WithIPBlock(networkingv1ac.IPBlock().WithCIDR(cidr).WithExcept(except...))
}

func tcp(number int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return port(corev1.ProtocolTCP, number)
}

func port(protocol corev1.Protocol, number int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(protocol).WithPort(intstr.FromInt32(number))
}
