package whatsapp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/loket-dev/loket/bot-runtime/message"
)

var (
	byNumber = []message.Identity{{Scope: "506001", Kind: message.IdentityBSUID, Value: "ID.134"},
		{Scope: "506001", Kind: message.IdentityPhone, Value: "6281234567890"}}
	byID = []message.Identity{{Scope: "777", Kind: message.IdentityPhone, Value: "6289"},
		{Scope: "506001", Kind: message.IdentityBSUID, Value: "ID.134"}, {Scope: "web", Kind: message.IdentityWebChat, Value: "ab"}}
)

func choices(titles ...string) []message.Choice {
	var all []message.Choice
	for i, t := range titles {
		all = append(all, message.Choice{ID: fmt.Sprintf("c%d", i+1), Title: t})
	}
	return all
}

func many(n int) []message.Choice {
	var titles []string
	for i := range n {
		titles = append(titles, fmt.Sprintf("Pilihan %d", i+1))
	}
	return choices(titles...)
}

func TestWhatIsSent(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   []message.Identity
		out  message.Out
	}{
		{"text-to-a-number", byNumber, message.Out{Text: "Dana Mekar Jaya *berizin*."}},
		{"text-to-a-user-id", byID, message.Out{Text: "Halo <b>\"Siti\"</b> & kawan"}},
		{"text-too-long", byNumber, message.Out{Text: strings.Repeat("panjang ", 600)}},
		{"three-buttons", byNumber, message.Out{Text: "Ada lagi?", Language: "id", Choices: choices("Cek lagi", "Bicara dengan\nstaf", "Selesai")}},
		{"titles-over-twenty-make-a-list", byNumber, message.Out{Text: "Pilih.", Language: "id", Choices: choices("Bicara dengan petugas kami", "Cek lagi")}},
		{"titles-of-24-fit-a-list", byNumber, message.Out{Text: "Choose.", Language: "en", Choices: choices("Talk to a person of ours", "Check")}},
		{"four-make-a-list", byNumber, message.Out{Text: "Pilih.", Language: "id-ID", Choices: many(4)}},
		{"a-body-over-1024-makes-a-list", byNumber, message.Out{Text: strings.Repeat("a", 1025), Language: "en", Choices: many(2)}},
		{"eleven-are-numbered", byNumber, message.Out{Text: "Pilih.", Choices: many(11)}},
		{"a-body-over-4096-is-numbered", byNumber, message.Out{Text: strings.Repeat("b", 4097), Choices: many(2)}},
		{"equal-titles-are-numbered", byNumber, message.Out{Text: "Pilih.", Choices: choices("Sama", "Sama")}},
		{"titles-equal-once-cut-are-numbered", byNumber, message.Out{Text: "Pilih.", Choices: choices("Bank Perkreditan Rakyat Mekar Satu", "Bank Perkreditan Rakyat Mekar Dua")}},
		{"a-place-is-asked-for", byNumber, message.Out{Text: "Di mana Anda?", Language: "id", Want: message.WantLocation}},
		{"an-image", byNumber, message.Out{Text: "Kenali ciri-cirinya.", Attachment: &message.Attachment{Kind: message.AttachmentImage, URL: "https://agency.example/ciri.png"}}},
		{"a-document", byNumber, message.Out{Attachment: &message.Attachment{Kind: message.AttachmentDocument, URL: "https://agency.example/panduan.pdf", Name: "Panduan.pdf"}}},
		{"a-place", byNumber, message.Out{Attachment: &message.Attachment{Kind: message.AttachmentLocation, Latitude: -6.1754, Longitude: 106.8272, Name: "Kantor pusat", Address: "Jalan Contoh 1, Jakarta"}}},
		{"a-contact", byNumber, message.Out{Attachment: &message.Attachment{Kind: message.AttachmentContact, Name: "Kontak 157", Phone: "+62215550157"}}},
		{"a-form", byNumber, message.Out{Text: "Ceritakan.", Form: &message.Form{ID: "1234567890", Screen: "REPORT", Button: "Isi formulir pengaduan yang panjang", Token: "report"}}},
		{"a-template", byNumber, message.Out{Text: "Lengkapi pengaduan Anda.", Choices: many(2), Template: &message.Template{Name: "reminder", Language: "id",
			Parameters: []message.Parameter{{Text: "Siti"}, {Text: "P-2026-0012"}}}}},
		{"a-template-with-named-parameters", byNumber, message.Out{Text: "Complete it.", Template: &message.Template{Name: "reminder", Language: "en_US",
			Parameters: []message.Parameter{{Name: "ticket", Text: "P-2026-0012"}}}}},
		{"a-template-without-parameters", byNumber, message.Out{Text: "Come back.", Template: &message.Template{Name: "come_back", Language: "en"}}},
		{"no-text-but-choices", byNumber, message.Out{Language: "en", Choices: many(2)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body, err := Render(tt.out, tt.to, "506001", "6f1c9a00-0000-5000-8000-000000000001")
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := json.Indent(&b, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
			golden(t, "testdata/render/"+tt.name+".json", b.Bytes())
		})
	}
}

func TestWhatCannotBeSentSaysWhy(t *testing.T) {
	for _, tt := range []struct {
		out  message.Out
		to   []message.Identity
		want string
	}{
		{message.Out{Text: "halo"}, byID[:1], "neither a number nor a user id"},
		{message.Out{Text: "halo"}, nil, "neither a number nor a user id"},
		{message.Out{Text: " \n"}, byNumber, "no text"},
	} {
		if _, err := Render(tt.out, tt.to, "506001", ""); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want %q", tt.out, err, tt.want)
		}
	}
}

func TestACutLeavesWholeCharacters(t *testing.T) {
	for _, tt := range []struct {
		given string
		limit int
		want  string
	}{
		{"Bicara", 6, "Bicara"},
		{"Bicara dengan petugas", 20, "Bicara dengan petug…"},
		{"Bicara dengan petugas", 8, "Bicara…"},
		{"cafe\u0301 mentari", 6, "cafe\u0301…"},
		{"cafe\u0301 mentari", 5, "caf…"},
		{"ab👩‍👩‍👧cd", 9, "ab…"},
		{"ab👩‍👩‍👧cd", 12, "ab👩‍👩‍👧cd"},
		{"🇮🇩🇬🇧x", 8, "🇮🇩…"},
		{"🇮🇩🇬🇧xyz", 10, "🇮🇩🇬🇧x…"},
		{"👍🏽👍🏽👍🏽", 9, "👍🏽👍🏽…"},
		{"👍🏽👍🏽👍🏽", 8, "👍🏽…"},
	} {
		if got := cut(tt.given, tt.limit); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.given, tt.limit, got, tt.want)
		}
	}
}

func TestWhateverIsSentKeepsMetasLimits(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab ä\n\u0301👍🏽🇮\u200d字")), 0, 5000, -1)
	rapid.Check(t, func(t *rapid.T) {
		out := message.Out{Text: text.Draw(t, "text"), Language: rapid.SampledFrom([]string{"id", "en"}).Draw(t, "language")}
		for i := range rapid.IntRange(0, 14).Draw(t, "choices") {
			title := rapid.StringOfN(rapid.RuneFrom([]rune("abcdefgh ä\u0301👍🏽🇮\u200d字")), 0, 80, -1).Draw(t, "title")
			out.Choices = append(out.Choices, message.Choice{ID: fmt.Sprint(i), Title: title})
		}
		kind, plain, taps := content(out)
		within := func(what, s string, limit int) {
			if length(s) > limit || strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
				t.Fatalf("%s %q is %d long, at most %d", what, s, length(s), limit)
			}
		}
		switch {
		case kind == "text":
			within("text", plain.Body, maxText)
		case taps.Type == "button":
			within("body", taps.Body.Text, maxButtonBody)
			if len(taps.Action.Buttons) > maxButtons {
				t.Fatal("too many buttons")
			}
			for _, b := range taps.Action.Buttons {
				within("title", b.Reply.Title, maxButtonTitle)
			}
		default:
			within("body", taps.Body.Text, maxText)
			if len(taps.Action.Sections[0].Rows) > maxRows {
				t.Fatal("too many rows")
			}
			for _, r := range taps.Action.Sections[0].Rows {
				within("title", r.Title, maxRowTitle)
				if length(r.Detail) > maxRowDetail {
					t.Fatal("description too long")
				}
			}
		}
	})
}
