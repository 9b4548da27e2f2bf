package files

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mistake is one in the writing of YAML: a line of the document and a sentence with the mend.
type mistake struct {
	line    int
	message string
}

// parse reads one document; its mistakes are told in words of our own, since YAML's speak of tokens.
func parse(body []byte) (*yaml.Node, []mistake) {
	var doc yaml.Node
	if err := yaml.Unmarshal(body, &doc); err != nil {
		return nil, []mistake{mistakeOf(body, err.Error())}
	}
	if len(doc.Content) == 0 {
		return nil, []mistake{{1, "is empty"}}
	}
	root := doc.Content[0]
	return root, odd(root, nil)
}

// odd finds keys that stand twice, and braces that were meant as an expression: YAML reads {{ a }} as a mapping of a mapping.
func odd(n *yaml.Node, found []mistake) []mistake {
	if n.Kind == yaml.MappingNode {
		seen := map[string]int{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				found = append(found, mistake{key.Line, quoteBraces})
				return found
			}
			if first, twice := seen[key.Value]; twice && key.Value != "<<" {
				found = append(found, mistake{key.Line, fmt.Sprintf("%q stands twice here, first %s; remove one", key.Value, linesAbove(key.Line-first))})
			}
			seen[key.Value] = key.Line
		}
	}
	for _, c := range n.Content {
		found = odd(c, found)
	}
	return found
}

func linesAbove(n int) string {
	switch n {
	case 0:
		return "on the same line"
	case 1:
		return "on the line above"
	}
	return fmt.Sprintf("%d lines above", n)
}

const quoteBraces = `{{ at the beginning of a text is YAML's own sign; quote texts with {{ }}: "{{ found.name }}"`

// bareBraces begin a text without quotes.
var bareBraces = regexp.MustCompile(`(^|[:,\[{-])\s+\{\{|^\s*-?\s*\{\{|\{\{[^}]*$`)

// lineNumber stands before what YAML says.
var lineNumber = regexp.MustCompile(`^(yaml: )?(line [0-9]+: )?`)

// mistakeOf tells where and what. YAML says the line where the list or mapping around began; the mistake is on the first line
// that brings the same words about when nothing follows.
func mistakeOf(body []byte, said string) mistake {
	rows := bytes.SplitAfter(body, []byte("\n"))
	words := func(s string) string { return lineNumber.ReplaceAllString(s, "") }
	said = words(said)
	line := 1 + sort.Search(len(rows)-1, func(n int) bool {
		var v yaml.Node
		err := yaml.Unmarshal(bytes.Join(rows[:n+1], nil), &v)
		return err != nil && words(err.Error()) == said
	})
	row := string(rows[line-1])
	if at := strings.IndexByte(row, '\t'); at >= 0 && strings.TrimSpace(row[:at]) == "" {
		return mistake{line, "a tab; indent with spaces"}
	}
	if bareBraces.MatchString(row) {
		return mistake{line, quoteBraces}
	}
	return mistake{line, inWords(said, strings.TrimSpace(row))}
}

func inWords(said, row string) string {
	switch {
	case strings.HasPrefix(said, "mapping values are not allowed"):
		return "a second \": \" on this line, or the line before is indented otherwise; quote texts that hold \": \""
	case strings.HasPrefix(said, "found character that cannot start any token"):
		return "a text cannot begin with @, ` or %; quote it"
	case strings.HasPrefix(said, "unknown anchor"), strings.Contains(said, "while scanning an alias"), strings.Contains(said, "while scanning an anchor"):
		return "a text cannot begin with * or &; quote it"
	case strings.Contains(said, "',' or ']'"), strings.Contains(said, "',' or '}'"):
		return "a [ or { here or above is not closed, or a comma is missing"
	case strings.HasPrefix(said, "did not find expected key"), strings.HasPrefix(said, "did not find expected '-' indicator"):
		return "this line does not fit those above; indent it as they are, and quote a text as a whole"
	case strings.HasPrefix(said, "found unexpected end of stream"):
		return "a quoted text is not closed above"
	case strings.HasPrefix(said, "did not find expected node content"):
		return "something is missing here: a [ or { is not closed"
	}
	return fmt.Sprintf("is no YAML (%s): %s", said, row)
}
