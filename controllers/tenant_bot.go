package controllers

import (
	"context"
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/link"
	"github.com/loket-dev/loket/controllers/render"
)

// botMemory is what is remembered of a tenant's bot between two decisions. It ends with the operator: what waits for a bot is over
// in minutes, and no hour of the week is learnt of it.
type botMemory struct {
	uid   types.UID
	state capacity.State
	why   string        // as of the last change of the number or of what it goes by
	told  string        // the class of that
	left  bool          // the number is left to an autoscaler
	again time.Duration // until the next decision
}

// scaleBot decides how many pods the bot has, where the tenant lets that move, and sets the tenant's replicas to it; or to what there
// are, where that is left to an autoscaler.
func (r *TenantReconciler) scaleBot(ctx context.Context, seen seen, tenant *v1alpha1.BotTenant) (botMemory, error) {
	name, left := seen.name, yieldsBot(tenant, seen.botScalers)
	if tenant.Spec.Bot.Scaling == nil && !left || tenant.Spec.Suspend || tenant.Spec.Storage.Embedded != nil {
		r.forgetBot(name)
		return botMemory{}, nil
	}
	bot, err := r.children.read(ctx, deploymentKind, types.NamespacedName{Namespace: name.Namespace, Name: render.BotName})
	if err != nil || bot == nil || bot.owner != tenant.UID || bot.facts.Wanted == 0 { // made, or resumed, with replicas
		return botMemory{}, err
	}
	if tenant.Spec.Bot.Scaling == nil {
		r.forgetBot(name)
		tenant.Spec.Bot.Replicas = bot.facts.Wanted
		return botMemory{left: true, why: "left to " + and(seen.botScalers)}, nil
	}
	r.mu.Lock()
	m := r.bots[name]
	r.mu.Unlock()
	if m.uid != tenant.UID {
		m = botMemory{uid: tenant.UID}
	}
	m.left = left
	look, late := botObservation(r.links.View(name), bot.facts, *tenant.Spec.Bot.Scaling, r.now())
	limits, before := botLimits(tenant), bot.facts.Wanted
	d, after := capacity.Decide(limits, m.state, look)
	if left { // what is remembered is what the other one did
		limits.External = &before
		_, after = capacity.Decide(limits, m.state, look)
	}
	m.state, m.again = after, d.Again
	if told := fmt.Sprint(left, d.Workers, late != "", d.Reasons.Class()); told != m.told {
		m.told, m.why = told, late+d.Reasons.String()
		switch {
		case left:
			m.why = fmt.Sprintf("left to %s; by demand %d: %s", and(seen.botScalers), d.Workers, m.why)
		case d.Workers != before:
			reason := v1alpha1.EventScaledUp
			if d.Workers < before {
				reason = v1alpha1.EventScaledDown
			}
			r.events.Eventf(tenant, nil, corev1.EventTypeNormal, reason, "Scale", "bot %d → %d: %s", before, d.Workers, m.why)
		}
	}
	r.mu.Lock()
	r.bots[name] = m
	r.mu.Unlock()
	tenant.Spec.Bot.Replicas = d.Workers
	if left {
		tenant.Spec.Bot.Replicas = before
	}
	return m, nil
}

func (r *TenantReconciler) forgetBot(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.bots, name)
}

// botLimits are the bot's in the words of package capacity. It never goes below its replicas: platforms must reach it.
func botLimits(tenant *v1alpha1.BotTenant) capacity.Spec {
	s := tenant.Spec.Bot.Scaling
	return capacity.Spec{
		Min: tenant.Spec.Bot.Replicas, Max: s.Max, ConversationsPerWorker: s.WaitingPerPod, Window: s.ScaleDownAfter.Duration,
		Start: startsWithin,
	}
}

// botObservation is what waits for the bot. When the oldest waits too long, the pods that are ready are too few by as many times as
// that is longer than it may be: with two pods, 50 a pod and 15 s of 5, as if 300 waited. late says so.
//
// An inbox of 30 that nobody has answered for a minute is no small one: its pods are slow, and its number says nothing.
func botObservation(view link.View, bot facts, s v1alpha1.BotScaling, now time.Time) (look capacity.Observation, late string) {
	look = capacity.Observation{
		Now: now, Workers: bot.Wanted, Ready: bot.Ready, Starting: max(bot.Wanted-bot.Ready, 0), Draining: max(bot.Exist-bot.Wanted, 0),
	}
	if view.Status == nil || view.Stale || view.Status.StoreError != "" || view.Status.Inbox == nil {
		return look, ""
	}
	look.Fresh = true
	look.WaitingForWorker = view.Status.Inbox.Due
	within := s.Within.Seconds()
	if oldest := view.Status.Inbox.Oldest; within > 0 && oldest > within && bot.Ready > 0 {
		asIf := math.Ceil(min(float64(bot.Ready)*float64(s.WaitingPerPod)*oldest/within, 1e6))
		if int(asIf) > look.WaitingForWorker {
			late = fmt.Sprintf("%d wait, the oldest for %s of %s, as if %.0f did; ",
				look.WaitingForWorker, time.Duration(oldest)*time.Second, s.Within.Duration, asIf)
			look.WaitingForWorker = int(asIf)
		}
	}
	return look, late
}
