package v1alpha1

// Ask puts a question and keeps the answer.
//
// +kubebuilder:validation:XValidation:rule="has(self.options) == (has(self.type) && self.type == 'choice')",message="options are what a question of type choice offers: give both or neither"
type Ask struct {
	Text Text `json:"text"`
	// as is the variable that keeps the answer.
	As Variable `json:"as"`
	// +kubebuilder:default=text
	Type AskType `json:"type,omitempty"`
	// options of a question of type choice.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=10
	Options []AnswerOption `json:"options,omitempty"`
	// rule must hold for the answer.
	// +optional
	Rule *AnswerRule `json:"rule,omitempty"`
	// valid is CEL over input.text (and the variables) that must hold, too. input.text is the answer as it would be kept.
	// +optional
	Valid Expression `json:"valid,omitempty"`
	// error is said when the answer will not do; a text of Loket's own when absent.
	// +optional
	Error Text `json:"error,omitempty"`
	// retries before otherwise.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	Retries int32 `json:"retries,omitempty"`
	// otherwise is the node after the last retry; without it the question is put again.
	// +optional
	Otherwise Name `json:"otherwise,omitempty"`
	// silence says what happens while no answer comes, one after the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Silence []Silence `json:"silence,omitempty"`
}

// Form has several questions answered at once where the channel can show a form, which is WhatsApp. It stands before the asks whose
// questions it holds: next is the first of them, and they follow each other. Each ask takes its answer from the field that is named
// as its variable, and is put only where the form gave none, or one that will not do. On other channels, and to citizens who write
// instead of filling it in, the asks are put one by one.
type Form struct {
	// text goes with the button; at most 1,024 characters.
	Text Text `json:"text"`
	// button opens the form; at most 30 characters.
	Button Text `json:"button"`
	// whatsapp is the id of the published form (a "Flow") in the WhatsApp account.
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]{5,20}$`
	WhatsApp string `json:"whatsapp"`
	// screen is the name of the form's first screen.
	// +kubebuilder:validation:MaxLength=80
	// +kubebuilder:validation:Pattern=`^[A-Za-z_]+$`
	Screen string `json:"screen"`
	// otherwise is the node for who writes instead of filling the form in, with what they wrote as input.text; without it next
	// follows.
	// +optional
	Otherwise Name `json:"otherwise,omitempty"`
	// silence says what happens while the form is not filled in, one after the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Silence []Silence `json:"silence,omitempty"`
}

// Silence is what happens when a citizen has not answered for some time: a reminder is said, or the conversation goes on
// elsewhere. Anything that the citizen sends begins the time anew.
//
// +kubebuilder:validation:XValidation:rule="has(self.text) != has(self.next)",message="a silence is followed by a text or by a next, by one of both"
// +kubebuilder:validation:XValidation:rule="!has(self.template) || has(self.text)",message="a template goes with a text, which other channels say"
type Silence struct {
	// minutes since the question, or since the silence before this one; all of a node together at most 10080 (a week). Of what
	// comes after 1380 (23 hours) WhatsApp takes nothing but templates.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	Minutes int32 `json:"minutes"`
	// text is the reminder. It costs a message.
	// +optional
	Text Text `json:"text,omitempty"`
	// template is sent on WhatsApp in place of the text.
	// +optional
	Template *Template `json:"template,omitempty"`
	// next is the node where the conversation goes on.
	// +optional
	Next Name `json:"next,omitempty"`
}

// AnswerOption is one of the answers that a question of type choice takes.
type AnswerOption struct {
	// name is what the variable keeps.
	Name Name `json:"name"`
	// title is at most 24 characters in each language (20 with up to three options); lint says so.
	Title Text `json:"title"`
	// words that mean the same.
	// +optional
	Words Words `json:"words,omitempty"`
}

// DateBound is a date such as 2026-12-31, or today, which is the day of the answer in the tenant's time zone.
//
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:Pattern=`^(today|[0-9]{4}-[0-9]{2}-[0-9]{2})$`
type DateBound string

// AnswerRule bounds an answer without an expression.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.minimum) || !has(self.maximum) || self.minimum <= self.maximum",message="minimum must not be above maximum"
// +kubebuilder:validation:XValidation:rule="!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength",message="minLength must not be above maxLength"
type AnswerRule struct {
	// minLength and maxLength of a text, in characters.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4096
	MinLength *int32 `json:"minLength,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4096
	MaxLength *int32 `json:"maxLength,omitempty"`
	// pattern is a regular expression (RE2) that a whole text, phone or e-mail must match.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Pattern string `json:"pattern,omitempty"`
	// minimum and maximum of a number.
	// +optional
	Minimum *int64 `json:"minimum,omitempty"`
	// +optional
	Maximum *int64 `json:"maximum,omitempty"`
	// notBefore and notAfter of a date.
	// +optional
	NotBefore DateBound `json:"notBefore,omitempty"`
	// +optional
	NotAfter DateBound `json:"notAfter,omitempty"`
}
