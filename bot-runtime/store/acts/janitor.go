package acts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// lately is how old a kept status may be that RepairStatuses looks at once more.
	lately = time.Hour
	// repairMost rows are looked at for one kind of repair; the next look finds the rest.
	repairMost = 1000
)

// What may be there to do, each as the end of a query that begins with what is wanted of the rows.
const (
	stranded = ` FROM inbox WHERE NOT EXISTS (SELECT 1 FROM runnable r WHERE r.conversation = inbox.conversation)`
	unsent   = ` FROM outbox o JOIN conversation c ON c.id = o.conversation
		WHERE NOT EXISTS (SELECT 1 FROM out_lane l WHERE l.conversation = o.conversation)`
	taken = ` FROM send_budget WHERE doubled > 0`
)

// belated are the same of kept statuses e whose message is there.
var belated = []string{
	` FROM outbox o JOIN status e ON e.ref = o.id AND e.ref <> '' AND e.kept JOIN outgoing g ON g.id = o.id AND g.channel = e.channel`,
	` FROM status e JOIN outgoing g ON g.id = e.ref AND g.channel = e.channel WHERE e.kept AND e.stored_at > ` + ago(lately),
	` FROM status e JOIN outgoing g ON g.channel = e.channel AND g.external_id = e.external_id AND g.external_id <> ''
		WHERE e.kept AND e.stored_at > ` + ago(lately),
}

// ago is so long before the database's time.
func ago(d time.Duration) string { return fmt.Sprintf(`{now} - %d`, d.Microseconds()) }

// Upkeep is what an engine's Janitor leaves to SQL. It looks in one query whether there is anything to do, since mostly there is
// not and a thousand idle tenants may share a server. With a retention of 0 what citizens and agents said is kept for ever.
// Tables that an engine drops by partition are its own: named in partitioned. What fails keeps nothing else from being done.
func (a *Acts) Upkeep(ctx context.Context, retention time.Duration, partitioned ...string) (store.JanitorReport, error) {
	sweeps := slices.DeleteFunc(sweepsOf(retention), func(s sweep) bool { return slices.Contains(partitioned, s.table) })
	due, err := a.due(ctx, sweeps)
	blind := err != nil // then everything may be due
	failed := []error{err}
	var report store.JanitorReport
	if blind || due["lanes"] {
		report.RepairedLanes, err = a.RepairLanes(ctx)
		failed = append(failed, err)
	}
	if blind || due["statuses"] {
		failed = append(failed, a.RepairStatuses(ctx))
	}
	for _, s := range sweeps {
		if blind || due[s.table] {
			n, err := a.sweep(ctx, s)
			report.Dropped += n
			failed = append(failed, err)
		}
	}
	if retention > 0 {
		n, err := a.forget(ctx, retention)
		report.Dropped += n
		failed = append(failed, err)
	}
	if blind || due["doubled"] {
		report.Doubled, err = a.Doubled(ctx)
		failed = append(failed, err)
	}
	return report, errors.Join(failed...)
}

// due names what there is to do.
func (a *Acts) due(ctx context.Context, sweeps []sweep) (map[string]bool, error) {
	var looks []string
	look := func(what, from string) {
		looks = append(looks, `SELECT '`+what+`' WHERE EXISTS (SELECT 1`+from+`)`)
	}
	look("lanes", stranded)
	look("lanes", unsent)
	look("doubled", taken)
	for _, from := range belated {
		look("statuses", from)
	}
	for _, s := range sweeps {
		look(s.table, s.from())
	}
	due := map[string]bool{}
	err := a.read(ctx, "look for upkeep", func(tx Tx) error {
		clear(due)
		found, err := column[string](tx, strings.Join(looks, "\nUNION ALL "))
		for _, what := range found {
			due[what] = true
		}
		return err
	})
	return due, err
}

// RepairLanes inserts lanes that have work and no row, which is a bug wherever it happens, and returns how many.
func (a *Acts) RepairLanes(ctx context.Context) (lanes int, err error) {
	err = a.write(ctx, "repair", func(tx Tx) error {
		found, err := column[int64](tx, `SELECT DISTINCT conversation`+stranded+` LIMIT $1`, int64(repairMost))
		if err != nil {
			return err
		}
		if err := raiseLanes(tx, found); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO out_lane (conversation, channel, state, due_at)
			SELECT DISTINCT o.conversation, c.channel, 'ready', {now}`+unsent+` LIMIT $1
			ON CONFLICT (conversation) DO NOTHING`, int64(repairMost))
		lanes = len(found) + int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return lanes, nil
}

// RepairStatuses works kept statuses off again whose message is there: a race that the lock order leaves open is a status that
// arrives between two statements of the turn that writes its message. A message that waits to be sent is never left with one; of
// the others only what came lately is looked at, since statuses of other senders of the same account are kept by the million.
func (a *Acts) RepairStatuses(ctx context.Context) error {
	return a.write(ctx, "repair statuses", func(tx Tx) error {
		for _, from := range belated {
			if _, err := tx.Exec(`UPDATE status SET kept = FALSE WHERE kept AND id IN (SELECT e.id`+from+` LIMIT $1)`, int64(repairMost)); err != nil {
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
		}, `SELECT channel, doubled`+taken+` ORDER BY channel {lock}`)
		for channel, n := range found {
			if err == nil {
				_, err = tx.Exec(`UPDATE send_budget SET doubled = doubled - $2 WHERE channel = $1`, channel, n)
			}
		}
		return err
	})
	return int(doubled), err
}

// sweep is a table with rows that go when they are past their time.
type sweep struct {
	table, key, at string
	kept           time.Duration
	and            string
}

// sweepsOf are all tables that are swept with this retention.
func sweepsOf(retention time.Duration) []sweep {
	said := []sweep{
		{"message", "id", "stored_at", retention, "AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.id = t.id) AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = t.out_id)"},
		{"outgoing", "id", "message_at", retention, "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = t.id)"},
		{"dead", "id", "at", retention, ""},
		{"raw_event", "id", "at", retention, ""},
		{"rating", "id", "at", retention, ""},
		{"enquiry", "id", "at", retention, ""},
	}
	if retention <= 0 {
		said = nil
	}
	return append(said,
		sweep{"seen", "(channel, ext_hash)", "msg_at", SeenKept, ""},
		sweep{"status", "id", "stored_at", store.StaleAfter, "AND kept"},
		sweep{"desk_event", "seq", "at", eventsKept, ""},
		sweep{"session", "token_hash", "expires_at", 0, ""},
		sweep{"object", "hash", "retired_at", retiredKept, "AND retired_at <> 0 AND NOT EXISTS (SELECT 1 FROM conversation c WHERE c.revision = t.hash AND c.revision <> '')"})
}

// from ends a query of the rows that go, which are called t.
func (s sweep) from() string {
	return fmt.Sprintf(` FROM %s t WHERE t.%s < %s %s`, s.table, s.at, ago(s.kept), s.and)
}

// sweep deletes rows past their time, in small transactions, and returns how many.
func (a *Acts) sweep(ctx context.Context, s sweep) (total int64, err error) {
	query := fmt.Sprintf(`DELETE FROM %s WHERE %s IN (SELECT %s%s LIMIT %d)`, s.table, s.key, strings.Trim(s.key, "()"), s.from(), sweepMost)
	for {
		var n int64
		err := a.write(ctx, "sweep "+s.table, func(tx Tx) (err error) {
			n, err = tx.Exec(query)
			return err
		})
		total += n
		if err != nil || n < sweepMost {
			return total, err
		}
	}
}
