package dialog

import (
	"strings"
)

// template is a text in one language: literal parts and expressions in turn. It is read once, when the flow is compiled;
// values are put in as they are and never read again, so that a citizen who types {{ }} gets it back as typed.
type template struct {
	literal string // the whole text, when it has no expression
	parts   []part
}

type part struct {
	literal string
	expr    *expression
}

// failedValue stands where an expression failed at run time.
const failedValue = "-"

func (t *template) render(s *scope, problem func(error)) string {
	if t == nil {
		return ""
	}
	if t.parts == nil {
		return t.literal
	}
	var b strings.Builder
	for i := range t.parts {
		p := &t.parts[i]
		if p.expr == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := p.expr.eval(s)
		if err != nil {
			problem(err)
			b.WriteString(failedValue)
			continue
		}
		b.WriteString(cut(show(v), MaxVariableBytes))
	}
	return b.String()
}

// rawPart is a piece of a text before compilation.
type rawPart struct {
	text   string
	expr   bool
	column int // of the piece's first character, 0-based, in characters
}

// split reads "a {{ b }} c". An opening without its end gives ok false and the column.
func split(text string) (parts []rawPart, ok bool, column int) {
	rest, at := text, 0
	for {
		i := strings.Index(rest, "{{")
		if i < 0 {
			if rest != "" {
				parts = append(parts, rawPart{text: rest, column: at})
			}
			return parts, true, 0
		}
		if i > 0 {
			parts = append(parts, rawPart{text: rest[:i], column: at})
		}
		at += len([]rune(rest[:i]))
		end := closing(rest[i+2:])
		if end < 0 {
			return parts, false, at
		}
		parts = append(parts, rawPart{text: rest[i+2 : i+2+end], expr: true, column: at + 2})
		at += len([]rune(rest[i : i+4+end]))
		rest = rest[i+4+end:]
	}
}

// closing finds the }} that ends an expression, outside of its strings and braces.
func closing(s string) int {
	depth := 0
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}' && i+1 < len(s) && s[i+1] == '}':
			return i
		}
	}
	return -1
}
