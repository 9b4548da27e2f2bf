package admission

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// table is testdata/<kind>.yaml: documents as a person may write them, each a change (a JSON merge patch) to the base.
type table struct {
	Base     map[string]any `json:"base"`
	Accepted []documentCase `json:"accepted"`
	Refused  []documentCase `json:"refused"`
}

type documentCase struct {
	Name   string         `json:"name"`
	Change map[string]any `json:"change"`
	// Then is a change to the document after it was accepted; it is what the case is about.
	Then map[string]any `json:"then"`
}

// document is the case's first version, and its second where it has one.
func (c documentCase) document(base map[string]any) (first, second map[string]any) {
	first = merge(base, c.Change)
	if c.Then != nil {
		second = merge(first, c.Then)
	}
	return first, second
}

func merge(into, change map[string]any) map[string]any {
	out := runtime.DeepCopyJSON(into)
	for key, value := range change {
		inner, isMap := value.(map[string]any)
		old, wasMap := out[key].(map[string]any)
		switch {
		case value == nil:
			delete(out, key)
		case isMap && wasMap:
			out[key] = merge(old, inner)
		default:
			out[key] = runtime.DeepCopyJSONValue(value)
		}
	}
	return out
}

func readTable(t *testing.T, kindName string) table {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", strings.ToLower(kindName)+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := yaml.YAMLToJSONStrict(raw)
	if err != nil {
		t.Fatal(err)
	}
	var out table
	if err := kjson.UnmarshalCaseSensitivePreserveInts(body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The golden files are what a person reads, from kubectl and from lint. TestTheAPIServerSaysTheSame holds them against the
// API server itself.
func TestWhatIsRefusedSaysWhy(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			cases := readTable(t, name)
			for _, c := range cases.Accepted {
				first, second := c.document(cases.Base)
				for _, document := range []map[string]any{first, second} {
					if document == nil {
						continue
					}
					object, problems := Check(asYAML(t, document))
					if len(problems) > 0 || object == nil {
						t.Errorf("%s: refused: %v", c.Name, problems)
					}
				}
				if refusal := inProcess(t, name, first, second); refusal != "" {
					t.Errorf("%s: refused: %s", c.Name, refusal)
				}
			}
			var golden strings.Builder
			for _, c := range cases.Refused {
				first, second := c.document(cases.Base)
				refusal := inProcess(t, name, first, second)
				if refusal == "" {
					t.Errorf("%s: accepted", c.Name)
				}
				fmt.Fprintf(&golden, "%s\n  kubectl  %s\n", c.Name, refusal)
				if second != nil {
					continue // lint knows no earlier version
				}
				_, problems := Check(asYAML(t, first))
				if len(problems) == 0 {
					t.Errorf("%s: lint accepts it", c.Name)
				}
				for _, p := range problems {
					fmt.Fprintf(&golden, "  lint     %s\n", p)
				}
			}
			file := filepath.Join("testdata", strings.ToLower(name)+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), golden.String()); diff != "" {
				t.Errorf("other words than in %s (-update writes it anew):\n%s", file, diff)
			}
		})
	}
}

func asYAML(t *testing.T, document map[string]any) []byte {
	t.Helper()
	raw, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// inProcess is the API server's refusal as this package would word it, or nothing.
func inProcess(t *testing.T, kindName string, first, second map[string]any) string {
	t.Helper()
	k := kinds[kindName]()
	u, refusal := admit(k, first, nil)
	if second == nil || refusal != "" {
		return refusal
	}
	_, refusal = admit(k, second, u)
	return refusal
}

func admit(k *kind, document map[string]any, old *unstructured.Unstructured) (*unstructured.Unstructured, string) {
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(document)}
	unknown, err := decodeStrictly(u, k)
	if err != nil {
		return nil, err.Error()
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		for i, path := range unknown {
			unknown[i] = fmt.Sprintf("unknown field %q", path)
		}
		return nil, fmt.Sprintf("%s in version %q cannot be handled as a %s: strict decoding error: %s",
			u.GetKind(), u.GroupVersionKind().Version, u.GetKind(), strings.Join(unknown, ", "))
	}
	if errs := validate(u, old, k); len(errs) > 0 {
		return nil, apierrors.NewInvalid(u.GroupVersionKind().GroupKind(), u.GetName(), errs).Error()
	}
	return u, ""
}
