package controllers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func TestATenantBecomesReadyAndItsObjectsGoLive(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, nil))
	df, ch, ap, dir := flow(ns, "kontak157", "welcome"), whatsapp(ns, "wa", "kontak157"), pool(ns, "contact-centre"), directory(ns, "institutions", "rows")
	rows := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "rows"},
		Data: map[string]string{"rows.csv": "name,licence,status\nBank Mekar,1,licensed\nBank Melati,2,licensed\n"}}
	create(t, df, ch, ap, dir, rows)
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNoTenant)
	create(t, bt)

	says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	says(t, bt, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
	replicas(t, ns, "bot", 2)
	podsReady(t, ns, "bot")
	podsReady(t, ns, "desk-contact-centre")
	says(t, bt, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	says(t, bt, v1alpha1.ConditionOperatorReachable, metav1.ConditionTrue, v1alpha1.ReasonReachable)
	says(t, bt, v1alpha1.ConditionDurability, metav1.ConditionTrue, "SingleNode")
	says(t, df, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	says(t, dir, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	says(t, ap, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)

	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		s := bt.Status
		if s.Bot != "2/2" || s.Applied != "1/1" || len(s.Bundle) != 7 || !strings.HasPrefix(s.URL, "http://10.199.0.2:3") {
			return fmt.Errorf("bot %q, applied %q, bundle %q, url %q", s.Bot, s.Applied, s.Bundle, s.URL)
		}
		return nil
	})
	if dir.Status.Entries != 2 || df.Status.Nodes != 2 || df.Status.LiveGeneration != df.Generation {
		t.Errorf("directory of %d entries, flow of %d nodes, revision %d live", dir.Status.Entries, df.Status.Nodes, df.Status.LiveGeneration)
	}
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ch), ch); err != nil {
			return err
		}
		if ch.Status.URL != bt.Status.URL+"/hooks/wa" {
			return fmt.Errorf("the webhook is %q", ch.Status.URL)
		}
		return nil
	})
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if !strings.HasSuffix(ap.Status.URL, "/desk/contact-centre/") || ap.Status.WorkersReady != "1/1" {
			return fmt.Errorf("the console is %q with %q workers", ap.Status.URL, ap.Status.WorkersReady)
		}
		return nil
	})

	if n := testutil.ToFloat64(tenants.WithLabelValues(bt.Status.ClassName)); n != 1 {
		t.Errorf("loket_tenants of the class is %v", n)
	}

	// A row more in the ConfigMap is a directory more complete.
	update(t, rows, func(c *corev1.ConfigMap) { c.Data["rows.csv"] += "Bank Kenanga,3\n" })
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(dir), dir); err != nil {
			return err
		}
		if dir.Status.Entries != 3 {
			return fmt.Errorf("%d entries", dir.Status.Entries)
		}
		return nil
	})
}

func TestATenantThatIsNotAcceptedSaysWhyAndHowToMendIt(t *testing.T) {
	labels := map[string]string{v1alpha1.TenantLabel: "true", "tier": "gold"}
	onlyEmbedded := func(c *v1alpha1.TenantClass) { c.Spec.Storage.Postgres = nil }
	onlySilver := func(c *v1alpha1.TenantClass) {
		c.Spec.AllowedNamespaces = &v1alpha1.NamespaceSelection{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": "silver"}}}
	}
	for name, c := range map[string]struct {
		labels map[string]string
		class  func() string
		reason string
		mend   string
	}{
		"no class is the default":            {labels, func() string { return "" }, v1alpha1.ReasonNoClass, v1alpha1.DefaultClassAnnotation},
		"the named class is not there":       {labels, func() string { classFor(t, nil); return "golden" }, v1alpha1.ReasonNoClass, "spec.className may be "},
		"the namespace is not labelled":      {nil, func() string { return classFor(t, nil) }, v1alpha1.ReasonNamespaceNotLabelled, "loket.dev/tenant=true"},
		"the class is for others":            {labels, func() string { return classFor(t, onlySilver) }, v1alpha1.ReasonNotAllowed, "tier=silver"},
		"the class does not offer a storage": {labels, func() string { return classFor(t, onlyEmbedded) }, v1alpha1.ReasonStorageNotOffered, "use embedded"},
	} {
		t.Run(name, func(t *testing.T) {
			ns := namespaceFor(t, c.labels)
			bt := tenant(ns, "ojk", c.class())
			create(t, bt)
			got := says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionFalse, c.reason)
			if !strings.Contains(got.Message, c.mend) {
				t.Errorf("the mend %q is not in %q", c.mend, got.Message)
			}
			says(t, bt, v1alpha1.ConditionReady, metav1.ConditionFalse, c.reason)
			nothingIn(t, ns)
		})
	}
}

func TestASecondTenantWaitsUntilTheOlderOneIsGone(t *testing.T) {
	ns, class := namespaceFor(t, labelled), classFor(t, nil)
	first, second := tenant(ns, "first", class), tenant(ns, "second", class)
	create(t, first)
	says(t, first, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	create(t, second)
	c := says(t, second, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNotOldest)
	if !strings.Contains(c.Message, "first") {
		t.Errorf("the message does not name the older one: %q", c.Message)
	}
	if err := api.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	says(t, second, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)

	// What the first left is never taken over; once the cluster has collected it, the second has its own.
	c = says(t, second, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
	if !strings.Contains(c.Message, "not this tenant's") {
		t.Errorf("the message does not say whose it is: %q", c.Message)
	}
	for _, o := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &policyv1.PodDisruptionBudget{}} {
		o.SetNamespace(ns)
		o.SetName("bot")
		if err := api.Delete(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	says(t, second, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonProgressing)
}

func TestANamespaceThatGetsItsLabelIsTakenUp(t *testing.T) {
	ns := namespaceFor(t, nil)
	bt := tenant(ns, "ojk", classFor(t, nil))
	create(t, bt)
	says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonNamespaceNotLabelled)
	update(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, func(n *corev1.Namespace) {
		n.Labels[v1alpha1.TenantLabel] = "true"
	})
	says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
}

func TestWishesAboveTheCeilingsAreCutAndTold(t *testing.T) {
	ns := namespaceFor(t, labelled)
	bt := tenant(ns, "ojk", classFor(t, func(c *v1alpha1.TenantClass) { c.Spec.Ceilings.BotReplicas = 3 }))
	bt.Spec.Bot.Replicas = 20
	create(t, bt)
	c := says(t, bt, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	if !strings.Contains(c.Message, "bot.replicas 20 is cut to 3") {
		t.Errorf("the cut is not told: %q", c.Message)
	}
	replicas(t, ns, "bot", 3)
}

func TestASuspendedTenantHasNoPods(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt, ap := tenant(ns, "ojk", classFor(t, nil)), pool(ns, "contact-centre")
	create(t, bt, ap)
	replicas(t, ns, "bot", 2)
	says(t, ap, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)

	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = true })
	replicas(t, ns, "bot", 0)
	replicas(t, ns, "desk-contact-centre", 0)
	says(t, bt, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	says(t, ap, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)

	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = false })
	replicas(t, ns, "bot", 2)
	replicas(t, ns, "desk-contact-centre", 1)
}

func TestADeletedTenantLeavesItsVolume(t *testing.T) {
	ns := namespaceFor(t, labelled)
	bt := tenant(ns, "ojk", classFor(t, nil))
	bt.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
	create(t, bt)
	set := &appsv1.StatefulSet{}
	eventually(t, func() error {
		return api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "bot"}, set)
	})
	policy := set.Spec.PersistentVolumeClaimRetentionPolicy
	if policy == nil || policy.WhenDeleted != appsv1.RetainPersistentVolumeClaimRetentionPolicyType || policy.WhenScaled != appsv1.RetainPersistentVolumeClaimRetentionPolicyType {
		t.Errorf("the set's volumes are not retained: %+v", policy)
	}
	if !metav1.IsControlledBy(set, bt) {
		t.Errorf("the set does not go with its tenant: %v", set.OwnerReferences)
	}
	template := set.Spec.VolumeClaimTemplates[0]
	if len(template.OwnerReferences) != 0 {
		t.Errorf("a claim would go with its owner: %v", template.OwnerReferences)
	}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data-bot-0"}, Spec: template.Spec}
	create(t, claim)
	if err := api.Delete(t.Context(), bt); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return client.IgnoreNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt)) })
	for _, w := range operator.writes.all() {
		if strings.Contains(w, "persistentvolumeclaims") {
			t.Errorf("the operator touched a claim: %s", w)
		}
	}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(claim), claim); err != nil || claim.DeletionTimestamp != nil {
		t.Errorf("the claim is gone: %v", err)
	}
}

// What a quota, a policy of the platform or somebody else's object keeps from one object must hold up nothing else: above all
// not the suspension of the tenant.
func TestOneObjectThatTheClusterRefusesHoldsUpNothingElse(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	port := []corev1.ServicePort{{Port: 80}}
	create(t, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: desk}, Spec: corev1.ServiceSpec{Ports: port, Type: corev1.ServiceTypeNodePort}},
		&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ojk-egress"}})
	bt, ap, df := tenant(ns, "ojk", classFor(t, nil)), pool(ns, "contact-centre"), flow(ns, "kontak157", "welcome")
	create(t, ap, df, bt)
	eventually(t, func() error {
		c := says(t, bt, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonApplyFailed)
		for _, object := range []string{"Service " + ns + "/" + desk, "NetworkPolicy " + ns + "/ojk-egress"} {
			if !strings.Contains(c.Message, object) {
				return fmt.Errorf("%s is not named: %q", object, c.Message)
			}
		}
		return nil
	})
	replicas(t, ns, "bot", 2)
	replicas(t, ns, desk, 1)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt); err != nil {
			return err
		}
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if !strings.HasPrefix(bt.Status.URL, "http://10.199.0.2:3") || ap.Status.URL != "" {
			return fmt.Errorf("the bot is at %q, the desk, whose Service is another's, at %q", bt.Status.URL, ap.Status.URL)
		}
		return nil
	})
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = true })
	replicas(t, ns, "bot", 0)
	replicas(t, ns, desk, 0)
}

// nothingIn fails when the operator made anything in a namespace.
func nothingIn(t *testing.T, namespace string) {
	t.Helper()
	for _, w := range operator.writes.all() {
		if strings.Contains(w, "/namespaces/"+namespace+"/") && !strings.HasSuffix(w, "/status") {
			t.Errorf("something was written: %s", w)
		}
	}
}
