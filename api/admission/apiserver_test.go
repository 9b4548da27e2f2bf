package admission

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/google/go-cmp/cmp"
)

// Package admission says what the API server says: the same documents, the same words, the same defaults.
func TestTheAPIServerSaysTheSame(t *testing.T) {
	c := startAPIServer(t)
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			cases := readTable(t, name)
			for _, accepted := range cases.Accepted {
				t.Run(accepted.Name, func(t *testing.T) {
					first, second := accepted.document(cases.Base)
					stored, refusal := apply(t, c, first, second)
					if refusal != "" {
						t.Fatalf("refused: %s", refusal)
					}
					if second == nil {
						second = first
					}
					object, _ := Check(asYAML(t, second))
					ours, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
					if err != nil {
						t.Fatal(err)
					}
					again := kinds[name]().new() // through the Go type, so that 24h and 24h0m0s are one
					if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, again); err != nil {
						t.Fatal(err)
					}
					theirs, err := runtime.DefaultUnstructuredConverter.ToUnstructured(again)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(theirs["spec"], ours["spec"]); diff != "" {
						t.Errorf("stored against Check:\n%s", diff)
					}
				})
			}
			for _, refused := range cases.Refused {
				t.Run(refused.Name, func(t *testing.T) {
					first, second := refused.document(cases.Base)
					_, refusal := apply(t, c, first, second)
					if want := inProcess(t, name, first, second); !slices.Equal(wordsOf(refusal), wordsOf(want)) {
						t.Errorf("the API server says\n  %s\nwe say\n  %s", refusal, want)
					}
				})
			}
		})
	}
}

// wordsOf a refusal, in an order of ours: the API server tells several problems in none.
func wordsOf(refusal string) []string {
	words := strings.FieldsFunc(refusal, func(r rune) bool { return strings.ContainsRune(" ,[]", r) })
	return slices.Sorted(slices.Values(words))
}

// startTimeout is for a machine that does twenty other things; an idle one takes five seconds.
const startTimeout = 3 * time.Minute

// startAPIServer needs kube-apiserver and etcd; a test that passes without them would prove nothing.
func startAPIServer(t *testing.T) client.Client {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run make test-go, or set it to what `cd hack/cluster && go run . assets` prints")
	}
	env := &envtest.Environment{ControlPlaneStartTimeout: startTimeout, ControlPlaneStopTimeout: startTimeout, CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	t.Cleanup(func() { // also when a CRD is refused: the API server runs then
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// apply creates the first document and changes it into the second, strictly, as kubectl apply does.
func apply(t *testing.T, c client.Client, first, second map[string]any) (stored *unstructured.Unstructured, refusal string) {
	t.Helper()
	ctx := context.Background()
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(first)}
	mapping, err := c.RESTMapper().RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		t.Fatal(err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		u.SetNamespace(metav1.NamespaceDefault)
	}
	if err := c.Create(ctx, u, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		return nil, err.Error()
	}
	t.Cleanup(func() {
		if err := c.Delete(ctx, u); err != nil {
			t.Error(err)
		}
	})
	if second == nil {
		return u, ""
	}
	next := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(second)}
	next.SetNamespace(u.GetNamespace())
	next.SetResourceVersion(u.GetResourceVersion())
	if err := c.Update(ctx, next, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		return nil, err.Error()
	}
	return next, ""
}
