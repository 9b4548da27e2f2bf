package capacity

import (
	"fmt"
	"time"
)

// Day is a local date.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDay reads a date such as 2026-12-25.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fmt.Errorf("%q is no date such as 2026-12-25", s)
	}
	return Day{t.Year(), t.Month(), t.Day()}, nil
}

func dayOf(t time.Time) int32 {
	y, m, d := t.Date()
	return int32(y*10000 + int(m)*100 + d)
}

func (s Spec) holiday(t time.Time) bool {
	y, m, d := t.Date()
	for _, h := range s.Holidays {
		if h.Year == y && h.Month == m && h.Day == d {
			return true
		}
	}
	return false
}

// The season has a rate for each quarter of an hour of the week.
const (
	quarters     = 7 * 96
	quarter      = 900.0
	seasonWeight = 0.5 // of the newest week, once there are two
)

// slot is a moment's quarter of an hour in the week, and how far into it the moment is, from 0 to 1.
type slot struct {
	index int
	part  float64
}

func slotOf(t time.Time) slot {
	h, m, sec := t.Clock()
	seconds := float64(h*3600+m*60+sec) + float64(t.Nanosecond())/1e9
	day := (int(t.Weekday()) + 6) % 7 // from Monday
	q := min(int(seconds/quarter), 95)
	return slot{day*96 + q, seconds/quarter - float64(q)}
}

// bookSeason adds what arrived to its quarter of an hour. Over a gap it is spread: what came between 08:10 and 08:40 is no
// peak at 08:40. It is spread as the hour of the week would have it, where that is known: of 600 who came unseen between 07:50 and
// 08:30, few came before the door opened at eight, and to book them evenly would smear tomorrow's opening.
func (s *State) bookSeason(q *question, arrived, dt float64) {
	local := q.seen.Now.In(q.spec.Zone)
	end := slotOf(local)
	if q.spec.holiday(local) { // it teaches nothing of its day of the week, but the last quarter before it counts
		s.closeQuarter()
		s.QuarterIndex = int32(end.index)
		return
	}
	left := dt
	if left > 6*3600 { // a gap that says nothing of any quarter
		s.QuarterSeconds, s.QuarterArrived, s.QuarterIndex = 0, 0, int32(end.index)
		return
	}
	rate, shaped := arrived/dt, false
	at := q.now - dt
	if dt > gapSeconds {
		if expected, known := s.between(q, at, dt); known && expected > 0 {
			rate, shaped = arrived/expected, true
		}
	}
	for left > 0 {
		here := slotOf(local.Add(time.Duration((at - q.now) * float64(time.Second))))
		if int32(here.index) != s.QuarterIndex {
			s.closeQuarter()
			s.QuarterIndex = int32(here.index)
		}
		part := min(left, max((1-here.part)*quarter, 0.001))
		if r := rate; shaped {
			s.QuarterArrived += r * s.known(here.index) * part
		} else {
			s.QuarterArrived += r * part
		}
		s.QuarterSeconds += part
		left -= part
		at += part
	}
}

// between is how many the hours of the week make expect from a moment on, for so many seconds.
func (s *State) between(q *question, at, left float64) (expected float64, known bool) {
	local := q.seen.Now.In(q.spec.Zone)
	for left > 0 {
		here := slotOf(local.Add(time.Duration((at - q.now) * float64(time.Second))))
		rate := s.known(here.index)
		if rate < 0 {
			return 0, false
		}
		part := min(left, max((1-here.part)*quarter, 0.001))
		expected += rate * part
		left -= part
		at += part
	}
	return expected, true
}

func (s *State) closeQuarter() {
	if i := s.QuarterIndex; s.QuarterSeconds > quarter/2 && i >= 0 && i < quarters {
		rate := s.QuarterArrived / s.QuarterSeconds
		if s.Season[i] < 0 {
			s.Season[i] = float32(rate)
		} else {
			s.Season[i] += float32(seasonWeight * (rate - float64(s.Season[i])))
		}
	}
	s.QuarterArrived, s.QuarterSeconds = 0, 0
}

// known is the rate of a quarter of the week: its own when it was seen, else that of the nearest day before of the same sort
// (from Monday to Friday, or not), else yesterday's; negative when nothing like it was seen.
func (s *State) known(index int) float64 {
	index = (index + quarters) % quarters
	if v := s.Season[index]; v >= 0 {
		return float64(v)
	}
	day, rest := index/96, index%96
	weekend := day >= 5
	other := -1.0
	for back := 1; back < 7; back++ {
		d := (day - back + 7) % 7
		v := float64(s.Season[d*96+rest])
		if v < 0 {
			continue
		}
		if (d >= 5) == weekend {
			return v
		}
		if other < 0 {
			other = v
		}
	}
	return other
}

// seasonRate is what the season says of a moment: quarters' rates, joined by lines between their middles; where one quarter
// has over three times the rate of the next, a door opens or closes at the border, and no line is drawn.
func (s *State) seasonRate(t slot) (float64, bool) {
	a := s.known(t.index)
	if a < 0 {
		return 0, false
	}
	side := t.index + 1
	w := t.part - 0.5
	if w < 0 {
		side, w = t.index-1, -w
	}
	b := s.known(side)
	if b < 0 || max(a, b) > 3*min(a, b)+0.01 {
		return a, true
	}
	return a + (b-a)*w, true
}

// seasonMove is by how much the season moves the rate between two moments (Unix seconds), scaled to how the day does.
func (s *State) seasonMove(q *question, from, to float64) float64 {
	local := q.seen.Now.In(q.spec.Zone)
	if q.spec.holiday(local) {
		return 0
	}
	a, ok := s.seasonRate(slotOf(local.Add(time.Duration((from - q.now) * float64(time.Second)))))
	b, ok2 := s.seasonRate(slotOf(local.Add(time.Duration((to - q.now) * float64(time.Second)))))
	if !ok || !ok2 {
		return 0
	}
	return (b - a) * s.dayScale(a)
}

// dayScale is how this day does against the season: on a Saturday of a third of the week's arrivals, a rise counts a third.
func (s *State) dayScale(season float64) float64 {
	const prior = 0.05 // conversations a second: at night nothing is said of the day
	return min(max((s.Level+prior)/(season+prior), 0), 2)
}
