package directory

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestRowsThatWillNotDoAreNamedAndTheRestServes(t *testing.T) {
	index, rejected, findings := Build(`name,licence,status,aliases
PT Sinar Padi,KEP-1,licensed,"Padi; Sinar"
,KEP-2,licensed,
PT Mekar,KEP-3,ilegal,
PT SINAR PADI,KEP-1,licensed,
"!!!",KEP-4,licensed,
PT Ombak,KEP-5,Licensed,
Emas Berlipat, Nusantara,KEP-6,illegal,
PT Batu,KEP-7,,
`, v1alpha1.DirectoryMapping{})
	if index == nil || index.Entries() != 2 || rejected != 6 {
		t.Fatalf("entries %v, rejected %d, findings %v", index, rejected, findings)
	}
	for i, want := range []string{
		"line 3: no name", `line 4: "PT Mekar" has the status "ilegal" and is left out; write licensed or illegal`, `line 5: "PT SINAR PADI" stands at line 2 already`, `line 6: "!!!" has no letter or digit`,
		"line 8: 5 fields, the header line has 4; quote fields that hold commas", `line 9: "PT Batu" has the status ""`,
	} {
		line, message, _ := strings.Cut(want, ": ")
		if f := findings[i]; !strings.Contains(f.Path, line) || !strings.HasPrefix(f.Message, message) || !f.Advice {
			t.Errorf("finding %d is %+v, want %s", i, f, want)
		}
	}
	if a := index.Ask("emas berlipat nusantara"); a.Outcome != None {
		t.Errorf("the row whose fields have slipped gives %+v", a)
	}
	if a := index.Ask("padi"); a.Outcome != Exact || a.Field != "alias" {
		t.Errorf("the alias gives %+v", a)
	}
}

func TestWhatElseAnAgencyHasIsShownAndNothingIsFoundByIt(t *testing.T) {
	rows := `name,status,Alamat,phones,note
Bank Sinar Padi,licensed,"Jl. {{ contact.name }} No. 1
<b>Solo</b>",021-5550101,  Izin sejak 1998
PT Mekar,licensed,,, ` + strings.Repeat("é", 300) + `
`
	mapping := v1alpha1.DirectoryMapping{Shown: []v1alpha1.ShownColumn{{Name: "address", Column: "alamat", Label: v1alpha1.Text{"id": "Alamat", "en": "Address"}}, {Name: "note"}, {Name: "phones"}}}
	index, rejected, findings := Build(rows, mapping)
	if index == nil || rejected != 0 || len(findings) != 1 || findings[0].Path != "mapping.shown[note]" || !findings[0].Advice || !strings.Contains(findings[0].Message, "line 4 has more than 500 bytes") {
		t.Fatalf("rejected %d, findings %+v", rejected, findings)
	}
	want := []Fact{{Name: "address", Label: map[string]string{"id": "Alamat", "en": "Address"}, Value: "Jl. {{ contact.name }} No. 1\n<b>Solo</b>"},
		{Name: "note", Value: "Izin sejak 1998"}, {Name: "phones", Value: "021-5550101"}}
	if diff := cmp.Diff(want, index.Ask("bank sinar padi").Entries[0].Shown); diff != "" {
		t.Errorf("what is shown (-want +got):\n%s", diff)
	}
	if shown := index.Ask("pt mekar").Entries[0].Shown; len(shown) != 1 || len(shown[0].Value) > MaxShownBytes || !strings.HasSuffix(shown[0].Value, "é…") {
		t.Errorf("what is too long is shown as %+v", shown)
	}
	if a := index.Ask("jl solo izin sejak"); a.Outcome != None {
		t.Errorf("an entry is found by what is shown: %+v", a)
	}
	mapping.Shown[1].Column = "catatan"
	if index, _, findings := Build(rows, mapping); index != nil || !strings.Contains(findings[0].Message, `no column "catatan" for the note; the header line has name, status, Alamat, phones, note: set mapping.shown[note].column`) {
		t.Errorf("a column that is not there: %+v", findings)
	}
}

func TestWhatIsNotShownTakesNoMemory(t *testing.T) {
	entries := generated(2000, 3)
	plain, shown := &Builder{}, &Builder{}
	shown.Show([]Fact{{Name: "note"}})
	for _, e := range entries {
		e.Shown = []Fact{{Name: "note", Value: "four"}, {Name: "unasked", Value: strings.Repeat("x", 100)}}
		plain.Add(e)
		shown.Add(e)
	}
	a, b := plain.Build(), shown.Build()
	size := func(x *Index) (n int) {
		for _, c := range x.rows.chunks {
			n += len(c)
		}
		return n
	}
	if grown := size(b) - size(a); grown != len(entries)*len("\x04four") {
		t.Errorf("%d bytes for four letters of each of %d entries", grown, len(entries))
	}
	if never := FromEntries(entries); size(never) != size(a) {
		t.Errorf("rows of %d bytes, %d where what is shown is not asked for", size(never), size(a))
	}
}

func TestADirectoryWithoutUsableRowsIsRefused(t *testing.T) {
	for what, c := range map[string]struct{ rows, reason, says string }{
		"nothing":             {"", "Header", "no header line"},
		"no column for names": {"nama,izin\nX,1\n", "Header", "set mapping.name"},
		"a header only":       {"name,status\n", "NoEntries", "no entry is left"},
		"a column twice":      {"name,name\nX,Y\n", "Header", "two columns"},
		"no status":           {"name,Stat\nX,licensed\n", "Header", "that says licensed or illegal"},
	} {
		t.Run(what, func(t *testing.T) {
			index, _, findings := Build(c.rows, v1alpha1.DirectoryMapping{})
			if index != nil || len(findings) == 0 {
				t.Fatalf("served, %v", findings)
			}
			last := findings[len(findings)-1]
			if last.Reason != c.reason || !strings.Contains(last.Message, c.says) || last.Advice {
				t.Errorf("%+v", last)
			}
		})
	}
}

func TestAMappingToAColumnThatIsNotThereIsRefused(t *testing.T) {
	for field, m := range map[string]v1alpha1.DirectoryMapping{"sites": {Sites: "Situs"}, "status": {Status: "Daftar"}} {
		index, _, findings := Build("name,status,site\nX,illegal,x.example\n", m)
		if index != nil || len(findings) != 1 || findings[0].Advice || !strings.Contains(findings[0].Message, "mapping."+field) {
			t.Errorf("%s: %v", field, findings)
		}
	}
}

func TestColumnsAreMappedByName(t *testing.T) {
	index, _, findings := Build("\uFEFFnama perusahaan,Situs,STATUS\nPT Ombak Tenang,ombak.example,licensed\n", v1alpha1.DirectoryMapping{Name: "Nama Perusahaan", Sites: "Situs"})
	if index == nil {
		t.Fatal(findings)
	}
	if a := index.Ask("www.ombak.example"); a.Outcome != Exact || a.Entries[0].Name != "PT Ombak Tenang" {
		t.Errorf("%+v", a)
	}
}

func FuzzBuild(f *testing.F) {
	for _, s := range []string{"name\nX\n", "name,status\n\"X\nY\",illegal\n", "name;x\n", "\uFEFFname\n\"\"\"\n", "name,sites,phones\nA,http://[::1,+62\n", "name,status,x\nX,licensed,\"a\nb\"\nY,illegal,\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rows string) {
		index, rejected, findings := Build(rows, v1alpha1.DirectoryMapping{})
		refused := false
		for _, f := range findings {
			refused = refused || !f.Advice
		}
		if (index == nil) != refused || rejected < 0 {
			t.Fatalf("index %v, findings %v", index != nil, findings)
		}
		if index != nil {
			index.Ask("x")
		}
		shown, _, _ := Build(rows, v1alpha1.DirectoryMapping{Shown: []v1alpha1.ShownColumn{{Name: "x"}, {Name: "alike", Column: "name"}}})
		if shown == nil {
			return
		}
		for i := range shown.Entries() {
			e := shown.rows.entry(uint32(i))
			for _, f := range e.Shown {
				if f.Value == "" || len(f.Value) > MaxShownBytes || !utf8.ValidString(f.Value) || len(e.Name) <= MaxShownBytes && f.Name == "alike" && f.Value != e.Name {
					t.Fatalf("%q of %q", f, e.Name)
				}
			}
		}
	})
}

func FuzzReadLines(f *testing.F) {
	for _, s := range []string{`{"name":"X"}`, `{"name":"PT Dana","aliases":["a",""],"sites":["http://[::1"],"status":"illegal"}`, "[]", "{\"name\":\"\\ud800\"}", `{"name":"` + strings.Repeat("dana ", 700) + `"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		index, err := ReadLines(strings.NewReader(lines))
		if (index == nil) != (err != nil) {
			t.Fatalf("index %v, error %v", index != nil, err)
		}
		if index != nil {
			index.Ask("dana x")
			index.Ask(lines)
		}
	})
}
