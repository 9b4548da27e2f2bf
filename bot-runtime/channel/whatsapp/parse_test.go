package whatsapp

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path string, got []byte) {
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// readable is a batch as the golden files show it: raw events as text.
func readable(t *testing.T, p parsed) []byte {
	type raw struct{ Kind, Body string }
	var raws []raw
	for _, r := range p.batch.Raw {
		var b bytes.Buffer
		if json.Compact(&b, r.Body) != nil {
			b.Write(r.Body)
		}
		raws = append(raws, raw{r.Kind, b.String()})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"own": p.own, "foreign": p.foreign, "messages": p.batch.Messages,
		"statuses": p.batch.Statuses, "moves": p.batch.Moves, "raw": raws}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryShapeOfWebhookIsRead(t *testing.T) {
	files, _ := filepath.Glob("testdata/webhook/*.json")
	if len(files) < 20 {
		t.Fatalf("only %d fixtures", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			p, err := testChannel(t, whole()).parse(fixture(t, name))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/webhook/"+name+".golden", readable(t, p))
		})
	}
}

func one(t *testing.T, messageJSON string) store.Batch {
	body := `{"object":"whatsapp_business_account","entry":[{"id":"` + waba + `","changes":[{"field":"messages","value":{
		"metadata":{"phone_number_id":"` + numberID + `"},"messages":[` + messageJSON + `]}}]}]}`
	p, err := testChannel(t, whole()).parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return p.batch
}

func TestTheWindowStartsAtThePlatformsTime(t *testing.T) {
	for stamp, want := range map[string]time.Time{
		`"1795500000"`:    time.Unix(1795500000, 0),
		`1795500000`:      time.Unix(1795500000, 0),
		`"1795500000123"`: time.UnixMilli(1795500000123),
		`"1795999999"`:    now, // two days ahead
		`"gestern"`:       now,
		`""`:              now,
		`null`:            now,
		`"-5"`:            now,
	} {
		got := one(t, `{"from":"62811","id":"wamid.1","timestamp":`+stamp+`,"type":"text","text":{"body":"halo"}}`).Messages
		if len(got) != 1 || !got[0].At.Equal(want) {
			t.Errorf("%s: got %v, want %v", stamp, got, want)
		}
	}
}

func TestTextThatNoStoreTakesIsMended(t *testing.T) {
	long := strings.Repeat("x", maxInText-1) + "ä" // the cut would fall into the letter
	for given, want := range map[string]string{
		`a\u0000b`:   "a\uFFFDb",
		`a\ud800b`:   "a\uFFFDb",
		"a\xffb":     "a\uFFFDb",
		`\u00e4`:     "ä",
		long:         strings.Repeat("x", maxInText-1),
		`<b>{{x}}\n`: "<b>{{x}}\n",
	} {
		got := one(t, `{"from":"62811","id":"wamid.1","type":"text","text":{"body":"`+given+`"}}`).Messages
		if len(got) != 1 || got[0].Body.Text != want {
			t.Errorf("%.20q: got %.200v", given, got)
		}
	}
}

func TestOneOddMessageLosesNoOther(t *testing.T) {
	batch := one(t, `{"from":"62811","id":"wamid.1","type":"text","text":["not","an","object"]},
		"not even an object",
		{"from":"62812","id":"wamid.2","type":"text","text":{"body":"halo"}}`)
	if len(batch.Messages) != 2 || batch.Messages[0].Body.Kind != message.InOther || batch.Messages[1].Body.Text != "halo" {
		t.Fatalf("got %+v", batch.Messages)
	}
	if len(batch.Raw) != 2 {
		t.Fatalf("kept %d raw, want 2", len(batch.Raw))
	}
}

func TestARawEventIsBounded(t *testing.T) {
	batch := one(t, `{"from":"62811","id":"wamid.1","type":"hologram","hologram":"`+strings.Repeat("x", 2*maxRaw)+`"}`)
	if len(batch.Raw) != 1 || len(batch.Raw[0].Body) != maxRaw || len(batch.Messages) != 1 {
		t.Fatalf("got %d raw", len(batch.Raw))
	}
}

// A search through all contacts for each message would take minutes here.
func TestEachOfTwentyThousandMessagesOfABodyFindsItsContact(t *testing.T) {
	const n = 20_000
	var contacts, messages []string
	for i := range n {
		contacts = append(contacts, fmt.Sprintf(`{"profile":{"name":"name %d"},"wa_id":"6281%07d"}`, i, i))
		messages = append(messages, fmt.Sprintf(`{"from":"6281%07d","id":"m%d","timestamp":"1764000000","type":"text","text":{"body":"x"}}`, n-1-i, i))
	}
	p, err := testChannel(t, whole()).parse([]byte(`{"entry":[{"id":"` + waba + `","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"` + numberID + `"},"contacts":[` +
		strings.Join(contacts, ",") + `],"messages":[` + strings.Join(messages, ",") + `]}}]}]}`))
	if err != nil || len(p.batch.Messages) != n {
		t.Fatalf("%d messages, %v", len(p.batch.Messages), err)
	}
	for i, m := range p.batch.Messages {
		if want := fmt.Sprintf("name %d", n-1-i); m.DisplayName != want {
			t.Fatalf("message %d is from %q, not %q", i, m.DisplayName, want)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	files, _ := filepath.Glob("testdata/webhook/*.json")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	c := testChannel(f, whole())
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := c.parse(body)
		if err != nil {
			return
		}
		if p.own == 0 && len(p.batch.Messages)+len(p.batch.Statuses)+len(p.batch.Moves)+len(p.batch.Raw) > 0 {
			t.Fatal("something was taken of a body without an own change")
		}
		storable := func(s string, limit int) {
			if len(s) > limit || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Fatalf("no store takes %q", s)
			}
		}
		for _, m := range p.batch.Messages {
			storable(m.Body.Text, maxInText)
			storable(m.ExternalID, maxID)
			storable(m.DisplayName, maxName)
			storable(m.Body.ChoiceID+m.Body.MediaID+m.Body.FileName+m.Body.Original, 4*maxID)
			if m.ExternalID == "" || len(m.Identities) == 0 || m.At.After(now.Add(time.Hour)) {
				t.Fatalf("a message without id or sender, or from the future: %+v", m)
			}
			for _, i := range m.Identities {
				storable(i.Value, maxID)
			}
		}
		for _, s := range p.batch.Statuses {
			storable(s.ExternalID+s.Ref+s.ErrorText, 1024)
		}
	})
}
