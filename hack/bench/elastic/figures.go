package elastic

import (
	"math"
	"slices"
)

// Grace is how long after its arrival a conversation may still come to a worker without being delayed.
const Grace = 1.0

// FlapWithin is how soon after a change the other way a change is a flap, in seconds.
const FlapWithin = 15 * 60

// Figures are what a policy achieved on a trace.
type Figures struct {
	Trace  string `json:"trace,omitempty"`
	Class  string `json:"class,omitempty"`
	Size   string `json:"size,omitempty"`
	Policy string `json:"policy"`
	// Cost is worker-seconds of workers starting, ready and draining; Optimum is the least possible with nobody delayed.
	Cost    float64 `json:"costWorkerSeconds"`
	Optimum float64 `json:"optimumWorkerSeconds"`
	Ratio   float64 `json:"costOverOptimum"`
	// Conversations that arrived while a worker was ready, how many percent of them were delayed, and how long those waited.
	Conversations  int     `json:"conversations"`
	DelayedPercent float64 `json:"delayedPercent"`
	WaitP99        float64 `json:"delayedWaitP99Seconds"`
	// WokeUp are conversations that arrived while there was none, which are counted apart.
	WokeUp     int     `json:"wakeUps"`
	WakeUpP99  float64 `json:"wakeUpWaitP99Seconds"`
	ChangesDay float64 `json:"changesPerDay"`
	FlapsDay   float64 `json:"flapsPerDay"`
	MostReady  int     `json:"mostReady"`
	// AtZero is the share of the time that could be spent without any worker which was.
	AtZero float64 `json:"atZeroOfPossible,omitempty"`
	// SPEC's elasticity: by how much, of demand, there was too little (UnderAccuracy) and too much (OverAccuracy), for how much of
	// the time (UnderTime, OverTime), all in percent, and Jitter: changes of supply less those of demand, an hour.
	UnderAccuracy float64 `json:"specUnderAccuracyPercent"`
	OverAccuracy  float64 `json:"specOverAccuracyPercent"`
	UnderTime     float64 `json:"specUnderTimePercent"`
	OverTime      float64 `json:"specOverTimePercent"`
	Jitter        float64 `json:"specJitterPerHour"`
	// Blind is how often workers were taken away without an observation. It must be 0.
	Blind int `json:"downWhileBlind"`
}

// meter watches a replay.
type meter struct {
	trace    *Trace
	best     *Best
	ready    int
	apart    []bool // nil until one woke up
	waits    []float64
	wakeUps  []float64
	placedN  int
	delayed  int
	changes  int
	flaps    int
	blind    int
	lastAt   float64
	lastSign int

	under, over, underTime, overTime float64
	supplyChanges, demandChanges     int
	lastSupply, lastDemand           int
	ticks                            int
	zero                             float64
	most                             int
	// Line is the number of ready workers at each tick, for drawing; nil is not kept.
	line []int16
}

func newMeter(t *Trace, best *Best) *meter {
	return &meter{trace: t, best: best, lastAt: math.Inf(-1), lastSupply: t.Min, lastDemand: t.Min}
}

// woke marks arrivals that found no worker at all.
func (m *meter) woke(from, to int) {
	if from == to {
		return
	}
	if m.apart == nil {
		m.apart = make([]bool, len(m.trace.Conversations))
	}
	for i := from; i < to; i++ {
		m.apart[i] = true
	}
}

// placed notes when a conversation came to a worker, or went without.
func (m *meter) placed(i int32, at float64) {
	wait := at - m.trace.Conversations[i].At
	if m.ready == 0 || m.apart != nil && m.apart[i] {
		m.wakeUps = append(m.wakeUps, wait)
		return
	}
	m.placedN++
	if wait > Grace {
		m.delayed++
		m.waits = append(m.waits, wait)
	}
}

func (m *meter) changed(at float64, by int) {
	m.changes++
	s := sign(float64(by))
	if s == -m.lastSign && at-m.lastAt < FlapWithin {
		m.flaps++
	}
	m.lastAt, m.lastSign = at, s
}

func (m *meter) tick(tick int, f *fleet) {
	m.ticks++
	m.most = max(m.most, f.ready)
	if f.ready+len(f.starting)+len(f.draining) == 0 {
		m.zero += m.trace.TickSeconds
	}
	demand, supply := int(m.best.need[min(tick, len(m.best.need)-1)]), f.ready
	if demand != m.lastDemand {
		m.demandChanges++
	}
	if supply != m.lastSupply {
		m.supplyChanges++
	}
	m.lastDemand, m.lastSupply = demand, supply
	switch per := float64(max(demand, 1)); {
	case supply < demand:
		m.under += float64(demand-supply) / per
		m.underTime++
	case supply > demand:
		m.over += float64(supply-demand) / per
		m.overTime++
	}
	if m.line != nil {
		m.line = append(m.line, int16(min(supply, math.MaxInt16)))
	}
}

func (m *meter) figures(c *counter, f *fleet) Figures {
	for ; c.waitWorker.head < len(c.waitWorker.list); c.waitWorker.head++ { // whom the end found waiting
		if i := c.waitWorker.list[c.waitWorker.head]; c.states[i] == forWorker {
			m.placed(i, c.now)
		}
	}
	n, hours := float64(max(m.ticks, 1)), m.trace.Seconds/3600
	out := Figures{
		Trace: m.trace.Name, Class: m.trace.Class, Size: m.trace.Size, Cost: f.cost, Optimum: m.best.Cost, Conversations: m.placedN,
		WaitP99: quantile(m.waits, 0.99), WokeUp: len(m.wakeUps), WakeUpP99: quantile(m.wakeUps, 0.99), MostReady: m.most, Blind: m.blind,
		ChangesDay: float64(m.changes) / m.trace.Days(), FlapsDay: float64(m.flaps) / m.trace.Days(),
		UnderAccuracy: 100 * m.under / n, OverAccuracy: 100 * m.over / n, UnderTime: 100 * m.underTime / n, OverTime: 100 * m.overTime / n,
		Jitter: float64(m.supplyChanges-m.demandChanges) / hours,
	}
	if m.best.Cost > 0 {
		out.Ratio = f.cost / m.best.Cost
	}
	if m.placedN > 0 {
		out.DelayedPercent = 100 * float64(m.delayed) / float64(m.placedN)
	}
	if m.best.Zero > 0 {
		out.AtZero = m.zero / m.best.Zero
	}
	return out
}

// quantile sorts what it is given; 0 of nothing.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[min(int(math.Ceil(q*float64(len(v))))-1+btoi(q == 0), len(v)-1)]
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
