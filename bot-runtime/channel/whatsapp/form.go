package whatsapp

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of a form that was filled in.
const (
	maxFields     = 50
	maxFieldName  = 63
	maxFieldValue = 4000 // bytes
	maxFormBytes  = 64 << 10
)

// noToken goes with a form that has none: Meta wants one.
const noToken = "unused"

// tokenField is where a form's answers say which form they are of.
const tokenField = "flow_token"

// fieldsOf reads the answers of a form: an object of texts, numbers, yes and no, and lists of these, as its last screen sends them.
// What is none of these, or beyond the bounds, is left out; of what is no object nothing is left. token says which form it was,
// where the platform does.
func fieldsOf(response string) (fields map[string]string, token string) {
	if len(response) > maxFormBytes {
		return nil, ""
	}
	var all map[string]any
	decoder := json.NewDecoder(strings.NewReader(response))
	decoder.UseNumber() // an account number is no float
	if decoder.Decode(&all) != nil {
		return nil, ""
	}
	if said, _ := all[tokenField].(string); said != noToken {
		token = clean(said, maxID)
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	fields = map[string]string{}
	for _, name := range names {
		value, ok := scalar(all[name])
		if list, is := all[name].([]any); is {
			var parts []string
			for _, v := range list {
				if part, fits := scalar(v); fits {
					parts = append(parts, part)
				}
			}
			value, ok = strings.Join(parts, ", "), len(parts) > 0
		}
		if ok && name != tokenField && len(name) <= maxFieldName && len(fields) < maxFields {
			fields[clean(name, maxFieldName)] = clean(value, maxFieldValue)
		}
	}
	return fields, token
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}

// inLines shows the fields to people.
func inLines(fields map[string]string) string {
	lines := make([]string, 0, len(fields))
	for name, value := range fields {
		lines = append(lines, name+": "+value)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// formAgain is how long a form that Meta refused goes as its text alone, before it is tried again.
const formAgain = 10 * time.Minute

// refusedForms are those that are not published, or blocked, or have no such screen: citizens shall be asked all the same.
type refusedForms struct {
	mu sync.Mutex
	at map[string]time.Time // by the form's id; as many as flows name
}

func (r *refusedForms) refuse(form string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]time.Time{}
	}
	r.at[form] = now
}

func (r *refusedForms) refuses(form string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.at[form]
	return ok && now.Sub(at) < formAgain
}

// aboutForm says whether a refusal may be for the form that a message opens, and not for who it is to or from.
func aboutForm(code int) bool {
	switch code {
	case 100, 131008, 131009, 131051, 132068, 135000:
		return true
	}
	return code >= 139000 && code <= 139999
}
