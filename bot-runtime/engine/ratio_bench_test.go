package engine

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	_ "github.com/jackc/pgx/v5/stdlib" // the plain inserts' drivers
	_ "modernc.org/sqlite"

	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
)

// engines are the two stores, each with a plain database of its kind beside it.
var engines = []engineUnderBench{
	{"sqlite", 1, func(tb testing.TB) store.Store { return openSQLite(tb, filepath.Join(tb.TempDir(), "loket.db")) },
		func(tb testing.TB) *plainTable {
			return newPlainTable(tb, "sqlite", "file:"+filepath.Join(tb.TempDir(), "plain.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", 1)
		}},
	{"postgres", 2, openPostgres, func(tb testing.TB) *plainTable { return newPlainTable(tb, "pgx", pgtest.Database(tb), 64) }},
}

type engineUnderBench struct {
	name     string
	steppers int // that one pod has on it
	open     func(testing.TB) store.Store
	// plain is a database with one table, written by as many connections as that kind takes.
	plain func(testing.TB) *plainTable
}

// plainTable is what a program would write to that wants nothing but the messages: one table with the dedupe key.
type plainTable struct {
	db     *sql.DB
	serial atomic.Int64
}

func newPlainTable(tb testing.TB, driver, dsn string, connections int) *plainTable {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if _, err := db.ExecContext(tb.Context(), `CREATE TABLE plain (id BIGINT PRIMARY KEY, channel TEXT NOT NULL, ext_id TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL,
		UNIQUE (channel, ext_id))`); err != nil {
		tb.Fatal(err)
	}
	return &plainTable{db: db}
}

// insert writes messages in one statement, which is one durable transaction.
func (p *plainTable) insert(ctx context.Context, batch store.Batch) error {
	rows, args := make([]string, 0, len(batch.Messages)), make([]any, 0, 5*len(batch.Messages))
	for _, m := range batch.Messages {
		body, err := json.Marshal(m.Body)
		if err != nil {
			return err
		}
		n := len(args)
		rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5))
		args = append(args, p.serial.Add(1), m.Channel, m.ExternalID, m.At.UnixMicro(), string(body))
	}
	_, err := p.db.ExecContext(ctx, `INSERT INTO plain (id, channel, ext_id, at, body) VALUES `+strings.Join(rows, ", ")+` ON CONFLICT DO NOTHING`, args...)
	return err
}

// words are as long as what citizens write on the whole.
const words = "Selamat siang, saya mau tanya apakah PT Dana Mekar Sejahtera sudah berizin, karena kemarin saya ditawari pinjaman lewat pesan singkat."

// knownCitizens write in turn.
const knownCitizens = 2000

// webhookOf is a webhook of n text messages, each of another citizen, as Meta signs it.
func webhookOf(serial *atomic.Int64, n int) (body, signature string) {
	var contacts, messages []string
	for range n {
		i := serial.Add(1)
		from := fmt.Sprintf("62811%06d", i%knownCitizens)
		contacts = append(contacts, fmt.Sprintf(`{"profile":{"name":"Siti"},"wa_id":%q,"user_id":"ID.%s"}`, from, from))
		messages = append(messages, fmt.Sprintf(`{"from":%q,"from_user_id":"ID.%s","id":"wamid.%d","timestamp":"%d","type":"text","text":{"body":%q}}`,
			from, from, i, time.Now().Unix(), words))
	}
	body = `{"object":"whatsapp_business_account","entry":[{"id":"20002","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"6281","phone_number_id":"10001"},"contacts":[` + strings.Join(contacts, ",") +
		`],"messages":[` + strings.Join(messages, ",") + `]}}]}]}`
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(body))
	return body, "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// together calls do n times from so many callers, and returns how long all took.
func together(n, callers int, do func(i int)) time.Duration {
	var all sync.WaitGroup
	began := time.Now()
	for first := range callers {
		all.Go(func() {
			for i := first; i < n; i += callers {
				do(i)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

// BenchmarkIntakeBesideInserts is how many messages a second are acknowledged durably (signature, parsing, commit) by webhooks of 1
// and of 50 messages, and how many plain inserts of as many rows by as many callers reach in the same run.
func BenchmarkIntakeBesideInserts(b *testing.B) {
	for _, e := range engines {
		for size, callers := range map[int]int{1: 64, 50: 8} {
			b.Run(fmt.Sprintf("%s/%d a call", e.name, size), func(b *testing.B) {
				s, plain := e.open(b), e.plain(b)
				receiver := newGraph(b).connect(b)("wa", counting().Channels[0].Spec, Doors{}).Receiver
				committer := newCommitter(s, time.Now, func(error) {}, func(store.Accepted) {})
				stop := make(chan struct{})
				go committer.run(stop)
				defer func() { close(stop); <-committer.stopped }()
				var serial atomic.Int64
				round := func(n int) (ours, theirs time.Duration) {
					bodies, signatures := make([]string, n), make([]string, n)
					for i := range n {
						bodies[i], signatures[i] = webhookOf(&serial, size)
					}
					batches := make([]store.Batch, n)
					ours = together(n, callers, func(i int) {
						r := httptest.NewRequest(http.MethodPost, "/hooks/wa", strings.NewReader(bodies[i]))
						r.Header.Set("X-Hub-Signature-256", signatures[i])
						batch, refusal := receiver.Receive(r, []byte(bodies[i]))
						if refusal != nil {
							b.Errorf("refused: %+v", refusal)
							return
						}
						if err := committer.Accept(batch); err != nil {
							b.Error(err)
						}
						batches[i] = batch
					})
					theirs = together(n, callers, func(i int) {
						if err := plain.insert(b.Context(), batches[i]); err != nil {
							b.Error(err)
						}
					})
					return ours, theirs
				}
				// First everybody writes once: most of those who write have written before.
				round(max(callers, knownCitizens/size))
				var ours, theirs time.Duration
				b.ResetTimer()
				for left := b.N; left > 0; left -= min(left, 8*callers) { // in turns, so that both see the same machine
					one, other := round(min(left, 8*callers))
					ours, theirs = ours+one, theirs+other
				}
				b.ReportMetric(float64(b.N*size)/ours.Seconds(), "messages/s")
				b.ReportMetric(float64(b.N*size)/theirs.Seconds(), "plain-rows/s")
				b.ReportMetric(theirs.Seconds()/ours.Seconds(), "of-plain")
			})
		}
	}
}

// BenchmarkStepBesideWrites is how many steps a second a whole turn makes (dialog, texts, state), 16 lanes a transaction, and how
// many the same transaction makes in the same run with an outcome that is there already.
func BenchmarkStepBesideWrites(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			p := newParts(b, e.open(b))
			const round, lanes = 320, 16
			next := 0
			var ready store.Outcome
			turns := func(step func(store.Lane) (store.Outcome, error)) time.Duration {
				some := make([]int, round)
				for i := range some {
					some[i] = next % 10_000
					next++
				}
				p.write(some...)
				began := time.Now()
				for left := round; left > 0; {
					n, err := p.store.Turn(b.Context(), lanes, step)
					if err != nil || n == 0 {
						b.Fatalf("%d lanes were stepped: %v", n, err)
					}
					left -= n
				}
				return time.Since(began)
			}
			whole := func(lane store.Lane) (store.Outcome, error) {
				out, err := p.stepper.step(lane)
				if len(out.Send) == 1 {
					ready = out
				}
				return out, err
			}
			bare := func(lane store.Lane) (store.Outcome, error) {
				out := ready
				out.Handled = []int64{lane.Inbox[0].ID}
				out.Send = []store.Outgoing{ready.Send[0]}
				out.Send[0].ID = uuid.NewString()
				return out, nil
			}
			turns(whole) // what is ready from here on, and tables that are not empty any more
			if len(ready.Send) == 0 {
				b.Fatal("the flow answers nothing")
			}
			turns(bare)
			var full, writes time.Duration
			const rounds = 8
			for range rounds { // in turns, so that both see the same machine
				full += turns(whole)
				writes += turns(bare)
			}
			b.ReportMetric(rounds*round/full.Seconds(), "steps/s")
			b.ReportMetric(rounds*round/writes.Seconds(), "bare-writes/s")
			b.ReportMetric(writes.Seconds()/full.Seconds(), "of-bare")
			b.ReportMetric(0, "ns/op")
		})
	}
}
