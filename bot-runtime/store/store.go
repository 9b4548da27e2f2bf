// Package store names the acts by which the runtime changes what it remembers, and the rows they speak of.
//
// Each act is one whole transaction, so that an engine can keep the rules of the message path (docs/architecture.md,
// "The message path") in its own way: package postgres with row locks, package sqlite with one writer. Package storetest
// holds the conformance suite that both must pass. No act waits for the network, and none is open while a citizen's
// platform is called. Nothing here decides: dialogs, routing and channels do, on rows that an act hands them.
//
// Time is the database's clock in every rule about work (leases, back-off, due); At fields of messages are the platform's.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// Errors that callers act upon.
var (
	// ErrUnavailable: the database cannot be reached or refuses work for now; nothing was done. Answer 503.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUnknownOutcome: the commit's reply was lost. It may or may not have happened: forget memory, do not acknowledge.
	ErrUnknownOutcome = errors.New("outcome of the commit is unknown")
	// ErrConflict: a precondition did not hold (another version, another owner); nothing was done.
	ErrConflict = errors.New("conflict")
	// ErrUnread: a citizen's message has come that the agent has not been shown.
	ErrUnread = errors.New("a message has not been read")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
)

// Store is all acts. Implementations are safe for concurrent use.
type Store interface {
	Intake
	Dialogs
	Calling
	Sending
	Desk
	Config
	Dead
	// Poll says what is due, in one query. It is the only thing a pod asks when idle.
	Poll(ctx context.Context, in PollRequest) (Due, error)
	// Janitor repairs what must never need repair, drops what is past retention, and counts both. A repaired lane is a bug.
	Janitor(ctx context.Context, retention time.Duration) (JanitorReport, error)
	// Durability says what a commit promises on this database.
	Durability(ctx context.Context) (Durability, error)
	// Ping fails while the database cannot commit.
	Ping(ctx context.Context) error
	Close() error
}

// Intake accepts what platforms tell.
type Intake interface {
	// Accept stores a batch in ONE durable transaction: identities, dedupe keys, messages, inbox rows, and last the lanes
	// (raised, which waits for a stepper's lock), statuses and raw events. When it returns nil, everything may be
	// acknowledged. Duplicates and stale messages (older than StaleAfter by the platform's time) are counted, not stored.
	// Where a lane stays locked, because a stepper was stopped in the middle, the others are not kept waiting: all but its messages
	// are stored, and the error is a Held. A batch of which nothing else is left waits for 5 s, then it is ErrUnavailable.
	Accept(ctx context.Context, batch Batch) (Accepted, error)
}

// Held is the error of an Accept that stored all but some messages, whose lanes somebody holds: do not acknowledge those.
type Held struct {
	Accepted Accepted
	Messages []int // their places in the batch, rising
}

func (h *Held) Error() string {
	return fmt.Sprintf("lanes of %d messages are held; what else there was is stored", len(h.Messages))
}

// StaleAfter is the dedupe horizon: a message older than this by the platform's timestamp is refused as stale, because a
// re-delivery could no longer be told from it.
const StaleAfter = 35 * 24 * time.Hour

// Batch is what one or several webhooks brought, in the order of arrival.
type Batch struct {
	Messages []Inbound
	Statuses []Status
	Moves    []IdentityMove
	Raw      []RawEvent
	// Ordered, where there is one, is called when the messages have their places, before they are stored: those of a batch that is
	// accepted from then on come after them. It may be called again, and must not wait.
	Ordered func()
}

// Inbound is one message from a citizen.
type Inbound struct {
	Channel string
	// Identities are all ways the sender is known in this message; they are joined, since they came together. If they belong
	// to two contacts already, the first wins, nothing is merged, and Accepted.IdentityConflicts counts it.
	Identities []message.Identity
	// DisplayName as the platform told it; display only.
	DisplayName string
	// ExternalID is the platform's id of the message: the dedupe key, within the channel.
	ExternalID string
	// At is the platform's timestamp.
	At   time.Time
	Body message.In
}

// Status tells how far an outgoing message came.
type Status struct {
	Channel    string
	ExternalID string // the platform's id of our message
	// Ref is our own random id, as the platform echoes it; empty where it does not.
	Ref      string
	Delivery message.Delivery
	At       time.Time
	// ErrorCode and ErrorText with DeliveryFailed.
	ErrorCode int
	ErrorText string
}

// IdentityMove says that a person's identity changed: what the notice names as New joins the contact, and is all that is open
// of it in that scope from then on. The old one stays as a closed alias: what was written with it until At still leads to the
// contact.
type IdentityMove struct {
	Old message.Identity
	New []message.Identity
	At  time.Time
}

// RawEvent is a webhook part that Loket does not know: kept as it came, bounded, and counted.
type RawEvent struct {
	Channel string
	Kind    string
	Body    []byte
}

// Accepted counts what Accept did.
type Accepted struct {
	Stored, Duplicates, Stale, IdentityConflicts int
	// Statuses wait to be applied.
	Statuses int
}

// InboxMost is how many rows of one lane a step sees at once.
const InboxMost = 32

// Dialogs steps conversations.
type Dialogs interface {
	// Turn claims up to k due lanes (skipping those that other pods hold), reads them by a second statement, calls step for
	// each, and commits all outcomes in one transaction; it returns how many lanes it stepped, 0 when nothing was due.
	// A lane whose step fails or panics is counted, backed off (three tries in under 10 s) under the claim's lock, and
	// after the third its first inbox row becomes a dead letter with step called once more with Lane.Poisoned set, so that
	// the citizen gets an apology. step must be pure but for what it reads of the bundle: it may be called again.
	Turn(ctx context.Context, k int, step func(Lane) (Outcome, error)) (int, error)
	// FireTimers turns due timers into inbox rows; returns how many.
	FireTimers(ctx context.Context, k int) (int, error)
}

// Owner is who speaks to the citizen now. Bot and person never both do.
type Owner string

// The owners.
const (
	OwnerBot   Owner = "bot"
	OwnerQueue Owner = "queue" // waiting for a person
	OwnerAgent Owner = "agent"
)

// Conversation is a contact on a channel.
type Conversation struct {
	ID          int64
	Contact     int64
	Channel     string
	DisplayName string
	Language    string // as the dialog keeps it, for the desk
	Owner       Owner
	Pool        string // with OwnerQueue and OwnerAgent
	Agent       string // with OwnerAgent
	LastInAt    time.Time
}

// Lane is one claimed conversation with its work.
type Lane struct {
	Conversation Conversation
	// Format and State are as the last outcome wrote them; Format 0 is a new conversation.
	Format int
	State  []byte
	// Inbox: answers of outside calls first, since messages wait for them, then in order; at most 32 of those.
	Inbox []Item
	// Now is the database's clock at the claim.
	Now time.Time
	// Poisoned: this lane failed three times on its first row, which goes to the dead letters with this outcome.
	Poisoned bool
}

// ItemKind is the kind of an inbox row.
type ItemKind string

// The kinds.
const (
	ItemMessage ItemKind = "message" // a citizen wrote
	ItemTimer   ItemKind = "timer"   // Name and Generation of the timer that fell due
	ItemClosed  ItemKind = "closed"  // the agent closed: the bot is back
	ItemAnswer  ItemKind = "answer"  // an outside call has ended: Generation and Answer
)

// Item is one inbox row.
type Item struct {
	ID   int64
	Kind ItemKind
	// MessageID, ExternalID, At and Body of ItemMessage.
	MessageID  int64
	ExternalID string
	At         time.Time
	Body       message.In
	// Name and Generation of ItemTimer. Of an ItemMessage Generation counts how often it was replayed from the dead letters.
	Name       string
	Generation int64
	// Pool and Agent of ItemClosed: who served.
	Pool, Agent string
	// Answer of ItemAnswer, as AnswerCall was given it; empty when the call's time was over.
	Answer []byte
}

// Outcome is what a step wants.
type Outcome struct {
	// Skip, above 0, leaves the lane as it is for that long: its state's format is above mine, or its channel is gone.
	Skip time.Duration
	// Park, above 0, leaves the lane as it is for that long, too: its messages wait for the answer of an outside call. The
	// answer wakes it, and so does a message, which may be one that does not wait.
	Park time.Duration
	// Poisoned: the first row was answered with an apology though it was not tried; it goes to the dead letters.
	Poisoned bool
	// Handled are the ids of the inbox rows that this outcome is the answer to. Rows left keep the lane due.
	Handled []int64
	// Format and State replace the stored ones.
	Format int
	State  []byte
	// Revision is the hash of the flow object that the conversation stands in, pinned while it runs.
	Revision string
	Language string
	Send     []Outgoing
	// Handoff moves the conversation from the bot into a pool's queue.
	Handoff *Handoff
	// ToDesk are message ids that the agent or the queue must be shown (owner is not the bot).
	ToDesk []int64
	Rating *Rating
	Timers []Timer
	// Uncall forgets the conversation's outside calls that nobody has begun; Call asks for a new one.
	Uncall bool
	Call   *Call
	// Finished counts an enquiry that ended with the bot alone.
	Finished bool
}

// Outgoing is a message to the conversation's citizen.
type Outgoing struct {
	// ID is deterministic (uuid5 of channel, conversation, what caused it, ordinal): a step that runs again after a lost
	// commit makes the same.
	ID     string
	Author message.Author
	Class  message.Class
	Body   message.Out
	// Expires: not sent after this time (the end of the platform's window).
	Expires time.Time
}

// Handoff asks for a person.
type Handoff struct {
	Pool     string
	Priority int // higher first: 0 normal, 1 high, 2 urgent
	Summary  string
	Skills   []string // sorted, without blanks in them
}

// Rating is a citizen's answer to a survey, of the scale csat from 1 to 5, of nps from 0 to 10.
type Rating struct {
	Scale string
	Score int
	Pool  string
	Agent string
}

// Timer wakes a conversation. A timer of the same name and conversation is replaced; DueAt zero removes it.
type Timer struct {
	Name       string
	Generation int64
	DueAt      time.Time
}

// Call is an outside call that a dialog asks for.
type Call struct {
	// ID is deterministic, as an outgoing message's.
	ID string
	// Generation comes back with the answer, so that the dialog knows one that it no longer waits for.
	Generation int64
	// Request is the caller's, as it is; it is forgotten with the answer.
	Request []byte
	// Within is how long the dialog waits.
	Within time.Duration
}

// ClaimedCall is one that this pod may make now.
type ClaimedCall struct {
	ID           string
	Conversation int64
	Generation   int64
	Request      []byte
	// Left is how long the dialog still waits, at the claim.
	Left time.Duration
}

// Calling makes the outside calls of dialogs. No transaction is open during a call: a claim is a durable mark, as of a send.
type Calling interface {
	// ClaimCalls takes up to k calls, marks them and commits, BEFORE anything is called. A call is claimed once: whoever claims
	// it and dies may have made it, and nobody else does.
	ClaimCalls(ctx context.Context, k int) ([]ClaimedCall, error)
	// AnswerCall gives the conversation the answer: an inbox row, before the messages that wait for it. ErrNotFound when it was
	// answered, or its time was over; nothing is done then.
	AnswerCall(ctx context.Context, call ClaimedCall, answer []byte) error
	// ExpireCalls gives up to k conversations that have waited long enough an empty answer; returns how many.
	ExpireCalls(ctx context.Context, k int) (int, error)
}

// Sending hands over what the outbox holds.
type Sending interface {
	// Unsettled tells by channel since when the oldest message waits whose outcome has been unknown for longer than wait.
	Unsettled(ctx context.Context, wait time.Duration) (map[string]time.Time, error)
	// ClaimSends takes up to k heads of conversations' outboxes whose channel is among channels, writes the durable mark
	// sending(attempt, lease) and commits, BEFORE anything is called. Only the head of a conversation is eligible.
	// It also takes tokens of the number's budget (ratePerSecond a channel, by the database's clock, shared by all pods).
	// In a store that was restored, or whose standby took over, messages older than ten minutes become dead letters first:
	// they may have been sent since, and a person decides.
	ClaimSends(ctx context.Context, channels []string, k int, lease time.Duration, ratePerSecond int) ([]Send, error)
	// Settle records outcomes in one transaction, and tells of each what it came to. What is refused changes nothing.
	Settle(ctx context.Context, settlements []Settlement) ([]Settled, error)
	// ApplyStatuses works off statuses that Accept stored, up to k: delivery ranks rise, an echo of our Ref settles an
	// unknown send, a failed one is shown to the agent. Returns how many.
	ApplyStatuses(ctx context.Context, k int) (int, error)
	// ResolveUnknown queues again what surely was not accepted: leases that ended without a settle become unknown;
	// unknown sends whose channel has since received a status of a later send, after wait (120 s), or after quiet (10 min)
	// without other traffic, are queued again with the same id. Those of the channels in once, which take an id once however
	// often it comes, are queued again at once. Returns how many were queued again.
	ResolveUnknown(ctx context.Context, wait, quiet time.Duration, once []string) (int, error)
	// PauseChannel stops sending on a channel for so long, because the platform said so. A longer pause stays.
	PauseChannel(ctx context.Context, channel string, pause time.Duration, reason string) error
}

// Send is one message that a sender has claimed.
type Send struct {
	ID           string
	Conversation int64
	Channel      string
	Identities   []message.Identity // open ones of the contact
	Attempt      int
	Lease        time.Time
	Class        message.Class
	Body         message.Out
}

// Settlement is what became of one attempt to send a message.
type Settlement struct {
	ID      string
	Attempt int
	SendResult
}

// Settled is what a settlement came to.
type Settled struct {
	// Refused is ErrConflict when the attempt is over or settled, ErrNotFound when there is no such message.
	Refused error
	// Next: a message of its conversation, another or this one again, may be sent now.
	Next bool
}

// SendOutcome is what became of a send.
type SendOutcome string

// The outcomes.
const (
	SendAccepted    SendOutcome = "accepted"     // the platform took it: ExternalID
	SendNotAccepted SendOutcome = "not-accepted" // surely not taken: queued again at RetryAt
	SendUnknown     SendOutcome = "unknown"      // may have been taken: see ResolveUnknown
	SendFailed      SendOutcome = "failed"       // final: Reason; goes to the dead letters
	SendNotCalled   SendOutcome = "not-called"   // the lease was over before the call: queued again at once
)

// SendResult is the outcome of one attempt.
type SendResult struct {
	Outcome    SendOutcome
	ExternalID string
	RetryAfter time.Duration
	Code       int
	Reason     string
}

// Dead keeps what was given up, until a person decides or retention ends.
type Dead interface {
	// DeadLetters are the dead letters after an id, oldest first, at most limit.
	DeadLetters(ctx context.Context, after int64, limit int) ([]DeadLetter, error)
	// CountDead is how many dead letters there are, counted up to most.
	CountDead(ctx context.Context, most int) (int, error)
	// ReplayDead gives a dead letter back to the message path: an inbox row is handled again, in its conversation's order; an
	// outgoing message is sent again with the id it had. ErrNotFound when there is none, ErrConflict when what it needs is past
	// retention.
	ReplayDead(ctx context.Context, id int64) error
	// DropDead forgets a dead letter; ErrNotFound.
	DropDead(ctx context.Context, id int64) error
}

// DeadLetter is one inbox row or outgoing message that was given up.
type DeadLetter struct {
	ID int64 `json:"id"`
	// Kind is inbox or send, Ref the row's or the message's id.
	Kind         string `json:"kind"`
	Ref          string `json:"ref"`
	Conversation int64  `json:"conversation"`
	// Channel and Contact, the citizen's display name, are empty once the conversation is past retention.
	Channel  string    `json:"channel"`
	Contact  string    `json:"contact"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Body     string    `json:"body"` // JSON of the row's Item or of the message's Out, with what the citizen or the agent wrote
	At       time.Time `json:"at"`
}

// The kinds of dead letters.
const (
	DeadInbox = "inbox" // an inbox row that could not be stepped; Body is its Item
	DeadSend  = "send"  // an outgoing message that the platform would not take; Body is its message.Out, Ref its id
)

// Config keeps bundles, verdicts and pods.
type Config interface {
	// PutBundle stores objects under hash if the current hash is ifMatch ("" for the first); ErrConflict otherwise.
	// Putting the current hash again does nothing.
	PutBundle(ctx context.Context, hash, ifMatch string, body []byte) error
	// CurrentBundle is the newest bundle and its version, which only rises; ErrNotFound before the first.
	CurrentBundle(ctx context.Context) (StoredBundle, error)
	// SaveVerdicts records the judgement of a version's objects and, with it, what is live; ErrConflict when it is not the
	// newest. judge is how new the judging program is, at least 1: a second judgement of the same version is dropped, unless
	// a newer program made it. Objects not in the bundle are no longer live.
	SaveVerdicts(ctx context.Context, version, judge int64, verdicts []ObjectVerdict) error
	// ClaimSource leases the fetching of a data set to the caller when it is due; false when it is not, or another has it.
	// The source comes without its body.
	ClaimSource(ctx context.Context, wish SourceWish) (Source, bool, error)
	// SaveSource ends a lease. The body is kept as it is when s has none. judgeAgain makes the current bundle a new version
	// that nobody has judged, so that every pod serves what was fetched. A source that was dropped meanwhile stays dropped.
	SaveSource(ctx context.Context, s Source, judgeAgain bool) error
	// Sources are all data sets that were fetched, with their bodies, by name.
	Sources(ctx context.Context) ([]Source, error)
	// KeepSources drops all other sources.
	KeepSources(ctx context.Context, names []string) error
	// Live is every live object (the last good revision of each) and the newest verdicts.
	Live(ctx context.Context) (LiveSet, error)
	// Revision is an object body by hash, for conversations pinned to it; ErrNotFound.
	Revision(ctx context.Context, hash string) ([]byte, error)
	// Heartbeat records what this pod runs. Pods not seen for a minute are forgotten. turn says that this pod is the one to call
	// Janitor now: of a tenant's pods one has the turn each sweep.
	Heartbeat(ctx context.Context, p Pod, sweep time.Duration) (turn bool, err error)
	// Farewell forgets a pod that ends in good order; others would count it for a minute.
	Farewell(ctx context.Context, pod string) error
	Pods(ctx context.Context) ([]Pod, error)
}

// StoredBundle is a bundle as it was put.
type StoredBundle struct {
	Version int64
	Hash    string
	Body    []byte
	// Judge is how new the program is that judged it; 0 when nobody has.
	Judge int64
}

// SourceWish says what is to be fetched, and when.
type SourceWish struct {
	// Name of the data set, Origin of its rows, Wish of everything that is asked: another wish is due at once.
	Name, Origin, Wish string
	// Every is how old the last good try may be, Again the last one that failed.
	Every, Again time.Duration
	// Lease is how long the caller may take.
	Lease time.Duration
}

// Source is what was fetched of a data set, and how the last try went.
type Source struct {
	// Name, and what was asked, as SourceWish has it.
	Name, Origin, Wish string
	// Hash and Body of what was fetched last and may serve; both empty before.
	Hash string
	Body []byte
	// State is the fetcher's, JSON.
	State     []byte
	Failed    bool
	CheckedAt time.Time // by the database's clock, set by SaveSource
}

// ObjectVerdict is the judgement of one object.
type ObjectVerdict struct {
	Kind, Name, Hash string
	Generation       int64
	Good             bool
	// Body of the object, kept by hash.
	Body []byte
	// Verdict is the JSON of a bundle.Verdict.
	Verdict []byte
}

// LiveSet is what serves.
type LiveSet struct {
	Version  int64
	Hash     string
	Objects  []LiveObject
	Verdicts [][]byte
	// Bundle is the body of the judged bundle, for tenant-wide settings.
	Bundle []byte
}

// LiveObject is one live object revision.
type LiveObject struct {
	Kind, Name, Hash string
	Generation       int64
	Body             []byte
}

// Pod is a pod of this tenant.
type Pod struct {
	Name    string
	Roles   string
	Bundle  string
	Started time.Time
	SeenAt  time.Time // by the database's clock, set by Heartbeat
	// Report is the pod's own observation (channel health), JSON, at most 8 kB.
	Report []byte
}

// PollRequest says what a pod cares for.
type PollRequest struct {
	Channels []string // those it sends on
	Pools    []string // those it routes
}

// Due is what waits to be done now.
type Due struct {
	Lanes, Timers, Sends, Statuses, Unknown int
	// OldestLane is since when the oldest of the lanes has been due; zero when none is.
	OldestLane time.Time
	// Calls that wait to be made, and CallsOver whose time is over.
	Calls, CallsOver int
	// Queues that have both waiting conversations and free agents, by pool.
	Queues        map[string]int
	BundleVersion int64
	// DeskSeq is the newest desk event.
	DeskSeq int64
	// NextAt is when the next row not yet due falls due; zero when none.
	NextAt time.Time
	Now    time.Time
}

// JanitorReport counts what the janitor found.
type JanitorReport struct {
	RepairedLanes int // must be 0
	Dropped       int64
	// Doubled are messages that a platform took twice, found since the last look of any pod.
	Doubled int
}

// Durability is what a commit promises.
type Durability string

// The durabilities, weakest first.
const (
	DurabilityUnsafe       Durability = "Unsafe" // fsync or synchronous_commit is off
	DurabilityAsyncReplica Durability = "AsyncReplica"
	DurabilitySingleNode   Durability = "SingleNode"
	DurabilitySynchronous  Durability = "Synchronous"
)
