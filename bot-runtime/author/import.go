package author

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/author/rapidpro"
)

// Import writes a DialogFlow made of flows that RapidPro has exported to out, and to notes what has no counterpart and what lint
// would say of the result. It begins with the flow named start, or the first when that is empty.
func Import(out, notes io.Writer, file, start string, now time.Time) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("the export cannot be read: %w", err)
	}
	flow, told, err := rapidpro.Convert(body, start)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	made, err := flowYAML(flow)
	if err != nil {
		return err
	}
	if _, err := out.Write(made); err != nil {
		return err
	}
	p := printer{out: notes}
	p.line("dialogflow/%s: %s of %s", flow.Name, count(len(flow.Spec.Nodes), "node"), file)
	for _, n := range told {
		p.line("%s", n)
	}
	dir, err := os.MkdirTemp("", "loket-import-")
	if err != nil {
		return errors.Join(p.err, err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "flow.yaml"), made, 0o600); err != nil {
		return errors.Join(p.err, err)
	}
	found := load(dir, now, true).findings()
	for i := range found {
		found[i].File = ""
	}
	if len(found) > 0 {
		p.line("to be mended, as lint says:")
	}
	p.findings(found)
	return p.err
}

// flowYAML is a flow in the order of its type, as people write it: short things in braces.
func flowYAML(flow v1alpha1.DialogFlow) ([]byte, error) {
	spec, err := json.Marshal(flow.Spec)
	if err != nil {
		return nil, err
	}
	var root yaml.Node // JSON is YAML, and keeps its order
	if err := yaml.Unmarshal(spec, &root); err != nil {
		return nil, err
	}
	dress(root.Content[0])
	var b bytes.Buffer
	name := flow.Name
	if slices.Contains(taken, name) {
		name = strconv.Quote(name)
	}
	fmt.Fprintf(&b, "# Made of an export of RapidPro: go through it, and write tests.\napiVersion: %s\nkind: %s\nmetadata: {name: %s}\n", flow.APIVersion, flow.Kind, name)
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(map[string]*yaml.Node{"spec": root.Content[0]}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxBraces is how long a mapping in braces may be.
const maxBraces = 100

// dress gives a tree the style of people: no quotes where none are needed, braces around what is short. It returns the length.
func dress(n *yaml.Node) int {
	length := len(n.Value) + 4
	for _, c := range n.Content {
		length += dress(c)
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Style&yaml.DoubleQuotedStyle != 0 && bare.MatchString(n.Value) && !slices.Contains(taken, strings.ToLower(n.Value)):
		n.Style = 0
	case n.Kind != yaml.ScalarNode && length > maxBraces:
		n.Style = 0
	}
	return length
}

// bare texts need no quotes, unless YAML takes them for something else.
var (
	bare  = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9 _.'-]*[A-Za-z0-9_.])?$`)
	taken = []string{"yes", "no", "on", "off", "y", "n", "true", "false", "null"}
)
