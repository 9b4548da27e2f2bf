package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConversationTest is a conversation that must go as written.
type ConversationTest struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Name string `json:"name"`
	// language the citizen speaks; the flow's first when absent.
	// +optional
	Language Language `json:"language,omitempty"`
	// at is the time of the conversation, for opening hours; a Monday at 10:00 in the tenant's time zone when absent.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
	// forms says that the test takes place on a channel that shows forms, as one does in which a form is filled in; all others do not.
	// +optional
	Forms bool `json:"forms,omitempty"`
	// calls are what outside services answer in this test, by node. One that is not named does not answer.
	// +optional
	// +listType=map
	// +listMapKey=node
	// +kubebuilder:validation:MaxItems=20
	Calls []TestAnswer `json:"calls,omitempty"`
	// lookups are what Directories answer in this test, the first that fits; what none is for, they answer themselves. Tests with lookups
	// go on as they are written whatever becomes of the list.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Lookups []TestLookup `json:"lookups,omitempty"`
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Steps []TestStep `json:"steps"`
}

// TestLookup is what a Directory answers in a test.
//
// +kubebuilder:validation:XValidation:rule="self.outcome == 'ambiguous' ? has(self.entries) && size(self.entries) > 1 : self.outcome in ['none', 'unavailable'] ? !has(self.entries) || size(self.entries) == 0 : has(self.entries) && size(self.entries) == 1",message="ambiguous has two or three entries, none and unavailable have no entry, every other outcome has one",fieldPath=".entries"
type TestLookup struct {
	// directory that is asked.
	Directory ObjectName `json:"directory"`
	// query that it is asked for, large and small letters alike; any when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Query string `json:"query,omitempty"`
	// outcome; unavailable is that of a Directory that does not serve.
	// +kubebuilder:validation:Enum=exact;confident;ambiguous;lookalike;listed-illegal;none;unavailable
	Outcome Outcome `json:"outcome"`
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=3
	Entries []TestEntry `json:"entries,omitempty"`
}

// TestEntry is an entry that a Directory finds in a test.
type TestEntry struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Name string `json:"name"`
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Licence string `json:"licence,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Type string `json:"type,omitempty"`
	// status; licensed when absent.
	// +optional
	// +kubebuilder:validation:Enum=licensed;illegal
	Status string `json:"status,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Site string `json:"site,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=200
	Phone string `json:"phone,omitempty"`
	// shown are values of the Directory's mapping.shown.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	Shown map[string]ExpectedValue `json:"shown,omitempty"`
}

// TestAnswer is what a service answers to a call in a test.
type TestAnswer struct {
	// node of the call.
	Node Name `json:"node"`
	// +kubebuilder:default=200
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=599
	Status int32 `json:"status,omitempty"`
	// body is JSON.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Body string `json:"body,omitempty"`
}

// TestStep is what one side does: the citizen writes, fills in a form or sends something, a service answers, the bot is checked, or the
// agent closes.
//
// +kubebuilder:validation:XValidation:rule="(has(self.citizen)?1:0)+(has(self.fills)?1:0)+(has(self.sends)?1:0)+(has(self.silence)?1:0)+(has(self.answers)?1:0)+(has(self.bot)?1:0)+(has(self.agent)?1:0) == 1",message="a step is exactly one of citizen, fills, sends, silence, answers, bot, agent"
type TestStep struct {
	// citizen is what the citizen writes, or the title of what they tap.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Citizen string `json:"citizen,omitempty"`
	// fills is what the citizen puts into a form, by the variables of its questions: the one that was offered last.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=50
	Fills map[string]ExpectedValue `json:"fills,omitempty"`
	// sends is what the citizen sends that is no text.
	// +optional
	// +kubebuilder:validation:Enum=picture;document;video;voice;sticker;location;contact;call
	Sends string `json:"sends,omitempty"`
	// silence is for how many minutes nobody says anything.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	Silence int32 `json:"silence,omitempty"`
	// answers is the node of a call whose service answers now, as calls says. Calls of a node that no step names are answered at once.
	// +optional
	Answers Name `json:"answers,omitempty"`
	// +optional
	Bot *Expectation `json:"bot,omitempty"`
	// agent is what the agent does after a hand-off.
	// +optional
	// +kubebuilder:validation:Enum=close
	Agent string `json:"agent,omitempty"`
}

// Expectation is about everything the bot said since the citizen's last words. It expects something at least.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.skills) || has(self.handedTo)",message="skills are those of a hand-off: say handedTo, too",fieldPath=".skills"
type Expectation struct {
	// contains must stand in what the bot said, case aside.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Contains string `json:"contains,omitempty"`
	// exact is all that the bot said, word for word, a message a line: without the titles of what can be tapped, and without the
	// blanks around it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Exact string `json:"exact,omitempty"`
	// matches is a regular expression (RE2) for a part of what the bot said.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Matches string `json:"matches,omitempty"`
	// buttons are the titles of all that was offered to be tapped, in their order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	Buttons []ButtonTitle `json:"buttons,omitempty"`
	// ended says whether the enquiry is over.
	// +optional
	Ended *bool `json:"ended,omitempty"`
	// node is where the conversation stands now, or one it passed since the citizen's last words.
	// +optional
	Node Name `json:"node,omitempty"`
	// handedTo is the pool whose queue the conversation entered.
	// +optional
	HandedTo ObjectName `json:"handedTo,omitempty"`
	// skills are those that the hand-off asks for, all of them and no others.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Skills []Skill `json:"skills,omitempty"`
	// variables are what the conversation holds now, each as a text would show it; a variable that has no value is empty.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=20
	Variables map[string]ExpectedValue `json:"variables,omitempty"`
	// messages is how many outgoing messages it took.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Messages *int32 `json:"messages,omitempty"`
	// not holds what must not be so.
	// +optional
	Not *NotExpected `json:"not,omitempty"`
}

// ButtonTitle is the title of something that can be tapped.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=72
type ButtonTitle string

// ExpectedValue is a variable's value as a text would show it.
//
// +kubebuilder:validation:MaxLength=512
type ExpectedValue string

// NotExpected is what must not be so.
//
// +kubebuilder:validation:MinProperties=1
type NotExpected struct {
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Contains string `json:"contains,omitempty"`
	// +optional
	Node Name `json:"node,omitempty"`
}
