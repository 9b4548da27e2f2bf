package elastic

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Classes of generated traces.
var Classes = []string{"office", "morning", "surge", "viral", "growth", "holiday", "noise", "night", "missing"}

// Sizes of generated traces, by about how many workers the peak takes.
var Sizes = map[string]float64{"small": 2.4, "medium": 12, "large": 70}

const (
	handleMean   = 420.0 // seconds; log-normal with a sigma of 0.7
	handleSigma  = 0.7
	patienceMean = 600.0 // seconds; exponential
	week         = 7 * 86400.0
)

// Generate makes the week of a class, size and seed: the same each time.
//
// Arrivals are Poisson with a rate that the class draws over the day; on Saturday and Sunday it is three tenths. The roster
// of agents follows the planned load with a fifth to spare; nobody planned surges and spikes, so people wait then.
func Generate(class, size string, seed uint64) (*Trace, error) {
	workers, ok := Sizes[size]
	if !ok {
		return nil, fmt.Errorf("no size %q: small, medium or large", size)
	}
	h := fnv.New64a()
	fmt.Fprint(h, class, size)
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	t := &Trace{Name: fmt.Sprintf("%s-%s-%d", class, size, seed), Class: class, Size: size, Told: Defaults(), Seconds: week}
	t.TimeZone = "Asia/Jakarta"
	t.StartsAt = time.Date(2026, 11, 23, 0, 0, 0, 0, time.FixedZone("WIB", 7*3600))
	t.Starts = uniformStarts(4, 20, rng.Uint64())
	rate, planned, err := rates(t, class, rng)
	if err != nil {
		return nil, err
	}
	peak := workers * float64(t.PerWorker) * 0.95 / handleMean // conversations a second
	for s := range int(week) {
		for n := poisson(rng, peak*rate(float64(s))); n > 0; n-- {
			t.Conversations = append(t.Conversations, Conversation{
				At:       float64(s) + rng.Float64(),
				Handle:   float32(handleMean * math.Exp(handleSigma*rng.NormFloat64()-handleSigma*handleSigma/2)),
				Patience: float32(patienceMean * rng.ExpFloat64()),
			})
		}
	}
	for at := 0.0; at < week; at += 1800 {
		most := 0.0
		for s := at - 900; s < at+2700; s += 300 {
			most = max(most, planned(s))
		}
		load := peak * most * handleMean
		t.Agents = append(t.Agents, Agents{at, int(math.Ceil((1.2*load+2*math.Sqrt(load))/float64(t.PerAgent))) + 1})
	}
	t.settle()
	return t, nil
}

// StartsFrom redraws how long workers take to start.
func (t *Trace) StartsFrom(least, most float64, seed uint64) {
	t.Starts = uniformStarts(least, most, seed)
}

func uniformStarts(least, most float64, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 77))
	out := make([]float64, 4096)
	for i := range out {
		out[i] = least + (most-least)*rng.Float64()
	}
	return out
}

func poisson(rng *rand.Rand, mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*rng.NormFloat64())))
	}
	limit, p, n := math.Exp(-mean), 1.0, -1
	for p > limit {
		p *= rng.Float64()
		n++
	}
	return max(n, 0)
}

func bell(hour, at, width float64) float64 {
	d := (hour - at) / width
	return math.Exp(-d * d / 2)
}

// office hours have two humps, with an opening at eight and a closing at five that take a quarter of an hour.
func office(hour float64) float64 {
	open := 1/(1+math.Exp(-(hour-8)*20)) - 1/(1+math.Exp(-(hour-17)*12))
	return 0.015 + 0.985*open*min(1, 0.25+bell(hour, 10, 1.1)*0.75+bell(hour, 14, 1.3)*0.6)
}

// morning is nearly everything in the two hours after a steep opening.
func morning(hour float64) float64 {
	if hour < 8 || hour > 17 {
		return 0.01
	}
	return 0.01 + 0.99*(1-math.Exp(-(hour-8)*12))*(0.25+0.75*math.Exp(-max(0, hour-8.7)/1.1))
}

func weekday(day int) float64 {
	if day%7 >= 5 {
		return 0.3
	}
	return 1
}

// rates gives what arrives, as a share of the peak, and what the roster was planned for.
func rates(t *Trace, class string, rng *rand.Rand) (rate, planned func(second float64) float64, err error) {
	at := func(s float64) (day int, hour float64) {
		s = math.Mod(s+week, week)
		day = int(s / 86400)
		return day, (s - float64(day)*86400) / 3600
	}
	base := func(s float64) float64 { d, h := at(s); return office(h) * weekday(d) }
	switch class {
	case "office":
		return base, base, nil
	case "morning":
		f := func(s float64) float64 { d, h := at(s); return morning(h) * weekday(d) }
		return f, f, nil
	case "surge":
		quiet := func(s float64) float64 { return 0.3 * base(s) }
		type surge struct{ from, rise, last float64 }
		var surges []surge
		for range 3 {
			surges = append(surges, surge{math.Floor(rng.Float64()*7)*86400 + (8.5+rng.Float64()*7)*3600, 120 + 480*rng.Float64(), 1800 + 3600*rng.Float64()})
		}
		return func(s float64) float64 {
			times := 1.0
			for _, u := range surges {
				times = max(times, 1+4*min(1, max(0, (s-u.from)/u.rise))*min(1, max(0, (u.from+u.rise+u.last-s)/u.rise)))
			}
			return quiet(s) * times
		}, quiet, nil
	case "viral":
		quiet := func(s float64) float64 { return 0.35 * base(s) }
		type spike struct{ from, high, decay float64 }
		var spikes []spike
		for range 3 {
			spikes = append(spikes, spike{math.Floor(rng.Float64()*7)*86400 + (8+rng.Float64()*13)*3600, 0.4 + 0.6*rng.Float64(), 600 + 1800*rng.Float64()})
		}
		return func(s float64) float64 {
			more := 0.0
			for _, k := range spikes {
				if s > k.from {
					more += k.high * min(1, (s-k.from)/60) * math.Exp(-max(0, s-k.from-60)/k.decay)
				}
			}
			return quiet(s) + more
		}, quiet, nil
	case "growth":
		f := func(s float64) float64 { d, h := at(s); return office(h) * weekday(d) * (0.5 + 0.5*s/week) }
		return f, f, nil
	case "holiday":
		off := rng.IntN(5)
		t.Holidays = []string{t.StartsAt.AddDate(0, 0, off).Format(time.DateOnly)}
		f := func(s float64) float64 {
			if d, _ := at(s); d == off {
				return 0.12 * base(s)
			}
			return base(s)
		}
		return f, f, nil
	case "noise":
		// The logarithm wanders at five scales of time at once, from one minute to four hours: variance at each, as self-similar
		// traffic has it.
		const step = 10.0
		scales := []float64{60, 240, 960, 3840, 15360}
		state, log := make([]float64, len(scales)), make([]float64, int(week/step)+2)
		for i := range log {
			for k, tau := range scales {
				a := math.Exp(-step / tau)
				state[k] = state[k]*a + 0.15*math.Sqrt(1-a*a)*rng.NormFloat64()
				log[i] += state[k]
			}
		}
		return func(s float64) float64 { return 0.75 * base(s) * math.Exp(log[int(s/step)]) }, base, nil
	case "night":
		calls := make([]float64, 0, 100)
		for s := 0.0; s < week; {
			s += 3600 * rng.ExpFloat64()
			calls = append(calls, s)
		}
		f := func(s float64) float64 {
			d, h := at(s)
			if h < 7 || h > 19 {
				return 0
			}
			return max(0, office(h)-0.015) * weekday(d)
		}
		for _, s := range calls {
			if _, h := at(s); (h < 7 || h > 19) && s < week {
				t.Conversations = append(t.Conversations, Conversation{At: s, Handle: float32(handleMean * rng.ExpFloat64()), Patience: 600})
			}
		}
		return f, f, nil
	case "missing":
		for day := range 7 {
			for range 3 {
				from := float64(day)*86400 + (6+rng.Float64()*12)*3600
				t.Missing = append(t.Missing, Gap{from, from + 120 + 2400*rng.Float64()})
			}
		}
		t.Missing = append(t.Missing, Gap{2*86400 + 7.6*3600, 2*86400 + 8.6*3600})
		slices.SortFunc(t.Missing, func(a, b Gap) int { return sign(a.From - b.From) })
		return base, base, nil
	}
	return nil, nil, fmt.Errorf("no class %q: %v", class, Classes)
}
