package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/sqlite"
)

// patience bounds what a test waits for; nothing is asserted of how long it takes.
const patience = time.Minute

// handed is one message that reached a citizen.
type handed struct {
	Citizen, Text, Ref string
}

// wire is a platform without a wire: what citizens write goes in by POST, what the bot says is kept here.
type wire struct {
	mu      sync.Mutex
	handed  []handed
	news    chan struct{}
	verdict func(store.Send) channel.Verdict // nil: accepted
	ok      bool
}

func newWire() *wire { return &wire{news: make(chan struct{}), ok: true} }

func (w *wire) Send(_ context.Context, s store.Send) channel.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	verdict := channel.Verdict{SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: uuid.NewString()}}
	if w.verdict != nil {
		if verdict = w.verdict(s); verdict.Outcome != store.SendAccepted {
			return verdict
		}
	}
	w.handed = append(w.handed, handed{s.Identities[0].Value, s.Body.Text, s.ID})
	close(w.news)
	w.news = make(chan struct{})
	return verdict
}

func (w *wire) Health() bundle.Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bundle.Health{OK: w.ok}
}

// said waits until n messages reached a citizen and returns their texts.
func (w *wire) said(t testing.TB, citizen string, n int) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		var texts []string
		for _, h := range w.handed {
			if h.Citizen == citizen {
				texts = append(texts, h.Text)
			}
		}
		news := w.news
		w.mu.Unlock()
		if len(texts) >= n {
			return texts
		}
		select {
		case <-news:
		case <-deadline:
			t.Fatalf("%s got %d messages, want %d: %q", citizen, len(texts), n, texts)
		}
	}
}

// post is the body of the wire's webhook.
type post struct {
	ID, From, Text string
	At             time.Time
}

func (w *wire) Receive(_ *http.Request, body []byte) (store.Batch, *channel.Refusal) {
	var posts []post
	if err := json.Unmarshal(body, &posts); err != nil {
		return store.Batch{}, &channel.Refusal{Status: http.StatusBadRequest, Reason: "malformed"}
	}
	var b store.Batch
	for _, p := range posts {
		if p.At.IsZero() {
			p.At = time.Now()
		}
		b.Messages = append(b.Messages, store.Inbound{Channel: "wa", ExternalID: p.ID, At: p.At,
			Identities: []message.Identity{{Scope: "wa", Kind: message.IdentityPhone, Value: p.From}},
			Body:       message.In{Kind: message.InText, Text: p.Text}})
	}
	return b, nil
}

// tenantUnderTest is an engine on a real store with a wire.
type tenantUnderTest struct {
	*Engine
	testing.TB
	wire     *wire
	hooks    http.Handler
	registry *prometheus.Registry
	hash     string
	end      func()
}

// startOn runs an engine on a store.
func startOn(t testing.TB, s store.Store, w *wire, change func(*Options)) *tenantUnderTest {
	t.Helper()
	registry := prometheus.NewRegistry()
	o := Options{Store: s, Roles: Roles{Bot: true}, PodName: "bot-0", CleanStart: true, Registerer: registry, Log: testr.NewWithInterface(quietly{t}, testr.Options{}),
		Connect: func(string, v1alpha1.ChannelSpec, Doors) Connection {
			return Connection{Sender: w, Receiver: w, Rate: 1_000_000, Window: message.Window}
		}}
	if change != nil {
		change(&o)
	}
	e := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { e.Run(ctx); close(done) }()
	var once sync.Once
	x := &tenantUnderTest{Engine: e, TB: t, wire: w, hooks: e.Hooks(), registry: registry}
	x.end = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(x.end)
	return x
}

// quietly shows the engine's log only where the test fails.
type quietly struct{ testing.TB }

func (q quietly) Log(args ...any) {
	if testing.Verbose() {
		q.TB.Log(args...)
	}
}

func start(t testing.TB) *tenantUnderTest {
	t.Helper()
	return startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), nil)
}

func openSQLite(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// apply puts a bundle of flows, all answering on channel wa by the first, and waits until it is live.
func (x *tenantUnderTest) apply(objects bundle.Objects) {
	x.Helper()
	e := bundle.Wrap(bundle.From(objects))
	body, err := json.Marshal(e)
	if err != nil {
		x.Fatal(err)
	}
	if err := x.PutBundle(context.Background(), e, x.hash, body); err != nil {
		x.Fatalf("putting the bundle: %v", err)
	}
	x.hash = e.Hash
	x.until("the bundle is live", func() bool { return x.Live().Hash == e.Hash })
}

// until waits for a condition that only a poll can see.
func (x *tenantUnderTest) until(what string, holds func() bool) {
	x.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			x.Fatalf("waited in vain until %s", what)
		}
	}
}

// deliver posts messages as one webhook and returns the status.
func (x *tenantUnderTest) deliver(posts ...post) int {
	x.Helper()
	body, err := json.Marshal(posts)
	if err != nil {
		x.Fatal(err)
	}
	w := httptest.NewRecorder()
	x.hooks.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/wa", strings.NewReader(string(body))))
	return w.Code
}

// counter is the value of a metric, summed over its labels.
func (x *tenantUnderTest) counter(name string) float64 {
	x.Helper()
	families, err := x.registry.Gather()
	if err != nil {
		x.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// counting is a flow that answers the text n with "n:count", so that lost, doubled or reordered state shows.
func counting() bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{
		Start: "count",
		Variables: []v1alpha1.VariableDeclaration{
			{Name: "n", Type: v1alpha1.VariableNumber}, {Name: "said", Type: v1alpha1.VariableString}, {Name: "typed", Type: v1alpha1.VariableString}},
		Nodes: []v1alpha1.Node{
			{Name: "count", Next: "answer", Set: &v1alpha1.Set{Variables: []v1alpha1.Assignment{
				{Name: "n", Value: "n + 1.0"}, {Name: "said", Value: "input.text"}}}},
			{Name: "answer", Next: "count", Ask: &v1alpha1.Ask{As: "typed", Type: v1alpha1.AskText,
				Text: v1alpha1.Text{"id": "{{ said }}:{{ n }}"}}},
		},
	}}
	flow.Name = "count"
	return tenantWith(flow)
}

// ringing is counting that asks a service before each answer.
func ringing() bundle.Objects {
	o := counting()
	flow := &o.Flows[0]
	flow.Spec.Nodes[0].Next = "ring"
	flow.Spec.Nodes = append(flow.Spec.Nodes, v1alpha1.Node{Name: "ring", Next: "answer", Call: &v1alpha1.Call{Method: v1alpha1.CallPost,
		URL: "https://service.example/{{ said }}", Timeout: metav1.Duration{Duration: 50 * time.Millisecond}, Otherwise: "answer"}})
	return o
}

func tenantWith(flows ...v1alpha1.DialogFlow) bundle.Objects {
	o := bundle.Objects{Flows: flows}
	o.Tenant.Name = "ojk"
	o.Tenant.Spec = v1alpha1.BotTenantSpec{DisplayName: v1alpha1.Text{"id": "OJK"}, Languages: []v1alpha1.Language{"id"}, TimeZone: "Asia/Jakarta"}
	wa := v1alpha1.Channel{Spec: v1alpha1.ChannelSpec{Flow: v1alpha1.ObjectName(flows[0].Name), WhatsApp: &v1alpha1.WhatsAppChannel{
		PhoneNumberID: "10001", BusinessAccountID: "20002", SecretName: "wa"}}}
	wa.Name = "wa"
	o.Channels = []v1alpha1.Channel{wa}
	return o
}

// numbered are the texts "1:1", "2:2" … to n.
func numbered(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%d:%d", i+1, i+1)
	}
	return texts
}
