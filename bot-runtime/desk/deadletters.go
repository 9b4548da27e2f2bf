package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	deadPage = 50
	// deadMost is how far dead letters are counted: more are as bad as many.
	deadMost = 1000
)

// Deed is what a supervisor did with a dead letter.
type Deed string

// The deeds.
const (
	DeedRead   Deed = "read"
	DeedReplay Deed = "replay"
	DeedDrop   Deed = "drop"
)

// DeadLetter is a message, or something else that had to be done in a conversation, that was given up.
type DeadLetter struct {
	ID int64 `json:"id"`
	// What was given up: message (a citizen's was not handled), timer (the bot's own reminder was not), closed (the bot did not
	// take the conversation back from an agent), send (a message of ours was not taken by the platform).
	What string `json:"what"`
	// Contact and Channel are empty once the conversation is past retention.
	Contact      Contact   `json:"contact"`
	Channel      string    `json:"channel"`
	Conversation int64     `json:"conversation"`
	At           time.Time `json:"at"` // of giving up
	Attempts     int       `json:"attempts"`
	// Reason is the program's or the platform's own words.
	Reason string `json:"reason"`
}

// OpenedDeadLetter is a dead letter with what was written in it.
type OpenedDeadLetter struct {
	DeadLetter
	// Message is absent where nothing was written, or where what was written is past retention.
	Message *Written `json:"message,omitempty"`
}

// Written is what a citizen, the bot or an agent wrote. Everything in it is text to show, never markup.
type Written struct {
	// Kind of a citizen's, as of a Message.
	Kind      string   `json:"kind,omitempty"`
	Text      string   `json:"text"`
	Choices   []string `json:"choices,omitempty"`
	MediaType string   `json:"mediaType,omitempty"`
	FileName  string   `json:"fileName,omitempty"`
}

type deadLettersOut struct {
	DeadLetters []DeadLetter `json:"deadLetters"`
	// Next is what to ask for after these; 0 when they are the last.
	Next int64 `json:"next"`
}

// supervisor lets through only whom the pool's spec names. It is asked anew with each request, so that a name that is taken
// away counts at once.
func supervisor(next callerHandler) callerHandler {
	return func(w http.ResponseWriter, r *http.Request, c caller) {
		if !c.supervises() {
			refuse(w, notSupervisor)
			return
		}
		next(w, r, c)
	}
}

func (c caller) supervises() bool { return slices.Contains(c.pool.Supervisors, c.session.Agent) }

// deadLetters says what was given up, and not what was written: for that a letter is opened, which is told.
func (d *Desk) deadLetters(w http.ResponseWriter, r *http.Request, _ caller) {
	after := int64(0)
	if r.URL.Query().Has("after") {
		var err error
		if after, err = strconv.ParseInt(r.URL.Query().Get("after"), 10, 64); err != nil || after < 0 {
			d.fail(w, badRequest("after must be the id of a dead letter"))
			return
		}
	}
	rows, err := d.Store.DeadLetters(r.Context(), after, deadPage+1)
	if err != nil {
		d.fail(w, err)
		return
	}
	out := deadLettersOut{DeadLetters: make([]DeadLetter, 0, len(rows))}
	if len(rows) > deadPage {
		rows = rows[:deadPage]
		out.Next = rows[deadPage-1].ID
	}
	for _, row := range rows {
		out.DeadLetters = append(out.DeadLetters, deadLetterOf(row).DeadLetter)
	}
	answer(w, http.StatusOK, out)
}

func (d *Desk) openDeadLetter(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := deadLetterID(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	rows, err := d.Store.DeadLetters(r.Context(), id-1, 1)
	if err == nil && (len(rows) == 0 || rows[0].ID != id) {
		err = noDeadLetter(r.PathValue("id"))
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	d.Told(DeedRead, c.pool.Name, c.session.Agent, id)
	answer(w, http.StatusOK, deadLetterOf(rows[0]))
}

func (d *Desk) replayDeadLetter(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := deadLetterID(r)
	if err == nil {
		err = d.Store.ReplayDead(r.Context(), id)
	}
	d.decided(w, r, c, DeedReplay, id, err)
}

func (d *Desk) dropDeadLetter(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := deadLetterID(r)
	if err == nil {
		err = d.Store.DropDead(r.Context(), id)
	}
	d.decided(w, r, c, DeedDrop, id, err)
}

func (d *Desk) decided(w http.ResponseWriter, r *http.Request, c caller, deed Deed, id int64, err error) {
	switch {
	case err == nil:
		d.Told(deed, c.pool.Name, c.session.Agent, id)
	case errors.Is(err, store.ErrNotFound):
		err = noDeadLetter(r.PathValue("id"))
	case errors.Is(err, store.ErrConflict):
		err = cannotReplay
	}
	d.done(w, err)
}

func deadLetterID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, noDeadLetter(r.PathValue("id"))
	}
	return id, nil
}

// noDeadLetter quotes what was asked for, and no more of it than an id would have.
func noDeadLetter(id string) refusal {
	if len(id) > 20 {
		id = id[:20] + "…"
	}
	return refusal{http.StatusNotFound, "no-dead-letter", fmt.Sprintf("there is no dead letter %q: it was decided already, or is past retention; look at the list again", id)}
}

func deadLetterOf(row store.DeadLetter) OpenedDeadLetter {
	out := OpenedDeadLetter{DeadLetter: DeadLetter{ID: row.ID, What: "send", Contact: Contact{Name: row.Contact}, Channel: row.Channel,
		Conversation: row.Conversation, At: row.At, Attempts: row.Attempts, Reason: row.Reason}}
	if row.Kind == store.DeadSend {
		var sent message.Out
		if json.Unmarshal([]byte(row.Body), &sent) == nil {
			out.Message = &Written{Text: sent.Text, Choices: titles(sent.Choices)}
		}
		return out
	}
	var item store.Item
	if json.Unmarshal([]byte(row.Body), &item) != nil { // nothing writes such a row; as a message it can be dropped
		item.Kind = store.ItemMessage
	}
	out.What = string(item.Kind)
	if item.Kind == store.ItemMessage {
		in := item.Body
		out.Message = &Written{Kind: string(in.Kind), Text: in.Text, MediaType: in.MediaType, FileName: in.FileName}
	}
	return out
}
