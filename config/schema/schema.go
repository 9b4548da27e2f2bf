// Package schema makes a JSON Schema for editors from the CustomResourceDefinitions: all kinds in one, with the descriptions of
// their fields. loket.json beside this file is what it makes; hack/generate.sh writes it.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/config/crd"
)

// object is a JSON object whose keys are written in order of the alphabet.
type object = map[string]any

// JSON is the schema, of draft 07, which editors know best. A document of another group than Loket's is let pass, so that a
// file may hold a Secret or a Namespace, too.
func JSON() ([]byte, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	definitions, versions := object{}, map[string]bool{}
	for _, file := range files {
		body, err := fs.ReadFile(crd.Bases, file)
		if err != nil {
			return nil, err
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(body, &definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, v := range definition.Spec.Versions {
			if !v.Storage {
				continue
			}
			version := definition.Spec.Group + "/" + v.Name
			versions[version] = true
			definitions[definition.Spec.Names.Kind] = kind(v.Schema.OpenAPIV3Schema, definition.Spec.Names.Kind, version)
		}
	}
	kinds := slices.Sorted(maps.Keys(definitions))
	var rules []any
	for _, k := range kinds {
		rules = append(rules, object{
			"if":   object{"properties": object{"kind": object{"const": k}}, "required": []string{"kind"}},
			"then": object{"$ref": "#/definitions/" + k},
		})
	}
	apiVersions := slices.Sorted(maps.Keys(versions))
	rules = append(rules, object{
		"if":   object{"properties": object{"apiVersion": object{"pattern": "^loket\\.dev/"}}, "required": []string{"apiVersion"}},
		"then": object{"properties": object{"apiVersion": object{"enum": apiVersions}, "kind": object{"enum": kinds}}, "required": []string{"kind", "metadata"}},
	})
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err = encoder.Encode(object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "Loket",
		"description": "The kinds of loket.dev, made from their CustomResourceDefinitions by bot-runtime schema.",
		"type":        "object",
		"required":    []string{"apiVersion", "kind"},
		"properties": object{
			"apiVersion": object{"type": "string", "examples": apiVersions},
			"kind":       object{"type": "string", "examples": kinds},
		},
		"allOf":       rules,
		"definitions": definitions,
	})
	return out.Bytes(), err
}

// kind is the schema of one kind as an author writes it. Its status is the operator's.
func kind(root *apiextensionsv1.JSONSchemaProps, name, version string) object {
	out := of(root)
	properties := out["properties"].(object)
	properties["apiVersion"] = object{"const": version}
	properties["kind"] = object{"const": name}
	properties["metadata"] = object{
		"type":     "object",
		"required": []string{"name"},
		"properties": object{
			"name":        object{"type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "description": "name of the object: small letters, digits and dashes."},
			"namespace":   object{"type": "string", "maxLength": 63, "description": "namespace of the tenant; kubectl's own when absent."},
			"labels":      object{"type": "object", "additionalProperties": object{"type": "string"}},
			"annotations": object{"type": "object", "additionalProperties": object{"type": "string"}},
		},
	}
	properties["status"] = object{"type": "object", "description": "is written by the operator; leave it out."}
	out["required"] = []string{"apiVersion", "kind", "metadata", "spec"}
	return out
}

// of turns a structural schema of Kubernetes into JSON Schema: fields that it does not know are wrong, those that have a default
// may be left out, and rules in CEL, which no editor runs, are told in the description.
func of(s *apiextensionsv1.JSONSchemaProps) object {
	out := object{}
	description := strings.TrimSpace(s.Description)
	for _, rule := range s.XValidations {
		if rule.Message != "" && !strings.Contains(rule.Rule, "oldSelf") {
			description = strings.TrimSpace(description + "\n\nRule: " + rule.Message + ".")
		}
	}
	put := func(key string, value any, there bool) {
		if there {
			out[key] = value
		}
	}
	put("description", description, description != "")
	put("type", s.Type, s.Type != "")
	if s.XIntOrString {
		out["type"] = []string{"integer", "string"}
	}
	put("format", s.Format, s.Format == "date-time")
	put("pattern", s.Pattern, s.Pattern != "")
	put("minLength", s.MinLength, s.MinLength != nil)
	put("maxLength", s.MaxLength, s.MaxLength != nil)
	put("minItems", s.MinItems, s.MinItems != nil)
	put("maxItems", s.MaxItems, s.MaxItems != nil)
	put("minProperties", s.MinProperties, s.MinProperties != nil)
	put("maxProperties", s.MaxProperties, s.MaxProperties != nil)
	put(bound("minimum", "exclusiveMinimum", s.ExclusiveMinimum), s.Minimum, s.Minimum != nil)
	put(bound("maximum", "exclusiveMaximum", s.ExclusiveMaximum), s.Maximum, s.Maximum != nil)
	put("enum", s.Enum, len(s.Enum) > 0)
	put("default", s.Default, s.Default != nil)
	put("uniqueItems", true, s.UniqueItems || s.XListType != nil && *s.XListType == "set")
	if s.Items != nil && s.Items.Schema != nil {
		out["items"] = of(s.Items.Schema)
	}
	switch {
	case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
		out["additionalProperties"] = of(s.AdditionalProperties.Schema)
	case len(s.Properties) > 0:
		properties := object{}
		for name, p := range s.Properties {
			properties[name] = of(&p)
		}
		out["properties"] = properties
		out["additionalProperties"] = s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields
	}
	required := slices.DeleteFunc(slices.Clone(s.Required), func(name string) bool { return s.Properties[name].Default != nil })
	put("required", required, len(required) > 0)
	return out
}

func bound(inclusive, exclusive string, excluded bool) string {
	if excluded {
		return exclusive
	}
	return inclusive
}
