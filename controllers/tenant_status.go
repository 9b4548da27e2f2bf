package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/link"
	"github.com/loket-dev/loket/controllers/render"
)

// outcome is what became of a tenant in one reconciliation.
type outcome struct {
	refusal *refusal // the rest is empty then
	class   *v1alpha1.TenantClass
	cuts    []string // what of the tenant's wishes the class's ceilings cut
	input   render.Input
	bot     facts
	botWhy  string // why there are so many pods; empty where the number does not move
	// botScalers are autoscalers that write the bot's replicas.
	botScalers []string
	blocked    []error // why not everything could be applied, for a person to mend
	again      time.Duration
}

// report writes the status if it differs, tells what changed, and says when to look again.
func (r *TenantReconciler) report(ctx context.Context, seen seen, done outcome) (ctrl.Result, error) {
	before := seen.tenant
	after := before.DeepCopy()
	after.Status = tenantStatus(before, done, r.links.View(seen.name), r.namespace, r.now())
	result := ctrl.Result{RequeueAfter: done.again}
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return result, nil
	}
	if err := r.client.Status().Patch(ctx, after, client.MergeFrom(before)); err != nil {
		return result, client.IgnoreNotFound(err)
	}
	announce(r.events, after, before.Status.Conditions, after.Status.Conditions)
	return result, nil
}

// tenantStatus is what a tenant's status shall say.
func tenantStatus(before *v1alpha1.BotTenant, done outcome, view link.View, operatorNamespace string, now time.Time) v1alpha1.BotTenantStatus {
	out := *before.Status.DeepCopy()
	out.ObservedGeneration = before.Generation
	say := func(c ...metav1.Condition) { set(&out.Conditions, before.Generation, metav1.NewTime(now), c...) }
	if r := done.refusal; r != nil {
		say(no(v1alpha1.ConditionAccepted, r.reason, r.message), no(v1alpha1.ConditionReady, r.reason, r.message))
		// Nobody looks any more. What ran goes on running at its address, and the class is the one that it shall have again.
		out.Bot, out.BotWhy, out.Bundle, out.Applied = "", "", "", ""
		for _, kind := range []string{v1alpha1.ConditionOperatorReachable, v1alpha1.ConditionDurability, v1alpha1.ConditionScaling} {
			if meta.FindStatusCondition(out.Conditions, kind) != nil {
				say(unknown(kind, r.reason, "the tenant is not accepted, so nobody looks"))
			}
		}
		return out
	}
	q := report{tenant: before, done: done, view: view, operatorNamespace: operatorNamespace}
	out.ClassName = done.class.Name
	out.URL = done.input.PublicURL()
	out.BotWhy = cut(done.botWhy, 256)
	if len(done.blocked) == 0 {
		out.Bot = fmt.Sprintf("%d/%d", done.bot.Ready, done.input.BotReplicas())
	}
	if view.Connected {
		out.Bundle = view.Wanted[:min(7, len(view.Wanted))]
	}
	reachable := q.reachable()
	switch s := view.Status; {
	case reachable != nil && reachable.Status != metav1.ConditionTrue:
		out.Applied = "" // nobody knows
	case s != nil && s.StoreError == "": // without its store a runtime knows nothing of the pods beside it
		on := s.PodsOnApplied
		if s.Applied != view.Wanted {
			on = 0
		}
		out.Applied = fmt.Sprintf("%d/%d", on, s.Pods)
		say(durability(s.Durability)...)
	}
	say(q.accepted())
	if reachable != nil {
		say(*reachable)
	}
	say(q.ready())
	if c := q.botOwners(); c != nil {
		say(*c)
	}
	return out
}

// report is what decides about an accepted tenant's conditions.
type report struct {
	tenant            *v1alpha1.BotTenant
	done              outcome
	view              link.View
	operatorNamespace string
}

func (q report) accepted() metav1.Condition {
	message := "class " + q.done.class.Name
	if len(q.done.cuts) > 0 {
		message += "; by its ceilings " + strings.Join(q.done.cuts, ", ")
	}
	return yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, message)
}

// reachable says whether operator and runtime talk; nil leaves what was said before, as when an operator has just started.
func (q report) reachable() *metav1.Condition {
	kind := v1alpha1.ConditionOperatorReachable
	policy := fmt.Sprintf("look at NetworkPolicy %s in namespace %s, which must let pods of namespace %s to port 8081, "+
		"and at policies of the platform", render.InternalName(q.tenant.Name), q.tenant.Namespace, q.operatorNamespace)
	var c metav1.Condition
	switch fault := q.view.Fault; {
	case !q.view.Connected: // suspended
		c = unknown(kind, v1alpha1.ReasonSuspended, "there is no runtime to talk to")
	case fault != nil && fault.Busy:
		c = yes(kind, v1alpha1.ReasonReachable, "the runtime answers, though it cannot serve yet")
	case fault != nil && fault.Answered:
		c = no(kind, v1alpha1.ReasonUnreachable, fault.Message)
	case fault != nil && (fault.Timeout || q.done.bot.Ready > 0):
		c = no(kind, v1alpha1.ReasonUnreachable, fault.Message+"; "+policy)
	case q.view.Status != nil && fault == nil && !q.view.Stale:
		c = yes(kind, v1alpha1.ReasonReachable, "the runtime answers")
	case meta.FindStatusCondition(q.tenant.Status.Conditions, kind) != nil && fault == nil:
		return nil
	default:
		c = unknown(kind, v1alpha1.ReasonWaitingForRuntime, "no pod of the tenant listens")
	}
	return &c
}

// ready are asked in order; the first that has the say decides.
var ready = []func(report) *metav1.Condition{notApplied, tenantSuspended, storeDown, noPod, rolling}

// ready says whether citizens are served now.
func (q report) ready() metav1.Condition {
	for _, look := range ready {
		if c := look(q); c != nil {
			return *c
		}
	}
	return yes(v1alpha1.ConditionReady, v1alpha1.ReasonServing, q.podsReady())
}

func notApplied(q report) *metav1.Condition {
	if len(q.done.blocked) == 0 {
		return nil
	}
	var each []string
	for _, err := range q.done.blocked {
		each = append(each, err.Error())
	}
	c := no(v1alpha1.ConditionReady, v1alpha1.ReasonApplyFailed, cut(strings.Join(each, "; "), 2000))
	return &c
}

func tenantSuspended(q report) *metav1.Condition {
	if !q.tenant.Spec.Suspend {
		return nil
	}
	c := no(v1alpha1.ConditionReady, v1alpha1.ReasonSuspended, "spec.suspend is true: no pods run; platforms deliver again for days")
	return &c
}

// storeDown hears it from a pod that has lost its store, or from one that answers 503 since it could not open it at all.
func storeDown(q report) *metav1.Condition {
	why := ""
	switch {
	case q.view.Fault != nil && q.view.Fault.Busy:
		why = q.view.Fault.Message
	case q.view.Status != nil:
		why = q.view.Status.StoreError
	}
	if why == "" {
		return nil
	}
	c := no(v1alpha1.ConditionReady, v1alpha1.ReasonStoreUnavailable, why)
	return &c
}

func noPod(q report) *metav1.Condition {
	if q.done.bot.Ready > 0 {
		return nil
	}
	return q.notReady()
}

// rolling holds back the first Ready until all pods are there, and again after the tenant itself has changed; a pod that
// falls over later does not make an agency unready that the others serve.
func rolling(q report) *metav1.Condition {
	if !q.done.bot.Rolling && q.done.bot.Ready >= q.done.input.BotReplicas() {
		return nil
	}
	before := meta.FindStatusCondition(q.tenant.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Status == metav1.ConditionTrue && before.ObservedGeneration == q.tenant.Generation {
		return nil
	}
	return q.notReady()
}

// notReady is worth an event when the cluster says that it will not come right by itself.
func (q report) notReady() *metav1.Condition {
	reason := v1alpha1.ReasonProgressing
	if q.done.bot.Trouble != "" {
		reason = v1alpha1.ReasonPodsFail
	}
	c := no(v1alpha1.ConditionReady, reason, q.podsReady())
	return &c
}

func (q report) podsReady() string {
	out := fmt.Sprintf("%d of %s ready", q.done.bot.Ready, counted(int(q.done.input.BotReplicas()), "bot pod is", "bot pods are"))
	if q.done.bot.Trouble != "" {
		out += ": " + q.done.bot.Trouble
	}
	return out
}

// durability says what the database promises. Nothing is said before it knows.
func durability(d string) []metav1.Condition {
	kind := v1alpha1.ConditionDurability
	switch d {
	case "":
		return nil
	case v1alpha1.DurabilityUnsafe:
		return []metav1.Condition{no(kind, d, "an acknowledged message may be lost when the database crashes: turn fsync and synchronous_commit on")}
	case v1alpha1.DurabilityAsyncReplica:
		return []metav1.Condition{yes(kind, d, "an acknowledged message may be lost when the database fails over: replicas follow later")}
	case v1alpha1.DurabilitySingleNode:
		return []metav1.Condition{yes(kind, d, "an acknowledged message survives crashes, but not the loss of the database's volume")}
	case v1alpha1.DurabilitySynchronous:
		return []metav1.Condition{yes(kind, d, "an acknowledged message survives the loss of the database's primary")}
	default:
		return []metav1.Condition{unknown(kind, v1alpha1.ReasonUnknown, "the runtime names a promise that this operator does not know: "+d)}
	}
}

// botKind is the kind of the bot's workload.
func botKind(t *v1alpha1.BotTenant) schema.GroupVersionKind {
	if t.Spec.Storage.Embedded != nil {
		return statefulSetKind
	}
	return deploymentKind
}
