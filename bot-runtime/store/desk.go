package store

import (
	"context"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// Desk is what people at the counter do. Slots and owners are constraints of the database, not code.
type Desk interface {
	// SignIn opens a session; token is stored as its SHA-256 only.
	SignIn(ctx context.Context, s Session) error
	// SessionOf returns the session of a token's hash and moves its idle end; ErrNotFound when it is over.
	SessionOf(ctx context.Context, tokenHash []byte, idle time.Duration) (Session, error)
	// SignOut ends a session. The agent's conversations stay theirs until Release.
	SignOut(ctx context.Context, tokenHash []byte) error
	// SetAvailable says whether the agent takes new conversations. Seen is when the agent's console last spoke.
	SetAvailable(ctx context.Context, pool, agent string, available bool) error
	// Route gives waiting conversations to agents: it reads the pool's queue and free slots, asks choose, and writes the
	// assignments; an assignment whose conversation or slot was taken meanwhile is left out. Returns what was assigned.
	// choose is not asked while nobody waits, or nobody has a free slot.
	Route(ctx context.Context, pool string, c Counter, choose func(Waiting) []Assignment) ([]Assignment, error)
	// Release gives conversations of agents that were not seen for gone back to the queue's head. Returns how many.
	Release(ctx context.Context, pool string, gone time.Duration) (int, error)
	// Reply queues an agent's message; id is made from the console's own client id, so that a repeated click is one message.
	// ErrConflict when the conversation is not this agent's.
	Reply(ctx context.Context, pool, agent string, conversation int64, out Outgoing) error
	// CloseConversation frees the slot and puts an ItemClosed into the lane; ErrConflict when it is not this agent's, and
	// ErrUnread while a message is on its way to the agent: closed over it, it would be answered by nobody.
	CloseConversation(ctx context.Context, pool, agent string, conversation int64) error
	// SaveDraft keeps what the agent has typed; empty removes.
	SaveDraft(ctx context.Context, pool, agent string, conversation int64, draft string) error
	// DeskView is all that an agent's console shows, as of Seq.
	DeskView(ctx context.Context, pool, agent string) (DeskView, error)
	// DeskEvents are the pool's events after seq that concern the agent (or nobody in particular), in order, at most limit.
	DeskEvents(ctx context.Context, pool, agent string, after int64, limit int) ([]DeskEvent, error)
	// Transcript is the conversation's last limit messages before a message id (0: the newest), oldest first.
	Transcript(ctx context.Context, conversation int64, before int64, limit int) ([]TranscriptMessage, error)
	// TranscriptSince is the conversation's messages after a message id, oldest first: the web chat's mailbox.
	TranscriptSince(ctx context.Context, conversation int64, after int64, limit int) ([]TranscriptMessage, error)
	// FindConversation of an identity on a channel; ErrNotFound.
	FindConversation(ctx context.Context, channel string, id message.Identity) (Conversation, error)
	// Mailboxes says of each identity how its conversation on a channel stands; the zero Mailbox where there is none. One query
	// for all: many who wait for news ask it together.
	Mailboxes(ctx context.Context, channel string, of []message.Identity) ([]Mailbox, error)
	// PoolCounts is the backlog of every pool.
	PoolCounts(ctx context.Context) ([]PoolCount, error)
}

// Mailbox is what a look at a conversation tells, without its messages.
type Mailbox struct {
	// Newest is the id of the newest message of the last day; 0 when there is none.
	Newest int64
	// Person: somebody at the desk has the conversation, or it waits for them.
	Person bool
}

// Session is a signed-in agent.
type Session struct {
	TokenHash []byte
	Pool      string
	Agent     string
	// Expires whatever happens.
	Expires time.Time
}

// Counter is how a pool's counter is run.
type Counter struct {
	// Slots are per agent: 1 to Slots.
	Slots int
	// Absent is how long an agent must not have been seen to be offered nothing.
	Absent time.Duration
	// SkillsWithin is how long conversations wait for the skills that they ask for.
	SkillsWithin time.Duration
}

// Waiting is what routing chooses from.
type Waiting struct {
	// Queue is by kinds. Conversations that ask for the same skills, and have or have not waited for SkillsWithin, can be served by
	// the same agents: of each such kind it has the first 200, by priority, then the longest waiting. So however many wait for a
	// skill, those whom somebody else can serve are seen.
	Queue  []QueueEntry
	Agents []PresentAgent
	Now    time.Time
}

// QueueEntry is one conversation that waits.
type QueueEntry struct {
	Conversation int64
	Priority     int
	Since        time.Time
	// LastAgent served this contact before; empty if none.
	LastAgent string
	// Skills that the conversation asks for.
	Skills []string
}

// PresentAgent is one who is there and takes conversations.
type PresentAgent struct {
	Agent string
	// Free slots; 0 of one who has as many conversations as they may.
	Free int
	// IdleSince is when the agent last closed or was given a conversation.
	IdleSince time.Time
}

// Assignment gives a conversation to an agent.
type Assignment struct {
	Conversation int64
	Agent        string
}

// DeskView is an agent's console.
type DeskView struct {
	Seq           int64
	Available     bool
	Waiting       int
	OldestWaiting time.Duration
	AgentsOnline  int
	Conversations []DeskConversation
	Now           time.Time
}

// DeskConversation is one conversation that the agent holds.
type DeskConversation struct {
	Conversation Conversation
	Priority     int
	Summary      string
	Skills       []string // that the hand-off asked for
	QueuedAt     time.Time
	AssignedAt   time.Time
	Draft        string
	Messages     []TranscriptMessage // the last 50, oldest first
}

// DeskEventKind is the kind of an event for consoles.
type DeskEventKind string

// The kinds.
const (
	EventQueued   DeskEventKind = "queued"
	EventAssigned DeskEventKind = "assigned"
	EventMessage  DeskEventKind = "message" // from the citizen or the agent: read MessageID
	EventDelivery DeskEventKind = "delivery"
	EventClosed   DeskEventKind = "closed"
	EventReleased DeskEventKind = "released"
)

// DeskEvent is one thing that consoles must know. Its sequence has no gaps that a later event could fill.
type DeskEvent struct {
	Seq          int64
	Kind         DeskEventKind
	Pool         string
	Agent        string
	Conversation int64
	MessageID    int64
	At           time.Time
}

// TranscriptMessage is one message as people read it.
type TranscriptMessage struct {
	ID     int64
	In     *message.In  // from the citizen
	Out    *message.Out // to the citizen
	Author message.Author
	Agent  string
	At     time.Time
	// State of an outgoing one: queued, sending, unknown, sent, delivered, read, failed.
	State  string
	Reason string
	// ClientID is what the web chat called the citizen's message, and Outgoing.ID of ours.
	ClientID string
}

// PoolCount is a pool's backlog. Arrived and Finished only rise.
type PoolCount struct {
	Pool             string
	WaitingForWorker int // not yet seen by any desk pod
	WaitingForAgent  int
	Active           int
	Agents           int
	Arrived          int64
	Finished         int64
	OldestWaiting    time.Duration
}
