package controllers

import (
	"fmt"
	"slices"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/loket-dev/loket/api/v1alpha1"
)

func yes(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func no(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func unknown(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: reason, Message: message}
}

// set puts conditions into a list; the time of a condition moves only when its status does. They speak of a generation, unless
// one says itself of which.
func set(list *[]metav1.Condition, generation int64, now metav1.Time, conditions ...metav1.Condition) {
	for _, c := range conditions {
		if c.ObservedGeneration == 0 {
			c.ObservedGeneration = generation
		}
		c.LastTransitionTime = now
		meta.SetStatusCondition(list, c)
	}
}

// told are the conditions whose changes are worth an event, because somebody can act on them.
var told = []string{
	v1alpha1.ConditionAccepted, v1alpha1.ConditionOperatorReachable, v1alpha1.ConditionDurability,
	v1alpha1.ConditionValid, v1alpha1.ConditionReady, v1alpha1.ConditionSettled, v1alpha1.ConditionStaffed,
	v1alpha1.ConditionLearning, v1alpha1.ConditionScaling,
}

// untold are reasons of such conditions that nobody need act on: they pass, are as somebody wished, or are told of another object.
var untold = []string{
	v1alpha1.ReasonProgressing, v1alpha1.ReasonNoFreshFigures, v1alpha1.ReasonDryRun, v1alpha1.ReasonEmbeddedStorage,
}

// announce tells what changed between two lists of conditions: trouble as a warning with its mend, and the end of trouble.
func announce(recorder events.EventRecorder, object runtime.Object, before, after []metav1.Condition) {
	seen := map[string]bool{}
	for _, kind := range told {
		b, a := meta.FindStatusCondition(before, kind), meta.FindStatusCondition(after, kind)
		if a == nil || b != nil && b.Status == a.Status && b.Reason == a.Reason {
			continue
		}
		once := a.Reason + a.Message // Accepted and Ready say the same of a tenant that is refused
		switch {
		case seen[once] || slices.Contains(untold, a.Reason):
		case a.Status == metav1.ConditionFalse:
			recorder.Eventf(object, nil, corev1.EventTypeWarning, a.Reason, "Reconcile", "%s", note(a.Message))
		case a.Status == metav1.ConditionTrue && b != nil && b.Status != metav1.ConditionTrue && (kind != v1alpha1.ConditionScaling || !slices.Contains(untold, b.Reason)):
			recorder.Eventf(object, nil, corev1.EventTypeNormal, a.Reason, "Reconcile", "%s", note(a.Message))
		}
		seen[once] = true
	}
}

// noteBytes is the longest note that the API server takes of an event.
const noteBytes = 1024

// note cuts a message to an event's size, which is in bytes.
func note(s string) string {
	const more = "…"
	if len(s) <= noteBytes {
		return s
	}
	end := noteBytes - len(more)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}

// counted is "1 pod", "2 pods".
func counted(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
