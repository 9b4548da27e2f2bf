package externalscaler

import (
	"testing"
	"time"
)

func TestALeaderIsThereWhileItsLeaseMoves(t *testing.T) {
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var h heartbeat
	renewed := start.Add(-6 * time.Hour) // another machine's clock
	for _, step := range []struct {
		what        string
		after       int // seconds
		renews      bool
		back, alive bool
	}{
		{"a lease that is there says nothing: its leader may have died an hour ago", 0, false, false, false},
		{"nor does one that stays as it is", 5, false, false, false},
		{"one that moves has a leader", 10, true, true, true},
		{"and goes on", 15, true, false, true},
		{"a renewal that was missed is no death", 20, false, false, true},
		{"nor are four", 39, false, false, true},
		{"five are", 40, false, false, false},
		{"the next leader is news", 45, true, true, true},
	} {
		now := start.Add(time.Duration(step.after) * time.Second)
		if step.renews {
			renewed = renewed.Add(5 * time.Second)
		}
		if back := h.hear(renewed, now); back != step.back || h.alive(now) != step.alive {
			t.Errorf("%s: back %t, alive %t", step.what, back, h.alive(now))
		}
	}
}
