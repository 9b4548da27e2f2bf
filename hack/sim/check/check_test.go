package check_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/sim/check"
	"github.com/loket-dev/loket/hack/sim/dump"
	"github.com/loket-dev/loket/hack/sim/journal"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// run is a journal of two citizens, three messages each, all well: a message a second, answered 40 ms later.
func run() []journal.Record {
	var records []journal.Record
	for n := 1; n <= 3; n++ {
		for i, c := range []string{"Ani", "Budi"} {
			at := noon.Add(time.Duration(2*n+i) * time.Second)
			id, text := fmt.Sprintf("%s-%d", c, n), fmt.Sprintf("n%d", n)
			records = append(records,
				journal.Record{At: at, Kind: journal.WebhookOut, IDs: []string{id}, Citizens: []string{c}, Texts: []string{text}, Attempt: 1},
				journal.Record{At: at, Kind: journal.WebhookAck, IDs: []string{id}, Status: 200, Attempt: 1},
				journal.Record{At: at.Add(40 * time.Millisecond), Kind: journal.SendIn, Ref: "ref-" + id, Citizen: c, Text: fmt.Sprintf("n%d:%d", n, n), Number: "157"},
				journal.Record{At: at.Add(40 * time.Millisecond), Kind: journal.SendReply, Ref: "ref-" + id, ID: "wamid-" + id},
			)
		}
	}
	return records
}

// stored is the store after run.
func stored() *dump.Dump {
	return &dump.Dump{Waiting: map[string]int{"inbox": 0, "runnable": 0, "outbox": 0, "out_lane": 0, "status": 0},
		Incoming: 6, IncomingIDs: 6, Seen: 6, Outgoing: 6, OutgoingIDs: 6, Accepted: 6, Transcript: 6, Conversations: 2}
}

func judge(t *testing.T, records []journal.Record, terms check.Terms) check.Report {
	t.Helper()
	report, err := check.Judge(func(yield func(journal.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, terms)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func number(n int) *int { return &n }

func TestAWholeRunIsWell(t *testing.T) {
	report := judge(t, run(), check.Terms{Final: stored(), Glances: []dump.Dump{*stored()}, Doubled: number(0), Repaired: number(0), Rate: 2, Air: 1})
	if !report.OK() || report.RatesJudged != 1 || report.Acknowledged != 6 || report.Answered != 6 || report.P99 != 40*time.Millisecond {
		t.Fatal(report)
	}
}

// changed is run with one change to each record.
func changed(change func(r *journal.Record)) []journal.Record {
	records := run()
	for i := range records {
		change(&records[i])
	}
	return records
}

func told(ref, text string) []journal.Record {
	return changed(func(r *journal.Record) {
		if r.Ref == ref && r.Kind == journal.SendIn {
			r.Text = text
		}
	})
}

// Each corruption breaks one promise, and is named as that and as nothing else; a checker that lets one pass proves nothing.
func TestEveryBrokenPromiseIsFoundAndNamed(t *testing.T) {
	swap := func(a, b string) []journal.Record {
		return changed(func(r *journal.Record) {
			switch {
			case r.Kind != journal.SendIn:
			case r.Text == a:
				r.Text = b
			case r.Text == b:
				r.Text = a
			}
		})
	}
	for name, mutant := range map[string]struct {
		records []journal.Record
		want    []string // every problem, one after the other
	}{
		"an acknowledged message is never answered": {
			slices.DeleteFunc(run(), func(r journal.Record) bool { return r.Ref == "ref-Ani-3" }),
			[]string{"Ani: message n3 was acknowledged and never answered"}},
		"a message is answered twice by another send": {
			append(run(), journal.Record{Kind: journal.SendIn, Ref: "again", Citizen: "Ani", Text: "n2:4"},
				journal.Record{Kind: journal.SendReply, Ref: "again", ID: "x"}), []string{"Ani: message n2 was answered twice"}},
		"one send is accepted twice": {
			append(run(), journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-2", ID: "x"}), []string{`Ani was sent "n2:2" twice (ref ref-Ani-2)`}},
		"one send is accepted twice after a cut line, of which the platform told": {
			append(changed(func(r *journal.Record) { r.Cut = r.Kind == journal.SendReply }),
				journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-2", ID: "x"}), []string{`Ani was sent "n2:2" twice`}},
		"two answers are swapped": {swap("n2:2", "n3:3"), []string{
			"Ani: answer 2 counts 3", "Ani: answer 3 counts 2", "Ani: message n2 was answered after n3, which came later",
			"Budi: answer 2 counts 3", "Budi: answer 3 counts 2", "Budi: message n2 was answered after n3, which came later"}},
		"the state of a step is lost":          {told("ref-Budi-3", "n3:2"), []string{"Budi: answer 3 counts 2, not 3"}},
		"the state of a step is counted twice": {told("ref-Budi-2", "n2:3"), []string{"Budi: answer 2 counts 3, not 2"}},
		"an answer says something else":        {told("ref-Budi-2", "Maaf, ada gangguan."), []string{`"Maaf, ada gangguan.", which is no answer`, "Budi: answer 3 counts", "Budi: message n2 was acknowledged and never answered"}},
		"an answer goes to somebody else": {changed(func(r *journal.Record) {
			if r.Ref == "ref-Budi-3" && r.Kind == journal.SendIn {
				r.Citizen = "Cici"
			}
		}), []string{"Cici never wrote and was sent", "Budi: message n3 was acknowledged and never answered"}},
		"a second copy of a send goes to somebody else": {
			append(run(), journal.Record{Kind: journal.SendIn, Ref: "ref-Ani-2", Citizen: "Budi", Text: "n2:2"}), []string{"ref ref-Ani-2 was"}},
		"an answer to nothing": {
			append(run(), journal.Record{Kind: journal.SendIn, Ref: "p", Citizen: "Ani", Text: "n9:4"},
				journal.Record{Kind: journal.SendReply, Ref: "p", ID: "x"}), []string{`Ani was answered "n9", which they never sent`}},
		"a send is accepted that never came": {
			append(run(), journal.Record{Kind: journal.SendReply, Ref: "q", ID: "x"}), []string{`a send "q" was accepted that never came in`}},
		"the platform would refuse a body": {
			append(run(), journal.Record{Kind: journal.Violation, Note: "title too long"}), []string{"title too long"}},
		"a forged webhook is acknowledged": {
			append(run(), journal.Record{Kind: journal.ForgedOut, IDs: []string{"f"}, Note: "unsigned"},
				journal.Record{Kind: journal.ForgedAck, IDs: []string{"f"}, Status: 200}), []string{"a webhook that was unsigned was answered 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			found(t, check.Count(mutant.records), mutant.want)
		})
	}
}

// found says whether a report has these problems, in this order, and no others.
func found(t *testing.T, report check.Report, want []string) {
	t.Helper()
	if len(report.Problems) != len(want) {
		t.Fatalf("%d problems, want %d: %s", len(report.Problems), len(want), report)
	}
	for _, w := range want {
		if !slices.ContainsFunc(report.Problems, func(p string) bool { return strings.Contains(p, w) }) {
			t.Errorf("not found: %s; but %s", w, report)
		}
	}
}

// The order is judged apart from the counters: two answers whose counters are as they should be.
func TestTwoAnswersInTheWrongOrderAreFoundThoughTheyCountRightly(t *testing.T) {
	records := changed(func(r *journal.Record) {
		switch {
		case r.Kind != journal.SendIn || r.Citizen != "Ani":
		case r.Text == "n2:2":
			r.Text = "n3:2"
		case r.Text == "n3:3":
			r.Text = "n2:3"
		}
	})
	found(t, check.Count(records), []string{"Ani: message n2 was answered after n3, which came later"})
}

func TestWhatTheStoreHoldsIsHeldAgainstTheJournal(t *testing.T) {
	for name, mutant := range map[string]struct {
		change func(*dump.Dump)
		want   []string
	}{
		"a message is left in a queue":          {func(d *dump.Dump) { d.Waiting["outbox"] = 1 }, []string{"1 rows still wait in outbox"}},
		"a message is stranded":                 {func(d *dump.Dump) { d.Stranded = 2 }, []string{"2 rows of work had no lane at the end"}},
		"a delivery is stored twice":            {func(d *dump.Dump) { d.Incoming = 7 }, []string{"7 messages are stored under 6 ids"}},
		"a message that nobody sent":            {func(d *dump.Dump) { d.Incoming, d.IncomingIDs, d.Seen = 7, 7, 7 }, []string{"the store has 7 messages, the journal 6"}},
		"an acknowledged message is not stored": {func(d *dump.Dump) { d.Incoming, d.IncomingIDs, d.Seen = 5, 5, 5 }, []string{"the store has 5 messages, the journal 6"}},
		"a webhook is stored in part":           {func(d *dump.Dump) { d.Seen = 7 }, []string{"7 dedupe keys for 6 messages"}},
		"an answer the platform never got": {func(d *dump.Dump) { d.Outgoing, d.Transcript, d.OutgoingIDs, d.Accepted = 7, 7, 7, 7 },
			[]string{"the store has 7 answers, the journal 6"}},
		"an answer nobody knows to be taken": {func(d *dump.Dump) { d.Accepted = 5 }, []string{"6 outgoing messages, of which 5 are known to be taken"}},
		"an answer marked as failed":         {func(d *dump.Dump) { d.Failed = 1 }, []string{"1 messages are marked as failed"}},
		"an answer missing in the transcript": {func(d *dump.Dump) { d.Transcript = 5 },
			[]string{"6 outgoing messages, 5 in the transcripts"}},
		"a dead letter":                         {func(d *dump.Dump) { d.Dead, d.DeadReasons = 1, []string{"step: panic"} }, []string{`1 dead letters: ["step: panic"]`}},
		"something of a refused webhook":        {func(d *dump.Dump) { d.Forged = 1 }, []string{"1 rows are left of webhooks that had to be refused"}},
		"an agent with five conversations":      {func(d *dump.Dump) { d.Overfull = []string{"p/rini holds 5"} }, []string{"agent p/rini holds 5 conversations at the end"}},
		"a conversation of bot and agent alike": {func(d *dump.Dump) { d.Disowned = []string{"conversation 1 is bot's"} }, []string{"conversation 1 is bot's at the end"}},
	} {
		t.Run(name, func(t *testing.T) {
			final := stored()
			mutant.change(final)
			found(t, judge(t, run(), check.Terms{Final: final}), mutant.want)
		})
	}
	t.Run("a moment of the run", func(t *testing.T) {
		glance := dump.Dump{At: noon, Waiting: map[string]int{"inbox": 3}, Stranded: 1, Overfull: []string{"p/rini holds 5"}}
		found(t, judge(t, run(), check.Terms{Glances: []dump.Dump{glance}}),
			[]string{"1 rows of work had no lane at 12:00:00.000", "agent p/rini holds 5 conversations at 12:00:00.000"})
	})
	t.Run("a lane that the janitor had to repair", func(t *testing.T) {
		found(t, judge(t, run(), check.Terms{Repaired: number(1)}), []string{"the janitor repaired 1 lanes"})
	})
}

func TestAMessageThatWasNeverAcknowledgedNeedsNoAnswerAndMayBeStored(t *testing.T) {
	records := append(run(), journal.Record{Kind: journal.WebhookOut, IDs: []string{"x"}, Citizens: []string{"Ani"}, Texts: []string{"n4"}},
		journal.Record{Kind: journal.WebhookAck, IDs: []string{"x"}, Status: 503})
	for _, n := range []int{6, 7} {
		final := stored()
		final.Incoming, final.IncomingIDs, final.Seen = n, n, n
		if report := judge(t, records, check.Terms{Final: final}); !report.OK() {
			t.Fatal(report)
		}
	}
}

func TestADoubleAfterABlindCutIsCountedAndMustBeWhatLoketCounted(t *testing.T) {
	records := append(changed(func(r *journal.Record) {
		r.Blind = r.Kind == journal.SendReply && r.Ref == "ref-Ani-1"
	}), journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-1", ID: "y"})
	if report := judge(t, records, check.Terms{Doubled: number(1)}); !report.OK() || report.DoubledBlind != 1 {
		t.Fatal(report)
	}
	found(t, judge(t, records, check.Terms{Doubled: number(0)}), []string{"Loket counted 0 messages that were taken twice, the platform took 1 twice"})
	records = append(records, journal.Record{Kind: journal.SendReply, Ref: "ref-Ani-1", ID: "z"})
	found(t, judge(t, records, check.Terms{}), []string{`Ani was sent "n1:1" twice`})
}

// flood is run, and then n sends of its number a millisecond apart.
func flood(n int) []journal.Record {
	records := run()
	for i := range n {
		records = append(records, journal.Record{At: noon.Add(time.Minute + time.Duration(i)*time.Millisecond), Kind: journal.SendIn, Ref: fmt.Sprint(i), Number: "157"})
	}
	return records
}

func TestANumberThatSendsFasterThanItMayIsFound(t *testing.T) {
	found(t, judge(t, flood(200), check.Terms{Rate: 10, Air: 64}), []string{"number 157 sent more than 10 messages a second, 74 saved up and in the air, at 12:01:00.0"})
	found(t, judge(t, flood(76), check.Terms{Rate: 10, Air: 64}), []string{"number 157 sent more than 10"})
	if report := judge(t, flood(74), check.Terms{Rate: 10, Air: 64}); !report.OK() || report.RatesJudged != 1 {
		t.Fatal(report)
	}
	var slow []journal.Record // twice the rate for ten seconds: as fast a second as a burst may be
	for i := range 200 {
		slow = append(slow, journal.Record{At: noon.Add(time.Minute + time.Duration(i)*50*time.Millisecond), Kind: journal.SendIn, Ref: fmt.Sprint(i), Number: "157"})
	}
	found(t, judge(t, append(run(), slow...), check.Terms{Rate: 10, Air: 64}), []string{"number 157 sent more than 10"})
}

func TestARunInWhichNothingCouldBeFoundIsNoProof(t *testing.T) {
	found(t, judge(t, run(), check.Terms{Rate: 10}), []string{"its rate cannot be judged"})
	found(t, judge(t, nil, check.Terms{}), []string{"nothing was acknowledged"})
}

// hanging is a run of many citizens in which, from the middle on, answers take longer.
func hanging(later time.Duration) []journal.Record {
	records := []journal.Record{{Kind: journal.Mark, Note: check.MarkCalm}}
	for i := range 300 {
		took := 150 * time.Millisecond
		if i >= 150 {
			took = later
		}
		if i == 150 {
			records = append(records, journal.Record{Kind: journal.Mark, Note: check.MarkHang})
		}
		c := fmt.Sprintf("c%03d", i)
		at := noon.Add(time.Duration(i) * time.Second)
		records = append(records,
			journal.Record{At: at, Kind: journal.WebhookOut, IDs: []string{c}, Citizens: []string{c}, Texts: []string{"n1"}},
			journal.Record{At: at, Kind: journal.WebhookAck, IDs: []string{c}, Status: 200},
			journal.Record{At: at.Add(took), Kind: journal.SendIn, Ref: c, Citizen: c, Text: "n1:1"},
			journal.Record{At: at.Add(took), Kind: journal.SendReply, Ref: c, ID: c})
	}
	return records
}

func TestOneConversationThatHangsMustNotSlowTheOthersDown(t *testing.T) {
	if report := judge(t, hanging(290*time.Millisecond), check.Terms{Hung: "c299"}); !report.OK() {
		t.Fatal(report)
	}
	found(t, judge(t, hanging(310*time.Millisecond), check.Terms{Hung: "c299"}), []string{"while c299 hung, the others' p99 was 310ms; it was 150ms before"})
	found(t, judge(t, run(), check.Terms{Hung: "Ani"}), []string{"too few to compare"})
}

// A failover to an asynchronous standby loses what was committed last: it may be missing, or done again, and nothing else.
func TestWhatAFailoverLostMayBeMissingOrDoneAgainAndNothingElse(t *testing.T) {
	within := func(n int) check.Terms { // the span of the n-th round
		from := noon.Add(time.Duration(2*n) * time.Second)
		return check.Terms{LostFrom: from, LostTo: from.Add(1900 * time.Millisecond)}
	}
	gone := slices.DeleteFunc(told("ref-Ani-3", "n3:2"), func(r journal.Record) bool { return r.Ref == "ref-Ani-2" })
	if report := judge(t, gone, within(2)); !report.OK() || report.Lost != 1 {
		t.Fatal(report)
	}
	found(t, judge(t, gone, within(3)), []string{"Ani: message n2 was acknowledged and never answered"})
	forgotten := told("ref-Ani-3", "n3:2") // answered before the failover, and gone from the state after it
	if report := judge(t, forgotten, within(2)); !report.OK() || report.Lost != 0 {
		t.Fatal(report)
	}
	found(t, judge(t, told("ref-Ani-3", "n3:1"), within(2)), []string{"Ani: answer 3 counts 1, not 3"})
	again := append(run(), journal.Record{At: noon.Add(time.Minute), Kind: journal.SendReply, Ref: "ref-Ani-2", ID: "x"})
	if report := judge(t, again, within(2)); !report.OK() {
		t.Fatal(report)
	}
	found(t, judge(t, again, within(3)), []string{`Ani was sent "n2:2" twice`})
}
