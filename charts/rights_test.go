package charts

import (
	"maps"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"
)

// Two ways to install are one operator: whoever changes one must change the other.
func TestKustomizeAndHelmInstallTheSame(t *testing.T) {
	for folder, values := range map[string]string{"default": "keda.enabled=false", "keda": "keda.enabled=true"} {
		sameObjects(t, objects(t, output(t, tool(t, "kustomize", "build", "../config/"+folder))), objects(t, render(t, "--set", values)))
	}
}

func sameObjects(t *testing.T, fromConfig, fromChart map[string]*unstructured.Unstructured) {
	t.Helper()
	onlyIn := map[string]string{
		"Namespace loket-system": "config: helm has --create-namespace",
		"Secret loket-signing":   "chart: kustomize makes no keys",
		"TenantClass standard":   "chart: with kustomize the platform brings its own",
	}
	for _, key := range slices.Sorted(maps.Keys(union(fromConfig, fromChart))) {
		if _, ok := onlyIn[key]; ok {
			continue
		}
		if diff := cmp.Diff(withoutMarks(fromConfig[key]), withoutMarks(fromChart[key])); diff != "" {
			t.Errorf("%s, config against chart:\n%s", key, diff)
		}
	}
	if len(fromConfig) < 15 {
		t.Errorf("config has only %d objects", len(fromConfig))
	}
}

// SECURITY row 17.
func TestTheOperatorReadsNoSecretAndGrantsNoRight(t *testing.T) {
	for _, u := range objects(t, render(t)) {
		if (u.GetKind() != "ClusterRole" && u.GetKind() != "Role") || !strings.HasSuffix(u.GetName(), "-operator") {
			continue
		}
		for _, rule := range rulesOf(t, u) {
			forbid(t, u.GetName(), rule, "secrets", nil)
			forbid(t, u.GetName(), rule, "*", nil)
			forbid(t, u.GetName(), rule, "pods", nil)
			forbid(t, u.GetName(), rule, "pods/exec", nil)
			forbid(t, u.GetName(), rule, "persistentvolumeclaims", nil)
			forbid(t, u.GetName(), rule, "serviceaccounts", nil)
			forbid(t, u.GetName(), rule, "serviceaccounts/token", nil)
			for _, readOnly := range []string{"namespaces", "tenantclasses", "bottenants", "channels", "dialogflows", "directories", "knowledges", "agentpools"} {
				forbid(t, u.GetName(), rule, readOnly, []string{"get", "list", "watch"})
			}
			if slices.Contains(rule.APIGroups, rbacv1.GroupName) || slices.Contains(rule.APIGroups, "*") || slices.Contains(rule.APIGroups, "admissionregistration.k8s.io") {
				t.Errorf("%s: a rule in %v", u.GetName(), rule.APIGroups)
			}
			for _, verb := range []string{"*", "escalate", "bind", "impersonate"} {
				if slices.Contains(rule.Verbs, verb) {
					t.Errorf("%s: may %s %v", u.GetName(), verb, rule.Resources)
				}
			}
		}
	}
}

// SECURITY row 17: an author writes what the bot says, and nothing that runs or opens a door.
func TestPeoplesRolesAreAboutLoketsKindsOnly(t *testing.T) {
	writes := map[string][]string{
		"loket-admin":  {"bottenants", "channels", "dialogflows", "directories", "knowledges", "agentpools", "agentpools/scale"},
		"loket-author": {"dialogflows", "directories", "knowledges"},
		"loket-viewer": nil,
	}
	seen := 0
	for _, u := range objects(t, render(t)) {
		may, ok := writes[u.GetName()]
		if !ok || u.GetKind() != "ClusterRole" {
			continue
		}
		seen++
		for _, rule := range rulesOf(t, u) {
			if !slices.Equal(rule.APIGroups, []string{"loket.dev"}) {
				t.Errorf("%s: a rule in %v", u.GetName(), rule.APIGroups)
			}
			for _, resource := range rule.Resources {
				if !slices.Contains(may, resource) {
					forbid(t, u.GetName(), rule, resource, []string{"get", "list", "watch"})
				}
			}
		}
	}
	if seen != len(writes) {
		t.Errorf("%d of %d roles seen", seen, len(writes))
	}
}

// forbid refuses every verb on a resource but the given ones.
func forbid(t *testing.T, role string, rule rbacv1.PolicyRule, resource string, but []string) {
	t.Helper()
	if !slices.Contains(rule.Resources, resource) {
		return
	}
	for _, verb := range rule.Verbs {
		if !slices.Contains(but, verb) {
			t.Errorf("%s: may %s %s", role, verb, resource)
		}
	}
}

func rulesOf(t *testing.T, u *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &role); err != nil {
		t.Fatal(err)
	}
	if len(role.Rules) == 0 {
		t.Errorf("%s has no rules", u.GetName())
	}
	return role.Rules
}

// objects of a stream by kind and name.
func objects(t *testing.T, stream []byte) map[string]*unstructured.Unstructured {
	t.Helper()
	out := map[string]*unstructured.Unstructured{}
	for _, document := range documents(t, stream) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &u.Object); err != nil {
			t.Fatal(err)
		}
		out[u.GetKind()+" "+u.GetName()] = u
	}
	return out
}

// withoutMarks is an object without the labels and annotations by which Helm knows its own.
func withoutMarks(u *unstructured.Unstructured) map[string]any {
	if u == nil {
		return nil
	}
	u = u.DeepCopy()
	labels := map[string]string{}
	for key, value := range u.GetLabels() {
		if strings.HasPrefix(key, "rbac.authorization.k8s.io/") {
			labels[key] = value
		}
	}
	u.SetLabels(labels)
	annotations := u.GetAnnotations()
	delete(annotations, "helm.sh/resource-policy")
	u.SetAnnotations(annotations)
	return u.Object
}

func union(a, b map[string]*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
