package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Directory is a data set that flows and agents look institutions up in.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=directories,shortName=dir,categories=loket
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Entries",type=integer,JSONPath=`.status.entries`
// +kubebuilder:printcolumn:name="Rejected",type=integer,JSONPath=`.status.rejected`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",message="metadata.name must be at most 63 letters, digits and dashes, without dots: other objects name it"
type Directory struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              DirectorySpec `json:"spec"`
	// +optional
	Status DirectoryStatus `json:"status,omitempty"`
}

// DirectorySpec says where the rows are and what their columns mean.
type DirectorySpec struct {
	Source DirectorySource `json:"source"`
	// mapping names the column of each field.
	// +optional
	// +kubebuilder:default={}
	Mapping DirectoryMapping `json:"mapping,omitzero"`
}

// DirectorySource is exactly one place of rows, as CSV with a header line.
//
// +kubebuilder:validation:XValidation:rule="has(self.inline) != has(self.configMap)",message="set exactly one of inline, configMap"
type DirectorySource struct {
	// inline is CSV in the object itself.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=131072
	Inline string `json:"inline,omitempty"`
	// +optional
	ConfigMap *ConfigMapKey `json:"configMap,omitempty"`
}

// ConfigMapKey is one key of a ConfigMap in the same namespace.
type ConfigMapKey struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}

// Column is the name in the header line.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=64
type Column string

// DirectoryMapping names columns. A column that holds several values separates them by semicolons.
type DirectoryMapping struct {
	// +kubebuilder:default=name
	Name Column `json:"name,omitempty"`
	// +kubebuilder:default=aliases
	Aliases Column `json:"aliases,omitempty"`
	// licence number
	// +kubebuilder:default=licence
	Licence Column `json:"licence,omitempty"`
	// type of institution, such as bank or insurer
	// +kubebuilder:default=type
	Type Column `json:"type,omitempty"`
	// status is licensed or illegal (a warning list); every row says which
	// +kubebuilder:default=status
	Status Column `json:"status,omitempty"`
	// +kubebuilder:default=sites
	Sites Column `json:"sites,omitempty"`
	// +kubebuilder:default=phones
	Phones Column `json:"phones,omitempty"`
	// +kubebuilder:default=emails
	Emails Column `json:"emails,omitempty"`
}

// DirectoryStatus counts rows.
type DirectoryStatus struct {
	Verdict `json:",inline"`
	// entries that are served.
	// +optional
	Entries int32 `json:"entries"`
	// rejected rows of the newest revision that was judged; the findings name the first of them.
	// +optional
	Rejected int32 `json:"rejected"`
}

// DirectoryList is a list of directories.
//
// +kubebuilder:object:root=true
type DirectoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Directory `json:"items"`
}
