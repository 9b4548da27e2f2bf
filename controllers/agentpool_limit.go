package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
)

// poolLimit is what has kept workers from demand, since when, and when it did last.
type poolLimit struct {
	says        string
	since, last time.Time
}

const (
	// limitFor is how long a limit must have kept workers from demand before it is told, and freeFor how long it must not have before
	// it is told no more: around a limit demand is above it in one look and below in the next.
	limitFor = time.Minute
	freeFor  = 10 * time.Minute
)

// look says what keeps workers from demand, with its mend; empty while nothing has for long enough.
func (l *poolLimit) look(s *poolSeen, spec capacity.Spec, d capacity.Decision) string {
	if told := meta.FindStatusCondition(s.before.Conditions, v1alpha1.ConditionScaling); l.since.IsZero() && told != nil &&
		told.Reason == v1alpha1.ReasonAtLimit { // told before the operator started
		*l = poolLimit{told.Message, s.now.Add(-limitFor), s.now}
	}
	switch now := limitOf(spec, d); {
	case now != "" && l.since.IsZero():
		*l = poolLimit{now, s.now, s.now}
	case now != "":
		l.says, l.last = now, s.now
	case s.now.Sub(l.last) >= freeFor:
		*l = poolLimit{}
	}
	if l.since.IsZero() || s.now.Sub(l.since) < limitFor {
		return ""
	}
	return l.says
}

// limitOf is the limit that keeps a decision below demand. A limit on the reserve alone keeps nobody waiting. It names no figure that
// moves.
func limitOf(spec capacity.Spec, d capacity.Decision) string {
	for _, r := range d.Reasons.List() {
		if r.Code == capacity.Demand && r.Wanted <= d.Workers {
			return ""
		}
	}
	switch {
	case d.Reasons.Has(capacity.CostCap):
		return fmt.Sprintf("the day's %d hours of workers are spent, and citizens wait until midnight; raise spec.workers.dailyHours", spec.DailyHours)
	case d.Reasons.Has(capacity.Most) && spec.Ceiling < spec.Max:
		return fmt.Sprintf("demand calls for more workers than the class's %d, and citizens wait; have ceilings.workersPerPool of the TenantClass raised", spec.Ceiling)
	case d.Reasons.Has(capacity.Most):
		return fmt.Sprintf("demand calls for more workers than %d, and citizens wait; raise spec.workers.max", spec.Max)
	}
	return ""
}
