package platform

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is one that Meta has approved.
type Template struct {
	Name     string
	Language string
	// Body with its parameters: {{1}}, {{2}}, or {{name}}.
	Body string
}

type sentTemplate struct {
	Name       string
	Language   struct{ Code string }
	Components []struct {
		Type       string
		Parameters []sentParameter
	}
}

type sentParameter struct {
	Type string
	Name string `json:"parameter_name"`
	Text string
}

// refusal is an error of the Graph API; of code 0 it is none.
type refusal struct {
	status, code   int
	title, details string
}

var place = regexp.MustCompile(`\{\{([a-z0-9_]+)\}\}`)

// fill puts the values into the template and says what the citizen reads, or how Meta refuses it.
func (a Account) fill(t *sentTemplate) (Received, refusal) {
	var values []sentParameter
	for _, c := range t.Components {
		if c.Type != "body" {
			return Received{}, refusal{http.StatusBadRequest, 132000, "Number of parameters does not match", "the template has no " + c.Type}
		}
		values = c.Parameters
	}
	for _, v := range values {
		switch {
		case v.Type != "text" || v.Text == "":
			return Received{}, refusal{http.StatusBadRequest, 131008, "Required parameter is missing", "a parameter has no text"}
		case strings.ContainsAny(v.Text, "\n\t") || strings.Contains(v.Text, "     ") || utf8.RuneCountInString(v.Text) > 1024:
			return Received{}, refusal{http.StatusBadRequest, 132012, "Parameter format mismatch", "a parameter holds line breaks, tabs or five blanks, or is too long"}
		}
	}
	if a.Templates == nil {
		text := t.Name
		for _, v := range values {
			text += "\n" + v.Text
		}
		return Received{Text: text, Template: t.Name}, refusal{}
	}
	i := slices.IndexFunc(a.Templates, func(known Template) bool { return known.Name == t.Name && known.Language == t.Language.Code })
	if i < 0 {
		return Received{}, refusal{http.StatusNotFound, 132001, "Template does not exist", fmt.Sprintf("template name (%s) does not exist in %s", t.Name, t.Language.Code)}
	}
	body := a.Templates[i].Body
	places := place.FindAllStringSubmatch(body, -1)
	if len(places) != len(values) {
		return Received{}, refusal{http.StatusBadRequest, 132000, "Number of parameters does not match",
			fmt.Sprintf("number of localizable_params (%d) does not match the expected number of params (%d)", len(values), len(places))}
	}
	for n, p := range places {
		at := slices.IndexFunc(values, func(v sentParameter) bool { return v.Name == p[1] })
		if p[1] == fmt.Sprint(n+1) && values[n].Name == "" {
			at = n
		}
		if at < 0 {
			return Received{}, refusal{http.StatusBadRequest, 132012, "Parameter format mismatch", "there is no value for " + p[0]}
		}
		body = strings.Replace(body, p[0], values[at].Text, 1)
	}
	return Received{Text: body, Template: t.Name}, refusal{}
}
