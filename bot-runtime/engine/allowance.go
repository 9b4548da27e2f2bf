package engine

import "time"

// A citizen's allowance: so many messages are answered within so long of the first of them. Nobody types as fast; a script
// does, and every answer costs the agency money.
const (
	allowanceMost = 60
	allowanceSpan = time.Minute
)

// allowance is what one conversation has used of it. The times are the platform's, so that a step which runs again judges
// alike, and a backlog after an outage is nobody's flood.
type allowance struct {
	// Since is when the first message of the span was written, in seconds since 1970.
	Since int64 `json:"at,omitempty"`
	Used  int   `json:"n,omitempty"`
}

// take counts a message written then. Allowed says whether it is answered; of those beyond, the first is told so.
func (a *allowance) take(at time.Time) (allowed, first bool) {
	if since := time.Unix(a.Since, 0); a.Used == 0 || !at.Before(since.Add(allowanceSpan)) {
		*a = allowance{Since: at.Unix()}
	}
	a.Used = min(a.Used+1, allowanceMost+2)
	return a.Used <= allowanceMost, a.Used == allowanceMost+1
}
