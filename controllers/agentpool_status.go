package controllers

import (
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/render"
)

// figuresEvery is how often a pool's figures are written when nothing else changes; the figures of the moment are metrics.
const figuresEvery = time.Minute

// poolStatus is what a pool's status shall say, and when to look again.
func poolStatus(s *poolSeen, d capacity.Decision) (v1alpha1.AgentPoolStatus, time.Duration) {
	out := *s.pool.Status.DeepCopy()
	j := judge(s.judgement)
	if j.Said != nil {
		j.better(s.deskReady())
	}
	if c := s.scaling(d); c != nil {
		j.also(*c)
	}
	for _, c := range []*metav1.Condition{s.staffed, s.learning()} {
		if c != nil {
			j.also(*c)
		}
	}
	out.Verdict = j.verdict(s.judgement)
	out.People, out.WorkersWanted = s.people, nil
	if p := s.view.Pool(s.name); p != nil {
		out.Waiting = class(p.WaitingForWorker + p.WaitingForAgent)
		out.Active = class(p.Active)
		out.Agents = int32(min(p.Agents, math.MaxInt32))
	}
	if s.class == nil {
		return out, j.Again
	}
	out.Selector = s.selector()
	out.URL = render.DeskPage(render.BaseURL(*s.class, s.pool.Namespace, s.nodePort), s.pool.Name)
	out.Workers, out.WorkersReady, out.Why = 0, "0/0", "the desk is not made yet"
	if s.advice != nil {
		out.WorkersWanted = &s.advice.Workers
	}
	if s.desk != nil {
		out.Workers = s.desk.Exist
		out.WorkersReady = fmt.Sprintf("%d/%d", s.desk.Ready, s.desk.Wanted)
		if out.Why = cut(s.why(d), 256); d.Reasons.Has(capacity.Stale) && s.justStarted() && s.pool.Status.Why != "" {
			out.Why = s.pool.Status.Why
		}
	}
	return out, j.Again
}

// deskReady is what stands between a good pool and its agents; nil is nothing.
func (s *poolSeen) deskReady() *metav1.Condition {
	if s.desk != nil && (s.desk.Ready > 0 || s.desk.Wanted == 0 && s.scales() && s.mayRest()) {
		return nil
	}
	if s.desk != nil && s.desk.Trouble != "" {
		c := no(v1alpha1.ConditionReady, v1alpha1.ReasonPodsFail, "no desk pod is ready: "+s.desk.Trouble)
		return &c
	}
	c := no(v1alpha1.ConditionReady, v1alpha1.ReasonProgressing, "no desk pod is ready yet")
	return &c
}

// scaling says who decides the number of workers; nil where there is no tenant that has any.
func (s *poolSeen) scaling(d capacity.Decision) *metav1.Condition {
	var c metav1.Condition
	switch {
	case s.class == nil || s.tenant.Spec.Suspend:
		return nil
	case s.embedded && s.pool.Spec.Workers.Min > 1:
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonEmbeddedStorage,
			"the one pod that holds the database is also the desk; a tenant with storage postgres may have more workers")
	case s.embedded:
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonEmbeddedStorage, "the one pod that holds the database is also the desk")
	case s.desk == nil:
		return nil
	case s.unscaled != nil:
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonApplyFailed, s.unscaled.Error())
	case s.twoOwners() != "":
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonTwoOwners, s.twoOwners())
	case s.dry():
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonDryRun,
			"dry run: what is decided is told in status.why and changes nothing; set spec.workers.dryRun to false to have it carried out")
	case d.Reasons.Has(capacity.External):
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonFollowsReplicas, "spec.workers.replicas decides, as mode external says")
	case d.Reasons.Has(capacity.Stale):
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonNoFreshFigures, fmt.Sprintf(
			"%s; see condition %s of the BotTenant", d.Reasons, v1alpha1.ConditionOperatorReachable))
		if s.justStarted() && meta.FindStatusCondition(s.before.Conditions, v1alpha1.ConditionScaling) != nil {
			return nil
		}
		if s.view.Status == nil {
			c.Status = metav1.ConditionUnknown
		}
	case s.limited != "":
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonAtLimit, s.limited)
	default:
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonFollowsDemand, "demand decides, within min and max")
	}
	return &c
}

// justStarted says that this operator has neither heard the runtime nor failed to: that is no news of the pool.
func (s *poolSeen) justStarted() bool { return s.view.Status == nil && s.view.Fault == nil }

// why is the reason for the number of workers, in one line.
func (s *poolSeen) why(d capacity.Decision) string {
	switch {
	case s.tenant.Spec.Suspend:
		return "the tenant is suspended"
	case s.embedded:
		return "embedded storage: the one bot pod is the desk"
	case s.yields():
		return fmt.Sprintf("left to %s; by demand: %s", and(s.scalers.ofDesk), d.Reasons)
	case s.dry():
		return "dry run: " + d.Reasons.String()
	case s.advice != nil:
		return fmt.Sprintf("%s; by demand %d: %s", d.Reasons, s.advice.Workers, s.advice.Reasons)
	default:
		return d.Reasons.String()
	}
}

// learning says whether what was learnt outlives the operator. It is there once there was trouble.
func (s *poolSeen) learning() *metav1.Condition {
	if s.unkept != nil || meta.FindStatusCondition(s.before.Conditions, v1alpha1.ConditionLearning) == nil || !s.learns() {
		return s.unkept
	}
	c := yes(v1alpha1.ConditionLearning, v1alpha1.ReasonKept, "what is learnt is kept in ConfigMap "+keptName(s.name))
	return &c
}

// selector of the pods that serve the pool, for the scale subresource.
func (s *poolSeen) selector() string {
	if s.embedded {
		return labels.SelectorFromSet(render.BotLabels(s.tenant.Name)).String()
	}
	return labels.SelectorFromSet(render.DeskLabels(s.tenant.Name, s.pool.Name)).String()
}

// onlyFigures says whether two statuses differ in nothing but what moves with every citizen.
func onlyFigures(before, after v1alpha1.AgentPoolStatus) bool {
	after.Waiting, after.Active, after.Agents, after.Why, after.People = before.Waiting, before.Active, before.Agents, before.Why, before.People
	after.Conditions = slices.Clone(after.Conditions)
	if is, was := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionStaffed), meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionStaffed); is != nil &&
		was != nil && is.Status == was.Status && is.Reason == was.Reason {
		is.Message = was.Message // how many are missing
	}
	return equality.Semantic.DeepEqual(before, after)
}

// sameToPeople says whether two statuses whose figures differ tell a person the same. The arithmetic in why, and how a level or a
// wait moves by a point or a second, are metrics: written each minute they would be the pool's history, and most of etcd's.
func sameToPeople(before, after v1alpha1.AgentPoolStatus) bool {
	if before.Waiting != after.Waiting || before.Active != after.Active || before.Agents != after.Agents || (before.People == nil) != (after.People == nil) {
		return false
	}
	if before.People == nil {
		return true
	}
	return before.People.Needed == after.People.Needed && patient(before.People.ExpectedWait) == patient(after.People.ExpectedWait) &&
		equality.Semantic.DeepEqual(before.People.Days, after.People.Days)
}

// patient is what a wait means to who waits: none, a moment, a minute, a few, or longer than anybody stays.
func patient(wait string) int {
	d, err := time.ParseDuration(wait)
	if err != nil {
		return -1 // unbounded, or not told
	}
	for i, most := range []time.Duration{2 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute} {
		if d <= most {
			return i
		}
	}
	return math.MaxInt
}

// class rounds a number to what is worth a write: 0, <10, tens below a hundred, two digits above: ~180, ~1200.
func class(n int) string {
	switch {
	case n <= 0:
		return "0"
	case n < 10:
		return "<10"
	}
	unit := 10
	for n/unit >= 100 {
		unit *= 10
	}
	return fmt.Sprintf("~%d", (n+unit/2)/unit*unit)
}

func cut(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

func accepted(t *v1alpha1.BotTenant) bool {
	return meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ConditionAccepted)
}
