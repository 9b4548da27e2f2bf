package admission

import (
	"strings"
	"testing"
	"time"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestAFileComesWithTheDefaultsOfTheAPIServer(t *testing.T) {
	object, problems := Check([]byte(`
apiVersion: loket.dev/v1alpha1
kind: AgentPool
metadata: {name: contact-centre}
spec: {agents: {secretName: contact-centre-agents}}
status: {agents: 52}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	pool := object.(*v1alpha1.AgentPool)
	if pool.Spec.ConversationsPerAgent != 4 || pool.Spec.ServiceLevel.Within.Duration != time.Minute {
		t.Errorf("defaults are missing: %+v", pool.Spec)
	}
	if pool.Status.Agents != 0 {
		t.Error("a status in a file is taken for true")
	}
}

func TestWhatIsNotOursIsNotJudged(t *testing.T) {
	object, problems := Check([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"))
	if object != nil || problems != nil {
		t.Errorf("%v %v", object, problems)
	}
}

func TestWhatIsNoDocumentSaysSo(t *testing.T) {
	for _, c := range []struct{ name, document, want string }{
		{"a kind that is misspelt", "apiVersion: loket.dev/v1alpha1\nkind: DialogFlows\n", `kind: no kind "DialogFlows"; did you mean "DialogFlow"?`},
		{"a version of tomorrow", "apiVersion: loket.dev/v1\nkind: DialogFlow\n", `apiVersion: no version "v1"; write loket.dev/v1alpha1`},
		{"a list", "- a\n- b\n", "is no YAML document of an object with apiVersion and kind"},
		{"a key that stands twice", "apiVersion: loket.dev/v1alpha1\nkind: DialogFlow\nkind: Channel\n", `key "kind" already set in map`},
		{"a name that Kubernetes refuses", "apiVersion: loket.dev/v1alpha1\nkind: Knowledge\nmetadata: {name: My Answers}\nspec: {entries: []}\n", "metadata.name: "},
		{"metadata that is misspelt", "apiVersion: loket.dev/v1alpha1\nkind: Knowledge\nmetadata: {nam: answers}\nspec: {entries: []}\n", "metadata.nam: no such field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Check([]byte(c.document))
			for _, p := range problems {
				if strings.Contains(p.String(), c.want) {
					return
				}
			}
			t.Errorf("%v, want %s", problems, c.want)
		})
	}
}

// An author's file is input from outside.
func FuzzCheck(f *testing.F) {
	f.Add([]byte("apiVersion: loket.dev/v1alpha1\nkind: DialogFlow\nmetadata: {name: a}\nspec: {start: a, nodes: [{name: a, end: {}}]}\n"))
	f.Add([]byte("apiVersion: loket.dev/v1alpha1\nkind: BotTenant\nmetadata: {name: [a]}\nspec: {languages: [~], pods: {labels: {a: 1}}}\n"))
	f.Add([]byte("apiVersion: loket.dev/v1alpha1\nkind: Channel\nmetadata: 3\nspec: null\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		object, problems := Check(raw)
		if object != nil && len(problems) == 0 && object.GetName() == "" && object.GetGenerateName() == "" {
			t.Errorf("an object without a name is accepted:\n%s", raw)
		}
	})
}

// A pattern that has no words would be shown to authors as it is.
func TestEveryPatternOfTheKindsHasWords(t *testing.T) {
	var walk func(kind, path string, s *structuralschema.Structural)
	walk = func(kind, path string, s *structuralschema.Structural) {
		if s == nil || strings.HasPrefix(path, ".status") || strings.HasPrefix(path, ".spec.pods") {
			return // written by programs, or Kubernetes' own
		}
		if v := s.ValueValidation; v != nil && v.Pattern != "" && patterns[v.Pattern] == "" {
			t.Errorf("%s%s: %s has no words", kind, path, v.Pattern)
		}
		for name, p := range s.Properties {
			walk(kind, path+"."+name, &p)
		}
		walk(kind, path+"[]", s.Items)
		if s.AdditionalProperties != nil {
			walk(kind, path+"[]", s.AdditionalProperties.Structural)
		}
	}
	for name, load := range kinds {
		walk(name, "", load().schema)
	}
}
