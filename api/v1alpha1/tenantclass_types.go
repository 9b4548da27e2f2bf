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
// +kubebuilder:printcolumn:name="Tenants",type=integer,JSONPath=`.status.tenants`
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
	// ceilings bound what a tenant may ask for.
	// +optional
	// +kubebuilder:default={}
	Ceilings Ceilings `json:"ceilings,omitzero"`
}

// NamespaceSelection picks namespaces by label.
type NamespaceSelection struct {
	Selector metav1.LabelSelector `json:"selector"`
}

// Exposure is how a tenant is reached from outside the cluster.
//
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'NodePort' || has(self.nodeAddress)",message="nodeAddress is needed with type NodePort: the host or address that people open"
type Exposure struct {
	// type None leaves the Services to the cluster (bring your own route); NodePort opens a port on every node.
	// +kubebuilder:validation:Enum=None;NodePort
	// +kubebuilder:default=None
	Type ExposureType `json:"type,omitempty"`
	// nodeAddress is the host that people open with type NodePort.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.:\[\]-]+$`
	NodeAddress string `json:"nodeAddress,omitempty"`
	// url is the public base URL with type None, with {{ namespace }} in it, such as https://{{ namespace }}.loket.example.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^https?://`
	URL string `json:"url,omitempty"`
}

// ExposureType names a way to be reached.
type ExposureType string

// The ways of exposure.
const (
	ExposureNone     ExposureType = "None"
	ExposureNodePort ExposureType = "NodePort"
)

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

// Ceilings bound what a tenant may ask for; a wish above is cut to the ceiling and the tenant's condition says so.
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

// TenantClassStatus counts.
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
