package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// Change is a text to write into an object: into the value that Path leads to, which is a mapping, under Key. A key that the
// mapping does not have yet is added after its last.
type Change struct {
	Object, Path, Key, Value string
}

// Rewrite gives the files with changes made, by name. Every byte stays that is not of a changed text: comments, order and
// indentation do. What is written is read again, and differs from what was read by the changes alone, or there is an error.
func (f *Folder) Rewrite(changes []Change) (map[string][]byte, error) {
	byFile := map[string][]Change{}
	for _, c := range changes {
		p, ok := f.places[c.Object]
		if !ok {
			return nil, fmt.Errorf("no object %s in these files", c.Object)
		}
		byFile[p.file] = append(byFile[p.file], c)
	}
	out := map[string][]byte{}
	for name, all := range byFile {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if out[name], err = f.rewrite(name, body, all); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// splice is a piece of a file and what stands there instead.
type splice struct {
	start, end int
	text       string
}

func (f *Folder) rewrite(name string, body []byte, changes []Change) ([]byte, error) {
	s := source{body: body, newline: "\n"}
	if bytes.Contains(body, []byte("\r\n")) {
		s.newline = "\r\n"
	}
	want := map[int]*yaml.Node{} // by the line where a document begins
	var splices []splice
	for _, c := range changes {
		p := f.places[c.Object]
		s.first = p.first
		one, err := s.change(p.root, c)
		if err != nil {
			return nil, fmt.Errorf("%s  %s.%s: %w", c.Object, c.Path, c.Key, err)
		}
		splices = append(splices, one)
		if want[p.first] == nil {
			want[p.first] = clone(p.root)
		}
		set(find(want[p.first], c.Path), c.Key, c.Value)
	}
	sort.SliceStable(splices, func(i, j int) bool { return splices[i].start < splices[j].start })
	var out bytes.Buffer
	at := 0
	for _, one := range splices {
		if one.start < at {
			return nil, fmt.Errorf("%s: two changes of one place", name)
		}
		out.Write(body[at:one.start])
		out.WriteString(one.text)
		at = one.end
	}
	out.Write(body[at:])
	return out.Bytes(), proven(name, body, out.Bytes(), want)
}

// proven compares what is written with what was meant.
func proven(name string, before, after []byte, want map[int]*yaml.Node) error {
	old, written := documents(before), documents(after)
	if len(old) != len(written) {
		return fmt.Errorf("%s cannot be rewritten: its documents would change; write the texts by hand", name)
	}
	for i, d := range written {
		root, mistakes := parse(d.body)
		expected := want[old[i].line]
		if expected == nil {
			expected, _ = parse(old[i].body)
		}
		if len(mistakes) > 0 || !same(expected, root) {
			return fmt.Errorf("%s cannot be rewritten: another text than the changed would change; quote the texts there, or write them by hand", name)
		}
	}
	return nil
}

func same(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Value != b.Value || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// clone copies a tree. An alias is copied with its name; what it stands for is compared where it stands.
func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i := range n.Content {
		c.Content[i] = clone(n.Content[i])
	}
	return &c
}

func set(mapping *yaml.Node, key, value string) {
	scalar := func(v string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v} }
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = scalar(value)
			return
		}
	}
	mapping.Content = append(mapping.Content, scalar(key), scalar(value))
}

// find follows a path from an object's root.
func find(root *yaml.Node, path string) *yaml.Node {
	node := root
	for _, field := range append([]string{"spec"}, split(path)...) {
		if _, node = entry(node, field); node == nil {
			return nil
		}
	}
	return node
}

// source is a file that is rewritten.
type source struct {
	body    []byte
	newline string
	first   int // line of the document
}

func (s source) change(root *yaml.Node, c Change) (splice, error) {
	mapping := find(root, c.Path)
	if mapping == nil || mapping.Kind != yaml.MappingNode || len(mapping.Content) == 0 {
		return splice{}, fmt.Errorf("is no list of texts by language that can be written to; write it by hand")
	}
	flow := mapping.Style&yaml.FlowStyle != 0
	indent := mapping.Content[0].Column - 1
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != c.Key {
			continue
		}
		value := mapping.Content[i+1]
		start, end, err := s.extent(value, indent)
		if err != nil {
			return splice{}, err
		}
		return splice{start, end, s.written(c.Value, value.Style, indent, flow)}, nil
	}
	last := mapping.Content[len(mapping.Content)-1]
	_, end, err := s.extent(last, indent)
	if err != nil {
		return splice{}, err
	}
	key := s.written(c.Key, 0, indent, true)
	if flow {
		return splice{end, end, ", " + key + ": " + s.written(c.Value, 0, indent, true)}, nil
	}
	for end < len(s.body) && s.body[end] != '\n' && s.body[end] != '\r' { // a comment stays on its line
		end++
	}
	return splice{end, end, s.newline + strings.Repeat(" ", indent) + key + ": " + s.written(c.Value, 0, indent, false)}, nil
}

// extent is where a text begins and ends in the file. indent is that of its key.
func (s source) extent(n *yaml.Node, indent int) (start, end int, err error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, 0, fmt.Errorf("is written with a YAML anchor, alias or tag; write it out as a text")
	}
	start = s.offset(n)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end = quotedEnd(s.body, start, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		end = quotedEnd(s.body, start, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		end = blockEnd(s.body, start, indent)
	default:
		end = plainEnd(s.body, start, n.Value)
	}
	if start < 0 || end <= start || end > len(s.body) {
		return 0, 0, fmt.Errorf("cannot be found in the file; quote the text there")
	}
	return start, end, nil
}

// offset of a node, whose column counts characters.
func (s source) offset(n *yaml.Node) int {
	at := 0
	for range s.first - 1 + n.Line - 1 {
		i := bytes.IndexByte(s.body[at:], '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	if at == 0 {
		at = len(s.body) - len(bytes.TrimPrefix(s.body, []byte("\uFEFF")))
	}
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(s.body[at:])
		at += size
	}
	return at
}

func quotedEnd(body []byte, start int, quote byte) int {
	if start < 0 || start >= len(body) || body[start] != quote {
		return -1
	}
	for i := start + 1; i < len(body); i++ {
		switch {
		case body[i] == '\\' && quote == '"':
			i++
		case body[i] == quote && quote == '\'' && i+1 < len(body) && body[i+1] == quote:
			i++
		case body[i] == quote:
			return i + 1
		}
	}
	return -1
}

// blockEnd of a | or > text: it goes on as long as lines are empty or further in than its key.
func blockEnd(body []byte, start, indent int) int {
	if start < 0 {
		return -1
	}
	end, at := start, start
	for first := true; at < len(body); first = false {
		next := len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		row := bytes.TrimRight(body[at:next], "\r\n")
		text := bytes.TrimLeft(row, " ")
		switch {
		case first, len(text) > 0 && len(row)-len(text) > indent:
			end = at + len(row)
		case len(text) > 0:
			return end
		}
		at = next
	}
	return end
}

// plainEnd of a text without quotes, which may be broken at its blanks.
func plainEnd(body []byte, start int, value string) int {
	if start < 0 {
		return -1
	}
	at := start
	for i := 0; i < len(value); {
		if value[i] == ' ' || value[i] == '\n' {
			from := at
			for at < len(body) && bytes.IndexByte([]byte(" \t\r\n"), body[at]) >= 0 {
				at++
			}
			if at == from {
				return -1
			}
			for i < len(value) && (value[i] == ' ' || value[i] == '\n') {
				i++
			}
			continue
		}
		if at >= len(body) || body[at] != value[i] {
			return -1
		}
		at, i = at+1, i+1
	}
	return at
}

// written is a text in the style that it had, or in double quotes where that cannot hold it. flow: it stands in braces.
func (s source) written(text string, style yaml.Style, indent int, flow bool) string {
	switch {
	case style&yaml.LiteralStyle != 0 && blockable(text):
		return s.block("|", text, strings.Split(strings.TrimSuffix(text, "\n"), "\n"), indent)
	case style&yaml.FoldedStyle != 0 && blockable(text) && !strings.Contains(strings.TrimSuffix(text, "\n"), "\n"):
		return s.block(">", text, []string{strings.TrimSuffix(text, "\n")}, indent)
	case style&yaml.SingleQuotedStyle != 0 && printable(text):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 && plain(text, flow):
		return text
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b) // JSON's strings are YAML's, too
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}

func (s source) block(sign, text string, rows []string, indent int) string {
	if !strings.HasSuffix(text, "\n") {
		sign += "-"
	}
	var b strings.Builder
	b.WriteString(sign)
	for _, row := range rows {
		b.WriteString(s.newline)
		if row != "" {
			b.WriteString(strings.Repeat(" ", indent+2) + row)
		}
	}
	return b.String()
}

// blockable: a text that a block holds as it is.
func blockable(text string) bool {
	body := strings.TrimSuffix(text, "\n")
	return body != "" && !strings.HasSuffix(body, "\n") && !strings.HasPrefix(body, " ") && !strings.HasPrefix(body, "\n") && printable(strings.ReplaceAll(body, "\n", ""))
}

// printable: no breaks and no control characters.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r >= 0x7F && r <= 0x9F || r == 0x2028 || r == 0x2029 || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF
	})
}

// plain: a text that needs no quotes, whichever YAML reads it (kubectl takes no and off for false).
func plain(text string, flow bool) bool {
	if !printable(text) || strings.ContainsAny(text, "{}[]&*#!|>%@`\"'\\") || strings.Contains(text, ": ") {
		return false
	}
	document := "a: " + text + " # c\nb: c\n"
	if flow {
		document = "{a: " + text + ", b: c}"
	}
	var newer, older map[string]any
	return yaml.Unmarshal([]byte(document), &newer) == nil && sigsyaml.Unmarshal([]byte(document), &older) == nil &&
		newer["a"] == any(text) && older["a"] == any(text) && len(newer) == 2 && len(older) == 2
}
