package admission

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Objects are drawn from the CRD itself: each optional field present or not, of the right type. So a default that is added to
// the types and forgotten in package v1alpha1 is found without a new test.
func TestTheDefaultsInGoAreThoseOfTheCRD(t *testing.T) {
	for name, load := range kinds {
		t.Run(name, func(t *testing.T) {
			k := load()
			rapid.Check(t, func(t *rapid.T) {
				spec := k.schema.Properties["spec"]
				content := map[string]any{"spec": draw(t, "spec", &spec)}

				goObject := k.new()
				decode(t, content, goObject)
				goObject.(interface{ Default() }).Default()

				defaulting.Default(content, k.schema)
				crdObject := k.new()
				decode(t, content, crdObject)

				if !apiequality.Semantic.DeepEqual(crdObject, goObject) {
					t.Fatalf("CRD against Go:\n%s", cmp.Diff(crdObject, goObject))
				}
			})
		})
	}
}

// The Go defaults take a zero for absent; so a zero that a person may write would be lost.
func TestNoFieldWithADefaultHasAValidZero(t *testing.T) {
	for name := range kinds {
		k := kinds[name]()
		root := internalDefinition(t, name).Spec.Validation.OpenAPIV3Schema
		spec := k.schema.Properties["spec"]
		for _, d := range defaultsOf("spec", &spec) {
			props := root
			for _, field := range strings.Split(strings.ReplaceAll(d.path, "[]", ".[]"), ".") {
				if field == "[]" {
					props = props.Items.Schema
					continue
				}
				p := props.Properties[field]
				props = &p
			}
			validator, _, err := validation.NewSchemaValidator(props)
			if err != nil {
				t.Fatal(err)
			}
			zero := d.zero()
			if name == "AgentPool" && d.path == "spec.workers.replicas" {
				continue // a pointer: absent is nil, and 0 is 0
			}
			if errs := validation.ValidateCustomResource(nil, zero, validator); len(errs) == 0 && len(props.XValidations) == 0 {
				t.Errorf("%s %s: %v is valid, and the Go default takes it for absent; refuse it in the type's markers", name, d.path, zero)
			}
		}
	}
}

type fieldDefault struct {
	path  string
	value any
}

// zero is the zero of the field's type, as JSON holds it.
func (d fieldDefault) zero() any {
	switch d.value.(type) {
	case string:
		return ""
	case int64:
		return int64(0)
	case bool:
		return false
	}
	panic(fmt.Sprintf("%s: a default of type %T", d.path, d.value))
}

func defaultsOf(path string, s *structuralschema.Structural) []fieldDefault {
	var out []fieldDefault
	if v := s.Default.Object; v != nil {
		if _, isObject := v.(map[string]any); !isObject {
			out = append(out, fieldDefault{path, v})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		if strings.HasSuffix(path, "imagePullSecrets[]") {
			continue // Kubernetes' own type with its default name ""
		}
		out = append(out, defaultsOf(path+"."+name, &p)...)
	}
	if s.Items != nil {
		out = append(out, defaultsOf(path+"[]", s.Items)...)
	}
	return out
}

// draw makes a value of a schema's type. It need not be valid, only of a kind that Go types can hold, and no zero.
func draw(t *rapid.T, path string, s *structuralschema.Structural) any {
	if s.XIntOrString {
		return rapid.SampledFrom([]any{int64(5), "1Gi", "250m"}).Draw(t, path)
	}
	switch s.Type {
	case "object":
		out := map[string]any{}
		if s.AdditionalProperties != nil {
			for _, key := range rapid.SampledFrom([][]string{nil, {"id"}, {"en", "id"}}).Draw(t, path) {
				out[key] = draw(t, path+"."+key, s.AdditionalProperties.Structural)
			}
			return out
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[name]
			required := s.ValueValidation != nil && slices.Contains(s.ValueValidation.Required, name)
			if required || rapid.Bool().Draw(t, path+"."+name+"?") {
				out[name] = draw(t, path+"."+name, &p)
			}
		}
		return out
	case "array":
		out := []any{}
		for i := range rapid.IntRange(0, 2).Draw(t, path) {
			out = append(out, draw(t, fmt.Sprintf("%s[%d]", path, i), s.Items))
		}
		return out
	case "boolean":
		return rapid.Bool().Draw(t, path)
	case "integer":
		return rapid.Int64Range(1, math.MaxInt16).Draw(t, path)
	case "string":
		return drawString(t, path, s)
	}
	t.Fatalf("%s: a field of type %q, which this test cannot draw", path, s.Type)
	return nil
}

func drawString(t *rapid.T, path string, s *structuralschema.Structural) any {
	if v := s.ValueValidation; v != nil && len(v.Enum) > 0 {
		return rapid.SampledFrom(v.Enum).Draw(t, path).Object
	}
	if v := s.ValueValidation; v != nil && v.Format == "date-time" {
		return "2026-11-24T10:00:00Z"
	}
	for _, rule := range s.XValidations {
		if strings.Contains(rule.Rule, "duration(self)") {
			return rapid.SampledFrom([]string{"90s", "24h", "1h30m"}).Draw(t, path)
		}
	}
	return rapid.StringMatching(`[a-z]{1,8}`).Draw(t, path)
}

func decode(t *rapid.T, content map[string]any, into Object) {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(runtime.DeepCopyJSON(content), into); err != nil {
		t.Fatal(err)
	}
}
