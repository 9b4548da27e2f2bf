package check

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/loket-dev/loket/hack/sim/journal"
)

// run is a journal as it is read: what is kept of it is a few words a message.
type run struct {
	Report
	terms    Terms
	place    int // in the journal
	mark     string
	messages map[string]*sent // by id
	citizens map[string]*citizen
	sends    map[string]*send       // by ref
	arrivals map[string][]time.Time // of send calls, by number
	forged   map[string]string      // id → in which way
	begin    time.Time
	end      time.Time
}

type citizen struct {
	messages []*sent
	answers  []answer
}

// sent is one message of a citizen.
type sent struct {
	text    string
	first   int // place of the first delivery in the journal
	firstAt time.Time
	acked   int // place of the acknowledgement, -1 for none
	ackedAt time.Time
	mark    string
}

type answer struct {
	text string
	at   time.Time
}

// send is what came in with one ref.
type send struct {
	citizen, text string
	accepted      int
	acceptedAt    time.Time // the first
	toldAt        time.Time // when the platform first began to tell of it
	blind         bool      // the last acceptance
}

func (r *run) note(rec journal.Record) {
	switch rec.Kind {
	case journal.WebhookOut:
		r.webhookOut(rec)
	case journal.WebhookAck:
		if rec.Status == 200 {
			for _, id := range rec.IDs {
				if m := r.messages[id]; m != nil && m.acked < 0 {
					m.acked, m.ackedAt = r.place, rec.At
				}
			}
		}
	case journal.SendIn:
		s := r.sends[rec.Ref]
		if s == nil {
			s = &send{}
			r.sends[rec.Ref] = s
		} else if s.accepted > 0 && (s.citizen != rec.Citizen || s.text != rec.Text) {
			r.problem("ref %s was %q to %s and became %q to %s", rec.Ref, s.text, s.citizen, rec.Text, rec.Citizen)
		}
		s.citizen, s.text = rec.Citizen, rec.Text
		r.arrivals[rec.Number] = append(r.arrivals[rec.Number], rec.At)
	case journal.SendReply:
		if rec.Code == 0 {
			r.acceptance(rec)
		}
	case journal.StatusOut:
		if s := r.sends[rec.Ref]; s != nil && s.toldAt.IsZero() {
			s.toldAt = rec.At
		}
	case journal.Violation:
		r.problem("the platform would not have it: %s", rec.Note)
	case journal.ForgedOut:
		r.Forged++
		for _, id := range rec.IDs {
			r.forged[id] = rec.Note
		}
	case journal.ForgedAck:
		if rec.Status/100 == 2 {
			r.problem("a webhook that was %s was answered %d", r.forged[rec.IDs[0]], rec.Status)
		}
	case journal.Mark:
		r.mark = rec.Note
	}
}

func (r *run) webhookOut(rec journal.Record) {
	if r.begin.IsZero() {
		r.begin = rec.At
	}
	for i, id := range rec.IDs {
		if r.messages[id] != nil {
			continue
		}
		m := &sent{text: rec.Texts[i], first: r.place, firstAt: rec.At, acked: -1, mark: r.mark}
		r.messages[id] = m
		c := r.citizens[rec.Citizens[i]]
		if c == nil {
			c = &citizen{}
			r.citizens[rec.Citizens[i]] = c
		}
		c.messages = append(c.messages, m)
	}
}

func (r *run) acceptance(rec journal.Record) {
	s := r.sends[rec.Ref]
	if s == nil {
		r.problem("a send %q was accepted that never came in", rec.Ref)
		return
	}
	r.end = rec.At
	switch {
	case s.accepted == 0:
		s.acceptedAt = rec.At
		if r.citizens[s.citizen] == nil {
			r.problem("%s never wrote and was sent %q", s.citizen, s.text)
			break
		}
		c := r.citizens[s.citizen]
		c.answers = append(c.answers, answer{s.text, rec.At})
	case s.blind:
		r.DoubledBlind++
	case r.terms.lost(s.acceptedAt):
	default:
		r.Doubled++
		r.problem("%s was sent %q twice (ref %s), %s", s.citizen, s.text, rec.Ref, s.apart(rec.At))
	}
	s.accepted++
	s.blind = rec.Blind
}

// apart is how long after the first the platform took a message again, and what it had told by then: whether the sender waited too
// little, or the news took too long.
func (s *send) apart(again time.Time) string {
	told := "and nothing had been told of it"
	if !s.toldAt.IsZero() && s.toldAt.Before(again) {
		told = fmt.Sprintf("and began to be told of it %s before", again.Sub(s.toldAt).Round(time.Millisecond))
	}
	return fmt.Sprintf("%s after the first, %s", again.Sub(s.acceptedAt).Round(time.Millisecond), told)
}

func (r *run) finish() {
	r.Citizens, r.Sent = len(r.citizens), len(r.messages)
	r.Seconds = r.end.Sub(r.begin).Seconds()
	// What citizens saw comes last: one fault may be a problem of each of them, and would hide the others.
	seen := r.Report
	r.Problems, r.More = nil, 0
	took := map[string][]time.Duration{}
	for _, name := range sortedKeys(r.citizens) {
		r.judge(name, r.citizens[name], took)
	}
	theirs := Report{Problems: r.Problems, More: r.More}
	r.Problems, r.More = nil, 0
	if r.Acknowledged == 0 {
		r.problem("nothing was acknowledged: there is nothing to judge")
	}
	r.latencies(took)
	r.rates()
	r.store()
	r.also(seen)
	r.also(theirs)
}

// judge checks one citizen's answers against what they sent.
func (r *run) judge(name string, c *citizen, took map[string][]time.Duration) {
	place := map[string]int{} // text n -> index in answers
	lost := 0
	for _, m := range c.messages {
		if m.acked >= 0 && r.terms.lost(m.ackedAt) {
			lost++ // perhaps
		}
	}
	expected := 1
	for i, a := range c.answers {
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
		var told int
		if _, err := fmt.Sscan(count, &told); err != nil || told != expected {
			if back := expected - told; err == nil && back > 0 && back <= lost && a.at.After(r.terms.LostFrom) {
				lost, expected = lost-back, told // the failover took them from the state
			} else {
				r.problem("%s: answer %d counts %s, not %d: state was lost, doubled or reordered", name, i+1, count, expected)
			}
		}
		expected++
	}
	known := map[string]bool{}
	for _, m := range c.messages {
		known[m.text] = true
		at, answered := place[m.text]
		if m.acked >= 0 {
			r.Acknowledged++
		}
		switch {
		case answered:
			r.Answered++
			if name != r.terms.Hung {
				took[m.mark] = append(took[m.mark], c.answers[at].at.Sub(m.firstAt))
			}
		case m.acked >= 0 && r.terms.lost(m.ackedAt):
			r.Lost++
		case m.acked >= 0:
			r.problem("%s: message %s was acknowledged and never answered", name, m.text)
		}
	}
	r.order(name, c, place)
	for _, n := range sortedKeys(place) {
		if !known[n] {
			r.problem("%s was answered %q, which they never sent", name, n)
		}
	}
}

// order: a message that was acknowledged before another was first delivered is answered before it. Each is held against the
// latest answer to all those that were acknowledged before it.
func (r *run) order(name string, c *citizen, place map[string]int) {
	type moment struct {
		place int
		ack   bool
		m     *sent
	}
	var moments []moment
	for _, m := range c.messages {
		if _, answered := place[m.text]; !answered {
			continue
		}
		moments = append(moments, moment{m.first, false, m})
		if m.acked >= 0 {
			moments = append(moments, moment{m.acked, true, m})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int { return a.place - b.place })
	latest, of := -1, ""
	for _, at := range moments {
		p := place[at.m.text]
		if at.ack && p > latest {
			latest, of = p, at.m.text
		}
		if !at.ack && p < latest {
			r.problem("%s: message %s was answered after %s, which came later", name, of, at.m.text)
		}
	}
}

// noise is what a busy machine adds to any p99: below it a ratio says nothing.
const noise = 100 * time.Millisecond

func (r *run) latencies(took map[string][]time.Duration) {
	var all []time.Duration
	for _, some := range took {
		all = append(all, some...)
	}
	r.P50, r.P99 = quantile(all, 50), quantile(all, 99)
	if r.terms.Hung == "" {
		return
	}
	r.P99Calm, r.P99Hang = quantile(took[MarkCalm], 99), quantile(took[MarkHang], 99)
	switch {
	case len(took[MarkCalm]) < 100 || len(took[MarkHang]) < 100:
		r.problem("%d messages while all was calm and %d while one hung are too few to compare", len(took[MarkCalm]), len(took[MarkHang]))
	case r.P99Hang >= 2*max(r.P99Calm, noise):
		r.problem("while %s hung, the others' p99 was %s; it was %s before", r.terms.Hung, r.P99Hang, r.P99Calm)
	}
}

func quantile(d []time.Duration, percent int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[(len(d)-1)*percent/100]
}

// rates: in any span a number sends no more than its rate, one second's worth saved up, and what may be in the air: claimed in time,
// and only now on the wire. That is a bucket of so much, filled at the rate. A number that did not send as much as the bucket holds
// could not have overflowed it, and nothing was judged.
func (r *run) rates() {
	if r.terms.Rate == 0 {
		return
	}
	most := r.terms.Rate + r.terms.Air
	for _, number := range sortedKeys(r.arrivals) {
		at := r.arrivals[number]
		slices.SortFunc(at, time.Time.Compare)
		if len(at) > most {
			r.RatesJudged++
		}
		left, last := float64(most), time.Time{}
		for i, now := range at {
			if i > 0 {
				left = min(float64(most), left+now.Sub(last).Seconds()*float64(r.terms.Rate))
			}
			last = now
			if left--; left < 0 {
				r.problem("number %s sent more than %d messages a second, %d saved up and in the air, at %s", number, r.terms.Rate, most,
					now.Format("15:04:05.000"))
				break
			}
		}
	}
	if r.RatesJudged == 0 {
		r.problem("no number sent more than the %d messages that it may have saved up and in the air: its rate cannot be judged", most)
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
