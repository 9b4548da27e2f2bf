package controllers

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestWhatAClassSaysOfItself(t *testing.T) {
	plain, first, second, broken := classAt("plain", 1, false), classAt("first", 2, true), classAt("second", 1, true), classAt("broken", 1, false)
	plain.Spec.AllowedNamespaces = &v1alpha1.NamespaceSelection{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "gold"}}}
	broken.Spec.AllowedNamespaces = &v1alpha1.NamespaceSelection{Selector: metav1.LabelSelector{
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: "Like", Values: []string{"gold"}}},
	}}
	for _, c := range []struct {
		class  v1alpha1.TenantClass
		status metav1.ConditionStatus
		reason string
		says   string
	}{
		{plain, metav1.ConditionTrue, v1alpha1.ReasonOffered, "namespaces labelled tier=gold may use it by name"},
		{first, metav1.ConditionTrue, v1alpha1.ReasonOffered, "it is the default for new tenants"},
		{second, metav1.ConditionTrue, v1alpha1.ReasonAnotherDefault, "TenantClass first is a default too, and the one in force"},
		{broken, metav1.ConditionFalse, v1alpha1.ReasonBadSelector, "spec.allowedNamespaces.selector"},
	} {
		got := classReady(&c.class, defaultClass([]v1alpha1.TenantClass{plain, second, first, broken}))
		if got.Status != c.status || got.Reason != c.reason || !strings.Contains(got.Message, c.says) {
			t.Errorf("%s: %s/%s %q", c.class.Name, got.Status, got.Reason, got.Message)
		}
	}
}

func TestAClassIsToldOfAnotherDefault(t *testing.T) {
	asDefault := func(c *v1alpha1.TenantClass) {
		c.Annotations = map[string]string{v1alpha1.DefaultClassAnnotation: "true"}
		// For nobody: the suite's other tenants must not fall to it.
		c.Spec.AllowedNamespaces = &v1alpha1.NamespaceSelection{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"nobody": "has"}}}
	}
	a := &v1alpha1.TenantClass{ObjectMeta: metav1.ObjectMeta{Name: classFor(t, asDefault)}}
	says(t, a, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonOffered)
	b := &v1alpha1.TenantClass{ObjectMeta: metav1.ObjectMeta{Name: classFor(t, asDefault)}}
	eventually(t, func() error {
		for _, c := range []*v1alpha1.TenantClass{a, b} {
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(c), c); err != nil {
				return err
			}
			if is := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); is != nil && is.Reason == v1alpha1.ReasonAnotherDefault {
				return nil
			}
		}
		return fmt.Errorf("neither %s nor %s says that there is another default", a.Name, b.Name)
	})
	update(t, a, func(c *v1alpha1.TenantClass) { delete(c.Annotations, v1alpha1.DefaultClassAnnotation) })
	says(t, b, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonOffered)
}
