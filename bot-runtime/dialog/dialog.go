// Package dialog compiles DialogFlows and steps conversations through them. It is pure: state and input in, state and
// outputs out; time, directories, knowledge and pools come in through Env. It knows no channel, no store and no cluster.
//
// Compile finds everything wrong with a flow at once, each finding with its path and mend. A compiled Program is immutable
// and safe for concurrent use. Step never panics on citizens' input and never runs more than MaxNodesPerStep nodes.
package dialog

import (
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// Format is the highest version of the encoded State that this binary reads. It writes the lowest that holds what there is: 1
// was the first, 2 has runs under way, 3 has been interrupted by a trigger that returns, 4
// has answers of a form that no question has taken yet.
const Format = 4

// Bounds of a conversation's state; a value beyond is cut and reported.
const (
	MaxVariableBytes = 8 << 10
	MaxStateBytes    = 64 << 10
	MaxNodesPerStep  = 200
)

// Env is what a step may ask. All functions are pure for one bundle, and fast.
type Env struct {
	Now time.Time
	// Lookup searches a Directory; ok is false when no such directory serves.
	Lookup func(directory, query string) (answer directory.Answer, ok bool)
	// PoolOpen says whether a pool takes hand-offs now (hours); full says whether its queue is full.
	PoolOpen func(pool string) (open, full bool)
	// Forms says whether the conversation's channel shows forms.
	Forms bool
}

// InputKind is what happened.
type InputKind string

// The kinds of input.
const (
	InputMessage InputKind = "message" // the citizen wrote
	InputTimer   InputKind = "timer"   // a timer fell due
	InputClosed  InputKind = "closed"  // the agent closed the conversation: the bot is back
	InputAnswer  InputKind = "answer"  // an outside call has ended
	// InputApology: the citizen's message could not be handled (a dead letter); say sorry and offer a person.
	InputApology InputKind = "apology"
	// InputTooMany: the citizen writes faster than is answered; say so, and stay where the conversation stands.
	InputTooMany InputKind = "tooMany"
)

// Input is one thing that happened.
type Input struct {
	Kind    InputKind
	Message message.In
	// Contact is what the channel knows of the citizen.
	Contact    Contact
	At         time.Time // the platform's time of the message
	Timer      string
	Generation int64 // of InputTimer and InputAnswer
	Answer     CallAnswer
}

// Rating is a citizen's answer to a survey: 1 to 5 of the scale csat, 0 to 10 of nps.
type Rating struct {
	Scale v1alpha1.SurveyScale
	Score int
}

// Result is what a step wants done.
type Result struct {
	// Say is in order; adjacent texts are merged already. Empty for input that wants no answer.
	Say []message.Out
	// Handoff is set when the conversation enters a pool's queue.
	Handoff *Handoff
	// Rating is set when the citizen answered a survey.
	Rating *Rating
	// Ended: the enquiry is over.
	Ended bool
	// Call asks for an outside call. Uncall: the one that was asked for before is no longer waited for.
	Call   *Call
	Uncall bool
	// Timers to set (DueIn > 0) or remove (DueIn 0).
	Timers []Timer
	// Visited are the nodes passed, in order.
	Visited []string
	// Problems are expressions that failed at run time and what was done instead, with node and column.
	Problems []string
	// Language that the conversation is held in.
	Language string
}

// Handoff asks for a person.
type Handoff struct {
	Pool     string
	Priority string   // normal, high, urgent
	Skills   []string // sorted; not to be changed
	Summary  string
}

// Timer wakes the conversation.
type Timer struct {
	Name       string
	Generation int64
	DueIn      time.Duration
}
