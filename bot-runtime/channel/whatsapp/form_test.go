package whatsapp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestTheAnswersOfAFormAreReadAsTexts(t *testing.T) {
	for response, want := range map[string]map[string]string{
		`{"who":"Dana Mekar","sum":2500000,"account":12345678901234567890,"told":true,"how":["bank","cash"],"flow_token":"unused"}`: {
			"who": "Dana Mekar", "sum": "2500000", "account": "12345678901234567890", "told": "true", "how": "bank, cash"},
		`{"nested":{"a":1},"nothing":null,"empty":[],"a":""}`: {"a": ""},
		`[1]`:    nil,
		`"text"`: nil,
		`{"a":`:  nil,
		``:       nil,
		`{"a":"` + strings.Repeat("x", maxFormBytes) + `"}`: nil,
	} {
		got, token := fieldsOf(response)
		if diff := cmp.Diff(want, got); diff != "" && !(len(want) == 0 && len(got) == 0) || token != "" {
			t.Errorf("%.80s (-want +got):\n%s%s", response, diff, token)
		}
	}
}

func TestAFormSaysWhichOneItIs(t *testing.T) {
	for response, want := range map[string]string{
		`{"who":"Dana","flow_token":"report"}`: "report", `{"who":"Dana","flow_token":7}`: "", `{"who":"Dana"}`: "",
		`{"who":"Dana","flow_token":"` + strings.Repeat("x", 500) + `"}`: strings.Repeat("x", maxID),
	} {
		if fields, token := fieldsOf(response); token != want || len(fields) != 1 {
			t.Errorf("%.60s: %q %v", response, token, fields)
		}
	}
}

// FuzzForm: whatever a citizen's phone sends as a form stays within the bounds.
func FuzzForm(f *testing.F) {
	f.Add(`{"who":"Dana","sum":1e400,"how":["a",["b"]],"` + strings.Repeat("n", 100) + `":"x"}`)
	f.Add(`{"a":"\u0000\ud800"}`)
	f.Fuzz(func(t *testing.T, response string) {
		fields, token := fieldsOf(response)
		if len(token) > maxID || !utf8.ValidString(token) {
			t.Fatalf("token %q", token)
		}
		if len(fields) > maxFields {
			t.Fatalf("%d fields", len(fields))
		}
		for name, value := range fields {
			if len(name) > maxFieldName || len(value) > maxFieldValue || !utf8.ValidString(name) || !utf8.ValidString(value) || strings.ContainsRune(name+value, 0) {
				t.Fatalf("%q: %q", name, value)
			}
		}
	})
}

func TestAFormThatMetaRefusesGoesAsItsTextAndIsTriedAgainLater(t *testing.T) {
	published := false
	var kinds []string
	c := sender(t, meta(t, func(w http.ResponseWriter, r *http.Request) {
		var got struct {
			Kind string `json:"type"`
			Text struct{ Body string }
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		kinds = append(kinds, got.Kind+got.Text.Body)
		if got.Kind == "interactive" && !published {
			answering(400, metaError(131009))(w, r)
			return
		}
		answering(200, `{"messages":[{"id":"wamid.OUT"}]}`)(w, r)
	}), whole())
	clock := now
	c.Now = func() time.Time { return clock }
	form := func(attempt int) store.Send {
		s := toSend(attempt)
		s.Body.Form = &message.Form{ID: "157", Screen: "FIRST", Button: "Isi"}
		return s
	}
	v := c.Send(t.Context(), form(1))
	if v.Outcome != store.SendNotAccepted || v.RetryAfter <= 0 || v.RetryAfter > time.Second || v.PauseFor != 0 ||
		!strings.Contains(v.Reason, "form 157") || !strings.Contains(v.Reason, "131009") {
		t.Fatalf("%+v", v)
	}
	for attempt := range 2 { // this one again, and another's
		if v := c.Send(t.Context(), form(2-attempt)); v.Outcome != store.SendAccepted {
			t.Fatalf("%+v", v)
		}
	}
	published, clock = true, now.Add(formAgain)
	if v := c.Send(t.Context(), form(1)); v.Outcome != store.SendAccepted {
		t.Fatalf("%+v", v)
	}
	if want := []string{"interactive", "texthalo", "texthalo", "interactive"}; !slices.Equal(kinds, want) {
		t.Errorf("%q, want %q", kinds, want)
	}
}

func TestARefusalThatIsNotOfTheFormIsOfTheMessage(t *testing.T) {
	c := sender(t, meta(t, answering(400, metaError(131026))), whole())
	s := toSend(1)
	s.Body.Form = &message.Form{ID: "157", Screen: "FIRST", Button: "Isi"}
	if v := c.Send(t.Context(), s); v.Outcome != store.SendFailed {
		t.Errorf("%+v", v)
	}
}
