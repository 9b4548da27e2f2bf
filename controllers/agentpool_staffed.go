package controllers

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
)

const (
	// warnAhead is how many hours before a short one the condition says so.
	warnAhead = 12
	// shortFor is how long there must have been too few: people go for coffee. backFor is how long there must be enough again.
	shortFor = 5 * time.Minute
	backFor  = 10 * time.Minute
	// mendedFor is how long the coming hours must have been well manned before they count so: the week is counted anew each hour, and
	// what is one agent too few at nine may be none at ten.
	mendedFor = weekEvery + peopleEvery
)

// settling is a verdict that is not told yet, and since when it has been so.
type settling struct {
	reason string
	since  time.Time
}

// staffed says whether the people suffice, and when to look again though nothing happens; nil where it is not known.
//
// A verdict of another reason is told once it has held for a while: what is told is an event that calls somebody, and a count that
// goes from 11 to 12 and back with eleven signed in must not call each time. An edit of the pool is answered at once.
func (m *poolPeople) staffed(s *poolSeen) (*metav1.Condition, time.Duration) {
	c := s.staffedNow()
	if c == nil {
		m.verdict = settling{}
		return nil, 0
	}
	told := meta.FindStatusCondition(s.before.Conditions, v1alpha1.ConditionStaffed)
	if told != nil && told.Reason == c.Reason {
		m.verdict = settling{}
		return c, 0
	}
	if m.verdict.reason != c.Reason {
		m.verdict = settling{c.Reason, s.now}
	}
	wait := settlesIn(told, c.Reason) - s.now.Sub(m.verdict.since)
	if told != nil && told.ObservedGeneration != s.generation && c.Reason != v1alpha1.ReasonTooFewAgents {
		wait = 0 // perhaps it is the roster that was edited
	}
	if wait <= 0 {
		m.verdict = settling{}
		return c, 0
	}
	if told == nil {
		return nil, wait
	}
	still := *told
	still.ObservedGeneration = 0
	return &still, wait
}

// settlesIn is how long a verdict must hold before it takes the place of the one that was told.
func settlesIn(told *metav1.Condition, reason string) time.Duration {
	switch {
	case reason == v1alpha1.ReasonRosterShort:
		return 0 // it stands for hours
	case reason == v1alpha1.ReasonTooFewAgents:
		return shortFor
	case told == nil:
		return 0
	case told.Reason == v1alpha1.ReasonRosterShort:
		return mendedFor
	case told.Reason == v1alpha1.ReasonTooFewAgents && reason == v1alpha1.ReasonEnoughAgents:
		return backFor
	}
	return 0
}

// staffedNow is how the people suffice at this very moment. Only hours that are open count: at night nobody is missed.
func (s *poolSeen) staffedNow() *metav1.Condition {
	p := s.view.Pool(s.name)
	if s.people == nil || p == nil || s.view.Stale || !s.learns() || s.tenant.Spec.Suspend {
		return nil
	}
	level := s.pool.Spec.ServiceLevel
	var c metav1.Condition
	switch short := s.shortHour(); {
	case short != "":
		c = no(v1alpha1.ConditionStaffed, v1alpha1.ReasonRosterShort, short)
	case !open(s.pool.Spec.Hours, s.now.In(s.zone)):
		c = yes(v1alpha1.ConditionStaffed, v1alpha1.ReasonOutsideHours, "the pool is outside its hours, and the roster of the coming ones suffices")
	case int32(p.Agents) < s.people.Needed:
		c = no(v1alpha1.ConditionStaffed, v1alpha1.ReasonTooFewAgents, fmt.Sprintf(
			"%d agents are needed for %d%% within %s, and %d are signed in; call in more, or let the bot take more off them",
			s.people.Needed, level.Percent, level.Within.Duration, p.Agents))
	default:
		c = yes(v1alpha1.ConditionStaffed, v1alpha1.ReasonEnoughAgents, "the agents signed in keep the service level")
	}
	return &c
}

// shortHour says which of the coming open hours is the first whose roster has too few; empty when none is.
func (s *poolSeen) shortHour() string {
	local := s.now.In(s.zone)
	for ahead := 1; ahead <= warnAhead; ahead++ {
		hour := time.Date(local.Year(), local.Month(), local.Day(), local.Hour()+ahead, 0, 0, 0, s.zone)
		planned := rostered(s.pool.Spec.Hours, hour)
		if planned == 0 {
			continue
		}
		for _, d := range s.people.Days {
			if string(d.Date) == hour.Format(time.DateOnly) && hour.Hour() < len(d.Needed) && d.Needed[hour.Hour()] > planned {
				return fmt.Sprintf("%s needs %d agents for %d%% within %s, and the roster has %d; plan more people, and say so in spec.hours",
					hour.Format("15:04 Monday"), d.Needed[hour.Hour()], s.pool.Spec.ServiceLevel.Percent, s.pool.Spec.ServiceLevel.Within.Duration, planned)
			}
		}
	}
	return ""
}

// open says whether a pool is within its hours at a local time; without any it always is.
func open(hours []v1alpha1.Hours, at time.Time) bool {
	return len(hours) == 0 || slices.ContainsFunc(hours, func(h v1alpha1.Hours) bool { return within(h, at) })
}

func within(h v1alpha1.Hours, at time.Time) bool {
	clock := at.Format("15:04")
	return h.From <= clock && clock < h.To && slices.Contains(h.Days, v1alpha1.Day(at.Format("Mon")))
}

// rostered is how many agents the roster has in an hour that begins at a local time: the fewest of its open quarters. 0 is none that
// is known: the pool is shut, or its hours name no agents.
func rostered(hours []v1alpha1.Hours, hour time.Time) int32 {
	least := int32(0)
	for quarter := range 4 {
		at, agents := hour.Add(time.Duration(quarter)*15*time.Minute), int32(0)
		for _, h := range hours {
			if within(h, at) {
				if h.Agents == 0 {
					return 0
				}
				agents += h.Agents
			}
		}
		if agents > 0 && (least == 0 || agents < least) {
			least = agents
		}
	}
	return least
}
