package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
)

// servingTenant is a tenant all of whose pods serve.
func servingTenant() (*v1alpha1.BotTenant, outcome, link.View) {
	bt := &v1alpha1.BotTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "ojk", Name: "ojk", Generation: 3}}
	bt.Spec.Storage.Postgres = &v1alpha1.PostgresStorage{}
	bt.Spec.Bot.Replicas = 2
	done := outcome{class: &v1alpha1.TenantClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}}, bot: facts{Wanted: 2, Exist: 2, Ready: 2, Updated: 2}}
	done.input.Tenant = *bt
	view := link.View{Connected: true, Wanted: "0123456789abcdef", Status: &bundle.Status{
		Applied: "0123456789abcdef", Pods: 2, PodsOnApplied: 2, Durability: v1alpha1.DurabilitySynchronous,
	}}
	bt.Status = tenantStatus(bt, done, view, "loket-system", time.Now())
	return bt, done, view
}

// is fails unless a condition is as said.
func is(t *testing.T, s v1alpha1.BotTenantStatus, kind string, status metav1.ConditionStatus, reason string) {
	t.Helper()
	c := meta.FindStatusCondition(s.Conditions, kind)
	if c == nil || c.Status != status || c.Reason != reason {
		t.Errorf("%s is %+v, not %s/%s", kind, c, status, reason)
	}
}

func TestATenantThatIsRefusedLaterClaimsNothingThatNobodyLooksAt(t *testing.T) {
	bt, _, _ := servingTenant()
	if bt.Status.Applied != "2/2" || bt.Status.Bundle != "0123456" {
		t.Fatalf("before it says %+v", bt.Status)
	}
	got := tenantStatus(bt, outcome{refusal: &refusal{v1alpha1.ReasonNotAllowed, "not for you"}}, link.View{}, "loket-system", time.Now())
	is(t, got, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotAllowed)
	is(t, got, v1alpha1.ConditionOperatorReachable, metav1.ConditionUnknown, v1alpha1.ReasonNotAllowed)
	is(t, got, v1alpha1.ConditionDurability, metav1.ConditionUnknown, v1alpha1.ReasonNotAllowed)
	if got.Applied != "" || got.Bundle != "" || got.Bot != "" {
		t.Errorf("it still says bot %q, bundle %q, applied %q", got.Bot, got.Bundle, got.Applied)
	}
	if got.ClassName != "standard" {
		t.Errorf("its class, which it shall have again, became %q", got.ClassName)
	}
	first := tenantStatus(&v1alpha1.BotTenant{}, outcome{refusal: &refusal{v1alpha1.ReasonNoClass, "none"}}, link.View{}, "loket-system", time.Now())
	if meta.FindStatusCondition(first.Conditions, v1alpha1.ConditionOperatorReachable) != nil {
		t.Error("a tenant that was never taken up speaks of its runtime")
	}
}

func TestWhatIsSaidOfAStoreInTrouble(t *testing.T) {
	bt, done, view := servingTenant()
	lost := *view.Status
	lost.StoreError, lost.Pods, lost.PodsOnApplied = "the database cannot be reached", 0, 0
	got := tenantStatus(bt, done, link.View{Connected: true, Wanted: view.Wanted, Status: &lost}, "loket-system", time.Now())
	is(t, got, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStoreUnavailable)
	if got.Applied != "2/2" {
		t.Errorf("without its store the runtime knows of no pods, but applied is %q", got.Applied)
	}
	// A pod that answers 503 has not opened its store.
	busy := &link.Fault{Answered: true, Busy: true, Message: "the runtime answers 503: the database could not be opened yet"}
	got = tenantStatus(bt, done, link.View{Connected: true, Wanted: view.Wanted, Fault: busy}, "loket-system", time.Now())
	is(t, got, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStoreUnavailable)
	is(t, got, v1alpha1.ConditionOperatorReachable, metav1.ConditionTrue, v1alpha1.ReasonReachable)
}

func TestWhoCannotBeReachedIsNotCounted(t *testing.T) {
	bt, done, view := servingTenant()
	view.Stale, view.Fault = true, &link.Fault{Timeout: true, Message: "i/o timeout"}
	got := tenantStatus(bt, done, view, "loket-system", time.Now())
	is(t, got, v1alpha1.ConditionOperatorReachable, metav1.ConditionFalse, v1alpha1.ReasonUnreachable)
	if got.Applied != "" {
		t.Errorf("nobody answers, but applied is %q", got.Applied)
	}
}

// A quota, or an image that is not there, is told by the Deployment: Progressing alone helps nobody.
func TestPodsThatDoNotComeSayWhy(t *testing.T) {
	bt, done, view := servingTenant()
	done.bot = facts{Wanted: 2, Trouble: `pods "bot-x" is forbidden: exceeded quota`}
	bt.Status = v1alpha1.BotTenantStatus{}
	got := tenantStatus(bt, done, view, "loket-system", time.Now())
	is(t, got, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPodsFail)
	if c := meta.FindStatusCondition(got.Conditions, v1alpha1.ConditionReady); c.Message != `0 of 2 bot pods are ready: pods "bot-x" is forbidden: exceeded quota` {
		t.Errorf("Ready says %q", c.Message)
	}
}
