package platform

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loket-dev/loket/hack/sim/journal"
)

// ServeHTTP is the Graph API: POST /{version}/{phone number id}/messages.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := slices.IndexFunc(p.numbers, func(n number) bool { return r.URL.Path == "/"+p.account.Version+"/"+n.PhoneNumberID+"/messages" })
	if from < 0 || r.Method != http.MethodPost {
		refuse(w, http.StatusBadRequest, 100, "Invalid parameter", "Unsupported "+r.Method+" request to this object")
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+p.account.AccessToken {
		refuse(w, http.StatusUnauthorized, 190, "Access token is invalid", "Error validating access token")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // the line is dead
	}
	var call sendCall
	if err := json.Unmarshal(body, &call); err != nil {
		refuse(w, http.StatusBadRequest, 100, "Invalid parameter", "The body is not valid JSON")
		return
	}
	if call.Status == "read" {
		answer(w, object{"success": true})
		return
	}
	call.from = p.numbers[from]
	p.send(w, r, call)
}

type sendCall struct {
	from             number
	MessagingProduct string        `json:"messaging_product"`
	Status           string        `json:"status"`
	To               string        `json:"to"`
	Recipient        string        `json:"recipient"`
	Type             string        `json:"type"`
	Ref              string        `json:"biz_opaque_callback_data"`
	Text             *sentText     `json:"text"`
	Interactive      *interactive  `json:"interactive"`
	Image            *sentMedia    `json:"image"`
	Document         *sentMedia    `json:"document"`
	Location         *sentPlace    `json:"location"`
	Contacts         []sentCard    `json:"contacts"`
	Template         *sentTemplate `json:"template"`
}

type sentMedia struct{ Link, Caption, Filename string }

type sentPlace struct {
	Latitude, Longitude *float64
	Name, Address       string
}

type sentCard struct {
	Name struct {
		Formatted string `json:"formatted_name"`
		First     string `json:"first_name"`
	}
	Phones []struct{ Phone string }
}

// attachment checks what goes out beside text; known is false for any other type.
func (c sendCall) attachment() (r Received, problem string, known bool) {
	switch media := map[string]*sentMedia{"image": c.Image, "document": c.Document}[c.Type]; {
	case media != nil:
		if !strings.HasPrefix(media.Link, "https://") {
			problem = c.Type + ".link must be an https address"
		}
		if n := utf8.RuneCountInString(media.Caption); n > 1024 {
			problem = fmt.Sprintf("%s.caption has %d characters, at most 1024 are allowed", c.Type, n)
		}
		return Received{Text: strings.TrimSpace(media.Caption + "\n" + media.Link)}, problem, true
	case c.Type == "location" && c.Location != nil:
		if c.Location.Latitude == nil || c.Location.Longitude == nil {
			problem = "location needs latitude and longitude"
		}
		return Received{Text: strings.TrimSpace(c.Location.Name + "\n" + c.Location.Address)}, problem, true
	case c.Type == "contacts" && len(c.Contacts) > 0:
		card := c.Contacts[0]
		if card.Name.Formatted == "" || card.Name.First == "" || len(card.Phones) == 0 {
			problem = "contacts[0] needs name.formatted_name, one more part of the name, and a phone"
			return r, problem, true
		}
		return Received{Text: card.Name.Formatted + "\n" + card.Phones[0].Phone}, "", true
	}
	return r, "", false
}

type sentText struct {
	Body string `json:"body"`
}

type interactive struct {
	Type   string                 `json:"type"`
	Body   *struct{ Text string } `json:"body"`
	Action struct {
		Name    string `json:"name"`
		Button  string `json:"button"`
		Buttons []struct {
			Type  string
			Reply struct{ ID, Title string }
		} `json:"buttons"`
		Sections []struct {
			Title string
			Rows  []struct{ ID, Title, Description string }
		} `json:"sections"`
		Parameters *sentForm `json:"parameters"`
	} `json:"action"`
}

func (p *Platform) send(w http.ResponseWriter, r *http.Request, call sendCall) {
	received, problem := call.check()
	refused := refusal{}
	if problem == "" && call.Type == "template" {
		received, refused = p.account.fill(call.Template)
	}
	citizen, byPhone := p.addressee(call)
	name := ""
	if citizen != nil {
		name = citizen.Name
	}
	p.record(journal.Record{Kind: journal.SendIn, Ref: call.Ref, Citizen: name, Text: received.Text, Number: call.from.PhoneNumberID})
	if problem != "" {
		p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, Code: 100, Note: problem},
			journal.Record{Kind: journal.Violation, Note: problem})
		refuse(w, http.StatusBadRequest, 100, "Invalid parameter", problem)
		return
	}
	if citizen == nil {
		p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, Code: 131026},
			journal.Record{Kind: journal.Violation, Note: fmt.Sprintf("a message to %q, who is nobody here", call.To+call.Recipient)})
		refuse(w, http.StatusBadRequest, 131026, "Message undeliverable", "Unable to deliver message")
		return
	}
	if refused.code == 0 && call.Type != "template" && !citizen.window() {
		refused = refusal{http.StatusBadRequest, 131047, "Re-engagement message", "More than 24 hours have passed since the recipient last replied"}
	}
	if refused.code != 0 {
		p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, Code: refused.code, Note: refused.details})
		refuse(w, refused.status, refused.code, refused.title, refused.details)
		return
	}
	if p.hangs(citizen) {
		select {
		case <-r.Context().Done(): // the caller's patience is over
		case <-p.ctx.Done():
		}
		p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, Code: hung})
		return
	}
	if p.chance(func(f Faults) float64 { return f.Refuse }) {
		p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, Code: 131000})
		refuse(w, http.StatusInternalServerError, 131000, "Something went wrong", "Message failed to send due to an unknown error")
		return
	}
	id := p.nextID("wamid.")
	blind := call.Ref != "" && p.chance(func(f Faults) float64 { return f.Blind }) && p.firstCut(call.Ref)
	cut := blind || p.chance(func(f Faults) float64 { return f.Cut })
	p.record(journal.Record{Kind: journal.SendReply, Ref: call.Ref, ID: id, Cut: cut, Blind: blind, Number: call.from.PhoneNumberID})
	received.ID, received.At = id, time.Now()
	citizen.receive(received)
	tell := func() { p.statuses(call, citizen, byPhone, id) }
	if blind {
		p.withhold(call.Ref, tell)
	} else {
		p.release(call.Ref)
		tell()
	}
	if cut {
		panic(http.ErrAbortHandler) // the caller sees a closed connection
	}
	contact := object{"input": call.To + call.Recipient}
	if byPhone {
		contact["input"], contact["wa_id"] = call.To, citizen.Phone
	} else {
		contact["user_id"] = citizen.BSUID
	}
	answer(w, object{"messaging_product": "whatsapp", "contacts": []object{contact}, "messages": []object{{"id": id}}})
}

// addressee finds who is meant; `to` wins over recipient, and holds a number, never a business-scoped id.
func (p *Platform) addressee(call sendCall) (c *Citizen, byPhone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if call.To != "" {
		c = p.byPhone[strings.TrimPrefix(call.To, "+")]
		return c, true
	}
	return p.byBSUID[call.Recipient], false
}

// check is the platform's own validation (limits of the messages reference).
func (c sendCall) check() (r Received, problem string) {
	length := utf8.RuneCountInString
	switch {
	case c.MessagingProduct != "whatsapp":
		return r, "messaging_product must be whatsapp"
	case c.To == "" && c.Recipient == "":
		return r, "to or recipient is needed"
	case c.To != "" && !strings.HasPrefix(c.To, "+"):
		return r, "to without + may be taken for a number of the business's own country"
	case len(c.Ref) > 512:
		return r, "biz_opaque_callback_data is longer than 512"
	case c.Type == "text" && c.Text != nil:
		if n := length(c.Text.Body); n == 0 || n > 4096 {
			return r, fmt.Sprintf("text.body has %d characters, 1 to 4096 are allowed", n)
		}
		return Received{Text: c.Text.Body}, ""
	case c.Type == "template" && c.Template != nil:
		return r, "" // see fill
	case c.Type == "interactive" && c.Interactive != nil && c.Interactive.Body != nil:
		return c.Interactive.check()
	}
	if r, problem, known := c.attachment(); known {
		return r, problem
	}
	return r, "type " + strconv.Quote(c.Type) + " without its object"
}

func (i interactive) check() (r Received, problem string) {
	length := utf8.RuneCountInString
	r.Text = i.Body.Text
	limit := 1024
	if i.Type == "list" {
		limit = 4096
	}
	if n := length(i.Body.Text); n == 0 || n > limit {
		return r, fmt.Sprintf("interactive.body.text has %d characters, 1 to %d are allowed", n, limit)
	}
	titles, ids := map[string]bool{}, map[string]bool{}
	add := func(id, title string, idMax, titleMax int, list bool) string {
		switch {
		case id == "" || len(id) > idMax || ids[id]:
			return fmt.Sprintf("id %q is empty, longer than %d or not unique", id, idMax)
		case title == "" || length(title) > titleMax || titles[title]:
			return fmt.Sprintf("title %q is empty, longer than %d or not unique", title, titleMax)
		}
		ids[id], titles[title] = true, true
		r.Choices = append(r.Choices, Choice{ID: id, Title: title, List: list})
		return ""
	}
	switch i.Type {
	case "location_request_message":
		if i.Action.Name != "send_location" {
			return r, fmt.Sprintf("action %q of a location request; it must be send_location", i.Action.Name)
		}
	case "flow":
		if i.Action.Name != "flow" || i.Action.Parameters == nil {
			return r, fmt.Sprintf("action %q of a form; it must be flow, with parameters", i.Action.Name)
		}
		r.Form, problem = i.Action.Parameters.check()
		return r, problem
	case "button":
		if n := len(i.Action.Buttons); n == 0 || n > 3 {
			return r, fmt.Sprintf("%d buttons, 1 to 3 are allowed", n)
		}
		for _, b := range i.Action.Buttons {
			if problem := add(b.Reply.ID, b.Reply.Title, 256, 20, false); problem != "" {
				return r, problem
			}
		}
	case "list":
		if n := length(i.Action.Button); n == 0 || n > 20 {
			return r, "action.button must have 1 to 20 characters"
		}
		for _, s := range i.Action.Sections {
			for _, row := range s.Rows {
				if length(row.Description) > 72 {
					return r, "a row's description is longer than 72"
				}
				if problem := add(row.ID, row.Title, 200, 24, true); problem != "" {
					return r, problem
				}
			}
		}
		if n := len(r.Choices); n == 0 || n > 10 {
			return r, fmt.Sprintf("%d rows, 1 to 10 are allowed", n)
		}
	default:
		return r, "interactive.type " + strconv.Quote(i.Type) + " is not known"
	}
	return r, ""
}

// hung is the code of a reply in the journal for a send that was never answered.
const hung = -1

func (p *Platform) hangs(c *Citizen) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.Hang != "" && p.faults.Hang == c.Name
}

// firstCut says whether a message was not cut blindly before: the next copy of it is to arrive.
func (p *Platform) firstCut(ref string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blinded[ref] {
		return false
	}
	p.blinded[ref] = true
	return true
}

func (p *Platform) withhold(ref string, tell func()) {
	p.mu.Lock()
	p.withheld[ref] = append(p.withheld[ref], tell)
	p.mu.Unlock()
}

// release tells of the copies that were taken before.
func (p *Platform) release(ref string) {
	p.mu.Lock()
	tells := p.withheld[ref]
	delete(p.withheld, ref)
	p.mu.Unlock()
	for _, tell := range tells {
		tell()
	}
}

// statuses follow an accepted send, echoing the callback data.
func (p *Platform) statuses(call sendCall, c *Citizen, byPhone bool, id string) {
	for i, status := range []string{"sent", "delivered", "read"} {
		p.later(time.Duration(i+1)*p.delay, func() {
			s := object{"id": id, "status": status, "timestamp": strconv.FormatInt(time.Now().Unix(), 10)}
			contact := object{"profile": object{"name": c.Name}, "user_id": c.BSUID}
			if byPhone {
				s["recipient_id"], contact["wa_id"] = c.Phone, c.Phone
			} else {
				s["recipient_user_id"] = c.BSUID
			}
			if call.Ref != "" {
				s["biz_opaque_callback_data"] = call.Ref
			}
			if status != "read" {
				category := "service"
				if call.Type == "template" {
					category = "utility"
				}
				s["pricing"] = object{"billable": true, "pricing_model": "PMP", "type": "regular", "category": category}
			}
			p.record(journal.Record{Kind: journal.StatusOut, ID: id, Ref: call.Ref, Note: status})
			select {
			case call.from.statuses <- object{"contact": contact, "status": s}:
			case <-p.ctx.Done():
			}
		})
	}
}

// deliverStatuses joins the statuses that are there into webhooks, and delivers each until it is acknowledged.
func (p *Platform) deliverStatuses(n number) {
	for {
		select {
		case <-p.ctx.Done():
			return
		case first := <-n.statuses:
			contacts, statuses := []object{first["contact"].(object)}, []object{first["status"].(object)}
		more:
			for len(statuses) < maxBatch {
				select {
				case next := <-n.statuses:
					contacts, statuses = append(contacts, next["contact"].(object)), append(statuses, next["status"].(object))
				default:
					break more
				}
			}
			body := p.envelope(n, "messages", object{"contacts": contacts, "statuses": statuses})
			p.work.Go(func() {
				for wait := p.retry; p.post(n, body) != http.StatusOK; wait = min(2*wait, 32*p.retry) {
					select {
					case <-p.ctx.Done():
						return
					case <-time.After(wait):
					}
				}
			})
		}
	}
}

func answer(w http.ResponseWriter, v object) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(Escape(v))
}

func refuse(w http.ResponseWriter, status, code int, title, details string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(Escape(object{"error": object{"message": fmt.Sprintf("(#%d) %s", code, title), "type": "OAuthException",
		"code": code, "error_data": object{"messaging_product": "whatsapp", "details": details}, "fbtrace_id": "Asim"}}))
}
