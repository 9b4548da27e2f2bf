package dialog

import (
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
)

const visit = `
languages: [en]
start: hello
variables: [{name: story}]
nodes:
- {name: hello, say: {text: {en: Hello.}}, next: signs}
- {name: signs, say: {text: {en: "Know the signs, {{ story }}."}, image: {url: "https://agency.example/signs.png"}}, next: guide}
- {name: guide, say: {document: {url: "https://agency.example/guide.pdf", fileName: Guide.pdf}}, next: come}
- {name: come, say: {text: {en: Come to us.}, location: {latitude: "-6.1754", longitude: "106.8272", name: Head office, address: 1 Sample Street}}, next: call}
- {name: call, say: {contact: {name: Kontak 157, phone: "+62215550157"}}, next: one}
- {name: one, say: {text: {en: One.}}, next: two}
- {name: two, say: {text: {en: Two.}, apart: true}, next: ask}
- {name: ask, ask: {text: {en: "What else?"}, as: story}, next: signs}
`

func TestASayShowsPicturesFilesPlacesAndPeople(t *testing.T) {
	talk := talkTo(t, compile(t, visit))
	var got []string
	r := talk.says("hello")
	for _, m := range r.Say {
		got = append(got, strings.ReplaceAll(m.Words(), "\n", "; "))
	}
	want := []string{"Hello.", "Know the signs, .; https://agency.example/signs.png", "Guide.pdf; https://agency.example/guide.pdf", "Come to us.",
		"Head office; 1 Sample Street; -6.1754, 106.8272", "Kontak 157; +62215550157", "One.", "Two.; ; What else?"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
	if a := r.Say[1].Attachment; a == nil || a.Kind != message.AttachmentImage || r.Say[1].Text != "Know the signs, ." {
		t.Errorf("%+v", r.Say[1])
	}
	r = talk.says(strings.Repeat("long ", 300))
	if len(r.Say) < 2 || len(r.Say[0].Text) < 1000 || r.Say[1].Attachment == nil || r.Say[1].Caption() != "" {
		t.Errorf("a caption that values made too long goes ahead: %+v", r.Say[:2])
	}
}

func TestASayThatNoChannelShowsIsRefused(t *testing.T) {
	for say, want := range map[string]string{
		"{image: {url: 'http://agency.example/a.png'}}":                                        "image.url: \"http://agency.example/a.png\" is no address that citizens can open",
		"{image: {url: 'https://agency.example/{{ x }}'}}":                                     "write it out, with https://",
		"{location: {latitude: '-96', longitude: '1', name: x}}":                               "location.latitude: \"-96\" is not in decimal degrees from -90 to 90",
		"{image: {url: 'https://a.example'}, contact: {name: x, phone: '+62'}}":                "one image, document, location or contact",
		"{image: {url: 'https://a.example'}, text: {en: '" + strings.Repeat("x", 1025) + "'}}": "1025 characters, at most 1024",
		"{}": "text.en: missing",
	} {
		var all []string
		p, findings := Compile(flow(t, "languages: [en]\nstart: a\nnodes:\n- {name: a, say: "+say+", next: b}\n- {name: b, end: {}}\n"), world())
		for _, f := range findings {
			all = append(all, f.Path+": "+f.Message)
		}
		if p != nil || !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q", say, all)
		}
	}
}
