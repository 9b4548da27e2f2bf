package whatsapp

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
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
		if diff := cmp.Diff(want, fieldsOf(response)); diff != "" && !(len(want) == 0 && len(fieldsOf(response)) == 0) {
			t.Errorf("%.80s (-want +got):\n%s", response, diff)
		}
	}
}

// FuzzForm: whatever a citizen's phone sends as a form stays within the bounds.
func FuzzForm(f *testing.F) {
	f.Add(`{"who":"Dana","sum":1e400,"how":["a",["b"]],"` + strings.Repeat("n", 100) + `":"x"}`)
	f.Add(`{"a":"\u0000\ud800"}`)
	f.Fuzz(func(t *testing.T, response string) {
		fields := fieldsOf(response)
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
