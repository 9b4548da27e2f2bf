package staffing

import (
	"fmt"
	"math"
)

// Completions are what was seen of agents at work: the agent-seconds spent with i + 1 conversations at once, and how many
// conversations were completed then. Both only grow; see Fade.
type Completions struct {
	Seconds [MostChats]float64 `json:"seconds"`
	Done    [MostChats]float64 `json:"done"`
}

// Add notes that agents spent so many agent-seconds with i conversations each and completed so many.
func (c *Completions) Add(i int, agentSeconds, done float64) {
	if i >= 1 && i <= MostChats && agentSeconds > 0 && done >= 0 {
		c.Seconds[i-1] += agentSeconds
		c.Done[i-1] += done
	}
}

// Check refuses completions that nobody can have seen.
func (c *Completions) Check() error {
	for i := range c.Seconds {
		for name, v := range map[string]float64{"seconds": c.Seconds[i], "done": c.Done[i]} {
			if !(v >= 0 && v < 1e12) { // also NaN
				return fmt.Errorf("completions: %s[%d] is %g; it must be from 0 to 1e12", name, i, v)
			}
		}
	}
	return nil
}

// Fade makes what was seen count for so much of what it did, from 0 to 1, so that a new way of working is learnt.
func (c *Completions) Fade(share float64) {
	for i := range c.Seconds {
		c.Seconds[i] *= share
		c.Done[i] *= share
	}
}

// The prior of an agent's rates: one conversation in ten minutes, and each one more at once adds seven tenths of what the one
// before added. It counts as much as priorDone completions at each level.
const (
	priorHandling = 600.0
	priorGain     = 0.7
	priorDone     = 8.0
)

// Rates are fitted for agents with up to m conversations at once: completions over time at each level, drawn towards a prior,
// then made concave and rising as the pool-adjacent-violators rule does on the gains, weighted by time. falls says that with
// m conversations agents complete fewer than with m − 1, as measured: the fit does not hide that.
//
// The prior's height follows the data: its handling time is the one that explains all completions together.
func (c *Completions) Rates(m int) (rates Rates, falls bool) {
	m = min(max(m, 1), MostChats)
	shape := make([]float64, m) // the prior with a handling time of one second
	gain, sum := 1.0, 0.0
	for i := range shape {
		sum += gain
		shape[i], gain = sum, gain*priorGain
	}
	done, expected := 1.0, priorHandling // one completion at the prior's handling
	for i := range m {
		done += c.Done[i]
		expected += c.Seconds[i] * shape[i]
	}
	height := done / expected
	measured, weight := make([]float64, m), make([]float64, m)
	for i := range m {
		prior := height * shape[i]
		measured[i] = (c.Done[i] + priorDone) / (c.Seconds[i] + priorDone/prior)
		weight[i] = c.Seconds[i] + priorDone/prior
	}
	if m > 1 {
		a, b := measured[m-1], measured[m-2]
		// by more than chance: the difference of two Poisson rates, at two sigma
		noise := math.Sqrt(a/weight[m-1] + b/weight[m-2])
		falls = a < b-2*noise
	}
	return concave(measured, weight), falls
}

// concave is the nearest concave sequence from 0, by least squares over its gains' blocks: gains that rise are averaged.
func concave(values, weights []float64) Rates {
	type block struct{ sum, weight, gain float64 }
	var blocks []block
	before := 0.0
	var sizes []int
	for i, v := range values {
		b := block{sum: 1, weight: weights[i], gain: v - before}
		before = v
		size := 1
		for len(blocks) > 0 && blocks[len(blocks)-1].gain < b.gain {
			last := blocks[len(blocks)-1]
			w := last.weight + b.weight
			b = block{sum: last.sum + b.sum, weight: w, gain: (last.gain*last.weight + b.gain*b.weight) / w}
			size += sizes[len(sizes)-1]
			blocks, sizes = blocks[:len(blocks)-1], sizes[:len(sizes)-1]
		}
		blocks, sizes = append(blocks, b), append(sizes, size)
	}
	out, sum := make(Rates, 0, len(values)), 0.0
	for i, b := range blocks {
		for range sizes[i] {
			sum = max(sum+b.gain, 1e-9)
			out = append(out, sum)
		}
	}
	return out
}

// Patience is learnt from waits that ended in two ways: the citizen went (his patience), or he was answered (his patience was
// longer than that: it is censored). With exponential patience the estimate of greatest likelihood is all waiting time over
// the number of those who went; taking only those who went would make everybody look impatient.
type Patience struct {
	Waited float64 `json:"waited"` // seconds, by all
	Went   float64 `json:"went"`   // how many gave up
}

// The prior: ten minutes, as much as three who went.
const (
	priorPatience     = 600.0
	priorPatienceWent = 3.0
)

// Add notes that some citizens waited so many seconds together, and how many of them went.
func (p *Patience) Add(waited, went float64) {
	if waited >= 0 && went >= 0 {
		p.Waited += waited
		p.Went += went
	}
}

// Mean patience in seconds.
func (p Patience) Mean() float64 {
	return (p.Waited + priorPatience*priorPatienceWent) / (p.Went + priorPatienceWent)
}
