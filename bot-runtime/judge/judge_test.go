package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/message"
)

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// objects are a small tenant; each part may be changed by a test.
type objects struct{ rows, flow string }

const goodRows = "name,status\nDana Sekar Wangi,licensed\n"

const goodFlow = `
languages: [en]
start: ask
triggers: [{name: person, words: {en: [agent]}, next: person}]
nodes:
- name: ask
  menu: {text: {en: "Which?"}, options: [{name: person, title: {en: Person}, next: person}], otherwise: look}
- name: look
  lookup: {directory: list, as: found, cases: [{outcomes: [exact], next: good}], otherwise: bad}
- {name: good, say: {text: {en: licensed}}, next: ask}
- {name: bad, say: {text: {en: not listed}}, next: ask}
- {name: person, handoff: {pool: desk}, next: over}
- {name: over, end: {}}
tests:
- name: a listed one
  steps: [{citizen: Dana Sekar Wangi}, {bot: {contains: licensed, node: good}}]
`

func (o objects) envelope(t *testing.T) bundle.Envelope {
	t.Helper()
	in := bundle.Objects{}
	in.Tenant.Spec.Languages = []v1alpha1.Language{"en"}
	in.Tenant.Spec.TimeZone = "Asia/Jakarta"
	if o.flow != "" {
		var f v1alpha1.DialogFlow
		if err := yaml.UnmarshalStrict([]byte(o.flow), &f.Spec); err != nil {
			t.Fatal(err)
		}
		f.Name, f.Generation = "main", 7
		in.Flows = []v1alpha1.DialogFlow{f}
	}
	if o.rows != "" {
		var d v1alpha1.Directory
		d.Name, d.Spec.Source.Inline = "list", o.rows
		in.Directories = []v1alpha1.Directory{d}
	}
	var p v1alpha1.AgentPool
	p.Name = "desk"
	p.Spec.Hours = []v1alpha1.Hours{{Days: []v1alpha1.Day{"Mon", "Tue"}, From: "08:00", To: "16:00"}}
	in.Pools = []v1alpha1.AgentPool{p}
	var c v1alpha1.Channel
	c.Name, c.Spec.Flow = "web", "main"
	in.Channels = []v1alpha1.Channel{c}
	return bundle.Wrap(bundle.From(in))
}

// told is the verdicts in short: kind, good or refused, and the findings' reasons.
func told(vs []bundle.Verdict) string {
	var out []string
	for _, v := range vs {
		word := "refused"
		if v.Good {
			word = "good"
		}
		var reasons []string
		for _, f := range v.Findings {
			reasons = append(reasons, f.Reason)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", v.Kind, word, strings.Join(reasons, ","))))
	}
	return strings.Join(out, "; ")
}

func answers(t *testing.T, s Set, text string) string {
	t.Helper()
	p, ok := s.Flows["main"]
	if !ok {
		return ""
	}
	_, r, err := p.Step(nil, dialog.Input{Kind: dialog.InputMessage, Message: message.In{Kind: message.InText, Text: text}}, s.Env(now, nil))
	if err != nil || len(r.Say) == 0 {
		t.Fatal(err)
	}
	return strings.SplitN(r.Say[0].Text, "\n", 2)[0]
}

func TestAGoodBundleServesWhole(t *testing.T) {
	set, verdicts := Bundle(objects{goodRows, goodFlow}.envelope(t), nil, now)
	if got := told(verdicts); got != "AgentPool good; Channel good; DialogFlow good; Directory good" {
		t.Fatal(got)
	}
	flow := verdicts[2]
	if flow.TestsPassed != 1 || flow.TestsAll != 1 || flow.Nodes != 6 || flow.LiveGeneration != 7 {
		t.Errorf("%+v", flow)
	}
	if got := answers(t, set, "Dana Sekar Wangi"); got != "licensed" {
		t.Error(got)
	}
	again := Serve(set.Tenant, set.Objects, now)
	if got := answers(t, again, "Dana Sekar Wangi"); got != "licensed" || len(again.Channels) != 1 {
		t.Errorf("after a restart: %q", got)
	}
	if set.Revision(bundle.KindDialogFlow, "main") != flow.Hash || set.Revision(bundle.KindDialogFlow, "other") != "" {
		t.Error("the revision is not the object's hash")
	}
}

func TestAFlowServesOnWhenTheLastAgentWithASkillIsGone(t *testing.T) {
	asking := strings.Replace(goodFlow, "pool: desk", "pool: desk, skills: [syariah]", 1)
	with := objects{goodRows, asking}.envelope(t)
	for i := range with.Bundle.Objects {
		if pool := with.Bundle.Objects[i].Pool; pool != nil {
			pool.Agents.Skills = []v1alpha1.AgentSkill{{Name: "syariah", Agents: []v1alpha1.AgentName{"siti", "budi"}}, {Name: "english", Agents: []v1alpha1.AgentName{"siti"}}}
		}
	}
	good, verdicts := Bundle(with, nil, now)
	if got := told(verdicts); got != "AgentPool good; Channel good; DialogFlow good; Directory good" {
		t.Fatal(got)
	}
	if diff := cmp.Diff(map[string][]string{"siti": {"syariah", "english"}, "budi": {"syariah"}}, good.Pools["desk"].Skills); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	set, verdicts := Bundle(objects{goodRows, asking}.envelope(t), good.Objects, now)
	if got := told(verdicts); got != "AgentPool good; Channel good; DialogFlow good UnknownSkill; Directory good" {
		t.Error(got)
	}
	if got := answers(t, set, "Dana Sekar Wangi"); got != "licensed" {
		t.Error(got)
	}
}

func TestABrokenEditRefusesItselfAndNothingElseChanges(t *testing.T) {
	good, _ := Bundle(objects{goodRows, goodFlow}.envelope(t), nil, now)
	for _, c := range []struct {
		what string
		in   objects
		told string
		says string
	}{
		{"a flow that does not compile", objects{goodRows, strings.Replace(goodFlow, "next: good", "next: god", 1)},
			"AgentPool good; Channel good; DialogFlow refused DanglingTarget; Directory good", "licensed"},
		{"a flow whose tests fail", objects{goodRows, strings.Replace(goodFlow, "contains: licensed", "contains: welcome", 1)},
			"AgentPool good; Channel good; DialogFlow refused TestFailed; Directory good", "licensed"},
		{"a directory that cannot be read", objects{"nama\nX\n", goodFlow},
			"AgentPool good; Channel good; DialogFlow good; Directory refused Header", "licensed"},
		{"a directory that is deleted while the flow needs it", objects{"", goodFlow},
			"AgentPool good; Channel good; DialogFlow refused UnknownObject", "licensed"},
		{"new rows serve although the flow is broken", objects{"name,status\nDana Lain,licensed\nDana Sekar Wangi Baru,licensed\n", strings.Replace(goodFlow, "next: good", "next: god", 1)},
			"AgentPool good; Channel good; DialogFlow refused DanglingTarget; Directory good", "not listed"},
	} {
		t.Run(c.what, func(t *testing.T) {
			set, verdicts := Bundle(c.in.envelope(t), good.Objects, now)
			if got := told(verdicts); got != c.told {
				t.Errorf("told %s", got)
			}
			if got := answers(t, set, "Dana Sekar Wangi"); got != c.says {
				t.Errorf("answers %q", got)
			}
			again := Serve(set.Tenant, set.Objects, now)
			if got := answers(t, again, "Dana Sekar Wangi"); got != c.says {
				t.Errorf("after a restart %q", got)
			}
		})
	}
}

func TestWithoutALastGoodRevisionDependentsSayWhy(t *testing.T) {
	set, verdicts := Bundle(objects{"nama\nX\n", goodFlow}.envelope(t), nil, now)
	if got := told(verdicts); got != "AgentPool good; Channel refused NoLiveFlow; DialogFlow refused RefusedObject; Directory refused Header" {
		t.Error(got)
	}
	if len(set.Flows)+len(set.Channels) != 0 {
		t.Error("something serves")
	}
	_, verdicts = Bundle(objects{goodRows, ""}.envelope(t), nil, now)
	if got := verdicts[1].Findings[0].Message; got != `no DialogFlow "main" in this namespace; create it or correct the name` {
		t.Error(got)
	}
}

func TestAMissingConfigMapIsNamed(t *testing.T) {
	e := objects{goodRows, goodFlow}.envelope(t)
	for i := range e.Bundle.Objects {
		if o := &e.Bundle.Objects[i]; o.Directory != nil {
			o.Rows, o.Missing = "", `ConfigMap "list" is not there`
		}
	}
	_, verdicts := Bundle(e, nil, now)
	if f := verdicts[3].Findings[0]; f.Reason != "SourceMissing" || !strings.Contains(f.Message, `ConfigMap "list" is not there`) {
		t.Errorf("%+v", f)
	}
}

func TestAPoolIsOpenInItsHoursOfTheTenantsZone(t *testing.T) {
	set, _ := Bundle(objects{goodRows, goodFlow}.envelope(t), nil, now)
	for at, open := range map[string]bool{
		"2026-11-23T01:00:00Z": true,  // Monday 08:00 in Jakarta
		"2026-11-23T00:59:00Z": false, // 07:59
		"2026-11-24T08:59:00Z": true,  // Tuesday 15:59
		"2026-11-24T09:00:00Z": false, // 16:00
		"2026-11-25T03:00:00Z": false, // Wednesday
	} {
		when, _ := time.Parse(time.RFC3339, at)
		if got, _ := set.Env(when, nil).PoolOpen("desk"); got != open {
			t.Errorf("%s: open %v", at, got)
		}
	}
}

func TestFindingsAreBoundedAndTheRestIsCounted(t *testing.T) {
	e := objects{goodRows + strings.Repeat("X,what\n", 50), goodFlow}.envelope(t)
	_, verdicts := Bundle(e, nil, now)
	v := verdicts[3]
	if v.Good || v.Rejected != 50 {
		t.Errorf("rows of the author's own that are left out refuse the edit: good %v, rejected %d", v.Good, v.Rejected)
	}
	e.Bundle.Objects[3].Directory.Source = v1alpha1.DirectorySource{ConfigMap: &v1alpha1.ConfigMapKey{Name: "list", Key: "rows.csv"}}
	_, verdicts = Bundle(e, nil, now)
	v = verdicts[3]
	if len(v.Findings) != bundle.MaxFindings || !v.Good || v.Rejected != 50 || !strings.HasPrefix(v.Findings[19].Message, "and 31 more") {
		t.Errorf("%d findings, rejected %d, last %q", len(v.Findings), v.Rejected, v.Findings[len(v.Findings)-1].Message)
	}
}

const askTown = `
languages: [en]
start: which
variables: [{name: town}]
nodes:
- {name: which, ask: {text: {en: "Which town?"}, as: town}, next: known}
- {name: known, end: {}}
`

const runTown = `
languages: [en]
start: go
variables: [{name: mine}]
nodes:
- {name: go, run: {flow: town, results: [{name: mine, value: town}]}, next: tell}
- {name: tell, end: {text: {en: "It is {{ mine }}."}}}
tests:
- name: through both
  steps: [{citizen: hello}, {bot: {contains: town, node: which}}, {citizen: Bogor}, {bot: {contains: It is Bogor}}]
`

// flows is a tenant of flows, in the order of their names; main answers on the channel.
func flows(t *testing.T, texts map[string]string) bundle.Envelope {
	t.Helper()
	in := bundle.Objects{}
	in.Tenant.Spec.Languages = []v1alpha1.Language{"en"}
	in.Tenant.Spec.TimeZone = "Asia/Jakarta"
	for name, text := range texts {
		var f v1alpha1.DialogFlow
		if err := yaml.UnmarshalStrict([]byte(text), &f.Spec); err != nil {
			t.Fatal(err)
		}
		f.Name = name
		in.Flows = append(in.Flows, f)
	}
	return bundle.Wrap(bundle.From(in))
}

func findings(vs []bundle.Verdict) string {
	var all []string
	for _, v := range vs {
		for _, f := range v.Findings {
			if !f.Advice {
				all = append(all, v.Name+": "+f.Path+" "+f.Message)
			}
		}
	}
	return strings.Join(all, "\n")
}

func TestAFlowIsOneRevisionWithThoseThatItRuns(t *testing.T) {
	set, verdicts := Bundle(flows(t, map[string]string{"main": runTown, "town": askTown}), nil, now)
	if got := findings(verdicts); got != "" || set.Flows["main"] == nil || !verdicts[0].Good || verdicts[0].TestsPassed != 1 {
		t.Fatalf("%s %+v", got, verdicts)
	}
	first := set.Revision(bundle.KindDialogFlow, "main")
	if o, _ := set.Object(bundle.KindDialogFlow, "main"); len(o.Runs) != 1 || o.Runs[0].Name != "town" {
		t.Fatalf("%+v", o)
	}
	if again := Serve(set.Tenant, set.Objects, now); again.Revision(bundle.KindDialogFlow, "main") != first || again.Flows["main"] == nil {
		t.Error("a pod that starts serves another revision, or none")
	}

	edited := strings.Replace(askTown, "Which town?", "What town?", 1)
	after, _ := Bundle(flows(t, map[string]string{"main": runTown, "town": edited}), set.Objects, now)
	if after.Revision(bundle.KindDialogFlow, "main") == first || after.Flows["main"] == nil {
		t.Error("an edit of a flow that is run is a new revision of those that run it")
	}
	old, _ := set.Object(bundle.KindDialogFlow, "main")
	if p := after.Compile(old); p == nil {
		t.Error("the old revision cannot be had: it holds what it ran")
	} else if _, r, _ := p.Step(nil, dialog.Input{Kind: dialog.InputMessage, Message: message.In{Kind: message.InText, Text: "hello"}}, dialog.Env{Now: now}); r.Say[0].Text != "Which town?" {
		t.Errorf("the old revision asks %q", r.Say[0].Text)
	}

	broken := strings.Replace(askTown, "next: known", "next: knwn", 1)
	kept, verdicts := Bundle(flows(t, map[string]string{"main": runTown, "town": broken}), set.Objects, now)
	if kept.Revision(bundle.KindDialogFlow, "main") != first || !strings.HasPrefix(findings(verdicts), `town: nodes[which].next no node "knwn"`) {
		t.Errorf("what is run keeps its last good revision, and those that run it go on: %s", findings(verdicts))
	}
	gone, verdicts := Bundle(flows(t, map[string]string{"main": runTown}), set.Objects, now)
	if gone.Revision(bundle.KindDialogFlow, "main") != first || findings(verdicts) != `main: nodes[go].run.flow no DialogFlow "town" in this namespace` {
		t.Errorf("a flow whose other was deleted keeps both: %s", findings(verdicts))
	}
}

func TestFlowsThatRunEachOtherAreRefused(t *testing.T) {
	to := func(name string) string {
		return strings.ReplaceAll(strings.Split(runTown, "tests:")[0], "flow: town, results: [{name: mine, value: town}]", "flow: "+name)
	}
	_, verdicts := Bundle(flows(t, map[string]string{"a": to("b"), "b": to("c"), "c": to("a"), "self": to("self"), "d": to("a")}), nil, now)
	got := findings(verdicts)
	for _, want := range []string{`a: nodes[go].run.flow DialogFlow "b" runs this one in turn`, `b: nodes[go].run.flow DialogFlow "c" runs`, `c: nodes[go].run.flow DialogFlow "a" runs`,
		`self: nodes[go].run.flow DialogFlow "self" runs`, `d: nodes[go].run.flow DialogFlow "a" is refused itself`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
