package elastic

import "math"

// Seen is what a policy is shown at a tick. Without OK only T and the worker counts are meant.
type Seen struct {
	T                float64 `json:"t"`
	OK               bool    `json:"ok"`
	WaitingForWorker int     `json:"waitingForWorker"`
	WaitingForAgent  int     `json:"waitingForAgent"`
	Active           int     `json:"active"`
	Arrived          int64   `json:"arrived"`
	Finished         int64   `json:"finished"`
	Agents           int     `json:"agents"`
	Desired          int     `json:"desired"`
	Ready            int     `json:"ready"`
	Starting         int     `json:"starting"`
	Draining         int     `json:"draining"`
}

// Policy says how many workers there shall be; a negative number leaves them as they are.
type Policy interface {
	Decide(Seen) int
}

// Where a conversation is.
const (
	forWorker = iota + 1
	forAgent
	active
	gone
)

// counter is the discrete-event model of a pool: conversations wait for room on a worker, then for an agent's slot, then take
// the agent for their handling time. Both who waits for an agent and who is active take room on a worker. Workers hold
// nothing: when one goes, its conversations are on the others. A citizen whom nobody answered within his patience goes.
type counter struct {
	trace  *Trace
	states []uint8
	now    float64
	next   int // arrival

	rooms, slots     int // of workers and agents; the load's own replay has no end of rooms
	waitWorker       fifo
	waitAgent        fifo
	onWorkers, busy  int
	agents, agentsAt int
	ends             timers
	impatient        timers
	arrived, left    int64

	placed func(conversation int32, at float64) // nil does nothing
	lost   func(conversation int32, at float64) // left without a worker
}

func newCounter(t *Trace) *counter {
	c := &counter{trace: t, states: make([]uint8, len(t.Conversations)), slots: math.MaxInt}
	if len(t.Agents) > 0 {
		c.slots = 0
	}
	c.staff()
	return c
}

// staff applies the changes of the roster that are due.
func (c *counter) staff() {
	for c.agentsAt < len(c.trace.Agents) && c.trace.Agents[c.agentsAt].At <= c.now {
		c.agents = c.trace.Agents[c.agentsAt].Count
		c.slots = c.agents * c.trace.PerAgent
		c.agentsAt++
	}
}

// upcoming is the moment of the next thing that happens by itself.
func (c *counter) upcoming() float64 {
	at := math.Inf(1)
	if c.next < len(c.trace.Conversations) {
		at = c.trace.Conversations[c.next].At
	}
	if len(c.ends) > 0 {
		at = min(at, c.ends[0].at)
	}
	if len(c.impatient) > 0 {
		at = min(at, c.impatient[0].at)
	}
	if c.agentsAt < len(c.trace.Agents) {
		at = min(at, c.trace.Agents[c.agentsAt].At)
	}
	return at
}

// step lets happen what is due at a moment, which must not be after upcoming.
func (c *counter) step(at float64) {
	c.now = at
	c.staff()
	for len(c.ends) > 0 && c.ends[0].at <= at {
		i := c.ends.pop().who
		c.states[i] = gone
		c.busy--
		c.onWorkers--
		c.left++
	}
	for len(c.impatient) > 0 && c.impatient[0].at <= at {
		i := c.impatient.pop().who
		switch c.states[i] {
		case forWorker:
			c.waitWorker.live--
			if c.lost != nil {
				c.lost(i, at)
			}
		case forAgent:
			c.waitAgent.live--
			c.onWorkers--
		default:
			continue
		}
		c.states[i] = gone
		c.left++
	}
	for c.next < len(c.trace.Conversations) && c.trace.Conversations[c.next].At <= at {
		i := int32(c.next)
		c.next++
		c.arrived++
		c.states[i] = forWorker
		c.waitWorker.push(i)
		c.settle() // he who finds room does not queue
		if p := c.trace.Conversations[i].Patience; p > 0 && (c.states[i] == forWorker || c.states[i] == forAgent) {
			c.impatient.push(timer{at + float64(p), i})
		}
	}
	c.settle()
}

// settle moves conversations on as far as there is room.
func (c *counter) settle() {
	for c.onWorkers < c.rooms {
		i, ok := c.waitWorker.pop(c.states, forWorker)
		if !ok {
			break
		}
		c.states[i] = forAgent
		c.onWorkers++
		if c.placed != nil {
			c.placed(i, c.now)
		}
		c.waitAgent.push(i)
	}
	for c.busy < c.slots {
		i, ok := c.waitAgent.pop(c.states, forAgent)
		if !ok {
			break
		}
		c.states[i] = active
		c.busy++
		c.ends.push(timer{c.now + float64(c.trace.Conversations[i].Handle), i})
	}
}

func (c *counter) load() int { return c.waitWorker.live + c.onWorkers }

// fifo is a queue from whose middle conversations may go.
type fifo struct {
	list []int32
	head int
	live int
}

func (q *fifo) push(i int32) {
	if q.head > 1024 && q.head*2 > len(q.list) {
		q.list = q.list[:copy(q.list, q.list[q.head:])]
		q.head = 0
	}
	q.list = append(q.list, i)
	q.live++
}

func (q *fifo) pop(states []uint8, waiting uint8) (int32, bool) {
	for q.head < len(q.list) {
		i := q.list[q.head]
		q.head++
		if states[i] == waiting {
			q.live--
			return i, true
		}
	}
	q.list, q.head = q.list[:0], 0
	return 0, false
}

type timer struct {
	at  float64
	who int32
}

// timers is a binary heap by time. (container/heap boxes each value, which made half of a replay's time.)
type timers []timer

func (t *timers) push(x timer) {
	h := append(*t, x)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].at <= x.at {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
	*t = h
}

func (t *timers) pop() timer {
	h := *t
	first, n := h[0], len(h)-1
	x := h[n]
	h = h[:n]
	i := 0
	for {
		down := 2*i + 1
		if down >= n {
			break
		}
		if down+1 < n && h[down+1].at < h[down].at {
			down++
		}
		if x.at <= h[down].at {
			break
		}
		h[i] = h[down]
		i = down
	}
	if n > 0 {
		h[i] = x
	}
	*t = h
	return first
}

// fleet is the workers by phase, and what they have cost.
type fleet struct {
	trace    *Trace
	desired  int
	ready    int
	starting []float64 // when each is ready, ascending
	draining []float64 // when each is gone, ascending
	started  int
	now      float64
	cost     float64 // worker-seconds
}

func newFleet(t *Trace) *fleet { return &fleet{trace: t, desired: t.Min, ready: t.Min} }

// upcoming is when the next worker changes its phase.
func (f *fleet) upcoming() float64 {
	at := math.Inf(1)
	if len(f.starting) > 0 {
		at = f.starting[0]
	}
	if len(f.draining) > 0 {
		at = min(at, f.draining[0])
	}
	return at
}

// step moves time on to a moment, which must not be after upcoming.
func (f *fleet) step(at float64) {
	f.cost += (at - f.now) * float64(f.ready+len(f.starting)+len(f.draining))
	f.now = at
	for len(f.starting) > 0 && f.starting[0] <= at {
		f.starting = f.starting[1:]
		f.ready++
	}
	for len(f.draining) > 0 && f.draining[0] <= at {
		f.draining = f.draining[1:]
	}
}

// scale asks for a number of workers. Fewer takes those first that are not ready, as a Deployment does.
func (f *fleet) scale(workers int) {
	f.desired = workers
	for f.ready+len(f.starting) < workers {
		at := f.now + f.trace.Starts[f.started%len(f.trace.Starts)]
		f.started++
		i := len(f.starting)
		f.starting = append(f.starting, at)
		for i > 0 && f.starting[i-1] > at {
			f.starting[i], f.starting[i-1] = f.starting[i-1], f.starting[i]
			i--
		}
	}
	for f.ready+len(f.starting) > workers {
		if n := len(f.starting); n > 0 {
			f.starting = f.starting[:n-1]
		} else {
			f.ready--
		}
		f.draining = append(f.draining, f.now+f.trace.DrainSeconds)
	}
}

// Replay runs a trace through a policy. The optimum of the very trace is needed for the figures (see Optimum).
func Replay(t *Trace, best *Best, policy Policy) Figures {
	c, f, m := newCounter(t), newFleet(t), newMeter(t, best)
	c.rooms = f.ready * t.PerWorker
	c.placed, c.lost = m.placed, m.placed
	gap := 0
	for tick := 0; ; tick++ {
		until := float64(tick) * t.TickSeconds
		if until > t.Seconds {
			break
		}
		for {
			at := min(c.upcoming(), f.upcoming())
			if at > until {
				break
			}
			advance(c, f, m, at)
		}
		advance(c, f, m, until)
		for gap < len(t.Missing) && t.Missing[gap].To <= until {
			gap++
		}
		seen := Seen{T: until, Desired: f.desired, Ready: f.ready, Starting: len(f.starting), Draining: len(f.draining)}
		if seen.OK = gap >= len(t.Missing) || until < t.Missing[gap].From; seen.OK {
			seen.WaitingForWorker, seen.WaitingForAgent, seen.Active = c.waitWorker.live, c.waitAgent.live, c.busy
			seen.Arrived, seen.Finished, seen.Agents = c.arrived, c.left, c.agents
			if len(t.Agents) == 0 {
				seen.Agents = (c.busy + t.PerAgent - 1) / t.PerAgent
			}
		}
		before := f.desired
		if n := policy.Decide(seen); n >= 0 && n != before {
			f.scale(n)
			c.rooms = f.ready * t.PerWorker
			m.changed(until, n-before)
			if !seen.OK && n < before {
				m.blind++
			}
		}
		m.tick(tick, f)
	}
	return m.figures(c, f)
}

func advance(c *counter, f *fleet, m *meter, at float64) {
	f.step(at)
	c.rooms = f.ready * c.trace.PerWorker
	m.ready = f.ready
	before := c.next
	c.step(at)
	if f.ready == 0 {
		m.woke(before, c.next)
	}
}
