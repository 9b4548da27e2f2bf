package admission

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/config/crd"
)

// kind is what judging one kind takes.
type kind struct {
	new        func() Object
	namespaced bool
	schema     *structuralschema.Structural
	validator  validation.SchemaValidator
	cel        *cel.Validator
}

// kinds by name. Each is made at its first use: compiling the rules of one kind takes tens of milliseconds.
var kinds = map[string]func() *kind{
	"TenantClass": once("tenantclasses", func() Object { return &v1alpha1.TenantClass{} }),
	"BotTenant":   once("bottenants", func() Object { return &v1alpha1.BotTenant{} }),
	"Channel":     once("channels", func() Object { return &v1alpha1.Channel{} }),
	"DialogFlow":  once("dialogflows", func() Object { return &v1alpha1.DialogFlow{} }),
	"Directory":   once("directories", func() Object { return &v1alpha1.Directory{} }),
	"Knowledge":   once("knowledges", func() Object { return &v1alpha1.Knowledge{} }),
	"AgentPool":   once("agentpools", func() Object { return &v1alpha1.AgentPool{} }),
}

func kindNames() []string { return slices.Sorted(maps.Keys(kinds)) }

func once(plural string, newObject func() Object) func() *kind {
	return sync.OnceValue(func() *kind {
		k, err := load(plural)
		if err != nil {
			panic(fmt.Sprintf("the built-in CRD of %s: %v", plural, err)) // a test loads them all
		}
		k.new = newObject
		return k
	})
}

func load(plural string) (*kind, error) {
	definition, err := definitionOf(plural)
	if err != nil {
		return nil, err
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(&props)
	if err != nil {
		return nil, err
	}
	if err := defaulting.PruneDefaults(structural); err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, err
	}
	return &kind{
		namespaced: definition.Spec.Scope == apiextensionsv1.NamespaceScoped,
		schema:     structural,
		validator:  validator,
		cel:        cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

func definitionOf(plural string) (*apiextensionsv1.CustomResourceDefinition, error) {
	raw, err := crd.Bases.ReadFile("bases/" + v1alpha1.GroupVersion.Group + "_" + strings.ToLower(plural) + ".yaml")
	if err != nil {
		return nil, err
	}
	definition := &apiextensionsv1.CustomResourceDefinition{}
	return definition, yaml.UnmarshalStrict(raw, definition)
}
