package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// DialogFlow is a dialog: nodes, what leads from one to the next, and tests of its own.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=df,categories=loket
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Valid",type=string,JSONPath=`.status.conditions[?(@.type=="Valid")].status`
// +kubebuilder:printcolumn:name="Live",type=integer,JSONPath=`.status.liveGeneration`
// +kubebuilder:printcolumn:name="Tests",type=string,JSONPath=`.status.tests`
// +kubebuilder:printcolumn:name="Nodes",type=integer,JSONPath=`.status.nodes`
// +kubebuilder:printcolumn:name="Why",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.') && self.metadata.name.size() <= 63",message="metadata.name must be at most 63 letters, digits and dashes, without dots: other objects name it"
type DialogFlow struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              DialogFlowSpec `json:"spec"`
	// +optional
	Status DialogFlowStatus `json:"status,omitempty"`
}

// DialogFlowSpec is the dialog.
//
// +kubebuilder:validation:XValidation:rule="self.nodes.exists(n, n.name == self.start)",messageExpression="'no node \"' + self.start + '\"'",message="start must be the name of a node",fieldPath=".start"
// +kubebuilder:validation:XValidation:rule="self.nodes.all(n, !has(n.next) || self.nodes.exists(m, m.name == n.next))",message="a node's next must be the name of a node; bot-runtime lint names the one that is not",fieldPath=".nodes"
type DialogFlowSpec struct {
	// languages of the flow's texts; the tenant's when absent. The first is the fallback.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=12
	// +kubebuilder:validation:XValidation:rule="self.all(l, self.exists_one(m, m == l))",message="a language stands twice"
	Languages []Language `json:"languages,omitempty"`
	// start is the node where a new conversation begins.
	Start Name `json:"start"`
	// budget is what a way through the flow may cost; lint and graph measure against it, nothing else does.
	// +optional
	Budget *Budget `json:"budget,omitempty"`
	// variables that nodes may set and expressions may read, beside input and contact.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Variables []VariableDeclaration `json:"variables,omitempty"`
	// knowledge names the Knowledge objects that free text at a menu is asked of, before the menu's otherwise.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	Knowledge []ObjectName `json:"knowledge,omitempty"`
	// intents are what citizens may want, for understand nodes: told by examples.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=50
	Intents []Intent `json:"intents,omitempty"`
	// triggers work from every node.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	Triggers []Trigger `json:"triggers,omitempty"`
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=500
	Nodes []Node `json:"nodes"`
	// tests are conversations that must go as written; a flow whose tests fail is refused.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=200
	Tests []ConversationTest `json:"tests,omitempty"`
}

// Budget bounds what a way through a flow costs.
type Budget struct {
	// paidMessages is how many messages a citizen may get on a way from the start on which no node is passed twice; 6 without a
	// budget. On WhatsApp each is billed. What people write is not among them.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	PaidMessages int32 `json:"paidMessages"`
}

// VariableType is the type of a variable in expressions.
//
// +kubebuilder:validation:Enum=string;number;bool
type VariableType string

// The variable types.
const (
	VariableString VariableType = "string"
	VariableNumber VariableType = "number"
	VariableBool   VariableType = "bool"
)

// VariableDeclaration declares a variable; it starts empty, zero or false.
type VariableDeclaration struct {
	Name Variable `json:"name"`
	// +kubebuilder:default=string
	Type VariableType `json:"type,omitempty"`
}

// Trigger leads from anywhere to a node when one of its words is what the citizen wrote, or stands in it.
type Trigger struct {
	Name  Name  `json:"name"`
	Words Words `json:"words"`
	Next  Name  `json:"next"`
	// returns brings the conversation back when an end is reached: the question that it stood at is put again, and an outside call
	// that was under way is waited for as before. Otherwise a trigger leaves that for good.
	// +optional
	Returns bool `json:"returns,omitempty"`
}

// Node is one step of the dialog: exactly one of its kinds.
//
// +kubebuilder:validation:XValidation:rule="(has(self.say)?1:0)+(has(self.ask)?1:0)+(has(self.form)?1:0)+(has(self.menu)?1:0)+(has(self.lookup)?1:0)+(has(self.call)?1:0)+(has(self.set)?1:0)+(has(self.branch)?1:0)+(has(self.handoff)?1:0)+(has(self.survey)?1:0)+(has(self.run)?1:0)+(has(self.understand)?1:0)+(has(self.end)?1:0) == 1",message="a node is exactly one of say, ask, form, menu, lookup, call, understand, set, branch, handoff, survey, run, end"
// +kubebuilder:validation:XValidation:rule="!(has(self.end) || has(self.menu) || has(self.lookup) || has(self.understand) || has(self.branch)) || !has(self.next)",message="end, menu, lookup, understand and branch choose their own way: leave next out"
// +kubebuilder:validation:XValidation:rule="!(has(self.say) || has(self.ask) || has(self.form) || has(self.call) || has(self.set) || has(self.handoff) || has(self.survey) || has(self.run)) || has(self.next)",message="next is needed: the node that follows"
// +kubebuilder:validation:XValidation:rule="!has(self.safePoint) || !self.safePoint || has(self.ask) || has(self.form) || has(self.menu) || has(self.handoff) || has(self.survey)",message="a safePoint is a node where a conversation waits for somebody: ask, form, menu, handoff or survey",fieldPath=".safePoint"
type Node struct {
	Name Name `json:"name"`
	// +optional
	Say *Say `json:"say,omitempty"`
	// +optional
	Ask *Ask `json:"ask,omitempty"`
	// +optional
	Form *Form `json:"form,omitempty"`
	// +optional
	Menu *Menu `json:"menu,omitempty"`
	// +optional
	Lookup *Lookup `json:"lookup,omitempty"`
	// +optional
	Call *Call `json:"call,omitempty"`
	// +optional
	Understand *Understand `json:"understand,omitempty"`
	// +optional
	Set *Set `json:"set,omitempty"`
	// +optional
	Branch *Branch `json:"branch,omitempty"`
	// +optional
	Handoff *Handoff `json:"handoff,omitempty"`
	// +optional
	Survey *Survey `json:"survey,omitempty"`
	// +optional
	Run *Run `json:"run,omitempty"`
	// +optional
	End *End `json:"end,omitempty"`
	// next is the node that follows.
	// +optional
	Next Name `json:"next,omitempty"`
	// safePoint lets conversations of older revisions of the flow that wait at this node go on in this revision. All others stay
	// in the revision that they began with until they end.
	// +optional
	SafePoint bool `json:"safePoint,omitempty"`
}

// Say tells the citizen something. Says that follow each other without a wait become one message, up to an attachment.
//
// +kubebuilder:validation:XValidation:rule="(has(self.image)?1:0)+(has(self.document)?1:0)+(has(self.location)?1:0)+(has(self.contact)?1:0) <= 1",message="a say has one image, document, location or contact; say the next in a node of its own"
// +kubebuilder:validation:XValidation:rule="has(self.text) || has(self.image) || has(self.document) || has(self.location) || has(self.contact)",message="a say has a text, an image, a document, a location or a contact"
// +kubebuilder:validation:XValidation:rule="!has(self.template) || has(self.text) && !(has(self.image) || has(self.document) || has(self.location) || has(self.contact))",message="a template goes with a text, which other channels say, and with no attachment"
type Say struct {
	// text; with an image or a document its caption, of at most 1,024 characters.
	// +optional
	Text Text `json:"text,omitempty"`
	// image is shown, or linked where the channel shows none.
	// +optional
	Image *Image `json:"image,omitempty"`
	// document is sent, or linked where the channel sends none.
	// +optional
	Document *Document `json:"document,omitempty"`
	// location is shown on a map, or written where the channel has none.
	// +optional
	Location *Location `json:"location,omitempty"`
	// contact is a card to keep, or written where the channel has none.
	// +optional
	Contact *ContactCard `json:"contact,omitempty"`
	// apart begins a message of its own, although one with what was said before would cost less.
	// +optional
	Apart bool `json:"apart,omitempty"`
	// template is sent on WhatsApp, as a message of its own; on other channels text is said, which should mean the same.
	// +optional
	Template *Template `json:"template,omitempty"`
}

// Template is a message that WhatsApp has approved beforehand: the only kind that it takes when the citizen has not written for 24
// hours. What it costs depends on its category at WhatsApp.
//
// +kubebuilder:validation:XValidation:rule="!has(self.parameters) || self.parameters.all(p, has(p.name)) || !self.parameters.exists(p, has(p.name))",message="either all parameters have a name or none has: then their order counts"
type Template struct {
	// name of the template in the WhatsApp account.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[a-z0-9_]+$`
	Name string `json:"name"`
	// languages are the codes of its translations, by language of the flow, where they are not the same: {en: en_US}.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=20
	Languages map[string]TemplateLanguage `json:"languages,omitempty"`
	// parameters of its body.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Parameters []TemplateParameter `json:"parameters,omitempty"`
}

// TemplateLanguage is a language as WhatsApp writes it, such as id or en_US.
//
// +kubebuilder:validation:MaxLength=10
// +kubebuilder:validation:Pattern=`^[a-z]{2,3}(_[A-Z]{2,3})?$`
type TemplateLanguage string

// TemplateParameter fills in one place of a template.
type TemplateParameter struct {
	// name of the parameter; the first without a name is {{1}}.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9_]*$`
	Name string `json:"name,omitempty"`
	// value is CEL. Line breaks become blanks, which WhatsApp demands, and nothing becomes a dash.
	Value Expression `json:"value"`
}

// WebURL is an address that citizens' devices, and the channel's platform, fetch; Loket does not.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^ "<>]*)?$`
type WebURL string

// Image is a picture that citizens see: a JPEG or PNG of at most 5 MB on WhatsApp.
type Image struct {
	URL WebURL `json:"url"`
}

// Document is a file that citizens get, such as a PDF; at most 100 MB on WhatsApp.
type Document struct {
	URL WebURL `json:"url"`
	// fileName that citizens see.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	FileName string `json:"fileName"`
}

// Degrees is an angle in decimal degrees.
//
// +kubebuilder:validation:MaxLength=12
// +kubebuilder:validation:Pattern=`^-?[0-9]{1,3}(\.[0-9]{1,7})?$`
type Degrees string

// Location is a place on the map.
type Location struct {
	// latitude and longitude in decimal degrees, in quotes, such as "-6.1754".
	Latitude  Degrees `json:"latitude"`
	Longitude Degrees `json:"longitude"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Name string `json:"name"`
	// +optional
	// +kubebuilder:validation:MaxLength=240
	Address string `json:"address,omitempty"`
}

// ContactCard is somebody whom citizens can call.
type ContactCard struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=120
	Name string `json:"name"`
	// phone with country code, such as +62215550157.
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^\+[0-9]{3,15}$`
	Phone string `json:"phone"`
}

// AskType is what an answer must be.
//
// +kubebuilder:validation:Enum=text;number;date;email;phone;choice;yesno;location;file;picture
type AskType string

// The types of answers.
const (
	AskText   AskType = "text"
	AskNumber AskType = "number"
	AskDate   AskType = "date"
	AskEmail  AskType = "email"
	AskPhone  AskType = "phone"
	// AskChoice is one of options; the variable keeps its name.
	AskChoice AskType = "choice"
	// AskYesNo keeps true or false in a bool, yes or no in a string.
	AskYesNo AskType = "yesno"
	// AskLocation is a shared place, or typed coordinates; kept as latitude,longitude in degrees.
	AskLocation AskType = "location"
	// AskFile is a document, a picture, a video or a sound; kept as the platform's id of it.
	AskFile AskType = "file"
	// AskPicture is a picture, or a document that the sender named as one.
	AskPicture AskType = "picture"
)

// Menu offers options: buttons, a list, or numbered lines, as the channel can.
type Menu struct {
	Text Text `json:"text"`
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	Options []Option `json:"options"`
	// otherwise is the node for anything typed that is no option; without it the menu is shown again.
	// +optional
	Otherwise Name `json:"otherwise,omitempty"`
	// silence says what happens while no answer comes, one after the other.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	Silence []Silence `json:"silence,omitempty"`
}

// Option is one line of a menu.
type Option struct {
	Name Name `json:"name"`
	// title is at most 24 characters in each language (20 in a menu of up to three); lint says so.
	Title Text `json:"title"`
	// words that mean the same.
	// +optional
	Words Words `json:"words,omitempty"`
	Next  Name  `json:"next"`
}

// Outcome of a look-up.
//
// +kubebuilder:validation:Enum=exact;confident;ambiguous;lookalike;listed-illegal;none
type Outcome string

// The outcomes.
const (
	OutcomeExact         Outcome = "exact"
	OutcomeConfident     Outcome = "confident"
	OutcomeAmbiguous     Outcome = "ambiguous"
	OutcomeLookalike     Outcome = "lookalike"
	OutcomeListedIllegal Outcome = "listed-illegal"
	OutcomeNone          Outcome = "none"
)

// Lookup asks a Directory and branches on the outcome.
type Lookup struct {
	Directory ObjectName `json:"directory"`
	// query is CEL giving the text to look up.
	// +kubebuilder:default="input.text"
	Query Expression `json:"query,omitempty"`
	// as is the variable that keeps the result: outcome, name, licence, type, status, site, phone, query, names, why, and
	// shown with the columns that the Directory's mapping.shown names.
	As Variable `json:"as"`
	// cases lead outcomes to nodes. (Not named on: YAML 1.1, which kubectl reads, takes a bare on for true.)
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=6
	On []OutcomeCase `json:"cases,omitempty"`
	// otherwise is the node for every other outcome.
	Otherwise Name `json:"otherwise"`
}

// OutcomeCase leads some outcomes to a node.
type OutcomeCase struct {
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=6
	Outcomes []Outcome `json:"outcomes"`
	Next     Name      `json:"next"`
}

// Set gives variables new values, in order.
type Set struct {
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Variables []Assignment `json:"variables"`
}

// Assignment gives one variable a value.
type Assignment struct {
	Name Variable `json:"name"`
	// value is CEL of the variable's type.
	Value Expression `json:"value"`
}

// Branch goes to the first case that holds.
type Branch struct {
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Cases     []Case `json:"cases"`
	Otherwise Name   `json:"otherwise"`
}

// Case is one way of a branch.
//
// +kubebuilder:validation:XValidation:rule="has(self.when) != has(self.if)",message="a case has a when (an expression) or an if (conditions), one of both"
type Case struct {
	// when is CEL giving true or false.
	// +optional
	When Expression `json:"when,omitempty"`
	// if are conditions that must all hold, for authors who write no expressions.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=10
	If   []Condition `json:"if,omitempty"`
	Next Name        `json:"next"`
}

// Condition is about one variable. It says exactly one thing of it.
//
// +kubebuilder:validation:MinProperties=2
// +kubebuilder:validation:MaxProperties=2
type Condition struct {
	// var is a variable, or a field of one, such as found.outcome or input.text.
	// +kubebuilder:validation:MaxLength=127
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z]+)?$`
	Var string `json:"var"`
	// is the value; of a bool true or false, in quotes.
	// +optional
	Is *intstr.IntOrString `json:"is,omitempty"`
	// isNot the value.
	// +optional
	IsNot *intstr.IntOrString `json:"isNot,omitempty"`
	// in are values of which it is one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	In []intstr.IntOrString `json:"in,omitempty"`
	// contains a text, large and small letters alike.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Contains string `json:"contains,omitempty"`
	// atLeast and atMost are bounds of a number; above and below leave out the bound itself.
	// +optional
	AtLeast *int64 `json:"atLeast,omitempty"`
	// +optional
	AtMost *int64 `json:"atMost,omitempty"`
	// +optional
	Above *int64 `json:"above,omitempty"`
	// +optional
	Below *int64 `json:"below,omitempty"`
	// empty says whether a text or a list is empty.
	// +optional
	Empty *bool `json:"empty,omitempty"`
}

// Priority of a hand-off.
//
// +kubebuilder:validation:Enum=normal;high;urgent
type Priority string

// The priorities, in rising order.
const (
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)

// Handoff gives the conversation to a person of a pool; next follows when the person closes it.
type Handoff struct {
	Pool ObjectName `json:"pool"`
	// +kubebuilder:default=normal
	Priority Priority `json:"priority,omitempty"`
	// skills that the person needs, all of them, as the pool's agents.skills declare them. An agent with all of them is looked for
	// first; after the pool's queue.skillsWithin, or at once while nobody who is there has them all, anybody of the pool will do.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Skills []Skill `json:"skills,omitempty"`
	// text is said when the conversation enters the queue.
	// +optional
	Text Text `json:"text,omitempty"`
	// summary is CEL giving a line for the agent.
	// +optional
	Summary Expression `json:"summary,omitempty"`
	// otherwise is the node when the pool is closed or its queue is full. Without it the conversation waits in the queue.
	// +optional
	Otherwise Name `json:"otherwise,omitempty"`
}

// SurveyScale is what a survey asks for.
//
// +kubebuilder:validation:Enum=csat;nps
type SurveyScale string

// The scales.
const (
	// ScaleCSAT is how content a citizen is, from 1 to 5, to be tapped.
	ScaleCSAT SurveyScale = "csat"
	// ScaleNPS is how likely a citizen is to recommend the service, from 0 to 10, to be typed.
	ScaleNPS SurveyScale = "nps"
)

// Survey asks for a rating of the conversation.
type Survey struct {
	// text is the question; of the scale nps it says that a number from 0 to 10 is to be written.
	Text Text `json:"text"`
	// scale is csat (1 to 5, tapped) or nps (0 to 10, typed).
	// +kubebuilder:default=csat
	// +optional
	Scale SurveyScale `json:"scale,omitempty"`
	// thanks is said after a rating.
	// +optional
	Thanks Text `json:"thanks,omitempty"`
}

// Run goes through nodes of the flow, or through another flow, as through one node and comes back: what several places need is
// written once. An end that is reached in it ends the run, and next follows. A trigger leaves the run for good, unless it returns.
//
// +kubebuilder:validation:XValidation:rule="has(self.start) != has(self.flow)",message="a run has a start (a node of this flow) or a flow (another one), one of both"
type Run struct {
	// start is the first node of the run. The run may not come back to this node before an end.
	// +optional
	Start Name `json:"start,omitempty"`
	// flow is another DialogFlow, which is run from its own start. Its variables are its own and begin empty; its triggers and
	// tests are left out; it must speak the languages of this flow.
	// +optional
	Flow ObjectName `json:"flow,omitempty"`
	// arguments give variables a value for as long as the run lasts; afterwards they have their former values again. All are
	// taken before the first is given. With flow they are variables of that flow.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	Arguments []Assignment `json:"arguments,omitempty"`
	// results give variables a value when the run ends, from what the variables hold then, the arguments among them. With flow
	// their values are expressions over the variables of that flow.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	Results []Assignment `json:"results,omitempty"`
}

// End ends the run that it stands in, or else the conversation; the citizen's next message starts anew.
type End struct {
	// +optional
	Text Text `json:"text,omitempty"`
}

// DialogFlowStatus says what serves and what the compiler found.
type DialogFlowStatus struct {
	Verdict `json:",inline"`
	// tests passed of all, of the newest revision that was judged.
	// +optional
	Tests string `json:"tests,omitempty"`
	// nodes of the live revision.
	// +optional
	Nodes int32 `json:"nodes"`
}

// DialogFlowList is a list of flows.
//
// +kubebuilder:object:root=true
type DialogFlowList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DialogFlow `json:"items"`
}
