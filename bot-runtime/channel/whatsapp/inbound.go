package whatsapp

import (
	"encoding/json"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// contacts of one change. Messages find theirs by id; Meta promises no order, and a body holds tens of thousands of each.
type contacts struct {
	all              []contact
	byUser, byNumber map[string]int // the first with that user id, and with that number
}

func newContacts(raw []json.RawMessage) contacts {
	cs := contacts{byUser: map[string]int{}, byNumber: map[string]int{}}
	for _, r := range raw {
		var one contact
		if json.Unmarshal(r, &one) != nil {
			continue
		}
		if _, there := cs.byUser[string(one.UserID)]; !there {
			cs.byUser[string(one.UserID)] = len(cs.all)
		}
		number := digits(one.WaID)
		if _, there := cs.byNumber[number]; !there {
			cs.byNumber[number] = len(cs.all)
		}
		cs.all = append(cs.all, one)
	}
	return cs
}

// of finds the first contact with the user id or the number of a message. Where neither names the other, the only contact of an
// only message is its sender.
func (cs contacts) of(m incoming, messages int) contact {
	first := len(cs.all)
	if i, there := cs.byUser[string(m.FromUserID)]; there && m.FromUserID != "" {
		first = i
	}
	number := digits(m.From)
	if i, there := cs.byNumber[number]; there && number != "" {
		first = min(first, i)
	}
	switch {
	case first < len(cs.all):
		return cs.all[first]
	case len(cs.all) == 1 && messages == 1 && m.From == "" && m.FromUserID == "":
		return cs.all[0]
	}
	return contact{}
}

func (c *Channel) message(p *parsed, raw json.RawMessage, cs contacts, messages int) {
	var m incoming
	kept := false
	if json.Unmarshal(raw, &m) != nil {
		// A known field of an unknown shape: who wrote, and when, may still be read.
		var head struct {
			From       loose `json:"from"`
			FromUserID loose `json:"from_user_id"`
			GroupID    loose `json:"group_id"`
			ID         loose `json:"id"`
			Timestamp  loose `json:"timestamp"`
			Type       loose `json:"type"`
		}
		if json.Unmarshal(raw, &head) != nil {
			c.raw(p, "message", raw)
			return
		}
		c.raw(p, "message:"+string(head.Type), raw)
		kept = true
		m = incoming{From: head.From, FromUserID: head.FromUserID, GroupID: head.GroupID, ID: head.ID,
			Timestamp: head.Timestamp, Type: head.Type}
	}
	if m.GroupID != "" { // written to a group: an answer to one person would be out of place
		c.raw(p, "message:group", raw)
		return
	}
	if m.Type == "system" && m.System != nil && c.systemMove(p, m) {
		return
	}
	from := cs.of(m, messages)
	identities := c.identities(m, from)
	if len(identities) == 0 || m.ID == "" {
		c.raw(p, "message:nobody", raw)
		return
	}
	body, known := in(m)
	if !known && !kept {
		c.raw(p, "message:"+string(m.Type), raw)
	}
	p.batch.Messages = append(p.batch.Messages, store.Inbound{
		Channel:     c.Name,
		Identities:  identities,
		DisplayName: clean(string(first(from.Profile.Name, from.Profile.Username)), maxName),
		ExternalID:  clean(string(m.ID), maxID),
		At:          c.when(m.Timestamp),
		Body:        body,
	})
}

// identities of the sender: all that this one message names, since only what comes together may be joined.
func (c *Channel) identities(m incoming, from contact) []message.Identity {
	var all []message.Identity
	add := func(i *message.Identity) bool {
		if i != nil {
			all = append(all, *i)
		}
		return i != nil
	}
	id := first(m.FromUserID, from.UserID)
	if id == "" && digits(m.From) == "" && strings.Contains(string(m.From), ".") {
		id = m.From // a user id in the number's place
	}
	add(c.bsuid(id))
	_ = add(c.phone(m.From)) || add(c.phone(from.WaID)) || add(c.requestedNumber(m))
	return all
}

// requestedNumber is the sender's own, given at our request. A card shared by hand proves nothing.
func (c *Channel) requestedNumber(m incoming) *message.Identity {
	if len(m.Contacts) != 1 || m.Contacts[0].Origin != "contact_request" || len(m.Contacts[0].Phones) == 0 {
		return nil
	}
	phone := m.Contacts[0].Phones[0]
	return c.phone(first(phone.WaID, phone.Phone))
}

// systemMove turns the notice of a changed number or id into moves. The notice itself is no message: under which id it would
// be filed depends on whether the move came first.
func (c *Channel) systemMove(p *parsed, m incoming) bool {
	switch m.System.Type {
	case "user_changed_number", "user_changed_user_id":
	default:
		return false
	}
	at, id, number := c.when(m.Timestamp), c.bsuid(m.System.UserID), c.phone(m.System.WaID)
	ids := c.move(p, c.bsuid(m.FromUserID), at, id, number)
	// Without the new number the old one must still be closed: it may be somebody else's by now.
	return c.move(p, c.phone(m.From), at, id, number) || ids
}

// in is what the citizen sent; known is false for what Loket has no name for, which is kept raw beside.
func in(m incoming) (body message.In, known bool) {
	text := func(s loose) string { return clean(string(s), maxInText) }
	other := message.In{Kind: message.InOther, Original: clean(string(m.Type), 64)}
	switch m.Type {
	case "text":
		if m.Text != nil {
			return message.In{Kind: message.InText, Text: text(m.Text.Body)}, true
		}
	case "button":
		if m.Button != nil {
			return choice(first(m.Button.Payload, m.Button.Text), m.Button.Text), true
		}
	case "interactive":
		if m.Interactive == nil { // seen: the tap without what was tapped
			return other, true
		}
		for _, t := range []*tap{m.Interactive.ButtonReply, m.Interactive.ListReply} {
			if t != nil && t.ID != "" {
				return choice(t.ID, t.Title), true
			}
		}
		if f := m.Interactive.FormReply; f != nil {
			if fields, token := fieldsOf(string(f.Response)); len(fields) > 0 {
				return message.In{Kind: message.InForm, Fields: fields, Form: token, Text: clean(inLines(fields), maxInText)}, true
			}
		}
		other.Original = clean(string(first(m.Interactive.Type, m.Type)), 64)
	case "image", "video", "audio", "voice", "document", "sticker":
		if f := m.file(); f != nil {
			kind := string(m.Type)
			if f.Voice {
				kind = "voice"
			}
			return message.In{Kind: message.InMedia, MediaType: kind, MediaID: clean(string(f.ID), maxID),
				Text: text(f.Caption), FileName: clean(string(f.Filename), maxName)}, true
		}
	case "location":
		if l := m.Location; l != nil {
			return message.In{Kind: message.InLocation, Latitude: float64(l.Latitude), Longitude: float64(l.Longitude),
				Text: text(lines(l.Name, l.Address))}, true
		}
	case "contacts":
		if len(m.Contacts) > 0 {
			return card(m.Contacts), true
		}
	case "reaction":
		if m.Reaction != nil {
			return message.In{Kind: message.InReaction, Text: clean(string(m.Reaction.Emoji), 64)}, true
		}
	case "system":
		if m.System != nil {
			return message.In{Kind: message.InSystem, Original: clean(string(m.System.Type), 64), Text: text(m.System.Body)}, true
		}
		return message.In{Kind: message.InSystem, Original: "system"}, false
	case "order":
		if m.Order != nil {
			other.Text = text(m.Order.Text)
			return other, false
		}
	case "edit":
		if m.Edit != nil && m.Edit.Message.Text != nil {
			other.Text = text(m.Edit.Message.Text.Body)
			return other, true
		}
	case "unsupported", "revoke":
		return other, true
	}
	return other, false
}

func choice(id, title loose) message.In {
	return message.In{Kind: message.InChoice, ChoiceID: clean(string(id), maxID), Text: clean(string(title), maxInText)}
}

func (m incoming) file() *media {
	for _, f := range []*media{m.Image, m.Video, m.Audio, m.Voice, m.Document, m.Sticker} {
		if f != nil {
			return f
		}
	}
	return nil
}

// card is one or more shared contacts: a line each with the name and its numbers.
func card(all []sharedContact) message.In {
	var text []loose
	for _, s := range all {
		parts := []string{}
		if s.Name.FormattedName != "" {
			parts = append(parts, string(s.Name.FormattedName))
		}
		for _, p := range s.Phones {
			if n := first(p.Phone, p.WaID); n != "" {
				parts = append(parts, string(n))
			}
		}
		text = append(text, loose(strings.Join(parts, ", ")))
	}
	return message.In{Kind: message.InContact, Text: clean(string(lines(text...)), maxInText), Original: clean(string(all[0].Origin), 64)}
}

func lines(all ...loose) loose {
	var kept []string
	for _, s := range all {
		if s != "" {
			kept = append(kept, string(s))
		}
	}
	return loose(strings.Join(kept, "\n"))
}
