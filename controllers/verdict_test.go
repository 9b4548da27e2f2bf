package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
)

func TestWhatAnObjectSaysOfItself(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	key := bundle.Key(bundle.KindDialogFlow, "kontak157")
	here := &v1alpha1.BotTenant{}
	set(&here.Status.Conditions, 1, metav1.NewTime(now), yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, ""))
	// view is a runtime that shall have hash "new" of revision 8 since some seconds, and said something.
	view := func(seconds int, said ...bundle.Verdict) link.View {
		for i := range said {
			said[i].Kind, said[i].Name = bundle.KindDialogFlow, "kontak157"
		}
		return link.View{Connected: true, Status: &bundle.Status{Verdicts: said}, Objects: map[string]link.Wanted{
			key: {Hash: "new", Generation: 8, Since: now.Add(-time.Duration(seconds) * time.Second)},
		}}
	}
	serves7 := v1alpha1.Verdict{ObservedGeneration: 7, LiveGeneration: 7}
	set(&serves7.Conditions, 7, metav1.NewTime(now.Add(-time.Hour)),
		yes(v1alpha1.ConditionValid, v1alpha1.ReasonValid, "nothing is wrong"), yes(v1alpha1.ConditionReady, v1alpha1.ReasonServing, "revision 7 serves"))
	finding := bundle.Finding{Path: "nodes[menu]", Reason: "X", Message: "mend it"}
	hint := bundle.Finding{Path: "nodes[say]", Reason: "Y", Message: "shorter is cheaper", Advice: true}

	for name, c := range map[string]struct {
		before   v1alpha1.Verdict
		tenant   *v1alpha1.BotTenant
		view     link.View
		observed int64
		live     int64
		ready    string
		valid    string
		again    time.Duration
	}{
		"an edit that is on its way leaves the status as it was": {serves7, here, view(3, bundle.Verdict{Hash: "old", Good: true, LiveGeneration: 7}),
			7, 7, "True Serving: revision 7 serves", "True Valid: nothing is wrong", 7 * time.Second},
		"an edit that nobody judged for ten seconds says so": {serves7, here, view(10, bundle.Verdict{Hash: "old", Good: true, LiveGeneration: 7}),
			7, 7, "True Serving: revision 7 serves", "Unknown WaitingForRuntime: revision 8 has not been judged yet; see condition OperatorReachable of the BotTenant", 0},
		"a generation that changed nothing for the runtime serves": {serves7, here, view(0, bundle.Verdict{Hash: "new", Generation: 7, Good: true, LiveGeneration: 7}),
			8, 8, "True Serving: revision 8 serves", "True Valid: nothing is wrong", 0},
		"a refused edit names what serves": {serves7, here, view(0, bundle.Verdict{Hash: "new", LiveGeneration: 7, Findings: []bundle.Finding{hint, finding}}),
			8, 7, "True Serving: revision 7 serves; revision 8 is refused: nodes[menu]: mend it", "False Findings: 2 findings, first: nodes[menu]: mend it", 0},
		"advice refuses nothing": {serves7, here, view(0, bundle.Verdict{Hash: "new", Good: true, Findings: []bundle.Finding{hint}}),
			8, 8, "True Serving: revision 8 serves", "True Valid: good, with advice, first: nodes[say]: shorter is cheaper", 0},
		"a first edition that is refused does not serve": {v1alpha1.Verdict{}, here, view(0, bundle.Verdict{Hash: "new", Findings: []bundle.Finding{finding}}),
			8, 0, "False Findings: revision 8 is refused and none before it serves: nodes[menu]: mend it", "False Findings: 1 finding, first: nodes[menu]: mend it", 0},
		"a new operator that has heard nothing changes nothing": {serves7, here, link.View{},
			7, 7, "True Serving: revision 7 serves", "True Valid: nothing is wrong", judgementTime},
		"without a tenant nothing serves": {serves7, nil, link.View{},
			8, 7, "False NoTenant: there is no BotTenant in this namespace; make one", "Unknown NoTenant: no runtime looks at this object: there is no BotTenant in this namespace; make one", 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := judgement{kind: bundle.KindDialogFlow, name: "kontak157", generation: 8, before: c.before, tenant: c.tenant, view: c.view, now: now}
			j := judge(q)
			got := j.verdict(q)
			if got.ObservedGeneration != c.observed || got.LiveGeneration != c.live || j.Again != c.again {
				t.Errorf("revision %d observed, %d live, again after %s; not %d, %d, %s", got.ObservedGeneration, got.LiveGeneration, j.Again, c.observed, c.live, c.again)
			}
			for kind, want := range map[string]string{v1alpha1.ConditionReady: c.ready, v1alpha1.ConditionValid: c.valid} {
				s := meta.FindStatusCondition(got.Conditions, kind)
				if s == nil {
					t.Errorf("no %s", kind)
					continue
				}
				// kstatus, and with it GitOps, waits while a revision is not observed.
				if s.ObservedGeneration != got.ObservedGeneration && s.Status != metav1.ConditionUnknown {
					t.Errorf("%s speaks of revision %d, the status of %d", kind, s.ObservedGeneration, got.ObservedGeneration)
				}
				if said := string(s.Status) + " " + s.Reason + ": " + s.Message; said != want {
					t.Errorf("%s is %q, not %q", kind, said, want)
				}
			}
		})
	}
}

func TestClassesOfFigures(t *testing.T) {
	for n, want := range map[int]string{-1: "0", 0: "0", 1: "<10", 9: "<10", 10: "~10", 42: "~40", 45: "~50", 99: "~100", 180: "~180", 186: "~190", 1249: "~1200", 98765: "~99000"} {
		if got := class(n); got != want {
			t.Errorf("%d is %s, not %s", n, got, want)
		}
	}
}
