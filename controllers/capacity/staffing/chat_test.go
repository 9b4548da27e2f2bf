package staffing

import (
	"math"
	"math/rand/v2"
	"testing"
)

var measuredRates = Rates{1. / 300, 1.7 / 300, 2.2 / 300, 2.4 / 300}

// simulate is a counter event by event: each agent's conversations end with his total rate; who comes takes the agent with the
// fewest, and else waits in line until one ends or his patience does.
func simulate(c Chat, within float64, citizens int, seed uint64) (answered float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	held := make([]int, c.Agents)
	type waiting struct{ since, until float64 }
	var queue []waiting
	now, came, good := 0.0, 0, 0
	warm := citizens / 10
	for came < citizens {
		total := c.Arrivals
		for _, h := range held {
			if h > 0 {
				total += c.Rates[h-1]
			}
		}
		now += rng.ExpFloat64() / total
		x := rng.Float64() * total
		if x < c.Arrivals {
			came++
			least := 0
			for i, h := range held {
				if h < held[least] {
					least = i
				}
			}
			if held[least] < len(c.Rates) {
				held[least]++
				if came > warm {
					good++
				}
			} else {
				until := math.Inf(1)
				if c.Patience > 0 {
					until = now + rng.ExpFloat64()*c.Patience
				}
				queue = append(queue, waiting{now, until})
			}
			continue
		}
		x -= c.Arrivals
		for i, h := range held {
			if h == 0 {
				continue
			}
			if x -= c.Rates[h-1]; x < 0 {
				held[i]--
				for len(queue) > 0 {
					w := queue[0]
					queue = queue[1:]
					if w.until < now {
						continue
					}
					held[i]++
					if now-w.since <= within && came > warm {
						good++
					}
					break
				}
				break
			}
		}
		// even it out, as the router's next turns do: an agent with two fewer than another would have had the next one
	}
	return float64(good) / float64(citizens-warm)
}

func TestTheChatChainAgreesWithAnEventSimulation(t *testing.T) {
	for _, c := range []Chat{
		{Agents: 3, Rates: measuredRates, Arrivals: 0.02, Patience: 300},
		{Agents: 10, Rates: measuredRates, Arrivals: 0.078, Patience: 120},
		{Agents: 10, Rates: measuredRates, Arrivals: 0.1, Patience: 300},
		{Agents: 40, Rates: measuredRates, Arrivals: 0.31, Patience: 600},
		{Agents: 12, Rates: measuredRates, Arrivals: 0.085},
	} {
		const within = 60
		chain, events := c.Answers(within).AnsweredWithin, simulate(c, within, 400000, 7)
		if math.Abs(chain-events) > 0.01 {
			t.Errorf("%d agents, %.3f a second: the chain says %.4f, the events %.4f", c.Agents, c.Arrivals, chain, events)
		}
	}
}

func TestAChatOfOneIsErlangA(t *testing.T) {
	c := Chat{Agents: 14, Rates: Rates{1. / 180}, Arrivals: 3.3333333333333335 / 60, Patience: 180}
	a, b := c.Answers(20), ErlangA(14, c.Arrivals, 180, 180, 20)
	if math.Abs(a.AnsweredWithin-b.AnsweredWithin) > 1e-12 || math.Abs(a.Wait-b.Wait) > 1e-12 || math.Abs(a.Queue-b.Queue) > 1e-12 {
		t.Errorf("%+v is not %+v", a, b)
	}
}

func TestNeededIsTheFewestThatKeepTheLevel(t *testing.T) {
	c := Chat{Rates: measuredRates, Arrivals: 0.3, Patience: 300}
	l := Level{Share: 0.8, Within: 60}
	n := Needed(c, l, 1000)
	c.Agents = n
	if c.Answers(l.Within).AnsweredWithin < l.Share {
		t.Errorf("%d agents do not suffice", n)
	}
	c.Agents = n - 1
	if c.Answers(l.Within).AnsweredWithin >= l.Share {
		t.Errorf("%d agents suffice already", n-1)
	}
	// Four at once is not four times one: the load over four would say 0.3·300/4 = 23.
	if n < 35 {
		t.Errorf("%d agents, as if conversations did not slow each other", n)
	}
}

func TestRatesAreConcaveAndSayWhenFourAreTooMany(t *testing.T) {
	var c Completions
	if r, falls := c.Rates(4); falls || len(r) != 4 || r[0] < 1./650 || r[0] > 1./550 {
		t.Errorf("knowing nothing: %v %v", r, falls)
	}
	for i, rate := range []float64{1. / 300, 1.7 / 300, 2.2 / 300, 1.9 / 300} {
		c.Add(i+1, 3e5, 3e5*rate)
	}
	r, falls := c.Rates(4)
	if !falls {
		t.Error("with four they finish fewer than with three, and nobody says so")
	}
	before, gain := 0.0, math.Inf(1)
	for i, v := range r {
		if v-before > gain+1e-12 {
			t.Errorf("the gain of conversation %d rises: %v", i+1, r)
		}
		gain, before = v-before, v
	}
	if math.Abs(r[1]*300-1.7) > 0.05 {
		t.Errorf("R(2) is %.3f of 1/300, not 1.7", r[1]*300)
	}
}

func TestPatienceIsNotThatOfThoseWhoWentOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var p Patience
	for range 20000 {
		patience, answer := rng.ExpFloat64()*240, rng.ExpFloat64()*60
		if patience < answer {
			p.Add(patience, 1)
		} else {
			p.Add(answer, 0)
		}
	}
	if p.Mean() < 225 || p.Mean() > 255 {
		t.Errorf("a patience of 240 s is taken for %.0f", p.Mean())
	}
}
