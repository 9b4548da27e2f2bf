package dialog

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// maxCaption is how long the text of an image or a document may be.
const maxCaption = 1024

func (c *compiler) say(out *node, say *v1alpha1.Say, path string) {
	out.kind = kindSay
	out.apart = say.Apart
	out.approved = c.approved(say.Template, path+".template")
	limit, attached := maxText, 0
	if say.Image != nil {
		attached++
		limit = maxCaption
		out.attached = &message.Attachment{Kind: message.AttachmentImage, URL: c.url(say.Image.URL, path+".image.url")}
	}
	if say.Document != nil {
		attached++
		limit = maxCaption
		out.attached = &message.Attachment{Kind: message.AttachmentDocument, URL: c.url(say.Document.URL, path+".document.url"), Name: say.Document.FileName}
	}
	if l := say.Location; l != nil {
		attached++
		out.attached = &message.Attachment{Kind: message.AttachmentLocation, Name: l.Name, Address: l.Address,
			Latitude: c.degrees(l.Latitude, 90, path+".location.latitude"), Longitude: c.degrees(l.Longitude, 180, path+".location.longitude")}
	}
	if say.Contact != nil {
		attached++
		out.attached = &message.Attachment{Kind: message.AttachmentContact, Name: say.Contact.Name, Phone: say.Contact.Phone}
	}
	if say.Template != nil {
		limit = maxTemplateBody
		if attached > 0 || len(say.Text) == 0 {
			c.find(reasonNode, path+".template", "a template goes with a text, which other channels say, and with no attachment")
		}
	}
	switch {
	case attached > 1:
		c.find(reasonNode, path, "a say has one image, document, location or contact; say the next in a node of its own")
	case attached == 1 && len(say.Text) == 0:
		return // it needs no words
	}
	out.text = c.text(say.Text, path+".text", limit)
}

func (c *compiler) url(u v1alpha1.WebURL, path string) string {
	if !strings.HasPrefix(string(u), "https://") || strings.Contains(string(u), "{{") {
		c.find(reasonNode, path, "%s is no address that citizens can open; write it out, with https://", quoted(string(u)))
	}
	return string(u)
}

func (c *compiler) degrees(d v1alpha1.Degrees, most float64, path string) float64 {
	f, err := strconv.ParseFloat(string(d), 64)
	if err != nil || !(f >= -most && f <= most) {
		c.find(reasonNode, path, "%s is not in decimal degrees from -%g to %g", quoted(string(d)), most, most)
		return 0
	}
	return f
}

// tell says what a say has to. A caption that values have made too long goes ahead.
func (s *stepper) tell(n *node) {
	if n.apart {
		s.flush(nil)
	}
	text := s.text(n.text)
	if n.approved != nil {
		s.tellApproved(n.approved, text, nil)
		return
	}
	if n.attached == nil {
		s.say(text)
		return
	}
	captioned := n.attached.Kind == message.AttachmentImage || n.attached.Kind == message.AttachmentDocument
	if !captioned || utf8.RuneCountInString(text) > maxCaption {
		s.say(text)
		text = ""
	}
	s.flush(nil)
	if text == "" {
		text = n.attached.Words() // what an older binary sends
	}
	s.result.Say = append(s.result.Say, message.Out{Text: text, Language: s.language(), Attachment: n.attached})
}
