package controllers

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/link"
)

// counterAt is a pool at a local time, with agents signed in and needed.
func counterAt(t *testing.T, zone, local string, hours []v1alpha1.Hours, agents, needed int) *poolSeen {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	now, err := time.ParseInLocation("2006-01-02 15:04", local, place)
	if err != nil {
		t.Fatal(err)
	}
	ap := pool("ns", "contact-centre")
	ap.Spec.Hours, ap.Spec.ConversationsPerAgent = hours, 4
	ap.Spec.ServiceLevel = v1alpha1.ServiceLevel{Percent: 80, Within: metav1.Duration{Duration: time.Minute}}
	return &poolSeen{
		judgement: judgement{name: "contact-centre", now: now, generation: 1, tenant: &v1alpha1.BotTenant{}, view: link.View{
			Status: &bundle.Status{Pools: []bundle.Pool{{Name: "contact-centre", Agents: agents}}},
		}},
		pool: ap, class: &v1alpha1.TenantClass{}, desk: &facts{Wanted: 1}, zone: place,
		people: &v1alpha1.PoolPeople{Needed: int32(needed)},
	}
}

var officeHours = []v1alpha1.Hours{{Days: []v1alpha1.Day{"Mon", "Tue", "Wed", "Thu", "Fri"}, From: "08:00", To: "16:00"}}

// story lets a counter's verdict be told over time, and returns each reason that is told anew.
func story(s *poolSeen, m *poolPeople, each time.Duration, agents, needed func(minute int) int, minutes int) []string {
	var told []string
	for minute := 0; minute <= minutes; minute += int(each.Minutes()) {
		s.view.Status.Pools[0].Agents = agents(minute)
		s.people.Needed = int32(needed(minute))
		if c, _ := m.staffed(s); c != nil {
			before := meta.FindStatusCondition(s.before.Conditions, c.Type)
			if before == nil || before.Reason != c.Reason {
				told = append(told, c.Reason)
			}
			set(&s.before.Conditions, s.generation, metav1.NewTime(s.now), *c)
		}
		s.now = s.now.Add(each)
	}
	return told
}

func always(n int) func(int) int { return func(int) int { return n } }

func TestWhatIsToldOfThePeople(t *testing.T) {
	swings := func(minute int) int { return 11 + minute%2 }
	for name, c := range map[string]struct {
		local          string
		hours          []v1alpha1.Hours
		agents, needed func(int) int
		minutes        int
		told           string
	}{
		"at night nobody is missed":                {"2026-11-23 20:00", officeHours, always(0), always(1), 11 * 60, "OutsideHours"},
		"on a Sunday nobody is missed":             {"2026-11-22 09:00", officeHours, always(0), always(3), 8 * 60, "OutsideHours"},
		"eleven of eleven or twelve call nobody":   {"2026-11-23 09:00", officeHours, always(11), swings, 6 * 60, "EnoughAgents"},
		"a coffee calls nobody":                    {"2026-11-23 09:00", officeHours, func(m int) int { return 4 - (m/4)%2 }, always(4), 120, "EnoughAgents"},
		"too few for five minutes call":            {"2026-11-23 09:00", officeHours, always(3), always(4), 60, "TooFewAgents"},
		"back for two minutes is not back":         {"2026-11-23 09:00", officeHours, func(m int) int { return 3 + (m%10)/8 }, always(4), 120, "TooFewAgents"},
		"back for ten minutes is back":             {"2026-11-23 09:00", officeHours, func(m int) int { return 3 + m/30 }, always(4), 60, "TooFewAgents EnoughAgents"},
		"the evening ends what the day was short":  {"2026-11-23 15:00", officeHours, always(0), always(4), 180, "TooFewAgents OutsideHours"},
		"who never shuts is told at any hour":      {"2026-11-23 03:00", nil, always(0), always(1), 60, "TooFewAgents"},
		"nobody needed is nobody missed, any hour": {"2026-11-23 03:00", nil, always(0), always(0), 60, "EnoughAgents"},
	} {
		t.Run(name, func(t *testing.T) {
			s := counterAt(t, "Asia/Jakarta", c.local, c.hours, 0, 0)
			if told := strings.Join(story(s, &poolPeople{}, time.Minute, c.agents, c.needed, c.minutes), " "); told != c.told {
				t.Errorf("told %q, not %q", told, c.told)
			}
		})
	}
}

// needing is a day's hours that need so many agents, all of them.
func needing(date string, agents int32) v1alpha1.PoolDay {
	d := v1alpha1.PoolDay{Date: v1alpha1.Date(date)}
	for range 24 {
		d.Needed = append(d.Needed, agents)
	}
	return d
}

func TestAShortHourIsToldHoursAheadAndOnce(t *testing.T) {
	roster := []v1alpha1.Hours{
		{Days: []v1alpha1.Day{"Mon", "Tue"}, From: "08:30", To: "12:00", Agents: 9},
		{Days: []v1alpha1.Day{"Mon", "Tue"}, From: "12:00", To: "16:00", Agents: 4},
	}
	s := counterAt(t, "Asia/Jakarta", "2026-11-23 06:00", roster, 9, 3)
	s.people.Days = []v1alpha1.PoolDay{needing("2026-11-23", 6), needing("2026-11-24", 6)}
	m := &poolPeople{}
	c, _ := m.staffed(s)
	if c == nil || c.Reason != v1alpha1.ReasonRosterShort || !strings.HasPrefix(c.Message, "12:00 Monday needs 6 agents for 80% within 1m0s, and the roster has 4") {
		t.Fatalf("six hours ahead it says %+v", c)
	}
	// The count of the week goes up and down by one each hour; the hours that are short stay so, with an hour between that is not.
	told := story(s, m, time.Minute, always(9), func(minute int) int {
		s.people.Days = []v1alpha1.PoolDay{needing("2026-11-23", 5-int32(minute/60)%2), needing("2026-11-24", 5-int32(minute/60)%2)}
		return 3
	}, 8*60)
	if len(told) > 2 || told[0] != v1alpha1.ReasonRosterShort {
		t.Errorf("told %q", told)
	}
	// Mended, it is told at once.
	s.pool.Spec.Hours[1].Agents, s.generation = 9, 2
	if c, _ := m.staffed(s); c == nil || c.Reason != v1alpha1.ReasonEnoughAgents && c.Reason != v1alpha1.ReasonOutsideHours {
		t.Errorf("mended, it says %+v", c)
	}
}

// In Kolkata the clock is at half past when it is on the hour in London: an hour of the roster begins when the wall's clock says so.
func TestTheRostersHoursAreThoseOfTheWall(t *testing.T) {
	roster := []v1alpha1.Hours{{Days: []v1alpha1.Day{"Mon"}, From: "09:00", To: "10:00", Agents: 2}}
	s := counterAt(t, "Asia/Kolkata", "2026-11-23 07:10", roster, 2, 1)
	s.people.Days = []v1alpha1.PoolDay{needing("2026-11-23", 1)}
	s.people.Days[0].Needed[9] = 5
	if short := s.shortHour(); !strings.HasPrefix(short, "09:00 Monday needs 5") {
		t.Errorf("it says %q", short)
	}
}

// learnt is a state that has seen each quarter of an hour of a week.
func learnt(rate func(day, quarter int) float64) capacity.State {
	_, s := capacity.Decide(capacity.Spec{}, capacity.State{}, capacity.Observation{Now: time.Unix(0, 0)})
	for i := range s.Season {
		s.Season[i] = float32(rate(i/96, i%96))
	}
	return s
}

func TestTheWeekIsThatOfTheClockOnTheWall(t *testing.T) {
	// Nobody comes but from nine to ten, each day. On Sunday 29 March 2026 the hour from two to three is left out.
	state := learnt(func(_, quarter int) float64 {
		if quarter/4 == 9 {
			return 0.2
		}
		return 0
	})
	s := counterAt(t, "Europe/Berlin", "2026-03-27 12:00", nil, 0, 0)
	days := (&poolPeople{}).week(s, &state)
	if len(days) != 7 || days[2].Date != "2026-03-29" || days[3].Date != "2026-03-30" {
		t.Fatalf("the week is %+v", days)
	}
	for _, d := range days {
		if len(d.Needed) != 24 || d.Needed[8] != 0 || d.Needed[9] < 5 || d.Needed[9] < d.Needed[10] {
			t.Errorf("%s needs %v", d.Date, d.Needed)
		}
	}
}

func TestAHolidayNeedsNobodyOnlyWhereThePoolIsShut(t *testing.T) {
	state := learnt(func(int, int) float64 { return 0.1 })
	s := counterAt(t, "Asia/Jakarta", "2026-12-24 12:00", officeHours, 0, 0)
	s.pool.Spec.Workers.Holidays = []v1alpha1.Date{"2026-12-25"}
	days := (&poolPeople{}).week(s, &state)
	if d := days[1]; d.Date != "2026-12-25" || d.Needed[10] == 0 || d.Needed[7] != 0 || d.Needed[16] != 0 {
		t.Errorf("on a holiday that is open, %s needs %v", d.Date, d.Needed)
	}
	if d := days[2]; d.Date != "2026-12-26" || d.Needed[10] != 0 {
		t.Errorf("on a Saturday that is shut, %s needs %v", d.Date, d.Needed)
	}
}

func TestOnlyWhatAPersonWouldNoticeIsWritten(t *testing.T) {
	base := func() v1alpha1.AgentPoolStatus {
		return v1alpha1.AgentPoolStatus{Waiting: "<10", Active: "~40", Agents: 4, Why: "waiting 3 + active 41 over 60 a worker = 1",
			People: &v1alpha1.PoolPeople{Needed: 4, Level: "84% within 1m0s", ExpectedWait: "3s", Occupancy: "71%"}}
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.AgentPoolStatus)
		same   bool
	}{
		"the sum's figures move":         {func(s *v1alpha1.AgentPoolStatus) { s.Why = "waiting 4 + active 42 over 60 a worker = 1" }, true},
		"a point of the level":           {func(s *v1alpha1.AgentPoolStatus) { s.People.Level, s.People.Occupancy = "83% within 1m0s", "72%" }, true},
		"a second of the expected wait":  {func(s *v1alpha1.AgentPoolStatus) { s.People.ExpectedWait = "4s" }, true},
		"a wait that is one":             {func(s *v1alpha1.AgentPoolStatus) { s.People.ExpectedWait = "4m10s" }, false},
		"a wait without an end":          {func(s *v1alpha1.AgentPoolStatus) { s.People.ExpectedWait = "unbounded" }, false},
		"another class of conversations": {func(s *v1alpha1.AgentPoolStatus) { s.Active = "~50" }, false},
		"an agent more":                  {func(s *v1alpha1.AgentPoolStatus) { s.Agents = 5 }, false},
		"an agent more is needed":        {func(s *v1alpha1.AgentPoolStatus) { s.People.Needed = 5 }, false},
		"the first count of people":      {func(s *v1alpha1.AgentPoolStatus) { s.People = nil }, false},
	} {
		after := base()
		c.change(&after)
		if !onlyFigures(base(), after) || sameToPeople(base(), after) != c.same {
			t.Errorf("%s: only figures %v, the same %v", name, onlyFigures(base(), after), sameToPeople(base(), after))
		}
	}
	before, after := base(), base()
	set(&before.Conditions, 1, metav1.Now(), no(v1alpha1.ConditionStaffed, v1alpha1.ReasonTooFewAgents, "5 are needed"))
	set(&after.Conditions, 1, before.Conditions[0].LastTransitionTime, no(v1alpha1.ConditionStaffed, v1alpha1.ReasonTooFewAgents, "6 are needed"))
	if !onlyFigures(before, after) {
		t.Error("how many are missing is more than a figure")
	}
	if set(&after.Conditions, 1, metav1.Now(), yes(v1alpha1.ConditionStaffed, v1alpha1.ReasonEnoughAgents, "")); onlyFigures(before, after) {
		t.Error("whether any are missing is a figure")
	}
}

func FuzzWhatWasKept(f *testing.F) {
	state := learnt(func(int, int) float64 { return 0.1 })
	body, err := state.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"capacity":` + string(body) + `,"completions":{"seconds":[1],"done":[2]}}`)
	f.Add(`{"capacity":null,"completions":{"seconds":[-1]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		s := counterAt(t, "Asia/Jakarta", "2026-11-23 09:00", officeHours, 3, 0)
		state, completions, err := readKept(body, s.now)
		if err != nil {
			return
		}
		m := poolPeople{completions: completions}
		m.count(s, &state)
		for _, d := range m.week(s, &state) {
			for _, n := range d.Needed {
				if n < 0 || n > mostAgents {
					t.Fatalf("%s needs %v", d.Date, d.Needed)
				}
			}
		}
	})
}

func BenchmarkTheWeeksPeople(b *testing.B) {
	state := learnt(func(day, quarter int) float64 { return 0.2 + float64(day)/50 + float64(quarter)/100 })
	place := time.FixedZone("WIB", 7*3600)
	ap := pool("ns", "contact-centre")
	ap.Spec.ConversationsPerAgent = 4
	ap.Spec.ServiceLevel = v1alpha1.ServiceLevel{Percent: 80, Within: metav1.Duration{Duration: time.Minute}}
	s := &poolSeen{judgement: judgement{now: time.Date(2026, 11, 23, 9, 0, 0, 0, place)}, pool: ap, zone: place}
	for b.Loop() {
		(&poolPeople{}).week(s, &state)
	}
}
