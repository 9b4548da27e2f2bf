package author

import (
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

// exported is the sample in a folder of its own, with its table.
func exported(t *testing.T, name string) (dir, table string) {
	t.Helper()
	dir = edited(t, "dialogflow.yaml", "  start: welcome", "  start: welcome # of a copy")
	table = filepath.Join(t.TempDir(), name)
	if err := ExportTexts(io.Discard, dir, table, now); err != nil {
		t.Fatal(err)
	}
	return dir, table
}

// fill changes rows of a table: key and language to text and state.
func fill(t *testing.T, table string, with map[[2]string][2]string) {
	t.Helper()
	rows, there, err := readTable(table)
	if err != nil || !there {
		t.Fatal(err)
	}
	for i := range rows {
		if c, ok := with[[2]string{rows[i].Key, rows[i].Language}]; ok {
			rows[i].Text, rows[i].State = c[0], c[1]
		}
	}
	if err := writeTable(table, rows); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTextsAreATableForTranslators(t *testing.T) {
	golden(t, "texts.csv", func(out io.Writer) {
		_, table := exported(t, "texts.csv")
		_, _ = io.WriteString(out, read(t, table))
	})
}

func TestTextsComeBackIntoTheFlowAndNothingElseChanges(t *testing.T) {
	for _, name := range []string{"texts.csv", "texts.xlsx"} {
		dir, table := exported(t, name)
		flow := filepath.Join(dir, "dialogflow.yaml")
		before := read(t, flow)
		var out bytes.Buffer
		if err := ImportTexts(&out, dir, table, false, now); err != nil || read(t, flow) != before || !strings.Contains(out.String(), "0 texts imported") {
			t.Errorf("%s: an untouched table: %v %s", name, err, out.String())
		}
		fill(t, table, map[[2]string][2]string{
			{"nodes[welcome].menu.text", "en"}:                     {"Welcome! =1+1, \"quoted\"\nand a line more.", "approved"},
			{"nodes[welcome].menu.options[complaint].title", "id"}: {"-Aduan", "approved"},
			{"nodes[unknown].say.text", "en"}:                      {"Not for citizens.", "rejected"},
			{"nodes[closed].say.text", "en"}:                       {"Nobody is here.", "draft"},
		})
		out.Reset()
		if err := ImportTexts(&out, dir, table, true, now); err != nil || !strings.Contains(out.String(), "2 texts imported\n2 texts not imported: not approved") {
			t.Fatalf("%s: %v %s", name, err, out.String())
		}
		want := strings.NewReplacer("en: Welcome to Kontak 157. Type a company's name to check its licence, or choose.", `en: "Welcome! =1+1, \"quoted\"\nand a line more."`,
			"title: {id: Pengaduan, en", "title: {id: -Aduan, en").Replace(before)
		if got := read(t, flow); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
		// the states stay with texts that are the same; the draft waits
		if err := ExportTexts(&out, dir, table, now); err == nil || !strings.Contains(err.Error(), "the text of dialogflow/kontak157  nodes[unknown].say.text.en was changed there and never imported") {
			t.Errorf("%s: %v", name, err)
		}
		fill(t, table, map[[2]string][2]string{{"nodes[unknown].say.text", "en"}: {"", ""}})
		if err := ImportTexts(&out, dir, table, false, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out.Reset()
		if err := ExportTexts(&out, dir, table, now); err != nil || !strings.Contains(out.String(), "2 approved") {
			t.Errorf("%s: %v %s", name, err, out.String())
		}
		if !strings.Contains(read(t, flow), `en: "Nobody is here."`) {
			t.Errorf("%s: the draft was not imported", name)
		}
	}
}

func TestALanguageIsAddedToAllTexts(t *testing.T) {
	dir := aidFolder(t)
	table := filepath.Join(t.TempDir(), "texts.csv")
	flow := filepath.Join(dir, "aid.yaml")
	if err := os.WriteFile(flow, []byte(strings.Replace(read(t, flow), "languages: [id]", "languages: [id, en]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	// the flow is refused as long as texts are missing; its table is where they are written
	if err := ExportTexts(io.Discard, dir, table, now); err != nil {
		t.Fatal(err)
	}
	rows, _, err := readTable(table)
	if err != nil || !strings.Contains(tally(rows), "missing") {
		t.Fatal(err, tally(rows))
	}
	for i := range rows {
		if rows[i].State == stateMissing {
			rows[i].Text, rows[i].State = "In English: "+rows[i-1].Text, stateDraft
			if strings.HasSuffix(rows[i].Key, ".title") {
				rows[i].Text = "Yes"
			}
		}
	}
	if err := writeTable(table, rows); err != nil {
		t.Fatal(err)
	}
	if err := ImportTexts(io.Discard, dir, table, false, now); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if passed, err := Test(&out, dir, "", now); !passed || err != nil || !strings.Contains(read(t, flow), `title: {id: Petugas, en: "Yes"}`) {
		t.Errorf("%v %s\n%s", err, out.String(), read(t, flow))
	}
}

func TestATableThatCannotBeImportedChangesNothing(t *testing.T) {
	dir, table := exported(t, "texts.csv")
	flow := filepath.Join(dir, "dialogflow.yaml")
	good := read(t, table)
	before := read(t, flow)
	for name, c := range map[string]struct{ replace, with, says string }{
		"a key that is none":          {"nodes[welcome].menu.text,id", "nodes[welcom].menu.text,id", `texts.csv:2  dialogflow/kontak157 has no text "nodes[welcom].menu.text"; export again`},
		"a row twice":                 {"nodes[welcome].menu.text,en", "nodes[welcome].menu.text,id", "nodes[welcome].menu.text.id stands on line 2, too; remove one"},
		"a state that is none":        {`atau pilih.",draft`, `atau pilih.",ok`, `texts.csv:2  state: "ok" is none of missing, draft, approved, rejected`},
		"a language that is none":     {"nodes[welcome].menu.text,id", "nodes[welcome].menu.text,Indonesia", `language: "Indonesia" is no language tag`},
		"a sign that nobody can see":  {"Selamat datang", "Selamat \u0007datang", "a sign that cannot be shown"},
		"an expression that is wrong": {"Selamat datang", "Selamat {{ fund.name }} datang", "nodes[welcome].menu.text.id: column"},
		"a title that is too long":    {"title,id,Pengaduan", "title,id,Pengaduan yang panjang sekali", "at most 24 are shown"},
		"a text that went on":         {`"Selamat datang di Kontak 157. Ketik nama perusahaan untuk cek izin, atau pilih.",draft,h`, "Halo,draft,h0", "was changed in the flow since the export, and in the table, too"},
		"no columns":                  {"flow,key,language", "a,b,c", `line 1: no column "flow"; the first line names the columns`},
		"a column twice":              {"state,exported", "state,state", `two columns are named "state"`},
		"no CSV":                      {"flow,key,language", "flow,\"key,language", "is no CSV"},
	} {
		changed := strings.Replace(good, c.replace, c.with, 1)
		if changed == good {
			t.Fatalf("%s: nothing to replace", name)
		}
		if err := os.WriteFile(table, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := ImportTexts(&out, dir, table, false, now)
		if err == nil || !strings.Contains(out.String()+err.Error(), c.says) {
			t.Errorf("%s: %v %s", name, err, out.String())
		}
		if read(t, flow) != before {
			t.Fatalf("%s: the flow was changed", name)
		}
	}
	for file, says := range map[string]string{"texts.ods": "neither .csv nor .xlsx", filepath.Join(t.TempDir(), "none.csv"): "there is no table"} {
		if err := ImportTexts(io.Discard, dir, file, false, now); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAnIndonesianExcelsCSVIsRead(t *testing.T) {
	dir, table := exported(t, "texts.csv")
	rows, _, err := readTable(table)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = ';', true
	_ = w.Write(append([]string{"catatan"}, columns...))
	for i, r := range rows {
		if i == 0 {
			r.Text = "Halo; ketik, atau pilih."
		}
		_ = w.Write(append([]string{"x"}, r.cells()...))
	}
	w.Flush()
	if err := os.WriteFile(table, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ImportTexts(io.Discard, dir, table, false, now); err != nil || !strings.Contains(read(t, filepath.Join(dir, "dialogflow.yaml")), "id: Halo; ketik, atau pilih.\n") {
		t.Error(err)
	}
}

func TestNoCellOfATableIsAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[=+\-@'＝	\r]{0,3}[a-z(),"; ]{0,10}`), rapid.String()).Draw(t, "text")
		cell := disarmed(text)
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") || strings.HasPrefix(cell, "＝") {
			t.Fatalf("%q is written as %q", text, cell)
		}
		if armed(cell) != text {
			t.Fatalf("%q is written as %q and read as %q", text, cell, armed(cell))
		}
	})
	table := filepath.Join(t.TempDir(), "texts.xlsx")
	if err := writeTable(table, []textRow{{Flow: "f", Key: "k", Language: "id", Text: "=HYPERLINK(\"https://x.example\")", State: stateDraft}}); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenFile(table)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if formula, err := f.GetCellFormula("texts", "D2"); err != nil || formula != "" {
		t.Errorf("%q %v", formula, err)
	}
	if err := f.SetCellFormula("texts", "D2", "1+1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readTable(table); err == nil || !strings.Contains(err.Error(), "line 2: D2 is a formula; write the text") {
		t.Error(err)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("flow,key,language,text\na,b,id,c\n"))
	f.Add([]byte("\uFEFFflow;key;language;text;state;exported\n"))
	f.Fuzz(func(_ *testing.T, body []byte) {
		if cells, err := readCSV(body); err == nil {
			_, _ = rowsOf(cells)
		}
	})
}
