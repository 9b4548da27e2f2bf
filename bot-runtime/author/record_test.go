package author

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// talk records a talk; it returns what was printed and what was written.
func talk(t *testing.T, dir string, at time.Time, lines ...string) (printed, recorded string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "recorded.yaml")
	var out bytes.Buffer
	err = Chat(t.Context(), strings.NewReader(strings.Join(lines, "\n")), &out, dir, "", file, func() time.Time { return at })
	body, missing := os.ReadFile(file)
	if (missing != nil) != (err != nil) {
		t.Errorf("a file: %v, an error: %v", missing == nil, err)
	}
	return out.String(), string(body), err
}

// paste puts recorded tests under those of a flow, which are the last of its file.
func paste(t *testing.T, file, recorded string) {
	t.Helper()
	_, list, ok := strings.Cut(recorded, "  tests:\n")
	if !ok {
		t.Fatalf("no tests in\n%s", recorded)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(list); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestATalkBecomesATestThatPasses(t *testing.T) {
	printed, recorded, err := talk(t, sample, now,
		"apakah Dana Mekar Jaya itu resmi kak?", "/state", "Dana Mekar Jaya Cepat", "2", "bunga", "Kemarin saya ditawari lewat pesan pribadi", "are you there", "/close", "5",
		"/new", "/voice", "petugas", "/close", "/wait",
		"/new", "apakah Dana Mekar Jaya itu resmi kak?", "yes", "/quit")
	if err != nil || !strings.Contains(printed, "3 tests recorded in") {
		t.Fatal(err, printed)
	}
	golden(t, "recorded.yaml", func(out io.Writer) { _, _ = io.WriteString(out, recorded) })
	dir := edited(t, "dialogflow.yaml", "  start: welcome", "  start: welcome # and three tests more")
	paste(t, filepath.Join(dir, "dialogflow.yaml"), recorded)
	var out bytes.Buffer
	if passed, err := Test(&out, dir, "", now.AddDate(0, 1, 0)); !passed || err != nil || !strings.Contains(out.String(), "55 tests  ✓ 55") {
		t.Error(err, out.String())
	}
	if refused, err := Lint(&out, dir, now); refused || err != nil {
		t.Error(err, out.String())
	}
	// recorded again, the names are others
	_, again, err := talk(t, dir, now, "apakah Dana Mekar Jaya itu resmi kak?")
	if err != nil || !strings.Contains(again, `"recorded: apakah Dana Mekar Jaya itu resmi kak? (3)"`) && !strings.Contains(again, `'recorded: apakah Dana Mekar Jaya itu resmi kak? (3)'`) {
		t.Error(err, again)
	}
}

func TestARecordingHasPicturesSilenceAndTheTimeWhereItMatters(t *testing.T) {
	dir := aidFolder(t)
	_, recorded, err := talk(t, dir, now, "halo", "/wait", "/wait", "/new", "kak sy ketipu investasi bodong", "/picture")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "recorded-aid.yaml", func(out io.Writer) { _, _ = io.WriteString(out, recorded) })
	if strings.Contains(recorded, "at:") {
		t.Error("nothing depends on the time")
	}
	// at the change of shifts nobody is there: such a talk passes at that time only
	closed := time.Date(2026, 11, 22, 16, 59, 30, 0, time.UTC)
	if _, recorded, err = talk(t, sample, closed, "petugas"); err != nil || !strings.Contains(recorded, "at: \"2026-11-22T23:59:00+07:00\"") || !strings.Contains(recorded, "node: anythingElse") {
		t.Error(err, recorded)
	}
}

// status asks a service twice.
const statusFlow = `
apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: status}
spec:
  languages: [en]
  start: menu
  variables: [{name: state}]
  triggers: [{name: stop, words: {en: [stop]}, next: bye}, {name: hours, words: {en: [when]}, next: hours, returns: true}]
  nodes:
  - {name: menu, menu: {text: {en: Ask me.}, options: [{name: go, title: {en: Status}, next: status}]}}
  - {name: status, call: {url: "https://api.example.go.id/status", take: [{as: state, from: /state}], otherwise: broken}, next: told}
  - {name: told, say: {text: {en: "It is {{ state }}."}}, next: menu}
  - {name: broken, say: {text: {en: We cannot say.}}, next: menu}
  - {name: bye, end: {text: {en: Bye.}}}
  - {name: hours, end: {text: {en: At nine.}}}
  tests:
  - {name: asked, steps: [{citizen: Status}, {bot: {node: broken}}]}
`

func TestWhatServicesAnswerIsRecorded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "status.yaml"), []byte(statusFlow), 0o600); err != nil {
		t.Fatal(err)
	}
	_, recorded, err := talk(t, dir, now, "hi", "1", `/answer 200 {"state": "open"}`, "1", `/answer 200 {"state": "open"}`, "/new", "Status", "/answer", "stop",
		"/new", "Status", "when", `/answer 200 {"state": "open"}`, "Status", `/answer 200 {"state": "open"}`, "/new", "Status", "stop", "/new", "Status")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "recorded-call.yaml", func(out io.Writer) { _, _ = io.WriteString(out, recorded) })
	paste(t, filepath.Join(dir, "status.yaml"), recorded)
	var out bytes.Buffer
	if passed, err := Test(&out, dir, "", now); !passed || err != nil {
		t.Error(err, out.String())
	}
	for name, c := range map[string]struct {
		lines []string
		says  string
	}{
		"two answers of one node":              {[]string{"hi", "1", `/answer 200 {"state": "open"}`, "1", "/answer 500"}, "the service of node status answers twice, and not the same"},
		"an answer at once, and one later":     {[]string{"Status", "/answer", "Status", "when", "/answer"}, "the service of node status answers at once, and later after somebody wrote: record two talks"},
		"an answer at once, and then none":     {[]string{"Status", "/answer", "Status"}, "the service of node status answers at once, and then not at all"},
		"more steps than a test has":           {strings.Split(strings.Repeat("hi ", 30), " "), "60 steps, a test has at most 50"},
		"more words than a test has in a step": {[]string{strings.Repeat("x", 5000)}, "5000 characters in one message"},
	} {
		if _, _, err := talk(t, dir, now, c.lines...); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARecordingOverwritesNothing(t *testing.T) {
	there := filepath.Join(t.TempDir(), "there.yaml")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, says := range map[string]string{there: "is there already; name a new file", filepath.Join(t.TempDir(), "no", "x.yaml"): "there is no folder"} {
		if err := Chat(t.Context(), strings.NewReader("halo\n"), io.Discard, sample, "", file, func() time.Time { return now }); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if body, err := os.ReadFile(there); err != nil || string(body) != "mine" {
		t.Error(err, string(body))
	}
}

func TestAFormIsFilledInAndRecorded(t *testing.T) {
	printed, recorded, err := talk(t, sample, now,
		"Pengaduan", "/fill", "Pinjam Rukun", "bunga", "", "081234567890", "Bunganya tidak sesuai perjanjian", "1 Oktober 2026",
		"/new", "Pengaduan", "isi formulir", "", "", "", "", "/fill", "X", "/state", "Bunga di Pinjam Rukun tidak sesuai perjanjian",
		"/forms", "/fill", "Pengaduan", "Pinjam Rukun")
	if err != nil || !strings.Contains(printed, "3 tests recorded in") {
		t.Fatal(err, printed)
	}
	golden(t, "chat-form.txt", func(out io.Writer) { _, _ = io.WriteString(out, printed[:strings.LastIndex(printed, "3 tests")]) })
	golden(t, "recorded-form.yaml", func(out io.Writer) { _, _ = io.WriteString(out, recorded) })
	dir := edited(t, "dialogflow.yaml", "  start: welcome", "  start: welcome # and three tests more")
	paste(t, filepath.Join(dir, "dialogflow.yaml"), recorded)
	var out bytes.Buffer
	if passed, err := Test(&out, dir, "", now.AddDate(0, 1, 0)); !passed || err != nil {
		t.Error(err, out.String())
	}
	if refused, err := Lint(&out, dir, now); refused || err != nil {
		t.Error(err, out.String())
	}
	if _, _, err := talk(t, sample, now, "Pengaduan", "/fill", strings.Repeat("x", 600), "", "", "", "petugas"); err == nil || !strings.Contains(err.Error(), "600 characters in the form's company") {
		t.Error(err)
	}
}
