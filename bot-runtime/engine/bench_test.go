package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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

func newGraph(tb testing.TB, await int) *graph {
	g := &graph{seen: map[string]time.Time{}, all: make(chan struct{}), await: await}
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

// BenchmarkWebhookToSend is the whole path: a signed webhook in, a durable 200, the dialog's step, the call to the Graph API
// and its settlement. 64 messages are on their way at any time, of 6,400 citizens who write in turn.
func BenchmarkWebhookToSend(b *testing.B) {
	for name, open := range map[string]func(testing.TB) (s store.Store, steppers int){
		"sqlite": func(tb testing.TB) (store.Store, int) {
			return openSQLite(tb, filepath.Join(tb.TempDir(), "loket.db")), 1
		},
		"postgres": func(tb testing.TB) (store.Store, int) { return openPostgres(tb), 2 },
	} {
		b.Run(name, func(b *testing.B) {
			const atOnce, citizens = 64, 6400
			s, steppers := open(b)
			g := newGraph(b, b.N)
			x := startOn(b, s, newWire(), func(o *Options) { o.Connect, o.Steppers = g.connect(b), steppers })
			x.apply(counting())
			began := make([]time.Time, b.N)
			acks := make([]time.Duration, b.N)
			var all sync.WaitGroup
			b.ResetTimer()
			for first := range atOnce {
				all.Go(func() {
					for n := first; n < b.N; n += atOnce {
						began[n] = time.Now()
						w := httptest.NewRecorder()
						x.hooks.ServeHTTP(w, signed(fmt.Sprintf("62811%06d", n%citizens), fmt.Sprintf("wamid.%d", n), fmt.Sprint(n)))
						if w.Code != http.StatusOK {
							body, _ := io.ReadAll(w.Body)
							b.Errorf("message %d was answered %d %s", n, w.Code, body)
						}
						acks[n] = time.Since(began[n])
					}
				})
			}
			all.Wait()
			select {
			case <-g.all:
			case <-time.After(time.Minute):
				b.Fatalf("%d of %d messages were answered", len(g.seen), b.N)
			}
			b.StopTimer()
			ends := make([]time.Duration, 0, b.N)
			g.mu.Lock()
			for text, at := range g.seen {
				asked, _, _ := strings.Cut(text, ":")
				n, err := strconv.Atoi(asked)
				if err != nil {
					b.Fatal(err)
				}
				ends = append(ends, at.Sub(began[n]))
			}
			g.mu.Unlock()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			report(b, "ack", acks)
			report(b, "answer", ends)
			x.end()
		})
	}
}

func openPostgres(tb testing.TB) store.Store {
	tb.Helper()
	s, err := openURI(migratedPostgres(tb))
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
