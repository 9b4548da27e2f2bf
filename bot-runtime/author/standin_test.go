package author

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const register = `
apiVersion: loket.dev/v1alpha1
kind: Directory
metadata: {name: register}
spec:
  source: {http: {url: "https://register.example/list.json", format: json}}
  mapping: {name: legalName, licence: permit, status: state, shown: [{name: office, column: Kantor}]}
`

func TestAFileBesideTheYAMLStandsInForAListThatIsFetched(t *testing.T) {
	for name, tt := range map[string]struct{ file, rows, lint, answer string }{
		"nothing": {"", "", "nothing was fetched yet", ""},
		"csv":     {"register.csv", "legalName,permit,state,Kantor\nPT Dana Mekar Jaya,KEP-12/2021,licensed,Solo\n", "", "    office: Solo\n"},
		"json":    {"register.json", `[{"legalName":"PT Dana Mekar Jaya","permit":"KEP-12/2021","state":"licensed","Kantor":"Solo"}]`, "", "    office: Solo\n"},
		"ndjson":  {"register.ndjson", `{"legalName":"PT Dana Mekar Jaya","permit":"KEP-12/2021","state":"licensed","Kantor":["Solo","Klaten"]}`, "", "    office: Solo;Klaten\n"},
		"broken":  {"register.json", `{"legalName":1}`, "not a JSON array", ""},
		"another": {"other.csv", "legalName,permit\nPT Dana Mekar Jaya,KEP-12/2021\n", "nothing was fetched yet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("register.yaml", register)
			if tt.file != "" {
				write(tt.file, tt.rows)
			}
			var out bytes.Buffer
			if _, err := Lint(&out, dir, now); err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(out.String(), tt.lint) && tt.lint != ""; told != (tt.lint != "") || tt.lint == "" && strings.Contains(out.String(), "fetched") {
				t.Errorf("lint says %s", out.String())
			}
			out.Reset()
			if err := Lookup(&out, dir, "", "dana mekar jaya", now); (err == nil) != (tt.answer != "") || !strings.Contains(out.String(), tt.answer) {
				t.Errorf("the look-up says %q, %v", out.String(), err)
			}
		})
	}
}
