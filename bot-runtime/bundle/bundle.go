// Package bundle is the contract between operator and runtime, and the only package that both import: what a namespace's
// objects amount to (Bundle), what the runtime's compiler says of them (Verdict), and what a tenant reports (Status).
//
// From is the only conversion from custom resources; the operator, `dev`, `lint` and `test` all use it. A bundle holds no
// secret and nothing that changes by itself, so that equal objects have an equal hash. Nothing here compiles or judges.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// MaxBytes bounds a bundle's JSON, uncompressed, on its way to the runtime.
const MaxBytes = 8 << 20

// Kind is the kind of an object in a bundle.
type Kind string

// The kinds.
const (
	KindChannel    Kind = "Channel"
	KindDialogFlow Kind = "DialogFlow"
	KindDirectory  Kind = "Directory"
	KindKnowledge  Kind = "Knowledge"
	KindAgentPool  Kind = "AgentPool"
)

// Bundle is everything a tenant's runtime must know, bar secrets.
type Bundle struct {
	Tenant  Tenant   `json:"tenant"`
	Objects []Object `json:"objects"` // sorted by kind, then name
}

// Tenant is what the BotTenant says that dialogs need.
type Tenant struct {
	Name        string        `json:"name"`
	DisplayName v1alpha1.Text `json:"displayName"`
	Languages   []string      `json:"languages"`
	TimeZone    string        `json:"timeZone"`
	Retention   time.Duration `json:"retention"`
}

// Object is one custom resource as the runtime needs it: exactly one of the specs.
type Object struct {
	Kind       Kind   `json:"kind"`
	Name       string `json:"name"`
	Generation int64  `json:"-"` // not part of the hash: it rises when only a comment changed
	// Hash is of the content below.
	Hash      string                   `json:"hash"`
	Channel   *v1alpha1.ChannelSpec    `json:"channel,omitempty"`
	Flow      *v1alpha1.DialogFlowSpec `json:"flow,omitempty"`
	Directory *v1alpha1.DirectorySpec  `json:"directory,omitempty"`
	// Rows are the CSV of a Directory, wherever it came from. Missing says why there are none (the ConfigMap is not there).
	Rows      string                  `json:"rows,omitempty"`
	Missing   string                  `json:"missing,omitempty"`
	Knowledge *v1alpha1.KnowledgeSpec `json:"knowledge,omitempty"`
	Pool      *v1alpha1.AgentPoolSpec `json:"pool,omitempty"`
	// Runs are the flows that a Flow runs, as they were when it was judged, each with its own; put in by the runtime, see WithRuns.
	Runs []Object `json:"runs,omitempty"`
}

// Objects are a namespace's custom resources, and the ConfigMap keys that its Directories name.
type Objects struct {
	Tenant      v1alpha1.BotTenant
	Channels    []v1alpha1.Channel
	Flows       []v1alpha1.DialogFlow
	Directories []v1alpha1.Directory
	Knowledge   []v1alpha1.Knowledge
	Pools       []v1alpha1.AgentPool
	// ConfigMaps by name; only those that Directories name are looked at.
	ConfigMaps map[string]map[string]string
}

// From makes the bundle of a namespace.
func From(in Objects) Bundle {
	b := Bundle{Tenant: Tenant{
		Name:        in.Tenant.Name,
		DisplayName: in.Tenant.Spec.DisplayName,
		TimeZone:    in.Tenant.Spec.TimeZone,
		Retention:   in.Tenant.Spec.Retention.Messages.Duration,
	}}
	for _, l := range in.Tenant.Spec.Languages {
		b.Tenant.Languages = append(b.Tenant.Languages, string(l))
	}
	for i := range in.Channels {
		o := &in.Channels[i]
		b.add(Object{Kind: KindChannel, Name: o.Name, Generation: o.Generation, Channel: &o.Spec})
	}
	for i := range in.Flows {
		o := &in.Flows[i]
		b.add(Object{Kind: KindDialogFlow, Name: o.Name, Generation: o.Generation, Flow: &o.Spec})
	}
	for i := range in.Directories {
		o := &in.Directories[i]
		rows, missing := rowsOf(o.Spec.Source, in.ConfigMaps)
		b.add(Object{Kind: KindDirectory, Name: o.Name, Generation: o.Generation, Directory: &o.Spec, Rows: rows, Missing: missing})
	}
	for i := range in.Knowledge {
		o := &in.Knowledge[i]
		b.add(Object{Kind: KindKnowledge, Name: o.Name, Generation: o.Generation, Knowledge: &o.Spec})
	}
	for i := range in.Pools {
		o := &in.Pools[i]
		spec := o.Spec.DeepCopy()
		spec.Workers = v1alpha1.Workers{} // scaling is the operator's own: it must not make a new bundle
		b.add(Object{Kind: KindAgentPool, Name: o.Name, Generation: o.Generation, Pool: spec})
	}
	sort.Slice(b.Objects, func(i, j int) bool {
		if b.Objects[i].Kind != b.Objects[j].Kind {
			return b.Objects[i].Kind < b.Objects[j].Kind
		}
		return b.Objects[i].Name < b.Objects[j].Name
	})
	return b
}

func rowsOf(s v1alpha1.DirectorySource, maps map[string]map[string]string) (rows, missing string) {
	if s.ConfigMap == nil { // and what is fetched has no rows here: the runtime puts them in, see WithRows
		return s.Inline, ""
	}
	m, ok := maps[s.ConfigMap.Name]
	if !ok {
		return "", fmt.Sprintf("ConfigMap %q is not there", s.ConfigMap.Name)
	}
	rows, ok = m[s.ConfigMap.Key]
	if !ok {
		return "", fmt.Sprintf("ConfigMap %q has no key %q", s.ConfigMap.Name, s.ConfigMap.Key)
	}
	return rows, ""
}

func (b *Bundle) add(o Object) {
	o.Hash = hashOf(o)
	b.Objects = append(b.Objects, o)
}

// WithRows is a Directory with the rows that were fetched for it, and so another revision than the bundle's.
func (o Object) WithRows(rows string) Object {
	o.Rows, o.Hash = rows, ""
	o.Hash = hashOf(o)
	return o
}

// WithRuns is a flow with those that it runs, and so another revision than the bundle's: a conversation stands in all of them.
func (o Object) WithRuns(flows []Object) Object {
	if len(flows) == 0 {
		return o
	}
	o.Runs, o.Hash = flows, ""
	o.Hash = hashOf(o)
	return o
}

// FlowsRun names the flows that a flow runs, each once, in order.
func FlowsRun(spec *v1alpha1.DialogFlowSpec) []string {
	var names []string
	for _, n := range spec.Nodes {
		if n.Run != nil && n.Run.Flow != "" && !slices.Contains(names, string(n.Run.Flow)) {
			names = append(names, string(n.Run.Flow))
		}
	}
	return names
}

// Hash identifies the bundle's content; equal objects give an equal hash on every operator.
func (b Bundle) Hash() string { return hashOf(b) }

// hashOf is over JSON, in which Go sorts the keys of maps.
func hashOf(v any) string {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data of our own types: cannot fail
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16])
}

// Envelope is the body of PUT /internal/v1/bundle: the bundle with what is beside its hash.
type Envelope struct {
	Hash   string `json:"hash"`
	Bundle Bundle `json:"bundle"`
	// Generations by "Kind/name", for verdicts to say which generation they speak of.
	Generations map[string]int64 `json:"generations"`
}

// Key names an object in maps.
func Key(k Kind, name string) string { return string(k) + "/" + name }

// Wrap makes the envelope of a bundle.
func Wrap(b Bundle) Envelope {
	e := Envelope{Hash: b.Hash(), Bundle: b, Generations: map[string]int64{}}
	for _, o := range b.Objects {
		e.Generations[Key(o.Kind, o.Name)] = o.Generation
	}
	return e
}
