package elastic

import "slices"

// Best is the least that a trace can cost with nobody delayed.
type Best struct {
	// Cost in worker-seconds.
	Cost float64
	// Zero is for how many seconds there need be no worker at all.
	Zero float64
	need []int32 // workers that demand calls for at each tick
}

// Optimum is the exact least cost of whoever knows the future and lets nobody wait.
//
// With nobody delayed the conversations in the house, L(t), do not depend on the workers, so L is found by a replay without a
// limit on rooms; need(t) = max(min, ⌈L(t)/perWorker⌉) workers must be ready. Think of the workers as stacked levels: level k is
// needed while need(t) ≥ k. Between two such times a level either stays, which costs the gap, or goes and comes again, which
// costs one drain and one start; the cheaper of both is taken at each gap of each level by itself. That is the least over all
// courses n(t) ≥ need(t): the cost of a course is ∫n + start × its rises + drain × its falls, and both sums fall apart into the
// levels. A test holds it to an exhaustive search. Each start is taken at the shortest of the trace's starts, so that no real
// course can be cheaper.
func Optimum(t *Trace) *Best {
	start := slices.Min(t.Starts)
	levels := newLevels(t.Min, start, t.DrainSeconds)
	c := newCounter(t)
	c.rooms = 1 << 40
	best := &Best{}
	need := t.Min
	ticks := int(t.Seconds/t.TickSeconds) + 1
	best.need = make([]int32, 0, ticks)
	set := func(at float64) {
		n := max(t.Min, (c.load()+t.PerWorker-1)/t.PerWorker)
		if n != need {
			levels.change(at, need, n)
			need = n
		}
	}
	for len(best.need) < ticks {
		at := c.upcoming()
		if tick := float64(len(best.need)) * t.TickSeconds; tick < at {
			best.need = append(best.need, int32(need))
			if need == 0 {
				best.Zero += t.TickSeconds
			}
			continue
		}
		c.step(at)
		set(at)
	}
	best.Cost = levels.end(t.Seconds, need)
	return best
}

// levels adds up the cost of each level by itself.
type levels struct {
	floor        int
	start, drain float64
	cost         float64
	since        []float64 // when a level was first needed of the present time; by level above floor
	until        []float64 // when it was last needed; -1 never
}

func newLevels(floor int, start, drain float64) *levels {
	return &levels{floor: floor, start: start, drain: drain}
}

// change notes that from a moment on another number is needed.
func (l *levels) change(at float64, before, after int) {
	for len(l.until) < after-l.floor {
		l.since, l.until = append(l.since, 0), append(l.until, -1)
	}
	for k := before; k < after; k++ {
		i := k - l.floor
		switch {
		case l.until[i] < 0: // the first time: it had to be started, but not before the trace began
			l.cost += min(at, l.start)
		default:
			l.cost += min(at-l.until[i], l.start+l.drain)
		}
		l.since[i] = at
	}
	for k := after; k < before; k++ {
		i := k - l.floor
		l.cost += at - l.since[i]
		l.until[i] = at
	}
}

// end is the whole cost of a time that ends at a moment.
func (l *levels) end(at float64, need int) float64 {
	l.change(at, need, l.floor)
	for _, until := range l.until {
		if until >= 0 {
			l.cost += min(at-until, l.drain)
		}
	}
	return l.cost + at*float64(l.floor)
}
