package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AgentPool is a team of people at the desk, and the workers that serve their consoles.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.workers.replicas,statuspath=.status.workers,selectorpath=.status.selector
// +kubebuilder:resource:shortName=ap,categories=loket
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Waiting",type=string,JSONPath=`.status.waiting`
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.active`
// +kubebuilder:printcolumn:name="Agents",type=integer,JSONPath=`.status.agents`
// +kubebuilder:printcolumn:name="Workers",type=string,JSONPath=`.status.workersReady`
// +kubebuilder:printcolumn:name="Scaling",type=string,JSONPath=`.status.why`
// +kubebuilder:printcolumn:name="URL",type=string,priority=1,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 40",message="metadata.name must be at most 40 letters, digits and dashes, without dots: the desk's Deployment and Service are named after it"
type AgentPool struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              AgentPoolSpec `json:"spec"`
	// +optional
	Status AgentPoolStatus `json:"status,omitempty"`
}

// AgentPoolSpec says who answers, how many conversations at once, when, and how the workers scale.
//
// +kubebuilder:validation:XValidation:rule="!has(self.workers) || !has(self.workers.zeroOutsideHours) || !self.workers.zeroOutsideHours || has(self.hours)",message="workers.zeroOutsideHours needs hours: without them the pool is always open"
type AgentPoolSpec struct {
	// agents is where the people come from.
	Agents Agents `json:"agents"`
	// conversationsPerAgent is how many an agent holds at once.
	// +kubebuilder:default=4
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	ConversationsPerAgent int32 `json:"conversationsPerAgent,omitempty"`
	// hours when people are there; always when absent. In the tenant's time zone.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=28
	Hours []Hours `json:"hours,omitempty"`
	// queue bounds the waiting line.
	// +optional
	// +kubebuilder:default={}
	Queue Queue `json:"queue,omitzero"`
	// serviceLevel is the promise to citizens.
	// +optional
	// +kubebuilder:default={}
	ServiceLevel ServiceLevel `json:"serviceLevel,omitzero"`
	// workers are the desk pods.
	// +optional
	// +kubebuilder:default={}
	Workers Workers `json:"workers,omitzero"`
}

// Agents are people with accounts in a Secret: key the agent's name, value the argon2id hash of the password.
type Agents struct {
	SecretName ObjectName `json:"secretName"`
	// supervisors are agents who may also read, replay and drop dead letters at the desk: all of the tenant's, since what was
	// given up may never have come to a pool. Nobody, when absent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=50
	Supervisors []AgentName `json:"supervisors,omitempty"`
	// skills that only some agents have, for hand-offs that ask for them. What every agent can do need not stand here.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Skills []AgentSkill `json:"skills,omitempty"`
}

// AgentSkill says which agents have a skill.
type AgentSkill struct {
	Name Skill `json:"name"`
	// agents who have it.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=500
	Agents []AgentName `json:"agents"`
}

// AgentName is a key of the agents' Secret.
//
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._-]*$`
type AgentName string

// Hours opens a pool on some days from one time to another.
//
// +kubebuilder:validation:XValidation:rule="self.from < self.to",message="from must be before to; split hours over midnight in two"
type Hours struct {
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	// +listType=set
	Days []Day `json:"days"`
	// from, as 08:00
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	From string `json:"from"`
	// to, as 16:30 or 24:00
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`
	To string `json:"to"`
	// agents that the roster has for these hours. With it the pool warns hours ahead when more are needed.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Agents int32 `json:"agents,omitempty"`
}

// Day of the week.
//
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Day string

// Queue bounds the waiting line.
type Queue struct {
	// maxWaiting conversations; a hand-off beyond takes the node's otherwise.
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxWaiting int32 `json:"maxWaiting,omitempty"`
	// skillsWithin is how long a hand-off that asks for skills waits for an agent who has them all. Then, or at once while nobody
	// who is there has them all, it goes to whoever is free and has most of them.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a time such as 60s, from 1s to 24h"
	SkillsWithin metav1.Duration `json:"skillsWithin,omitzero"`
}

// ServiceLevel is the share of citizens answered by a person within a time.
type ServiceLevel struct {
	// percent of all who came.
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Percent int32 `json:"percent,omitempty"`
	// within is the time to an agent's first answer.
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a time such as 60s, from 1s to 24h"
	Within metav1.Duration `json:"within,omitzero"`
}

// WorkersMode says who decides the number of workers.
//
// +kubebuilder:validation:Enum=auto;external
type WorkersMode string

// The modes.
const (
	// WorkersAuto lets Loket decide by backlog.
	WorkersAuto WorkersMode = "auto"
	// WorkersExternal follows spec.workers.replicas, written by an HPA, KEDA or a person through the scale subresource.
	WorkersExternal WorkersMode = "external"
)

// Workers are the pods that serve the desk.
//
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min must not be above max"
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || self.replicas > 0 || has(self.zeroOutsideHours) && self.zeroOutsideHours",fieldPath=".replicas",message="replicas may be 0 only with zeroOutsideHours: without a worker no agent can sign in"
type Workers struct {
	// +kubebuilder:default=auto
	Mode WorkersMode `json:"mode,omitempty"`
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=500
	Min int32 `json:"min,omitempty"`
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=500
	Max int32 `json:"max,omitempty"`
	// zeroOutsideHours lets the last worker go outside hours, when nobody waits, is served or is signed in. The first conversation starts
	// one again, and min are back two minutes before the pool opens. In mode external it allows replicas: 0, and whoever scales is told
	// when the pool may rest.
	// +optional
	ZeroOutsideHours bool `json:"zeroOutsideHours,omitempty"`
	// conversationsPerWorker is how many waiting and active conversations one worker is meant for.
	// +kubebuilder:default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	ConversationsPerWorker int32 `json:"conversationsPerWorker,omitempty"`
	// scaleDownAfter is how long a change holds: workers go when it is sure enough that they are not wanted again within it, and
	// no sooner than it after more were asked for.
	// +kubebuilder:default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}[hms]){1,3}$') && duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be a time such as 60s, from 1s to 24h"
	ScaleDownAfter metav1.Duration `json:"scaleDownAfter,omitzero"`
	// replicas is read in mode external only. At least one, since without a worker no agent can sign in; 0 with zeroOutsideHours.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=500
	Replicas *int32 `json:"replicas,omitempty"`
	// step is the most workers that are added at once; any number when absent.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=500
	Step int32 `json:"step,omitempty"`
	// dailyHours is how many hours of workers a local day may have; any number when absent. Those that min takes until midnight are
	// set aside, and when the rest is spent there are min. It is a cap of cost: citizens wait when it is reached.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=12000
	DailyHours int32 `json:"dailyHours,omitempty"`
	// holidays are local days on which the hours of the week are no guide to workers, as 2026-12-25. The pool is open by its hours on
	// them all the same, and the people who are needed are those of the weekday.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Holidays []Date `json:"holidays,omitempty"`
	// dryRun decides and says so in status and metrics, but leaves the number of workers as it is, and keeps nothing of what is
	// learnt beyond the operator's life. A suspended tenant's workers go all the same.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
	// resources of the workers' pods, over those of the tenant's spec.pods. With embedded storage the bot's pod is the desk, and
	// this is not looked at.
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.claims)",message="claims are not offered: set requests and limits"
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`
}

// Date is a local day, as 2026-12-25.
//
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:Pattern=`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`
type Date string

// PoolPeople says how many people the counter needs for its service level: the share of all who came that a person answers in
// time.
type PoolPeople struct {
	// needed now.
	Needed int32 `json:"needed"`
	// level is what the agents who are signed in achieve, such as 84% within 1m.
	// +optional
	Level string `json:"level,omitempty"`
	// expectedWait for a person, of those who come now.
	// +optional
	ExpectedWait string `json:"expectedWait,omitempty"`
	// occupancy is the share of agents' slots in use.
	// +optional
	Occupancy string `json:"occupancy,omitempty"`
	// why these numbers.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Why string `json:"why,omitempty"`
	// whatIf says what a few agents fewer and more would achieve.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	WhatIf []string `json:"whatIf,omitempty"`
	// days are needed agents by hour of the coming week, once a day was seen.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Days []PoolDay `json:"days,omitempty"`
}

// PoolDay is a local day's needed agents.
type PoolDay struct {
	Date Date `json:"date"`
	// needed agents, from hour 0 to 23.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=24
	Needed []int32 `json:"needed"`
}

// AgentPoolStatus says how the counter does. Waiting and active are classes, not live figures: those are metrics.
type AgentPoolStatus struct {
	Verdict `json:",inline"`
	// waiting conversations, as a class such as <10 or ~180.
	// +optional
	Waiting string `json:"waiting,omitempty"`
	// active conversations, as a class.
	// +optional
	Active string `json:"active,omitempty"`
	// agents signed in.
	// +optional
	Agents int32 `json:"agents"`
	// workers that exist, for the scale subresource.
	// +optional
	Workers int32 `json:"workers"`
	// workersReady is ready of wanted.
	// +optional
	WorkersReady string `json:"workersReady,omitempty"`
	// workersWanted is how many workers demand calls for, where somebody else decides (mode external): KEDA is answered with it. It is
	// absent while Loket decides.
	// +optional
	WorkersWanted *int32 `json:"workersWanted,omitempty"`
	// why is the reason for the number of workers.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Why string `json:"why,omitempty"`
	// people the counter needs; absent until conversations were seen.
	// +optional
	People *PoolPeople `json:"people,omitempty"`
	// selector of the desk pods, for the scale subresource.
	// +optional
	Selector string `json:"selector,omitempty"`
	// url of the console.
	// +optional
	URL string `json:"url,omitempty"`
}

// AgentPoolList is a list of pools.
//
// +kubebuilder:object:root=true
type AgentPoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AgentPool `json:"items"`
}
