package admission

import (
	"regexp"
	"strconv"
	"strings"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Problem is one reason why the API server would refuse a document.
type Problem struct {
	// Path is where in the object, with names instead of numbers where a list has them: spec.nodes[menu].options[real].next.
	// Empty when it is about the whole document.
	Path string
	// Message says what is wrong and the mend. The words are ours: the API server's speak of bodies and patterns.
	Message string
}

// String is path and message, as lint prints them.
func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

func problemsOf(errs field.ErrorList, u *unstructured.Unstructured, k *kind) []Problem {
	var out []Problem
	told := map[string]bool{}
	for _, e := range errs {
		if e.Detail == rulesNotChecked {
			continue // nothing to mend
		}
		path := e.Field
		if path == "<nil>" {
			path = ""
		}
		value, schema := valueAt(path, u.Object, k.schema)
		if _, isText := value.(string); isText && told[path] {
			continue // a pattern and a rule refuse one value: the first is enough
		}
		told[path] = true
		out = append(out, Problem{Path: named(path, u.Object, k.schema), Message: inWords(e, value, schema)})
	}
	return out
}

func unknownFields(paths []string, u *unstructured.Unstructured, k *kind) []Problem {
	var out []Problem
	for _, path := range paths {
		parent, last := "", path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, last = path[:i], path[i+1:]
		}
		var known []string
		if s := schemaAt(parent, k.schema); s != nil {
			for name := range s.Properties {
				known = append(known, name)
			}
		}
		hint := didYouMean(last, known)
		if last == "true" || last == "false" {
			hint = "; YAML reads a bare on, yes, off or no as true or false: quote it if it is a name"
		}
		out = append(out, Problem{Path: named(path, u.Object, k.schema), Message: "no such field" + hint})
	}
	return out
}

// segment is a field with an index behind it, if any: nodes, [3].
var segment = regexp.MustCompile(`([^.\[\]]+)|\[([0-9]+)\]`)

// named replaces the numbers in a path by the names of what they count, where the list is a map by one key.
func named(path string, content any, s *structuralschema.Structural) string {
	var b strings.Builder
	rest := path
	for rest != "" {
		m := segment.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		b.WriteString(rest[:m[0]])
		if m[4] < 0 { // a field
			name := rest[m[2]:m[3]]
			b.WriteString(name)
			fields, _ := content.(map[string]any)
			content = fields[name]
			s = child(s, name)
		} else {
			index, _ := strconv.Atoi(rest[m[4]:m[5]])
			label := rest[m[4]:m[5]]
			elements, _ := content.([]any)
			content = nil
			if index < len(elements) {
				content = elements[index]
			}
			if name, ok := nameOf(content, s); ok {
				label = name
			}
			b.WriteString("[" + label + "]")
			if s != nil {
				s = s.Items
			}
		}
		rest = rest[m[1]:]
	}
	return b.String() + rest
}

func nameOf(element any, list *structuralschema.Structural) (string, bool) {
	if list == nil || list.XListType == nil || *list.XListType != "map" || len(list.XListMapKeys) != 1 {
		return "", false
	}
	fields, _ := element.(map[string]any)
	name, ok := fields[list.XListMapKeys[0]].(string)
	return name, ok && name != ""
}

func schemaAt(path string, s *structuralschema.Structural) *structuralschema.Structural {
	for _, m := range segment.FindAllStringSubmatch(path, -1) {
		switch {
		case s == nil:
			return nil
		case m[2] != "":
			s = s.Items
		default:
			s = child(s, m[1])
		}
	}
	return s
}

func child(s *structuralschema.Structural, name string) *structuralschema.Structural {
	if s == nil {
		return nil
	}
	if p, ok := s.Properties[name]; ok {
		return &p
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Structural
	}
	return nil
}

// valueAt gives what stands at a path, and what should.
func valueAt(path string, content any, s *structuralschema.Structural) (any, *structuralschema.Structural) {
	for _, m := range segment.FindAllStringSubmatch(path, -1) {
		if m[2] == "" {
			fields, _ := content.(map[string]any)
			content, s = fields[m[1]], child(s, m[1])
			continue
		}
		index, _ := strconv.Atoi(m[2])
		elements, _ := content.([]any)
		content = nil
		if index < len(elements) {
			content = elements[index]
		}
		if s != nil {
			s = s.Items
		}
	}
	return content, s
}
