package controllers

import (
	"testing"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

func TestWhenAPoolMayHaveNoWorker(t *testing.T) {
	for name, c := range map[string]struct {
		local   string
		agents  int
		workers int32
		not     bool // wished
		silent  bool // the runtime
		rests   bool
	}{
		"shut":                                    {local: "2026-11-23 20:00", workers: 1, rests: true},
		"open":                                    {local: "2026-11-23 09:00", workers: 1},
		"about to open":                           {local: "2026-11-23 07:58", workers: 0},
		"a while before":                          {local: "2026-11-23 07:57", workers: 0, rests: true},
		"shut, with somebody signed in":           {local: "2026-11-23 20:00", agents: 1, workers: 1},
		"shut, and not wished":                    {local: "2026-11-23 20:00", workers: 1, not: true},
		"nobody knows who is signed in":           {local: "2026-11-23 20:00", workers: 1, silent: true},
		"nobody knows, and it has been resting":   {local: "2026-11-23 20:00", workers: 0, silent: true, rests: true},
		"nobody knows, and it is about to open":   {local: "2026-11-23 07:59", workers: 0, silent: true},
		"a Sunday at nine, when weekdays open it": {local: "2026-11-22 09:00", workers: 1, rests: true},
	} {
		s := counterAt(t, "Asia/Jakarta", c.local, officeHours, c.agents, 0)
		s.pool.Spec.Workers.ZeroOutsideHours, s.desk.Wanted = !c.not, c.workers
		if c.silent {
			s.view.Status = &bundle.Status{}
		}
		least := map[bool]int32{true: 0, false: 1}[c.rests]
		if got := s.limits().Min; got != least {
			t.Errorf("%s: at least %d, not %d", name, got, least)
		}
	}
}
