package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/channel/whatsapp"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const appSecret = "a secret of the benchmark"

// graph is a Graph API that accepts everything and notes when.
type graph struct {
	*httptest.Server
	mu    sync.Mutex
	seen  map[string]time.Time // text → when
	all   chan struct{}
	await int
}

// expect gives a channel that is closed when so many texts have come in all.
func (g *graph) expect(n int) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all, g.await = make(chan struct{}), n
	return g.all
}

func newGraph(tb testing.TB) *graph {
	g := &graph{seen: map[string]time.Time{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			Text struct {
				Body string `json:"body"`
			} `json:"text"`
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		g.seen[call.Text.Body] = time.Now()
		n := len(g.seen)
		if n == g.await {
			close(g.all)
		}
		g.mu.Unlock()
		fmt.Fprintf(w, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.%d"}]}`, n)
	}))
	tb.Cleanup(g.Close)
	return g
}

// connect makes real WhatsApp connections to the graph.
func (g *graph) connect(tb testing.TB) Connect {
	dir := tb.TempDir()
	for key, value := range map[string]string{"accessToken": "t", "appSecret": appSecret, "verifyToken": "v"} {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	u, err := url.Parse(g.URL)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		tb.Fatal(err)
	}
	client := outbound.New(outbound.Options{Allow: []outbound.Rule{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Ports: []uint16{uint16(port)}}}})
	tb.Cleanup(client.CloseIdle)
	return func(name string, spec v1alpha1.ChannelSpec, _ Doors) Connection {
		number := whatsapp.New(whatsapp.Config{Name: name, PhoneNumberID: spec.WhatsApp.PhoneNumberID, BusinessAccountID: spec.WhatsApp.BusinessAccountID,
			APIBase: g.URL + "/v26.0", CredentialsDir: dir, Client: client})
		return Connection{Sender: number, Receiver: number, Window: message.Window, Rate: 1_000_000}
	}
}

// signed is a webhook of one text message, as Meta sends it.
func signed(from, id, text string) *http.Request {
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"20002","changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"display_phone_number":"6281","phone_number_id":"10001"},`+
		`"contacts":[{"profile":{"name":"Siti"},"wa_id":%q,"user_id":"ID.%s"}],`+
		`"messages":[{"from":%q,"from_user_id":"ID.%s","id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`,
		from, from, from, from, id, time.Now().Unix(), text)
	r := httptest.NewRequest(http.MethodPost, "/hooks/wa", strings.NewReader(body))
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(body))
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

// wholeWay is what a tenant's messages go: a signed webhook in, a durable 200, the dialog's step, the call to the Graph API and
// its settlement, of 6,400 citizens who write in turn.
type wholeWay struct {
	b     *testing.B
	graph *graph
	x     *tenantUnderTest
	began []time.Time
	acks  []time.Duration
}

// openWay opens one that n messages will go.
func openWay(b *testing.B, e engineUnderBench, n int) *wholeWay {
	b.Helper()
	p := &wholeWay{b: b, graph: newGraph(b), began: make([]time.Time, n), acks: make([]time.Duration, n)}
	p.x = startOn(b, e.open(b), newWire(), func(o *Options) { o.Connect, o.Steppers = p.graph.connect(b), e.steppers })
	p.x.apply(counting())
	return p
}

// write sends message n in, and returns when it is acknowledged.
func (p *wholeWay) write(n int) {
	p.began[n] = time.Now()
	w := httptest.NewRecorder()
	p.x.hooks.ServeHTTP(w, signed(fmt.Sprintf("62811%06d", n%6400), fmt.Sprintf("wamid.%d", n), fmt.Sprint(n)))
	if w.Code != http.StatusOK {
		body, _ := io.ReadAll(w.Body)
		p.b.Errorf("message %d was answered %d %s", n, w.Code, body)
	}
	p.acks[n] = time.Since(p.began[n])
}

// full writes the messages up to n, 64 of which are on their way at any time, and waits for their answers.
func (p *wholeWay) full(n int) time.Duration {
	answered := p.graph.expect(n)
	began := time.Now()
	together(n, 64, p.write)
	p.wait(answered)
	return time.Since(began)
}

func (p *wholeWay) wait(answered <-chan struct{}) {
	p.b.Helper()
	select {
	case <-answered:
	case <-time.After(time.Minute):
		p.b.Fatalf("%d messages were answered", len(p.graph.seen))
	}
}

// answers are how long it took from each webhook, from message first on, to the call that answers it.
func (p *wholeWay) answers(first int) []time.Duration {
	p.graph.mu.Lock()
	defer p.graph.mu.Unlock()
	var out []time.Duration
	for text, at := range p.graph.seen {
		asked, _, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(asked)
		if err != nil {
			p.b.Fatal(err)
		}
		if n >= first {
			out = append(out, at.Sub(p.began[n]))
		}
	}
	return out
}

// BenchmarkWebhookToSend is the whole path under full load: 64 messages are on their way at any time.
func BenchmarkWebhookToSend(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			p := openWay(b, e, b.N)
			b.ResetTimer()
			took := p.full(b.N)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/took.Seconds(), "msgs/s")
			report(b, "ack", p.acks)
			report(b, "answer", p.answers(0))
			p.x.end()
		})
	}
}

// BenchmarkAtHalfLoad is how long a citizen waits where the machine is not full: messages come at random, half as many a second as
// it took at most a moment ago. What a commit costs at the least stands beside it: one fsync of the same disk.
func BenchmarkAtHalfLoad(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			const probe, messages = 4000, 6000
			p := openWay(b, e, probe+messages)
			most := float64(probe) / p.full(probe).Seconds()
			answered := p.graph.expect(probe + messages)
			chance := rand.New(rand.NewPCG(157, 1))
			var all sync.WaitGroup
			next := time.Now()
			for n := range messages {
				next = next.Add(time.Duration(chance.ExpFloat64() / (most / 2) * float64(time.Second)))
				time.Sleep(time.Until(next))
				all.Go(func() { p.write(probe + n) })
			}
			all.Wait()
			p.wait(answered)
			sync := fsync(b)
			b.ReportMetric(most/2, "msgs/s")
			b.ReportMetric(float64(sync.Microseconds())/1000, "ms-fsync")
			acks, answers := p.acks[probe:], p.answers(probe)
			report(b, "ack", acks)
			report(b, "answer", answers)
			b.ReportMetric(float64(acks[len(acks)*99/100])/float64(sync), "fsyncs-ack-p99")
			b.ReportMetric(float64(answers[len(answers)*99/100])/float64(sync), "fsyncs-answer-p99")
			b.ReportMetric(0, "ns/op")
			p.x.end()
		})
	}
}

// fsync is the median of how long a page takes to be on the disk.
func fsync(b *testing.B) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "page"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	times := make([]time.Duration, 200)
	for i := range times {
		began := time.Now()
		if _, err := f.WriteAt(make([]byte, 8192), 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func openPostgres(tb testing.TB) store.Store {
	tb.Helper()
	return openPostgresAt(tb, migratedPostgres(tb))
}

func openPostgresAt(tb testing.TB, uri string) store.Store {
	tb.Helper()
	s, err := openURI(uri)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(tb.Context()); err != nil { // nothing to do, and the store knows
		tb.Fatal(err)
	}
	return s
}

func report(b *testing.B, what string, times []time.Duration) {
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "ms-"+what+"-p50")
	b.ReportMetric(at(0.99), "ms-"+what+"-p99")
}
