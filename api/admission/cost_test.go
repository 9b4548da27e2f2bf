package admission

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// SECURITY row 21: rules within the API server's budget. A tenth of each rule's and half of each CRD's is kept free, so that an
// older API server with a dearer estimate, or one more rule, does not make a CRD that cannot be applied.
func TestTheAPIServerAcceptsEveryCRDWithBudgetToSpare(t *testing.T) {
	for name := range kinds {
		t.Run(name, func(t *testing.T) {
			definition := internalDefinition(t, name)
			if errs := apiextensionsvalidation.ValidateCustomResourceDefinition(context.Background(), definition); len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			root := definition.Spec.Validation.OpenAPIV3Schema
			var total uint64
			walkRules(t, "", root, apiextensionsvalidation.RootCELContext(root), &total)
			t.Logf("%-11s total %10d of %d", name, total, apiextensionsvalidation.StaticEstimatedCRDCostLimit)
			if total > apiextensionsvalidation.StaticEstimatedCRDCostLimit/2 {
				t.Errorf("the rules of %s cost %d, above half of the API server's limit", name, total)
			}
		})
	}
}

func internalDefinition(t *testing.T, kindName string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	definition, err := definitionOf(pluralOf(kindName))
	if err != nil {
		t.Fatal(err)
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(definition)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&definition.Spec)
	definition.Status.StoredVersions = []string{definition.Spec.Versions[0].Name}
	internal := &apiextensions.CustomResourceDefinition{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(definition, internal, nil); err != nil {
		t.Fatal(err)
	}
	return internal
}

func pluralOf(kindName string) string {
	if kindName == "Directory" {
		return "directories"
	}
	if kindName == "TenantClass" {
		return "tenantclasses"
	}
	return strings.ToLower(kindName) + "s"
}

// walkRules prints each rule with its estimated cost and adds it up, as the API server does when a CRD is applied.
func walkRules(t *testing.T, path string, props *apiextensions.JSONSchemaProps, at *apiextensionsvalidation.CELSchemaContext, total *uint64) {
	t.Helper()
	if len(props.XValidations) > 0 {
		info, err := at.TypeInfo()
		if err != nil {
			t.Fatal(path, err)
		}
		results, err := cel.Compile(info.Schema, info.DeclType, celconfig.PerCallLimit,
			environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()), cel.NewExpressionsEnvLoader())
		if err != nil {
			t.Fatal(path, err)
		}
		for i, r := range results {
			times := r.MaxCardinality
			if at.MaxCardinality != nil {
				times = *at.MaxCardinality
			}
			cost := r.MaxCost*times + r.MessageExpressionMaxCost
			*total += cost
			t.Logf("%-40s %9d  %s", path, cost, props.XValidations[i].Message)
			if cost > apiextensionsvalidation.StaticEstimatedCostLimit/10*9 {
				t.Errorf("%s: a rule costs %d, above nine tenths of the API server's limit: %s", path, cost, props.XValidations[i].Rule)
			}
			if props.XValidations[i].Message == "" {
				t.Errorf("%s: a rule has no message for people: %s", path, props.XValidations[i].Rule)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(props.Properties)) {
		p := props.Properties[name]
		walkRules(t, path+"."+name, &p, at.ChildPropertyContext(&p, name), total)
	}
	if props.Items != nil && props.Items.Schema != nil {
		walkRules(t, path+"[]", props.Items.Schema, at.ChildItemsContext(props.Items.Schema), total)
	}
	if props.AdditionalProperties != nil && props.AdditionalProperties.Schema != nil {
		walkRules(t, path+"{}", props.AdditionalProperties.Schema, at.ChildAdditionalPropertiesContext(props.AdditionalProperties.Schema), total)
	}
}
