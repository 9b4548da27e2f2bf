package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Knowledge is a set of approved answers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=knowledges,shortName=kn,categories=loket
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Entries",type=integer,JSONPath=`.status.entries`
// +kubebuilder:printcolumn:name="Expired",type=integer,JSONPath=`.status.expired`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",message="metadata.name must be at most 63 letters, digits and dashes, without dots: other objects name it"
type Knowledge struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              KnowledgeSpec `json:"spec"`
	// +optional
	Status KnowledgeStatus `json:"status,omitempty"`
}

// KnowledgeSpec lists the answers.
type KnowledgeSpec struct {
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=200
	// +listType=map
	// +listMapKey=name
	Entries []KnowledgeEntry `json:"entries"`
}

// KnowledgeEntry is one approved answer and the ways to ask for it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.validFrom) || !has(self.validUntil) || self.validFrom < self.validUntil",message="validUntil must be after validFrom"
type KnowledgeEntry struct {
	Name Name `json:"name"`
	// questions are variants as people ask, by language.
	Questions Words `json:"questions"`
	// answer by language.
	Answer Text `json:"answer"`
	// source of the answer, such as a regulation; shown to agents.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Source string `json:"source,omitempty"`
	// owner keeps the answer true.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Owner string `json:"owner,omitempty"`
	// approvedBy is who let it out.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ApprovedBy string `json:"approvedBy,omitempty"`
	// validFrom and validUntil bound when it is given.
	// +optional
	ValidFrom *metav1.Time `json:"validFrom,omitempty"`
	// +optional
	ValidUntil *metav1.Time `json:"validUntil,omitempty"`
}

// KnowledgeStatus counts answers.
type KnowledgeStatus struct {
	Verdict `json:",inline"`
	// entries that are served, expired ones among them.
	// +optional
	Entries int32 `json:"entries"`
	// expired entries, which are not given any more.
	// +optional
	Expired int32 `json:"expired"`
}

// KnowledgeList is a list of knowledge objects.
//
// +kubebuilder:object:root=true
type KnowledgeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Knowledge `json:"items"`
}
