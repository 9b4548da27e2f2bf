package admission

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// SECURITY row 16: a reference that may name a namespace makes a confused deputy of whoever follows it.
func TestNoReferenceOfATenantsKindNamesANamespace(t *testing.T) {
	eachSpec(t, func(t *testing.T, definition *apiextensions.CustomResourceDefinition, path, field string, _ *apiextensions.JSONSchemaProps) {
		if definition.Spec.Scope == apiextensions.NamespaceScoped && strings.EqualFold(strings.TrimSuffix(field, "s"), "namespace") {
			t.Errorf("%s names a namespace", path)
		}
	})
}

// SECURITY row 21: the cost of a rule is estimated from bounds on the strings themselves.
func TestEveryStringIsBounded(t *testing.T) {
	kubernetesOwn := []string{".pods.tolerations", ".pods.imagePullSecrets", ".resources.", "elector.match"}
	eachSpec(t, func(t *testing.T, _ *apiextensions.CustomResourceDefinition, path, _ string, p *apiextensions.JSONSchemaProps) {
		if slices.ContainsFunc(kubernetesOwn, func(own string) bool { return strings.Contains(path, own) }) {
			return
		}
		inMap := strings.HasSuffix(path, ".pods.annotations{}") // the API server bounds all of them together
		if p.Type == "string" && p.MaxLength == nil && len(p.Enum) == 0 && p.Format == "" && !inMap {
			t.Errorf("%s has no maxLength", path)
		}
		if p.Type == "array" && p.MaxItems == nil {
			t.Errorf("%s has no maxItems", path)
		}
		if p.Type == "array" && p.XListType == nil {
			t.Errorf("%s has no list type", path)
		}
		if p.AdditionalProperties != nil && p.MaxProperties == nil {
			t.Errorf("%s has no maxProperties", path)
		}
	})
}

// The web chat skips an origin that its own pattern does not like: what the API server takes must be what it serves.
func TestTheAPIServerAndTheWebChatAgreeOnOrigins(t *testing.T) {
	want := "self.matches('" + strings.ReplaceAll(v1alpha1.OriginPattern, `\`, `\\`) + "')"
	spec := internalDefinition(t, "Channel").Spec.Validation.OpenAPIV3Schema.Properties["spec"]
	webchat := spec.Properties["webchat"]
	origins := webchat.Properties["allowedOrigins"]
	if rules := origins.Items.Schema.XValidations; len(rules) != 1 || rules[0].Rule != want {
		t.Errorf("the rule is %v, not %s", rules, want)
	}
}

func TestEveryKindIsListedByKubectlGetLoket(t *testing.T) {
	for name := range kinds {
		names := internalDefinition(t, name).Spec.Names
		if !slices.Contains(names.Categories, "loket") || len(names.ShortNames) != 1 {
			t.Errorf("%s: categories %v, short names %v", name, names.Categories, names.ShortNames)
		}
	}
}

func TestAnAgentPoolScalesAsAutoscalersExpect(t *testing.T) {
	scale := internalDefinition(t, "AgentPool").Spec.Subresources.Scale
	if scale.SpecReplicasPath != ".spec.workers.replicas" || scale.StatusReplicasPath != ".status.workers" || *scale.LabelSelectorPath != ".status.selector" {
		t.Errorf("scale subresource %+v", scale)
	}
}

func eachSpec(t *testing.T, look func(t *testing.T, definition *apiextensions.CustomResourceDefinition, path, field string, p *apiextensions.JSONSchemaProps)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			definition := internalDefinition(t, name)
			spec := definition.Spec.Validation.OpenAPIV3Schema.Properties["spec"]
			seen := 0
			var walk func(path, field string, p *apiextensions.JSONSchemaProps)
			walk = func(path, field string, p *apiextensions.JSONSchemaProps) {
				seen++
				look(t, definition, path, field, p)
				for child, inner := range p.Properties {
					walk(path+"."+child, child, &inner)
				}
				if p.Items != nil {
					walk(path+"[]", "", p.Items.Schema)
				}
				if p.AdditionalProperties != nil {
					walk(path+"{}", "", p.AdditionalProperties.Schema)
				}
			}
			walk("spec", "spec", &spec)
			if seen < 5 {
				t.Fatalf("only %d fields seen: the walk does not walk", seen)
			}
		})
	}
}
