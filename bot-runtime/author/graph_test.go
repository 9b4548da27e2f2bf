package author

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAFlowIsDrawn(t *testing.T) {
	golden(t, "graph.svg", func(out io.Writer) {
		if err := Graph(out, sample, "", "", now); err != nil {
			t.Error(err)
		}
	})
	golden(t, "graph-aid.svg", func(out io.Writer) {
		if err := Graph(out, aidFolder(t), "aid", "id", now); err != nil {
			t.Error(err)
		}
	})
}

// drawn is the picture of a flow that stands alone; it is well-formed.
func drawn(t *testing.T, flow string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flow.yaml"), []byte(flow), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Graph(&out, dir, "", "", now); err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(out.Bytes()))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
	}
}

func TestWordsInAPictureStayWords(t *testing.T) {
	got := drawn(t, strings.NewReplacer("Ask me.", `"<script>alert(1)</script> & ]]> \u0001"`, "Bye.", "‮Bye").Replace(statusFlow))
	if strings.Contains(got, "<script") || !strings.Contains(got, "&lt;script&gt;alert(1)") {
		t.Error(got)
	}
}

func TestTheWaysOfThePictureAreThoseOfTheFlow(t *testing.T) {
	every := `
apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: every}
spec:
  languages: [en]
  start: run
  variables: [{name: num, type: number}, {name: s}]
  nodes:
  - {name: run, run: {start: ask}, next: branch}
  - {name: ask, ask: {text: {en: "How many?"}, as: num, type: number, otherwise: done, silence: [{minutes: 5, next: done}]}, next: call}
  - {name: call, call: {url: "https://api.example.go.id/x", statusAs: num, otherwise: done, onUnknown: ask}, next: done}
  - {name: done, end: {}}
  - name: branch
    branch:
      cases:
      - {if: [{var: num, atLeast: 3}, {var: s, in: [a, b]}], next: set}
      - {when: "num > 2.0", next: map}
      otherwise: survey
  - {name: set, set: {variables: [{name: s, value: "'x'"}]}, next: survey}
  - {name: map, say: {text: {en: Here.}, location: {latitude: "-6.1", longitude: "106.8", name: Office}}, next: survey}
  - {name: survey, survey: {text: {en: "Well?"}, thanks: {en: Thanks.}}, next: done}
`
	got := drawn(t, every)
	rows := len(regexp.MustCompile(`<circle class="(full|ring)" c?x`).FindAllString(got, -1)) - 2 // the legend has two
	var out bytes.Buffer
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flow.yaml"), []byte(every), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Test(&out, dir, "", now); err != nil || !strings.Contains(out.String(), "edges 0/12") || rows != 14 {
		t.Errorf("%d rows; %v %s", rows, err, out.String()) // two rows of ask lead to the same node, and so do two of call
	}
	for _, words := range []string{"num atLeast 3 &amp; s in a, b", "num &gt; 2.0", "GET https://api.example.go.id/x", "5 minutes of silence", ">unknown<", ">untested<"} {
		if !strings.Contains(got, words) {
			t.Errorf("%q is not in\n%s", words, got)
		}
	}
	// the map is a message of its own, and the words before it, and the question, the survey, and its thanks
	if !strings.Contains(got, `class="cost">5<`) {
		t.Error(got)
	}
}

func TestAPictureThatCannotBeSaysWhy(t *testing.T) {
	for name, c := range map[string]struct{ flow, language, says string }{
		"a flow that is none":     {"nothing", "", `no flow "nothing" serves here (there are: kontak157)`},
		"a language that is none": {"", "jv", `dialogflow/kontak157 does not speak "jv"; choose one of id, en`},
	} {
		if err := Graph(io.Discard, sample, c.flow, c.language, now); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
