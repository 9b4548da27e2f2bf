// Package webchat is the server's side of the chat on a web site: its page, its script, and the small API that both use.
//
// It turns what a browser posts into a store.Inbound and reads the conversation back from the message table, which is the
// mailbox: nothing is pushed that could be lost, a stream only says sooner what a read says too. The pages themselves are
// made in bot-runtime/web and handed in as files. Package engine mounts a Server for every Channel of kind webchat.
//
// # The API
//
// All paths are under /chat/<channel>/. Bodies are JSON in UTF-8, at most 16 kB; errors are an [Error] with a status:
// 400 not understood, 401 no or bad token, 403 foreign origin, 413 too long, 429 too fast and 503 try again (both with
// Retry-After in seconds).
//
//	GET  api/config                  → 200 Config
//	POST api/session                 → 201 Session      a new token; keep it in localStorage
//	POST api/messages   Post         → 202 Posted       durable; repeat with the same clientId until it is answered
//	GET  api/messages?after=<next>   → 200 Messages     at most 500; after is the next of the last answer; 0 or absent at first
//	GET  api/events                  → 200 text/event-stream
//
// All but config and session need "Authorization: Bearer <token>". No cookie is set or read.
//
// Read api/events with fetch and a reader, not with EventSource, which cannot send the token. On reconnecting, send the last
// event's id as the header Last-Event-ID. Each event has an id, the name "message" and one Message as data; lines that start
// with a colon keep the connection alive (every 15 s). The server ends a stream after some minutes: reconnect at once. After
// an error wait 1 s, then twice as long each time to 30 s.
//
// The id of an event and next of Messages are resume points: numbers that only rise, and no ids of messages. The same message
// may come again, and one with a lower id may come after one with a higher. Keep messages by id, show them in the order of
// id. The citizen's own messages come back with the clientId they were posted with.
package webchat

import "time"

// Bounds of what a browser may send.
const (
	MaxBody     = 16 << 10
	MaxText     = 4096 // characters
	MaxClientID = 64   // of letters, digits, - and _
	MaxChoiceID = 200  // bytes
)

// Config is what the page must know before anything is said.
type Config struct {
	// Title over the conversation and Tenant's display name, by language.
	Title  map[string]string `json:"title"`
	Tenant map[string]string `json:"tenant"`
	// Languages offered; the first is the default.
	Languages []string `json:"languages"`
}

// Session is a new conversation's key. Whoever has the token is the citizen; the server keeps only its SHA-256.
type Session struct {
	// Token is 32 random bytes in base64url without padding: 43 characters.
	Token string `json:"token"`
}

// Post is what the citizen says: a text, or a tap on a choice.
type Post struct {
	// ClientID is made by the page for each message (a UUID will do): the same one is never taken twice.
	ClientID string `json:"clientId"`
	// Text as typed; with a choice, its title as it was shown.
	Text string `json:"text,omitempty"`
	// ChoiceID is the id of the tapped choice.
	ChoiceID string `json:"choiceID,omitempty"`
	// Language that the citizen has chosen on the page since the last message that was taken: the bot speaks it from here on.
	// One of Config's; another is left aside. Absent while they have chosen none, so that the bot hears it from what they write.
	Language string `json:"language,omitempty"`
}

// Posted says that a message is kept for good.
type Posted struct {
	ClientID string    `json:"clientId"`
	At       time.Time `json:"at"`
}

// Messages are those after a resume point, in the order of id.
type Messages struct {
	Messages []Message `json:"messages"`
	// Next is what to send as after the next time.
	Next int64 `json:"next"`
}

// From is who wrote a message.
type From string

// The writers.
const (
	FromCitizen From = "citizen"
	FromBot     From = "bot"
	FromAgent   From = "agent"
)

// Message is one message of the conversation. Text is plain text, never HTML.
type Message struct {
	ID   int64     `json:"id"`
	From From      `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	// Choices that may be tapped, in order, while this is the newest message that is not the citizen's.
	Choices []Choice `json:"choices,omitempty"`
	// Link is a picture or a document that goes with the text, which may be empty then.
	Link *Link `json:"link,omitempty"`
	// ClientID of the citizen's own messages.
	ClientID string `json:"clientId,omitempty"`
	// State is received for the citizen's own; queued, sent or failed for others.
	State string `json:"state"`
}

// Link leads to an https address, on another site. Title is the name of the file, or empty for a picture.
type Link struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
}

// Choice is one answer that can be tapped.
type Choice struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Error is the body of every answer of 400 and above.
type Error struct {
	// Reason is stable, for the page to choose its words by: badRequest, tooLong, noToken, foreignOrigin, tooFast, tryAgain,
	// notFound.
	Reason string `json:"reason"`
	// Message is for a developer.
	Message string `json:"message"`
}
