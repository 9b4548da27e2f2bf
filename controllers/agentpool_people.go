package controllers

import (
	"fmt"
	"math"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/capacity/staffing"
)

const (
	// peopleEvery is how often people are counted, and weekEvery how often those of the coming week: neither is worth a citizen's
	// wait for a worker, so that it is done after scaling, and seldom.
	peopleEvery = 3 * time.Minute
	weekEvery   = time.Hour
	mostAgents  = 10000
	// longestLook is the longest time between two looks of which it is known how busy the agents were.
	longestLook = 75 * time.Second
	// hardlyAnybody is a rate of arrivals, a second, for which nobody need sit and wait: less than one an hour.
	hardlyAnybody = 1.0 / 3600
)

// poolPeople is what is remembered of a pool's people between two observations.
type poolPeople struct {
	// completions of the pool's agents, by how many conversations they had at once.
	completions staffing.Completions
	// said is the last count, nil before the first.
	said *v1alpha1.PoolPeople
	// countedAt and weekAt are when people were counted last, and those of the week.
	countedAt, weekAt time.Time
	// lookedAt and finished are when and how many conversations had been finished at the last look.
	lookedAt time.Time
	finished int64
	verdict  settling
}

// look learns how fast agents are, and counts once in a while how many are needed.
func (m *poolPeople) look(seen *poolSeen, state *capacity.State, look capacity.Observation) {
	if !look.Fresh {
		return
	}
	p := seen.view.Pool(seen.name)
	// Finished are those that an agent closed, and nobody else.
	if dt := look.Now.Sub(m.lookedAt); !m.lookedAt.IsZero() && dt > 0 && dt <= longestLook && p.Agents > 0 && p.Active > 0 {
		m.worked(p.Agents, p.Active, dt.Seconds(), float64(look.Finished-m.finished))
	}
	m.lookedAt, m.finished = look.Now, look.Finished
	if look.Now.Sub(m.countedAt) < peopleEvery || state.Arriving() <= 0 {
		return
	}
	m.countedAt = look.Now
	// What is said is shared with statuses that are being written: a count is a new one.
	out := m.count(seen, state)
	if m.said != nil {
		out.Days = m.said.Days
	}
	if look.Now.Sub(m.weekAt) >= weekEvery {
		m.weekAt = look.Now
		out.Days = m.week(seen, state)
	}
	m.said = out
}

// counter is the pool's counter as it is, but for who works there.
func (m *poolPeople) counter(seen *poolSeen, arrivals float64) (staffing.Chat, staffing.Level, bool) {
	s := seen.pool.Spec
	rates, falls := m.completions.Rates(int(s.ConversationsPerAgent))
	// The runtime does not tell yet who went unanswered, so that patience is what is thought of it beforehand.
	return staffing.Chat{Rates: rates, Arrivals: arrivals, Patience: staffing.Patience{}.Mean()},
		staffing.Level{Share: float64(s.ServiceLevel.Percent) / 100, Within: s.ServiceLevel.Within.Seconds()}, falls
}

// count says how many agents are needed now, and what those and others achieve.
func (m *poolPeople) count(seen *poolSeen, state *capacity.State) *v1alpha1.PoolPeople {
	p, within := seen.view.Pool(seen.name), seen.pool.Spec.ServiceLevel.Within.Duration
	chat, level, falls := m.counter(seen, state.Arriving())
	if p.WaitingForAgent == 0 && chat.Arrivals < hardlyAnybody || !open(seen.pool.Spec.Hours, seen.now.In(seen.zone)) {
		return &v1alpha1.PoolPeople{Why: "hardly anybody comes, or nobody is expected to answer now"}
	}
	out := &v1alpha1.PoolPeople{Needed: int32(staffing.Needed(chat, level, mostAgents))}
	achieved := func(agents int) string {
		chat.Agents = agents
		return fmt.Sprintf("%.0f%% within %s", 100*chat.Answers(level.Within).AnsweredWithin, within)
	}
	out.Level = achieved(p.Agents)
	a := chat.Answers(level.Within)
	out.ExpectedWait, out.Occupancy = "unbounded", fmt.Sprintf("%.0f%%", 100*a.Occupancy)
	if !math.IsInf(a.MeanWait, 1) {
		out.ExpectedWait = time.Duration(math.Round(a.MeanWait) * float64(time.Second)).String()
	}
	slots := len(chat.Rates)
	out.Why = fmt.Sprintf("%.1f a minute arrive; an agent with %d conversations at once takes %s for each", chat.Arrivals*60, slots,
		time.Duration(math.Round(chat.Rates.Handling(slots))*float64(time.Second)))
	if falls {
		out.Why += fmt.Sprintf("; with %d at once agents finish fewer than with %d: lower conversationsPerAgent", slots, slots-1)
	}
	for n := int(out.Needed) - 2; n <= int(out.Needed)+2; n++ {
		if n > 0 {
			out.WhatIf = append(out.WhatIf, fmt.Sprintf("with %d agents: %s", n, achieved(n)))
		}
	}
	return out
}

// worked notes what agents did: conversations are spread evenly over them, and so are the completions over conversations.
func (m *poolPeople) worked(agents, active int, seconds, done float64) {
	done = max(done, 0) // the counter may be another
	each, more := active/agents, active%agents
	m.completions.Add(each+1, float64(more)*seconds, done*float64(more*(each+1))/float64(active))
	m.completions.Add(each, float64(agents-more)*seconds, done*float64((agents-more)*each)/float64(active))
	m.completions.Fade(math.Exp(-seconds / (14 * 86400)))
}

// week is how many agents each hour of the coming week needs, none while the pool is shut; nil until a day was seen.
//
// A conversation that arrives at 08:00 still takes its agent at 08:10, so that a steep opening loads the agents later than it
// arrives: each quarter's load follows the arrivals with the handling time as its lag, and an hour needs what its worst open
// quarter does. Hours are those of the clock on the wall: where it is put forward, the hour that is left out has the next one's.
func (m *poolPeople) week(seen *poolSeen, state *capacity.State) []v1alpha1.PoolDay {
	chat, level, _ := m.counter(seen, 0)
	stay := math.Exp(-900 / chat.Rates.Handling(len(chat.Rates)))
	local := seen.now.In(seen.zone)
	at := func(day, hour, quarter int) time.Time {
		return time.Date(local.Year(), local.Month(), local.Day()+day, hour, 15*quarter, 0, 0, seen.zone)
	}
	lagged, known := state.Expected(seen.zone, at(0, 0, -1))
	if !known {
		return nil
	}
	var out []v1alpha1.PoolDay
	before, needed := -1.0, 0
	for day := range 7 {
		d := v1alpha1.PoolDay{Date: v1alpha1.Date(at(day, 0, 0).Format(time.DateOnly))}
		for hour := range 24 {
			worst := 0.0
			for quarter := range 4 {
				rate, ok := state.Expected(seen.zone, at(day, hour, quarter))
				if !ok {
					return nil
				}
				if lagged = lagged*stay + rate*(1-stay); open(seen.pool.Spec.Hours, at(day, hour, quarter)) {
					worst = max(worst, lagged)
				}
			}
			if worst < hardlyAnybody {
				worst = 0
			}
			if worst = math.Round(worst*6000) / 6000; worst != before { // a hundredth of a conversation a minute
				chat.Arrivals, before = worst, worst
				needed = staffing.Needed(chat, level, mostAgents)
			}
			d.Needed = append(d.Needed, int32(needed))
		}
		out = append(out, d)
	}
	return out
}

// measure shows what a decision went by, and what it means for people.
func measure(s *poolSeen, d capacity.Decision, look capacity.Observation, state capacity.State) {
	set := func(figure string, v float64) {
		poolFigures.WithLabelValues(s.pool.Namespace, s.pool.Name, figure).Set(v)
	}
	if look.Fresh {
		set("waiting", float64(look.WaitingForWorker+look.WaitingForAgent))
		set("active", float64(look.Active))
	}
	if s.scales() {
		workersWanted.WithLabelValues(s.pool.Namespace, s.pool.Name).Set(float64(s.byDemand(d).Workers))
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
