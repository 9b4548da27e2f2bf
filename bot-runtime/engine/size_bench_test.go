package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// parts is a tenant whose loops do not run: a benchmark turns each wheel itself.
type parts struct {
	*tenantUnderTest
	b      *testing.B
	store  database
	serial int
}

func newParts(b *testing.B, s store.Store) *parts {
	b.Helper()
	x := startOn(b, s, newWire(), nil)
	x.apply(counting())
	x.end() // its loops; what it serves stays
	return &parts{tenantUnderTest: x, b: b, store: s.(database)}
}

// citizenNumber is the phone of the n-th citizen.
func citizenNumber(n int) string { return fmt.Sprintf("62811%09d", n) }

// write has citizens write a message each.
func (p *parts) write(citizens ...int) {
	p.b.Helper()
	var batch store.Batch
	for _, c := range citizens {
		p.serial++
		batch.Messages = append(batch.Messages, store.Inbound{Channel: "wa", ExternalID: fmt.Sprintf("wamid.%d", p.serial), At: time.Now(), DisplayName: "Siti",
			Identities: []message.Identity{{Scope: "20002", Kind: message.IdentityPhone, Value: citizenNumber(c)}}, // of the number's account
			Body:       message.In{Kind: message.InText, Text: words}})
	}
	if _, err := p.store.Accept(p.b.Context(), batch); err != nil {
		p.b.Fatal(err)
	}
}

// answer steps all that is due, k lanes a transaction.
func (p *parts) answer(k int) (steps int) {
	p.b.Helper()
	for {
		n, err := p.store.Turn(p.b.Context(), k, p.stepper.step)
		if err != nil {
			p.b.Fatal(err)
		}
		if n == 0 {
			return steps
		}
		steps += n
	}
}

// send hands over all that waits to a platform that takes everything.
func (p *parts) send() {
	p.b.Helper()
	for {
		sends, err := p.store.ClaimSends(p.b.Context(), []string{"wa"}, 100, time.Minute, 1_000_000)
		if err != nil {
			p.b.Fatal(err)
		}
		if len(sends) == 0 {
			return
		}
		var done []store.Settlement
		for _, s := range sends {
			done = append(done, store.Settlement{ID: s.ID, Attempt: s.Attempt, SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "wamid." + s.ID}})
		}
		if _, err := p.store.Settle(p.b.Context(), done); err != nil {
			p.b.Fatal(err)
		}
	}
}

// talk has citizens from one number to another exchange a message and an answer each.
func (p *parts) talk(from, to int) {
	p.b.Helper()
	for ; from < to; from += 500 {
		var some []int
		for c := from; c < min(to, from+500); c++ {
			some = append(some, c)
		}
		p.write(some...)
		p.answer(64)
		p.send()
	}
}

// number reads one.
func (p *parts) number(query string) (n int64) {
	p.b.Helper()
	if err := p.store.Read(context.Background(), func(tx acts.Tx) error {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	}); err != nil {
		p.b.Fatal(err)
	}
	return n
}

// kept is how many bytes the tables and indexes have in which something stays; the queues' rows go.
var kept = map[string]string{
	"sqlite": `SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s`,
	"postgres": `SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
		AND c.relname NOT IN ('inbox', 'runnable', 'outbox', 'out_lane', 'status')`,
}

// BenchmarkStored is how many bytes a conversation takes with its first message and answer, and each further message, in or out.
func BenchmarkStored(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			const citizens, more = 2000, 3
			p := newParts(b, e.open(b))
			empty := p.number(kept[e.name])
			p.talk(0, citizens)
			once := p.number(kept[e.name])
			for range more {
				p.talk(0, citizens)
			}
			b.ReportMetric(float64(once-empty)/citizens, "bytes/conversation")
			b.ReportMetric(float64(p.number(kept[e.name])-once)/(citizens*more*2), "bytes/message")
			b.ReportMetric(0, "ns/op") // nothing is timed
		})
	}
}

// BenchmarkOpenConversations is how much more memory a pod's heap holds once 10,000 citizens wait for their next question.
func BenchmarkOpenConversations(b *testing.B) {
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			const citizens, together = 10_000, 50
			w := newWire()
			x := startOn(b, e.open(b), w, func(o *Options) { o.Steppers = 2 })
			x.apply(counting())
			before := heap()
			for c := 0; c < citizens; c += together {
				var posts []post
				for i := range together {
					posts = append(posts, post{ID: fmt.Sprintf("wamid.%d", c+i), From: citizenNumber(c + i), Text: words})
				}
				if code := x.deliver(posts...); code != http.StatusOK {
					b.Fatalf("a webhook was answered %d", code)
				}
			}
			deadline := time.Now().Add(2 * time.Minute)
			for answered := 0; answered < citizens; {
				if time.Now().After(deadline) {
					b.Fatalf("%d of %d citizens were answered", answered, citizens)
				}
				time.Sleep(50 * time.Millisecond)
				w.mu.Lock()
				answered = len(w.handed)
				w.mu.Unlock()
			}
			w.mu.Lock()
			w.handed = nil // of the wire, not of the pod
			w.mu.Unlock()
			b.ReportMetric((heap()-before)/(1<<20), "MiB/10000-open")
			b.ReportMetric(0, "ns/op")
			x.end()
		})
	}
}

// BenchmarkSendWithFaults is how many messages a second the platform takes while it refuses a share of the calls for now (each is
// called again after a rest), and how many calls that makes.
func BenchmarkSendWithFaults(b *testing.B) {
	for _, e := range engines {
		for _, percent := range []int{0, 10, 50} {
			b.Run(fmt.Sprintf("%s/%d%%", e.name, percent), func(b *testing.B) {
				const queued, measured = 3000, 2000
				p := newParts(b, e.open(b))
				for c := 0; c < queued; c += 500 {
					for at := c; at < c+500; at += 100 {
						var some []int
						for i := range 100 {
							some = append(some, at+i)
						}
						p.write(some...)
					}
					p.answer(64)
				}
				var calls, taken atomic.Int64
				enough := make(chan struct{})
				g := &graph{Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					n := calls.Add(1)
					if rand.IntN(100) < percent {
						w.WriteHeader(http.StatusInternalServerError)
						fmt.Fprint(w, `{"error":{"message":"(#131000) Something went wrong","code":131000}}`)
					} else {
						taken.Add(1)
						fmt.Fprintf(w, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.%d"}]}`, n)
					}
					if n == measured {
						close(enough)
					}
				}))}
				b.Cleanup(g.Close)
				live := *p.Live()
				live.Channels = map[string]*Channel{"wa": {Name: "wa", Connection: g.connect(b)("wa", counting().Channels[0].Spec, Doors{})}}
				again := newSignal()
				s := newSender(p.store, DefaultTiming, func() *Live { return &live }, time.Now,
					newReporter(newMetrics(prometheus.NewRegistry()), logr.Discard(), time.Now), func() {}, func() bool { return false }, again)
				b.ResetTimer()
				began := time.Now()
				for open := true; open; {
					if _, err := s.some(b.Context()); err != nil {
						b.Fatal(err)
					}
					select {
					case <-enough:
						open = false
					case <-again:
					case <-time.After(pollSoonest): // what rests is due some time
					}
				}
				took := time.Since(began).Seconds()
				accepted := float64(taken.Load())
				s.calls.Wait()
				b.ReportMetric(accepted/took, "messages/s")
				b.ReportMetric(measured/took, "calls/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
