package capacity

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// pool of the tables: 1 to 10 workers of 60 conversations.
func pool(change func(*Spec)) Spec {
	s := Spec{Min: 1, Max: 10, Ceiling: 50, ConversationsPerWorker: 60, Start: 20 * time.Second}
	if change != nil {
		change(&s)
	}
	return s
}

// a moment of a story: what is seen so many seconds after nine, and what is decided.
type moment struct {
	second          int
	waiting, active int
	blind           bool
	workers         int32
	why             string
}

func TestWorkersFollowDemand(t *testing.T) {
	three, sixty := int32(3), int32(60)
	for name, story := range map[string]struct {
		spec    Spec
		workers int32 // at the start
		moments []moment
	}{
		"a surge is met at once": {pool(nil), 2, []moment{
			{0, 42, 180, false, 4, "waiting 42 + active 180 over 60 a worker = 4"},
		}},
		"one more than a worker holds is a worker more": {pool(nil), 1, []moment{
			{0, 1, 60, false, 2, "waiting 1 + active 60 over 60 a worker = 2"},
		}},
		"a full worker is not two": {pool(nil), 1, []moment{
			{0, 0, 60, false, 1, "waiting 0 + active 60 over 60 a worker = 1"},
		}},
		"a large pool is not written for each worker": {pool(func(s *Spec) { s.Max, s.Ceiling = 100, 0 }), 50, []moment{
			{0, 0, 3001, false, 54, "waiting 0 + active 3001 over 60 a worker = 51; reserve +3"},
		}},
		"and is never short of its most by what nobody needs": {pool(func(s *Spec) { s.Max, s.Ceiling = 52, 0 }), 50, []moment{
			{0, 0, 3001, false, 52, "waiting 0 + active 3001 over 60 a worker = 51; reserve +1"},
		}},
		"nobody there leaves the least": {pool(nil), 1, []moment{
			{0, 0, 0, false, 1, "waiting 0 + active 0 over 60 a worker = 0; at least 1"},
		}},
		"the most is the most": {pool(nil), 1, []moment{
			{0, 1000, 0, false, 10, "waiting 1000 + active 0 over 60 a worker = 17; at most 10"},
			{2, 1000, 0, false, 10, "waiting 1000 + active 0 over 60 a worker = 17; at most 10"},
		}},
		"one step at a time, where that is asked for": {pool(func(s *Spec) { s.Step = 2 }), 1, []moment{
			{0, 0, 400, false, 3, "waiting 0 + active 400 over 60 a worker = 7; 3 held by step"},
			{2, 0, 400, false, 5, "waiting 0 + active 400 over 60 a worker = 7; 5 held by step"},
		}},
		"the class's ceiling is above the pool's wish": {pool(func(s *Spec) { s.Min, s.Ceiling = 8, 5 }), 1, []moment{
			{0, 0, 0, false, 5, "waiting 0 + active 0 over 60 a worker = 0; at least 5"},
		}},
		"blind, nothing goes down": {pool(nil), 4, []moment{
			{0, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 held until surely not needed"},
			{50, 0, 0, true, 4, "no fresh figures from the runtime: workers stay at 4"},
			{3600, 0, 0, true, 4, "no fresh figures from the runtime: workers stay at 4"},
		}},
		"blind, the limits hold all the same": {pool(func(s *Spec) { s.Min = 2 }), 1, []moment{
			{0, 0, 0, true, 2, "no fresh figures from the runtime: the limits move workers from 1 to 2"},
		}},
		"somebody else decides": {pool(func(s *Spec) { s.External = &three }), 9, []moment{
			{0, 500, 500, false, 3, "spec.workers.replicas = 3"},
		}},
		"somebody else decides, below the class's ceiling": {pool(func(s *Spec) { s.External = &sixty }), 9, []moment{
			{0, 0, 0, true, 50, "spec.workers.replicas = 60, at most 50"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			state, workers := State{}, story.workers
			for _, m := range story.moments {
				var d Decision
				d, state = Decide(story.spec, state, Observation{
					Now: monday.Add(time.Duration(m.second) * time.Second), Workers: workers, Ready: workers,
					Fresh: !m.blind, WaitingForAgent: m.waiting, Active: m.active,
				})
				if d.Workers != m.workers || d.Reasons.String() != m.why {
					t.Errorf("after %d s: %d because %q, not %d because %q", m.second, d.Workers, d.Reasons, m.workers, m.why)
				}
				workers = d.Workers
			}
		})
	}
}

// counter is a small day: conversations come at a rate and stay eight minutes, and workers start as slowly as is told.
type counter struct {
	spec          Spec
	state         State
	now           time.Time
	load, arrived float64
	workers       int32
	ready         int32
	readyAt       time.Time
}

func (c *counter) run(d time.Duration, rate func(time.Time) float64, each func(Decision, Observation)) {
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(2 * time.Second)
		came := 2 * rate(c.now)
		c.arrived += came
		c.load += came - c.load*2/480
		if c.ready = min(max(c.ready, 1), c.workers); !c.now.Before(c.readyAt) {
			c.ready = c.workers
		}
		o := Observation{Now: c.now, Fresh: true, Active: int(c.load), Arrived: int64(c.arrived), Finished: int64(c.arrived - c.load),
			Workers: c.workers, Ready: c.ready, Starting: c.workers - c.ready}
		var d Decision
		if d, c.state = Decide(c.spec, c.state, o); d.Workers > c.workers {
			c.readyAt = c.now.Add(c.spec.Start)
		}
		c.workers = d.Workers
		if each != nil {
			each(d, o)
		}
	}
}

// door opens at nine: nobody before, half a conversation a second until four.
func door(t time.Time) float64 {
	if h := t.Hour(); h >= 9 && h < 16 {
		return 0.5
	}
	return 0.003
}

func TestTheOpeningIsMetBeforeItComesOnceADayWasSeen(t *testing.T) {
	c := counter{spec: pool(func(s *Spec) { s.Start = 90 * time.Second }), now: monday.Add(-2 * time.Hour), workers: 1}
	atNine := [3]int32{}
	for day := range atNine {
		c.run(24*time.Hour, func(at time.Time) float64 { return 3 * door(at) }, func(d Decision, o Observation) {
			if o.Now.Hour() < 9 && o.Now.Hour() >= 8 {
				atNine[day] = d.Workers
			}
		})
	}
	if atNine[0] != 1 || atNine[1] < 2 || atNine[2] < 2 {
		t.Errorf("just before nine there are %v workers, day by day", atNine)
	}
}

func TestAGapsArrivalsAreNoPeak(t *testing.T) {
	c := counter{spec: pool(nil), now: monday.Add(time.Hour), workers: 4}
	flat := func(time.Time) float64 { return 0.4 }
	c.run(time.Hour, flat, nil)
	c.now = c.now.Add(40 * time.Minute) // nobody looked
	c.arrived += 0.4 * 2400
	c.run(40*time.Minute, flat, nil)
	for i, v := range c.state.Season {
		if v >= 0 && math.Abs(float64(v)-0.4) > 0.02 {
			t.Errorf("quarter %d has %.2f arrivals a second, not 0.4", i, v)
		}
	}
}

// While nobody could look the rate has moved. That is no burst, which would make the next hours' falls both late and rash.
func TestAGapIsNoBurst(t *testing.T) {
	c := counter{spec: pool(nil), now: monday.Add(time.Hour), workers: 4}
	c.run(time.Hour, func(time.Time) float64 { return 0.4 }, nil)
	for range 20 { // minutes without figures
		c.now = c.now.Add(time.Minute)
		c.arrived += 60
		c.load += 60 - c.load/8
		_, c.state = Decide(c.spec, c.state, Observation{Now: c.now, Workers: c.workers, Ready: c.workers})
	}
	c.run(5*time.Minute, func(time.Time) float64 { return 1 }, nil)
	if c.state.Burst > 1.5 {
		t.Errorf("after a gap arrivals are thought to vary %.1f times as much as Poisson's", c.state.Burst)
	}
}

// No two mornings are alike to the minute, and nobody can see this one.
func TestAnOpeningInAGapMayComeSomeMinutesSooner(t *testing.T) {
	c := counter{spec: pool(func(s *Spec) { s.Max, s.Ceiling = 100, 0 }), now: monday.Add(-2 * time.Hour), workers: 1}
	sooner := time.Duration(0)
	ramp := func(at time.Time) float64 { // from nine to ten six more a second
		return 0.05 + 6*min(max(at.Add(sooner).Sub(at.Truncate(24*time.Hour).Add(9*time.Hour)).Hours(), 0), 1)*float64(min(max(20-at.Hour(), 0), 1))
	}
	c.run(49*time.Hour+40*time.Minute, ramp, nil)
	if c.now.Hour() != 8 || c.now.Minute() != 40 {
		t.Fatalf("it is %s", c.now)
	}
	sooner = 4 * time.Minute
	for range 70 * 30 { // until ten
		c.now = c.now.Add(2 * time.Second)
		came := 2 * ramp(c.now)
		c.load += came - c.load*2/480
		if int(c.now.Unix())%60 == 0 {
			var d Decision
			d, c.state = Decide(c.spec, c.state, Observation{Now: c.now, Workers: c.workers, Ready: c.workers})
			c.workers = d.Workers
		}
		if room := 60 * float64(c.workers); c.load > room {
			t.Fatalf("at %s %.0f are there, and room for %.0f", c.now.Format("15:04:05"), c.load, room)
		}
	}
}

// Once a day was seen, those who came through a door while nobody looked are booked to when it was open.
func TestAGapOverAnOpeningDoesNotSmearIt(t *testing.T) {
	c := counter{spec: pool(nil), now: monday.Add(-2 * time.Hour), workers: 1}
	c.run(25*time.Hour+30*time.Minute, door, nil) // until Tuesday 08:30
	if c.now.Hour() != 8 || c.now.Minute() != 30 {
		t.Fatalf("it is %s", c.now)
	}
	c.now = c.now.Add(time.Hour) // nobody looked until 09:30
	c.arrived += 0.003*1800 + 0.5*1800
	c.run(20*time.Minute, door, nil)
	tuesday := func(hour, quarter int) float64 { return float64(c.state.Season[96+4*hour+quarter]) }
	if before, after := tuesday(8, 2), tuesday(9, 0); before > 0.02 || after < 0.45 || after > 0.55 {
		t.Errorf("at 08:30 %.3f a second are known and at 09:00 %.3f; there were 0.003 and 0.5", before, after)
	}
}

func TestTheDaysHoursOfWorkersAreACap(t *testing.T) {
	c := counter{spec: pool(func(s *Spec) { s.DailyHours = 4 }), now: monday.Add(30 * time.Minute), workers: 1}
	said := false
	c.run(6*time.Hour, door, func(d Decision, o Observation) { said = said || d.Reasons.Has(CostCap) })
	c.run(time.Hour, func(time.Time) float64 { return 1 }, func(d Decision, o Observation) { said = said || d.Reasons.Has(CostCap) })
	if !said {
		t.Error("nobody said that the day's hours are spent")
	}
}

func TestHowLongWorkersStartIsLearnt(t *testing.T) {
	s, spec := State{}, pool(nil)
	now, workers, ready := monday, int32(1), int32(1)
	look := func(active int) {
		var d Decision
		d, s = Decide(spec, s, Observation{Now: now, Fresh: true, Active: active, Workers: workers, Ready: ready, Starting: workers - ready})
		workers = d.Workers
	}
	look(10)
	for i := range 8 {
		look(60*(i+1) + 10)
		now = now.Add(70 * time.Second)
		ready = workers
		look(60*(i+1) + 10)
	}
	if s.StartSeconds() < 65 || s.StartSeconds() > 75 {
		t.Errorf("workers that take 70 s are thought to take %.0f", s.StartSeconds())
	}
}

// What must hold whatever happens: limits are kept, more demand is met at once, blindness takes nobody away, the state stays
// small and is the same after it was written and read.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{
			Min: rapid.Int32Range(0, 5).Draw(t, "min"), Ceiling: rapid.Int32Range(1, 30).Draw(t, "ceiling"),
			ConversationsPerWorker: rapid.Int32Range(1, 80).Draw(t, "per worker"),
			Start:                  time.Duration(rapid.IntRange(1, 120).Draw(t, "start")) * time.Second,
		}
		spec.Max = rapid.Int32Range(max(spec.Min, 1), 20).Draw(t, "max")
		state, workers, now := State{}, rapid.Int32Range(0, 20).Draw(t, "at first"), monday
		arrived, finished := int64(0), int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "moments") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "later")) * time.Second)
			seen := Observation{
				Now: now, Workers: workers, Ready: rapid.Int32Range(0, workers).Draw(t, "ready"), Fresh: rapid.IntRange(0, 9).Draw(t, "fresh") > 0,
				WaitingForAgent: rapid.IntRange(0, 500).Draw(t, "waiting"), Active: rapid.IntRange(0, 500).Draw(t, "active"),
			}
			seen.Starting = workers - seen.Ready
			arrived += int64(rapid.IntRange(0, 500).Draw(t, "came"))
			finished = max(finished, arrived-int64(seen.WaitingForAgent+seen.Active))
			seen.Arrived, seen.Finished = arrived, finished
			body, err := state.Marshal()
			if err != nil || len(body) > MaxStateBytes {
				t.Fatalf("a state of %d bytes: %v", len(body), err)
			}
			restored, err := ReadState(body)
			if err != nil {
				t.Fatal(err)
			}
			d, next := Decide(spec, state, seen)
			again, nextAgain := Decide(spec, restored, seen)
			if !reflect.DeepEqual(d, again) || next != nextAgain {
				t.Fatalf("restored, %d becomes %d", d.Workers, again.Workers)
			}
			state = next
			least, most := min(spec.Min, spec.Max, spec.Ceiling), min(spec.Max, spec.Ceiling)
			if d.Workers < least || d.Workers > most {
				t.Fatalf("%d workers are not within %d and %d", d.Workers, least, most)
			}
			if !seen.Fresh && d.Workers < min(workers, most) {
				t.Fatalf("blind, %d became %d", workers, d.Workers)
			}
			if seen.Fresh {
				per := int(spec.ConversationsPerWorker)
				if wanted := min(int32((seen.WaitingForAgent+seen.Active+per-1)/per), most); d.Workers < wanted {
					t.Fatalf("%d are wanted now, and there are %d", wanted, d.Workers)
				}
			}
			workers = d.Workers
		}
	})
}

func TestAStateThatCannotBeIsRefused(t *testing.T) {
	body, err := newState().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, says string }{
		{`"version":1`, `"version":2`, "version"},
		{`"level":0`, `"level":-1`, "level"},
		{`"caution":1`, `"caution":99`, "caution"},
		{`"price":2500`, `"price":0`, "price"},
		{`"quarterIndex":-1`, `"quarterIndex":672`, "quarterIndex"},
		{`"season":[-1,`, `"season":[`, "season"},
		{`"season":[-1,`, `"season":[-0.5,`, "season"},
		{`"starts":[0,`, `"starts":[`, "starts"},
		{`"starts":[0,`, `"starts":[1e9,`, "starts"},
		{`"arrived":0`, `"arrived":-3`, "arrived"},
		{`"spentDay":0`, `"spentDay":-7`, "spentDay"},
		{`"lastUp":0`, `"lastUp":1e12`, "lastUp"},
		{`"slope":0`, `"slope":1e300`, "slope"},
		{`"s":0,`, `"s":-1,`, "forecasts"},
		{`{`, `[`, "state"},
	} {
		spoilt := bytes.Replace(body, []byte(c.from), []byte(c.to), 1)
		if _, err := ReadState(spoilt); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}

func FuzzReadState(f *testing.F) {
	body, err := newState().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ReadState(body)
		if err != nil {
			return
		}
		spec := pool(nil)
		for i := range 40 {
			var d Decision
			d, s = Decide(spec, s, Observation{Now: monday.Add(time.Duration(i) * 30 * time.Second), Fresh: i%5 > 0, Active: i * 20, Arrived: int64(i * 30), Workers: 2, Ready: 2})
			if d.Workers < 1 || d.Workers > 10 {
				t.Fatalf("%d workers", d.Workers)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	c := counter{spec: pool(nil), now: monday, workers: 1}
	c.run(26*time.Hour, door, nil)
	o := Observation{Now: c.now, Fresh: true, Active: int(c.load), Arrived: int64(c.arrived), Finished: int64(c.arrived - c.load), Workers: c.workers, Ready: c.workers}
	b.ReportAllocs()
	state := c.state
	for b.Loop() {
		o.Now = o.Now.Add(2 * time.Second)
		o.Arrived++
		o.Finished++
		_, state = Decide(c.spec, state, o)
	}
}

// A quiet pool is heard of no more: whatever is held must be looked at again all the same.
func TestNothingIsLeftUnlookedAtForMoreThanAMinute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := pool(func(s *Spec) { s.Start = time.Duration(rapid.IntRange(1, 120).Draw(t, "start")) * time.Second })
		state, workers := State{}, rapid.Int32Range(1, 10).Draw(t, "workers")
		now := monday.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "second")) * time.Second)
		for range 10 {
			var d Decision
			d, state = Decide(spec, state, Observation{Now: now, Fresh: rapid.Bool().Draw(t, "fresh"), Active: rapid.IntRange(0, 300).Draw(t, "active"), Workers: workers, Ready: workers})
			if d.Again <= 0 || d.Again > time.Minute {
				t.Fatalf("%q is looked at again after %s", d.Reasons, d.Again)
			}
			// A look falls within a start before the next quarter, so that an opening is seen while there is time to start for it.
			border := now.Truncate(15 * time.Minute).Add(15 * time.Minute)
			lead := max(spec.Start, time.Duration(state.StartSeconds()*float64(time.Second))) + 2*time.Second
			if sees := border.Add(-lead); now.Before(sees) && now.Add(d.Again).After(sees.Add(time.Second)) {
				t.Fatalf("at %s the next look is after %s, too late for the border at %s", now.Format(time.TimeOnly), d.Again, border.Format(time.TimeOnly))
			}
			now, workers = now.Add(d.Again), d.Workers
		}
	})
	nine := int32(9)
	if d, _ := Decide(pool(func(s *Spec) { s.External = &nine }), State{}, Observation{Now: monday}); d.Again != 0 {
		t.Errorf("what somebody else decides is looked at again after %s", d.Again)
	}
}

func TestAQuietPoolGoesDownByTheLooksThatItAsksForItself(t *testing.T) {
	spec, state, workers, now := pool(nil), State{}, int32(6), monday
	for until := monday.Add(40 * time.Minute); now.Before(until); {
		var d Decision
		d, state = Decide(spec, state, Observation{Now: now, Fresh: true, Workers: workers, Ready: workers})
		workers, now = d.Workers, now.Add(d.Again)
	}
	if workers != 1 {
		t.Errorf("after 40 quiet minutes there are %d workers", workers)
	}
}

func TestAStateOfAnHourAgoMakesNothingGrow(t *testing.T) {
	// The morning rises steeply until 09:10, when the operator stops. It is back at 10:10, and nothing has been heard yet.
	c := counter{spec: pool(func(s *Spec) { s.Max = 50 }), now: monday, workers: 1}
	c.run(10*time.Minute, func(at time.Time) float64 { return 3 * at.Sub(monday).Minutes() / 10 }, nil)
	if c.workers < 4 {
		t.Fatalf("the morning took %d workers only: the test is no test", c.workers)
	}
	later := c.now.Add(time.Hour)
	d, state := Decide(c.spec, c.state, Observation{Now: later, Workers: 4, Ready: 4})
	if d.Workers != 4 {
		t.Errorf("unheard, 4 become %d: %s", d.Workers, d.Reasons)
	}
	d, state = Decide(c.spec, state, Observation{Now: later.Add(2 * time.Second), Fresh: true, Active: 30, Arrived: int64(c.arrived) + 600, Workers: 4, Ready: 4})
	if d.Workers != 4 {
		t.Errorf("heard, 4 become %d: %s", d.Workers, d.Reasons)
	}
	if state.StartSeconds() != c.state.StartSeconds() || state.Season != c.state.Season && state.QuarterIndex == c.state.QuarterIndex {
		t.Error("what was learnt is forgotten")
	}
}

func TestAClockThatIsSetBackStopsNoLearning(t *testing.T) {
	c := counter{spec: pool(nil), now: monday, workers: 1}
	flat := func(time.Time) float64 { return 0.4 }
	c.run(20*time.Minute, flat, nil)
	c.now = c.now.Add(-2 * time.Hour)
	c.run(20*time.Minute, flat, nil)
	if math.Abs(c.state.Arriving()-0.4) > 0.05 {
		t.Errorf("%.2f a second are thought to arrive, not 0.4", c.state.Arriving())
	}
}

// He whom no agent answered is in no count of the finished, and has left all the same.
func TestWhoGivesUpHasLeft(t *testing.T) {
	spec, state, now := pool(nil), State{}, monday
	arrived, load := 0.0, 100.0
	for range 1800 {
		now = now.Add(2 * time.Second)
		arrived += 0.5
		load += 0.5 - load*2/400
		_, state = Decide(spec, state, Observation{Now: now, Fresh: true, WaitingForAgent: int(load), Arrived: int64(arrived), Workers: 3, Ready: 3})
	}
	if stay := 1 / state.leaving(); stay < 350 || stay > 450 {
		t.Errorf("conversations are thought to stay %.0f s, not 400", stay)
	}
}

func TestTheDaysHoursAreSpentOnceAndTheLeastIsSetAside(t *testing.T) {
	spec := pool(func(s *Spec) { s.Min, s.DailyHours = 1, 60 })
	c := counter{spec: spec, now: monday.Add(-9 * time.Hour), workers: 1}
	hours := 0.0
	c.run(24*time.Hour-2*time.Second, func(at time.Time) float64 {
		if at.Hour() >= 8 {
			return 1
		}
		return 0.01
	}, func(d Decision, o Observation) { hours += float64(d.Workers) / 1800 })
	if hours < 57 || hours > 60.5 {
		t.Errorf("a day of at most 60 hours of workers had %.1f", hours)
	}
	if c.workers != 1 {
		t.Errorf("at midnight there are %d workers", c.workers)
	}
	c.run(10*time.Second, func(time.Time) float64 { return 1 }, nil)
	if c.workers < 2 {
		t.Error("a new day has no hours")
	}
}

func TestASpringDayHas23Hours(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// 29 March 2026 begins at 00:00 and ends 23 hours later; at 10:00 local time 14 hours are left, not 15.
	spec := pool(func(s *Spec) { s.Zone, s.DailyHours = zone, 23 })
	now := time.Date(2026, 3, 29, 0, 0, 0, 0, zone)
	s := State{Version: StateVersion, WorkersAt: float64(now.Unix())}
	q := question{spec: spec.sane(), seen: Observation{Now: now.Add(-time.Minute)}}
	if s.Spent = 0; s.spent(&q) {
		t.Error("the day before")
	}
	q.seen.Now = now.Add(9 * time.Hour) // 10:00
	if s.Spent = 8.9 * 3600; s.spent(&q) {
		t.Error("8.9 hours spent and 14 to come are 22.9 of 23")
	}
	if s.Spent = 9.1 * 3600; !s.spent(&q) {
		t.Error("9.1 hours spent and 14 to come are 23.1 of 23")
	}
}

// A flap raises the price of the next, and in the time in which one is borne it sinks to where it was.
func TestAChangeThatIsTakenBackMakesTheNextOnesRarer(t *testing.T) {
	for name, c := range map[string]struct {
		first, then [2]int32 // workers before and after
		back        time.Duration
		burst       float64
		rarer       float64
	}{
		"down and up within the window":                 {[2]int32{9, 8}, [2]int32{8, 9}, 10 * time.Minute, 1, priceStep},
		"up and down within the window":                 {[2]int32{8, 9}, [2]int32{9, 8}, 10 * time.Minute, 1, priceStep},
		"wanted again after it":                         {[2]int32{9, 8}, [2]int32{8, 9}, 20 * time.Minute, 1, 0},
		"twice the same way":                            {[2]int32{9, 8}, [2]int32{8, 7}, 10 * time.Minute, 1, 0},
		"where arrivals come in bursts, it counts less": {[2]int32{9, 8}, [2]int32{8, 9}, 10 * time.Minute, 2, priceStep / 4},
	} {
		state := newState()
		state.Burst = c.burst
		q := question{spec: pool(nil).sane(), seen: Observation{Now: monday}, now: float64(monday.Unix()), per: 60, window: 900, load: 500}
		before := state.Price
		state.changed(&q, c.first[0], c.first[1])
		q.now += c.back.Seconds()
		state.changed(&q, c.then[0], c.then[1])
		if rarer := math.Log(state.Price / before); math.Abs(rarer-c.rarer) > 1e-9 {
			t.Errorf("%s: the price rises by %.3f of its logarithm, not %.3f", name, rarer, c.rarer)
		}
		state.learnPrice(86400 / flapsDay * c.rarer / priceStep)
		if math.Abs(state.Price/before-1) > 1e-9 {
			t.Errorf("%s: in time it is %.1f, not %.1f as before", name, state.Price, before)
		}
	}
}

// What waiting saves depends on when the load would return: see returning.worth.
func TestMoreIsKeptFreeInABurstOfMany(t *testing.T) {
	kept := func(burst, fast float64) float64 { // in standard deviations
		s := newState()
		s.Levelled, s.Level, s.Fast, s.Mid, s.Burst, s.Caution = true, 1.5, fast, 1.5, burst, 1
		q := question{spec: pool(nil).sane(), seen: Observation{Now: monday}, now: 1e9, per: 60, window: 900, load: 480, have: 9}
		o := s.near(&q)
		still := s
		still.Caution = 0
		return (o.pressure - still.near(&q).pressure) / o.sigma
	}
	for what, c := range map[string]struct{ burst, fast, want float64 }{
		"calm arrivals":            {1, 1.5, reserveSigma},
		"calm ones that break out": {1, 9, reserveSigma},
		"bursts, and none now":     {2, 1.5, reserveSigma},
		"bursts, and one of them":  {2, 9, burstSigma},
	} {
		if got := kept(c.burst, c.fast); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %.2f standard deviations, not %.2f", what, got, c.want)
		}
	}
}

// At 100 workers and a conversation that needs one more: nine more when arrivals are calm, and four when they vary four times as much.
func TestALargePoolAddsFewerAtOnceWhereArrivalsComeInBursts(t *testing.T) {
	for burst, want := range map[float64]int32{0: 109, 1: 109, 4: 104} {
		s := newState()
		s.Burst = burst
		q := question{spec: pool(func(s *Spec) { s.Max, s.Ceiling = 1000, 0 }).sane(), seen: Observation{Now: monday}, now: 1e9, per: 60, have: 100}
		if got := s.up(&q, outlook{}, 101, 101).Workers; got != want {
			t.Errorf("with bursts of %g: %d workers, not %d", burst, got, want)
		}
	}
}

func TestAFlapCostsALargePoolAsMuchOfItsWorkers(t *testing.T) {
	state := newState()
	at := func(have int32) float64 { return state.price(&question{have: have}) }
	if few, dozen, many := at(3), at(12), at(72); few != dozen || many != 6*dozen {
		t.Errorf("with 3, 12 and 72 workers a flap costs %g, %g and %g seconds", few, dozen, many)
	}
}

func TestWaitingForAFallIsWorthItOnlyWhereItSavesFlaps(t *testing.T) {
	flat := func(chance float64) (by returning) { // on a plateau it returns as likely in each window
		at := 0.0
		for i, step := range steps {
			at += step
			by[i] = 1 - math.Pow(1-chance, at)
		}
		return by
	}
	soonOrNever := returning{0.05, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2}
	never := returning{}
	for name, c := range map[string]struct {
		by      returning
		workers float64
		goes    bool
	}{
		"nothing returns": {never, 1, true},
		"a plateau to which one of five windows returns":       {flat(0.2), 1, true},
		"a plateau to which nine of ten do":                    {flat(0.9), 1, false},
		"a way down that may be none":                          {soonOrNever, 1, false},
		"the same with so many workers that a flap is cheap":   {soonOrNever, 15, true},
		"what is above already is not let go, however many go": {returning{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 15, false},
	} {
		if got := c.by.worth(3000, 900, c.workers); got != c.goes {
			t.Errorf("%s: goes is %t", name, got)
		}
	}
}

// Steadily 50 conversations of the 60 that one worker holds: the second goes when the window is over, also when it never became ready.
// (Room for the arrivals of its whole start, as if nobody left meanwhile, once kept it for good.)
func TestTheSecondWorkerGoesBesideFiftyOfSixtyConversations(t *testing.T) {
	for name, c := range map[string]struct {
		window  time.Duration
		perHour float64 // who come and go
		ready   int32
	}{
		"nobody comes or goes":                              {15 * time.Minute, 0, 2},
		"conversations of eight minutes":                    {15 * time.Minute, 375, 2},
		"a window of a minute":                              {time.Minute, 0, 2},
		"a window of a minute, of eight minutes each":       {time.Minute, 375, 2},
		"the second never became ready":                     {15 * time.Minute, 375, 1},
		"the second never became ready, a minute":           {time.Minute, 375, 1},
		"the second never became ready, and nobody comes":   {15 * time.Minute, 0, 1},
		"the second never became ready, nobody, one minute": {time.Minute, 0, 1},
	} {
		spec := pool(func(s *Spec) { s.Window = c.window })
		state, workers, now, arrived := State{}, int32(1), monday, 0.0
		look := func(active int) {
			var d Decision
			ready := min(workers, c.ready)
			d, state = Decide(spec, state, Observation{Now: now, Fresh: true, Active: active, Arrived: int64(arrived), Finished: int64(arrived), Workers: workers, Ready: ready, Starting: workers - ready})
			now, workers = now.Add(2*time.Second), d.Workers
		}
		look(50)
		look(110)
		if workers != 2 {
			t.Fatalf("%s: 110 conversations have %d workers", name, workers)
		}
		from := now
		for workers > 1 && now.Sub(from) < time.Hour {
			arrived += c.perHour / 1800
			look(50)
		}
		if after := now.Sub(from); after < c.window-5*time.Second || after > c.window+5*time.Minute {
			t.Errorf("%s: after %s there are %d workers", name, after, workers)
		}
	}
}

// The states of earlier days had no price, and remembered the scale of the last fall.
func TestAnEarlierStateIsReadOn(t *testing.T) {
	s := newState()
	s.Caution, s.Season[7] = 1.4, 0.25
	body, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	earlier := bytes.Replace(body, []byte(`"price":2500,`), nil, 1)
	earlier = bytes.Replace(earlier, []byte(`"workersAt":`), []byte(`"downScale":2,"workersAt":`), 1)
	if bytes.Contains(earlier, []byte("price")) || !bytes.Contains(earlier, []byte("downScale")) {
		t.Fatalf("the test is no test: %s", earlier[:200])
	}
	if got, err := ReadState(earlier); err != nil || got != s {
		t.Errorf("it is not as it was: %v", err)
	}
}
