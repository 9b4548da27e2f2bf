package controllers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/render"
	"github.com/loket-dev/loket/controllers/signing"
)

// settled is a whole tenant at rest, with every kind of object.
func settled(t *testing.T) (string, *testRuntime, *v1alpha1.BotTenant) {
	t.Helper()
	ns := namespaceFor(t, labelled)
	pods := runtimes.start(ns, "ojk")
	bt := tenant(ns, "ojk", classFor(t, nil))
	bt.Spec.Pods = v1alpha1.PodOverrides{
		Tolerations: []corev1.Toleration{{Key: "dedicated", Value: "loket", Effect: corev1.TaintEffectNoSchedule}},
		Labels:      map[string]v1alpha1.LabelValue{"team": "citizens"},
	}
	df, ch, ap, dir := flow(ns, "kontak157", "welcome"), whatsapp(ns, "wa", "kontak157"), pool(ns, "contact-centre"), directory(ns, "institutions", "rows")
	ap.Spec.Workers.Min = 2
	create(t, df, ch, whatsapp(ns, "a", "kontak157"), whatsapp(ns, "z", "kontak157"), ap, dir, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "rows"},
		Data: map[string]string{"rows.csv": "name,status\nBank Mekar,licensed\n"}}, bt)
	replicas(t, ns, "bot", 2)
	replicas(t, ns, desk, 2)
	podsReady(t, ns, "bot")
	podsReady(t, ns, desk)
	says(t, bt, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	for _, o := range []client.Object{df, ch, ap, dir} {
		says(t, o, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	}
	return ns, pods, bt
}

// writesIn are the operator's writes to a namespace, and to its tenant's class.
func writesIn(namespace string) []string {
	var out []string
	for _, w := range operator.writes.all() {
		if strings.Contains(w, "/namespaces/"+namespace+"/") {
			out = append(out, w)
		}
	}
	return out
}

// quiet waits until the operator has heard the runtime several times more, and each time had every reason to reconcile.
func quiet(t *testing.T, namespace string, pods *testRuntime) {
	t.Helper()
	for range 5 {
		before := pods.polled()
		pods.set(func(k *testRuntime) { k.pool("contact-centre").OldestWaiting++ }) // wakes the pool; its figures stay
		podsReady(t, namespace, "bot")
		eventually(t, func() error {
			if pods.polled() == before {
				return fmt.Errorf("the runtime was not asked")
			}
			return nil
		})
	}
}

func TestATenantAtRestCostsNoWrites(t *testing.T) {
	ns, pods, _ := settled(t)
	quiet(t, ns, pods) // what was on its way is through
	before := len(writesIn(ns))
	quiet(t, ns, pods)
	if after := writesIn(ns); len(after) != before {
		t.Errorf("at rest the operator wrote:\n  %s", strings.Join(after[before:], "\n  "))
	}
}

func TestANewOperatorWritesNothingWhenAllIsAsItShouldBe(t *testing.T) {
	ns, pods, bt := settled(t)
	quiet(t, ns, pods)
	restart(t)
	before := pods.polled()
	eventually(t, func() error {
		if pods.polled() == before {
			return fmt.Errorf("the new operator has not asked")
		}
		return nil
	})
	quiet(t, ns, pods)
	if w := writesIn(ns); len(w) > 0 {
		t.Errorf("the new operator wrote:\n  %s", strings.Join(w, "\n  "))
	}
	clock.advance(firstComparison + time.Second) // the full comparisons are due
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.TimeZone = "Asia/Makassar" })
	says(t, bt, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing)
	quiet(t, ns, pods)
	for _, w := range writesIn(ns) {
		if !strings.HasSuffix(w, "/status") {
			t.Errorf("after its full comparison the new operator wrote: %s", w)
		}
	}
}

func TestWhatSomebodyChangesByHandIsPutRight(t *testing.T) {
	ns, _, _ := settled(t)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "bot"}}
	update(t, d, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "example.com/else" })
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
			return err
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; image != "loket.dev/bot-runtime:test" {
			return fmt.Errorf("the image is %s", image)
		}
		return nil
	})
	update(t, d, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32) })
	replicas(t, ns, "bot", 2)
}

func TestANewKeyIsPublishedAndSignsFiveMinutesLater(t *testing.T) {
	ns, pods, bt := settled(t)
	dir := signingDir()
	writeKey(dir, "k2")
	if err := os.WriteFile(filepath.Join(dir, "current"), []byte("k2"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "current"), []byte("k1"), 0o600)
		_ = os.Remove(filepath.Join(dir, "k2.key"))
	})
	// The running operator notices by itself.
	var published map[string]time.Time
	eventually(t, func() error {
		m := &corev1.ConfigMap{}
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: render.BootName(bt.Name)}, m); err != nil {
			return err
		}
		var boot bundle.Boot
		if err := json.Unmarshal([]byte(m.Data["boot.json"]), &boot); err != nil {
			return err
		}
		if len(boot.Keys) != 2 {
			return fmt.Errorf("the boot ConfigMap has %d keys", len(boot.Keys))
		}
		return json.Unmarshal([]byte(m.Annotations[render.PublishedAnnotation]), &published)
	})
	if id, _ := operator.keys.Signer(published, clock.now()); id != "k1" {
		t.Errorf("%s signs at once", id)
	}
	if id, _ := operator.keys.Signer(published, clock.now().Add(signing.PublishedFor+time.Second)); id != "k2" {
		t.Errorf("%s signs after five minutes", id)
	}
	quiet(t, ns, pods) // the runtime checks every token: it is still spoken to
}

func TestFiguresThatMoveAllTheTimeAreWrittenOnceAMinute(t *testing.T) {
	ns, pods, _ := settled(t)
	quiet(t, ns, pods)
	clock.advance(figuresEvery)
	pods.backlog("contact-centre", 0, 15)
	statuses := func() int {
		n := 0
		for _, w := range writesIn(ns) {
			if strings.HasSuffix(w, "/agentpools/contact-centre/status") {
				n++
			}
		}
		return n
	}
	ap := pool(ns, "contact-centre")
	shows := func(active string) {
		t.Helper()
		eventually(t, func() error {
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
				return err
			}
			if ap.Status.Active != active {
				return fmt.Errorf("active is %s, not %s", ap.Status.Active, active)
			}
			return nil
		})
	}
	shows("~20")
	before := statuses()
	for active := range 40 {
		second(t, pods, 0, 30+active) // fewer than two workers' worth: nothing scales
	}
	if n := statuses() - before; n > 0 {
		t.Errorf("%d writes within the minute", n)
	}
	for i := range 21 { // a minute in one step would make the figures stale for whoever looks before the next are there
		second(t, pods, 3*time.Second, 70+i%2)
	}
	shows("~70")
	if n := statuses() - before; n != 1 {
		t.Errorf("%d writes after the minute", n)
	}
}
