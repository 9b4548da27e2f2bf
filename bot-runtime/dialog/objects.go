package dialog

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

// maxNames is how many names an ambiguous look-up offers.
const maxNames = 3

// Found is the result of a look-up, as expressions and texts read it.
type Found struct {
	// Outcome is that of the directory, or "unavailable" when the directory does not serve.
	Outcome string `json:"o,omitempty"`
	// Name, Licence, Type, Status, Site and Phone are the entry's; of the first, when several may be meant. For a lookalike
	// they are those of the genuine one that it resembles. Status is illegal when any that may be meant is on the warning list.
	Name    string `json:"n,omitempty"`
	Licence string `json:"l,omitempty"`
	Type    string `json:"t,omitempty"`
	Status  string `json:"s,omitempty"`
	Site    string `json:"w,omitempty"`
	Phone   string `json:"p,omitempty"`
	// Query is what was asked.
	Query string `json:"q,omitempty"`
	// Names are all that may be meant, at most three.
	Names []string `json:"ns,omitempty"`
	// Shown is what else the directory shows of the entry, by name.
	Shown facts `json:"x,omitempty"`
	// Why is the directory's reason, for agents and tests.
	Why string `json:"y,omitempty"`
}

func foundOf(a directory.Answer, query string) *Found {
	f := &Found{Outcome: string(a.Outcome), Query: cut(query, maxQueryBytes), Why: a.Why}
	for i, e := range a.Entries {
		if i == 0 {
			f.Name, f.Licence, f.Type, f.Status = e.Name, e.Licence, e.Type, e.Status
			f.Site, f.Phone = first(e.Sites), first(e.Phones)
			for _, fact := range e.Shown {
				if f.Shown == nil {
					f.Shown = facts{}
				}
				f.Shown[fact.Name] = fact.Value
			}
		}
		if e.Status == directory.StatusIllegal {
			f.Status = e.Status
		}
		if i < maxNames {
			f.Names = append(f.Names, e.Name)
		}
	}
	return f
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// Contact is what is known of the citizen; display only.
type Contact struct {
	Name    string
	Channel string
}

type inputValue struct {
	text, kind, mediaType, fileName string
	now                             time.Time // where the tenant is
}

// object is a value with fields.
type object interface {
	field(name string) (any, bool)
}

func (f *Found) field(name string) (any, bool) {
	switch name {
	case "outcome":
		return f.Outcome, true
	case "name":
		return f.Name, true
	case "licence":
		return f.Licence, true
	case "type":
		return f.Type, true
	case "status":
		return f.Status, true
	case "site":
		return f.Site, true
	case "phone":
		return f.Phone, true
	case "query":
		return f.Query, true
	case "names":
		return f.Names, true
	case "shown":
		return f.Shown, true
	case "why":
		return f.Why, true
	}
	return nil, false
}

// facts are values by name; what an entry does not show is empty.
type facts map[string]string

func (f facts) field(name string) (any, bool) { return f[name], true }

func (c *Contact) field(name string) (any, bool) {
	switch name {
	case "name":
		return c.Name, true
	case "channel":
		return c.Channel, true
	}
	return nil, false
}

func (i *inputValue) field(name string) (any, bool) {
	switch name {
	case "text":
		return i.text, true
	case "kind":
		return i.kind, true
	case "mediaType":
		return i.mediaType, true
	case "fileName":
		return i.fileName, true
	case "date":
		return i.now.Format(time.DateOnly), true
	case "time":
		return i.now.Format("15:04"), true
	}
	return nil, false
}

var (
	inputType   = cel.ObjectType("loket.Input")
	contactType = cel.ObjectType("loket.Contact")
	foundType   = cel.ObjectType("loket.Found")
	shownType   = cel.ObjectType("loket.Shown")
	stringsType = reflect.TypeFor[[]string]()
)

var objectFields = map[string]map[string]*cel.Type{
	"loket.Input": {"text": cel.StringType, "kind": cel.StringType, "mediaType": cel.StringType, "fileName": cel.StringType,
		"date": cel.StringType, "time": cel.StringType},
	"loket.Contact": {"name": cel.StringType, "channel": cel.StringType},
	"loket.Found": {"outcome": cel.StringType, "name": cel.StringType, "licence": cel.StringType, "type": cel.StringType,
		"status": cel.StringType, "site": cel.StringType, "phone": cel.StringType, "query": cel.StringType, "why": cel.StringType,
		"names": cel.ListType(cel.StringType), "shown": shownType},
}

// objects tells CEL the fields of our objects. They can be read, not made. What a look-up shows is by the names that the flow's
// Directories give.
type objects struct {
	types.Provider
	shown map[string]*cel.Type
}

func (o objects) fields(name string) (map[string]*cel.Type, bool) {
	if name == shownType.TypeName() {
		return o.shown, true
	}
	fields, ok := objectFields[name]
	return fields, ok
}

func (o objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := o.fields(name); ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

func (o objects) FindStructFieldNames(name string) ([]string, bool) {
	if fields, ok := o.fields(name); ok {
		var names []string
		for f := range fields {
			names = append(names, f)
		}
		return names, true
	}
	return o.Provider.FindStructFieldNames(name)
}

func (o objects) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	fields, ok := o.fields(name)
	if !ok {
		return o.Provider.FindStructFieldType(name, field)
	}
	t, ok := fields[field]
	if !ok {
		return nil, false
	}
	get := func(target any) (any, error) {
		if obj, ok := target.(object); ok {
			if v, ok := obj.field(field); ok {
				return v, nil
			}
		}
		return nil, fmt.Errorf("no field %s", field)
	}
	return &types.FieldType{
		Type:    t,
		GetFrom: get,
		IsSet: func(target any) bool {
			v, err := get(target)
			return err == nil && v != "" && !reflect.ValueOf(v).IsZero()
		},
	}, true
}

func (o objects) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := o.fields(name); ok {
		return types.NewErr("%s cannot be made in an expression", name)
	}
	return o.Provider.NewValue(name, fields)
}
