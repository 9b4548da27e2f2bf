package capacity

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// StateVersion is of the state that this package writes. A state of another version is not read: the pool begins anew.
const StateVersion = 1

// State is what a pool's earlier observations left behind; see Marshal for its written form. The zero value knows nothing, and
// so lets no worker go before the spec's Window has passed, a third of it too many excepted (see patience). One that nobody has
// carried on for five minutes keeps what was learnt, and forgets the moment.
type State struct {
	Version int `json:"version"`
	// the last fresh look
	At         float64 `json:"at"`
	Arrived    int64   `json:"arrived"`
	Finished   int64   `json:"finished"`
	Load       float64 `json:"load"`
	FreshSince float64 `json:"freshSince"`
	BusyAt     float64 `json:"busyAt"`
	// rates
	Fast           float64 `json:"fast"`
	Mid            float64 `json:"mid"`
	MinuteArrived  float64 `json:"minuteArrived"`
	MinuteFinished float64 `json:"minuteFinished"`
	MinuteLoad     float64 `json:"minuteLoad"`
	MinuteSeconds  float64 `json:"minuteSeconds"`
	Left           float64 `json:"left"`
	Stayed         float64 `json:"stayed"`
	Levelled       bool    `json:"levelled"`
	Level          float64 `json:"level"`
	Slope          float64 `json:"slope"`
	P11            float64 `json:"p11"`
	P12            float64 `json:"p12"`
	P22            float64 `json:"p22"`
	Burst          float64 `json:"burst"`
	LastRate       float64 `json:"lastRate"`
	// season
	Season         [quarters]float32 `json:"season"` // negative is not seen yet
	QuarterIndex   int32             `json:"quarterIndex"`
	QuarterArrived float64           `json:"quarterArrived"`
	QuarterSeconds float64           `json:"quarterSeconds"`
	// forecasts
	Quantiles [scales]float64    `json:"quantiles"`
	Caution   float64            `json:"caution"`
	Price     float64            `json:"price"` // of a flap, in seconds of a worker
	Waited    bool               `json:"waited"`
	Judged    int                `json:"judged"`
	Forecasts [forecasts]pending `json:"forecasts"`
	// workers
	Ready      int32                 `json:"ready"`
	Pending    [pendingKept]starting `json:"pending"`
	Starts     [startsKept]float32   `json:"starts"`
	StartsSeen int                   `json:"startsSeen"`
	StartHigh  float64               `json:"startHigh"`
	LastUp     float64               `json:"lastUp"`
	LastDown   float64               `json:"lastDown"`
	WorkersAt  float64               `json:"workersAt"`
	Spent      float64               `json:"spent"`
	SpentDay   int32                 `json:"spentDay"`
}

func newState() State {
	s := State{Version: StateVersion, Quantiles: [scales]float64{1, 1, 1}, Caution: 1, Price: priceFirst, QuarterIndex: -1}
	for i := range s.Season {
		s.Season[i] = -1
	}
	return s
}

// MaxStateBytes is more than a written state ever has.
const MaxStateBytes = 16 << 10

// Marshal is the written form: JSON, the same bytes for the same state.
func (s State) Marshal() ([]byte, error) {
	if s.Version == 0 {
		s = newState()
	}
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing the capacity's state: %w", err)
	}
	return body, nil
}

// ReadState reads the written form. It refuses another version, lists of another length and numbers that cannot be.
func ReadState(body []byte) (State, error) {
	fail := func(field string) (State, error) {
		return State{}, fmt.Errorf("reading the capacity's state: %s is out of bounds; without the state the pool begins anew", field)
	}
	if len(body) > MaxStateBytes {
		return State{}, fmt.Errorf("reading the capacity's state: %d bytes are more than %d", len(body), MaxStateBytes)
	}
	s := newState()
	s.Version = 0
	if err := json.Unmarshal(body, &s); err != nil {
		return State{}, fmt.Errorf("reading the capacity's state: %w", err)
	}
	if s.Version != StateVersion {
		return State{}, fmt.Errorf("reading the capacity's state: version %d is not %d; the pool begins anew", s.Version, StateVersion)
	}
	// A list that is too short would be filled up with zeros, which are quarters of an hour in which nobody came.
	var lists struct {
		Season, Quantiles, Forecasts, Pending, Starts []json.RawMessage
	}
	if err := json.Unmarshal(body, &lists); err != nil {
		return State{}, fmt.Errorf("reading the capacity's state: %w", err)
	}
	for _, l := range []struct {
		name      string
		got, want int
	}{
		{"season", len(lists.Season), quarters}, {"quantiles", len(lists.Quantiles), scales}, {"forecasts", len(lists.Forecasts), forecasts},
		{"pending", len(lists.Pending), pendingKept}, {"starts", len(lists.Starts), startsKept},
	} {
		if l.got != l.want {
			return fail(l.name)
		}
	}
	if field := s.wrong(); field != "" {
		return fail(field)
	}
	return s, nil
}

// wrong names the first field that cannot be so; empty when all can.
func (s *State) wrong() string {
	const never = 1e11                                                             // Unix seconds of the year 5138
	within := func(v, least, most float64) bool { return v >= least && v <= most } // false for NaN
	for _, f := range []struct {
		name        string
		v           float64
		least, most float64
	}{
		{"at", s.At, 0, never}, {"freshSince", s.FreshSince, 0, never}, {"busyAt", s.BusyAt, 0, never}, {"lastUp", s.LastUp, 0, never},
		{"lastDown", s.LastDown, 0, never}, {"workersAt", s.WorkersAt, 0, never},
		{"arrived", float64(s.Arrived), 0, 1e16}, {"finished", float64(s.Finished), 0, 1e16}, {"load", s.Load, 0, 1e10},
		{"fast", s.Fast, 0, 1e9}, {"mid", s.Mid, 0, 1e9}, {"level", s.Level, 0, 1e9}, {"slope", s.Slope, -1e6, 1e6},
		{"p11", s.P11, 0, 1e19}, {"p12", s.P12, -1e12, 1e12}, {"p22", s.P22, 0, 1e12},
		{"burst", s.Burst, 0, burstMost}, {"lastRate", s.LastRate, 0, 1e9},
		{"minuteArrived", s.MinuteArrived, 0, 1e16}, {"minuteFinished", s.MinuteFinished, 0, 1e16}, {"minuteLoad", s.MinuteLoad, 0, 1e18},
		{"minuteSeconds", s.MinuteSeconds, 0, 60}, {"left", s.Left, 0, 1e16}, {"stayed", s.Stayed, 0, 1e18},
		{"quarterIndex", float64(s.QuarterIndex), -1, quarters - 1}, {"quarterArrived", s.QuarterArrived, 0, 1e16},
		{"quarterSeconds", s.QuarterSeconds, 0, 8 * quarter},
		{"caution", s.Caution, cautionLow, cautionHigh}, {"price", s.Price, priceLow, priceHigh}, {"judged", float64(s.Judged), 0, forecasts*1000 - 1},
		{"ready", float64(s.Ready), 0, math.MaxInt32}, {"startsSeen", float64(s.StartsSeen), 0, 2*startsKept - 1}, {"startHigh", s.StartHigh, 0, 3600},
		{"spent", s.Spent, 0, 1e16},
		{"spentDay", float64(s.SpentDay), 0, 99991231},
	} {
		if !within(f.v, f.least, f.most) {
			return f.name
		}
	}
	for _, v := range s.Season {
		if v != -1 && !within(float64(v), 0, 1e9) {
			return "season"
		}
	}
	for _, v := range s.Quantiles {
		if !within(v, quantileLow, quantileHigh) {
			return "quantiles"
		}
	}
	for _, f := range s.Forecasts {
		if f.Scale < 0 || f.Scale >= scales || !within(float64(f.Surely), 0, 1e12) || !within(float64(f.Came), 0, 1e12) {
			return "forecasts"
		}
	}
	for _, v := range s.Starts {
		if !within(float64(v), 0, 3600) {
			return "starts"
		}
	}
	for _, p := range s.Pending {
		if p.Count < 0 || !within(p.At, 0, never) {
			return "pending"
		}
	}
	return ""
}

// Arriving is how many conversations arrive a second at present.
func (s State) Arriving() float64 { return s.Level }

// StartSeconds is within what time nine of ten workers were ready; 0 until starts were seen.
func (s State) StartSeconds() float64 { return s.StartHigh }

// Expected is how many conversations the hour of the week makes expect a second, where it says anything. On a holiday it is what
// a day of the week like it would bring: fewer come then, but nobody knows how many, and the counter is not shut.
func (s *State) Expected(zone *time.Location, at time.Time) (rate float64, known bool) {
	if s.Version != StateVersion {
		return 0, false
	}
	return s.seasonRate(slotOf(at.In(zone)))
}

// Learnt changes when there is something in the state that is worth keeping beyond the present hour.
func (s State) Learnt() [2]int64 {
	if s.Version != StateVersion {
		return [2]int64{}
	}
	var sum float64
	seen := int64(0)
	for i, v := range s.Season {
		if v > 0 {
			sum += float64(v) * float64(i+1)
			seen++
		}
	}
	return [2]int64{seen, int64(sum * 1e6)}
}
