package elastic

import "testing"

// The documented rule, step by step: 48 conversations a worker are aimed at.
func TestTheHPAsRule(t *testing.T) {
	told := Defaults()
	for name, c := range map[string]struct {
		age   float64
		looks []Seen
		want  int // of the last look
	}{
		"rounded up":                         {0, []Seen{{T: 0, OK: true, Active: 150, Desired: 2, Ready: 2}}, 4},
		"a tenth more is no reason":          {0, []Seen{{T: 0, OK: true, Active: 105, Desired: 2, Ready: 2}}, 2},
		"waiting counts as active does":      {0, []Seen{{T: 0, OK: true, WaitingForWorker: 50, WaitingForAgent: 50, Active: 50, Desired: 2, Ready: 2}}, 4},
		"twice, or up to four, in 15 s":      {0, []Seen{{T: 0, OK: true, Active: 2000, Desired: 1, Ready: 1}}, 4},
		"twice, when that is more":           {0, []Seen{{T: 0, OK: true, Active: 2000, Desired: 9, Ready: 9}}, 18},
		"between syncs nothing happens":      {0, []Seen{{T: 0, OK: true, Active: 90, Desired: 2, Ready: 2}, {T: 2, OK: true, Active: 500, Desired: 2, Ready: 2}}, -1},
		"without a metric nothing happens":   {0, []Seen{{T: 0, Desired: 5, Ready: 5}}, -1},
		"less for 285 s is not long enough":  {0, []Seen{{T: 0, OK: true, Active: 240, Desired: 5, Ready: 5}, {T: 285, OK: true, Active: 10, Desired: 5, Ready: 5}}, 5},
		"less for 300 s is not, by a hair":   {0, []Seen{{T: 0, OK: true, Active: 240, Desired: 5, Ready: 5}, {T: 300, OK: true, Active: 10, Desired: 5, Ready: 5}}, 5},
		"less for 315 s is":                  {0, []Seen{{T: 0, OK: true, Active: 240, Desired: 5, Ready: 5}, {T: 315, OK: true, Active: 10, Desired: 5, Ready: 5}}, 1},
		"an old metric is what was, not is":  {15, []Seen{{T: 0, OK: true, Active: 90, Desired: 2, Ready: 2}, {T: 15, OK: true, Active: 500, Desired: 2, Ready: 2}}, 2},
		"an old metric tells it 15 s later":  {15, []Seen{{T: 0, OK: true, Active: 90, Desired: 2, Ready: 2}, {T: 15, OK: true, Active: 190, Desired: 2, Ready: 2}, {T: 30, OK: true, Active: 0, Desired: 2, Ready: 2}}, 4},
		"before there is one, it does not":   {15, []Seen{{T: 0, OK: true, Active: 500, Desired: 2, Ready: 2}}, -1},
		"no fewer than the least, min":       {0, []Seen{{T: 0, OK: true, Desired: 1, Ready: 1}}, 1},
		"a fleet that starts counts as well": {0, []Seen{{T: 0, OK: true, Active: 240, Desired: 5, Ready: 2, Starting: 3}}, 5},
	} {
		h, got := NewHPA(told, HPADefaults().Aged(c.age)), 0
		for _, s := range c.looks {
			got = h.Decide(s)
		}
		if got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}
