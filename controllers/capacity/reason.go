package capacity

import (
	"fmt"
	"strings"
	"time"
)

// Code says which consideration decided.
type Code string

// The codes.
const (
	Demand   Code = "Demand"
	Held     Code = "Held"
	Stale    Code = "Stale"
	External Code = "External"
)

// Reason is why there are so many workers, as data; String renders it for people.
type Reason struct {
	Code                   Code
	Waiting, Active        int
	ConversationsPerWorker int32
	// Needed is before the limits, Workers after them. Without fresh figures it is as many as there are.
	Needed, Workers int32
	// Window is set when workers are held for a while after more was wanted.
	Window time.Duration
}

func (q question) reason(code Code) Reason {
	return Reason{
		Code: code, Waiting: q.seen.Waiting, Active: q.seen.Active,
		ConversationsPerWorker: q.spec.ConversationsPerWorker, Needed: q.needed, Workers: q.wanted,
	}
}

// String is one line for status and events, such as "waiting 42 + active 180 over 60 a worker = 4".
func (r Reason) String() string {
	var b strings.Builder
	switch r.Code {
	case Stale:
		if r.Workers == r.Needed {
			return fmt.Sprintf("no fresh figures from the runtime: workers stay at %d", r.Workers)
		}
		return fmt.Sprintf("no fresh figures from the runtime: the limits move workers from %d to %d", r.Needed, r.Workers)
	case External:
		fmt.Fprintf(&b, "spec.workers.replicas = %d", r.Needed)
	default:
		fmt.Fprintf(&b, "waiting %d + active %d over %d a worker = %d", r.Waiting, r.Active, r.ConversationsPerWorker, r.Needed)
	}
	switch {
	case r.Code == Held:
		fmt.Fprintf(&b, "; %d until demand was lower for %s", r.Workers, spoken(r.Window))
	case r.Workers < r.Needed:
		fmt.Fprintf(&b, ", at most %d", r.Workers)
	case r.Workers > r.Needed:
		fmt.Fprintf(&b, ", at least %d", r.Workers)
	}
	return b.String()
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
