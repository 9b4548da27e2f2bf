package admission

import (
	"fmt"
	"regexp"
	"strings"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// patterns of the CRDs in words; a test finds those that are missing.
var patterns = map[string]string{
	`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`: "a date such as 2026-12-25",
	`^[A-Za-z][A-Za-z0-9_-]*$`:                            "a name of letters, digits, - and _, a letter first",
	`^[a-z][a-z0-9-]*$`:                                   "a skill, such as syariah: small letters, digits and -, a letter first",
	`^[A-Za-z_][A-Za-z0-9_]*$`:                            "a name of letters, digits and _, no digit first",
	`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z]+)?$`:              "a variable, or a field of one such as found.outcome",
	`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^ "<>]*)?$`:      "an address with https://",
	`^-?[0-9]{1,3}(\.[0-9]{1,7})?$`:                       "decimal degrees, such as -6.1754",
	`^\+[0-9]{3,15}$`:                                     "a phone number with country code, such as +62215550157",
	`^(today|[0-9]{4}-[0-9]{2}-[0-9]{2})$`:                "a date such as 2026-12-31, or today",
	`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`:                     "the name of an object: small letters, digits and -",
	`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`:                    "a language, such as id, en or zh-Hant",
	`^([01][0-9]|2[0-3]):[0-5][0-9]$`:                     "a time of day, such as 08:00",
	`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`:             "a time of day, such as 16:30 or 24:00",
	`^[a-z0-9_]+$`:                                        "the name of a template: small letters, digits and _",
	`^[a-z][a-z0-9_]*$`:                                   "the name of a template's parameter: small letters, digits and _, a letter first",
	`^[a-z]{2,3}(_[A-Z]{2,3})?$`:                          "a language as WhatsApp writes it, such as id or en_US",
	`^[A-Za-z_]+$`:                                        "the name of a form's screen: letters and _",
	`^[0-9]{5,20}$`:                                       "an id of Meta: 5 to 20 digits",
	`^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$`:                      "a time zone, such as Asia/Jakarta",
	`^https?://[^\s@]+$`:                                  "an address such as https://register.example/list.csv",
	`^[a-z_][a-z0-9_]{0,62}(\.[a-z_][a-z0-9_]{0,62})?$`:   "a relation such as public.institutions, of small letters, digits and _",
	`^[0-9a-f]{32}$`:                                      "the content hash of a list: 32 digits and letters from a to f",
	`^https?://`:                                          "an address that begins with https://",
	`^https?://[^/?#]+(/[^?#]*)?$`:                        "an address such as https://{{ namespace }}.loket.example",
	`^https?://[^/]+/v[0-9]+\.[0-9]+$`:                    "an address with a version, such as https://graph.facebook.com/v26.0",
	`^[A-Za-z0-9][A-Za-z0-9._-]*$`:                        "the name of an agent: letters, digits, ., _ and -, a letter or digit first",
	quantityPattern:                                       "an amount, such as 500m, 5 or 5Gi",
}

const quantityPattern = `^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$`

var (
	ofType   = regexp.MustCompile(`^must be of type ([a-z0-9-]+)`)
	matches  = regexp.MustCompile(`^should match '(.*)'$`)
	atLeast  = regexp.MustCompile(`^should (?:have|be) at least ([0-9]+) (items|properties|chars long)$`)
	atMost   = regexp.MustCompile(`^should (?:have|be) at most ([0-9]+) (items|properties|chars long)$`)
	smallest = regexp.MustCompile(`^should be greater than or equal to ([0-9]+)$`)
	largest  = regexp.MustCompile(`^should be less than or equal to ([0-9]+)$`)
)

// inWords says what is wrong with a value, and the mend.
func inWords(e *field.Error, value any, schema *structuralschema.Structural) string {
	detail := strings.TrimPrefix(e.Detail, e.Field+" in body ")
	if v, ok := e.BadValue.(string); ok {
		detail = strings.TrimSuffix(detail, fmt.Sprintf(": %q", v))
	}
	switch e.Type {
	case field.ErrorTypeRequired:
		if detail == "" {
			return "is missing"
		}
		return detail
	case field.ErrorTypeDuplicate:
		return "stands twice; rename or remove one"
	case field.ErrorTypeNotSupported:
		return oneOf(value, schema, e)
	case field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeInvalid, field.ErrorTypeTypeInvalid:
		if said := mend(detail, value, schema); said != "" {
			return said
		}
		if detail == "" {
			break
		}
		switch value.(type) {
		case string, int64, float64, bool:
			if !strings.Contains(detail, short(value)) {
				return short(value) + ": " + detail
			}
		}
		return detail
	}
	return e.ErrorBody()
}

func mend(detail string, value any, schema *structuralschema.Structural) string {
	if m := ofType.FindStringSubmatch(detail); m != nil {
		return otherType(m[1], value, schema)
	}
	if m := matches.FindStringSubmatch(detail); m != nil && patterns[m[1]] != "" {
		return fmt.Sprintf("%s is not %s", short(value), patterns[m[1]])
	}
	if m := atLeast.FindStringSubmatch(detail); m != nil {
		if m[1] == "1" {
			return map[string]string{"items": "is empty; name at least one", "properties": "is empty; fill it in or leave it out", "chars long": "is empty; write something"}[m[2]]
		}
		return fmt.Sprintf("is too short; at least %s %s", m[1], unit(m[2]))
	}
	if m := atMost.FindStringSubmatch(detail); m != nil {
		return fmt.Sprintf("is too long; at most %s %s", m[1], unit(m[2]))
	}
	if m := smallest.FindStringSubmatch(detail); m != nil {
		return fmt.Sprintf("%s is too small; at least %s", short(value), m[1])
	}
	if m := largest.FindStringSubmatch(detail); m != nil {
		return fmt.Sprintf("%s is too large; at most %s", short(value), m[1])
	}
	return ""
}

func unit(of string) string {
	return map[string]string{"items": "entries", "properties": "fields", "chars long": "characters"}[of]
}

// otherType: what was written is of another type than it should be.
func otherType(want string, value any, schema *structuralschema.Structural) string {
	switch want {
	case "string":
		switch value.(type) {
		case bool:
			return fmt.Sprintf("a text is needed, and YAML reads a bare yes, no, on, off, true or false as %v; quote it", value)
		case map[string]any:
			return "a text is needed, not fields"
		case []any:
			return "one text is needed, not a list"
		}
		return fmt.Sprintf("a text is needed, and YAML reads %s as a number; quote it", short(value))
	case "integer", "number":
		return fmt.Sprintf("a number is needed, not %s; write digits without quotes", short(value))
	case "boolean":
		return fmt.Sprintf("true or false is needed, not %s", short(value))
	case "array":
		return fmt.Sprintf("a list is needed, not %s; write [a, b] or lines that begin with -", short(value))
	case "object":
		if schema != nil && len(schema.Properties) == 0 {
			return fmt.Sprintf("a value for each language is needed, not %s; write {id: …, en: …}", short(value))
		}
		return fmt.Sprintf("fields are needed, not %s", short(value))
	case "date-time":
		return fmt.Sprintf("%s is no time; write one such as 2026-12-31T17:00:00+07:00", short(value))
	}
	return ""
}

// oneOf: a value that is none of those that are known.
func oneOf(value any, schema *structuralschema.Structural, e *field.Error) string {
	var known []string
	if schema != nil && schema.ValueValidation != nil {
		for _, v := range schema.ValueValidation.Enum {
			if s, ok := v.Object.(string); ok {
				known = append(known, s)
			}
		}
	}
	written, ok := value.(string)
	if len(known) == 0 || !ok {
		return e.ErrorBody()
	}
	if len(known) == 1 {
		return fmt.Sprintf("%q is unknown; write %s", written, known[0])
	}
	return fmt.Sprintf("%q is none of %s%s", written, strings.Join(known, ", "), didYouMean(written, known))
}

// short shows a value as it was written, or what it is when it is long.
func short(value any) string {
	switch v := value.(type) {
	case string:
		if len(v) > 80 {
			return "the text"
		}
		return fmt.Sprintf("%q", v)
	case map[string]any:
		return "fields"
	case []any:
		return "a list"
	case nil:
		return "nothing"
	}
	return fmt.Sprint(value)
}
