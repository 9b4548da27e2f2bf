package engine

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// The shape of BenchmarkGrowth: conversations at first and in the end, how many are filled in at once, and what is measured.
const (
	growthFew, growthMany, growthPart = 10_000, 1_000_000, 50_000
	growthRounds, growthSize          = 200, 50
)

// vacuumed has PostgreSQL be as it is long after it was filled: it does not tidy up while it is measured.
func vacuumed(b *testing.B, db *sql.DB) {
	b.Helper()
	for _, one := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := db.ExecContext(b.Context(), one); err != nil {
			b.Fatal(err)
		}
	}
}

// fill makes conversations with citizens from one number to another as talk would, by statements of its own: it takes seconds, not
// hours. state is what the engine keeps of one.
var fill = map[string][]string{
	"postgres": {
		`SELECT setval('row_id', greatest(10000000000, (SELECT last_value FROM row_id)))`,
		`INSERT INTO contact (id) SELECT 1000000000 + n FROM generate_series($1::bigint, $2::bigint - 1) n WHERE length($3::bytea) > 0`,
		`INSERT INTO identity (scope, kind, value, contact) SELECT '20002', '` + string(message.IdentityPhone) + `', '62811' || lpad(n::text, 9, '0'), 1000000000 + n
			FROM generate_series($1::bigint, $2::bigint - 1) n WHERE length($3::bytea) > 0`,
		`INSERT INTO conversation (id, contact, channel, display_name) SELECT 1000000000 + n, 1000000000 + n, 'wa', 'Siti'
			FROM generate_series($1::bigint, $2::bigint - 1) n WHERE length($3::bytea) > 0`,
		`INSERT INTO conversation_state (conversation, version, format, state) SELECT 1000000000 + n, 1, ` + fmt.Sprint(stateFormat) + `, $3::bytea
			FROM generate_series($1::bigint, $2::bigint - 1) n`,
		`INSERT INTO message (id, stored_at, conversation, dir, at, body, ext_id) SELECT 2000000000 + n, {now}, 1000000000 + n, 'in', {now}, '{"kind":"text","text":"` + words + `"}', 'f' || n
			FROM generate_series($1::bigint, $2::bigint - 1) n WHERE length($3::bytea) > 0`,
		`INSERT INTO seen (channel, ext_hash, msg_at) SELECT 'wa', decode(md5(n::text), 'hex'), {now} FROM generate_series($1::bigint, $2::bigint - 1) n WHERE length($3::bytea) > 0`,
	},
	"sqlite": {
		`UPDATE sequence SET value = 10000000000 WHERE value < 10000000000`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2) INSERT INTO contact (id) SELECT 1000000000 + n FROM s WHERE length($3) > 0`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2)
			INSERT INTO identity (scope, kind, value, contact) SELECT '20002', '` + string(message.IdentityPhone) + `', printf('62811%09d', n), 1000000000 + n FROM s WHERE length($3) > 0`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2)
			INSERT INTO conversation (id, contact, channel, display_name) SELECT 1000000000 + n, 1000000000 + n, 'wa', 'Siti' FROM s WHERE length($3) > 0`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2)
			INSERT INTO conversation_state (conversation, version, format, state) SELECT 1000000000 + n, 1, ` + fmt.Sprint(stateFormat) + `, $3 FROM s`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2)
			INSERT INTO message (id, stored_at, conversation, dir, at, body, ext_id) SELECT 2000000000 + n, {now}, 1000000000 + n, 'in', {now}, '{"kind":"text","text":"` + words + `"}', 'f' || n FROM s WHERE length($3) > 0`,
		`WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2)
			INSERT INTO seen (channel, ext_hash, msg_at) SELECT 'wa', randomblob(16), {now} FROM s WHERE length($3) > 0`,
	},
}

// plainGrowth is a program's that keeps nothing but a state and the messages of each conversation: how many of them a second it
// updates and adds to, 16 a transaction, with few and with many. What it loses on the way is the database's cache.
func plainGrowth(b *testing.B, e engineUnderBench, state []byte) (few, many float64) {
	b.Helper()
	db := e.plain(b).db
	exec := func(query string, args ...any) {
		if _, err := db.ExecContext(b.Context(), query, args...); err != nil {
			b.Fatal(err)
		}
	}
	kind, numbers := "BYTEA", `(SELECT n FROM generate_series($1::bigint, $2::bigint - 1) n) s`
	if e.name == "sqlite" {
		kind, numbers = "BLOB", `(WITH RECURSIVE s(n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM s WHERE n + 1 < $2) SELECT n FROM s) s`
	}
	exec(`CREATE TABLE held (conversation BIGINT PRIMARY KEY, version BIGINT NOT NULL, state ` + kind + `)`)
	exec(`CREATE TABLE said (id BIGINT PRIMARY KEY, conversation BIGINT NOT NULL, body TEXT NOT NULL)`)
	exec(`CREATE INDEX said_conversation ON said (conversation, id)`)
	grow := func(from, to int) {
		for ; from < to; from += growthPart {
			exec(`INSERT INTO held (conversation, version, state) SELECT n, 1, $3 FROM `+numbers, from, min(to, from+growthPart), state)
			exec(`INSERT INTO said (id, conversation, body) SELECT n, n, $3 FROM `+numbers, from, min(to, from+growthPart), words)
		}
		if e.name == "postgres" {
			vacuumed(b, db)
		}
	}
	next := 10 * growthMany
	measure := func(citizens int) float64 {
		began := time.Now()
		for left := growthRounds * growthSize; left > 0; left -= 16 {
			var keys, rows []string
			for range 16 {
				c := rand.IntN(citizens)
				next++
				keys, rows = append(keys, strconv.Itoa(c)), append(rows, fmt.Sprintf("(%d, %d, '%s')", next, c, words))
			}
			tx, err := db.BeginTx(b.Context(), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := tx.ExecContext(b.Context(), `UPDATE held SET version = version + 1, state = $1 WHERE conversation IN (`+strings.Join(keys, ", ")+`)`, state); err != nil {
				b.Fatal(err)
			}
			if _, err := tx.ExecContext(b.Context(), `INSERT INTO said (id, conversation, body) VALUES `+strings.Join(rows, ", ")); err != nil {
				b.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		return growthRounds * growthSize / time.Since(began).Seconds()
	}
	grow(0, growthFew)
	measure(growthFew)
	few = measure(growthFew)
	grow(growthFew, growthMany)
	measure(growthMany)
	return few, measure(growthMany)
}

// BenchmarkGrowth is how many messages a second are accepted and stepped, of citizens drawn at random, with 10,000 conversations
// and with a million in the same store, and what plainGrowth makes of the same. One pod, one transaction at a time.
func BenchmarkGrowth(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			open, tidy := e.open, func() {}
			if e.name == "postgres" {
				uri := migratedPostgres(b)
				db, err := sql.Open("pgx", uri)
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				open, tidy = func(tb testing.TB) store.Store { return openPostgresAt(tb, uri) }, func() { vacuumed(b, db) }
			}
			p := newParts(b, open(b))
			p.write(growthMany) // the first, whose state the others have
			var state []byte
			if _, err := p.store.Turn(b.Context(), 1, func(lane store.Lane) (store.Outcome, error) {
				out, err := p.stepper.step(lane)
				state = out.State
				return out, err
			}); err != nil || len(state) == 0 {
				b.Fatalf("no state: %v", err)
			}
			p.send()
			grow := func(from, to int) {
				for ; from < to; from += growthPart {
					if err := p.store.Write(context.Background(), func(tx acts.Tx) error {
						for _, q := range fill[e.name] {
							args := []any{int64(from), int64(min(to, from+growthPart)), state}
							if q[:4] != "WITH" && q[:4] != "INSE" {
								args = nil
							}
							if err := run(tx, q, args); err != nil {
								return err
							}
						}
						return nil
					}); err != nil {
						b.Fatal(err)
					}
				}
				tidy()
			}
			measure := func(citizens int) (accepted, stepped float64) {
				var accept, step time.Duration
				for range growthRounds {
					some := make([]int, growthSize)
					for i := range some {
						some[i] = rand.IntN(citizens)
					}
					began := time.Now()
					p.write(some...)
					accept += time.Since(began)
					began = time.Now()
					p.answer(16)
					step += time.Since(began)
				}
				p.send()
				return growthRounds * growthSize / accept.Seconds(), growthRounds * growthSize / step.Seconds()
			}
			grow(0, growthFew)
			measure(growthFew) // what is read for the first time
			acceptFew, stepFew := measure(growthFew)
			grow(growthFew, growthMany)
			measure(growthMany)
			acceptMany, stepMany := measure(growthMany)
			b.ReportMetric(acceptFew, "accepted/s-of-10k")
			b.ReportMetric(acceptMany, "accepted/s-of-1M")
			b.ReportMetric(stepFew, "steps/s-of-10k")
			b.ReportMetric(stepMany, "steps/s-of-1M")
			b.ReportMetric(acceptMany/acceptFew, "accepted-1M-to-10k")
			b.ReportMetric(stepMany/stepFew, "steps-1M-to-10k")
			plainFew, plainMany := plainGrowth(b, e, state)
			b.ReportMetric(plainMany/plainFew, "plain-1M-to-10k")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// run runs a statement that may or may not have rows.
func run(tx acts.Tx, query string, args []any) error {
	if query[:4] != "SELE" {
		_, err := tx.Exec(query, args...)
		return err
	}
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}
