package capacity

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// pool of the tables: 1 to 10 workers of 60 conversations, which go after a minute of lower demand.
func pool(change func(*Spec)) Spec {
	s := Spec{Min: 1, Max: 10, Ceiling: 50, ConversationsPerWorker: 60, ScaleDownAfter: time.Minute}
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
		"a full worker is not two": {pool(nil), 1, []moment{
			{0, 0, 60, false, 1, "waiting 0 + active 60 over 60 a worker = 1"},
			{1, 1, 60, false, 2, "waiting 1 + active 60 over 60 a worker = 2"},
		}},
		"nobody there leaves the least": {pool(nil), 1, []moment{
			{0, 0, 0, false, 1, "waiting 0 + active 0 over 60 a worker = 0, at least 1"},
		}},
		"the most is the most": {pool(nil), 1, []moment{
			{0, 1000, 0, false, 10, "waiting 1000 + active 0 over 60 a worker = 17, at most 10"},
		}},
		"the class's ceiling is above the pool's wish": {pool(func(s *Spec) { s.Min, s.Ceiling = 8, 5 }), 1, []moment{
			{0, 0, 0, false, 5, "waiting 0 + active 0 over 60 a worker = 0, at least 5"},
		}},
		"fewer only after a whole window": {pool(nil), 4, []moment{
			{0, 0, 240, false, 4, "waiting 0 + active 240 over 60 a worker = 4"},
			{1, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{60, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{61, 0, 50, false, 1, "waiting 0 + active 50 over 60 a worker = 1"},
		}},
		"a second hill begins the window anew, down to its own height": {pool(nil), 4, []moment{
			{0, 0, 240, false, 4, "waiting 0 + active 240 over 60 a worker = 4"},
			{10, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{30, 0, 150, false, 4, "waiting 0 + active 150 over 60 a worker = 3; 4 until demand was lower for 1m"},
			{40, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{71, 0, 50, false, 3, "waiting 0 + active 50 over 60 a worker = 1; 3 until demand was lower for 1m"},
			{100, 0, 50, false, 1, "waiting 0 + active 50 over 60 a worker = 1"},
		}},
		"an idle poll of 50 s does not count as a minute of lower demand": {pool(nil), 4, []moment{
			{0, 0, 240, false, 4, "waiting 0 + active 240 over 60 a worker = 4"},
			{50, 0, 0, false, 4, "waiting 0 + active 0 over 60 a worker = 0; 4 until demand was lower for 1m"},
			{70, 0, 0, false, 4, "waiting 0 + active 0 over 60 a worker = 0; 4 until demand was lower for 1m"},
			{110, 0, 0, false, 1, "waiting 0 + active 0 over 60 a worker = 0, at least 1"},
		}},
		"blind, nothing goes down, and the window begins anew": {pool(nil), 4, []moment{
			{0, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{50, 0, 0, true, 4, "no fresh figures from the runtime: workers stay at 4"},
			{3600, 0, 0, true, 4, "no fresh figures from the runtime: workers stay at 4"},
			{3601, 0, 50, false, 4, "waiting 0 + active 50 over 60 a worker = 1; 4 until demand was lower for 1m"},
			{3661, 0, 50, false, 1, "waiting 0 + active 50 over 60 a worker = 1"},
		}},
		"blind, the limits hold all the same": {pool(func(s *Spec) { s.Min = 2 }), 1, []moment{
			{0, 0, 0, true, 2, "no fresh figures from the runtime: the limits move workers from 1 to 2"},
		}},
		"a new operator lets nobody go before it has seen a window": {pool(nil), 7, []moment{
			{0, 0, 0, false, 7, "waiting 0 + active 0 over 60 a worker = 0; 7 until demand was lower for 1m"},
			{60, 0, 0, false, 1, "waiting 0 + active 0 over 60 a worker = 0, at least 1"},
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
					Now: monday.Add(time.Duration(m.second) * time.Second), Workers: workers,
					Fresh: !m.blind, Waiting: m.waiting, Active: m.active,
				})
				if d.Workers != m.workers || d.Reason.String() != m.why {
					t.Errorf("after %d s: %d because %q, not %d because %q", m.second, d.Workers, d.Reason, m.workers, m.why)
				}
				workers = d.Workers
			}
		})
	}
}

func TestAgainIsWhenTheNextWorkersMayGo(t *testing.T) {
	_, state := Decide(pool(nil), State{}, Observation{Now: monday, Workers: 4, Fresh: true, Active: 240})
	d, state := Decide(pool(nil), state, Observation{Now: monday.Add(10 * time.Second), Workers: 4, Fresh: true})
	if d.Again != time.Minute {
		t.Fatalf("again after %s", d.Again)
	}
	d, _ = Decide(pool(nil), state, Observation{Now: monday.Add(10*time.Second + d.Again), Workers: 4, Fresh: true})
	if d.Workers != 1 || d.Again != 0 {
		t.Fatalf("then %d workers, again after %s", d.Workers, d.Again)
	}
}

// What must hold whatever happens: limits are kept, more demand is met at once, blindness takes nobody away, and whoever
// goes was not wanted for the whole window.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{
			Min: rapid.Int32Range(1, 5).Draw(t, "min"), Ceiling: rapid.Int32Range(1, 30).Draw(t, "ceiling"),
			ConversationsPerWorker: rapid.Int32Range(1, 80).Draw(t, "per worker"),
			ScaleDownAfter:         time.Duration(rapid.IntRange(1, 120).Draw(t, "window")) * time.Second,
		}
		spec.Max = rapid.Int32Range(spec.Min, 20).Draw(t, "max")
		type wish struct {
			until   time.Time
			workers int32
		}
		var wishes []wish
		state, workers, now := State{}, rapid.Int32Range(0, 40).Draw(t, "at first"), monday
		blindBefore := true
		for range rapid.IntRange(1, 40).Draw(t, "moments") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "later")) * time.Second)
			seen := Observation{
				Now: now, Workers: workers, Fresh: rapid.IntRange(0, 9).Draw(t, "fresh") > 0,
				Waiting: rapid.IntRange(0, 500).Draw(t, "waiting"), Active: rapid.IntRange(0, 500).Draw(t, "active"),
			}
			var d Decision
			d, state = Decide(spec, state, seen)
			least, most := min(spec.Min, spec.Max, spec.Ceiling), min(spec.Max, spec.Ceiling)
			if d.Workers < least || d.Workers > most {
				t.Fatalf("%d workers are not within %d and %d", d.Workers, least, most)
			}
			if len(state.past) > int(most)+2 {
				t.Fatalf("%d moments are remembered", len(state.past))
			}
			if !seen.Fresh {
				if d.Workers < min(workers, most) {
					t.Fatalf("blind, %d became %d", workers, d.Workers)
				}
				wishes, blindBefore = nil, true
				workers = d.Workers
				continue
			}
			wanted := min(max(int32((seen.Waiting+seen.Active+int(spec.ConversationsPerWorker)-1)/int(spec.ConversationsPerWorker)), spec.Min), spec.Max, spec.Ceiling)
			if d.Workers < wanted {
				t.Fatalf("%d are wanted now, and there are %d", wanted, d.Workers)
			}
			if blindBefore {
				wishes, blindBefore = []wish{{now, workers}}, false
			} else {
				wishes[len(wishes)-1].until = now
			}
			wishes = append(wishes, wish{now, wanted})
			for _, w := range wishes {
				if w.until.After(now.Add(-spec.ScaleDownAfter)) && d.Workers < min(w.workers, workers, most) {
					t.Fatalf("%d were wanted until %s, and at %s there are %d of %d", w.workers, w.until, now, d.Workers, workers)
				}
			}
			workers = d.Workers
		}
	})
}
