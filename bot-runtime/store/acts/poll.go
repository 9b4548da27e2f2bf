package acts

import (
	"context"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// countMost bounds what a poll counts: more than this is simply much.
const countMost = "1000"

// Poll implements store.Store: one statement.
func (a *Acts) Poll(ctx context.Context, in store.PollRequest) (store.Due, error) {
	var due store.Due
	err := a.read(ctx, "poll", func(tx Tx) error {
		due = store.Due{}
		query, args := pollQuery(in)
		return each(tx, func(scan func(...any) error) error {
			var what, pool string
			var n int64
			if err := scan(&what, &pool, &n); err != nil {
				return err
			}
			switch what {
			case "now":
				due.Now = moment(n)
			case "lanes":
				due.Lanes = int(n)
			case "oldest":
				if n > 0 {
					due.OldestLane = moment(n)
				}
			case "timers":
				due.Timers = int(n)
			case "sends":
				due.Sends = int(n)
			case "statuses":
				due.Statuses = int(n)
			case "calls":
				due.Calls = int(n)
			case "callsOver":
				due.CallsOver = int(n)
			case "unknown":
				due.Unknown = int(n)
			case "bundle":
				due.BundleVersion = n
			case "desk":
				due.DeskSeq = n
			case "queue":
				if due.Queues == nil {
					due.Queues = map[string]int{}
				}
				due.Queues[pool] = int(n)
			case "next":
				if at := moment(n); n > 0 && (due.NextAt.IsZero() || at.Before(due.NextAt)) {
					due.NextAt = at
				}
			}
			return nil
		}, query, args...)
	})
	return due, err
}

func pollQuery(in store.PollRequest) (string, []any) {
	var args []any
	count := func(from string) string {
		return `(SELECT count(*) FROM (SELECT 1 FROM ` + from + ` LIMIT ` + countMost + `) AS c)`
	}
	parts := []string{
		`SELECT 'now', '', {now}`,
		`SELECT 'lanes', '', ` + count(`runnable WHERE run_at <= {now}`),
		`SELECT 'oldest', '', (SELECT COALESCE(min(run_at), 0) FROM runnable WHERE run_at <= {now})`,
		`SELECT 'timers', '', ` + count(`timer WHERE due_at <= {now}`),
		`SELECT 'statuses', '', ` + count(`status WHERE NOT kept`),
		`SELECT 'calls', '', ` + count(`effect WHERE NOT claimed AND expires_at > {now}`),
		`SELECT 'callsOver', '', ` + count(`effect WHERE expires_at <= {now}`),
		`SELECT 'bundle', '', (SELECT version FROM bundle_head WHERE one = 1)`,
		`SELECT 'desk', '', (SELECT seq FROM desk_seq WHERE one = 1)`,
		`SELECT 'next', '', (SELECT COALESCE(min(run_at), 0) FROM runnable WHERE run_at > {now})`,
		`SELECT 'next', '', (SELECT COALESCE(min(due_at), 0) FROM timer WHERE due_at > {now})`,
		`SELECT 'next', '', (SELECT COALESCE(min(expires_at), 0) FROM effect WHERE expires_at > {now})`,
	}
	if len(in.Channels) > 0 {
		var names string
		names, args = among(in.Channels, args...)
		paused := `EXISTS (SELECT 1 FROM send_budget b WHERE b.channel = out_lane.channel AND b.paused_until > {now})`
		parts = append(parts,
			`SELECT 'sends', '', `+count(`out_lane WHERE state = 'ready' AND due_at <= {now} AND channel IN `+names+` AND NOT `+paused),
			`SELECT 'unknown', '', `+count(`out_lane WHERE channel IN `+names+` AND (state = 'unknown' OR (state = 'sending' AND due_at <= {now}))`),
			`SELECT 'next', '', (SELECT COALESCE(min(due_at), 0) FROM out_lane WHERE state IN ('ready', 'sending') AND due_at > {now} AND channel IN `+names+`)`,
			`SELECT 'next', '', (SELECT COALESCE(min(paused_until), 0) FROM send_budget WHERE paused_until > {now} AND channel IN `+names+`
				AND EXISTS (SELECT 1 FROM out_lane WHERE out_lane.channel = send_budget.channel))`)
	}
	if len(in.Pools) > 0 {
		var names string
		names, args = among(in.Pools, args...)
		// A pool that no desk pod has looked at is due as well: looking is what makes it no longer wait for a worker.
		parts = append(parts, `SELECT 'queue', q.pool, count(*) FROM queue q WHERE q.pool IN `+names+`
			AND (EXISTS (SELECT 1 FROM queue u WHERE u.pool = q.pool AND u.seen_at = 0)
				OR EXISTS (SELECT 1 FROM agent a JOIN pool p ON p.name = a.pool WHERE a.pool = q.pool AND a.available
					AND a.seen_at > {now} - p.absent
					AND (SELECT count(*) FROM agent_slot s WHERE s.pool = a.pool AND s.agent = a.agent) < p.slots))
			GROUP BY q.pool`)
	}
	return strings.Join(parts, "\nUNION ALL "), args
}
