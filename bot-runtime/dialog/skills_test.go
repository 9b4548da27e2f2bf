package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/api/v1alpha1"
)

const skilled = `
languages: [en]
start: menu
nodes:
- name: menu
  menu:
    text: {en: "Hello."}
    options:
    - {name: person, title: {en: "Person"}, next: person}
    - {name: loan, title: {en: "Syariah loan"}, next: loan}
    otherwise: person
- {name: person, handoff: {pool: centre}, next: over}
- {name: loan, handoff: {pool: centre, skills: [syariah, english, syariah]}, next: over}
- {name: over, end: {}}
`

// centre is a counter where some agents have skills.
func centre(skills ...v1alpha1.Skill) CompileInput {
	in := world()
	var all []v1alpha1.AgentSkill
	for _, s := range skills {
		all = append(all, v1alpha1.AgentSkill{Name: s, Agents: []v1alpha1.AgentName{"siti"}})
	}
	in.Skills = map[string][]v1alpha1.AgentSkill{"centre": all}
	return in
}

func TestAHandOffAsksForItsSkills(t *testing.T) {
	p, findings := Compile(flow(t, skilled), centre("english", "syariah"))
	if p == nil || len(findings) > 0 {
		t.Fatalf("%+v", findings)
	}
	for said, want := range map[string]*Handoff{
		"person":       {Pool: "centre", Priority: "normal"},
		"syariah loan": {Pool: "centre", Priority: "normal", Skills: []string{"english", "syariah"}},
	} {
		talk := talkTo(t, p)
		talk.says("hello")
		if diff := cmp.Diff(want, talk.says(said).Handoff); diff != "" {
			t.Errorf("%s (-want +got):\n%s", said, diff)
		}
	}
}

func TestASkillThatNoAgentHasIsToldAndCitizensAreServedAllTheSame(t *testing.T) {
	p, findings := Compile(flow(t, skilled), centre("english", "syaria", "takaful"))
	if p == nil {
		t.Fatalf("refused: %+v", findings)
	}
	var told []string
	for _, f := range findings {
		told = append(told, strings.TrimSpace(f.Path+" "+f.Reason+": "+f.Message))
		if !f.Advice {
			t.Errorf("no advice: %+v", f)
		}
	}
	const rest = ` UnknownSkill: no agent of AgentPool "centre" has the skill "syariah", so that anybody of it is asked at once; name them under its agents.skills; did you mean "syaria"?`
	if diff := cmp.Diff([]string{"nodes[loan].handoff.skills[0]" + rest, "nodes[loan].handoff.skills[2]" + rest}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFlowsTestMaySayForWhichSkillsAHandOffAsks(t *testing.T) {
	for step, wants := range map[string]string{
		"syariah loan/{handedTo: centre, skills: [syariah, english]}": "",
		"syariah loan/{handedTo: centre}":                             "",
		"syariah loan/{handedTo: centre, skills: [syariah]}":          "asks for the skills syariah (it asks for english, syariah)",
		"person/{handedTo: centre, skills: [syariah]}":                "asks for the skills syariah (it asks for none)",
	} {
		said, expected, _ := strings.Cut(step, "/")
		p, _ := Compile(flow(t, skilled+"tests:\n- name: a\n  steps:\n  - citizen: hello\n  - citizen: "+said+"\n  - bot: "+expected+"\n"), centre("english", "syariah"))
		expect(t, step, Test(p, func(at time.Time) Env { return Env{Now: at} }, monday), wants)
	}
}
