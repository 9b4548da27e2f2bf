package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TenantLabel marks the namespaces where the operator may write; its value is "true".
const TenantLabel = "loket.dev/tenant"

// BotTenant is an agency with its bot: one a namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bt,categories=loket
// +kubebuilder:printcolumn:name="Class",type=string,JSONPath=`.status.className`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="OperatorReachable")].status`
// +kubebuilder:printcolumn:name="Bot",type=string,JSONPath=`.status.bot`
// +kubebuilder:printcolumn:name="Bundle",type=string,JSONPath=`.status.bundle`
// +kubebuilder:printcolumn:name="Applied",type=string,JSONPath=`.status.applied`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 40 && !(self.metadata.name.substring(0, 1) in ['0','1','2','3','4','5','6','7','8','9'])",message="metadata.name must be at most 40 letters, digits and dashes and begin with a letter: Services are named after it"
// +kubebuilder:validation:XValidation:rule="self.metadata.name != 'desk' && !self.metadata.name.startsWith('desk-')",message="metadata.name must not be desk or begin with desk-: it would clash with the Services of agent pools"
type BotTenant struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              BotTenantSpec `json:"spec"`
	// +optional
	Status BotTenantStatus `json:"status,omitempty"`
}

// BotTenantSpec says who the agency is and where its conversations are kept.
//
// +kubebuilder:validation:XValidation:rule="!has(self.storage.embedded) || !has(self.bot) || !has(self.bot.scaling)",message="bot.scaling needs storage postgres: embedded storage has one pod"
// +kubebuilder:validation:XValidation:rule="self.languages.size() == 0 || self.languages[0] in self.displayName",message="displayName must be given in the first of languages"
type BotTenantSpec struct {
	// className names a TenantClass; the default class when absent.
	// +optional
	ClassName ObjectName `json:"className,omitempty"`
	// displayName is what citizens read.
	DisplayName Text `json:"displayName"`
	// languages the agency speaks; the first is the default.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	// +listType=atomic
	// +kubebuilder:validation:XValidation:rule="self.all(l, self.exists_one(m, m == l))",message="a language stands twice"
	Languages []Language `json:"languages"`
	// timeZone is an IANA name; opening hours and dates are told in it.
	// +kubebuilder:default="Asia/Jakarta"
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$`
	TimeZone string `json:"timeZone,omitempty"`
	// storage decides the shape: postgres has any number of replicas, embedded is one pod with a volume.
	Storage TenantStorage `json:"storage"`
	// bot is the citizens' side.
	// +optional
	// +kubebuilder:default={}
	Bot BotWorkload `json:"bot,omitzero"`
	// retention says how long messages are kept.
	// +optional
	// +kubebuilder:default={}
	Retention Retention `json:"retention,omitzero"`
	// pods are overrides for the tenant's pods.
	// +optional
	Pods PodOverrides `json:"pods,omitzero"`
	// suspend stops all pods; webhooks are then refused by the network and the platforms re-deliver for days.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// TenantStorage is exactly one kind of storage.
//
// +kubebuilder:validation:XValidation:rule="has(self.postgres) != has(self.embedded)",message="set exactly one of postgres, embedded"
// +kubebuilder:validation:XValidation:rule="has(self.postgres) == has(oldSelf.postgres)",message="storage cannot be changed from one kind to the other: conversations would be left behind; make a new tenant"
type TenantStorage struct {
	// +optional
	Postgres *PostgresStorage `json:"postgres,omitempty"`
	// +optional
	Embedded *EmbeddedStorage `json:"embedded,omitempty"`
}

// PostgresStorage is a database of the tenant's own.
type PostgresStorage struct {
	// secretName holds uri, or host, port, dbname, username and password, as CloudNativePG writes it.
	SecretName ObjectName `json:"secretName"`
}

// EmbeddedStorage is SQLite on a volume, in one pod. It has no settings: size and class are the platform's.
type EmbeddedStorage struct{}

// BotWorkload is the pods on the citizens' side.
//
// +kubebuilder:validation:XValidation:rule="!has(self.scaling) || !has(self.replicas) || self.replicas <= self.scaling.max",message="replicas must not be above scaling.max: the bot scales from replicas to scaling.max"
type BotWorkload struct {
	// replicas with storage postgres; embedded always has one.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas int32 `json:"replicas,omitempty"`
	// scaling adds pods to replicas while more conversations wait for the bot than it can answer; absent, there are replicas. It
	// needs storage postgres.
	// +optional
	Scaling *BotScaling `json:"scaling,omitempty"`
	// resources of the bot's pods, over those of spec.pods.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.claims)",message="claims are not offered: set requests and limits"
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// BotScaling says how far the bot's pods may grow, and for what.
type BotScaling struct {
	// max pods; from replicas on, and within the class's ceiling.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Max int32 `json:"max"`
	// waitingPerPod is how many conversations may wait for the bot at once for each pod.
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	WaitingPerPod int32 `json:"waitingPerPod,omitempty"`
	// within is for how long a conversation may wait for the bot. When the oldest has waited for twice as long, there shall be
	// twice the pods, however few wait.
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be a time such as 5s, from 1s to 1h"
	Within metav1.Duration `json:"within,omitzero"`
	// scaleDownAfter is how long a change holds, as of an AgentPool's workers.
	// +kubebuilder:default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a time such as 60s, from 1s to 24h"
	ScaleDownAfter metav1.Duration `json:"scaleDownAfter,omitzero"`
}

// Retention says how long citizens' data is kept.
type Retention struct {
	// messages are dropped after this time; at least a day.
	// +kubebuilder:default="2160h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('24h') && duration(self) <= duration('87600h')",message="must be a time such as 2160h, from 24h to 87600h (ten years)"
	Messages metav1.Duration `json:"messages,omitzero"`
}

// LabelValue is the value of a label, by the rules of Kubernetes.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$`
type LabelValue string

// PodOverrides are the parts of a pod that a tenant may set.
type PodOverrides struct {
	// labels beside Loket's own.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('app.kubernetes.io/') && !k.contains('loket.dev/'))",message="labels of app.kubernetes.io/ and loket.dev/ are Loket's own"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="every key must be a label key of Kubernetes"
	Labels map[string]LabelValue `json:"labels,omitempty"`
	// annotations beside Loket's own.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.contains('loket.dev/'))",message="annotations of loket.dev/ are Loket's own"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())",message="every key must be an annotation key of Kubernetes"
	Annotations map[string]string `json:"annotations,omitempty"`
	// resources of every pod's one container, over Loket's own. Each request and limit stands by itself: naming one leaves the
	// others as they are. bot.resources, and workers.resources of an AgentPool, go over these.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.claims)",message="claims are not offered: set requests and limits"
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
	// tolerations of taints that the TenantClass offers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// nodeSelector of labels that the TenantClass offers.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k).hasValue())",message="every key must be a label key of Kubernetes"
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`
	// priorityClassName that the TenantClass offers.
	// +optional
	PriorityClassName PriorityClassName `json:"priorityClassName,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
}

// BotTenantStatus is what the tenant achieves.
type BotTenantStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// className is the class in use; without spec.className it stays the same, whatever class becomes the default.
	// +optional
	ClassName string `json:"className,omitempty"`
	// bot is ready of wanted pods.
	// +optional
	Bot string `json:"bot,omitempty"`
	// botWhy is the reason for the number of bot pods, where spec.bot.scaling lets it move: as of the last change of what it goes by.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	BotWhy string `json:"botWhy,omitempty"`
	// bundle is the short hash of what the objects of this namespace amount to.
	// +optional
	Bundle string `json:"bundle,omitempty"`
	// applied is how many pods run that bundle, of how many; empty while nobody can say.
	// +optional
	Applied string `json:"applied,omitempty"`
	// url is the public base URL.
	// +optional
	URL string `json:"url,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BotTenantList is a list of tenants.
//
// +kubebuilder:object:root=true
type BotTenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BotTenant `json:"items"`
}
