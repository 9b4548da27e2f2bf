package desk

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// maxText is what WhatsApp takes in one message, in characters; a draft has as much room.
const maxText = 4096

// olderPage is how many older messages one request brings.
const olderPage = 50

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

type availability struct {
	Available bool `json:"available"`
}

func (d *Desk) setAvailable(w http.ResponseWriter, r *http.Request, c caller) {
	in, err := read[availability](w, r)
	if err == nil {
		err = d.Store.SetAvailable(r.Context(), c.pool.Name, c.session.Agent, in.Available)
	}
	d.done(w, err)
}

type replyIn struct {
	// ClientID is the console's own name for the message, drawn once: 1 to 64 letters, digits, - or _.
	ClientID string `json:"clientId"`
	Text     string `json:"text"`
}

type replyOut struct {
	// Ref is how the transcript names the message: Message.Ref.
	Ref string `json:"ref"`
}

func (d *Desk) reply(w http.ResponseWriter, r *http.Request, c caller) {
	in, err := read[replyIn](w, r)
	ref := ""
	if err == nil {
		ref, err = d.sendReply(r, c, in)
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	d.Wake()
	answer(w, http.StatusAccepted, replyOut{Ref: ref})
}

func (d *Desk) sendReply(r *http.Request, c caller, in replyIn) (ref string, err error) {
	id, err := conversationID(r)
	if err != nil {
		return "", err
	}
	if !validClientID(in.ClientID) {
		return "", badRequest("clientId must have 1 to 64 letters, digits, - or _; draw a new one for every message")
	}
	if err := validText(in.Text); err != nil {
		return "", err
	}
	if strings.TrimSpace(in.Text) == "" {
		return "", badRequest("text is empty")
	}
	held, now, err := d.held(r.Context(), c, id)
	if err != nil {
		return "", err
	}
	out := store.Outgoing{
		ID:     replyID(id, c.session.Agent, in.ClientID),
		Author: message.AuthorAgent, Class: message.ClassAgent,
		Body: message.Out{Text: in.Text, Language: held.Conversation.Language},
	}
	if end := d.windowEnd(held.Conversation); end != nil {
		if !now.Before(*end) {
			return "", windowClosed
		}
		out.Expires = *end
	}
	return out.ID, d.Store.Reply(r.Context(), c.pool.Name, c.session.Agent, id, out)
}

// replySpace is the name space of agents' replies in uuid5.
var replySpace = uuid.MustParse("6f6b7a52-93f4-5e0b-9d1c-3b1f3c6d2a57")

// replyID is the same for the same click, whichever pod it reaches and however often.
func replyID(conversation int64, agent, clientID string) string {
	return uuid.NewSHA1(replySpace, []byte(strconv.FormatInt(conversation, 10)+"\n"+agent+"\n"+clientID)).String()
}

type draftIn struct {
	Text string `json:"text"`
}

func (d *Desk) saveDraft(w http.ResponseWriter, r *http.Request, c caller) {
	d.done(w, func() error {
		in, err := read[draftIn](w, r)
		if err != nil {
			return err
		}
		id, err := conversationID(r)
		if err != nil {
			return err
		}
		if err := validText(in.Text); err != nil {
			return err
		}
		return d.Store.SaveDraft(r.Context(), c.pool.Name, c.session.Agent, id, in.Text)
	}())
}

func (d *Desk) closeConversation(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := conversationID(r)
	if err == nil {
		err = d.Store.CloseConversation(r.Context(), c.pool.Name, c.session.Agent, id)
	}
	d.done(w, err)
}

// done answers a change that says nothing back.
func (d *Desk) done(w http.ResponseWriter, err error) {
	if err != nil {
		d.fail(w, err)
		return
	}
	d.Wake()
	w.WriteHeader(http.StatusNoContent)
}

type messagesOut struct {
	Messages []Message `json:"messages"`
}

// olderMessages are for the agent who holds the conversation: nobody browses citizens.
func (d *Desk) olderMessages(w http.ResponseWriter, r *http.Request, c caller) {
	id, err := conversationID(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 1 {
		d.fail(w, badRequest("before must be the id of a message"))
		return
	}
	if _, _, err := d.held(r.Context(), c, id); err != nil {
		d.fail(w, err)
		return
	}
	rows, err := d.Store.Transcript(r.Context(), id, before, olderPage)
	if err != nil {
		d.fail(w, err)
		return
	}
	answer(w, http.StatusOK, messagesOut{Messages: messagesOf(rows)})
}

// held is a conversation that the agent holds now, and the store's time; notYours when they do not.
func (d *Desk) held(ctx context.Context, c caller, id int64) (store.DeskConversation, time.Time, error) {
	v, err := d.Store.DeskView(ctx, c.pool.Name, c.session.Agent)
	if err != nil {
		return store.DeskConversation{}, time.Time{}, err
	}
	for _, dc := range v.Conversations {
		if dc.Conversation.ID == id {
			return dc, v.Now, nil
		}
	}
	return store.DeskConversation{}, time.Time{}, notYours
}

func conversationID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, notFound
	}
	return id, nil
}

func validText(s string) error {
	switch {
	case strings.ContainsRune(s, 0):
		return badRequest("text must not contain NUL, which no database keeps")
	case utf8.RuneCountInString(s) > maxText:
		return badRequest("text has more than %d characters; send it in parts", maxText)
	}
	return nil
}

func validClientID(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}
