// Package check judges a run from the simulator's journal alone: what was acknowledged was answered, once, and in order.
//
// The flow under test answers each text n with "n:count", where count is kept in the conversation's state, so that lost,
// doubled or reordered state shows as well as lost, doubled or reordered messages (see hack/sim/testdata/count).
package check

import (
	"fmt"
	"sort"
	"strings"

	"github.com/loket-dev/loket/hack/sim/journal"
)

// Report is what the journal proves.
type Report struct {
	Citizens, Sent, Acknowledged, Answered int
	// Doubled sends are refs that were accepted more than once although no line was cut on purpose.
	Doubled int
	// DoubledAfterCut are refs accepted twice where the first acceptance was cut before its answer: cannot be told by anyone.
	DoubledAfterCut int
	// Problems, at most 50, in words.
	Problems []string
	more     int
}

// OK is true when nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// String is a line for people.
func (r Report) String() string {
	s := fmt.Sprintf("%d citizens, %d messages sent, %d acknowledged, %d answered, %d doubled, %d doubled after a cut line",
		r.Citizens, r.Sent, r.Acknowledged, r.Answered, r.Doubled, r.DoubledAfterCut)
	if r.OK() {
		return s + ": every acknowledged message was answered once and in order"
	}
	return s + fmt.Sprintf("; %d problems:\n  ", len(r.Problems)+r.more) + strings.Join(r.Problems, "\n  ")
}

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) == 50 {
		r.more++
		return
	}
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

type sent struct {
	id, text string
	first    int // place of the first delivery in the journal
	acked    int // place of the acknowledgement, -1 for none
}

type answer struct{ ref, text string }

// Count checks a run of the counting flow.
func Count(records []journal.Record) Report {
	var report Report
	messages := map[string]*sent{} // by id
	byCitizen := map[string][]*sent{}
	answers := map[string][]answer{}
	pending := map[string]journal.Record{} // send-in by ref
	accepted := map[string][]bool{}        // by ref: was it cut
	for place, rec := range records {
		switch rec.Kind {
		case journal.WebhookOut:
			for i, id := range rec.IDs {
				if messages[id] == nil {
					m := &sent{id: id, text: rec.Texts[i], first: place, acked: -1}
					messages[id] = m
					byCitizen[rec.Citizens[i]] = append(byCitizen[rec.Citizens[i]], m)
				}
			}
		case journal.WebhookAck:
			if rec.Status == 200 {
				for _, id := range rec.IDs {
					if m := messages[id]; m != nil && m.acked < 0 {
						m.acked = place
					}
				}
			}
		case journal.SendIn:
			pending[rec.Ref] = rec
		case journal.SendReply:
			if rec.Code != 0 {
				continue
			}
			in, ok := pending[rec.Ref]
			if !ok {
				report.problem("a send %q was accepted that never came in", rec.Ref)
				continue
			}
			if n := len(accepted[rec.Ref]); n > 0 {
				if accepted[rec.Ref][n-1] {
					report.DoubledAfterCut++
				} else {
					report.Doubled++
					report.problem("%s was sent %q twice (ref %s)", in.Citizen, in.Text, rec.Ref)
				}
			} else {
				answers[in.Citizen] = append(answers[in.Citizen], answer{ref: rec.Ref, text: in.Text})
			}
			accepted[rec.Ref] = append(accepted[rec.Ref], rec.Cut)
		case journal.Violation:
			report.problem("the platform would not have it: %s", rec.Note)
		}
	}
	report.Citizens, report.Sent = len(byCitizen), len(messages)
	for _, citizen := range sortedKeys(byCitizen) {
		report.citizen(citizen, byCitizen[citizen], answers[citizen])
	}
	for _, citizen := range sortedKeys(answers) {
		if byCitizen[citizen] == nil {
			report.problem("%s never wrote and was sent %q", citizen, answers[citizen][0].text)
		}
	}
	return report
}

// citizen checks one citizen's answers against what they sent.
func (r *Report) citizen(name string, messages []*sent, answers []answer) {
	place := map[string]int{} // text n -> index in answers
	for i, a := range answers {
		n, count, ok := strings.Cut(firstLine(a.text), ":")
		if !ok {
			r.problem("%s was sent %q, which is no answer of the counting flow", name, a.text)
			continue
		}
		if _, twice := place[n]; twice {
			r.problem("%s: message %s was answered twice", name, n)
			continue
		}
		place[n] = i
		if count != fmt.Sprint(i+1) {
			r.problem("%s: answer %d counts %s: state was lost, doubled or reordered", name, i+1, count)
		}
	}
	for _, m := range messages {
		at, answered := place[m.text]
		if m.acked >= 0 {
			r.Acknowledged++
			if !answered {
				r.problem("%s: message %s was acknowledged and never answered", name, m.text)
				continue
			}
		}
		if !answered {
			continue
		}
		r.Answered++
		for _, other := range messages {
			// in order: acknowledged before the other was first delivered means answered before it
			if m.acked >= 0 && m.acked < other.first {
				if o, ok := place[other.text]; ok && o < at {
					r.problem("%s: message %s was answered after %s, which came later", name, m.text, other.text)
				}
			}
		}
	}
	known := map[string]bool{}
	for _, m := range messages {
		known[m.text] = true
	}
	for _, n := range sortedKeys(place) {
		if !known[n] {
			r.problem("%s was answered %q, which they never sent", name, n)
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
