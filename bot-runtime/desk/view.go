package desk

import (
	"net/http"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// State is all that an agent's console shows, as of Seq.
type State struct {
	Agent     string `json:"agent"`
	Available bool   `json:"available"`
	// Seq is the newest event that the state includes: follow events from here.
	Seq                  int64 `json:"seq"`
	Waiting              int   `json:"waiting"`
	OldestWaitingSeconds int   `json:"oldestWaitingSeconds"`
	AgentsOnline         int   `json:"agentsOnline"`
	// Slots is how many conversations the agent holds at most.
	Slots int `json:"slots"`
	// Skills that the agent has, of those that hand-offs may ask for.
	Skills []string `json:"skills,omitempty"`
	// DeadLetters is how many the tenant has, counted up to 1000; only a supervisor is told.
	DeadLetters *int `json:"deadLetters,omitempty"`
	// LookUp: the tenant has directories to search.
	LookUp bool `json:"lookUp,omitempty"`
	// Now is the store's clock, for what counts up or down on the page.
	Now           time.Time      `json:"now"`
	Conversations []Conversation `json:"conversations"`
}

// Conversation is one that the agent holds.
type Conversation struct {
	ID       int64   `json:"id"`
	Channel  string  `json:"channel"`
	Contact  Contact `json:"contact"`
	Language string  `json:"language"`
	Priority int     `json:"priority"` // 0 normal, 1 high, 2 urgent
	Summary  string  `json:"summary"`
	// Skills that the hand-off asked for. The agent need not have them: nobody who had them was there, or free in time.
	Skills     []string  `json:"skills,omitempty"`
	QueuedAt   time.Time `json:"queuedAt"`
	AssignedAt time.Time `json:"assignedAt"`
	// WindowEndsAt is when the channel stops taking our messages; absent where it never does.
	WindowEndsAt *time.Time `json:"windowEndsAt,omitempty"`
	Draft        string     `json:"draft"`
	// Messages are the last 50, oldest first.
	Messages []Message `json:"messages"`
}

// Contact is the citizen, as the channel names them: display only, and it may be empty.
type Contact struct {
	Name string `json:"name"`
}

// Message is one line of a transcript. Everything in it is text to show, never markup.
type Message struct {
	ID int64 `json:"id"`
	// From is citizen, bot or agent; Agent is who, of an agent's.
	From  string `json:"from"`
	Agent string `json:"agent,omitempty"`
	// Kind of a citizen's: text, choice, media, location, contact, reaction, system, other.
	Kind string `json:"kind,omitempty"`
	Text string `json:"text"`
	// Choices that were offered with it.
	Choices   []string  `json:"choices,omitempty"`
	MediaType string    `json:"mediaType,omitempty"`
	FileName  string    `json:"fileName,omitempty"`
	At        time.Time `json:"at"`
	// State of ours: queued, sending, unknown, sent, delivered, read, failed; Reason says why it failed.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Ref is our own name of an outgoing message; the answer to a reply says it.
	Ref string `json:"ref,omitempty"`
}

func (d *Desk) state(w http.ResponseWriter, r *http.Request, c caller) {
	v, err := d.Store.DeskView(r.Context(), c.pool.Name, c.session.Agent)
	if err != nil {
		d.fail(w, err)
		return
	}
	out := State{
		Agent: c.session.Agent, Available: v.Available, Seq: v.Seq,
		Waiting: v.Waiting, OldestWaitingSeconds: int(v.OldestWaiting / time.Second),
		AgentsOnline: v.AgentsOnline, Slots: c.pool.Slots, Skills: c.pool.Skills[c.session.Agent], LookUp: len(d.Directories()) > 0, Now: v.Now,
		Conversations: make([]Conversation, 0, len(v.Conversations)),
	}
	if c.supervises() {
		n, err := d.Store.CountDead(r.Context(), deadMost)
		if err != nil {
			d.fail(w, err)
			return
		}
		out.DeadLetters = &n
	}
	for _, dc := range v.Conversations {
		out.Conversations = append(out.Conversations, Conversation{
			ID: dc.Conversation.ID, Channel: dc.Conversation.Channel, Contact: Contact{Name: dc.Conversation.DisplayName},
			Language: dc.Conversation.Language, Priority: dc.Priority, Summary: dc.Summary, Skills: dc.Skills,
			QueuedAt: dc.QueuedAt, AssignedAt: dc.AssignedAt, WindowEndsAt: d.windowEnd(dc.Conversation),
			Draft: dc.Draft, Messages: messagesOf(dc.Messages),
		})
	}
	answer(w, http.StatusOK, out)
}

// windowEnd is when the channel stops taking what we write; nil where it never does.
func (d *Desk) windowEnd(c store.Conversation) *time.Time {
	window := d.WindowOf(c.Channel)
	if window == 0 {
		return nil
	}
	end := c.LastInAt.Add(window)
	return &end
}

func messagesOf(rows []store.TranscriptMessage) []Message {
	out := make([]Message, 0, len(rows))
	for _, row := range rows {
		out = append(out, messageOf(row))
	}
	return out
}

func messageOf(row store.TranscriptMessage) Message {
	m := Message{ID: row.ID, At: row.At}
	if row.In != nil {
		m.From, m.Kind, m.Text = "citizen", string(row.In.Kind), row.In.Text
		m.MediaType, m.FileName = row.In.MediaType, row.In.FileName
		return m
	}
	m.From, m.Agent, m.State, m.Reason, m.Ref = string(row.Author), row.Agent, row.State, row.Reason, row.ClientID
	if row.Out != nil {
		m.Text, m.Choices = row.Out.Words(), titles(row.Out.Choices)
	}
	return m
}

func titles(choices []message.Choice) []string {
	var out []string
	for _, c := range choices {
		out = append(out, c.Title)
	}
	return out
}
