package author

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// field is one field of an object, with its path as findings write it: nodes[welcome].menu.options[hours].title.
type field struct {
	path   string
	name   string
	parent reflect.Value // the struct that it is of
	value  reflect.Value
}

// fields visits everything that a value of our API holds, in the order in which its type declares it. What the API gets in future
// is visited without a word here.
func fields(v reflect.Value, path string, visit func(field)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fields(v.Elem(), path, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fields(v.Index(i), fmt.Sprintf("%s[%s]", path, keyOf(v.Index(i), i)), visit)
		}
	case reflect.Struct:
		if v.Type().PkgPath() != ourAPI {
			return
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			at := path
			if name != "" && path != "" {
				at += "."
			}
			visit(field{path: at + name, name: name, parent: v, value: v.Field(i)})
			fields(v.Field(i), at+name, visit)
		}
	}
}

var ourAPI = reflect.TypeFor[v1alpha1.Node]().PkgPath()

// keyOf an element of a list: its name, or else its number.
func keyOf(v reflect.Value, i int) string {
	if v.Kind() == reflect.Struct {
		if name := v.FieldByName("Name"); name.IsValid() && name.Kind() == reflect.String {
			return name.String()
		}
	}
	return fmt.Sprint(i)
}
