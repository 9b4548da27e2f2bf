// Package check judges a run from outside: the simulator's journal, and the store as it is at the end. What was acknowledged was
// answered, once, and in order, and nothing else was.
//
// The flow under test answers each text n with "n:count", where count is kept in the conversation's state, so that lost,
// doubled or reordered state shows as well as lost, doubled or reordered messages. Of Loket's own figures two are read: how
// many messages it says that a platform took twice, which must be what the journal says, and how many lanes its janitor
// repaired, which must be none.
package check

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/dump"
	"github.com/loket-dev/loket/hack/sim/journal"
)

// Terms are what a run is judged by, beside its journal. The zero value judges the journal alone.
type Terms struct {
	// Final is the store when all is quiet.
	Final *dump.Dump `json:"final,omitempty"`
	// Glances are the store at moments of the run.
	Glances []dump.Dump `json:"glances,omitempty"`
	// Doubled and Repaired are what Loket counted, summed over all its pods, the dead ones too; nil where nobody knows.
	Doubled  *int `json:"doubled,omitempty"`
	Repaired *int `json:"repaired,omitempty"`
	// Rate is what a number may send in a second, and Air how many calls may be under way at once; 0 leaves the rate unjudged.
	Rate int `json:"rate,omitempty"`
	Air  int `json:"air,omitempty"`
	// Hung is the citizen to whom sends hang between the marks MarkHang and MarkEnd.
	Hung string `json:"hung,omitempty"`
	// LostFrom and LostTo bound the commits that a failover to an asynchronous standby lost. What was acknowledged, taken or
	// counted in that span may be lost or done again, which is all that such a database promises.
	LostFrom time.Time `json:"lostFrom,omitzero"`
	LostTo   time.Time `json:"lostTo,omitzero"`
}

// Marks that a judged run may have: calm, then one conversation hangs, then the end.
const (
	MarkCalm = "calm"
	MarkHang = "hang"
	MarkEnd  = "end"
)

// Report is what the evidence proves.
type Report struct {
	Citizens, Sent, Acknowledged, Answered int
	// Doubled sends are refs that were accepted more than once although the platform told of the first.
	Doubled int
	// DoubledBlind are refs accepted twice where the platform cut the line and told of nothing: nobody could know.
	DoubledBlind int
	// Lost are messages that were acknowledged in the span that a failover lost, and are gone.
	Lost int
	// Forged webhooks that were delivered, all of which must be refused.
	Forged int
	// RatesJudged are the numbers that sent enough to be found too fast; 0 where rates are not judged.
	RatesJudged int
	// Seconds from the first webhook to the last answer.
	Seconds float64
	// P50 and P99 are from a message's first delivery to its first answer, in all of the run; the others by mark.
	P50, P99                 time.Duration
	P99Calm, P99Hang         time.Duration
	Problems                 []string // at most 50, in words
	More                     int      // problems beyond these
	StoreBytes, StoreDialogs int64    // of the final dump: by how much the database grew, and its conversations
}

// OK is true when nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// String is a line for people.
func (r Report) String() string {
	s := fmt.Sprintf("%d citizens, %d messages sent, %d acknowledged, %d answered, %d doubled, %d doubled after a blind cut, %d forged; %.0f s, p50 %s, p99 %s",
		r.Citizens, r.Sent, r.Acknowledged, r.Answered, r.Doubled, r.DoubledBlind, r.Forged, r.Seconds,
		r.P50.Round(time.Millisecond), r.P99.Round(time.Millisecond))
	if r.P99Hang > 0 {
		s += fmt.Sprintf(", p99 calm %s and %s while one hangs", r.P99Calm.Round(time.Millisecond), r.P99Hang.Round(time.Millisecond))
	}
	if r.Lost > 0 {
		s += fmt.Sprintf(", %d lost with the failover's tail", r.Lost)
	}
	if r.OK() {
		return s + ": every acknowledged message was answered once and in order"
	}
	return s + fmt.Sprintf("; %d problems:\n  ", len(r.Problems)+r.More) + strings.Join(r.Problems, "\n  ")
}

// problemsMost are told; the others are counted.
const problemsMost = 50

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == problemsMost {
		r.More++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// also adds the problems of another part of the evidence.
func (r *Report) also(other Report) {
	for _, p := range other.Problems {
		r.problem("%s", p)
	}
	r.More += other.More
}

// Count judges a run of the counting flow by its journal alone.
func Count(records []journal.Record) Report {
	report, _ := Judge(func(yield func(journal.Record, error) bool) { // no error goes in, none comes out
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, Terms{})
	return report
}

// Judge judges a run of the counting flow. The error is one of reading the journal.
func Judge(records iter.Seq2[journal.Record, error], terms Terms) (Report, error) {
	r := &run{terms: terms, messages: map[string]*sent{}, citizens: map[string]*citizen{}, sends: map[string]*send{},
		arrivals: map[string][]time.Time{}, forged: map[string]string{}}
	for rec, err := range records {
		if err != nil {
			return Report{}, err
		}
		r.note(rec)
		r.place++
	}
	r.finish()
	return r.Report, nil
}

// lost says whether a moment is in the span that a failover lost.
func (t Terms) lost(at time.Time) bool {
	return !t.LostTo.IsZero() && !at.Before(t.LostFrom) && !at.After(t.LostTo)
}
