// Package admission judges YAML files exactly as the API server judges them when they are applied, without one: strict decoding,
// the CRD's schema, list types, CEL rules and defaults. bot-runtime's lint, test, chat and dev read their files through it.
//
// The schemas are the generated CRDs and the code that judges is the API server's own, so that a file which passes here is
// accepted there with the same defaults. What only the runtime's compiler knows (expressions, nested targets) is not asked here.
package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// Object is a custom resource of package v1alpha1.
type Object interface {
	metav1.Object
	runtime.Object
}

// Check judges one YAML or JSON document. The object comes with its defaults and without a status. Beside problems it is what
// could be read, or nil: for a compiler that goes on to look for more problems, and for nothing else. A document of another API
// group is not ours to judge: then both are nil.
//
// The namespace may be left out, as in files that kubectl -n or kustomize place.
func Check(raw []byte) (Object, []Problem) {
	body, err := yaml.YAMLToJSONStrict(raw)
	if err != nil {
		return nil, []Problem{{Message: "is no YAML document: " + strings.Join(strings.Fields(err.Error()), " ")}}
	}
	var content map[string]any
	if err := utiljson.Unmarshal(body, &content); err != nil {
		return nil, []Problem{{Message: "is no YAML document of an object with apiVersion and kind"}}
	}
	u := &unstructured.Unstructured{Object: content}
	gvk := u.GroupVersionKind()
	if gvk.Group != v1alpha1.GroupVersion.Group {
		return nil, nil
	}
	k, problem := kindOf(gvk)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	unknown, err := decodeStrictly(u, k)
	if err != nil {
		return nil, []Problem{{Path: "metadata", Message: err.Error()}}
	}
	problems := unknownFields(unknown, u, k)
	problems = append(problems, problemsOf(validate(u, nil, k), u, k)...)
	object := k.new()
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, object)
	switch {
	case err == nil:
		return object, problems
	case len(problems) > 0: // which say it better
		return nil, problems
	default:
		return nil, []Problem{{Message: err.Error()}}
	}
}

// decodeStrictly prunes, drops nulls and fills defaults in the order of the API server's decoder, and returns the paths of
// fields that the schema does not know.
func decodeStrictly(u *unstructured.Unstructured, k *kind) ([]string, error) {
	meta, found, unknown, err := objectmeta.GetObjectMetaWithOptions(u.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, err
	}
	apiVersion, kindName := u.GetAPIVersion(), u.GetKind()
	unknown = append(unknown, pruning.PruneWithOptions(u.Object, k.schema, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, k.schema)
	u.SetAPIVersion(apiVersion)
	u.SetKind(kindName)
	if found {
		if err := objectmeta.SetObjectMeta(u.Object, meta); err != nil {
			return nil, err
		}
	}
	defaulting.Default(u.Object, k.schema)
	delete(u.Object, "status") // as at creation of a kind with the status subresource
	return unknown, nil
}

// validate asks in the order of the API server: metadata, schema, list types, and CEL where nothing blocks it. old is nil for a
// new object.
func validate(u, old *unstructured.Unstructured, k *kind) field.ErrorList {
	var errs field.ErrorList
	meta := u.DeepCopy()
	if k.namespaced && meta.GetNamespace() == "" {
		meta.SetNamespace(metav1.NamespaceDefault)
	}
	errs = append(errs, apivalidation.ValidateObjectMetaAccessor(meta, k.namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))...)
	ofSchema := validation.ValidateCustomResource(nil, u.Object, k.validator)
	slices.SortStableFunc(ofSchema, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) }) // they come from a map
	errs = append(errs, ofSchema...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.schema, u.Object)...)
	if k.cel == nil {
		return errs
	}
	for _, e := range errs {
		switch e.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return append(errs, field.Invalid(nil, nil, rulesNotChecked))
		}
	}
	var oldContent any
	if old != nil {
		oldContent = old.Object
	}
	found, _ := k.cel.Validate(context.Background(), nil, k.schema, u.Object, oldContent, celconfig.RuntimeCELCostBudget)
	return append(errs, found...)
}

const rulesNotChecked = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"

func kindOf(gvk schema.GroupVersionKind) (*kind, *Problem) {
	if gvk.Version != v1alpha1.GroupVersion.Version {
		return nil, &Problem{Path: "apiVersion", Message: fmt.Sprintf("no version %q; write %s", gvk.Version, v1alpha1.GroupVersion)}
	}
	load, ok := kinds[gvk.Kind]
	if !ok {
		return nil, &Problem{Path: "kind", Message: fmt.Sprintf("no kind %q%s", gvk.Kind, didYouMean(gvk.Kind, kindNames()))}
	}
	return load(), nil
}
