package staffing

import (
	"encoding/csv"
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
