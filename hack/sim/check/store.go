package check

import (
	"fmt"

	"github.com/loket-dev/loket/hack/sim/dump"
)

// store holds the dumps, and the two figures of Loket's own, against the journal.
func (r *run) store() {
	for _, d := range r.terms.Glances {
		r.always(d, " at "+d.At.Format("15:04:05.000"))
	}
	if d := r.terms.Final; d != nil {
		r.StoreBytes, r.StoreDialogs = d.Bytes, int64(d.Conversations)
		r.always(*d, " at the end")
		r.quiet(*d)
		r.against(*d)
	}
	if n := r.terms.Repaired; n != nil && *n != 0 {
		r.problem("the janitor repaired %d lanes", *n)
	}
	if n := r.terms.Doubled; n != nil && r.terms.LostTo.IsZero() && *n != r.DoubledBlind+r.Doubled {
		r.problem("Loket counted %d messages that were taken twice, the platform took %d twice", *n, r.DoubledBlind+r.Doubled)
	}
}

// always is what must hold at any moment.
func (r *run) always(d dump.Dump, when string) {
	if d.Stranded > 0 {
		r.problem("%d rows of work had no lane%s: nobody would ever look at them", d.Stranded, when)
	}
	for _, agent := range d.Overfull {
		r.problem("agent %s conversations%s, more than the pool allows", agent, when)
	}
	for _, c := range d.Disowned {
		r.problem("%s%s, and queue and slots say otherwise", c, when)
	}
}

// quiet is what must hold when all is done.
func (r *run) quiet(d dump.Dump) {
	for _, table := range sortedKeys(d.Waiting) {
		if n := d.Waiting[table]; n > 0 {
			r.problem("%d rows still wait in %s at the end", n, table)
		}
	}
	if d.Dead > 0 {
		r.problem("%d dead letters: %q", d.Dead, d.DeadReasons)
	}
	if d.Forged > 0 {
		r.problem("%d rows are left of webhooks that had to be refused", d.Forged)
	}
}

// against is what the store must have in common with the journal. After a failover with a lost tail it may have less.
func (r *run) against(d dump.Dump) {
	if d.Incoming != d.IncomingIDs {
		r.problem("%d messages are stored under %d ids: a delivery was stored twice", d.Incoming, d.IncomingIDs)
	}
	if d.Seen != d.IncomingIDs {
		r.problem("%d dedupe keys for %d messages: a webhook was stored in part", d.Seen, d.IncomingIDs)
	}
	if d.Outgoing != d.Transcript {
		r.problem("%d outgoing messages, %d in the transcripts", d.Outgoing, d.Transcript)
	}
	if d.Failed > 0 {
		r.problem("%d messages are marked as failed", d.Failed)
	}
	if d.Accepted != d.Outgoing || d.OutgoingIDs != d.Outgoing {
		r.problem("%d outgoing messages, of which %d are known to be taken, under %d ids of the platform's", d.Outgoing, d.Accepted, d.OutgoingIDs)
	}
	taken := 0
	for _, s := range r.sends {
		if s.accepted > 0 {
			taken++
		}
	}
	for _, c := range []struct {
		what            string
		stored          int
		atLeast, atMost int
	}{
		{"messages", d.IncomingIDs, r.Acknowledged, r.Sent},
		{"answers", d.Outgoing, taken, taken},
	} {
		if !r.terms.LostTo.IsZero() {
			c.atLeast = 0
		}
		if c.stored < c.atLeast || c.stored > c.atMost {
			r.problem("the store has %d %s, the journal %s", c.stored, c.what, span(c.atLeast, c.atMost))
		}
	}
}

func span(from, to int) string {
	if from == to {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d to %d", from, to)
}
