package rapidpro

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// reference in a text of RapidPro; two @ are one that stands for itself.
var references = regexp.MustCompile(`@@|@\([^)]*\)?|@[a-z_]+(\.[a-z0-9_]+)*`)

// roots are what a name after an @ can begin with; anything else is an address, or a handle.
var roots = regexp.MustCompile(`^@(\(|(results|contact|fields|input|run|webhook|globals|urns|parent|child|trigger|resume|node|ticket|legacy_extra)\b)`)

// reference is our name of what RapidPro names so, without its @; "" when there is none.
func (c *converter) reference(name string) string {
	parts := strings.Split(name, ".")
	switch {
	case name == "input" || name == "input.text":
		return "input.text"
	case name == "contact" || name == "contact.name" || name == "contact.first_name":
		return "contact.name"
	case parts[0] == "results" && (len(parts) == 2 || len(parts) == 3 && (parts[2] == "value" || parts[2] == "category" || parts[2] == "input")):
		return c.variable(parts[1])
	case parts[0] == "fields" && len(parts) == 2:
		return c.variable(parts[1])
	case parts[0] == "contact" && len(parts) == 3 && parts[1] == "fields":
		return c.variable(parts[2])
	}
	return ""
}

// each takes a text apart: words stand for themselves, names are ours.
func (c *converter) each(text string, words, name func(string)) {
	at := 0
	for _, m := range references.FindAllStringIndex(text, -1) {
		found := text[m[0]:m[1]]
		ours := ""
		if found != "@@" {
			ours = c.reference(found[1:])
		}
		words(text[at:m[0]])
		switch {
		case found == "@@":
			words("@")
		case ours != "":
			name(ours)
		default:
			if roots.MatchString(found) {
				c.note("%s has no counterpart; write it anew", quoted(found))
			}
			words(found)
		}
		at = m[1]
	}
	words(text[at:])
}

// template is a text as ours. Braces that are no expression of ours are parted.
func (c *converter) template(text string) string {
	var b strings.Builder
	c.each(text, func(words string) {
		for strings.Contains(words, "{{") {
			words = strings.ReplaceAll(words, "{{", "{ {")
		}
		if strings.HasSuffix(b.String(), "{") && strings.HasPrefix(words, "{") {
			words = " " + words
		}
		b.WriteString(words)
	}, func(name string) { b.WriteString("{{ " + name + " }}") })
	if r := []rune(b.String()); len(r) > 4096 {
		c.note("a text was cut to 4096 characters")
		return strings.ReplaceAll(string(r[:4090]), "{{", "{ {")
	}
	return b.String()
}

// expression is a value as CEL.
func (c *converter) expression(value string) string {
	var parts []string
	c.each(value, func(words string) {
		if words != "" {
			quoted, _ := json.Marshal(words)
			parts = append(parts, string(quoted))
		}
	}, func(name string) { parts = append(parts, name) })
	out := strings.Join(parts, " + ")
	switch {
	case out == "":
		return "''"
	case len(out) > 1024:
		c.note("a value is longer than an expression may be; write it anew")
		return "''"
	}
	return out
}

func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

func quoted(s string) string { return strconv.Quote(short(s)) }
