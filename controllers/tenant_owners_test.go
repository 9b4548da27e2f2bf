package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// scales writes the bot's replicas as an autoscaler does.
func scales(t *testing.T, namespace string, replicas int32) {
	t.Helper()
	bot := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bot"}}
	wish := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	if err := api.SubResource("scale").Update(t.Context(), bot, client.WithSubResourceBody(wish)); err != nil {
		t.Fatal(err)
	}
}

func TestABotThatAnotherAutoscalerWritesIsLeftToItUntilItIsGone(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, nil))
	bt.Spec.Bot.Scaling = &v1alpha1.BotScaling{Max: 8, ScaleDownAfter: metav1.Duration{Duration: time.Minute}}
	create(t, bt)
	replicas(t, ns, "bot", 2)
	hpa := autoscaler(ns, "keda-hpa-chats", "apps/v1", "Deployment", "bot", true)
	create(t, hpa)
	c := says(t, bt, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if c.Message != "ScaledObject chats writes the replicas of Deployment bot, which are the operator's; they are left to it for so long. "+
		"Delete it; spec.bot.scaling adds pods while citizens wait" {
		t.Errorf("the condition says %q", c.Message)
	}
	toldEvent(t, ns, v1alpha1.ReasonTwoOwners, c.Message)
	scales(t, ns, 3)
	before := pods.polled()
	pods.set(func(k *testRuntime) { k.status.Inbox = &bundle.Inbox{Due: 230, Oldest: 1} })
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		if !strings.HasPrefix(bt.Status.BotWhy, "left to ScaledObject chats; by demand 5: waiting 230") || !strings.HasSuffix(bt.Status.Bot, "/3") {
			return fmt.Errorf("bot %s, why %q", bt.Status.Bot, bt.Status.BotWhy)
		}
		if pods.polled() == before {
			return errors.New("the runtime was not asked")
		}
		return nil
	})
	if d := botAsked(t, ns); d != 3 {
		t.Errorf("there are %d pods: two write them", d)
	}
	// Suspending a tenant is no matter of load; and an autoscaler leaves none at none, so that the operator wakes the bot.
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = true })
	replicas(t, ns, "bot", 0)
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = false })
	replicas(t, ns, "bot", 2)
	if err := api.Delete(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	says(t, bt, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsDemand)
	replicas(t, ns, "bot", 5)
}

func TestAnAutoscalerOfABotThatDoesNotScaleIsToldAsWell(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, nil))
	create(t, bt)
	replicas(t, ns, "bot", 2)
	elsewhere := autoscaler(ns, "another", "apps/v1", "Deployment", "bots", false)
	hpa := autoscaler(ns, "cpu", "apps/v1", "Deployment", "bot", false)
	create(t, elsewhere, hpa)
	c := says(t, bt, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if !strings.HasPrefix(c.Message, "HorizontalPodAutoscaler cpu writes the replicas of Deployment bot") {
		t.Errorf("the condition says %q", c.Message)
	}
	scales(t, ns, 4)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		if !strings.HasSuffix(bt.Status.Bot, "/4") {
			return fmt.Errorf("bot %s", bt.Status.Bot)
		}
		return nil
	})
	if err := api.Delete(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	says(t, bt, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsReplicas)
	replicas(t, ns, "bot", 2)
}

// Two pods with a database each would tell a citizen two things.
func TestTheOnePodOfEmbeddedStorageStaysOneWhateverAnAutoscalerWrites(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, nil))
	bt.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
	create(t, bt, autoscaler(ns, "cpu", "apps/v1", "StatefulSet", "bot", false))
	c := says(t, bt, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if !strings.Contains(c.Message, "cannot be more than one: it holds the database. Delete it") {
		t.Errorf("the condition says %q", c.Message)
	}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "bot"}}
	wish := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 2}}
	if err := api.SubResource("scale").Update(t.Context(), set, client.WithSubResourceBody(wish)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(set), set); err != nil {
			return err
		}
		if *set.Spec.Replicas != 1 {
			return fmt.Errorf("%d pods", *set.Spec.Replicas)
		}
		return nil
	})
}
