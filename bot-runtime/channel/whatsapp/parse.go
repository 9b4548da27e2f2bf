package whatsapp

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Bounds of what is kept.
const (
	maxInText = 8 << 10 // bytes
	maxID     = 256     // bytes of any id
	maxName   = 256     // bytes of names and error texts
	maxRaw    = 64 << 10
)

// parsed is a webhook's content, and how many changes were ours and how many were for others.
type parsed struct {
	batch        store.Batch
	own, foreign int
	// misdirected: messages were among what is for others. Their field alone can be sent to another address than the app's
	// own, so they are here by somebody's mistake or intent; all other fields of all accounts come to the one address.
	misdirected bool
}

var errNotJSON = errors.New("the body is not the JSON of a webhook")

func (c *Channel) parse(body []byte) (parsed, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return parsed{}, errNotJSON
	}
	p := parsed{}
	for _, entry := range e.Entry {
		// One Meta app signs for all accounts that it serves: the signature alone does not say that this is for us.
		if string(entry.ID) != c.BusinessAccountID {
			p.foreign++
			for _, change := range entry.Changes {
				p.misdirected = p.misdirected || change.Field == "messages"
			}
			continue
		}
		for _, change := range entry.Changes {
			c.change(&p, change)
		}
	}
	return p, nil
}

func (c *Channel) change(p *parsed, ch change) {
	var v value
	err := json.Unmarshal(ch.Value, &v)
	if err == nil && v.Metadata.PhoneNumberID != "" && string(v.Metadata.PhoneNumberID) != c.PhoneNumberID {
		p.foreign++
		p.misdirected = p.misdirected || ch.Field == "messages"
		return
	}
	p.own++
	if err != nil || ch.Field != "messages" && ch.Field != "user_id_update" {
		c.raw(p, ch.Field, ch.Value)
		return
	}
	contacts := newContacts(v.Contacts)
	for _, raw := range v.Messages {
		c.message(p, raw, contacts, len(v.Messages))
	}
	for _, raw := range v.Statuses {
		c.status(p, raw)
	}
	for _, raw := range v.UserIDUpdate {
		c.idUpdate(p, raw, contacts, len(v.UserIDUpdate))
	}
	for _, raw := range v.Errors {
		c.raw(p, "errors", raw)
	}
	if len(v.Messages)+len(v.Statuses)+len(v.UserIDUpdate)+len(v.Errors) == 0 {
		c.raw(p, ch.Field, ch.Value)
	}
}

// raw keeps what Loket does not know, cut where it is out of all proportion.
func (c *Channel) raw(p *parsed, kind string, body []byte) {
	if len(body) > maxRaw {
		body = body[:maxRaw]
	}
	p.batch.Raw = append(p.batch.Raw, store.RawEvent{Channel: c.Name, Kind: clean(kind, 64), Body: append([]byte(nil), body...)})
}

func (c *Channel) status(p *parsed, raw json.RawMessage) {
	var s status
	if json.Unmarshal(raw, &s) != nil || s.ID == "" && s.Ref == "" {
		c.raw(p, "status", raw)
		return
	}
	delivery := message.Delivery(s.Status)
	if delivery.Rank() == 0 && delivery != message.DeliveryFailed {
		c.raw(p, "status:"+string(s.Status), raw)
		return
	}
	out := store.Status{
		Channel:    c.Name,
		ExternalID: clean(string(s.ID), maxID),
		Ref:        clean(string(s.Ref), 512),
		Delivery:   delivery,
		At:         c.when(s.Timestamp),
	}
	if delivery == message.DeliveryFailed && len(s.Errors) > 0 {
		e := s.Errors[0]
		out.ErrorCode = int(e.Code)
		out.ErrorText = clean(string(first(e.ErrorData.Details, e.Title, e.Message)), maxName)
	}
	p.batch.Statuses = append(p.batch.Statuses, out)
}

func (c *Channel) idUpdate(p *parsed, raw json.RawMessage, cs contacts, updates int) {
	var u idUpdate
	err := json.Unmarshal(raw, &u)
	number, id := u.WaID, c.bsuid(u.UserID.Current)
	if number == "" && len(cs.all) == 1 && updates == 1 {
		number = cs.all[0].WaID
	}
	if err != nil || id == nil || !c.move(p, c.bsuid(u.UserID.Previous), c.when(u.Timestamp), id, c.phone(number)) {
		c.raw(p, "user_id_update", raw)
	}
}

// move reports whether there is one. What the notice names beside the new identity stays, or joins it.
func (c *Channel) move(p *parsed, from *message.Identity, at time.Time, named ...*message.Identity) bool {
	m := store.IdentityMove{At: at}
	for _, id := range named {
		if id == nil {
			continue
		}
		if from == nil || *id == *from {
			return false
		}
		m.New = append(m.New, *id)
	}
	if len(m.New) == 0 {
		return false
	}
	m.Old = *from
	p.batch.Moves = append(p.batch.Moves, m)
	return true
}

// bsuid is a business-scoped user id as an identity, or nil. The id of a parent business is another thing.
func (c *Channel) bsuid(id loose) *message.Identity {
	v := clean(string(id), maxID)
	if v == "" || strings.Contains(v, ".ENT.") {
		return nil
	}
	return &message.Identity{Scope: c.PortfolioID, Kind: message.IdentityBSUID, Value: v}
}

// phone is a number's digits as an identity, or nil.
func (c *Channel) phone(id loose) *message.Identity {
	v := digits(id)
	if v == "" {
		return nil
	}
	return &message.Identity{Scope: c.PortfolioID, Kind: message.IdentityPhone, Value: v}
}

// digits of a phone number; empty for what is none.
func digits(id loose) string {
	out := make([]byte, 0, 20)
	for _, r := range string(id) {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case !strings.ContainsRune("+- ()", r):
			return ""
		}
	}
	if len(out) < 5 || len(out) > 20 {
		return ""
	}
	return string(out)
}

// when reads a timestamp in seconds, or in milliseconds as some come. What is missing or from the future is now: the window
// of 24 hours starts there.
func (c *Channel) when(stamp loose) time.Time {
	now := c.Now()
	n, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil || n <= 0 {
		return now
	}
	at := time.Unix(n, 0)
	if n > 1e11 { // the year 5138 in seconds
		at = time.UnixMilli(n)
	}
	if at.After(now.Add(5 * time.Minute)) {
		return now
	}
	return at.UTC()
}

func first(all ...loose) loose {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// clean makes text that every store takes: valid UTF-8 without NUL, cut at a rune's boundary to at most limit bytes.
func clean(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
