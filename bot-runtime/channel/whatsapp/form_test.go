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
