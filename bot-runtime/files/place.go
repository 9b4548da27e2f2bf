package files

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is where an object stands.
type place struct {
	file  string
	first int        // line of the file where its document begins
	root  *yaml.Node // the document's own, with lines from 1
}

// At gives the file and the line of a path within an object, such as nodes[welcome].menu.options[hours].title.en of
// dialogflow/kontak157. Where the path goes on beyond what is written, it is the line where it ends; an object that is not
// here has no place.
func (f *Folder) At(object, path string) (file string, line int) {
	p, ok := f.places[object]
	if !ok {
		return "", 0
	}
	return p.file, p.line(path)
}

func (p place) line(path string) int {
	node := p.root
	if node == nil || node.Kind != yaml.MappingNode {
		return p.first
	}
	line := node.Line
	at := func(key, value *yaml.Node) { line, node = key.Line, value }
	fields := split(path)
	if len(fields) > 0 && fields[0] != "metadata" && fields[0] != "apiVersion" && fields[0] != "kind" {
		fields = append([]string{"spec"}, fields...)
	}
	if key, value := entry(node, "metadata"); key != nil && len(fields) == 0 {
		at(key, value)
		if key, value := entry(value, "name"); key != nil {
			at(key, value)
		}
	}
	for _, field := range fields {
		key, value := entry(node, field)
		if key == nil {
			line += rowOf(node, field)
			break
		}
		at(key, value)
	}
	return p.first - 1 + line
}

// rowOf: "line 12" of rows that stand in the object as a block of text.
func rowOf(node *yaml.Node, field string) int {
	if n, ok := strings.CutPrefix(field, "line "); ok && node.Kind == yaml.ScalarNode && node.Style&yaml.LiteralStyle != 0 {
		row, _ := strconv.Atoi(n)
		return row
	}
	return 0
}

// entry finds a field of a mapping, or an element of a list by its name or number. Of an element, key is the element itself.
func entry(node *yaml.Node, field string) (key, value *yaml.Node) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == field {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for _, element := range node.Content {
			if _, name := entry(element, "name"); name != nil && name.Value == field {
				return element, element
			}
		}
		if i, err := strconv.Atoi(field); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
	}
	return nil, nil
}

// split parts a path into its fields: nodes[a b].say is nodes, a b, say. The rows of a Directory are its inline text.
func split(path string) []string {
	path = strings.Replace(path, "source.rows[", "source.inline[", 1)
	var out []string
	for path != "" {
		if path[0] == '[' {
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return append(out, path[1:])
			}
			out, path = append(out, path[1:end]), strings.TrimPrefix(path[end+1:], ".")
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			return append(out, path)
		}
		out, path = append(out, path[:end]), strings.TrimPrefix(path[end:], ".")
	}
	return out
}
