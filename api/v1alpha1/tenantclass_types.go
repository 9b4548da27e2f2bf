package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultClassAnnotation marks the TenantClass that tenants without className use.
const DefaultClassAnnotation = "loket.dev/is-default-class"

// TenantClass is what the platform offers its tenants: who may come, where they are reached, storage, images, limits.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=tcl,categories=loket
// +kubebuilder:printcolumn:name="Default",type=string,JSONPath=`.metadata.annotations.loket\.dev/is-default-class`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Tenants",type=integer,JSONPath=`.status.tenants`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TenantClass struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              TenantClassSpec `json:"spec"`
	// +optional
	Status TenantClassStatus `json:"status,omitempty"`
}

// TenantClassSpec is the platform team's side of the bargain.
type TenantClassSpec struct {
	// allowedNamespaces says which namespaces may use the class; absent means none but those labelled loket.dev/tenant=true.
	// +optional
	AllowedNamespaces *NamespaceSelection `json:"allowedNamespaces,omitempty"`
	// exposure says how citizens and agents reach a tenant.
	// +optional
	// +kubebuilder:default={}
	Exposure Exposure `json:"exposure,omitzero"`
	// storage names what is offered; a tenant that asks for another kind is not accepted.
	Storage StorageOffer `json:"storage"`
	// runtime is the image of the tenants' pods.
	Runtime RuntimeImage `json:"runtime"`
	// egress lists private destinations that tenants may reach; public HTTPS is always open.
	// +optional
	Egress Egress `json:"egress,omitzero"`
	// whatsapp says where the Cloud API is.
	// +optional
	// +kubebuilder:default={}
	WhatsApp WhatsAppPlatform `json:"whatsapp,omitzero"`
	// pods says what tenants may ask of the nodes for their pods.
	// +optional
	Pods PodOffer `json:"pods,omitzero"`
	// ceilings bound what a tenant may ask for.
	// +optional
	// +kubebuilder:default={}
	Ceilings Ceilings `json:"ceilings,omitzero"`
}

// NamespaceSelection picks namespaces by label.
type NamespaceSelection struct {
	Selector metav1.LabelSelector `json:"selector"`
}

// Exposure is how a tenant is reached from outside the cluster: at most one way. Without one its Services are reached from
// within only, and nobody knows an address.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.nodePort) && has(self.external))",message="set at most one of nodePort, external"
type Exposure struct {
	// nodePort opens a port on every node, for trials.
	// +optional
	NodePort *NodePortExposure `json:"nodePort,omitempty"`
	// external says that the platform brings a route to the Services bot and desk-<pool> itself.
	// +optional
	External *ExternalExposure `json:"external,omitempty"`
	// from says who may reach the public port, in the NetworkPolicy; everybody when absent. Name what carries your routes: the
	// gateway's namespace, or the load balancer's addresses.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	From []ExposurePeer `json:"from,omitempty"`
}

// NodePortExposure is a port on every node.
type NodePortExposure struct {
	// address is the host name or IP address of a node, as people open it; the cluster gives the port.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="isIP(self) || !format.dns1123Subdomain().validate(self).hasValue()",message="must be a host name or an IP address, without a port"
	Address string `json:"address"`
}

// ExternalExposure is a route that the platform brings.
type ExternalExposure struct {
	// url is the public base URL, with {{ namespace }} in it, such as https://{{ namespace }}.loket.example.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^https?://[^/?#]+(/[^?#]*)?$`
	// +kubebuilder:validation:XValidation:rule="self.contains('{{ namespace }}')",message="must have {{ namespace }} in it: tenants are told apart by it, and citizens of one must not end up at another"
	URL string `json:"url"`
}

// ExposurePeer is pods by their namespace, their labels or both, or a range of addresses.
//
// +kubebuilder:validation:XValidation:rule="has(self.cidr) != (has(self.namespaceSelector) || has(self.podSelector))",message="set either cidr, or namespaceSelector and podSelector or one of them"
type ExposurePeer struct {
	// namespaceSelector picks namespaces by label; the tenant's own when absent.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// podSelector picks pods in them; all when absent.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="must be a CIDR such as 10.20.0.0/16"
	CIDR string `json:"cidr,omitempty"`
}

// StorageOffer names the kinds of storage a tenant may choose; an absent one is not offered.
//
// +kubebuilder:validation:XValidation:rule="has(self.embedded) || has(self.postgres)",message="offer at least one of embedded, postgres"
type StorageOffer struct {
	// +optional
	Embedded *EmbeddedOffer `json:"embedded,omitempty"`
	// +optional
	Postgres *PostgresOffer `json:"postgres,omitempty"`
}

// EmbeddedOffer is SQLite on a volume, one pod a tenant.
type EmbeddedOffer struct {
	// size of the volume.
	// +kubebuilder:default="5Gi"
	// +kubebuilder:validation:XValidation:rule="type(self) == string ? (isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))) : int(self) > 0",message="must be a size above zero, such as 5Gi"
	Size resource.Quantity `json:"size,omitzero"`
	// storageClassName of the volume; the cluster's default when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName *string `json:"storageClassName,omitempty"`
	// accessMode is ReadWriteOncePod where the driver has it.
	// +kubebuilder:validation:Enum=ReadWriteOnce;ReadWriteOncePod
	// +kubebuilder:default=ReadWriteOncePod
	AccessMode corev1.PersistentVolumeAccessMode `json:"accessMode,omitempty"`
}

// PostgresOffer is a database of the tenant's own, brought by a Secret. It has no settings yet.
type PostgresOffer struct{}

// RuntimeImage is the tenants' program.
type RuntimeImage struct {
	// image with tag or digest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`
	// +kubebuilder:validation:Enum=Always;IfNotPresent;Never
	// +kubebuilder:default=IfNotPresent
	PullPolicy corev1.PullPolicy `json:"pullPolicy,omitempty"`
}

// Egress lists private destinations, for NetworkPolicy and for the runtime's own dial guard.
type Egress struct {
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Allow []EgressRule `json:"allow,omitempty"`
}

// EgressRule opens ports of one range.
type EgressRule struct {
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="must be a CIDR such as 10.20.0.0/16"
	CIDR string `json:"cidr"`
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=set
	Ports []Port `json:"ports"`
}

// Port is a TCP port.
//
// +kubebuilder:validation:Minimum=1
// +kubebuilder:validation:Maximum=65535
type Port int32

// WhatsAppPlatform says where the Cloud API is.
type WhatsAppPlatform struct {
	// apiBase is the Graph API's address with the version, such as https://graph.facebook.com/v26.0.
	// +kubebuilder:default="https://graph.facebook.com/v26.0"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^https?://[^/]+/v[0-9]+\.[0-9]+$`
	APIBase string `json:"apiBase,omitempty"`
}

// PodOffer lists what a tenant may name in its pods; a tenant that names anything else is not accepted. Nothing is on offer
// unless it is listed: a priority class evicts other tenants, and a toleration reaches nodes that are kept for others.
type PodOffer struct {
	// priorityClassNames that a tenant may use.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	PriorityClassNames []PriorityClassName `json:"priorityClassNames,omitempty"`
	// taints of nodes that a tenant may tolerate.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Taints []OfferedLabel `json:"taints,omitempty"`
	// nodeLabels that a tenant may select nodes by.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	NodeLabels []OfferedLabel `json:"nodeLabels,omitempty"`
}

// PriorityClassName names a PriorityClass; the cluster's own (system-) are not for tenants.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="!self.startsWith('system-')",message="the priority classes of the cluster itself (system-) are not for tenants"
type PriorityClassName string

// OfferedLabel is a key with one value, or with any.
type OfferedLabel struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=316
	Key string `json:"key"`
	// value; any when absent.
	// +optional
	Value *LabelValue `json:"value,omitempty"`
}

// Ceilings bound what a tenant may ask for; a wish above is cut to the ceiling. The tenant's condition Accepted says so, and a
// pool's status its number of workers.
type Ceilings struct {
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	BotReplicas int32 `json:"botReplicas,omitempty"`
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=500
	WorkersPerPool int32 `json:"workersPerPool,omitempty"`
	// retention is the longest time messages are kept.
	// +kubebuilder:default="8760h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('24h') && duration(self) <= duration('87600h')",message="must be a time such as 8760h, from 24h to 87600h (ten years)"
	Retention metav1.Duration `json:"retention,omitzero"`
}

// TenantClassStatus counts, and says whether the class can be used.
type TenantClassStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// tenants that use the class.
	// +optional
	Tenants int32 `json:"tenants"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TenantClassList is a list of classes.
//
// +kubebuilder:object:root=true
type TenantClassList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TenantClass `json:"items"`
}
