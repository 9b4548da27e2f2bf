package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
)

// question gathers what decides about an object of a bundle.
func (s shared) question(ctx context.Context, kind bundle.Kind, object client.Object, before v1alpha1.Verdict) (judgement, error) {
	q := judgement{kind: kind, name: object.GetName(), generation: object.GetGeneration(), before: before, now: s.now()}
	tenant, err := s.tenantOf(ctx, object.GetNamespace())
	if err != nil {
		return q, err
	}
	q.tenant = tenant
	if tenant != nil {
		q.view = s.links.View(client.ObjectKeyFromObject(tenant))
	}
	return q, nil
}

// tenantOf is the tenant that a namespace belongs to, accepted or not; nil where there is none.
func (s shared) tenantOf(ctx context.Context, namespace string) (*v1alpha1.BotTenant, error) {
	var list v1alpha1.BotTenantList
	if err := s.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing the namespace's BotTenants: %w", err)
	}
	var alive []v1alpha1.BotTenant
	for _, t := range list.Items {
		if t.DeletionTimestamp.IsZero() {
			alive = append(alive, t)
		}
	}
	return oldestTenant(alive), nil
}

// write patches an object's status if it differs, and tells what changed.
func (s shared) write(ctx context.Context, before, after client.Object, same bool, was, is []metav1.Condition, again time.Duration) (ctrl.Result, error) {
	result := ctrl.Result{RequeueAfter: again}
	if same {
		return result, nil
	}
	if err := s.client.Status().Patch(ctx, after, client.MergeFrom(before)); err != nil {
		return result, client.IgnoreNotFound(err)
	}
	announce(s.events, after, was, is)
	return result, nil
}

// ChannelReconciler says whether citizens are served on a channel, and where it is.
type ChannelReconciler struct{ shared }

// Reconcile turns the runtime's word about a channel into its status.
func (r *ChannelReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.Channel{}
	if err := r.client.Get(ctx, req.NamespacedName, before); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	q, err := r.question(ctx, bundle.KindChannel, before, before.Status.Verdict)
	if err != nil {
		return ctrl.Result{}, err
	}
	j := judge(q)
	if j.Said != nil {
		j.better(channelReady(q.view, before))
	}
	if c := channelSettled(q.view.Health(before.Name), before); c != nil {
		j.also(*c)
	}
	after := before.DeepCopy()
	after.Status.Verdict = j.verdict(q)
	after.Status.Type, after.Status.URL = channelAddress(before, q.tenant)
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status),
		before.Status.Conditions, after.Status.Conditions, j.Again)
}

// channelReady is what stands between a good channel and its citizens; nil is nothing.
func channelReady(view link.View, c *v1alpha1.Channel) *metav1.Condition {
	flow, health := view.Verdict(bundle.KindDialogFlow, string(c.Spec.Flow)), view.Health(c.Name)
	_, exists := view.Objects[bundle.Key(bundle.KindDialogFlow, string(c.Spec.Flow))]
	var out metav1.Condition
	switch {
	case !exists && (flow == nil || flow.LiveGeneration == 0):
		out = no(v1alpha1.ConditionReady, v1alpha1.ReasonNoLiveFlow, fmt.Sprintf("DialogFlow %s is not there; make it or name another in spec.flow", c.Spec.Flow))
	case flow == nil || flow.LiveGeneration == 0 && !flow.Good:
		out = no(v1alpha1.ConditionReady, v1alpha1.ReasonNoLiveFlow, fmt.Sprintf("no revision of DialogFlow %s serves; see its findings", c.Spec.Flow))
	case health == nil:
		out = unknown(v1alpha1.ConditionReady, v1alpha1.ReasonWaitingForRuntime, "no pod has said how the channel does")
	case !health.OK:
		out = no(v1alpha1.ConditionReady, reasonOr(health.Reason, v1alpha1.ReasonUnhealthy), health.Message)
	default:
		out = yes(v1alpha1.ConditionReady, v1alpha1.ReasonServing, fmt.Sprintf("DialogFlow %s answers", c.Spec.Flow))
	}
	return &out
}

// channelSettled says whether the platform tells what became of messages; nil is nothing new.
func channelSettled(health *bundle.Health, c *v1alpha1.Channel) *metav1.Condition {
	var out metav1.Condition
	switch {
	case health == nil:
		return nil
	case health.UnsettledSince != nil:
		out = no(v1alpha1.ConditionSettled, v1alpha1.ReasonStatusesLagging, fmt.Sprintf(
			"the platform took messages since %s, or may have, and has not said what became of them; their citizens get nothing more until it does, "+
				"since a second copy might confuse them: see whether the platform's webhooks reach this channel's address, with statuses of messages",
			health.UnsettledSince.UTC().Format(time.RFC3339)))
	case meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionSettled) == nil:
		return nil // there never was trouble
	default:
		out = yes(v1alpha1.ConditionSettled, v1alpha1.ReasonStatusesFlow, "the platform tells what becomes of messages")
	}
	return &out
}

func reasonOr(reason, otherwise string) string {
	if reason == "" {
		return otherwise
	}
	return reason
}

// channelAddress is a channel's type, and the webhook to give to its platform or the page to open.
func channelAddress(c *v1alpha1.Channel, tenant *v1alpha1.BotTenant) (kind, url string) {
	base := ""
	if tenant != nil {
		base = tenant.Status.URL
	}
	path := ""
	switch {
	case c.Spec.WhatsApp != nil:
		kind, path = "whatsapp", "/hooks/"+c.Name
	case c.Spec.WebChat != nil:
		kind, path = "webchat", "/chat/"+c.Name+"/"
	}
	if base == "" {
		return kind, ""
	}
	return kind, base + path
}

// DialogFlowReconciler says which revision of a flow serves, and what is wrong with the newest.
type DialogFlowReconciler struct{ shared }

// Reconcile turns the runtime's verdict on a flow into its status.
func (r *DialogFlowReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.DialogFlow{}
	if err := r.client.Get(ctx, req.NamespacedName, before); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	q, err := r.question(ctx, bundle.KindDialogFlow, before, before.Status.Verdict)
	if err != nil {
		return ctrl.Result{}, err
	}
	j := judge(q)
	after := before.DeepCopy()
	after.Status.Verdict = j.verdict(q)
	if j.Said != nil {
		after.Status.Tests = fmt.Sprintf("%d/%d", j.Said.TestsPassed, j.Said.TestsAll)
	}
	if j.serves() {
		after.Status.Nodes = int32(j.Said.Nodes)
	}
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status),
		before.Status.Conditions, after.Status.Conditions, j.Again)
}

// DirectoryReconciler says how many rows of a directory are served.
type DirectoryReconciler struct{ shared }

// Reconcile turns the runtime's verdict on a directory into its status.
func (r *DirectoryReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.Directory{}
	if err := r.client.Get(ctx, req.NamespacedName, before); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	q, err := r.question(ctx, bundle.KindDirectory, before, before.Status.Verdict)
	if err != nil {
		return ctrl.Result{}, err
	}
	j := judge(q)
	after := before.DeepCopy()
	after.Status.Verdict = j.verdict(q)
	if j.Said != nil {
		after.Status.Rejected, after.Status.ContentHash = int32(j.Said.Rejected), j.Said.ContentHash
	}
	if j.serves() {
		after.Status.Entries = int32(j.Said.Entries)
	}
	after.Status.URL = lookUpAddress(before, q.tenant)
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status),
		before.Status.Conditions, after.Status.Conditions, j.Again)
}

// lookUpAddress is where everybody may ask a directory; "" where nobody may, or nowhere yet.
func lookUpAddress(d *v1alpha1.Directory, tenant *v1alpha1.BotTenant) string {
	if d.Spec.Public == nil || tenant == nil || tenant.Status.URL == "" {
		return ""
	}
	return tenant.Status.URL + "/directories/" + d.Name + "/lookup"
}

// KnowledgeReconciler says how many approved answers are given.
type KnowledgeReconciler struct{ shared }

// Reconcile turns the runtime's verdict on approved answers into their status.
func (r *KnowledgeReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.Knowledge{}
	if err := r.client.Get(ctx, req.NamespacedName, before); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	q, err := r.question(ctx, bundle.KindKnowledge, before, before.Status.Verdict)
	if err != nil {
		return ctrl.Result{}, err
	}
	j := judge(q)
	after := before.DeepCopy()
	after.Status.Verdict = j.verdict(q)
	if j.serves() {
		after.Status.Entries, after.Status.Expired = int32(j.Said.Entries), int32(j.Said.Expired)
	}
	return r.write(ctx, before, after, equality.Semantic.DeepEqual(before.Status, after.Status),
		before.Status.Conditions, after.Status.Conditions, j.Again)
}
