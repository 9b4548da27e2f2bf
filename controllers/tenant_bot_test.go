package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
)

func TestHowManyWaitForTheBotGoesByDepthAndByAge(t *testing.T) {
	s := v1alpha1.BotScaling{Max: 10, WaitingPerPod: 50, Within: metav1.Duration{Duration: 5 * time.Second}}
	for name, c := range map[string]struct {
		view    link.View
		ready   int32
		fresh   bool
		waiting int
		late    string
	}{
		"nobody spoke":                {link.View{}, 2, false, 0, ""},
		"a runtime that does not say": {link.View{Status: &bundle.Status{}}, 2, false, 0, ""},
		"stale":                       {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 9}}, Stale: true}, 2, false, 0, ""},
		"without its database":        {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 9}, StoreError: "gone"}}, 2, false, 0, ""},
		"a few, quickly":              {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 9, Oldest: 0.4}}}, 2, true, 9, ""},
		"many, quickly":               {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 400, Oldest: 4}}}, 2, true, 400, ""},
		"a few, three times too late": {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 30, Oldest: 15}}}, 2, true, 300,
			"30 wait, the oldest for 15s of 5s, as if 300 did; "},
		"more than their age says": {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 900, Oldest: 15}}}, 2, true, 900, ""},
		"late, with no pod ready":  {link.View{Status: &bundle.Status{Inbox: &bundle.Inbox{Due: 30, Oldest: 15}}}, 0, true, 30, ""},
	} {
		look, late := botObservation(c.view, facts{Wanted: 2, Ready: c.ready}, s, time.Unix(1e9, 0))
		if look.Fresh != c.fresh || look.WaitingForWorker != c.waiting || late != c.late {
			t.Errorf("%s: fresh %t, %d wait, %q", name, look.Fresh, look.WaitingForWorker, late)
		}
	}
}

func TestTheBotGetsPodsWhileMessagesWaitAndLosesThemAfterwards(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, func(c *v1alpha1.TenantClass) { c.Spec.Ceilings.BotReplicas = 6 }))
	bt.Spec.Bot.Scaling = &v1alpha1.BotScaling{Max: 20, ScaleDownAfter: metav1.Duration{Duration: time.Minute}}
	create(t, bt)
	replicas(t, ns, "bot", 2)
	if c := says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted); !strings.Contains(c.Message, "bot.scaling.max 20 is cut to 6") {
		t.Errorf("the cut is not told: %q", c.Message)
	}
	inbox := func(due int, oldest float64) {
		pods.set(func(k *testRuntime) { k.status.Inbox = &bundle.Inbox{Due: due, Oldest: oldest} })
	}
	inbox(230, 1)
	replicas(t, ns, "bot", 5)
	toldEvent(t, ns, v1alpha1.EventScaledUp, "bot 2 → 5: waiting 230 + active 0 over 50 a worker = 5")
	inbox(5000, 3)
	replicas(t, ns, "bot", 6)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		if !strings.HasSuffix(bt.Status.BotWhy, "at most 6") || !strings.HasSuffix(bt.Status.Bot, "/6") {
			return fmt.Errorf("bot %s, why %q", bt.Status.Bot, bt.Status.BotWhy)
		}
		return nil
	})
	// Nobody waits any more: the pods go after the window, and never below replicas. Nobody is told of the seconds between.
	since := clock.now()
	for heard := 0; ; heard++ {
		clock.advance(5 * time.Second)
		inbox(heard%2*10, 0) // news of each look
		before := pods.polled()
		eventually(t, func() error {
			if pods.polled() == before {
				return fmt.Errorf("the runtime was not asked")
			}
			return nil
		})
		d := botAsked(t, ns)
		if d < 6 && clock.now().Sub(since) < 50*time.Second {
			t.Fatalf("%d pods after %s", d, clock.now().Sub(since))
		}
		if d == 2 {
			break
		}
		if heard > 200 {
			t.Fatalf("still %d pods", d)
		}
	}
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Bot.Scaling = nil })
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		if bt.Status.BotWhy != "" {
			return fmt.Errorf("a number that does not move has the reason %q", bt.Status.BotWhy)
		}
		return nil
	})
}
