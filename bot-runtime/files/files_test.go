package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const flow = `apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: main}
spec:
  languages: [en]
  start: over
  nodes: [{name: over, end: {}}]
`

func TestTheSampleLoadsWithoutAProblem(t *testing.T) {
	f := Load("../../config/samples/kontak157")
	if len(f.Problems) > 0 {
		t.Fatal(f.Problems)
	}
	if objects := f.Objects; objects.Tenant.Name != "ojk" || len(objects.Channels) != 2 || len(objects.Flows) != 1 || len(objects.Pools) != 1 || len(objects.Directories) != 1 || len(objects.Knowledge) != 1 {
		t.Errorf("%+v", objects)
	}
	if len(f.Secrets) != 0 {
		t.Error("the sample that people copy has Secrets")
	}
	if demo := Load("../../config/samples/kontak157-demo/secrets.yaml").Secrets; len(demo["ojk-agents"]) != 40 || string(demo["ojk-wa"]["verifyToken"]) == "" {
		t.Error("the demo's Secrets are not there")
	}
	if f.Objects.Pools[0].Spec.Queue.MaxWaiting != 1000 || f.Objects.Tenant.Spec.Bot.Replicas != 2 {
		t.Error("defaults are missing")
	}
}

func TestFilesOfSeveralDocumentsAndForeignKinds(t *testing.T) {
	dir := write(t, map[string]string{
		"all.yaml": "# a comment\n---\n" + flow + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n\n---\n" +
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rows}\ndata: {list.csv: \"name\\nX\\n\"}\n---\n" +
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGVsbG8=}\nstringData: {b: there}\n",
		"kustomization.yaml": "resources: [all.yaml]\n",
		"notes.txt":          "not YAML: [",
	})
	f := Load(dir)
	objects, secrets, problems := f.Objects, f.Secrets, f.Problems
	if len(problems) > 0 || len(objects.Flows) != 1 || objects.ConfigMaps["rows"]["list.csv"] == "" || string(secrets["s"]["a"])+string(secrets["s"]["b"]) != "hellothere" {
		t.Errorf("%v %+v %v", problems, objects, secrets)
	}
	if objects.Tenant.Name != "local" || objects.Tenant.Spec.Languages[0] != "en" {
		t.Errorf("a flow alone has no tenant: %+v", objects.Tenant)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	secret := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
	for what, c := range map[string]struct{ body, says string }{
		"a field that does not exist":      {strings.Replace(flow, "start:", "strt: x\n  start:", 1), "f.yaml:6  dialogflow/main  strt: no such field"},
		"the same twice":                   {flow + "---\n" + flow, "f.yaml:11  dialogflow/main  stands twice"},
		"a Secret that is not base64":      {flow + secret + "data: {a: '!canary!'}\n", "f.yaml:11  secret/s  data.a is not base64"},
		"a node of two kinds":              {strings.Replace(flow, "end: {}", "end: {}, say: {text: {en: x}}", 1), "f.yaml:7  dialogflow/main  nodes[over]: a node is exactly one of"},
		"nothing of ours":                  {"apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", "no object of Loket here"},
		"what is no object":                {flow + "---\na: 1\n", "f.yaml:9  is no object of Kubernetes: apiVersion and kind are missing"},
		"a field of another type, deep in": {strings.Replace(flow, "start:", "variables:\n  - name: a\n  - name: b\n    type: text\n  start:", 1), "f.yaml:9  dialogflow/main  variables[b].type"},
		"two namespaces": {strings.Replace(flow, "{name: main}", "{name: main, namespace: a}", 1) + secret[:len(secret)-2] + ", namespace: b}\n",
			"f.yaml:11  secret/s  metadata.namespace: \"b\", but dialogflow/main is in \"a\"; objects of one tenant share a namespace"},
		"a Namespace of another name": {strings.Replace(flow, "{name: main}", "{name: main, namespace: a}", 1) + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n",
			"namespace/b  metadata.namespace: \"b\", but dialogflow/main is in \"a\""},
	} {
		t.Run(what, func(t *testing.T) {
			all := told(t, c.body)
			if !strings.Contains(all, c.says) || strings.Contains(all, "canary") {
				t.Errorf("got %s", all)
			}
		})
	}
	if problems := Load("nowhere").Problems; len(problems) != 1 || !strings.Contains(problems[0].Message, "no such folder") {
		t.Error(problems)
	}
}

// told is what is wrong with a file, as lint prints it.
func told(t *testing.T, body string) string {
	t.Helper()
	all := ""
	for _, p := range Load(filepath.Join(write(t, map[string]string{"f.yaml": body}), "f.yaml")).Problems {
		all += p.String() + "\n"
	}
	return all
}

func TestAKustomizationPutsAllIntoOneNamespace(t *testing.T) {
	f := Load(write(t, map[string]string{
		"kustomization.yaml": "namespace: agency\nresources: [f.yaml]\n",
		"f.yaml":             strings.Replace(flow, "{name: main}", "{name: main, namespace: a}", 1) + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n",
	}))
	if len(f.Problems) > 0 {
		t.Error(f.Problems)
	}
}

// What YAML says of a mistake in its writing is about tokens, and often about the line before.
func TestAMistakeInTheYAMLIsToldWithItsLineAndMend(t *testing.T) {
	for what, c := range map[string]struct{ rest, says string }{
		"a tab":                         {"a:\n\tb: 1\n", "f.yaml:14  a tab; indent with spaces"},
		"a colon in a text":             {"a: 1\nb: Ketik: nama\nc: 2\n", `f.yaml:14  a second ": " on this line`},
		"braces at the beginning":       {"a: 1\nb:\n  id: {{ found.name }} berizin\nc: 1\n", "f.yaml:15  {{ at the beginning of a text is YAML's own sign; quote texts with {{ }}"},
		"nothing but braces":            {"a: 1\nb: {{ found.name }}\nc: 1\n", "f.yaml:14  {{ at the beginning"},
		"braces within braces":          {"a: 1\nb: {id: {{ found.name }} berizin}\nc: 1\n", "f.yaml:14  {{ at the beginning"},
		"a bracket that is not closed":  {"a: 1\nb: [x, y\nc: 1\n", "f.yaml:14  a [ or { here or above is not closed"},
		"a quote that is not closed":    {"a: 1\nb: \"x\nc: 1\n", "a quoted text is not closed above"},
		"an indentation that is off":    {"a: 1\nb:\n- x\n y: 1\n", "f.yaml:16  a second"},
		"an at-sign":                    {"a: 1\nb: @x\n", "f.yaml:14  a text cannot begin with @, ` or %; quote it"},
		"a star":                        {"a: 1\nb: *x\n", "f.yaml:14  a text cannot begin with * or &; quote it"},
		"a key that stands twice":       {"a: 1\nb: 2\nspec: {a: 1,\n  a: 2}\n", `f.yaml:16  "a" stands twice here, first on the line above; remove one`},
		"a text after a quoted text":    {"a: 1\nb: \"x\" y\n", "f.yaml:14  this line does not fit those above"},
		"a list that is nothing of all": {"- a\n", "f.yaml:9  is no object of Kubernetes"},
	} {
		t.Run(what, func(t *testing.T) {
			all := told(t, flow+"---\n# "+strings.Repeat("\n# ", 3)+"\n"+c.rest)
			if !strings.Contains(all, c.says) || strings.Contains(all, "yaml:  ") || strings.Count(all, "\n") != 1 {
				t.Errorf("got %s", all)
			}
		})
	}
}

func TestAnObjectWithAMistakeIsKnownToBeThere(t *testing.T) {
	f := Load(write(t, map[string]string{"f.yaml": "apiVersion: loket.dev/v1alpha1\nkind: Directory\nmetadata: {name: list}\nspec: {source: {inline: [a]}}\n"}))
	if !f.Unread["directory/list"] || len(f.Problems) != 1 {
		t.Errorf("%+v %v", f.Unread, f.Problems)
	}
}

func TestEveryPathOfAnObjectHasItsLine(t *testing.T) {
	f := Load("../../config/samples/kontak157")
	body, err := os.ReadFile("../../config/samples/kontak157/dialogflow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(string(body), "\n")
	for path, row := range map[string]string{
		"":                     "  name: kontak157",
		"triggers[hours].next": "    next: hours",
		"nodes[welcome].menu.options[hours].title.en": "        title: {id: Jam layanan, en: Opening hours}",
		"nodes[welcome].menu.options[2].title.jv":     "        title: {id: Jam layanan, en: Opening hours}",
		"nodes[check].lookup.cases[4].next":           "      - {outcomes: [listed-illegal], next: illegal}",
		"nodes[nowhere].say":                          "  nodes:",
		"tests[a near-copy in English].steps[1]":      `    - bot: {contains: "BEWARE, a look-alike", node: warn, not: {contains: is licensed}}`,
		"knowledge[0]":                                "  knowledge: [answers]",
	} {
		file, line := f.At("dialogflow/kontak157", path)
		if filepath.Base(file) != "dialogflow.yaml" || rows[line-1] != row {
			t.Errorf("%s is at %s:%d", path, file, line)
		}
	}
	if _, line := f.At("directory/institutions", "source.rows[line 2]"); line != 11 {
		t.Errorf("the first row is at line %d", line)
	}
	if file, _ := f.At("channel/none", "flow"); file != "" {
		t.Error("an object that is not here has a place:", file)
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte("a\n---\nb\r\n--- \n# c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := 0
		for _, d := range documents(b) {
			if d.line <= last || len(d.body) == 0 {
				t.Fatalf("document at line %d after %d", d.line, last)
			}
			last = d.line
		}
	})
}
