package schema

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

func TestTheFileInTheRepositoryIsUpToDate(t *testing.T) {
	want, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("loket.json"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("config/schema/loket.json is stale: run make generate (%v)", err)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	body, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("loket.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("loket.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate judges a document as an editor would.
func validate(t *testing.T, s *jsonschema.Schema, document string) error {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(instance)
}

func TestTheSamplesAreWell(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../samples/kontak157/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	ours := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, string(body)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !bytes.Contains(body, []byte("apiVersion: loket.dev/")) {
			continue
		}
		ours++
		first, _, _ := strings.Cut(string(body), "\n")
		path, ok := strings.CutPrefix(first, "# yaml-language-server: $schema=")
		if !ok {
			t.Errorf("%s does not begin with the line that editors find the schema by", file)
		} else if _, err := os.Stat(filepath.Join(filepath.Dir(file), path)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if ours < 7 {
		t.Errorf("%d objects of Loket in the sample", ours)
	}
}

func TestAnEditorShowsWhatIsWrong(t *testing.T) {
	s := compiled(t)
	flow := "apiVersion: loket.dev/v1alpha1\nkind: DialogFlow\nmetadata: {name: f}\nspec:\n  start: a\n  nodes:\n"
	good := flow + "  - {name: a, lookup: {directory: d, as: found, otherwise: b}}\n  - {name: b, end: {}}\n"
	if err := validate(t, s, good); err != nil {
		t.Errorf("what has a default may be left out: %v", err)
	}
	for name, c := range map[string]struct{ document, says string }{
		"a field that is none":        {flow + "  - {name: a, say: {txt: {en: x}}, next: a}\n", "additional properties 'txt' not allowed"},
		"a value of another type":     {flow + "  - {name: a, ask: {text: {en: x}, as: v, retries: two}, next: a}\n", "got string, want integer"},
		"a value beyond its bound":    {flow + "  - {name: a, ask: {text: {en: x}, as: v, retries: 11}, next: a}\n", "maximum: got 11, want 10"},
		"a value that is none of all": {flow + "  - {name: a, ask: {text: {en: x}, as: v, type: colour}, next: a}\n", "value must be one of"},
		"a field that is missing":     {flow + "  - {name: a, ask: {text: {en: x}}, next: a}\n", "missing property 'as'"},
		"a kind that is none":         {strings.Replace(good, "DialogFlow", "DialogFlo", 1), "value must be one of 'AgentPool', 'BotTenant'"},
		"a version that is none":      {strings.Replace(good, "v1alpha1", "v1", 1), "value must be"},
		"a name that is none":         {strings.Replace(good, "name: f", "name: F", 1), "does not match pattern"},
	} {
		if err := validate(t, s, c.document); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := validate(t, s, "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n"); err != nil {
		t.Errorf("an object of Kubernetes beside ours: %v", err)
	}
}

func TestRulesThatEditorsCannotRunAreTold(t *testing.T) {
	body, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"Rule: a node is exactly one of say, ask, form, menu", "query is CEL giving the text to look up."} {
		if !bytes.Contains(body, []byte(words)) {
			t.Errorf("%q is nowhere", words)
		}
	}
	if bytes.Contains(body, []byte("x-kubernetes")) {
		t.Error("editors do not know x-kubernetes fields")
	}
}
