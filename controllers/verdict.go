package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
)

// judgementTime is how long an edited object's status stays as it was while the runtime judges the edit: tools wait by
// observedGeneration, and nobody is helped by two writes a second apart.
const judgementTime = 10 * time.Second

// judgement is what decides about the conditions of an object in a bundle.
type judgement struct {
	kind       bundle.Kind
	name       string
	generation int64
	before     v1alpha1.Verdict
	tenant     *v1alpha1.BotTenant // the namespace's, nil without one
	view       link.View
	now        time.Time
}

// judged is an object's new verdict, which is the old one while nothing is known of the newest content yet.
type judged struct {
	v1alpha1.Verdict
	// Again is when to look again though nothing happens; 0 is never.
	Again time.Duration
	// Said is what the runtime said of the newest content, nil when it did not.
	Said *bundle.Verdict

	conditions []metav1.Condition // to be set in the end: one that is set twice would seem to have changed
}

// judge turns what is known of an object into its conditions Valid and Ready. Kinds that know better of Ready say so
// (better) before the verdict is taken.
func judge(q judgement) judged {
	out := judged{Verdict: *q.before.DeepCopy()}
	for _, step := range []func(judgement, *judged) bool{noTenant, suspended, notJudgedYet, judgedNow} {
		if step(q, &out) {
			break
		}
	}
	return out
}

func noTenant(q judgement, out *judged) bool {
	message := "there is no BotTenant in this namespace; make one"
	if q.tenant != nil {
		a := meta.FindStatusCondition(q.tenant.Status.Conditions, v1alpha1.ConditionAccepted)
		if a != nil && a.Status == metav1.ConditionTrue {
			return false
		}
		message = fmt.Sprintf("BotTenant %s is not accepted", q.tenant.Name)
		if a != nil {
			message += ": " + a.Message
		}
	}
	out.says(q, no(v1alpha1.ConditionReady, v1alpha1.ReasonNoTenant, message),
		unknown(v1alpha1.ConditionValid, v1alpha1.ReasonNoTenant, "no runtime looks at this object: "+message))
	return true
}

func suspended(q judgement, out *judged) bool {
	if !q.tenant.Spec.Suspend {
		return false
	}
	out.says(q, no(v1alpha1.ConditionReady, v1alpha1.ReasonSuspended,
		fmt.Sprintf("BotTenant %s is suspended; set spec.suspend to false", q.tenant.Name)))
	return true
}

// notJudgedYet keeps an object that was judged before as it is for a while: a new operator has not heard the runtime yet,
// or the edit is on its way.
func notJudgedYet(q judgement, out *judged) bool {
	want, wanted := q.view.Objects[bundle.Key(q.kind, q.name)]
	said := q.view.Verdict(q.kind, q.name)
	current := wanted && want.Generation >= q.generation
	if said != nil && current && said.Hash == want.Hash {
		out.Said = said
		return false
	}
	if !judgedBefore(q.before) {
		out.says(q, unknown(v1alpha1.ConditionReady, v1alpha1.ReasonWaitingForRuntime, "the runtime has not looked at this object yet"),
			unknown(v1alpha1.ConditionValid, v1alpha1.ReasonWaitingForRuntime, "the runtime has not looked at this object yet"))
		return true
	}
	if q.before.ObservedGeneration == q.generation {
		return true
	}
	out.Again = judgementTime
	if current {
		out.Again = judgementTime - q.now.Sub(want.Since)
	}
	if out.Again > 0 {
		return true
	}
	out.Again = 0
	// The revision counts as not observed until it is judged: with Ready still true of the one before, tools that wait
	// (kstatus) would else take it for serving.
	c := unknown(v1alpha1.ConditionValid, v1alpha1.ReasonWaitingForRuntime, fmt.Sprintf(
		"revision %d has not been judged yet; see condition %s of the BotTenant", q.generation, v1alpha1.ConditionOperatorReachable))
	c.ObservedGeneration = q.generation
	out.also(c)
	return true
}

// judgedBefore says whether the conditions come from a runtime: without a tenant, or while it is suspended, they do not.
func judgedBefore(v v1alpha1.Verdict) bool {
	ready := meta.FindStatusCondition(v.Conditions, v1alpha1.ConditionReady)
	valid := meta.FindStatusCondition(v.Conditions, v1alpha1.ConditionValid)
	if ready == nil || ready.Reason == v1alpha1.ReasonNoTenant || ready.Reason == v1alpha1.ReasonSuspended {
		return false
	}
	return valid != nil && valid.Status != metav1.ConditionUnknown || v.LiveGeneration > 0
}

func judgedNow(q judgement, out *judged) bool {
	said := out.Said
	out.LiveGeneration = said.LiveGeneration
	if said.Good {
		out.LiveGeneration = q.generation // a generation that changed nothing for the runtime serves as well
	}
	out.Findings = findings(said.Findings)
	out.says(q, valid(said), serving(said, out.LiveGeneration, q.generation))
	return true
}

func valid(said *bundle.Verdict) metav1.Condition {
	n := len(said.Findings)
	switch {
	case said.Good && n == 0:
		return yes(v1alpha1.ConditionValid, v1alpha1.ReasonValid, "nothing is wrong")
	case said.Good:
		return yes(v1alpha1.ConditionValid, v1alpha1.ReasonValid, "good, with advice, first: "+first(said.Findings))
	default:
		return no(v1alpha1.ConditionValid, v1alpha1.ReasonFindings, counted(n, "finding", "findings")+", first: "+first(said.Findings))
	}
}

// first is the first finding that refuses, or else the first advice.
func first(list []bundle.Finding) string {
	if len(list) == 0 {
		return "the runtime does not say why, which is a fault of its own"
	}
	f := list[0]
	for _, c := range list {
		if !c.Advice {
			f = c
			break
		}
	}
	if f.Path == "" {
		return f.Message
	}
	return f.Path + ": " + f.Message
}

// serving: a refused edit with a live older revision is Ready, and observed. Ready is about citizens, who are served as before,
// and a pager must not ring for them; that the edit was refused is Valid's to say. A pipeline that must stop at a refused edit
// waits for Valid (kubectl wait --for=condition=Valid).
func serving(said *bundle.Verdict, live, generation int64) metav1.Condition {
	switch {
	case said.Good:
		return yes(v1alpha1.ConditionReady, v1alpha1.ReasonServing, fmt.Sprintf("revision %d serves", live))
	case live > 0:
		return yes(v1alpha1.ConditionReady, v1alpha1.ReasonServing,
			fmt.Sprintf("revision %d serves; revision %d is refused: %s", live, generation, first(said.Findings)))
	default:
		return no(v1alpha1.ConditionReady, v1alpha1.ReasonFindings,
			fmt.Sprintf("revision %d is refused and none before it serves: %s", generation, first(said.Findings)))
	}
}

func findings(list []bundle.Finding) []v1alpha1.Finding {
	var out []v1alpha1.Finding
	for _, f := range list {
		out = append(out, v1alpha1.Finding{Path: f.Path, Reason: f.Reason, Message: f.Message})
	}
	return out
}

// serves says whether what was said is of a revision that serves: the counts of a refused one are nobody's.
func (j *judged) serves() bool { return j.Said != nil && j.Said.Good }

func (j *judged) says(q judgement, conditions ...metav1.Condition) {
	j.ObservedGeneration = q.generation
	j.conditions = append(j.conditions, conditions...)
}

// also says something that is true whether or not the newest content is judged.
func (j *judged) also(c metav1.Condition) { j.conditions = append(j.conditions, c) }

// better replaces a Ready that is true with what an object's kind knows better; nil knows nothing better.
func (j *judged) better(ready *metav1.Condition) {
	for i := range j.conditions {
		if c := &j.conditions[i]; ready != nil && c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue {
			*c = *ready
		}
	}
}

// verdict is the status that follows.
func (j *judged) verdict(q judgement) v1alpha1.Verdict {
	set(&j.Conditions, j.ObservedGeneration, metav1.NewTime(q.now), j.conditions...)
	return j.Verdict
}
