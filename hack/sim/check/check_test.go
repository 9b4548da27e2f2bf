package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/journal"
)

// run is a journal of two citizens, three messages each, all well.
func run() []journal.Record {
	var records []journal.Record
	for n := 1; n <= 3; n++ {
		for _, c := range []string{"Ani", "Budi"} {
			id, text := fmt.Sprintf("%s-%d", c, n), fmt.Sprintf("n%d", n)
			records = append(records,
				journal.Record{Kind: journal.WebhookOut, IDs: []string{id}, Citizens: []string{c}, Texts: []string{text}, Attempt: 1},
				journal.Record{Kind: journal.WebhookAck, IDs: []string{id}, Status: 200, Attempt: 1},
				journal.Record{Kind: journal.SendIn, Ref: "ref-" + id, Citizen: c, Text: fmt.Sprintf("n%d:%d", n, n)},
				journal.Record{Kind: journal.SendReply, Ref: "ref-" + id, ID: "wamid-" + id},
			)
		}
	}
	return records
}

func TestAWholeRunIsWell(t *testing.T) {
	report := check.Count(run())
	if !report.OK() || report.Acknowledged != 6 || report.Answered != 6 {
		t.Fatal(report)
	}
}

// Each mutant breaks one promise; a checker that lets one pass proves nothing.
func TestEveryBrokenPromiseIsFound(t *testing.T) {
	without := func(match func(journal.Record) bool) []journal.Record {
		var kept []journal.Record
		for _, r := range run() {
			if !match(r) {
				kept = append(kept, r)
			}
		}
		return kept
	}
	changed := func(change func(i int, r *journal.Record)) []journal.Record {
		records := run()
		for i := range records {
			change(i, &records[i])
		}
		return records
	}
	swap := func(a, b string) []journal.Record {
		return changed(func(_ int, r *journal.Record) {
			if r.Kind != journal.SendIn {
				return
			}
			switch r.Text {
			case a:
				r.Text = b
			case b:
				r.Text = a
			}
		})
	}
	for name, mutant := range map[string]struct {
		records []journal.Record
		want    string
	}{
		"an acknowledged message is never answered": {
			without(func(r journal.Record) bool { return r.Ref == "ref-Ani-3" }), "never answered"},
		"a message is answered twice by another send": {
			append(run(), journal.Record{Kind: journal.SendIn, Ref: "again", Citizen: "Ani", Text: "n2:4"},
				journal.Record{Kind: journal.SendReply, Ref: "again", ID: "x"}), "answered twice"},
		"one send is accepted twice": {
			append(run(), journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-2", ID: "x"}), "twice (ref"},
		"two answers are swapped": {swap("n2:2", "n3:3"), "answered after"},
		"the state of a step is lost": {changed(func(_ int, r *journal.Record) {
			if r.Ref == "ref-Budi-3" && r.Kind == journal.SendIn {
				r.Text = "n3:2"
			}
		}), "state was lost"},
		"an answer goes to somebody else": {changed(func(_ int, r *journal.Record) {
			if r.Ref == "ref-Budi-3" && r.Kind == journal.SendIn {
				r.Citizen = "Cici"
			}
		}), "never wrote"},
		"an answer to nothing": {
			append(run(), journal.Record{Kind: journal.SendIn, Ref: "p", Citizen: "Ani", Text: "n9:4"},
				journal.Record{Kind: journal.SendReply, Ref: "p", ID: "x"}), "never sent"},
		"the platform would refuse a body": {
			append(run(), journal.Record{Kind: journal.Violation, Note: "title too long"}), "title too long"},
	} {
		t.Run(name, func(t *testing.T) {
			report := check.Count(mutant.records)
			if report.OK() || !strings.Contains(report.String(), mutant.want) {
				t.Fatalf("not found: %s", report)
			}
		})
	}
}

func TestAMessageThatWasNeverAcknowledgedNeedsNoAnswer(t *testing.T) {
	records := append(run(), journal.Record{Kind: journal.WebhookOut, IDs: []string{"x"}, Citizens: []string{"Ani"}, Texts: []string{"n4"}},
		journal.Record{Kind: journal.WebhookAck, IDs: []string{"x"}, Status: 503})
	if report := check.Count(records); !report.OK() {
		t.Fatal(report)
	}
}

func TestADoubleAfterALineThatWasCutOnPurposeIsCountedApart(t *testing.T) {
	records := run()
	for i := range records {
		if records[i].Kind == journal.SendReply && records[i].Ref == "ref-Ani-1" {
			records[i].Cut = true
		}
	}
	records = append(records, journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-1", ID: "y"})
	report := check.Count(records)
	if !report.OK() || report.DoubledAfterCut != 1 {
		t.Fatal(report)
	}
}
