package dialog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"github.com/go-openapi/jsonpointer"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// Call asks that an outside service is called. The conversation waits for an Input of kind InputAnswer with its Generation.
type Call struct {
	Generation int64
	// Within is what all attempts may take.
	Within  time.Duration
	Request CallRequest
}

// CallRequest is what is to be called, with all values put in.
type CallRequest struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// Body is a JSON object, or empty.
	Body json.RawMessage `json:"body,omitempty"`
	// Secret that says where the call may go, and with what authorization; "" for none.
	Secret  string        `json:"secret,omitempty"`
	Timeout time.Duration `json:"timeout"`
	Retries int           `json:"retries,omitempty"`
	// Repeatable: an attempt whose outcome is unknown may be made again.
	Repeatable bool `json:"repeatable,omitempty"`
	// Take are JSON Pointers of the values that are wanted of the answer.
	Take []string `json:"take,omitempty"`
}

// CallOutcome is what became of a call.
type CallOutcome string

// The outcomes.
const (
	CallAnswered CallOutcome = "answered" // with a status
	CallFailed   CallOutcome = "failed"   // surely not done: it was not, or could not be, called
	CallUnknown  CallOutcome = "unknown"  // it may have been done
)

// CallAnswer is how a call ended.
type CallAnswer struct {
	Outcome CallOutcome `json:"outcome"`
	Status  int         `json:"status,omitempty"`
	// Values of the answer by their JSON Pointers: string, float64 or bool; others are left out.
	Values map[string]any `json:"values,omitempty"`
}

// Answered is the answer that a service gave: its status, and the values that the pointers take of its body.
func Answered(status int, body []byte, take []string) CallAnswer {
	a := CallAnswer{Outcome: CallAnswered, Status: status}
	if len(take) == 0 {
		return a
	}
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		return a
	}
	a.Values = map[string]any{}
	for _, at := range take {
		pointer, err := jsonpointer.New(at)
		if err != nil {
			continue
		}
		value, _, err := pointer.Get(document)
		if err != nil {
			continue
		}
		switch v := value.(type) {
		case string:
			a.Values[at] = cut(v, MaxVariableBytes)
		case float64, bool:
			a.Values[at] = v
		}
	}
	return a
}

// call is a compiled call.
type call struct {
	method, secret string
	url            *template
	body           []field
	timeout        time.Duration
	retries        int
	repeatable     bool
	take           []taken
	pointers       []string
	statusAs       string
	unknown        int // node, or none
}

type field struct {
	name  string
	value *expression
}

type taken struct {
	name string
	kind v1alpha1.VariableType
	from string
}

func (c *compiler) call(out *node, n *v1alpha1.Call, path string) {
	out.kind = kindCall
	out.otherwise = c.target(n.Otherwise, path+".otherwise")
	method := n.Method
	if method == "" {
		method = v1alpha1.CallGet
	}
	timeout := n.Timeout.Duration
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	out.call = &call{method: string(method), secret: string(n.SecretName), timeout: timeout, retries: int(n.Retries), statusAs: string(n.StatusAs),
		repeatable: method != v1alpha1.CallPost || n.Idempotent, unknown: c.optionalTarget(n.OnUnknown, path+".onUnknown")}
	c.address(out.call, n.URL, path+".url")
	for i, f := range n.Body {
		out.call.body = append(out.call.body, field{name: f.Name, value: c.expression(string(f.Value), fmt.Sprintf("%s.body[%d].value", path, i), 0,
			types.StringKind, types.DoubleKind, types.IntKind, types.UintKind, types.BoolKind, types.ListKind)})
	}
	for i, v := range n.Take {
		at := fmt.Sprintf("%s.take[%d]", path, i)
		kind, ok := c.program.variables[string(v.As)]
		if !ok {
			c.find(reasonUndeclared, at+".as", "no variable %q%s; declare it in variables", v.As, didYouMean(string(v.As), keysOf(c.program.variables)))
			continue
		}
		if _, err := jsonpointer.New(v.From); err != nil {
			c.find(reasonNode, at+".from", "%q is no JSON Pointer; write one such as /data/status", v.From)
			continue
		}
		out.call.take = append(out.call.take, taken{name: string(v.As), kind: kind, from: v.From})
		out.call.pointers = append(out.call.pointers, v.From)
	}
	if kind, ok := c.program.variables[out.call.statusAs]; out.call.statusAs != "" {
		switch {
		case !ok:
			c.find(reasonUndeclared, path+".statusAs", "no variable %q%s; declare it in variables", n.StatusAs, didYouMean(string(n.StatusAs), keysOf(c.program.variables)))
		case kind != v1alpha1.VariableNumber:
			c.find(reasonVariableType, path+".statusAs", "%q is a %s, but a status is a number", n.StatusAs, kind)
		}
	}
}

// address compiles a URL. Scheme and host are literal, so that no value can choose where a call goes.
func (c *compiler) address(out *call, address, path string) {
	out.url = c.template(address, path, 2048)
	if out.url == nil {
		return
	}
	literal := out.url.literal
	if out.url.parts != nil {
		literal = out.url.parts[0].literal
		for _, p := range out.url.parts {
			if p.expr != nil && p.expr.kind == types.ListKind {
				c.find(reasonExpressionType, path, "a list has no place in an address; write its values one by one")
			}
		}
	}
	u, err := url.Parse(literal)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "", !strings.HasPrefix(u.Path, "/"):
		c.find(reasonNode, path, "must begin with scheme, host and a slash, such as https://api.example.go.id/, written out")
	case u.User != nil:
		c.find(reasonNode, path, "holds a name or a password; put them into the Secret's key authorization")
	case strings.Contains(address, "#"):
		c.find(reasonNode, path, "what follows # is never sent; leave it out")
	}
}

// errAddress: a value cannot stand where the URL has it.
var errAddress = errors.New("an empty value, . or .. would lead the address elsewhere")

// fill writes the URL with its values escaped for where they stand.
func (t *template) fill(s *scope) (string, error) {
	if t.parts == nil {
		return t.literal, nil
	}
	var b strings.Builder
	query := false
	for i := range t.parts {
		p := &t.parts[i]
		if p.expr == nil {
			query = query || strings.Contains(p.literal, "?")
			b.WriteString(p.literal)
			continue
		}
		v, err := p.expr.eval(s)
		if err != nil {
			return "", err
		}
		switch value := cut(show(v), MaxVariableBytes); {
		case query:
			b.WriteString(url.QueryEscape(value))
		case value == "" || climbs(value):
			return "", errAddress
		default:
			b.WriteString(url.PathEscape(value))
		}
	}
	return b.String(), nil
}

// climbs says whether a server that decodes before it splits would go up in its folders.
func climbs(value string) bool {
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

// object writes the body.
func (c *call) object(s *scope) (json.RawMessage, error) {
	if len(c.body) == 0 {
		return nil, nil
	}
	fields := make(map[string]any, len(c.body))
	for i := range c.body {
		v, err := c.body[i].value.eval(s)
		if err != nil {
			return nil, err
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return nil, fmt.Errorf("%s: %v is no number", c.body[i].value.where, f)
		}
		fields[c.body[i].name] = v
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(fields); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// call asks for the call; waits is false when it cannot be made.
func (s *stepper) call(n *node) (next int, waits bool) {
	address, err := n.call.url.fill(&s.scope)
	var body json.RawMessage
	if err == nil {
		body, err = n.call.object(&s.scope)
	}
	if err != nil {
		s.problem(fmt.Errorf("nodes[%s].call: %w; otherwise is taken", n.name, err))
		return n.otherwise, false
	}
	s.state.Node = n.name
	s.state.Generation++
	c := n.call
	attempts := time.Duration(1 + c.retries)
	s.result.Call = &Call{Generation: s.state.Generation, Within: attempts * c.timeout, Request: CallRequest{Method: c.method, URL: address,
		Body: body, Secret: c.secret, Timeout: c.timeout, Retries: c.retries, Repeatable: c.repeatable, Take: c.pointers}}
	return none, true
}

// parked is the call node where the conversation waits for an answer, or nil.
func (s *stepper) parked() *node {
	if i := s.waiting(); i != none && s.p.nodes[i].kind == kindCall {
		return &s.p.nodes[i]
	}
	return nil
}

// Waits says whether a message must be kept until the call that the conversation waits for is answered. All are, but for a
// trigger, the wish for a person, and that for another language.
func (p *Program) Waits(stored []byte, m message.In) bool {
	state, err := Decode(stored)
	if err != nil {
		return false
	}
	s := stepper{p: p, state: state}
	if s.parked() == nil || m.Kind == message.InReaction || m.Kind == message.InSystem {
		return false
	}
	if m.Kind == message.InForm {
		return true // its text is not what the citizen says
	}
	if m.Kind == message.InChoice && m.ChoiceID == personChoice && p.person != none {
		return false
	}
	folded := words.Fold(strings.TrimSpace(m.Text))
	return folded == "" || s.triggered(folded, true) == none && p.switched(folded) == none
}

// replied goes on after a call. The answer of one that was interrupted is kept; one of another generation is late: the
// conversation has left the call.
func (s *stepper) replied() {
	n := s.parked()
	if n == nil || s.in.Generation != s.awaitedCall() {
		s.state.keep(s.in.Generation, s.in.Answer)
		return
	}
	s.touched = true
	s.outcome(n, s.in.Answer)
}

// outcome follows what became of a call.
func (s *stepper) outcome(n *node, a CallAnswer) {
	s.state.Awaits = 0
	if n.call.statusAs != "" {
		s.set(n.call.statusAs, float64(a.Status))
	}
	next := n.otherwise
	switch {
	case a.Outcome == CallAnswered && a.Status/100 == 2:
		if s.take(n, a) {
			next = n.next
		}
	case a.Outcome == CallUnknown && n.call.unknown != none:
		next = n.call.unknown
	}
	s.run(next)
}

// take keeps the values of an answer; false when one is missing, or is not what its variable holds.
func (s *stepper) take(n *node, a CallAnswer) bool {
	for _, t := range n.call.take {
		v, ok := a.Values[t.from]
		switch {
		case !ok:
			s.problem(fmt.Errorf("nodes[%s].call.take[%s]: the answer has no value at %q; otherwise is taken", n.name, t.name, t.from))
			return false
		case t.kind == v1alpha1.VariableString:
			v = s.bounded(t.name, show(v))
		default:
			_, isNumber := v.(float64)
			_, isBool := v.(bool)
			if isNumber != (t.kind == v1alpha1.VariableNumber) || isBool != (t.kind == v1alpha1.VariableBool) {
				s.problem(fmt.Errorf("nodes[%s].call.take[%s]: the value at %q is no %s; otherwise is taken", n.name, t.name, t.from, t.kind))
				return false
			}
		}
		s.set(t.name, v)
	}
	return true
}
