package controllers

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
)

func TestWhatKeepsWorkersFromDemandIsToldWithItsMend(t *testing.T) {
	s := counterAt(t, "Asia/Jakarta", "2026-11-23 09:00", nil, 0, 0)
	s.class.Spec.Ceilings.WorkersPerPool = 20
	state, workers := capacity.State{}, int32(10)
	var l poolLimit
	look := func(after time.Duration, active int) string {
		s.now = s.now.Add(after)
		var d capacity.Decision
		d, state = capacity.Decide(s.limits(), state, capacity.Observation{Now: s.now, Fresh: true, Active: active, Workers: workers, Ready: workers})
		return l.look(s, s.limits(), d)
	}
	const mend = "demand calls for more workers than 10, and citizens wait; raise spec.workers.max"
	for i, c := range []struct {
		after  time.Duration
		active int
		says   string
	}{
		{0, 600, ""},               // ten are needed, and a reserve on top: nobody waits
		{2 * time.Second, 700, ""}, // now somebody does, and for a moment that is nobody's business
		{30 * time.Second, 500, ""},
		{40 * time.Second, 700, mend},
		{30 * time.Second, 500, mend}, // below for a while is not over
		{5 * time.Minute, 700, mend},
		{5 * time.Minute, 300, mend},
		{6 * time.Minute, 300, ""},
	} {
		if got := look(c.after, c.active); got != c.says {
			t.Errorf("look %d says %q, not %q", i+1, got, c.says)
		}
	}
	s.class.Spec.Ceilings.WorkersPerPool, workers = 5, 5
	look(time.Second, 700)
	if got := look(time.Minute, 700); !strings.Contains(got, "the class's 5") || !strings.Contains(got, "ceilings.workersPerPool") {
		t.Errorf("below the class's ceiling it says %q", got)
	}
}

func TestOnlyWhatSomebodyCanActOnIsAnEvent(t *testing.T) {
	follows := yes(v1alpha1.ConditionScaling, v1alpha1.ReasonFollowsDemand, "demand decides")
	limit := no(v1alpha1.ConditionScaling, v1alpha1.ReasonAtLimit, "raise spec.workers.max")
	stale := no(v1alpha1.ConditionScaling, v1alpha1.ReasonNoFreshFigures, "see the BotTenant")
	dry := no(v1alpha1.ConditionScaling, v1alpha1.ReasonDryRun, "dry run")
	for name, c := range map[string]struct {
		before, after metav1.Condition
		told          string
	}{
		"a limit":               {follows, limit, "Warning AtLimit raise spec.workers.max"},
		"its end":               {limit, follows, "Normal FollowsDemand demand decides"},
		"silence":               {follows, stale, ""},
		"the end of silence":    {stale, follows, ""},
		"a dry run":             {follows, dry, ""},
		"the end of a dry run":  {dry, follows, ""},
		"a limit after silence": {stale, limit, "Warning AtLimit raise spec.workers.max"},
	} {
		recorder := events.NewFakeRecorder(4)
		announce(recorder, &v1alpha1.AgentPool{}, []metav1.Condition{c.before}, []metav1.Condition{c.after})
		close(recorder.Events)
		var told []string
		for e := range recorder.Events {
			told = append(told, e)
		}
		if got := strings.Join(told, "; "); got != c.told {
			t.Errorf("%s is told as %q, not %q", name, got, c.told)
		}
	}
}
