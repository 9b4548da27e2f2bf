package v1alpha1

// Intent is something that citizens want, told by sentences that mean it.
type Intent struct {
	Name Name `json:"name"`
	// examples are sentences as citizens write them; ten or more in each language, each in other words. Short forms and typos
	// are understood without examples of their own.
	Examples Words `json:"examples"`
	// keywords are words that alone mean it, wherever they stand in a message.
	// +optional
	Keywords Words `json:"keywords,omitempty"`
}

// Understand finds the intent of what a citizen wrote and branches on it. It only chooses among the flow's intents.
type Understand struct {
	// query is CEL giving the text to understand.
	// +kubebuilder:default="input.text"
	Query Expression `json:"query,omitempty"`
	// as is a string variable that keeps the intent's name; empty when none is sure enough.
	// +optional
	As Variable `json:"as,omitempty"`
	// confidence that is needed, in percent.
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Confidence int32 `json:"confidence,omitempty"`
	// cases lead intents to nodes.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Cases []IntentCase `json:"cases"`
	// otherwise is the node for every other intent, and when none is sure enough.
	Otherwise Name `json:"otherwise"`
}

// IntentCase leads some intents to a node.
type IntentCase struct {
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Intents []Name `json:"intents"`
	Next    Name   `json:"next"`
}
