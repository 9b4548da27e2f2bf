package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

const desk = "desk-contact-centre"

// counter is a tenant with a pool whose runtime speaks.
func counter(t *testing.T, change func(*v1alpha1.AgentPool)) (string, *testRuntime, *v1alpha1.AgentPool) {
	t.Helper()
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	ap := pool(ns, "contact-centre")
	if change != nil {
		change(ap)
	}
	create(t, tenant(ns, "ojk", classFor(t, nil)), ap)
	says(t, ap, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)
	replicas(t, ns, desk, 1)
	return ns, pods, ap
}

func TestASurgeIsMetWithTheVeryObservationThatToldIt(t *testing.T) {
	ns, pods, ap := counter(t, nil)
	before, start := pods.polled(), time.Now()
	pods.backlog("contact-centre", 42, 180)
	replicas(t, ns, desk, 4)
	// The answer that told the surge, and at most the one before it that was on its way.
	if n := pods.polled() - before; n > 2 {
		t.Errorf("it took %d answers of the runtime", n)
	}
	t.Logf("scaled 1 → 4 after %s", time.Since(start).Round(time.Millisecond))
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		s := ap.Status
		if s.Why != "waiting 42 + active 180 over 60 a worker = 4" || s.Waiting != "~40" || s.Active != "~180" {
			return fmt.Errorf("waiting %s, active %s, why %q", s.Waiting, s.Active, s.Why)
		}
		return nil
	})
	toldEvent(t, ns, v1alpha1.EventScaledUp, "1 → 4: waiting 42 + active 180 over 60 a worker = 4")
	if c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsDemand); c.Message == "" {
		t.Error("the condition says nothing")
	}
}

func TestWorkersGoOnlyAfterTheWholeWindowOfLowerDemand(t *testing.T) {
	ns, pods, _ := counter(t, nil)
	pods.backlog("contact-centre", 0, 240)
	replicas(t, ns, desk, 4)
	since := clock.now()
	for clock.now().Sub(since) < 55*time.Second {
		second(t, pods, 2*time.Second, 50)
		if d := asked(t, ns); d != 4 && clock.now().Sub(since) < time.Minute {
			t.Fatalf("within %s of lower demand there are %d workers", clock.now().Sub(since), d)
		}
	}
	eventually(t, func() error {
		second(t, pods, time.Second, 50)
		if d := asked(t, ns); d != 1 {
			return fmt.Errorf("%d workers", d)
		}
		return nil
	})
	toldEvent(t, ns, v1alpha1.EventScaledDown, "4 → 1: waiting 0 + active 50 over 60 a worker = 1")
}

// second lets time pass in which the runtime goes on telling, until the operator has heard it.
func second(t *testing.T, pods *testRuntime, d time.Duration, active int) {
	t.Helper()
	clock.advance(d)
	before := pods.polled()
	pods.backlog("contact-centre", 0, active)
	eventually(t, func() error {
		if pods.polled() == before {
			return errors.New("the runtime was not asked")
		}
		return nil
	})
}

func asked(t *testing.T, namespace string) int32 { return askedOf(t, namespace, desk) }

func botAsked(t *testing.T, namespace string) int32 { return askedOf(t, namespace, "bot") }

func askedOf(t *testing.T, namespace, deployment string) int32 {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: deployment}, d); err != nil {
		t.Fatal(err)
	}
	return *d.Spec.Replicas
}

func TestStaleFiguresNeverTakeAWorkerAway(t *testing.T) {
	ns, pods, ap := counter(t, nil)
	pods.backlog("contact-centre", 0, 240)
	replicas(t, ns, desk, 4)
	pods.set(func(k *testRuntime) { k.down = errRefused })
	runtimes.server.CloseClientConnections()
	clock.advance(10 * time.Minute)
	c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonNoFreshFigures)
	if !strings.Contains(c.Message, "workers stay at 4") {
		t.Errorf("the condition says %q", c.Message)
	}
	if d := asked(t, ns); d != 4 {
		t.Errorf("there are %d workers", d)
	}
	// Back again with less to do: the window begins anew, since nobody knows what was meanwhile.
	pods.set(func(k *testRuntime) { k.down = nil; k.pool("contact-centre").Active = 10 })
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsDemand)
	if d := asked(t, ns); d != 4 {
		t.Errorf("there are %d workers at once", d)
	}
}

func TestAnExternalScalerIsObeyed(t *testing.T) {
	ns, pods, ap := counter(t, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Mode = v1alpha1.WorkersExternal })
	pods.backlog("contact-centre", 0, 500)
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Replicas = new(int32(3)) })
	replicas(t, ns, desk, 3)
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsReplicas)
	if ap.Status.Selector == "" || !strings.Contains(ap.Status.Selector, "loket.dev/pool=contact-centre") {
		t.Errorf("the selector is %q", ap.Status.Selector)
	}
}

// autoscaler is an HPA; keda makes it one that a ScaledObject owns.
func autoscaler(namespace, name, version, kind, target string, keda bool) *autoscalingv2.HorizontalPodAutoscaler {
	out := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: version, Kind: kind, Name: target}, MaxReplicas: 5,
		},
	}
	if yes := true; keda {
		out.OwnerReferences = []metav1.OwnerReference{{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Name: "chats", UID: "1", Controller: &yes}}
	}
	return out
}

func TestADeskThatAnotherAutoscalerWritesIsLeftToItUntilItIsGone(t *testing.T) {
	ns, pods, ap := counter(t, nil)
	pods.backlog("contact-centre", 0, 100)
	replicas(t, ns, desk, 2)
	hpa := autoscaler(ns, "keda-hpa-chats", "apps/v1", "Deployment", desk, true)
	create(t, hpa)
	c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if !strings.Contains(c.Message, "ScaledObject chats writes the replicas of Deployment desk-contact-centre") ||
		!strings.Contains(c.Message, "set spec.workers.mode to external") {
		t.Errorf("the condition says %q", c.Message)
	}
	toldEvent(t, ns, v1alpha1.ReasonTwoOwners, c.Message)
	second(t, pods, 2*time.Minute, 500)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if !strings.Contains(ap.Status.Why, "left to ScaledObject chats; by demand: waiting 0 + active 500") {
			return fmt.Errorf("why is %q", ap.Status.Why)
		}
		return nil
	})
	if d := asked(t, ns); d != 2 {
		t.Errorf("there are %d workers: two write them", d)
	}
	if err := api.Delete(t.Context(), hpa); err != nil {
		t.Fatal(err)
	}
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsDemand)
	replicas(t, ns, desk, 9)
}

func TestAnAutoscalerOfThePoolIsToldThatDemandDecidesAndIsFollowedInModeExternal(t *testing.T) {
	ns, _, ap := counter(t, nil)
	create(t, autoscaler(ns, "chats", v1alpha1.GroupVersion.String(), "AgentPool", ap.Name, false))
	c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if !strings.Contains(c.Message, "HorizontalPodAutoscaler chats scales this AgentPool, but demand decides") {
		t.Errorf("the condition says %q", c.Message)
	}
	update(t, ap, func(p *v1alpha1.AgentPool) {
		p.Spec.Workers.Mode, p.Spec.Workers.Replicas = v1alpha1.WorkersExternal, new(int32(3))
	})
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsReplicas)
	replicas(t, ns, desk, 3)
	second := autoscaler(ns, "more", "apps/v1", "Deployment", "somebody-elses", false)
	create(t, second)
	update(t, second, func(h *autoscalingv2.HorizontalPodAutoscaler) {
		h.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "AgentPool", Name: ap.Name}
	})
	c = says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners)
	if c.Message != "HorizontalPodAutoscaler chats and HorizontalPodAutoscaler more scale this AgentPool at once; delete all but one" {
		t.Errorf("the condition says %q", c.Message)
	}
}

func TestTheLastWorkerGoesOutsideHoursAndTheFirstConversationWakesOne(t *testing.T) {
	shut := v1alpha1.Day(clock.now().Add(3 * 24 * time.Hour).Format("Mon"))
	ns, pods, ap := counter(t, func(p *v1alpha1.AgentPool) {
		p.Spec.Hours = []v1alpha1.Hours{{Days: []v1alpha1.Day{shut}, From: "08:00", To: "08:10"}}
		p.Spec.Workers.ZeroOutsideHours = true
	})
	agents := func(n int) { pods.set(func(k *testRuntime) { k.pool("contact-centre").Agents = n }) }
	agents(1)
	quiet := func(workers int32) {
		t.Helper()
		for looks := 0; ; looks++ {
			second(t, pods, 20*time.Second, 0)
			if d := asked(t, ns); d == workers {
				return
			} else if looks > 60 {
				t.Fatalf("%d workers, not %d", d, workers)
			}
		}
	}
	for range 30 { // ten minutes in which somebody is signed in
		second(t, pods, 20*time.Second, 0)
		if d := asked(t, ns); d != 1 {
			t.Fatalf("%d workers with an agent at the console", d)
		}
	}
	agents(0)
	quiet(0)
	says(t, ap, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	pods.set(func(k *testRuntime) {
		p := k.pool("contact-centre")
		p.WaitingForWorker, p.Arrived = 1, p.Arrived+1
	})
	replicas(t, ns, desk, 1)
	toldEvent(t, ns, v1alpha1.EventScaledUp, "0 → 1: waiting 1 + active 0 over 60 a worker = 1")
}

func TestEmbeddedStorageSaysWhyItsWorkersDoNotScale(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt, ap := tenant(ns, "ojk", classFor(t, nil)), pool(ns, "contact-centre")
	bt.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
	ap.Spec.Workers.Min = 2
	create(t, bt, ap)
	c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonEmbeddedStorage)
	if !strings.Contains(c.Message, "postgres") {
		t.Errorf("the mend is missing: %q", c.Message)
	}
	gone(t, ns, desk)
	// Who asks for one has what he asks for.
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Min = 1 })
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonEmbeddedStorage)
}

func TestReplicasBelongToCapacityAlone(t *testing.T) {
	ns, pods, _ := counter(t, nil)
	pods.backlog("contact-centre", 0, 240)
	replicas(t, ns, desk, 4)
	for _, name := range []string{desk, "bot"} {
		d := &appsv1.Deployment{}
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, d); err != nil {
			t.Fatal(err)
		}
		owners := map[string]bool{}
		for _, f := range d.ManagedFields {
			if strings.Contains(f.FieldsV1.GetRawString(), `"f:replicas"`) && f.Subresource != "status" {
				owners[f.Manager+"/"+f.Subresource] = true
			}
		}
		if len(owners) != 1 || !owners[CapacityManager+"/scale"] {
			t.Errorf("the replicas of %s belong to %v", name, owners)
		}
	}
}

// toldEvent waits for an Event of a reason in a namespace.
func toldEvent(t *testing.T, namespace, reason, message string) {
	t.Helper()
	eventually(t, func() error {
		var list corev1.EventList
		if err := api.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
			return err
		}
		var got []string
		for _, e := range list.Items {
			got = append(got, e.Reason+" "+e.Message)
			if e.Reason == reason && e.Message == message {
				return nil
			}
		}
		return fmt.Errorf("no event %s %q among %q", reason, message, got)
	})
}
