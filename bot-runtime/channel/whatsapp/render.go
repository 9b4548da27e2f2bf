package whatsapp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// Meta's limits, in characters.
const (
	maxText        = 4096
	maxButtonBody  = 1024
	maxCaption     = 1024
	maxButtons     = 3
	maxButtonTitle = 20
	maxRows        = 10
	maxRowTitle    = 24
	maxRowDetail   = 72
	maxFormButton  = 30
	maxChoiceID    = 200 // bytes, of a row; a button may have 256
)

type call struct {
	Product     string        `json:"messaging_product"`
	Type        string        `json:"recipient_type"`
	To          string        `json:"to,omitempty"`
	Recipient   string        `json:"recipient,omitempty"`
	Kind        string        `json:"type"`
	Text        *bodyText     `json:"text,omitempty"`
	Interactive *callTaps     `json:"interactive,omitempty"`
	Template    *sentTemplate `json:"template,omitempty"`
	attached
	Ref string `json:"biz_opaque_callback_data,omitempty"`
}

type sentTemplate struct {
	Name       string              `json:"name"`
	Language   templateLanguage    `json:"language"`
	Components []templateComponent `json:"components,omitempty"`
}

type templateLanguage struct {
	Code string `json:"code"`
}

type templateComponent struct {
	Type       string              `json:"type"`
	Parameters []templateParameter `json:"parameters"`
}

type templateParameter struct {
	Type string `json:"type"`
	Name string `json:"parameter_name,omitempty"`
	Text string `json:"text"`
}

// attached is the part of a call that an attachment makes.
type attached struct {
	Image    *linked     `json:"image,omitempty"`
	Document *linked     `json:"document,omitempty"`
	Location *sentPlace  `json:"location,omitempty"`
	Contacts []*sentCard `json:"contacts,omitempty"`
}

type linked struct {
	Link     string `json:"link"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

type sentPlace struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

type sentCard struct {
	Name   cardName    `json:"name"`
	Phones []cardPhone `json:"phones"`
}

type cardName struct {
	Formatted string `json:"formatted_name"`
	First     string `json:"first_name"`
}

type cardPhone struct {
	Phone string `json:"phone"`
	Type  string `json:"type"`
}

type bodyText struct {
	Body string `json:"body"`
}

type callTaps struct {
	Type   string     `json:"type"`
	Body   bodyOfTaps `json:"body"`
	Action action     `json:"action"`
}

type bodyOfTaps struct {
	Text string `json:"text"`
}

type action struct {
	Name     string        `json:"name,omitempty"`
	Buttons  []replyButton `json:"buttons,omitempty"`
	Button   string        `json:"button,omitempty"`
	Sections []section     `json:"sections,omitempty"`
	Form     *openForm     `json:"parameters,omitempty"`
}

// openForm opens a published form at its first screen. Meta wants a token, which comes back with the answer.
type openForm struct {
	Version string       `json:"flow_message_version"`
	Token   string       `json:"flow_token"`
	ID      string       `json:"flow_id"`
	Button  string       `json:"flow_cta"`
	Action  string       `json:"flow_action"`
	Payload formsPayload `json:"flow_action_payload"`
}

type formsPayload struct {
	Screen string `json:"screen"`
}

type replyButton struct {
	Type  string `json:"type"`
	Reply row    `json:"reply"`
}

type section struct {
	Rows []row `json:"rows"`
}

type row struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Detail string `json:"description,omitempty"`
}

// Render makes the body of the call that sends out to one of the identities, which are of the portfolio: the number where it
// is known, as Meta advises, else the business-scoped id. ref is echoed in statuses.
//
// Up to three choices whose titles fit become buttons; up to ten become a list, with a longer title's whole text below it;
// what fits neither becomes numbered lines. A text that asks for a place has a button that sends it. A text over 4,096 characters is cut, at the end of its last whole character.
func Render(out message.Out, identities []message.Identity, portfolio, ref string) ([]byte, error) {
	c := call{Product: "whatsapp", Type: "individual", Ref: ref}
	for _, i := range identities {
		switch {
		case i.Scope != portfolio:
		case i.Kind == message.IdentityPhone && c.To == "":
			c.To = "+" + i.Value // without the plus Meta may put the business's own country before it
		case i.Kind == message.IdentityBSUID && c.Recipient == "":
			c.Recipient = i.Value
		}
	}
	if c.To != "" {
		c.Recipient = ""
	} else if c.Recipient == "" {
		return nil, fmt.Errorf("the contact has neither a number nor a user id in portfolio %s", portfolio)
	}
	if t := out.Template; t != nil {
		c.Kind, c.Template = "template", approved(t)
		return json.Marshal(c)
	}
	if kind, a := attach(out); kind != "" {
		c.Kind, c.attached = kind, a
		return json.Marshal(c)
	}
	if strings.TrimSpace(out.Text) == "" && len(out.Choices) == 0 {
		return nil, fmt.Errorf("the message has no text")
	}
	c.Kind, c.Text, c.Interactive = content(out)
	return json.Marshal(c)
}

// approved makes the call of a template.
func approved(t *message.Template) *sentTemplate {
	out := &sentTemplate{Name: t.Name, Language: templateLanguage{t.Language}}
	if len(t.Parameters) > 0 {
		body := templateComponent{Type: "body"}
		for _, p := range t.Parameters {
			body.Parameters = append(body.Parameters, templateParameter{"text", p.Name, p.Text})
		}
		out.Components = []templateComponent{body}
	}
	return out
}

// attach makes the call of an attachment; no kind for a message without one.
func attach(out message.Out) (kind string, a attached) {
	at := out.Attachment
	if at == nil {
		return "", a
	}
	switch at.Kind {
	case message.AttachmentImage:
		a.Image = &linked{Link: at.URL, Caption: cut(out.Caption(), maxCaption)}
		return "image", a
	case message.AttachmentDocument:
		a.Document = &linked{Link: at.URL, Caption: cut(out.Caption(), maxCaption), Filename: at.Name}
		return "document", a
	case message.AttachmentLocation:
		a.Location = &sentPlace{at.Latitude, at.Longitude, at.Name, at.Address}
		return "location", a
	case message.AttachmentContact:
		a.Contacts = []*sentCard{{cardName{at.Name, at.Name}, []cardPhone{{at.Phone, "WORK"}}}}
		return "contacts", a
	}
	return "", a // a newer pod's: what it says in words is said
}

func content(out message.Out) (string, *bodyText, *callTaps) {
	if strings.TrimSpace(out.Text) == "" {
		out.Text = label(out.Language) // a body is required
	}
	if out.Want == message.WantLocation && len(out.Choices) == 0 && length(out.Text) <= maxButtonBody {
		return "interactive", nil, &callTaps{"location_request_message", bodyOfTaps{out.Text}, action{Name: "send_location"}}
	}
	if f := out.Form; f != nil && len(out.Choices) == 0 && length(out.Text) <= maxButtonBody {
		return "interactive", nil, &callTaps{"flow", bodyOfTaps{out.Text}, action{Name: "flow", Form: &openForm{Version: "3", Token: cmp.Or(f.Token, noToken), ID: f.ID,
			Button: cut(oneLine(f.Button), maxFormButton), Action: "navigate", Payload: formsPayload{f.Screen}}}}
	}
	if len(out.Choices) == 0 {
		return "text", &bodyText{cut(out.Text, maxText)}, nil
	}
	if taps := buttons(out); taps != nil {
		return "interactive", nil, taps
	}
	if taps := list(out); taps != nil {
		return "interactive", nil, taps
	}
	return "text", &bodyText{numbered(out)}, nil
}

func buttons(out message.Out) *callTaps {
	if len(out.Choices) > maxButtons || length(out.Text) > maxButtonBody {
		return nil
	}
	a := action{}
	for _, r := range rows(out.Choices) {
		if length(r.Title) > maxButtonTitle {
			return nil
		}
		a.Buttons = append(a.Buttons, replyButton{"reply", r})
	}
	if !distinct(out.Choices, maxButtonTitle) {
		return nil
	}
	return &callTaps{"button", bodyOfTaps{out.Text}, a}
}

func list(out message.Out) *callTaps {
	if len(out.Choices) > maxRows || length(out.Text) > maxText || !distinct(out.Choices, maxRowTitle) {
		return nil
	}
	all := rows(out.Choices)
	for i, r := range all {
		if length(r.Title) > maxRowTitle {
			all[i].Title, all[i].Detail = cut(r.Title, maxRowTitle), cut(r.Title, maxRowDetail)
		}
	}
	return &callTaps{"list", bodyOfTaps{out.Text}, action{Button: label(out.Language), Sections: []section{{all}}}}
}

func rows(choices []message.Choice) []row {
	all := make([]row, len(choices))
	for i, c := range choices {
		all[i] = row{ID: c.ID, Title: oneLine(c.Title)}
	}
	return all
}

// distinct says whether the choices can be tapped at all: Meta refuses empty and equal titles and ids.
func distinct(choices []message.Choice, limit int) bool {
	titles, ids := map[string]bool{}, map[string]bool{}
	for _, c := range choices {
		t := cut(oneLine(c.Title), limit)
		if t == "" || titles[t] || c.ID == "" || len(c.ID) > maxChoiceID || ids[c.ID] {
			return false
		}
		titles[t], ids[c.ID] = true, true
	}
	return true
}

// numbered keeps every choice whole and gives the text what room is left.
func numbered(out message.Out) string {
	var lines strings.Builder
	for i, c := range out.Choices {
		fmt.Fprintf(&lines, "\n%d. %s", i+1, oneLine(c.Title))
	}
	tail := cut(lines.String(), maxText/2)
	return cut(out.Text, maxText-1-length(tail)) + "\n" + tail
}

func label(language string) string {
	if strings.HasPrefix(language, "id") {
		return "Pilih"
	}
	return "Choose"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
