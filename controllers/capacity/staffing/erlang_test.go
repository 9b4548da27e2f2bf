package staffing

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
)

// table reads a file of reference values.
func table(t *testing.T, file string) []map[string]float64 {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]float64
	for _, row := range rows[1:] {
		m := map[string]float64{}
		for i, cell := range row {
			if m[rows[0][i]], err = strconv.ParseFloat(cell, 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, m)
	}
	return out
}

// digits says whether two values agree to nine digits, of the twelve that the tables have.
func digits(t *testing.T, row map[string]float64, what string, got float64) {
	t.Helper()
	if want := row[what]; math.Abs(got-want) > 1e-9*math.Max(math.Abs(want), 1e-3) {
		t.Errorf("n=%v load=%v: %s is %.12g, not %.12g", row["n"], row["lambda_per_min"]/60*row["handle_s"], what, got, want)
	}
}

func TestErlangCAgreesWithTheTable(t *testing.T) {
	for _, r := range table(t, "erlang-c.csv") {
		a := ErlangC(int(r["n"]), r["lambda_per_min"]/60, r["handle_s"], r["T_s"])
		digits(t, r, "p_wait", a.Wait)
		digits(t, r, "asa_s", a.MeanWait)
		digits(t, r, "service_level", a.AnsweredWithin)
	}
}

func TestErlangAAgreesWithTheTable(t *testing.T) {
	for _, r := range table(t, "erlang-a.csv") {
		a := ErlangA(int(r["n"]), r["lambda_per_min"]/60, r["handle_s"], r["patience_s"], r["T_s"])
		digits(t, r, "p_wait", a.Wait)
		digits(t, r, "p_abandon", a.Abandon)
		digits(t, r, "ew_s", a.MeanWait)
		digits(t, r, "answered_within", a.AnsweredWithin)
		digits(t, r, "wait_within", a.LeftQueueWithin)
		digits(t, r, "eq", a.Queue)
	}
}

func TestAFullCounterIsToldAsSuch(t *testing.T) {
	if a := ErlangC(4, 1, 4, 20); a.Wait != 1 || !math.IsInf(a.MeanWait, 1) || a.AnsweredWithin != 0 {
		t.Errorf("load equal to the agents: %+v", a)
	}
	if a := ErlangA(0, 1, 60, 60, 20); a.Abandon != 1 || a.AnsweredWithin != 0 {
		t.Errorf("nobody at the counter: %+v", a)
	}
	if a := ErlangA(100000, 100, 60, 60, 20); a.Wait != 0 || a.AnsweredWithin != 1 {
		t.Errorf("far too many agents: %+v", a)
	}
}

// proper fails when an answer has a number that cannot be.
func proper(t *testing.T, what string, a Answer, patience float64) {
	t.Helper()
	for name, v := range map[string]float64{"wait": a.Wait, "abandon": a.Abandon, "answered": a.AnsweredWithin, "left": a.LeftQueueWithin, "occupancy": a.Occupancy} {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("%s: %s is %v", what, name, v)
		}
	}
	endless := patience == 0 && math.IsInf(a.MeanWait, 1) && math.IsInf(a.Queue, 1)
	if !endless && !(a.MeanWait >= 0 && a.MeanWait < 1e12 && a.Queue >= 0 && a.Queue < 1e15) {
		t.Fatalf("%s: mean wait %v, queue %v", what, a.MeanWait, a.Queue)
	}
	if a.LeftQueueWithin < a.AnsweredWithin-1e-9 {
		t.Fatalf("%s: %v left the queue and %v of them were answered", what, a.LeftQueueWithin, a.AnsweredWithin)
	}
}

func TestNoLoadMakesANumberThatCannotBe(t *testing.T) {
	falls := Rates{1. / 300, 1.7 / 300, 2.2 / 300, 1.2 / 300} // with four at once agents finish half as many as with three
	for _, n := range []int{1, 3, 40, 1000, 100000} {
		for _, share := range []float64{1e-6, 0.1, 0.5, 0.9, 0.999, 1, 1.001, 1.1, 2, 10, 1000} {
			for _, patience := range []float64{0, 1, 60, 600, 86400, 1e7, 1e12} {
				for _, within := range []float64{0, 20, 3600} {
					what := fmt.Sprintf("%d agents, %v of what they bear, patience %v, within %v", n, share, patience, within)
					load := share * float64(n)
					a := ErlangA(n, load/180, 180, patience, within)
					if patience == 1e12 {
						patience = 0
					}
					proper(t, what, a, patience)
					if patience > 0 { // who comes is served or goes: what n agents finish is what does not go
						if out := load * (1 - a.Abandon); math.Abs(out-float64(n)*a.Occupancy) > 1e-6*load {
							t.Errorf("%s: %v are served, and %v are busy", what, out, float64(n)*a.Occupancy)
						}
						if a.Abandon < 1-1/max(share, 1)-1e-9 {
							t.Errorf("%s: %v go, and more than that cannot be served", what, a.Abandon)
						}
					}
					if n <= 1000 {
						for name, rates := range map[string]Rates{"slow each other": measuredRates, "four are too many": falls} {
							c := Chat{Agents: n, Rates: rates, Arrivals: share * float64(n) * 2.2 / 300, Patience: patience}
							proper(t, what+", chats that "+name, c.Answers(within), patience)
						}
					}
				}
			}
		}
	}
}

// The state by state sum, in logarithms and without an integral.
func TestAnOverloadedCounterAgreesWithTheSumOverItsStates(t *testing.T) {
	for _, c := range []Chat{
		{Agents: 50, Rates: Rates{1. / 180}, Arrivals: 3 * 50. / 180, Patience: 600},
		{Agents: 1000, Rates: Rates{1. / 180}, Arrivals: 1.05 * 1000. / 180, Patience: 3600},
		{Agents: 20, Rates: measuredRates, Arrivals: 20 * 2.4 / 300 * 1.5, Patience: 900},
		{Agents: 60, Rates: Rates{1. / 300, 1.7 / 300, 2.2 / 300, 1.2 / 300}, Arrivals: 60 * 2.0 / 300, Patience: 1800},
	} {
		slots := c.Agents * len(c.Rates)
		full := float64(c.Agents) * c.Rates[len(c.Rates)-1]
		var logs []float64
		at, most := 0.0, 0.0
		for k := 0; k == 0 || k < 2*slots || at > most-60; k++ {
			if k > 0 {
				rate := full + float64(k-slots)/c.Patience
				if k <= slots {
					rate = c.served(k)
				}
				at += math.Log(c.Arrivals / rate)
			}
			most = max(most, at)
			logs = append(logs, at)
		}
		var total, wait, queue float64
		for k, l := range logs {
			p := math.Exp(l - most)
			total += p
			if k >= slots {
				wait += p
				queue += p * float64(k-slots)
			}
		}
		a := c.Answers(60)
		if math.Abs(a.Wait-wait/total) > 1e-9 || math.Abs(a.Queue-queue/total) > 1e-9*max(1, queue/total) {
			t.Errorf("%d agents: wait %.12g and queue %.12g, not %.12g and %.12g", c.Agents, a.Wait, a.Queue, wait/total, queue/total)
		}
	}
}
