package rapidpro

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// Note tells of something that has no counterpart, or another meaning, and what to do about it.
type Note struct {
	// Where it stands: the flow's name, and the node's in what was made of it.
	Flow, Node string
	Message    string
}

func (n Note) String() string {
	if n.Node == "" {
		return n.Flow + ": " + n.Message
	}
	return n.Flow + ", " + n.Node + ": " + n.Message
}

// Bounds, as the API and the channels have them.
const (
	maxExportBytes = 16 << 20
	maxNodes       = 500
	maxVariables   = 100
	maxOptions     = 10
	maxButtons     = 3
	maxButtonTitle = 20
	maxRowTitle    = 24
	maxName        = 50
)

// Convert makes one DialogFlow of the flows of an export. It begins with the flow named start, or the first. Each node that has
// no counterpart is left out, and noted.
func Convert(body []byte, start string) (v1alpha1.DialogFlow, []Note, error) {
	var out v1alpha1.DialogFlow
	if len(body) > maxExportBytes {
		return out, nil, fmt.Errorf("%d bytes, at most %d are read", len(body), maxExportBytes)
	}
	e, err := read(body)
	if err != nil {
		return out, nil, err
	}
	first := 0
	if start != "" {
		if first = slices.IndexFunc(e.Flows, func(f flow) bool { return f.Name == start || f.UUID == start }); first < 0 {
			return out, nil, fmt.Errorf("has no flow %q; it has %s", start, flowNames(e.Flows))
		}
	}
	c := converter{export: e, byUUID: map[string]place{}, names: map[string]bool{}, made: map[string]string{}, variables: map[string]bool{}}
	for i := range e.Flows {
		for k := range e.Flows[i].Nodes {
			c.byUUID[e.Flows[i].Nodes[k].UUID] = place{&e.Flows[i], &e.Flows[i].Nodes[k]}
		}
	}
	c.languages = c.spoken()
	out.APIVersion, out.Kind = v1alpha1.GroupVersion.String(), "DialogFlow"
	out.Name = strings.ToLower(strings.Trim(slug(e.Flows[first].Name, "-"), "-"))
	if out.Name == "" {
		out.Name = "imported"
	}
	for _, l := range c.languages {
		out.Spec.Languages = append(out.Spec.Languages, v1alpha1.Language(l.tag))
	}
	out.Spec.Start = v1alpha1.Name(c.flowStart(&e.Flows[first]))
	c.rest()
	if len(c.nodes) > maxNodes {
		return out, nil, fmt.Errorf("makes %d nodes, a flow has at most %d; export fewer flows", len(c.nodes), maxNodes)
	}
	if len(c.variables) > maxVariables {
		return out, nil, fmt.Errorf("makes %d variables, a flow has at most %d; export fewer flows", len(c.variables), maxVariables)
	}
	out.Spec.Nodes = c.nodes
	for name := range c.variables {
		out.Spec.Variables = append(out.Spec.Variables, v1alpha1.VariableDeclaration{Name: v1alpha1.Variable(name), Type: v1alpha1.VariableString})
	}
	slices.SortFunc(out.Spec.Variables, func(a, b v1alpha1.VariableDeclaration) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out, c.notes, nil
}

func flowNames(all []flow) string {
	var names []string
	for _, f := range all {
		names = append(names, strconv.Quote(f.Name))
	}
	return strings.Join(names, ", ")
}

type place struct {
	flow *flow
	node *node
}

// spoken is a language of the export, under its code there, and the tag that we know it by.
type spoken struct{ code, tag string }

type converter struct {
	export    export
	byUUID    map[string]place
	languages []spoken
	names     map[string]bool   // of nodes
	made      map[string]string // what a node of the export, or a flow's end, has become
	todo      []place
	variables map[string]bool
	nodes     []v1alpha1.Node
	notes     []Note
	at        place
	name      string // of the node that is made now
}

func (c *converter) note(format string, args ...any) {
	n := Note{Node: c.name, Message: fmt.Sprintf(format, args...)}
	if c.at.flow != nil {
		n.Flow = c.at.flow.Name
	}
	if !slices.Contains(c.notes, n) {
		c.notes = append(c.notes, n)
	}
}

// spoken are the languages of all flows, the first flow's own first.
func (c *converter) spoken() []spoken {
	var out []spoken
	add := func(code string) {
		tag := tagOf(code)
		if !slices.ContainsFunc(out, func(s spoken) bool { return s.code == code }) && len(tag) <= 3 {
			if slices.ContainsFunc(out, func(s spoken) bool { return s.tag == tag }) {
				return
			}
			out = append(out, spoken{code, tag})
		}
	}
	for i := range c.export.Flows {
		add(c.export.Flows[i].Language)
	}
	for i := range c.export.Flows {
		var codes []string
		for code := range c.export.Flows[i].Localization {
			codes = append(codes, code)
		}
		slices.Sort(codes)
		for _, code := range codes {
			add(code)
		}
	}
	return out[:min(len(out), 12)]
}

// tagOf a language's code, which has three letters there. A flow without a language is taken for an Indonesian one.
func tagOf(code string) string {
	if base, err := language.ParseBase(code); err == nil && base.String() != "und" {
		return base.String()
	}
	return "id"
}

// text in all languages; one that is not translated stands in the flow's own, and is noted.
func (c *converter) text(uuid, field, base string) v1alpha1.Text {
	out := v1alpha1.Text{}
	for _, l := range c.languages {
		words := base
		if l.tag != tagOf(c.at.flow.Language) {
			if all := c.at.flow.Localization[l.code][uuid][field]; len(all) > 0 && all[0] != "" {
				words = all[0]
			} else {
				c.note("a text has no translation into %s and stands as it is: %q", l.tag, short(base))
			}
		}
		out[l.tag] = v1alpha1.Sentence(c.template(words))
	}
	return out
}

// words that a citizen may type, in all languages that have any.
func (c *converter) words(r rule) v1alpha1.Words {
	out := v1alpha1.Words{}
	for _, l := range c.languages {
		arguments := r.Arguments
		if l.tag != tagOf(c.at.flow.Language) {
			arguments = c.at.flow.Localization[l.code][r.UUID]["arguments"]
		}
		for _, a := range arguments {
			phrases := []string{a}
			if r.Type == "has_any_word" {
				phrases = strings.Fields(a)
			}
			for _, p := range phrases {
				if p != "" && len([]rune(p)) <= 200 && len(out[l.tag]) < 50 {
					out[l.tag] = append(out[l.tag], v1alpha1.Phrase(p))
				}
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// flowStart is the first node of a flow, as it will be named.
func (c *converter) flowStart(f *flow) string {
	if len(f.Nodes) == 0 {
		return c.end(f)
	}
	return c.target(f, f.Nodes[0].UUID)
}

// target is the node that a node of the export becomes; "" is the flow's end.
func (c *converter) target(f *flow, uuid string) string {
	p, ok := c.byUUID[uuid]
	if !ok {
		return c.end(f)
	}
	if name, ok := c.made[uuid]; ok {
		return name
	}
	base := p.flow.Name
	for _, a := range p.node.Actions {
		if a.Text != "" {
			base = a.Text
			break
		}
	}
	name := c.fresh(base)
	c.made[uuid] = name
	c.todo = append(c.todo, p)
	return name
}

func (c *converter) end(f *flow) string {
	key := "end of " + f.UUID
	if name, ok := c.made[key]; ok {
		return name
	}
	name := c.fresh("end " + f.Name)
	c.made[key] = name
	c.nodes = append(c.nodes, v1alpha1.Node{Name: v1alpha1.Name(name), End: &v1alpha1.End{}})
	return name
}

var notOfNames = regexp.MustCompile(`[^A-Za-z0-9]+`)

// slug makes a name of the first words of a text.
func slug(text, joint string) string {
	words := strings.Fields(notOfNames.ReplaceAllString(text, " "))
	s := strings.Join(words[:min(len(words), 4)], joint)
	s = strings.TrimLeft(s, "0123456789-_")
	return s[:min(len(s), maxName)]
}

func (c *converter) fresh(text string) string {
	base := slug(text, "-")
	if base == "" {
		base = "node"
	}
	name := base
	for n := 2; c.names[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	c.names[name] = true
	return name
}

// taken are names that CEL or Loket have for themselves.
var taken = []string{"input", "contact", "language", "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
	"let", "loop", "package", "namespace", "return", "var", "void", "while"}

// variable of a result or a field, declared by being named.
func (c *converter) variable(key string) string {
	name := strings.ToLower(slug(key, "_")) // as RapidPro makes a result's key of its name
	if name == "" || slices.Contains(taken, name) {
		name = "value_" + name
	}
	c.variables[name] = true
	return name
}

// rest makes the nodes that others lead to, until there are no more.
func (c *converter) rest() {
	for len(c.todo) > 0 && len(c.nodes) <= maxNodes {
		p := c.todo[0]
		c.todo = c.todo[1:]
		c.at = p
		c.node(c.made[p.node.UUID], p.node)
	}
}

// node makes of one node with its actions a chain, named name at its head.
func (c *converter) node(name string, n *node) {
	c.name = name
	actions := n.Actions
	waiting := n // the node that waits for an answer to the last words
	var asked *action
	if k := len(actions) - 1; k >= 0 && actions[k].Type == "send_msg" && actions[k].Text != "" {
		if n.Router == nil {
			if p, ok := c.byUUID[n.follows()]; ok && p.flow == c.at.flow && p.node.waits() && len(p.node.Actions) == 0 {
				waiting = p.node
			}
		}
		if waiting.waits() {
			asked, actions = &actions[k], actions[:k]
		}
	}
	var chain []v1alpha1.Node
	follows := "" // where the chain leads, once that is decided
	for i := range actions {
		if follows != "" {
			c.note("what follows %s was left out", quoted(actions[i-1].Type))
			break
		}
		var made *v1alpha1.Node
		if made, follows = c.action(&actions[i], n); made != nil {
			chain = append(chain, *made)
		}
	}
	tail := ""
	switch {
	case follows != "":
	case n.Router == nil && !waiting.waits() && len(chain) > 0:
		follows = c.target(c.at.flow, n.follows())
	case len(chain) == 0:
		tail = name
	default:
		tail = c.fresh(name)
		follows = tail
	}
	for i := range chain {
		chain[i].Name = v1alpha1.Name(name)
		if i < len(chain)-1 {
			name = c.fresh(name)
			chain[i].Next = v1alpha1.Name(name)
		} else {
			chain[i].Next = v1alpha1.Name(follows)
		}
	}
	c.nodes = append(c.nodes, chain...)
	if tail == "" {
		if len(chain) == 0 {
			c.nodes = append(c.nodes, onwards(name, follows))
		}
		return
	}
	switch {
	case waiting.waits():
		c.wait(tail, asked, waiting)
	case n.Router != nil:
		c.split(tail, n)
	default:
		c.nodes = append(c.nodes, onwards(tail, c.target(c.at.flow, n.follows())))
	}
}

// onwards is a node that does nothing: all that it did was left out.
func onwards(name, to string) v1alpha1.Node {
	return v1alpha1.Node{Name: v1alpha1.Name(name), Branch: &v1alpha1.Branch{Cases: []v1alpha1.Case{{When: "true", Next: v1alpha1.Name(to)}}, Otherwise: v1alpha1.Name(to)}}
}

func (n *node) waits() bool {
	return n.Router != nil && n.Router.Wait != nil && n.Router.Type == "switch"
}

// action makes one action a node; follows is where it leads, when it decides that.
func (c *converter) action(a *action, n *node) (made *v1alpha1.Node, follows string) {
	set := func(key, value string) *v1alpha1.Node {
		return &v1alpha1.Node{Set: &v1alpha1.Set{Variables: []v1alpha1.Assignment{{Name: v1alpha1.Variable(c.variable(key)), Value: v1alpha1.Expression(c.expression(value))}}}}
	}
	switch a.Type {
	case "send_msg":
		if len(a.QuickReplies) > 0 {
			c.note("quick replies that no question follows were left out")
		}
		if say := c.say(a); say != nil {
			return &v1alpha1.Node{Say: say}, ""
		}
	case "set_run_result":
		return set(a.Name, a.Value), ""
	case "set_contact_field":
		c.note("the contact's field %s is kept for the conversation only", quoted(a.Field.Key))
		return set(a.Field.Key, a.Value), ""
	case "set_contact_name":
		c.note("the contact's name is kept for the conversation only")
		return set("contact_name", a.Name), ""
	case "enter_flow":
		k := slices.IndexFunc(c.export.Flows, func(f flow) bool { return f.UUID == a.Flow.UUID })
		if k < 0 {
			c.note("flow %s is not in the export; export it, too", quoted(a.Flow.Name))
			return nil, ""
		}
		if start := c.flowStart(&c.export.Flows[k]); a.Terminal {
			return nil, start
		} else {
			return &v1alpha1.Node{Run: &v1alpha1.Run{Start: v1alpha1.Name(start)}}, c.after(n, "Complete")
		}
	case "call_webhook":
		return c.call(a, n)
	default:
		c.note("%s has no counterpart and was left out", quoted(a.Type))
	}
	return nil, ""
}

// after is where a node leads whose router only looks at how its action went; "" when it has no router.
func (c *converter) after(n *node, good string) string {
	if n.Router == nil {
		return ""
	}
	for _, k := range n.Router.Categories {
		if strings.EqualFold(k.Name, good) {
			return c.target(c.at.flow, n.destination(k.Exit))
		}
	}
	return c.target(c.at.flow, n.leads(n.Router.Default))
}

var callURL = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/`)

func (c *converter) call(a *action, n *node) (*v1alpha1.Node, string) {
	good := c.after(n, "Success")
	url := c.template(a.URL)
	method := v1alpha1.CallMethod(strings.ToUpper(a.Method))
	if !callURL.MatchString(url) || len(url) > 2048 || !slices.Contains([]v1alpha1.CallMethod{v1alpha1.CallGet, v1alpha1.CallPut, v1alpha1.CallPost}, method) {
		address, _, _ := strings.Cut(a.URL, "?") // what follows may be a key
		c.note("call_webhook %s %s was left out: GET, PUT and POST to an address with its host written out can be called", quoted(a.Method), quoted(address))
		return nil, good
	}
	otherwise := n.follows()
	if n.Router != nil {
		otherwise = n.leads(n.Router.Default)
	}
	bad := c.target(c.at.flow, otherwise)
	c.note("call_webhook: headers, body and result were left out; write body, secretName and take")
	return &v1alpha1.Node{Call: &v1alpha1.Call{Method: method, URL: url, Otherwise: v1alpha1.Name(bad)}}, good
}

func (c *converter) say(a *action) *v1alpha1.Say {
	out := &v1alpha1.Say{}
	if a.Text != "" {
		out.Text = c.text(a.UUID, "text", a.Text)
	}
	for _, at := range a.Attachments {
		if kind, url, _ := strings.Cut(at, ":"); strings.HasPrefix(kind, "image") && webURL.MatchString(url) && len(url) <= 1024 && out.Image == nil {
			out.Image = &v1alpha1.Image{URL: v1alpha1.WebURL(url)}
		} else {
			c.note("attachment %s was left out", quoted(at))
		}
	}
	if len(out.Text) == 0 && out.Image == nil {
		return nil
	}
	return out
}

var webURL = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^ "<>{}]*)?$`)

// askTypes are the tests of RapidPro that say what an answer must be.
var askTypes = map[string]v1alpha1.AskType{
	"has_number": v1alpha1.AskNumber, "has_number_between": v1alpha1.AskNumber, "has_date": v1alpha1.AskDate, "has_email": v1alpha1.AskEmail, "has_phone": v1alpha1.AskPhone,
	"has_text": v1alpha1.AskText,
}

var wordTests = []string{"has_any_word", "has_all_words", "has_phrase", "has_only_phrase", "has_only_text", "has_beginning"}

// wait makes of a wait for an answer a menu, when words are told apart, or else a question.
func (c *converter) wait(name string, asked *action, n *node) {
	c.name = name
	text := v1alpha1.Text{}
	if asked == nil {
		c.note("no message stands before this question; write its text")
		for _, l := range c.languages {
			text[l.tag] = "?"
		}
	} else {
		text = c.text(asked.UUID, "text", asked.Text)
		for _, at := range asked.Attachments {
			c.note("attachment %s was left out", quoted(at))
		}
	}
	r := n.Router
	otherwise := v1alpha1.Name(c.target(c.at.flow, n.leads(r.Default)))
	silence := c.silence(n)
	var options []v1alpha1.Option
	ask := &v1alpha1.Ask{Text: text, Type: v1alpha1.AskText, Retries: 1, Otherwise: otherwise, Silence: silence}
	next := otherwise
	for _, k := range r.Cases {
		to := v1alpha1.Name(c.target(c.at.flow, n.leads(k.Category)))
		kind, typed := askTypes[k.Type]
		switch {
		case slices.Contains(wordTests, k.Type):
			options = c.option(options, n, k, to)
		case typed && next == otherwise:
			ask.Type, next = kind, to
			if k.Type == "has_number_between" && len(k.Arguments) == 2 {
				low, e1 := strconv.ParseInt(k.Arguments[0], 10, 64)
				high, e2 := strconv.ParseInt(k.Arguments[1], 10, 64)
				if e1 == nil && e2 == nil && low <= high {
					ask.Rule = &v1alpha1.AnswerRule{Minimum: &low, Maximum: &high}
				}
			}
		default:
			c.note("the test %s was left out", quoted(k.Type))
		}
	}
	if len(options) == 0 {
		result := r.ResultName
		if result == "" {
			result = "answer"
		}
		ask.As = v1alpha1.Variable(c.variable(result))
		c.nodes = append(c.nodes, v1alpha1.Node{Name: v1alpha1.Name(name), Ask: ask, Next: next})
		return
	}
	if next != otherwise {
		c.note("a menu takes words; the test for a %s was left out", ask.Type)
	}
	if r.ResultName != "" {
		c.note("a menu keeps no result: %s stays empty; set it where an option leads", c.variable(r.ResultName))
	}
	c.nodes = append(c.nodes, v1alpha1.Node{Name: v1alpha1.Name(name), Menu: &v1alpha1.Menu{Text: text, Options: c.fit(options), Otherwise: otherwise, Silence: silence}})
}

// option adds a case to the options; several of one category are one option.
func (c *converter) option(options []v1alpha1.Option, n *node, k rule, to v1alpha1.Name) []v1alpha1.Option {
	words := c.words(k)
	title := category{UUID: k.Category, Name: "?"}
	for _, one := range n.Router.Categories {
		if one.UUID == k.Category && one.Name != "" {
			title = one
		}
	}
	name := v1alpha1.Name(slug(title.Name, "-"))
	if name == "" {
		name = v1alpha1.Name(fmt.Sprintf("option-%d", len(options)+1))
	}
	for i := range options {
		if options[i].Name == name {
			for l, ws := range words {
				if options[i].Words == nil {
					options[i].Words = v1alpha1.Words{}
				}
				options[i].Words[l] = append(options[i].Words[l], ws[:min(len(ws), 50-len(options[i].Words[l]))]...)
			}
			return options
		}
	}
	if len(options) == maxOptions {
		c.note("a menu has at most %d options: %s was left out", maxOptions, quoted(title.Name))
		return options
	}
	return append(options, v1alpha1.Option{Name: name, Title: c.text(title.UUID, "name", title.Name), Words: words, Next: to})
}

// fit shortens titles to what channels show.
func (c *converter) fit(options []v1alpha1.Option) []v1alpha1.Option {
	most := maxRowTitle
	if len(options) <= maxButtons {
		most = maxButtonTitle
	}
	for i := range options {
		for l, title := range options[i].Title {
			plain := strings.NewReplacer("{{", "", "}}", "").Replace(string(title))
			if r := []rune(plain); len(r) > most {
				c.note("the title %s was cut to %d characters", quoted(plain), most)
				plain = strings.TrimSpace(string(r[:most]))
			}
			if plain == "" {
				plain = "?"
			}
			options[i].Title[l] = v1alpha1.Sentence(plain)
		}
	}
	return options
}

func (c *converter) silence(n *node) []v1alpha1.Silence {
	t := n.Router.Wait.Timeout
	if t == nil || t.Seconds <= 0 {
		return nil
	}
	minutes := min((t.Seconds+59)/60, 1380)
	return []v1alpha1.Silence{{Minutes: int32(minutes), Next: v1alpha1.Name(c.target(c.at.flow, n.leads(t.Category)))}} // #nosec G115 -- at most a day
}

// split makes of a split by an expression a branch with conditions.
func (c *converter) split(name string, n *node) {
	c.name = name
	r := n.Router
	otherwise := c.target(c.at.flow, n.leads(r.Default))
	if r.Type != "switch" {
		c.note("a split of type %s has no counterpart: everybody goes its first way", quoted(r.Type))
		if len(r.Categories) > 0 {
			otherwise = c.target(c.at.flow, n.destination(r.Categories[0].Exit))
		}
		c.nodes = append(c.nodes, onwards(name, otherwise))
		return
	}
	b := &v1alpha1.Branch{Otherwise: v1alpha1.Name(otherwise)}
	about := c.reference(strings.TrimPrefix(r.Operand, "@"))
	for _, k := range r.Cases {
		to := v1alpha1.Name(c.target(c.at.flow, n.leads(k.Category)))
		argument := ""
		if len(k.Arguments) > 0 {
			argument = k.Arguments[0]
		}
		switch {
		case about == "" || argument == "" || len(argument) > 200 || !slices.Contains(wordTests, k.Type):
			c.note("the test %s of %s was left out", quoted(k.Type), quoted(r.Operand))
		case len(b.Cases) == 20:
			c.note("a branch has at most 20 cases: %s was left out", quoted(argument))
		default:
			c.note("%s of %s became: contains %s", quoted(k.Type), about, quoted(argument))
			b.Cases = append(b.Cases, v1alpha1.Case{If: []v1alpha1.Condition{{Var: about, Contains: argument}}, Next: to})
		}
	}
	if len(b.Cases) == 0 {
		c.nodes = append(c.nodes, onwards(name, otherwise))
		return
	}
	c.nodes = append(c.nodes, v1alpha1.Node{Name: v1alpha1.Name(name), Branch: b})
}
