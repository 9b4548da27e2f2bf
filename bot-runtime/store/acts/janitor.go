package acts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	// sweepMost rows go in one transaction, so that none is long and no citizen waits behind it.
	sweepMost = 500
	// eventsKept is how long consoles may be away and still catch up by events; after it they read the whole view.
	eventsKept = 24 * time.Hour
	// retiredKept is the time in which a pod may still pin a conversation to a revision that has just left.
	retiredKept = time.Hour
	// lately is how old a kept status may be that Repair looks at once more.
	lately = time.Hour
)

// repairMost rows are looked at for one kind of repair; the next look finds the rest.
const repairMost = 1000

// Repair inserts lanes that have work and no row, and works kept statuses off again whose message is there. The first is a
// bug wherever it happens; the second is a race that the lock order leaves open: a status that arrives between two
// statements of the turn that writes its message. A message that waits to be sent is never left with one; of the others only
// what came lately is looked at, since statuses of other senders of the same account are kept by the million.
func (a *Acts) Repair(ctx context.Context) (lanes int, err error) {
	err = a.write(ctx, "repair", func(tx Tx) error {
		stranded, err := column[int64](tx, `SELECT DISTINCT conversation FROM inbox
			WHERE NOT EXISTS (SELECT 1 FROM runnable r WHERE r.conversation = inbox.conversation) LIMIT $1`, int64(repairMost))
		if err != nil {
			return err
		}
		if err := raiseLanes(tx, stranded); err != nil {
			return err
		}
		unsent, err := tx.Exec(`INSERT INTO out_lane (conversation, channel, state, due_at)
			SELECT DISTINCT o.conversation, c.channel, 'ready', {now} FROM outbox o JOIN conversation c ON c.id = o.conversation
			WHERE NOT EXISTS (SELECT 1 FROM out_lane l WHERE l.conversation = o.conversation) LIMIT $1
			ON CONFLICT (conversation) DO NOTHING`, int64(repairMost))
		if err != nil {
			return err
		}
		lanes = len(stranded) + int(unsent)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return lanes, a.write(ctx, "repair statuses", func(tx Tx) error {
		most, since := int64(repairMost), lately.Microseconds()
		for _, belated := range []struct {
			ids  string
			args []any
		}{
			{`SELECT e.id FROM outbox o JOIN status e ON e.ref = o.id AND e.ref <> '' AND e.kept
				JOIN outgoing g ON g.id = o.id AND g.channel = e.channel LIMIT $1`, []any{most}},
			{`SELECT e.id FROM status e JOIN outgoing g ON g.id = e.ref AND g.channel = e.channel
				WHERE e.kept AND e.stored_at > {now} - $2 LIMIT $1`, []any{most, since}},
			{`SELECT e.id FROM status e JOIN outgoing g ON g.channel = e.channel AND g.external_id = e.external_id AND g.external_id <> ''
				WHERE e.kept AND e.stored_at > {now} - $2 LIMIT $1`, []any{most, since}},
		} {
			if _, err := tx.Exec(`UPDATE status SET kept = FALSE WHERE kept AND id IN (`+belated.ids+`)`, belated.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Doubled returns how many messages a platform took twice, since it was last asked.
func (a *Acts) Doubled(ctx context.Context) (int, error) {
	doubled := int64(0)
	err := a.write(ctx, "doubled", func(tx Tx) error {
		doubled = 0
		found := map[string]int64{}
		err := each(tx, func(scan func(...any) error) error {
			var channel string
			var n int64
			err := scan(&channel, &n)
			found[channel] = n
			doubled += n
			return err
		}, `SELECT channel, doubled FROM send_budget WHERE doubled > 0 ORDER BY channel {lock}`)
		for channel, n := range found {
			if err == nil {
				_, err = tx.Exec(`UPDATE send_budget SET doubled = doubled - $2 WHERE channel = $1`, channel, n)
			}
		}
		return err
	})
	return int(doubled), err
}

// Sweep deletes rows past their time, in small transactions, and returns how many; a retention of 0 keeps what citizens and
// agents said for ever. Tables that an engine drops by partition are its own: named in partitioned.
func (a *Acts) Sweep(ctx context.Context, retention time.Duration, partitioned ...string) (int64, error) {
	sweeps := []struct {
		table, key, at string
		kept           time.Duration
		and            string
	}{
		{"seen", "", "msg_at", SeenKept, ""},
		{"message", "id", "stored_at", retention, "AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.id = t.id) AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = t.out_id)"},
		{"outgoing", "id", "message_at", retention, "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = t.id)"},
		{"status", "id", "stored_at", store.StaleAfter, "AND kept"},
		{"dead", "id", "at", retention, ""},
		{"raw_event", "id", "at", retention, ""},
		{"rating", "id", "at", retention, ""},
		{"enquiry", "id", "at", retention, ""},
		{"desk_event", "seq", "at", eventsKept, ""},
		{"session", "token_hash", "expires_at", 0, ""},
		{"object", "hash", "retired_at", retiredKept, "AND retired_at <> 0 AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.revision = t.hash AND c.revision <> '')"},
	}
	var total int64
	var failed []error
	for _, s := range sweeps {
		if slices.Contains(partitioned, s.table) || (s.kept == retention && retention <= 0 && s.table != "session") {
			continue
		}
		key := s.key
		columns := key
		if key == "" {
			columns, key = "channel, ext_hash", "(channel, ext_hash)"
		}
		query := fmt.Sprintf(`DELETE FROM %s WHERE %s IN (SELECT %s FROM %s t WHERE t.%s < {now} - $1 %s LIMIT %d)`,
			s.table, key, columns, s.table, s.at, s.and, sweepMost)
		for {
			var n int64
			err := a.write(ctx, "sweep "+s.table, func(tx Tx) (err error) {
				n, err = tx.Exec(query, s.kept.Microseconds())
				return err
			})
			total += n
			if err != nil {
				failed = append(failed, err)
				break
			}
			if n < sweepMost {
				break
			}
		}
	}
	if retention > 0 {
		n, err := a.forget(ctx, retention)
		total, failed = total+n, append(failed, err)
	}
	return total, errors.Join(failed...)
}
