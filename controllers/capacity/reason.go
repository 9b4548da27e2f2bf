package capacity

import (
	"fmt"
	"strings"
	"time"
)

// Code says what a part of a decision goes by.
type Code string

// The codes.
const (
	Demand   Code = "Demand"   // waiting and active conversations over those of a worker
	Reserve  Code = "Reserve"  // room for who comes while a worker starts
	Forecast Code = "Forecast" // what the hour of the week calls for
	Held     Code = "Held"     // it is not sure enough yet that they are not needed
	Stale    Code = "Stale"    // no fresh figures
	Least    Code = "Least"    // the pool's min
	Most     Code = "Most"     // the pool's max, or the class's ceiling
	Step     Code = "Step"     // the most that is added at once
	CostCap  Code = "CostCap"  // the day's hours of workers are spent
	External Code = "External" // somebody else decides
)

// Reason is one part of why there are so many workers.
type Reason struct {
	Code Code `json:"code"`
	// Workers after this part.
	Workers int32 `json:"workers"`
	// Wanted is before the limits with Demand and External, what there was with Stale, and how many more with Reserve and Forecast.
	Wanted int32 `json:"wanted,omitempty"`
	// Waiting, Active and ConversationsPerWorker are of Demand.
	Waiting                int   `json:"waiting,omitempty"`
	Active                 int   `json:"active,omitempty"`
	ConversationsPerWorker int32 `json:"conversationsPerWorker,omitempty"`
	// Window is for how long workers are held for sure; 0 when that is not known.
	Window time.Duration `json:"window,omitempty"`
	// At is the local time of a Forecast.
	At time.Time `json:"at,omitzero"`
}

// Reasons are a decision's, in the order in which they were found; at most six.
type Reasons struct {
	list [6]Reason
	n    int
}

func (q *question) say(r Reason) {
	if q.reasons.n < len(q.reasons.list) {
		q.reasons.list[q.reasons.n] = r
		q.reasons.n++
	}
}

// List is the reasons.
func (r *Reasons) List() []Reason { return r.list[:r.n] }

// Has says whether a code is among them.
func (r *Reasons) Has(c Code) bool {
	for _, x := range r.List() {
		if x.Code == c {
			return true
		}
	}
	return false
}

// Class is what the decision goes by, without its figures: it changes when there is something to tell. Empty without a decision.
func (r *Reasons) Class() string {
	var out string
	for i, x := range r.List() {
		if i > 0 {
			out += " "
		}
		out += string(x.Code)
	}
	return out
}

// String is one line for status and events, such as "waiting 42 + active 180 over 60 a worker = 4; reserve +1".
func (r Reasons) String() string {
	var b strings.Builder
	for i, x := range r.List() {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(x.String())
	}
	return b.String()
}

// String is the part of a line.
func (r Reason) String() string {
	switch r.Code {
	case Demand:
		return fmt.Sprintf("waiting %d + active %d over %d a worker = %d", r.Waiting, r.Active, r.ConversationsPerWorker, r.Wanted)
	case Reserve:
		return fmt.Sprintf("reserve +%d", r.Wanted)
	case Forecast:
		return fmt.Sprintf("forecast %s: %d", r.At.Format("15:04 Monday"), r.Workers)
	case Held:
		if r.Window > 0 {
			return fmt.Sprintf("%d held for %s", r.Workers, spoken(r.Window))
		}
		return fmt.Sprintf("%d held until surely not needed", r.Workers)
	case Stale:
		if r.Workers == r.Wanted {
			return fmt.Sprintf("no fresh figures from the runtime: workers stay at %d", r.Workers)
		}
		return fmt.Sprintf("no fresh figures from the runtime: the limits move workers from %d to %d", r.Wanted, r.Workers)
	case Least:
		return fmt.Sprintf("at least %d", r.Workers)
	case Most:
		return fmt.Sprintf("at most %d", r.Workers)
	case Step:
		return fmt.Sprintf("%d held by step", r.Workers)
	case CostCap:
		return fmt.Sprintf("%d held by cost cap", r.Workers)
	case External:
		if r.Workers < r.Wanted {
			return fmt.Sprintf("spec.workers.replicas = %d, at most %d", r.Wanted, r.Workers)
		}
		return fmt.Sprintf("spec.workers.replicas = %d", r.Wanted)
	}
	return string(r.Code)
}

// spoken is a duration as people write it: 1m, not 1m0s.
func spoken(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
