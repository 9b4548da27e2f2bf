package elastic

import (
	"fmt"
	"math"
)

// HPA is the rule of Kubernetes' HorizontalPodAutoscaler on an external metric with a target of an average value: the conversations
// in the house, over so many a worker. It is no code of Kubernetes', but hack/bench/hpa holds its decisions of a day of office hours to
// those of the controller itself (k8s.io/kubernetes v1.37.2):
//
//   - each 15 s desired = ⌈metric / target⌉, and the number stays where metric / (target × workers) is within a tenth of 1;
//   - what counts is the highest proposal of the last 300 s (Down), so that fewer are asked for only when each was lower;
//   - at most doubling at once, or up to four, whichever is more;
//   - without a metric nothing happens.
type HPA struct {
	told   Told
	set    HPASettings
	target float64
	next   float64

	looks     []Seen // those from which the metric is taken, oldest first
	proposals []proposal
}

type proposal struct {
	at      float64
	workers int
}

const (
	hpaSync      = 15.0
	hpaTolerance = 0.1
	hpaAtOnce    = 4
)

// HPASettings is what people choose of an HPA.
type HPASettings struct {
	// Share of a worker that is aimed at. It has no default in Kubernetes, and four fifths is what people take.
	Share float64
	// Down is for how many seconds each proposal must have been lower before fewer are asked for.
	Down float64
	// Age of the metric in seconds.
	Age   float64
	tuned bool
}

// HPADefaults are Kubernetes' own.
func HPADefaults() HPASettings { return HPASettings{Share: 0.8, Down: 300} }

// Aged is the same with a metric that is so many seconds old.
func (s HPASettings) Aged(seconds float64) HPASettings {
	s.Age = seconds
	return s
}

// HPAGrid is a small one around the defaults: what is aimed at, and how long fewer are waited for.
func HPAGrid() []HPASettings {
	var out []HPASettings
	for _, share := range []float64{0.7, 0.8, 0.9, 0.95} {
		for _, down := range []float64{60, 300, 900} {
			if s := (HPASettings{Share: share, Down: down, tuned: true}); share != HPADefaults().Share || down != HPADefaults().Down {
				out = append(out, s)
			}
		}
	}
	return out
}

// NewHPA is an HPA with its settings.
func NewHPA(t Told, s HPASettings) *HPA {
	return &HPA{told: t, set: s, target: s.Share * float64(t.PerWorker)}
}

// Name in a table.
func (h *HPA) Name() string {
	switch {
	case h.set.tuned:
		return fmt.Sprintf("hpa rule tuned %.2f/%.0fs", h.set.Share, h.set.Down)
	case h.set.Age > 0:
		return fmt.Sprintf("hpa rule, %.0f s old", h.set.Age)
	}
	return "hpa rule"
}

// Decide is one look, on which only each fifteenth second acts.
func (h *HPA) Decide(s Seen) int {
	h.looks = append(h.looks, s)
	for len(h.looks) > 1 && h.looks[1].T <= s.T-h.set.Age {
		h.looks = h.looks[1:]
	}
	if s.T < h.next {
		return -1
	}
	h.next = s.T + hpaSync
	seen := h.looks[0]
	if !seen.OK || seen.T > s.T-h.set.Age {
		return -1
	}
	metric := float64(seen.WaitingForWorker + seen.WaitingForAgent + seen.Active)
	wanted := int(math.Ceil(metric / h.target))
	if exist := s.Ready + s.Starting; exist > 0 {
		if ratio := metric / (h.target * float64(exist)); 1-hpaTolerance <= ratio && ratio <= 1+hpaTolerance {
			wanted = exist
		}
	}
	if len(h.proposals) == 0 { // what it finds counts as the first
		h.proposals = append(h.proposals, proposal{s.T, s.Desired})
	}
	for len(h.proposals) > 0 && h.proposals[0].at < s.T-h.set.Down {
		h.proposals = h.proposals[1:]
	}
	h.proposals = append(h.proposals, proposal{s.T, wanted})
	for _, p := range h.proposals {
		wanted = max(wanted, p.workers)
	}
	wanted = min(wanted, max(2*s.Desired, hpaAtOnce))
	return min(max(wanted, h.told.Min), h.told.Max)
}
