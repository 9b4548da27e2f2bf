package dialog

import (
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/knowledge"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// CompileInput is what a flow is checked against.
type CompileInput struct {
	Tenant bundle.Tenant
	// Directories that exist, by name.
	Directories map[string]KnownDirectory
	// Pools that exist; false for one that is refused itself and never served.
	Pools map[string]bool
	// Skills that agents have, by the name of their pool.
	Skills map[string][]v1alpha1.AgentSkill
	// Knowledge by name; nil for one that is refused itself.
	Knowledge map[string]*knowledge.Set
	// Flows that can be run, by name; nil for one that is refused itself and has never served.
	Flows map[string]*Program
	// Rings are flows that run this one in turn.
	Rings map[string]bool
}

// KnownDirectory is what a flow must know of a Directory.
type KnownDirectory struct {
	// Serves is false for one that is refused itself and never served.
	Serves bool
	// Shown are the names of what its entries show.
	Shown []string
}

// Program is a compiled flow. It is immutable and safe for concurrent use.
type Program struct {
	nodes     []node // the flow's own, then those of the flows that it runs
	own       int    // how many are the flow's own
	index     map[string]int
	start     int
	opening   int // the menu that a conversation begins at, when only says stand before it; else none
	person    int // where a person is reached, or none
	caller    int // the trigger that leads there, or none
	languages []string
	triggers  []trigger
	zone      *time.Location
	tests     []v1alpha1.ConversationTest
	budget    int // of paid messages on a way
	*unit
}

// none is the index of no node.
const none = -1

// Nodes is how many there are.
func (p *Program) Nodes() int { return p.own }

// Languages of the flow, the fallback first.
func (p *Program) Languages() []string { return p.languages }

// Tests are the flow's own conversations.
func (p *Program) Tests() []v1alpha1.ConversationTest { return p.tests }

// WithTests is the same program with other conversation tests.
func (p *Program) WithTests(tests []v1alpha1.ConversationTest) *Program {
	other := *p
	other.tests = tests
	return &other
}

// Reasons of findings, stable for scripts.
const (
	reasonUnreachable    = "UnreachableNode"
	reasonLoop           = "LoopWithoutWait"
	reasonTranslation    = "MissingTranslation"
	reasonTooLong        = "TooLong"
	reasonDuplicate      = "Duplicate"
	reasonUndeclared     = "UndeclaredVariable"
	reasonVariableType   = "VariableType"
	reasonReserved       = "ReservedName"
	reasonExpression     = "ExpressionInvalid"
	reasonExpressionType = "ExpressionType"
	reasonExpressionCost = "ExpressionTooCostly"
	reasonNode           = "NodeKind"
	reasonTimeZone       = "TimeZone"
	reasonNoPerson       = "NoPersonNear"
	reasonPaid           = "ManyPaidMessages"
	reasonExtraLanguage  = "ExtraLanguage"
	reasonRun            = "EndlessRun"
	reasonSilence        = "Silence"
	reasonIntent         = "UnknownIntent"
	reasonExamples       = "FewExamples"
	reasonSafePoint      = "SafePoint"
	reasonReturn         = "NeverReturns"
	reasonSkill          = "UnknownSkill"
	reasonWindow         = "WindowClosed"

	// ReasonDangling is the reason of a finding about a target that is no node.
	ReasonDangling = "DanglingTarget"
	// ReasonUnknownObject is the reason of a finding about an object that is not there.
	ReasonUnknownObject = "UnknownObject"
	// ReasonRefusedObject is the reason of a finding about an object that is there, but refused itself.
	ReasonRefusedObject = "RefusedObject"
	// ReasonTestFailed is the reason of a finding about one of the flow's own tests.
	ReasonTestFailed = "TestFailed"
)

// Compile checks a flow and makes its program. All findings come at once, in the order of the flow; the program is nil when
// one of them is more than advice. Paths are those of the YAML, with names where a list has them, as
// admission writes them: nodes[welcome].menu.options[hours].next, nodes[person].branch.cases[0].when.
func Compile(flow v1alpha1.DialogFlowSpec, in CompileInput) (*Program, []bundle.Finding) {
	c := newCompiler(flow, in)
	c.declarations()
	c.intents()
	c.nodes()
	c.triggers()
	c.references()
	c.link()
	if !c.refused() {
		c.graph()
	}
	if c.refused() {
		return nil, c.findings
	}
	return c.program, c.findings
}

// node is a compiled node: the fields of its kind are set.
type node struct {
	name      string // with that of its flow before it, where it is another's: address:street
	unit      *unit
	kind      nodeKind
	next      int
	otherwise int // of ask, form, menu, lookup, call, branch, handoff
	text      texts
	options   []option // menu
	ask       *ask
	form      *shownForm
	directory string // lookup
	query     *expression
	as        string
	call      *call
	outcomes  map[string]int // lookup, understand: what leads where
	sets      []assignment
	cases     []branchCase
	pool      string // handoff
	priority  string
	skills    []string
	summary   *expression
	thanks    texts // survey
	scale     v1alpha1.SurveyScale
	run       *run
	silence   []silence           // ask, form, menu
	attached  *message.Attachment // say
	approved  *approved           // say
	apart     bool                // say
	sure      float64             // understand: the confidence that is needed
	safe      bool                // conversations of other revisions go on here
}

type nodeKind uint8

const (
	kindSay nodeKind = iota
	kindAsk
	kindForm
	kindMenu
	kindLookup
	kindCall
	kindUnderstand
	kindSet
	kindBranch
	kindHandoff
	kindSurvey
	kindRun
	kindEnd
)

func (k nodeKind) String() string {
	return [...]string{"say", "ask", "form", "menu", "lookup", "call", "understand", "set", "branch", "handoff", "survey", "run", "end"}[k]
}

// texts is a text by the index of the language; nil where there is none.
type texts []*template

type option struct {
	name   string
	id     string // <node>/<option>: what a tap sends back
	titles []string
	// said are the folded titles and words of all languages.
	said []string
	next int
}

type ask struct {
	as   string
	kind v1alpha1.AskType
	// variable is the type of what keeps the answer.
	variable v1alpha1.VariableType
	rule     *expression
	valid    *expression
	fault    texts
	retries  int
}

// shownForm is where the platform has it; the questions are those of the asks behind it.
type shownForm struct {
	id, screen string
	button     texts
}

type assignment struct {
	name  string
	kind  v1alpha1.VariableType
	value *expression
}

type branchCase struct {
	when *expression
	next int
}

type trigger struct {
	name    string
	phrases [][]string // folded words
	next    int
	returns bool
	body    []bool // of one that returns: the nodes that can be reached before it does, by index
}
