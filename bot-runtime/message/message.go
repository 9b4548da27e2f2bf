// Package message holds what citizens and the counter say to each other, independent of any channel.
//
// Bodies in the store are the JSON of In and Out. Channels turn webhooks into In and Out into calls; dialogs and the desk
// read and write nothing else. Unknown fields of stored JSON are ignored, new fields are optional: old and new binaries
// read each other's rows.
package message

import (
	"strconv"
	"strings"
	"time"
)

// InKind is what the citizen sent.
type InKind string

// The kinds. Everything a channel cannot name better is InOther, and is kept, and is never answered with nothing.
const (
	InText     InKind = "text"
	InChoice   InKind = "choice" // a tap on a button or list row: ChoiceID says which
	InForm     InKind = "form"   // a form was filled in: Fields has it, Text the same in lines
	InMedia    InKind = "media"  // image, video, voice, document, sticker: MediaType says which
	InLocation InKind = "location"
	InContact  InKind = "contact"
	InReaction InKind = "reaction" // shown to agents, never answered
	InSystem   InKind = "system"   // the platform speaks, such as of a changed number; never answered
	InOther    InKind = "other"
)

// In is one message from a citizen.
type In struct {
	Kind InKind `json:"kind"`
	// Text as typed, the caption of media, or the title of a tapped choice. Valid UTF-8, at most 8 kB.
	Text string `json:"text,omitempty"`
	// ChoiceID is the id that the option was offered with.
	ChoiceID string `json:"choiceID,omitempty"`
	// Language that the citizen chose where they write, with the first message after the choice; empty when they chose none.
	Language string `json:"language,omitempty"`
	// Fields of a form, by name: at most 50 of at most 4,000 bytes.
	Fields map[string]string `json:"fields,omitempty"`
	// Form is the Token of the one that was filled in; empty where the platform did not say, or an older binary sent it.
	Form string `json:"form,omitempty"`
	// MediaType is image, video, audio, voice, document or sticker.
	MediaType string `json:"mediaType,omitempty"`
	// MediaID is the platform's id, for a later download.
	MediaID string `json:"mediaID,omitempty"`
	// FileName of a document, as the sender named it: data, never a path.
	FileName  string  `json:"fileName,omitempty"`
	Latitude  float64 `json:"latitude,omitempty"`
	Longitude float64 `json:"longitude,omitempty"`
	// Original is the platform's type where Kind is InOther or InSystem.
	Original string `json:"original,omitempty"`
}

// Choice is one option that a citizen may tap.
type Choice struct {
	// ID comes back in In.ChoiceID; at most 200 bytes.
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Out is one message to a citizen.
type Out struct {
	Text string `json:"text"`
	// Choices are shown as buttons, a list or numbered lines, as the channel can; at most 10.
	Choices []Choice `json:"choices,omitempty"`
	// Language of the text, for the channel's own words (such as the label of a list's button).
	Language string `json:"language,omitempty"`
	// Want is what the citizen is asked to send, where the channel can help with it.
	Want Want `json:"want,omitempty"`
	// Attachment goes with the text, which is its caption; one without a caption has its words as text, for binaries that know no
	// attachments. A message that has one has no choices.
	Attachment *Attachment `json:"attachment,omitempty"`
	// Form is opened by a button under the text. A channel that shows none sends the text alone.
	Form *Form `json:"form,omitempty"`
	// Template is sent in place of everything else by a channel that has it. It may go when the channel's window is closed.
	Template *Template `json:"template,omitempty"`
}

// Template is a message that the channel's platform has approved beforehand.
type Template struct {
	Name string `json:"name"`
	// Language as the platform writes it.
	Language string `json:"language"`
	// Parameters of the body, in order; all have a name, or none.
	Parameters []Parameter `json:"parameters,omitempty"`
}

// Parameter is what is put into one place of a template: a line of at most 1,024 characters, never empty.
type Parameter struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text"`
}

// Form is a form of the channel's platform, where it was made.
type Form struct {
	// ID of the form, and its first Screen, as the platform knows them.
	ID     string `json:"id"`
	Screen string `json:"screen"`
	// Button opens it.
	Button string `json:"button"`
	// Token comes back in In.Form; at most 255 bytes.
	Token string `json:"token,omitempty"`
}

// AttachmentKind is what is attached.
type AttachmentKind string

// The kinds of attachments.
const (
	AttachmentImage    AttachmentKind = "image"
	AttachmentDocument AttachmentKind = "document"
	AttachmentLocation AttachmentKind = "location"
	AttachmentContact  AttachmentKind = "contact"
)

// Attachment is what goes out beside words.
type Attachment struct {
	Kind AttachmentKind `json:"kind"`
	// URL of an image or document: https, fetched by the platform or the citizen, never by Loket.
	URL string `json:"url,omitempty"`
	// Name of a document's file, of a place, or of a person.
	Name      string  `json:"name,omitempty"`
	Latitude  float64 `json:"latitude,omitempty"`
	Longitude float64 `json:"longitude,omitempty"`
	Address   string  `json:"address,omitempty"`
	// Phone with its plus.
	Phone string `json:"phone,omitempty"`
}

// Words are what is attached, for those who can show nothing but text.
func (a *Attachment) Words() string {
	place := ""
	if a.Kind == AttachmentLocation {
		place = strconv.FormatFloat(a.Latitude, 'f', -1, 64) + ", " + strconv.FormatFloat(a.Longitude, 'f', -1, 64)
	}
	return lines(a.Name, a.Address, place, a.Phone, a.URL)
}

// Caption is the text beside the attachment; empty when the text is only what stands in for it.
func (o Out) Caption() string {
	if o.Attachment != nil && o.Text == o.Attachment.Words() {
		return ""
	}
	return o.Text
}

// Words are the message for those who can show nothing but text: its attachment is written below.
func (o Out) Words() string {
	if o.Attachment == nil {
		return o.Text
	}
	return lines(o.Caption(), o.Attachment.Words())
}

func lines(all ...string) string {
	kept := all[:0]
	for _, l := range all {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// Want is something that a channel may have a button for.
type Want string

// WantLocation asks for the place where the citizen is.
const WantLocation Want = "location"

// Class orders sending where budgets are short, and says what to do when the outcome of a send stays unknown.
type Class string

// The classes, most urgent first.
const (
	// ClassAnswer is the bot's answer: sent again when it surely was not accepted.
	ClassAnswer Class = "answer"
	// ClassAgent is a person's reply: as ClassAnswer, and the person is told while it is unknown.
	ClassAgent Class = "agent"
)

// Author says who wrote an outgoing message.
type Author string

// The authors.
const (
	AuthorBot   Author = "bot"
	AuthorAgent Author = "agent"
)

// Identity is one way a contact is known: (Scope, Kind, Value) is unique in a tenant.
type Identity struct {
	// Scope is where the value means one person: a WhatsApp portfolio, or a channel's name.
	Scope string       `json:"scope"`
	Kind  IdentityKind `json:"kind"`
	Value string       `json:"value"`
}

// IdentityKind is the kind of an Identity.
type IdentityKind string

// The kinds of identities.
const (
	IdentityBSUID   IdentityKind = "bsuid"   // business-scoped user id, within a portfolio
	IdentityPhone   IdentityKind = "phone"   // E.164 digits without the plus
	IdentityWebChat IdentityKind = "webchat" // hash of the browser's token
)

// Delivery is how far an outgoing message came on the platform. Ranks only rise: see Rank.
type Delivery string

// The deliveries.
const (
	DeliverySent      Delivery = "sent"
	DeliveryDelivered Delivery = "delivered"
	DeliveryRead      Delivery = "read"
	DeliveryPlayed    Delivery = "played"
	DeliveryFailed    Delivery = "failed"
)

// Rank orders deliveries: a status with a lower rank that arrives late changes nothing. Failed stands apart, at 0.
func (d Delivery) Rank() int {
	switch d {
	case DeliverySent:
		return 1
	case DeliveryDelivered:
		return 2
	case DeliveryRead:
		return 3
	case DeliveryPlayed:
		return 4
	}
	return 0
}

// Window is how long after a citizen's message WhatsApp lets a business write freely, from the message's own timestamp.
const Window = 24 * time.Hour
