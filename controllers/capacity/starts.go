package capacity

import "slices"

// starting is a number of workers that were asked for at a moment and are not ready yet.
type starting struct {
	At    float64 `json:"at"`
	Count int32   `json:"n"`
}

// startsKept is how many durations are remembered, and pendingKept how many requests that are under way.
const (
	startsKept  = 40
	pendingKept = 24
	// startsEnough is how many starts must have been seen before they are believed more than what was told.
	startsEnough = 6
	// startsMost is the age, in seconds, up to which one that is under way says how long starts take.
	startsMost = 180.0
)

// watchWorkers learns from the counts by phase how long workers take to start, and adds up what they cost.
func (s *State) watchWorkers(q *question) {
	seen := q.seen
	day := dayOf(q.seen.Now.In(q.spec.Zone))
	if day != s.SpentDay {
		s.SpentDay, s.Spent = day, 0
	}
	if s.WorkersAt > 0 && q.now > s.WorkersAt {
		s.Spent += min(q.now-s.WorkersAt, 3600) * float64(max(seen.Ready+seen.Starting+seen.Draining, seen.Workers))
	}
	s.WorkersAt = q.now
	for done := seen.Ready - s.Ready; done > 0 && s.Pending[0].Count > 0; done-- {
		s.started(q.now - s.Pending[0].At)
		if s.Pending[0].Count--; s.Pending[0].Count == 0 {
			copy(s.Pending[:], s.Pending[1:])
			s.Pending[pendingKept-1] = starting{}
		}
	}
	if seen.Starting == 0 && s.Pending[0].Count > 0 && q.now-s.Pending[0].At > 5 { // all are ready, or were given up
		s.Pending = [pendingKept]starting{}
	}
	s.Ready = seen.Ready
}

// changed notes the moment of a decision that is carried out, and learns from one that takes the last one back: see learnFlap.
func (s *State) changed(q *question, before, after int32) {
	now := q.now
	if after < before {
		if s.LastUp > s.LastDown && now-s.LastUp < q.window {
			s.learnFlap()
		}
		s.LastDown = now
		return
	}
	if s.LastDown > s.LastUp && now-s.LastDown < q.window {
		s.learnFlap()
	}
	s.LastUp = now
	for i := range s.Pending {
		if s.Pending[i].Count == 0 {
			s.Pending[i] = starting{now, after - before}
			return
		}
	}
	s.Pending[pendingKept-1].Count += after - before
}

func (s *State) started(seconds float64) {
	if seconds < 0 || seconds > 3600 {
		return
	}
	s.Starts[s.StartsSeen%startsKept] = float32(seconds)
	if s.StartsSeen++; s.StartsSeen >= 2*startsKept { // a count that stays small and keeps its place in the ring
		s.StartsSeen -= startsKept
	}
	sorted := s.Starts
	n := min(s.StartsSeen, startsKept)
	slices.Sort(sorted[:n])
	s.StartHigh = float64(sorted[min(n*9/10, n-1)])
}

// horizon is how long it takes, in seconds, until a worker that is asked for now is ready: nine of ten are.
//
// Starts told as 20 s that take 60: the first six count for as much as they were, and one that is still on its way counts
// with its age, so that the very first slow start is believed before it ends. But one that takes longer than any start that is
// planned by may never end, for want of a node, say: its age must not keep it wanted.
func (s *State) horizon(q *question) float64 {
	told := q.spec.Start.Seconds()
	h := told
	switch {
	case s.StartsSeen >= startsEnough:
		h = s.StartHigh
	case s.StartsSeen > 0:
		h = max(told, s.StartHigh)
	}
	if s.Pending[0].Count > 0 {
		h = max(h, min(q.now-s.Pending[0].At, startsMost))
	}
	return h
}
