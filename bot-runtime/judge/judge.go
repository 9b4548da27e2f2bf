// Package judge turns the objects of a bundle into what serves (Set) and into what is told of each (verdicts). It is pure: the
// engine gives it a newly put bundle and keeps what comes out; `lint` and `test` use the same.
//
// Each object stands alone. A refused one keeps its last good revision, if it has one; what depends on it is judged against
// that.
package judge

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/knowledge"
)

// Set is what serves. It is immutable and safe for concurrent use.
type Set struct {
	Tenant      bundle.Tenant
	Zone        *time.Location
	Flows       map[string]*dialog.Program
	Directories map[string]*directory.Index
	Knowledge   map[string]*knowledge.Set
	Pools       map[string]*Pool
	Channels    map[string]v1alpha1.ChannelSpec
	// Objects are the revisions that serve, sorted by kind and name: what is to be stored as live. Serve makes the same Set of
	// them again.
	Objects []bundle.Object
}

// Revision is the hash of the object that serves, or empty.
func (s *Set) Revision(kind bundle.Kind, name string) string {
	o, _ := s.Object(kind, name)
	return o.Hash
}

// Env is what dialogs may ask at a time. full says whether a pool's queue is full; nil says never.
func (s *Set) Env(now time.Time, full func(pool string) bool) dialog.Env {
	return dialog.Env{
		Now: now,
		Lookup: func(name, query string) (directory.Answer, bool) {
			index, ok := s.Directories[name]
			if !ok {
				return directory.Answer{}, false
			}
			return index.Ask(query), true
		},
		PoolOpen: func(name string) (bool, bool) {
			pool, ok := s.Pools[name]
			if !ok {
				return false, false
			}
			return pool.Open(now), full != nil && full(name)
		},
	}
}

// Bundle judges a newly put bundle. live are the revisions that served before (Set.Objects of the last judgement). It gives the
// Set that serves from now on, and a verdict an object of the bundle, in its order, with at most bundle.MaxFindings findings.
// LiveGeneration is set where the new revision serves; for a refused object it is the caller's to fill in.
func Bundle(e bundle.Envelope, live []bundle.Object, now time.Time) (Set, []bundle.Verdict) {
	set, verdicts := All(e, live, now)
	for i := range verdicts {
		verdicts[i].Findings = firstFindings(verdicts[i].Findings)
	}
	return set, verdicts
}

// All is Bundle with every finding, for the author's commands.
func All(e bundle.Envelope, live []bundle.Object, now time.Time) (Set, []bundle.Verdict) {
	j := judgement{now: now, tests: true, set: emptySet(e.Bundle.Tenant), live: map[string]bundle.Object{}, serving: map[string]bundle.Object{}}
	for _, o := range live {
		j.live[bundle.Key(o.Kind, o.Name)] = o
	}
	verdicts := make([]bundle.Verdict, len(e.Bundle.Objects))
	for _, kind := range inOrder {
		for _, i := range j.order(e.Bundle.Objects, kind) {
			o := &e.Bundle.Objects[i]
			v := bundle.Verdict{Kind: o.Kind, Name: o.Name, Hash: o.Hash, Generation: e.Generations[bundle.Key(o.Kind, o.Name)]}
			j.object(*o, &v)
			if v.Good {
				v.LiveGeneration = v.Generation
			}
			verdicts[i] = v
		}
	}
	return j.finish(), verdicts
}

// Serve compiles objects that were judged before: the live set, after a restart or on another pod. Flow tests do not run again.
func Serve(tenant bundle.Tenant, objects []bundle.Object, now time.Time) Set {
	j := judgement{now: now, set: emptySet(tenant), live: map[string]bundle.Object{}, serving: map[string]bundle.Object{}}
	for _, kind := range inOrder {
		for _, i := range j.order(objects, kind) {
			j.object(objects[i], &bundle.Verdict{})
		}
	}
	return j.finish()
}

// Compile makes a flow's older revision against what serves; nil when that does not do any more.
func (s *Set) Compile(flow bundle.Object) *dialog.Program {
	j := judgement{set: *s}
	program, _ := dialog.Compile(*flow.Flow, j.known(flow))
	return program
}

// Object is the revision that serves; not ok where none does.
func (s *Set) Object(kind bundle.Kind, name string) (bundle.Object, bool) {
	i := sort.Search(len(s.Objects), func(i int) bool {
		o := &s.Objects[i]
		return o.Kind > kind || o.Kind == kind && o.Name >= name
	})
	if i < len(s.Objects) && s.Objects[i].Kind == kind && s.Objects[i].Name == name {
		return s.Objects[i], true
	}
	return bundle.Object{}, false
}

// inOrder: what others depend on comes first.
var inOrder = []bundle.Kind{bundle.KindDirectory, bundle.KindKnowledge, bundle.KindAgentPool, bundle.KindDialogFlow, bundle.KindChannel}

func emptySet(t bundle.Tenant) Set {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil {
		zone = time.UTC // each flow says so in its verdict
	}
	return Set{
		Tenant: t, Zone: zone, Flows: map[string]*dialog.Program{}, Directories: map[string]*directory.Index{},
		Knowledge: map[string]*knowledge.Set{}, Pools: map[string]*Pool{}, Channels: map[string]v1alpha1.ChannelSpec{},
	}
}

// judgement is one under way.
type judgement struct {
	now     time.Time
	tests   bool
	set     Set
	live    map[string]bundle.Object // last good revisions, by key
	serving map[string]bundle.Object
	refused map[string]bool            // by key: refused, and no last good one
	rings   map[string]map[string]bool // by the name of a flow: those that it runs, and that run it in turn
}

// order gives the objects of a kind in the order in which they are judged: that of the bundle, but flows after those that they
// run. Of flows that run each other in a ring none can be first.
func (j *judgement) order(objects []bundle.Object, kind bundle.Kind) []int {
	at := map[string]int{}
	for i := range objects {
		if objects[i].Kind == kind {
			at[objects[i].Name] = i
		}
	}
	var order, path []int
	done := map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		path = append(path, i)
		if objects[i].Flow != nil {
			for _, name := range bundle.FlowsRun(objects[i].Flow) {
				to, ok := at[name]
				switch from := slices.Index(path, to); {
				case !ok || done[to]:
				case from < 0:
					visit(to)
				default:
					j.ring(objects, path[from:])
				}
			}
		}
		path = path[:len(path)-1]
		if !done[i] {
			done[i] = true
			order = append(order, i)
		}
	}
	for i := range objects {
		if objects[i].Kind == kind && !done[i] {
			visit(i)
		}
	}
	return order
}

// ring notes for each flow of a ring which one it must not run.
func (j *judgement) ring(objects []bundle.Object, ring []int) {
	if j.rings == nil {
		j.rings = map[string]map[string]bool{}
	}
	for k, i := range ring {
		name, next := objects[i].Name, objects[ring[(k+1)%len(ring)]].Name
		if j.rings[name] == nil {
			j.rings[name] = map[string]bool{}
		}
		j.rings[name][next] = true
	}
}

// object judges one and puts it, or its last good revision, among what serves.
func (j *judgement) object(o bundle.Object, v *bundle.Verdict) {
	if v.Good = j.take(o, v, j.tests); v.Good {
		j.serving[bundle.Key(o.Kind, o.Name)] = j.linked(o)
		return
	}
	key := bundle.Key(o.Kind, o.Name)
	if last, ok := j.live[key]; ok {
		j.rescue(last)
		if j.take(last, &bundle.Verdict{}, false) {
			j.serving[key] = last
			return
		}
	}
	if j.refused == nil {
		j.refused = map[string]bool{}
	}
	j.refused[key] = true
}

// linked is a flow with those that it runs, as they serve.
func (j *judgement) linked(o bundle.Object) bundle.Object {
	if o.Flow == nil || len(o.Runs) > 0 {
		return o
	}
	var flows []bundle.Object
	for _, name := range bundle.FlowsRun(o.Flow) {
		flows = append(flows, j.serving[bundle.Key(bundle.KindDialogFlow, name)])
	}
	return o.WithRuns(flows)
}

// rescue brings back what was deleted, or never was good again, while a flow that serves still needs it: its new revision is told
// what is missing, and citizens go on being served by the last good one.
func (j *judgement) rescue(last bundle.Object) {
	if last.Flow == nil {
		return
	}
	for _, o := range last.Runs {
		j.rescue(o)
	}
	need := func(kind bundle.Kind, name v1alpha1.ObjectName, have bool) {
		key := bundle.Key(kind, string(name))
		if o, ok := j.live[key]; ok && !have && j.take(o, &bundle.Verdict{}, false) {
			j.serving[key] = o
		}
	}
	for _, n := range last.Flow.Nodes {
		if n.Lookup != nil {
			need(bundle.KindDirectory, n.Lookup.Directory, j.set.Directories[string(n.Lookup.Directory)] != nil)
		}
		if n.Handoff != nil {
			need(bundle.KindAgentPool, n.Handoff.Pool, j.set.Pools[string(n.Handoff.Pool)] != nil)
		}
	}
	for _, k := range last.Flow.Knowledge {
		need(bundle.KindKnowledge, k, j.set.Knowledge[string(k)] != nil)
	}
}

// take compiles an object into the set; false when it is refused.
func (j *judgement) take(o bundle.Object, v *bundle.Verdict, tests bool) bool {
	switch {
	case o.Directory != nil:
		return j.directory(o, v)
	case o.Knowledge != nil:
		set, findings := knowledge.Build(*o.Knowledge, j.set.Tenant.Languages, j.now)
		v.Findings, v.Entries, v.Expired = findings, set.Entries(), set.Expired(j.now)
		if refuses(findings) {
			return false
		}
		j.set.Knowledge[o.Name] = set
	case o.Pool != nil:
		pool, findings := newPool(*o.Pool, j.set.Zone)
		v.Findings = findings
		if refuses(findings) {
			return false
		}
		j.set.Pools[o.Name] = pool
	case o.Flow != nil:
		return j.flow(o, v, tests)
	case o.Channel != nil:
		return j.channel(o, v)
	default:
		v.Findings = []bundle.Finding{{Reason: "UnknownKind", Message: fmt.Sprintf("this runtime does not know the kind %q; upgrade its image", o.Kind)}}
		return false
	}
	return true
}

const reasonNotFetched = "NotFetched"

func (j *judgement) directory(o bundle.Object, v *bundle.Verdict) bool {
	if o.Missing != "" {
		v.Findings = []bundle.Finding{{Path: "source.configMap", Reason: "SourceMissing", Message: o.Missing + "; create it or correct the name"}}
		return false
	}
	if _, path, ok := o.Directory.Source.Fetched(); ok && o.Rows == "" {
		v.Findings = []bundle.Finding{{Path: path, Reason: reasonNotFetched, Message: "nothing was fetched yet; the tenant's bot pods do so within a minute"}}
		return false
	}
	index, rejected, findings := directory.Build(o.Rows, o.Directory.Mapping)
	if o.Directory.Source.Inline != "" { // the author's own rows, and a warning that is left out is a fraud that looks unknown
		for i := range findings {
			findings[i].Advice = findings[i].Advice && findings[i].Reason != directory.ReasonRow
		}
	}
	v.Findings, v.Rejected = findings, rejected
	if index == nil || slices.ContainsFunc(findings, func(f bundle.Finding) bool { return !f.Advice }) {
		return false
	}
	v.Entries = index.Entries()
	j.set.Directories[o.Name] = index
	return true
}

func (j *judgement) flow(o bundle.Object, v *bundle.Verdict, tests bool) bool {
	program, findings := dialog.Compile(*o.Flow, j.known(o))
	v.Findings, v.TestsAll, v.Nodes = findings, len(o.Flow.Tests), len(o.Flow.Nodes)
	if program == nil {
		return false
	}
	if tests && len(o.Flow.Tests) > 0 {
		report := dialog.Test(program, func(at time.Time) dialog.Env { return j.set.Env(at, nil) }, j.now)
		v.TestsPassed = report.Passed
		v.Findings = append(v.Findings, report.Findings()...)
		if report.Passed < v.TestsAll {
			return false
		}
	}
	j.set.Flows[o.Name] = program
	return true
}

// known is what a flow may name. The flows that it runs come with it, where it has served before.
func (j *judgement) known(flow bundle.Object) dialog.CompileInput {
	in := dialog.CompileInput{Tenant: j.set.Tenant, Directories: map[string]dialog.KnownDirectory{}, Pools: map[string]bool{},
		Skills: map[string][]v1alpha1.AgentSkill{}, Knowledge: map[string]*knowledge.Set{}, Flows: map[string]*dialog.Program{}, Rings: j.rings[flow.Name]}
	for name, program := range j.set.Flows {
		if name != flow.Name && len(flow.Runs) == 0 {
			in.Flows[name] = program
		}
	}
	for _, o := range flow.Runs {
		if o.Flow == nil {
			continue
		}
		if j.set.Revision(bundle.KindDialogFlow, o.Name) == o.Hash || j.serving[bundle.Key(o.Kind, o.Name)].Hash == o.Hash {
			in.Flows[o.Name] = j.set.Flows[o.Name]
			continue
		}
		in.Flows[o.Name], _ = dialog.Compile(*o.Flow, j.known(o))
	}
	for name, index := range j.set.Directories {
		in.Directories[name] = dialog.KnownDirectory{Serves: true, Shown: index.Shown()}
	}
	for name, pool := range j.set.Pools {
		in.Pools[name], in.Skills[name] = true, pool.Spec.Agents.Skills
	}
	for name, set := range j.set.Knowledge {
		in.Knowledge[name] = set
	}
	for key := range j.refused { // there, but nothing of it serves
		kind, name, _ := strings.Cut(key, "/")
		switch bundle.Kind(kind) {
		case bundle.KindDirectory:
			in.Directories[name] = dialog.KnownDirectory{}
		case bundle.KindAgentPool:
			in.Pools[name] = false
		case bundle.KindKnowledge:
			in.Knowledge[name] = nil
		case bundle.KindDialogFlow:
			in.Flows[name] = nil
		}
	}
	return in
}

func (j *judgement) channel(o bundle.Object, v *bundle.Verdict) bool {
	if _, ok := j.set.Flows[string(o.Channel.Flow)]; ok {
		j.set.Channels[o.Name] = *o.Channel
		return true
	}
	message := fmt.Sprintf("no DialogFlow %q in this namespace; create it or correct the name", o.Channel.Flow)
	if j.refused[bundle.Key(bundle.KindDialogFlow, string(o.Channel.Flow))] {
		message = fmt.Sprintf("DialogFlow %q is refused and has never served; mend it first", o.Channel.Flow)
	}
	v.Findings = []bundle.Finding{{Path: "flow", Reason: v1alpha1.ReasonNoLiveFlow, Message: message}}
	return false
}

func (j *judgement) finish() Set {
	for _, o := range j.serving {
		j.set.Objects = append(j.set.Objects, o)
	}
	sort.Slice(j.set.Objects, func(a, b int) bool {
		if j.set.Objects[a].Kind != j.set.Objects[b].Kind {
			return j.set.Objects[a].Kind < j.set.Objects[b].Kind
		}
		return j.set.Objects[a].Name < j.set.Objects[b].Name
	})
	return j.set
}

func refuses(findings []bundle.Finding) bool {
	for _, f := range findings {
		if !f.Advice {
			return true
		}
	}
	return false
}

// firstFindings keeps what refuses before advice, and says how many more there are.
func firstFindings(all []bundle.Finding) []bundle.Finding {
	if len(all) <= bundle.MaxFindings {
		return all
	}
	sorted := append([]bundle.Finding(nil), all...)
	sort.SliceStable(sorted, func(i, j int) bool { return !sorted[i].Advice && sorted[j].Advice })
	kept := sorted[:bundle.MaxFindings-1]
	return append(kept[:len(kept):len(kept)], bundle.Finding{Reason: "MoreFindings", Message: fmt.Sprintf("and %d more; bot-runtime lint prints all", len(all)-len(kept)), Advice: true})
}
