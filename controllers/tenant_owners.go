package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/render"
)

// yieldsBot says that somebody else writes the replicas of a tenant's bot, and is left alone as with a pool's desk: see yields. Not with
// embedded storage, of which there is one pod, since a second would have a database of its own; nor while the tenant is suspended.
func yieldsBot(t *v1alpha1.BotTenant, scalers []string) bool {
	return len(scalers) > 0 && t.Spec.Storage.Embedded == nil && !t.Spec.Suspend
}

// botOwners says whether one alone decides how many pods the bot has, and how to have one. It is there once there was trouble.
func (q report) botOwners() *metav1.Condition {
	scalers, kind := q.done.botScalers, botKind(q.tenant).Kind
	var c metav1.Condition
	switch {
	case len(scalers) > 0 && q.tenant.Spec.Storage.Embedded != nil:
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonTwoOwners, fmt.Sprintf(
			"%s scales %s %s, which cannot be more than one: it holds the database. Delete it", and(scalers), kind, render.BotName))
	case len(scalers) > 0:
		c = no(v1alpha1.ConditionScaling, v1alpha1.ReasonTwoOwners, fmt.Sprintf(
			"%s writes the replicas of %s %s, which are the operator's; they are left to it for so long. "+
				"Delete it; spec.bot.scaling adds pods while citizens wait", and(scalers), kind, render.BotName))
	case meta.FindStatusCondition(q.tenant.Status.Conditions, v1alpha1.ConditionScaling) == nil:
		return nil
	case q.tenant.Spec.Storage.Embedded != nil:
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonEmbeddedStorage, "there is the one pod that holds the database")
	case q.tenant.Spec.Bot.Scaling != nil:
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonFollowsDemand, "demand decides, from bot.replicas to bot.scaling.max")
	default:
		c = yes(v1alpha1.ConditionScaling, v1alpha1.ReasonFollowsReplicas, "spec.bot.replicas decides")
	}
	return &c
}
