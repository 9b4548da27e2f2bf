package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
)

const learntMap = desk + "-learnt"

// learntOf is the state that the pool's ConfigMap has.
func learntOf(t *testing.T, namespace string) (capacity.State, error) {
	t.Helper()
	c := &corev1.ConfigMap{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: learntMap}, c); err != nil {
		return capacity.State{}, err
	}
	state, _, err := readKept(c.Data[keptKey], clock.now())
	return state, err
}

// seenQuarters counts the quarters of an hour that a state has seen.
func seenQuarters(s capacity.State) int {
	n := 0
	for _, v := range s.Season {
		if v >= 0 {
			n++
		}
	}
	return n
}

// arrivals lets minutes pass in each of which so many come and are served at once: an idle pool may be silent for 50 s.
func arrivals(t *testing.T, pods *testRuntime, minutes, each int) {
	t.Helper()
	for range minutes {
		clock.advance(time.Minute)
		before := pods.polled()
		pods.set(func(k *testRuntime) {
			k.pool("contact-centre").Arrived += int64(each)
			k.pool("contact-centre").Finished += int64(each)
		})
		eventually(t, func() error {
			if pods.polled() == before {
				return errors.New("the runtime was not asked")
			}
			return nil
		})
	}
}

// keptWith makes the ConfigMap of a pool, as an operator of an hour ago left it.
func keptWith(t *testing.T, ap *v1alpha1.AgentPool, state capacity.State) {
	t.Helper()
	body, err := state.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	form, err := json.Marshal(keptForm{Capacity: body})
	if err != nil {
		t.Fatal(err)
	}
	controls := true
	create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ap.Namespace, Name: learntMap, OwnerReferences: []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "AgentPool", Name: ap.Name, UID: ap.UID, Controller: &controls,
	}}}, Data: map[string]string{keptKey: string(form)}})
}

func TestWhatWasLearntOutlivesTheOperator(t *testing.T) {
	ns, pods, _ := counter(t, nil)
	learn := func() {
		t.Helper()
		arrivals(t, pods, 17, 30) // a whole quarter of an hour, whenever the test begins
		clock.advance(keepEvery)
		arrivals(t, pods, 2, 30)
	}
	learn()
	var first capacity.State
	eventually(t, func() (err error) { first, err = learntOf(t, ns); return err })
	if seenQuarters(first) == 0 {
		t.Fatal("nothing was learnt")
	}
	restart(t)
	learn()
	eventually(t, func() error {
		second, err := learntOf(t, ns)
		if err != nil {
			return err
		}
		if second.At <= first.At {
			return errors.New("it was not written again")
		}
		for i, v := range first.Season {
			if v >= 0 && second.Season[i] < 0 {
				return fmt.Errorf("quarter %d of the week was known, and is not any more", i)
			}
		}
		if seenQuarters(second) <= seenQuarters(first) {
			return fmt.Errorf("%d quarters are known, %d were", seenQuarters(second), seenQuarters(first))
		}
		return nil
	})
}

// refusing is an API server that does not let ConfigMaps be read.
type refusing struct {
	client.Reader
	err error
}

func (r *refusing) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, ok := o.(*corev1.ConfigMap); ok && r.err != nil {
		return r.err
	}
	return r.Reader.Get(ctx, key, o, opts...)
}

func TestWhatCannotBeReadIsNotWrittenOver(t *testing.T) {
	ns := namespaceFor(t, labelled)
	ap := pool(ns, "contact-centre")
	create(t, ap)
	weeks := learnt(func(int, int) float64 { return 0.25 })
	weeks.At = float64(clock.now().Add(-30 * time.Minute).Unix())
	keptWith(t, ap, weeks)

	reader := &refusing{api, errors.New("etcdserver: request timed out")}
	r := &AgentPoolReconciler{shared: shared{children: newChildren(api, reader, clock.now)}, pools: map[types.NamespacedName]poolMemory{}}
	look := func() poolMemory {
		seen := &poolSeen{judgement: judgement{now: clock.now(), name: ap.Name}, pool: ap, class: &v1alpha1.TenantClass{}, desk: &facts{Wanted: 1, Ready: 1}}
		seen.tenant = &v1alpha1.BotTenant{}
		m := r.recall(t.Context(), seen)
		var d capacity.Decision
		d, m.state = capacity.Decide(seen.limits(), m.state, capacity.Observation{Now: seen.now, Fresh: true, Active: 100, Arrived: seen.now.Unix() / 2, Workers: 1, Ready: 1})
		if d.Workers < 2 {
			t.Errorf("what cannot be read holds up scaling: %s", d.Reasons)
		}
		r.keep(t.Context(), seen, &m)
		r.remember(client.ObjectKeyFromObject(ap), m)
		return m
	}
	for range 130 { // two hours and more, in which there is much to learn
		if m := look(); m.kept.trouble == nil || m.kept.trouble.Reason != v1alpha1.ReasonNotRead {
			t.Fatalf("the trouble is %+v", m.kept.trouble)
		}
		clock.advance(time.Minute)
	}
	if s, err := learntOf(t, ns); err != nil || seenQuarters(s) != len(s.Season) {
		t.Fatalf("%d quarters are left: %v", seenQuarters(s), err)
	}
	reader.err = nil
	if m := look(); m.kept.trouble != nil || seenQuarters(m.state) != len(weeks.Season) {
		t.Errorf("read again, %d quarters are known, and the trouble is %+v", seenQuarters(m.state), m.kept.trouble)
	}
}

func TestSomebodyElsesConfigMapIsLeftAloneAndThePoolScales(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	ap := pool(ns, "contact-centre")
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: learntMap}, Data: map[string]string{"recipe": "rendang"}}
	create(t, theirs, tenant(ns, "ojk", classFor(t, nil)), ap)
	says(t, ap, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid) // the runtime knows the pool
	c := says(t, ap, v1alpha1.ConditionLearning, metav1.ConditionFalse, v1alpha1.ReasonNotOurs)
	if !strings.Contains(c.Message, learntMap) || !strings.Contains(c.Message, "delete it or give it another name") {
		t.Errorf("it says %q", c.Message)
	}
	toldEvent(t, ns, v1alpha1.ReasonNotOurs, c.Message)
	arrivals(t, pods, 17, 30)
	clock.advance(keepEvery)
	arrivals(t, pods, 2, 30)
	pods.backlog("contact-centre", 42, 180)
	eventually(t, func() error { // how much is in reserve depends on which of the arrivals a busy machine has looked at
		d := &appsv1.Deployment{}
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: desk}, d); err != nil || *d.Spec.Replicas < 4 {
			return fmt.Errorf("the desk has not scaled: %v", err)
		}
		return nil
	})
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs); err != nil || len(theirs.Data) != 1 || len(theirs.OwnerReferences) != 0 {
		t.Errorf("their ConfigMap became %v of %v: %v", theirs.Data, theirs.OwnerReferences, err)
	}
	// Out of the way, it is mended by itself.
	if err := api.Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	pods.backlog("contact-centre", 0, 0)
	arrivals(t, pods, 2, 1)
	says(t, ap, v1alpha1.ConditionLearning, metav1.ConditionTrue, v1alpha1.ReasonKept)
}

func TestADryRunDecidesAndSaysSoAndWritesNothing(t *testing.T) {
	ns, pods, ap := counter(t, func(p *v1alpha1.AgentPool) { p.Spec.Workers.DryRun = true })
	c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonDryRun)
	if !strings.Contains(c.Message, "spec.workers.dryRun") {
		t.Errorf("it says %q", c.Message)
	}
	clock.advance(figuresEvery)
	pods.backlog("contact-centre", 42, 180)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if !strings.HasPrefix(ap.Status.Why, "dry run: waiting 42 + active 180 over 60 a worker = 4") {
			return fmt.Errorf("why is %q", ap.Status.Why)
		}
		return nil
	})
	pods.backlog("contact-centre", 0, 0)
	arrivals(t, pods, 17, 2)
	clock.advance(keepEvery)
	arrivals(t, pods, 2, 2)
	if d := asked(t, ns); d != 1 {
		t.Errorf("a dry run asks for %d workers", d)
	}
	if _, err := learntOf(t, ns); err == nil {
		t.Error("a dry run wrote what it learnt")
	}
	// Suspension is no decision of capacity, and takes the workers away.
	update(t, tenant(ns, "ojk", ""), func(b *v1alpha1.BotTenant) { b.Spec.Suspend = true })
	replicas(t, ns, desk, 0)
	update(t, tenant(ns, "ojk", ""), func(b *v1alpha1.BotTenant) { b.Spec.Suspend = false })
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.DryRun = false })
	replicas(t, ns, desk, 1)
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsDemand)
}

func TestTheRosterFallsShortHoursAheadAndIsMended(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	ap := pool(ns, "contact-centre")
	all := []v1alpha1.Day{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	ap.Spec.Hours = []v1alpha1.Hours{{Days: all, From: "00:00", To: "24:00", Agents: 2}}
	create(t, ap)
	keptWith(t, ap, learnt(func(int, int) float64 { return 0.5 })) // an operator before this one saw the week
	create(t, tenant(ns, "ojk", classFor(t, nil)))
	says(t, ap, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)
	pods.set(func(k *testRuntime) { k.pool("contact-centre").Agents = 500 })
	arrivals(t, pods, 6, 30)
	c := says(t, ap, v1alpha1.ConditionStaffed, metav1.ConditionFalse, v1alpha1.ReasonRosterShort)
	if !strings.Contains(c.Message, "and the roster has 2; plan more people, and say so in spec.hours") {
		t.Errorf("it says %q", c.Message)
	}
	toldEvent(t, ns, v1alpha1.ReasonRosterShort, c.Message)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil || len(ap.Status.People.Days) != 7 || ap.Status.People.Needed < 10 {
		t.Fatalf("people are %+v: %v", ap.Status.People, err)
	}
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Hours[0].Agents = 1000 })
	says(t, ap, v1alpha1.ConditionStaffed, metav1.ConditionTrue, v1alpha1.ReasonEnoughAgents)

	// Then everybody leaves: after some minutes that is told, and not before.
	pods.set(func(k *testRuntime) { k.pool("contact-centre").Agents = 0 })
	arrivals(t, pods, 2, 30)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil || !meta.IsStatusConditionTrue(ap.Status.Conditions, v1alpha1.ConditionStaffed) {
		t.Errorf("after two minutes: %+v: %v", ap.Status.Conditions, err)
	}
	arrivals(t, pods, 5, 30)
	says(t, ap, v1alpha1.ConditionStaffed, metav1.ConditionFalse, v1alpha1.ReasonTooFewAgents)
}

func TestATenantWithEmbeddedStorageIsToldOfItsPeople(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	bt, ap := tenant(ns, "ojk", classFor(t, nil)), pool(ns, "contact-centre")
	bt.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
	create(t, bt, ap)
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonEmbeddedStorage)
	says(t, ap, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)
	arrivals(t, pods, 6, 30)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if ap.Status.People == nil || ap.Status.People.Needed < 10 {
			return fmt.Errorf("people are %+v", ap.Status.People)
		}
		return nil
	})
	s := &appsv1.StatefulSet{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "bot"}, s); err != nil || *s.Spec.Replicas != 1 {
		t.Errorf("the one pod became %d: %v", *s.Spec.Replicas, err)
	}
}
