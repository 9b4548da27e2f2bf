package elastic

import (
	"math/rand/v2"
	"testing"
)

// The optimum's way, level by level, against every course there is.
func TestTheOptimumIsTheLeastOfAllCourses(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		floor, start, drain := rng.IntN(2), float64(rng.IntN(4)), float64(rng.IntN(3))
		need := make([]int, 7)
		for i := range need {
			need[i] = floor + rng.IntN(3-floor)
		}
		l := newLevels(floor, start, drain)
		before := floor
		for at, n := range need {
			if n != before {
				l.change(float64(at), before, n)
				before = n
			}
		}
		got, want := l.end(float64(len(need)), before), exhaustive(need, floor, start, drain)
		if got != want {
			t.Fatalf("need %v, floor %d, start %v, drain %v: %v, but %v is possible", need, floor, start, drain, got, want)
		}
	}
}

// exhaustive tries every course that never has too few. A worker that comes at t has been starting since t − start or the
// beginning; one that goes at t drains until t + drain or the end.
func exhaustive(need []int, floor int, start, drain float64) float64 {
	best, end := 1e18, float64(len(need))
	var try func(at, have int, cost float64)
	try = func(at, have int, cost float64) {
		if at == len(need) {
			best = min(best, cost)
			return
		}
		for n := need[at]; n <= 3; n++ {
			c := cost + float64(n)
			for range n - have {
				c += min(start, float64(at))
			}
			for range have - n {
				c += min(drain, end-float64(at))
			}
			try(at+1, n, c)
		}
	}
	try(0, floor, 0)
	return best
}

func TestAReplayOfWhoKnowsTheLoadDelaysNobody(t *testing.T) {
	tr, err := Generate("office", "small", 1)
	if err != nil {
		t.Fatal(err)
	}
	best := Optimum(tr)
	f := Replay(tr, best, fixed(8))
	if f.DelayedPercent != 0 || f.Ratio < 2 || f.ChangesDay > 1 || f.Blind != 0 {
		t.Errorf("eight workers all week: %+v", f)
	}
	if f := Replay(tr, best, fixed(1)); f.DelayedPercent < 5 || f.Ratio > 1 {
		t.Errorf("one worker all week: %+v", f)
	}
}

type fixed int

func (n fixed) Decide(Seen) int { return int(n) }
