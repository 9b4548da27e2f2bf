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
	objects, secrets, problems := Load("../../config/samples/kontak157")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if objects.Tenant.Name != "ojk" || len(objects.Channels) != 2 || len(objects.Flows) != 1 || len(objects.Pools) != 1 || len(objects.Directories) != 1 || len(objects.Knowledge) != 1 {
		t.Errorf("%+v", objects)
	}
	if len(secrets["ojk-agents"]) != 40 || string(secrets["ojk-wa"]["verifyToken"]) == "" {
		t.Error("the demo's Secrets are not there")
	}
	if objects.Pools[0].Spec.Queue.MaxWaiting != 1000 || objects.Tenant.Spec.Bot.Replicas != 2 {
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
	objects, secrets, problems := Load(dir)
	if len(problems) > 0 || len(objects.Flows) != 1 || objects.ConfigMaps["rows"]["list.csv"] == "" || string(secrets["s"]["a"])+string(secrets["s"]["b"]) != "hellothere" {
		t.Errorf("%v %+v %v", problems, objects, secrets)
	}
	if objects.Tenant.Name != "local" || objects.Tenant.Spec.Languages[0] != "en" {
		t.Errorf("a flow alone has no tenant: %+v", objects.Tenant)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	for what, c := range map[string]struct{ body, says string }{
		"a field that does not exist": {strings.Replace(flow, "start:", "strt: x\n  start:", 1), "dialogflow/main  strt: "},
		"a broken document":           {flow + "---\na: [\n", "f.yaml:9  is no YAML document"},
		"the same twice":              {flow + "---\n" + flow, "dialogflow/main  stands twice"},
		"a Secret that is not base64": {flow + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: '!canary!'}\n", "secret/s  data.a is not base64"},
		"a node of two kinds":         {strings.Replace(flow, "end: {}", "end: {}, say: {text: {en: x}}", 1), "a node is exactly one of"},
		"nothing of ours":             {"apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", "no object of Loket here"},
	} {
		t.Run(what, func(t *testing.T) {
			_, _, problems := Load(filepath.Join(write(t, map[string]string{"f.yaml": c.body}), "f.yaml"))
			all := ""
			for _, p := range problems {
				all += p.String() + "\n"
			}
			if !strings.Contains(all, c.says) || strings.Contains(all, "canary") {
				t.Errorf("got %s", all)
			}
		})
	}
	if _, _, problems := Load("nowhere"); len(problems) != 1 || !strings.Contains(problems[0].Message, "no such folder") {
		t.Error(problems)
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
