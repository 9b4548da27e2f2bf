package message

import (
	"encoding/json"
	"testing"
)

func TestAnAttachmentIsToldInWordsOnce(t *testing.T) {
	place := &Attachment{Kind: AttachmentLocation, Name: "Head office", Address: "1 Sample Street", Latitude: -6.1754, Longitude: 106.8272}
	guide := &Attachment{Kind: AttachmentDocument, Name: "Guide.pdf", URL: "https://agency.example/guide.pdf"}
	for what, c := range map[string]struct {
		out            Out
		words, caption string
	}{
		"text alone":        {Out{Text: "Hello."}, "Hello.", "Hello."},
		"a caption":         {Out{Text: "Read this.", Attachment: guide}, "Read this.\nGuide.pdf\nhttps://agency.example/guide.pdf", "Read this."},
		"no text":           {Out{Attachment: place}, "Head office\n1 Sample Street\n-6.1754, 106.8272", ""},
		"its words as text": {Out{Text: place.Words(), Attachment: place}, "Head office\n1 Sample Street\n-6.1754, 106.8272", ""},
		"a number to call":  {Out{Attachment: &Attachment{Kind: AttachmentContact, Name: "Kontak 157", Phone: "+62215550157"}}, "Kontak 157\n+62215550157", ""},
	} {
		if c.out.Words() != c.words || c.out.Caption() != c.caption {
			t.Errorf("%s: %q, %q", what, c.out.Words(), c.out.Caption())
		}
		body, err := json.Marshal(c.out)
		var back Out
		if err != nil || json.Unmarshal(body, &back) != nil || back.Words() != c.words {
			t.Errorf("%s: %s", what, body)
		}
	}
}
