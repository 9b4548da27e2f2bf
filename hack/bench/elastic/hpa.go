package elastic

import (
	"fmt"
	"math"
)

// HPA is the rule of Kubernetes' HorizontalPodAutoscaler on an external metric with a target of an average value: the conversations
// in the house, over so many a worker. It is written from the documented formula, and is not the controller's own code:
//
//   - each 15 s desired = ⌈metric / target⌉, and the number stays where metric / (target × workers) is within a tenth of 1;
//   - more are added at once, at most doubling or by four in 15 s, whichever is more;
//   - fewer are asked for only when each proposal of the last 300 s was lower: the highest of them counts;
//   - without a metric nothing happens.
type HPA struct {
	told   Told
	target float64
	age    float64 // of the metric, in seconds
	next   float64

	looks     []Seen // those from which the metric is taken, oldest first
	proposals []proposal
}

type proposal struct {
	at      float64
	workers int
}

// HPA's defaults; the share of a worker that is aimed at has none in Kubernetes, and four fifths is what people take.
const (
	hpaSync      = 15.0
	hpaTolerance = 0.1
	hpaDown      = 300.0
	hpaShare     = 0.8
)

// NewHPA is an HPA at its defaults, whose metric is so many seconds old.
func NewHPA(t Told, age float64) *HPA {
	return &HPA{told: t, target: hpaShare * float64(t.PerWorker), age: age}
}

// Name in a table.
func (h *HPA) Name() string {
	if h.age == 0 {
		return "hpa rule"
	}
	return fmt.Sprintf("hpa rule, %.0f s old", h.age)
}

// Decide is one look, on which only each fifteenth second acts.
func (h *HPA) Decide(s Seen) int {
	h.looks = append(h.looks, s)
	for len(h.looks) > 1 && h.looks[1].T <= s.T-h.age {
		h.looks = h.looks[1:]
	}
	if s.T < h.next {
		return -1
	}
	h.next = s.T + hpaSync
	seen := h.looks[0]
	if !seen.OK || seen.T > s.T-h.age {
		return -1
	}
	metric := float64(seen.WaitingForWorker + seen.WaitingForAgent + seen.Active)
	wanted := int(math.Ceil(metric / h.target))
	if exist := s.Ready + s.Starting; exist > 0 && math.Abs(metric/(h.target*float64(exist))-1) <= hpaTolerance {
		wanted = s.Desired
	}
	for len(h.proposals) > 0 && h.proposals[0].at <= s.T-hpaDown {
		h.proposals = h.proposals[1:]
	}
	h.proposals = append(h.proposals, proposal{s.T, wanted})
	if wanted < s.Desired {
		for _, p := range h.proposals {
			wanted = max(wanted, p.workers)
		}
		wanted = min(wanted, s.Desired)
	}
	wanted = min(wanted, max(2*s.Desired, s.Desired+4))
	return min(max(wanted, h.told.Min), h.told.Max)
}
