package controllers

import (
	"fmt"
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/capacity/staffing"
)

const (
	peopleEvery = time.Minute
	weekEvery   = time.Hour
	mostAgents  = 10000
	// warnAhead is how long before a short hour the condition says so.
	warnAhead = 12 * time.Hour
	// shortFor is how long there must have been too few.
	shortFor = 5 * time.Minute
	// longestLook is the longest time between two looks of which it is known how busy the agents were.
	longestLook = 75 * time.Second
)

// people learns from a look how fast agents are, and counts once a minute how many are needed.
func (m *poolMemory) people(seen *poolSeen, spec capacity.Spec, look capacity.Observation) {
	if !look.Fresh {
		return
	}
	p := seen.view.Pool(seen.name)
	slots := int(seen.pool.Spec.ConversationsPerAgent)
	patience := staffing.Patience{}.Mean() // the runtime does not tell yet who went unanswered
	if dt := look.Now.Sub(m.lookedAt); !m.lookedAt.IsZero() && dt > 0 && dt <= longestLook && p.Agents > 0 && p.Active > 0 {
		m.worked(p.Agents, p.Active, dt.Seconds(), float64(look.Finished-m.finished)-float64(look.WaitingForAgent)*dt.Seconds()/patience)
	}
	m.lookedAt, m.finished = look.Now, look.Finished
	if look.Now.Sub(m.peopleAt) < peopleEvery || m.state.Arriving() <= 0 {
		return
	}
	m.peopleAt = look.Now
	rates, falls := m.completions.Rates(slots)
	level := staffing.Level{
		Share: float64(seen.pool.Spec.ServiceLevel.Percent) / 100, Within: seen.pool.Spec.ServiceLevel.Within.Seconds(),
	}
	chat := staffing.Chat{Agents: p.Agents, Rates: rates, Arrivals: m.state.Arriving(), Patience: patience}
	out := &v1alpha1.PoolPeople{Needed: int32(staffing.Needed(chat, level, mostAgents))}
	within := seen.pool.Spec.ServiceLevel.Within.Duration
	out.Level = achieved(chat, level, within)
	a := chat.Answers(level.Within)
	out.ExpectedWait, out.Occupancy = "unbounded", fmt.Sprintf("%.0f%%", 100*a.Occupancy)
	if !math.IsInf(a.MeanWait, 1) {
		out.ExpectedWait = time.Duration(math.Round(a.MeanWait) * float64(time.Second)).String()
	}
	out.Why = fmt.Sprintf("%.1f a minute arrive; an agent with %d conversations at once takes %s for each", chat.Arrivals*60, slots,
		time.Duration(math.Round(rates.Handling(slots))*float64(time.Second)))
	if falls {
		out.Why += fmt.Sprintf("; with %d at once agents finish fewer than with %d: lower conversationsPerAgent", slots, slots-1)
	}
	for _, n := range []int{int(out.Needed) - 2, int(out.Needed) - 1, int(out.Needed), int(out.Needed) + 1, int(out.Needed) + 2} {
		if n > 0 {
			chat.Agents = n
			out.WhatIf = append(out.WhatIf, fmt.Sprintf("with %d agents: %s", n, achieved(chat, level, within)))
		}
	}
	if m.staffing != nil {
		out.Days = m.staffing.Days
	}
	if look.Now.Sub(m.weekAt) >= weekEvery {
		m.weekAt = look.Now
		out.Days = m.week(spec, look.Now, chat, level)
	}
	m.staffing = out
	switch {
	case int32(p.Agents) >= out.Needed:
		m.shortSince = time.Time{}
	case m.shortSince.IsZero():
		m.shortSince = look.Now
	}
}

func achieved(c staffing.Chat, l staffing.Level, within time.Duration) string {
	return fmt.Sprintf("%.0f%% within %s", 100*c.Answers(l.Within).AnsweredWithin, within)
}

// worked notes what agents did: conversations are spread evenly over them, and so are the completions over conversations.
func (m *poolMemory) worked(agents, active int, seconds, done float64) {
	done = max(done, 0)
	each, more := active/agents, active%agents
	m.completions.Add(each+1, float64(more)*seconds, done*float64(more*(each+1))/float64(active))
	m.completions.Add(each, float64(agents-more)*seconds, done*float64((agents-more)*each)/float64(active))
	m.completions.Fade(math.Exp(-seconds / (14 * 86400)))
}

// week is how many agents each hour of the coming week needs; nil until a day was seen.
//
// A conversation that arrives at 08:00 still takes its agent at 08:10, so that a steep opening loads the agents later than it
// arrives: each quarter's load follows the arrivals with the handling time as its lag, and an hour needs what its worst quarter
// does.
func (m *poolMemory) week(spec capacity.Spec, now time.Time, c staffing.Chat, l staffing.Level) []v1alpha1.PoolDay {
	handling := c.Rates.Handling(len(c.Rates))
	stay := math.Exp(-900 / handling)
	local := now.In(spec.Zone)
	at := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, spec.Zone)
	lagged, known := m.state.Expected(spec.Zone, at.Add(-15*time.Minute))
	if !known {
		return nil
	}
	var out []v1alpha1.PoolDay
	before, needed := -1.0, 0
	for range 7 {
		day := v1alpha1.PoolDay{Date: v1alpha1.Date(at.Format(time.DateOnly))}
		for range 24 {
			worst := 0.0
			for range 4 {
				rate, ok := m.state.Expected(spec.Zone, at)
				if !ok {
					return nil
				}
				lagged = lagged*stay + rate*(1-stay)
				worst = max(worst, lagged)
				at = at.Add(15 * time.Minute)
			}
			if worst = math.Round(worst*6000) / 6000; worst != before { // a hundredth of a conversation a minute
				c.Arrivals, before = worst, worst
				needed = staffing.Needed(c, l, mostAgents)
			}
			day.Needed = append(day.Needed, int32(needed))
		}
		out = append(out, day)
	}
	return out
}

// staffed says whether the people suffice; nil where that is not known.
func (s *poolSeen) staffed() *metav1.Condition {
	p := s.view.Pool(s.name)
	if s.people == nil || p == nil || s.view.Stale {
		return nil
	}
	planned, roster := s.planned(s.now)
	var c metav1.Condition
	switch at, short := s.shortHour(); {
	case short != "" && roster:
		c = no(v1alpha1.ConditionStaffed, v1alpha1.ReasonRosterShort, fmt.Sprintf("%s; add people to spec.hours from %s", short, at.Format("15:04 Monday")))
	case roster && planned == 0:
		return nil // closed
	case int32(p.Agents) < s.people.Needed && s.short < shortFor:
		return nil // people go for coffee
	case int32(p.Agents) < s.people.Needed:
		c = no(v1alpha1.ConditionStaffed, v1alpha1.ReasonTooFewAgents, fmt.Sprintf("%d agents are needed for %d%% within %s; fewer are signed in",
			s.people.Needed, s.pool.Spec.ServiceLevel.Percent, s.pool.Spec.ServiceLevel.Within.Duration))
	default:
		c = yes(v1alpha1.ConditionStaffed, v1alpha1.ReasonEnoughAgents, "the agents signed in keep the service level")
	}
	return &c
}

// shortHour is the first of the coming hours whose roster has too few.
func (s *poolSeen) shortHour() (time.Time, string) {
	zone := s.zone()
	hour := s.now.In(zone).Truncate(time.Hour).Add(time.Hour)
	for until := s.now.Add(warnAhead); hour.Before(until); hour = hour.Add(time.Hour) {
		planned, roster := s.planned(hour)
		if !roster || planned == 0 {
			continue
		}
		for _, d := range s.people.Days {
			if string(d.Date) == hour.Format(time.DateOnly) && hour.Hour() < len(d.Needed) && d.Needed[hour.Hour()] > planned {
				return hour, fmt.Sprintf("%s needs %d agents for %d%% within %s, and the roster has %d", hour.Format("15:04 Monday"),
					d.Needed[hour.Hour()], s.pool.Spec.ServiceLevel.Percent, s.pool.Spec.ServiceLevel.Within.Duration, planned)
			}
		}
	}
	return hour, ""
}

func (s *poolSeen) zone() *time.Location {
	if zone, err := time.LoadLocation(s.tenant.Spec.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// planned is how many agents the roster has at a moment, and whether there is a roster.
func (s *poolSeen) planned(at time.Time) (agents int32, roster bool) {
	local := at.In(s.zone())
	day, clock := v1alpha1.Day(local.Format("Mon")), local.Format("15:04")
	for _, h := range s.pool.Spec.Hours {
		roster = roster || h.Agents > 0
		for _, d := range h.Days {
			if d == day && h.From <= clock && clock < h.To {
				agents += h.Agents
			}
		}
	}
	return agents, roster
}

// dry says that a decision is not carried out.
func (s *poolSeen) dry() string {
	if s.pool.Spec.Workers.DryRun {
		return "dry run: "
	}
	return ""
}

// measure shows what a decision went by, and what it means for people.
func measure(s *poolSeen, look capacity.Observation, state capacity.State) {
	set := func(figure string, v float64) {
		poolFigures.WithLabelValues(s.pool.Namespace, s.pool.Name, figure).Set(v)
	}
	if look.Fresh {
		set("waiting", float64(look.WaitingForWorker+look.WaitingForAgent))
		set("active", float64(look.Active))
	}
	set("arrivals_per_second", state.Arriving())
	set("start_seconds", state.StartSeconds())
	if s.people != nil {
		set("people_needed", float64(s.people.Needed))
		if wait, err := time.ParseDuration(s.people.ExpectedWait); err == nil {
			set("people_expected_wait_seconds", wait.Seconds())
		}
	}
}
