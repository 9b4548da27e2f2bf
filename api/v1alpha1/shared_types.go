package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Text is one thing to say, by language (BCP 47 tag, such as "id" or "en").
// Say, answer and question texts may hold CEL in {{ }}; titles may not.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=12
type Text map[string]Sentence

// Sentence is a text in one language.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type Sentence string

// Words are things a citizen may type, by language.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=12
type Words map[string]Phrases

// Phrases are alternatives in one language.
//
// +listType=atomic
// +kubebuilder:validation:MinItems=1
// +kubebuilder:validation:MaxItems=50
type Phrases []Phrase

// Phrase is a word or a few.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=200
type Phrase string

// Name names a thing inside an object: a node, an option, a trigger.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_-]*$`
type Name string

// Skill is something that some agents can do and others cannot, such as syariah or english.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=40
// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9-]*$`
type Skill string

// Variable names a value of the conversation, for CEL.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
type Variable string

// Expression is CEL over the conversation's variables.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1024
type Expression string

// ObjectName is the name of another object in the same namespace. No reference crosses namespaces.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
type ObjectName string

// Language is a BCP 47 tag: language, with a region or script where it matters.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`
type Language string

// Conditions that every namespaced kind reports. kstatus reads Ready.
const (
	// ConditionReady says whether the object does its job now.
	ConditionReady = "Ready"
	// ConditionAccepted says whether the operator takes the object up at all (class, one tenant a namespace).
	ConditionAccepted = "Accepted"
	// ConditionValid says whether the runtime's compiler has found anything wrong; the last good revision serves meanwhile.
	ConditionValid = "Valid"
	// ConditionOperatorReachable says whether operator and runtime can talk; False names the NetworkPolicy to look at.
	ConditionOperatorReachable = "OperatorReachable"
	// ConditionDurability says what the tenant's database promises once a message is acknowledged.
	ConditionDurability = "Durability"
	// ConditionSettled says whether a channel's platform tells what became of messages. It is there once there was trouble.
	ConditionSettled = "Settled"
	// ConditionScaling says whether the number of a pool's workers follows demand; False names what keeps it from that.
	// A BotTenant has it once there was trouble: somebody else wrote the number of the bot's pods.
	ConditionScaling = "Scaling"
	// ConditionStaffed says whether the people suffice for the service level, now and by the roster of the coming hours.
	ConditionStaffed = "Staffed"
	// ConditionLearning says whether what is learnt of a pool's hours outlives the operator. It is there once there was trouble.
	ConditionLearning = "Learning"
)

// Reasons, stable for alerts and scripts. Findings have reasons of their own beside these: they are those of the packages
// dialog, directory, knowledge and judge of the runtime, and as stable.
const (
	ReasonAccepted             = "Accepted"
	ReasonNoClass              = "NoClass"
	ReasonNotAllowed           = "NamespaceNotAllowed"
	ReasonNamespaceNotLabelled = "NamespaceNotLabelled"
	ReasonStorageNotOffered    = "StorageNotOffered"
	ReasonNotOldest            = "AnotherTenantIsOlder"
	ReasonNoTenant             = "NoTenant"
	ReasonWaitingForRuntime    = "WaitingForRuntime"
	ReasonServing              = "Serving"
	ReasonProgressing          = "Progressing"
	ReasonSuspended            = "Suspended"
	ReasonFindings             = "Findings"
	ReasonValid                = "Valid"
	ReasonCredentialMissing    = "CredentialMissing"
	ReasonUnreachable          = "Unreachable"
	ReasonReachable            = "Reachable"
	ReasonNoLiveFlow           = "NoLiveFlow"
	ReasonStoreUnavailable     = "StoreUnavailable"
	// ReasonPodsNotOffered: the class does not offer what spec.pods names.
	ReasonPodsNotOffered = "PodsNotOffered"
	// ReasonOffered: a TenantClass can be used.
	ReasonOffered = "Offered"
	// ReasonAnotherDefault: a TenantClass can be used, and is marked as the default, but another one is the default in force.
	ReasonAnotherDefault = "AnotherDefault"
	// ReasonBadSelector: nobody can use a TenantClass, since its allowedNamespaces is no selector.
	ReasonBadSelector = "BadSelector"
	// ReasonApplyFailed: the cluster would not take some of the tenant's objects; the message says which, and why.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonPodsFail: the cluster cannot bring up the pods, as with a quota that is spent; the message is the cluster's.
	ReasonPodsFail = "PodsFail"
	// ReasonUnhealthy: a channel is not well and the runtime gave no reason that can be written down.
	ReasonUnhealthy = "Unhealthy"
	// ReasonCredentialRefused: the channel's platform does not take the access token, which is expired or revoked.
	ReasonCredentialRefused = "CredentialRefused"
	// ReasonStoppedByPlatform: the channel's platform refuses to send for this account.
	ReasonStoppedByPlatform = "StoppedByPlatform"
	// ReasonUnknown: the runtime says something that this operator does not know, being older.
	ReasonUnknown = "Unknown"
	// ReasonFinding stands in for the reason of a finding that cannot be written down.
	ReasonFinding = "Finding"
)

// Reasons of ConditionSettled.
const (
	ReasonStatusesFlow    = "StatusesFlow"
	ReasonStatusesLagging = "StatusesLagging"
)

// Reasons of ConditionScaling.
const (
	ReasonFollowsDemand   = "FollowsDemand"
	ReasonFollowsReplicas = "FollowsReplicas"
	ReasonEmbeddedStorage = "EmbeddedStorage"
	ReasonNoFreshFigures  = "NoFreshFigures"
	// ReasonAtLimit: demand calls for more workers than the pool or its class allows, so that citizens wait.
	ReasonAtLimit = "AtLimit"
	// ReasonTwoOwners: an autoscaler, too, writes the number of workers.
	ReasonTwoOwners = "TwoOwners"
	// ReasonDryRun: what is decided is told and not carried out, as spec.workers.dryRun asks.
	ReasonDryRun = "DryRun"
)

// Reasons of ConditionStaffed.
const (
	ReasonEnoughAgents = "EnoughAgents"
	// ReasonOutsideHours: nobody is expected now, and the roster of the coming hours suffices.
	ReasonOutsideHours = "OutsideHours"
	// ReasonTooFewAgents: for some minutes fewer agents have been signed in than the service level takes.
	ReasonTooFewAgents = "TooFewAgents"
	// ReasonRosterShort: one of the coming hours takes more agents than the roster has.
	ReasonRosterShort = "RosterShort"
)

// Reasons of ConditionLearning.
const (
	ReasonKept = "Kept"
	// ReasonNotRead: what was learnt before the operator started could not be read yet, and is not written over.
	ReasonNotRead = "NotRead"
	// ReasonNotWritten: the cluster would not take what was learnt.
	ReasonNotWritten = "NotWritten"
	// ReasonNotOurs: a ConfigMap of the name that is needed belongs to somebody else, and is left alone.
	ReasonNotOurs = "NotOurs"
	// ReasonUnreadable: what was kept makes no sense, so that the pool learns anew.
	ReasonUnreadable = "Unreadable"
)

// Reasons of ConditionDurability: what the tenant's store promises, as the runtime names it.
const (
	// DurabilityUnsafe: an acknowledged message may be lost when the database crashes.
	DurabilityUnsafe = "Unsafe"
	// DurabilityAsyncReplica: an acknowledged message may be lost when the database fails over.
	DurabilityAsyncReplica = "AsyncReplica"
	// DurabilitySingleNode: an acknowledged message survives crashes, but not the loss of the volume.
	DurabilitySingleNode = "SingleNode"
	// DurabilitySynchronous: an acknowledged message survives the loss of the primary.
	DurabilitySynchronous = "Synchronous"
)

// Reasons of events that are not those of a condition.
const (
	EventScaledUp   = "ScaledUp"
	EventScaledDown = "ScaledDown"
)

// Finding is one thing the compiler found wrong in an object, and the mend.
type Finding struct {
	// path is where in the object's spec, such as nodes[menu].options[2].next.
	// +kubebuilder:validation:MaxLength=256
	Path string `json:"path"`
	// reason is stable and for machines, such as DanglingTarget.
	// +kubebuilder:validation:MaxLength=63
	Reason string `json:"reason"`
	// message says what is wrong and what mends it.
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message"`
}

// Verdict is what the runtime's compiler said of an object, in its status.
type Verdict struct {
	// observedGeneration is the generation that the conditions speak of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions follow the Kubernetes conventions; Ready is the one to wait for.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// findings are the first twenty; bot-runtime lint prints all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Findings []Finding `json:"findings,omitempty"`
	// liveGeneration is the generation that serves; behind observedGeneration while the newest is refused.
	// +optional
	LiveGeneration int64 `json:"liveGeneration,omitempty"`
}
