// Package dump reads what a tenant's store holds, by SQL of its own: it shares no code with Loket, and knows the tables only. The
// checker holds it against the simulator's journal.
//
// Everything is counted by the database, in one snapshot, so that a dump of a million messages is as small as one of ten.
package dump

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers
	_ "modernc.org/sqlite"
)

// Dump is a store at one moment.
type Dump struct {
	At time.Time `json:"at"`
	// Waiting is work that is not done, by table: inbox, runnable, outbox, out_lane, and statuses that nobody has looked at.
	Waiting map[string]int `json:"waiting"`
	// Stranded is work that nobody will ever look at, since it has no lane. It is a bug in any snapshot, not only at the end:
	// work and its lane are written together.
	Stranded int `json:"stranded"`
	// Incoming messages, how many ids they have, and how many dedupe keys there are.
	Incoming, IncomingIDs, Seen int
	// Outgoing messages, how many of them a platform took, how many ids the platform gave for them, and how many failed.
	Outgoing, OutgoingIDs, Accepted, Failed int
	// Answers in the transcripts: as many as Outgoing, each once.
	Transcript int
	// Dead letters, with a few of their reasons.
	Dead        int      `json:"dead"`
	DeadReasons []string `json:"deadReasons,omitempty"`
	// Overfull agents hold more conversations than their pool allows, or one slot twice.
	Overfull []string `json:"overfull,omitempty"`
	// Disowned are conversations whose owner is not what queue and slots say: two owners, or none.
	Disowned []string `json:"disowned,omitempty"`
	// Held is how many conversations are in slots, and Queued how many wait for one.
	Held, Queued int
	// Doubled is how many messages a platform took twice that no pod has counted yet.
	Doubled int `json:"doubled"`
	// Forged is what is left of webhooks that had to be refused.
	Forged int `json:"forged"`
	// Conversations, and the size of the database in bytes.
	Conversations int
	Bytes         int64
}

// Quiet says that nothing waits to be done.
func (d Dump) Quiet() bool {
	for _, n := range d.Waiting {
		if n > 0 {
			return false
		}
	}
	return d.Stranded == 0
}

// Since is what has come since another dump of the same store; what waits, and what is wrong now, stays as it is.
func (d Dump) Since(before Dump) Dump {
	was := before.counts()
	for what, n := range d.counts() {
		if what != "stranded" && what != "held" && what != "queued" {
			*n -= *was[what]
		}
	}
	d.Bytes -= before.Bytes
	return d
}

func (d *Dump) counts() map[string]*int {
	return map[string]*int{"stranded": &d.Stranded, "incoming": &d.Incoming, "incoming ids": &d.IncomingIDs, "seen": &d.Seen,
		"transcript": &d.Transcript, "outgoing": &d.Outgoing, "outgoing ids": &d.OutgoingIDs, "accepted": &d.Accepted, "failed": &d.Failed,
		"dead": &d.Dead, "forged": &d.Forged, "doubled": &d.Doubled, "held": &d.Held, "queued": &d.Queued, "conversations": &d.Conversations}
}

// query yields rows (what, n, text). like is a word that only forged webhooks have.
const query = `
SELECT 'inbox', count(*), '' FROM inbox
UNION ALL SELECT 'runnable', count(*), '' FROM runnable
UNION ALL SELECT 'outbox', count(*), '' FROM outbox
UNION ALL SELECT 'out_lane', count(*), '' FROM out_lane
UNION ALL SELECT 'status', count(*), '' FROM status WHERE NOT kept
UNION ALL SELECT 'stranded', count(*), '' FROM inbox WHERE NOT EXISTS (SELECT 1 FROM runnable r WHERE r.conversation = inbox.conversation)
UNION ALL SELECT 'stranded', count(*), '' FROM outbox WHERE NOT EXISTS (SELECT 1 FROM out_lane l WHERE l.conversation = outbox.conversation)
UNION ALL SELECT 'overfull', count(*), s.pool || '/' || s.agent FROM agent_slot s JOIN pool p ON p.name = s.pool
	GROUP BY s.pool, s.agent, p.slots HAVING count(*) > p.slots
UNION ALL SELECT 'disowned', c.id, c.owner || ' ' || c.agent FROM conversation c
	LEFT JOIN agent_slot s ON s.conversation = c.id LEFT JOIN queue q ON q.conversation = c.id
	WHERE (c.owner = 'agent') <> (s.conversation IS NOT NULL) OR (c.owner = 'queue') <> (q.conversation IS NOT NULL)
		OR (s.conversation IS NOT NULL AND (s.agent <> c.agent OR s.pool <> c.pool))
UNION ALL SELECT 'held', count(*), '' FROM agent_slot
UNION ALL SELECT 'queued', count(*), '' FROM queue`

const whole = query + `
UNION ALL SELECT 'incoming', count(*), '' FROM message WHERE dir = 'in'
UNION ALL SELECT 'incoming ids', count(DISTINCT ext_id), '' FROM message WHERE dir = 'in'
UNION ALL SELECT 'seen', count(*), '' FROM (SELECT DISTINCT channel, ext_hash FROM seen) AS keys
UNION ALL SELECT 'transcript', count(DISTINCT out_id), '' FROM message WHERE dir = 'out'
UNION ALL SELECT 'outgoing', count(*), '' FROM outgoing
UNION ALL SELECT 'outgoing ids', count(DISTINCT external_id), '' FROM outgoing WHERE external_id <> ''
UNION ALL SELECT 'accepted', count(*), '' FROM outgoing WHERE progress > 0
UNION ALL SELECT 'failed', count(*), '' FROM outgoing WHERE failed
UNION ALL SELECT 'dead', count(*), '' FROM dead
UNION ALL SELECT * FROM (SELECT 'dead reason', 0, kind || ': ' || reason FROM dead LIMIT 5) AS reasons
UNION ALL SELECT 'forged', count(*), '' FROM message WHERE dir = 'in' AND (body LIKE '%FORGED%' OR ext_id LIKE '%FORGED%')
UNION ALL SELECT 'forged', count(*), '' FROM identity WHERE value LIKE '%FORGED%'
UNION ALL SELECT 'forged', count(*), '' FROM conversation WHERE display_name LIKE '%FORGED%'
UNION ALL SELECT 'forged', count(*), '' FROM raw_event WHERE {text} LIKE '%FORGED%'
UNION ALL SELECT 'doubled', sum(doubled), '' FROM send_budget
UNION ALL SELECT 'conversations', count(*), '' FROM conversation
UNION ALL SELECT 'bytes', {bytes}, ''`

// Store reads the store at a PostgreSQL URI or an SQLite file, all of it.
func Store(ctx context.Context, at string) (Dump, error) { return read(ctx, at, whole) }

// Glance reads only what must hold at any moment, and what waits: it costs little while a run goes on.
func Glance(ctx context.Context, at string) (Dump, error) { return read(ctx, at, query) }

func read(ctx context.Context, at, query string) (Dump, error) {
	driver, dsn, text, bytes := "sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: at}).EscapedPath(), RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String(),
		"CAST(body AS TEXT)", "(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)"
	if strings.HasPrefix(at, "postgres://") || strings.HasPrefix(at, "postgresql://") {
		driver, dsn, text, bytes = "pgx", at, "encode(body, 'escape')", "pg_database_size(current_database())"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return Dump{}, fmt.Errorf("opening the store: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return Dump{}, fmt.Errorf("reaching the store: %w", err)
	}
	defer conn.Close()
	if driver == "pgx" { // the role has a limit for citizens' statements
		if _, err := conn.ExecContext(ctx, `SET statement_timeout = '300s'`); err != nil {
			return Dump{}, fmt.Errorf("reaching the store: %w", err)
		}
	}
	rows, err := conn.QueryContext(ctx, strings.NewReplacer("{text}", text, "{bytes}", bytes).Replace(query))
	if err != nil {
		return Dump{}, fmt.Errorf("reading the store: %w", err)
	}
	defer rows.Close()
	d := Dump{At: time.Now().UTC(), Waiting: map[string]int{}}
	for rows.Next() {
		var what, text string
		var n sql.Null[int64]
		if err := rows.Scan(&what, &n, &text); err != nil {
			return Dump{}, fmt.Errorf("reading the store: %w", err)
		}
		d.note(what, n.V, text)
	}
	if err := rows.Err(); err != nil {
		return Dump{}, fmt.Errorf("reading the store: %w", err)
	}
	return d, nil
}

// most of the examples are enough to look at.
const most = 5

func (d *Dump) note(what string, n int64, text string) {
	counts := d.counts()
	switch {
	case counts[what] != nil:
		*counts[what] += int(n)
	case what == "bytes":
		d.Bytes = n
	case what == "dead reason":
		d.DeadReasons = append(d.DeadReasons, text)
	case what == "overfull" && len(d.Overfull) < most:
		d.Overfull = append(d.Overfull, fmt.Sprintf("%s holds %d", text, n))
	case what == "disowned" && len(d.Disowned) < most:
		d.Disowned = append(d.Disowned, fmt.Sprintf("conversation %d is %s's", n, strings.TrimSpace(text)))
	case what == "overfull", what == "disowned":
	default:
		d.Waiting[what] = int(n)
	}
}
