package controllers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

func TestABrokenEditKeepsTheLastGoodRevisionAndOthersGoLive(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	df := flow(ns, "kontak157", "welcome")
	create(t, tenant(ns, "ojk", classFor(t, nil)), df)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	good := df.Generation

	update(t, df, func(f *v1alpha1.DialogFlow) {
		f.Spec.Start = "broken"
		f.Spec.Nodes = append(f.Spec.Nodes, v1alpha1.Node{Name: "more", End: &v1alpha1.End{}})
	})
	other := flow(ns, "other", "welcome")
	create(t, other)
	valid := says(t, df, v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonFindings)
	ready := says(t, df, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	if want := fmt.Sprintf("revision %d serves; revision %d is refused: nodes[menu]", good, df.Generation); !strings.HasPrefix(ready.Message, want) {
		t.Errorf("Ready says %q, not %q", ready.Message, want)
	}
	if want := `1 finding, first: nodes[menu].options[2].next: no node "komplain"; did you mean "keluhan"?`; valid.Message != want {
		t.Errorf("Valid says %q, not %q", valid.Message, want)
	}
	if df.Status.LiveGeneration != good || len(df.Status.Findings) != 1 || df.Status.Findings[0].Reason != "DanglingTarget" {
		t.Errorf("revision %d live, findings %v", df.Status.LiveGeneration, df.Status.Findings)
	}
	if df.Status.Nodes != 2 {
		t.Errorf("%d nodes serve, not the 2 of revision %d", df.Status.Nodes, good)
	}
	says(t, other, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)

	update(t, df, func(f *v1alpha1.DialogFlow) { f.Spec.Start = "welcome" })
	says(t, df, v1alpha1.ConditionValid, metav1.ConditionTrue, v1alpha1.ReasonValid)
	if df.Status.LiveGeneration != df.Generation || len(df.Status.Findings) != 0 {
		t.Errorf("mended, but revision %d live and findings %v", df.Status.LiveGeneration, df.Status.Findings)
	}
}

func TestAFlowThatNeverWasGoodLeavesItsChannelWithoutAnAnswer(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	df, ch, lost := flow(ns, "kontak157", "broken"), whatsapp(ns, "wa", "kontak157"), whatsapp(ns, "lost", "nowhere")
	create(t, tenant(ns, "ojk", classFor(t, nil)), df, ch, lost)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonFindings)
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNoLiveFlow)
	c := says(t, lost, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNoLiveFlow)
	if !strings.Contains(c.Message, "DialogFlow nowhere is not there") {
		t.Errorf("the message does not name the missing flow: %q", c.Message)
	}
	update(t, df, func(f *v1alpha1.DialogFlow) { f.Spec.Start = "welcome" })
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
}

func TestMissingCredentialsAreToldAtTheChannel(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	df, ch := flow(ns, "kontak157", "welcome"), whatsapp(ns, "wa", "kontak157")
	create(t, tenant(ns, "ojk", classFor(t, nil)), df, ch)
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	mend := "Secret wa has no key accessToken; add it"
	pods.set(func(k *testRuntime) {
		*k.health("wa") = bundle.Health{Channel: "wa", Reason: v1alpha1.ReasonCredentialMissing, Message: mend}
	})
	if c := says(t, ch, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialMissing); c.Message != mend {
		t.Errorf("the channel says %q", c.Message)
	}
	pods.set(func(k *testRuntime) { *k.health("wa") = bundle.Health{Channel: "wa", OK: true} })
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	if c := meta.FindStatusCondition(ch.Status.Conditions, v1alpha1.ConditionSettled); c != nil {
		t.Errorf("without trouble the channel says %s", c.Message)
	}

	since := time.Date(2026, 11, 24, 3, 22, 0, 0, time.UTC)
	pods.set(func(k *testRuntime) { k.health("wa").UnsettledSince = &since })
	c := says(t, ch, v1alpha1.ConditionSettled, metav1.ConditionFalse, v1alpha1.ReasonStatusesLagging)
	if !strings.Contains(c.Message, "2026-11-24T03:22:00Z") || !strings.Contains(c.Message, "webhooks reach this channel's address") {
		t.Errorf("the channel says %q", c.Message)
	}
	says(t, ch, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	pods.set(func(k *testRuntime) { k.health("wa").UnsettledSince = nil })
	says(t, ch, v1alpha1.ConditionSettled, metav1.ConditionTrue, v1alpha1.ReasonStatusesFlow)
}

func TestADirectoryWhoseConfigMapIsMissingSaysSo(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	dir := directory(ns, "institutions", "rows")
	create(t, tenant(ns, "ojk", classFor(t, nil)), dir)
	c := says(t, dir, v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonFindings)
	if !strings.Contains(c.Message, `ConfigMap "rows" is not there`) {
		t.Errorf("Valid says %q", c.Message)
	}
}

func TestADirectoryShowsWhereEverybodyMayAskItWhileItIsPublic(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	bt, dir := tenant(ns, "ojk", classFor(t, nil)), directory(ns, "institutions", "rows")
	dir.Spec.Public = &v1alpha1.PublicLookUp{}
	create(t, bt, dir)
	shows := func(want func(tenantURL string) string) {
		t.Helper()
		eventually(t, func() error {
			if err := errors.Join(api.Get(t.Context(), client.ObjectKeyFromObject(bt), bt), api.Get(t.Context(), client.ObjectKeyFromObject(dir), dir)); err != nil {
				return err
			}
			if bt.Status.URL == "" || dir.Status.URL != want(bt.Status.URL) {
				return fmt.Errorf("the tenant is at %q, the directory at %q", bt.Status.URL, dir.Status.URL)
			}
			return nil
		})
	}
	shows(func(tenantURL string) string { return tenantURL + "/directories/institutions/lookup" })
	if n := dir.Spec.Public.RequestsPerMinute; n != 60 {
		t.Errorf("the default is %d requests a minute", n)
	}
	update(t, dir, func(d *v1alpha1.Directory) { d.Spec.Public = nil })
	shows(func(string) string { return "" })
}

func TestBeforeTheRuntimeSpeaksNothingIsClaimed(t *testing.T) {
	ns := namespaceFor(t, labelled)
	df := flow(ns, "kontak157", "welcome")
	bt := tenant(ns, "ojk", classFor(t, nil))
	create(t, bt, df)
	says(t, bt, v1alpha1.ConditionOperatorReachable, metav1.ConditionUnknown, v1alpha1.ReasonWaitingForRuntime)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonWaitingForRuntime)
	says(t, df, v1alpha1.ConditionValid, metav1.ConditionUnknown, v1alpha1.ReasonWaitingForRuntime)
}

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestABlockedPathNamesTheNetworkPolicy(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	pods.set(func(k *testRuntime) { k.down = timeout{} })
	bt := tenant(ns, "ojk", classFor(t, nil))
	create(t, bt)
	c := says(t, bt, v1alpha1.ConditionOperatorReachable, metav1.ConditionFalse, v1alpha1.ReasonUnreachable)
	if !strings.Contains(c.Message, "NetworkPolicy ojk-internal in namespace "+ns) || !strings.Contains(c.Message, "loket-system") {
		t.Errorf("the message names no policy: %q", c.Message)
	}
	pods.set(func(k *testRuntime) { k.down = nil })
	says(t, bt, v1alpha1.ConditionOperatorReachable, metav1.ConditionTrue, v1alpha1.ReasonReachable)
}

func TestAnOldLeadersLatePutLosesAndTheNewOneWins(t *testing.T) {
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	df := flow(ns, "kontak157", "welcome")
	create(t, tenant(ns, "ojk", classFor(t, nil)), df)
	says(t, df, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	// Another leader's bundle became the current one behind this operator's back: its put is refused until it has read so.
	const foreign = "0123456789abcdef"
	pods.set(func(k *testRuntime) { k.desired = foreign })
	update(t, df, func(f *v1alpha1.DialogFlow) { f.Spec.Start = "broken" })
	eventually(t, func() error {
		pods.mu.Lock()
		defer pods.mu.Unlock()
		if pods.refused == 0 || pods.desired != foreign {
			return fmt.Errorf("%d bundles were refused, and %s is current", pods.refused, pods.desired)
		}
		return nil
	})
	pods.set(func(k *testRuntime) { k.status.Desired = foreign })
	says(t, df, v1alpha1.ConditionValid, metav1.ConditionFalse, v1alpha1.ReasonFindings)
}

func TestAPoolThatIsGoneTakesItsDeskAlong(t *testing.T) {
	ns := namespaceFor(t, labelled)
	runtimes.start(ns, "ojk")
	ap := pool(ns, "contact-centre")
	create(t, tenant(ns, "ojk", classFor(t, nil)), ap)
	replicas(t, ns, "desk-contact-centre", 1)
	if err := api.Delete(t.Context(), ap); err != nil {
		t.Fatal(err)
	}
	gone(t, ns, "desk-contact-centre")
}

// gone waits until no Deployment of a name is there.
func gone(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, func() error {
		d := deploymentKind
		o := kinds[d].empty()
		err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o)
		if err == nil {
			return fmt.Errorf("Deployment %s is still there", name)
		}
		return client.IgnoreNotFound(err)
	})
}
