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
// so never lets a worker go before it has seen a quarter of an hour.
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
	s := State{Version: StateVersion, Quantiles: [scales]float64{1, 1, 1}, Caution: 1, QuarterIndex: -1}
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

// ReadState reads the written form. It refuses another version and numbers that cannot be.
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
	for name, v := range map[string]float64{
		"at": s.At, "load": s.Load, "freshSince": s.FreshSince, "busyAt": s.BusyAt, "fast": s.Fast, "mid": s.Mid,
		"minuteArrived": s.MinuteArrived, "minuteFinished": s.MinuteFinished, "minuteLoad": s.MinuteLoad, "minuteSeconds": s.MinuteSeconds,
		"left": s.Left, "stayed": s.Stayed, "level": s.Level, "p11": s.P11, "p22": s.P22, "burst": s.Burst, "lastRate": s.LastRate,
		"quarterArrived": s.QuarterArrived, "quarterSeconds": s.QuarterSeconds, "startHigh": s.StartHigh,
		"lastUp": s.LastUp, "lastDown": s.LastDown, "workersAt": s.WorkersAt, "spent": s.Spent,
	} {
		if !(v >= 0 && v < 1e13) {
			return fail(name)
		}
	}
	switch {
	case math.Abs(s.Slope) > 1e6:
		return fail("slope")
	case math.Abs(s.P12) > 1e12:
		return fail("p12")
	case s.QuarterIndex < -1 || s.QuarterIndex >= quarters:
		return fail("quarterIndex")
	case s.Caution < cautionLow || s.Caution > cautionHigh:
		return fail("caution")
	case s.Judged < 0 || s.Judged > forecasts*1000:
		return fail("judged")
	case s.StartsSeen < 0 || s.StartsSeen >= 2*startsKept:
		return fail("startsSeen")
	}
	for i := range s.Season {
		if s.Season[i] > 1e6 {
			return fail("season")
		}
	}
	for _, v := range s.Quantiles {
		if v < quantileLow || v > quantileHigh {
			return fail("quantiles")
		}
	}
	for _, f := range s.Forecasts {
		if f.Scale < 0 || f.Scale >= scales {
			return fail("forecasts")
		}
	}
	for _, p := range s.Pending {
		if p.Count < 0 || p.At < 0 || p.At > 1e13 {
			return fail("pending")
		}
	}
	return s, nil
}

// Arriving is how many conversations arrive a second at present.
func (s State) Arriving() float64 { return s.Level }

// StartSeconds is within what time nine of ten workers were ready; 0 until starts were seen.
func (s State) StartSeconds() float64 { return s.StartHigh }

// Expected is how many conversations the hour of the week makes expect a second, where it says anything.
func (s State) Expected(spec Spec, at time.Time) (rate float64, known bool) {
	spec = spec.sane()
	local := at.In(spec.Zone)
	if s.Version != StateVersion || spec.holiday(local) {
		return 0, s.Version == StateVersion
	}
	return s.seasonRate(slotOf(local))
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
