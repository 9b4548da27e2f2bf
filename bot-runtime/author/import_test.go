package author

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/author/rapidpro"
)

func TestAFlowOfRapidProIsImportedAndCanBeTalkedTo(t *testing.T) {
	var made, notes bytes.Buffer
	if err := Import(&made, &notes, "testdata/rapidpro.json", "", now); err != nil {
		t.Fatal(err)
	}
	golden(t, "imported.yaml", func(out io.Writer) { _, _ = out.Write(made.Bytes()) })
	golden(t, "imported.txt", func(out io.Writer) { _, _ = out.Write(notes.Bytes()) })
	if strings.Contains(made.String()+notes.String(), "rahasia") {
		t.Error("an export's header holds a credential, and it was printed")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "flow.yaml"), made.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	golden(t, "imported-chat.txt", func(out io.Writer) {
		in := strings.NewReader("halo\n2\nhalo\nmau lapor\nSiti\n12\n13\nSiti\n30\n/answer 200 {}\n")
		if err := Chat(t.Context(), in, out, dir, "", "", func() time.Time { return now }); err != nil {
			t.Error(err)
		}
	})
}

func TestAnExportThatIsNoneSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "export.json")
	for body, says := range map[string]string{
		"x":                             "is no export of RapidPro",
		"{}":                            "has no flows; export at least one",
		`{"version":"11","flows":[{}]}`: `version "11" of the format, 13 is read; open the flows in a newer RapidPro`,
		`{"version":"13","flows":[{"name":"a"}]}`: `has no flow "other"; it has "a"`,
	} {
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Import(io.Discard, io.Discard, file, "other", now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Whatever an export holds, what is made of it can be read as a flow, and admission refuses nothing of its form.
func FuzzImport(f *testing.F) {
	sample, err := os.ReadFile("testdata/rapidpro.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte(`{"version":"13","flows":[{"uuid":"a","nodes":[{"uuid":"b","router":{"type":"random","categories":[{}]}},{"uuid":"b"}]}]}`))
	f.Add([]byte(`{"version":"13","flows":[{"language":"eng","nodes":[{"uuid":"b","actions":[{"type":"send_msg","text":"{{{@input{{"}],"router":{"type":"switch","wait":{},"cases":[{"type":"has_phrase"}]}}]}]}`))
	f.Add([]byte(`{"version":"13","flows":[{"name":"yes","nodes":[]}]}`))
	dir := f.TempDir()
	n := 0
	f.Fuzz(func(t *testing.T, body []byte) {
		flow, _, err := rapidpro.Convert(body, "")
		if err != nil {
			return
		}
		made, err := flowYAML(flow)
		if err != nil {
			t.Fatal(err)
		}
		n++
		file := filepath.Join(dir, fmt.Sprintf("%d.yaml", n))
		if err := os.WriteFile(file, made, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file)
		j := load(file, now, false)
		if len(j.Problems) > 0 {
			t.Fatalf("%v of\n%s", j.Problems, made)
		}
	})
}
