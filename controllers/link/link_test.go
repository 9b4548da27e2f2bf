package link

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

var name = types.NamespacedName{Namespace: "ojk", Name: "ojk"}

// talk connects one tenant, whose bundle has one flow, to a runtime that answers with handler.
func talk(t *testing.T, handler http.HandlerFunc) (*Links, Target) {
	t.Helper()
	server := httptest.NewServer(handler)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	links := New(Options{Log: logr.Discard(), Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}})
	target := Target{
		Tenant: name, UID: "uid", Address: "ojk-internal.ojk.svc:8081", Envelope: envelope("welcome"),
		Signer: func(time.Time) (string, ed25519.PrivateKey) { return "k1", key },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = links.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		server.CloseClientConnections()
		server.Close()
		goleak.VerifyNone(t)
	})
	links.Connect(target)
	return links, target
}

func envelope(start v1alpha1.Name) bundle.Envelope {
	return bundle.Wrap(bundle.From(bundle.Objects{Flows: []v1alpha1.DialogFlow{
		{ObjectMeta: metav1.ObjectMeta{Name: "kontak157", Generation: 1}, Spec: v1alpha1.DialogFlowSpec{Start: start}},
	}}))
}

// until waits for what a View shall show; whoever is woken looks again, and so does this.
func until(t *testing.T, links *Links, what string, ok func(View) bool) View {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if v := links.View(name); ok(v) {
			return v
		}
		select {
		case <-deadline:
			v := links.View(name)
			t.Fatalf("never %s; fault %+v, status %+v", what, v.Fault, v.Status)
		case <-tick.C:
		}
	}
}

func answer(w http.ResponseWriter, s bundle.Status) { _ = json.NewEncoder(w).Encode(s) }

func TestAStatusThatIsTooLongIsNotRead(t *testing.T) {
	links, _ := talk(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"etag":"a","durability":"`))
		for range 200 {
			_, _ = w.Write([]byte(strings.Repeat("x", 1024)))
		}
		_, _ = w.Write([]byte(`"}`))
	})
	v := until(t, links, "a fault", func(v View) bool { return v.Fault != nil })
	if v.Status != nil || !v.Fault.Answered || !strings.Contains(v.Fault.Message, "more than") {
		t.Errorf("status %v, fault %+v", v.Status, v.Fault)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Bool
	links, _ := talk(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	until(t, links, "a fault", func(v View) bool { return v.Fault != nil && strings.Contains(v.Fault.Message, "302") })
	if followed.Load() {
		t.Error("the operator followed the runtime elsewhere")
	}
}

func TestWhatARuntimeSaysCannotPaintOverATerminalNorBreakAWrite(t *testing.T) {
	s := bundle.Status{
		Verdicts: []bundle.Verdict{{Kind: bundle.KindDialogFlow, Name: "kontak157"}},
		Channels: []bundle.Health{{Channel: "wa", Reason: "not a reason!", Message: "a\x1b[2Jb\n\u202ec"}},
		Pools:    []bundle.Pool{{Name: "p", WaitingForAgent: -5, Active: -1}},
	}
	for i := range 50 {
		s.Verdicts[0].Findings = append(s.Verdicts[0].Findings, bundle.Finding{
			Path: strings.Repeat("é", 300), Reason: fmt.Sprintf("Reason%d", i), Message: strings.Repeat("m", 10000)})
	}
	clean(&s)
	v, h, p := s.Verdicts[0], s.Channels[0], s.Pools[0]
	if len(v.Findings) != bundle.MaxFindings {
		t.Errorf("%d findings", len(v.Findings))
	}
	if n := len([]rune(v.Findings[0].Path)); n != maxPath {
		t.Errorf("a path of %d characters", n)
	}
	if n := len([]rune(v.Findings[0].Message)); n != maxMessage {
		t.Errorf("a message of %d characters", n)
	}
	if h.Reason != "Unhealthy" || h.Message != "a[2Jb c" {
		t.Errorf("health says %q: %q", h.Reason, h.Message)
	}
	if p.WaitingForAgent != 0 || p.Active != 0 {
		t.Errorf("negative backlog: %+v", p)
	}
}

func TestARefusedBundleDoesNotSilenceTheFigures(t *testing.T) {
	var active atomic.Int64
	links, _ := talk(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			http.Error(w, "the bundle is not to my taste", http.StatusBadRequest)
			return
		}
		n := active.Add(1)
		answer(w, bundle.Status{ETag: fmt.Sprint(n), PromiseSeconds: 2, Pools: []bundle.Pool{{Name: "p", Active: int(n)}}})
	})
	v := until(t, links, "figures beside a refusal", func(v View) bool {
		return v.Fault != nil && v.Fault.Answered && v.Pool("p") != nil && v.Pool("p").Active > 3
	})
	if v.Stale || !strings.Contains(v.Fault.Message, "not to my taste") {
		t.Errorf("stale %v, fault %+v", v.Stale, v.Fault)
	}
}

func TestARuntimeWithoutItsStoreIsNotGivenABundle(t *testing.T) {
	var puts atomic.Int64
	links, _ := talk(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		answer(w, bundle.Status{ETag: "not-open", PromiseSeconds: 50, StoreError: "the database does not answer"})
	})
	v := until(t, links, "the store's trouble", func(v View) bool { return v.Status != nil && v.Status.StoreError != "" })
	if v.Fault != nil || puts.Load() != 0 {
		t.Errorf("fault %+v, %d puts", v.Fault, puts.Load())
	}
}

func TestABundleWaitsForNoPoll(t *testing.T) {
	desired := make(chan string, 10)
	var current atomic.Value
	current.Store("")
	links, target := talk(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			if r.Header.Get("If-Match") != `"`+current.Load().(string)+`"` {
				http.Error(w, "another", http.StatusConflict)
				return
			}
			hash := <-desired
			current.Store(hash)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if etag := "e" + current.Load().(string); r.URL.Query().Get("since") == etag {
			<-r.Context().Done() // nothing is ever new: only an interrupted poll lets the next bundle through
			return
		}
		answer(w, bundle.Status{ETag: "e" + current.Load().(string), Desired: current.Load().(string), PromiseSeconds: 50})
	})
	desired <- target.Envelope.Hash
	until(t, links, "the first bundle", func(v View) bool { return v.Status != nil && v.Status.Desired == target.Envelope.Hash })
	next := target
	next.Envelope = envelope("menu")
	desired <- next.Envelope.Hash
	links.Connect(next)
	until(t, links, "the second bundle", func(v View) bool { return v.Status != nil && v.Status.Desired == next.Envelope.Hash })
}

func TestOnlyThoseAreWokenWhomItConcerns(t *testing.T) {
	before := &bundle.Status{
		Verdicts: []bundle.Verdict{{Kind: bundle.KindDialogFlow, Name: "a", Hash: "1"}, {Kind: bundle.KindDialogFlow, Name: "b", Hash: "1"}},
		Channels: []bundle.Health{{Channel: "wa", OK: true}},
		Pools:    []bundle.Pool{{Name: "p", Active: 1}, {Name: "q", Active: 1}},
	}
	for what, c := range map[string]struct {
		change func(*bundle.Status)
		woken  string
		tenant bool
	}{
		"nothing":                     {func(*bundle.Status) {}, "[]", false},
		"a pool's figures":            {func(s *bundle.Status) { s.Pools[0].Active = 2 }, "[{AgentPool p}]", false},
		"a flow, and its channels":    {func(s *bundle.Status) { s.Verdicts[1].Hash = "2" }, "[{DialogFlow b} {Channel wa}]", false},
		"a finding's words":           {func(s *bundle.Status) { s.Verdicts[0].Findings = []bundle.Finding{{Message: "m"}} }, "[{DialogFlow a} {Channel wa}]", false},
		"a channel's health":          {func(s *bundle.Status) { s.Channels[0].OK = false }, "[{Channel wa}]", false},
		"a pool that is gone":         {func(s *bundle.Status) { s.Pools = s.Pools[:1] }, "[{AgentPool q}]", false},
		"pods that run the bundle":    {func(s *bundle.Status) { s.PodsOnApplied = 3 }, "[]", true},
		"the store's trouble":         {func(s *bundle.Status) { s.StoreError = "down" }, "[]", true},
		"the clock, which is no news": {func(s *bundle.Status) { s.Now = s.Now.Add(time.Hour) }, "[]", false},
	} {
		t.Run(what, func(t *testing.T) {
			body, _ := json.Marshal(before)
			after := &bundle.Status{}
			if err := json.Unmarshal(body, after); err != nil {
				t.Fatal(err)
			}
			c.change(after)
			objects, tenant := changed(before, after)
			if got := fmt.Sprint(objects); got != c.woken || tenant != c.tenant {
				t.Errorf("woken are %s, the tenant %v; not %s, %v", got, tenant, c.woken, c.tenant)
			}
		})
	}
}

func TestAPromiseOutsideReasonIsNotBelieved(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{
		-1: bundle.PromiseBusy, 0: bundle.PromiseBusy, 2: 2 * time.Second, 50: 50 * time.Second, 1e9: bundle.PromiseIdle,
	} {
		if got := promised(&bundle.Status{PromiseSeconds: seconds}); got != want {
			t.Errorf("%v s becomes %s, not %s", seconds, got, want)
		}
	}
}

func TestBackOffGrowsWithinBounds(t *testing.T) {
	for failures := 1; failures < 100; failures++ {
		d := backOff(failures)
		if d < firstBackOff/2 || d > longestBackOff {
			t.Fatalf("after %d failures %s", failures, d)
		}
	}
}

func TestAMadeAnewTenantKnowsNothingOfTheOldOne(t *testing.T) {
	links, target := talk(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, bundle.Status{ETag: "a", PromiseSeconds: 50, StoreError: "x"})
	})
	until(t, links, "spoken to", func(v View) bool { return v.Status != nil })
	other := target
	other.UID = "another"
	other.Signer = func(time.Time) (string, ed25519.PrivateKey) { return "", nil } // cannot sign: stays silent
	links.Connect(other)
	if v := links.View(name); v.Status != nil {
		t.Error("the new tenant has the old one's status")
	}
	links.Disconnect(name)
	if v := links.View(name); v.Connected {
		t.Error("still connected")
	}
}

func TestAnOperatorWithoutAKeySaysSoInsteadOfFallingOver(t *testing.T) {
	links, target := talk(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, bundle.Status{ETag: "a", PromiseSeconds: 50})
	})
	other := target
	other.UID = "another"
	other.Signer = func(time.Time) (string, ed25519.PrivateKey) { return "", nil }
	links.Connect(other)
	until(t, links, "a fault that names the key", func(v View) bool {
		return v.Fault != nil && strings.Contains(v.Fault.Message, "no key to sign with")
	})
}

// A new pod of a roll answers 503 until its store is open; its colleagues speak for the tenant meanwhile.
func TestAPodThatHasNotOpenedItsStoreDoesNotSpeakForTheTenant(t *testing.T) {
	var opening atomic.Bool
	var busy, polls atomic.Int64
	links, _ := talk(t, func(w http.ResponseWriter, r *http.Request) {
		if opening.Load() {
			busy.Add(1)
			http.Error(w, "the store is not open yet", http.StatusServiceUnavailable)
			return
		}
		answer(w, bundle.Status{ETag: fmt.Sprint(polls.Add(1)), PromiseSeconds: 50, StoreError: "so that no bundle is put"})
	})
	until(t, links, "a status", func(v View) bool { return v.Status != nil })
	opening.Store(true)
	v := until(t, links, "patience", func(View) bool { return busy.Load() > patience+1 })
	if v.Fault != nil || v.Stale {
		t.Errorf("while others may answer: stale %v, fault %+v", v.Stale, v.Fault)
	}
	opening.Store(false)
	heard := polls.Load()
	until(t, links, "another status", func(View) bool { return polls.Load() > heard })
}

func TestABundleThatDoesNotGetThroughIsATimeout(t *testing.T) {
	if f := faultOf(&url.Error{Op: "Put", URL: "http://ojk", Err: errUndelivered}); !f.Timeout || f.Answered {
		t.Errorf("the fault is %+v", f)
	}
}
