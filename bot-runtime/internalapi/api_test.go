package internalapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// tenant remembers what it was given.
type tenant struct {
	put     []string // hash, ifMatch
	failure error
	since   string
}

func (t *tenant) PutBundle(_ context.Context, e bundle.Envelope, ifMatch string, _ []byte) error {
	t.put = append(t.put, e.Hash+" after "+ifMatch)
	return t.failure
}

func (t *tenant) Status(_ context.Context, since string) bundle.Status {
	t.since = since
	return bundle.Status{ETag: "e1", Applied: "abc"}
}

type fixture struct {
	*tenant
	key     ed25519.PrivateKey
	now     time.Time
	handler http.Handler
	ready   error
	opening bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{tenant: &tenant{}, key: private, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	f.handler = New(Options{
		Tenant: func() Tenant {
			if f.opening {
				return nil
			}
			return f.tenant
		},
		Ready:    func(context.Context) error { return f.ready },
		Boot:     func() bundle.Boot { return bundle.Boot{TenantUID: "uid-a", Keys: map[string][]byte{"k1": public}} },
		Gatherer: prometheus.NewRegistry(), Clock: func() time.Time { return f.now }, Log: logr.Discard(),
	})
	return f
}

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func envelope(t *testing.T) []byte {
	t.Helper()
	body, err := json.Marshal(bundle.Envelope{Hash: strings.Repeat("ab", 16)})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// put sends a bundle, signed for uid; change may spoil the request after it was signed.
func (f *fixture) put(t *testing.T, body []byte, uid string, change func(*http.Request)) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPut, bundle.PathBundle, bytes.NewReader(body))
	r.Header.Set("If-Match", `""`)
	if err := bundle.Sign(r, body, uid, "k1", f.key, f.now); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w.Code
}

func TestOnlyTheOperatorsSignatureOverThisRequestOpensTheDoor(t *testing.T) {
	f := newFixture(t)
	body := packed(t, envelope(t))
	for name, c := range map[string]struct {
		uid    string
		change func(*http.Request)
		want   int
	}{
		"signed for this tenant":    {"uid-a", nil, http.StatusAccepted},
		"signed for another tenant": {"uid-b", nil, http.StatusUnauthorized},
		"no token":                  {"uid-a", func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"another body than was signed": {"uid-a", func(r *http.Request) {
			r.Body = http.NoBody
		}, http.StatusUnauthorized},
		"another path than was signed": {"uid-a", func(r *http.Request) { r.URL.RawQuery = "x=1" }, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			f.tenant.put = nil
			if got := f.put(t, body, c.uid, c.change); got != c.want {
				t.Fatalf("answered %d, want %d", got, c.want)
			}
			if stored := len(f.tenant.put) == 1; stored != (c.want == http.StatusAccepted) {
				t.Fatalf("stored: %v", stored)
			}
		})
	}
	t.Run("a token that is too old", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPut, bundle.PathBundle, bytes.NewReader(body))
		if err := bundle.Sign(r, body, "uid-a", "k1", f.key, f.now.Add(-bundle.TokenLife-time.Minute)); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Fatalf("answered %d", w.Code)
		}
	})
	t.Run("a status without a token", func(t *testing.T) {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, bundle.PathStatus, nil))
		if w.Code != http.StatusUnauthorized {
			t.Fatalf("answered %d", w.Code)
		}
	})
}

func TestABundleThatWillNotDoIsRefusedWithItsReason(t *testing.T) {
	f := newFixture(t)
	bomb := packed(t, bytes.Repeat([]byte(" "), bundle.MaxBytes+1))
	for name, c := range map[string]struct {
		body    []byte
		failure error
		change  func(*http.Request)
		want    int
	}{
		"a bomb that unpacks beyond 8 MiB":    {bomb, nil, nil, http.StatusRequestEntityTooLarge},
		"more than 8 MiB on the wire":         {make([]byte, bundle.MaxBytes+1), nil, nil, http.StatusRequestEntityTooLarge},
		"no gzip":                             {envelope(t), nil, nil, http.StatusBadRequest},
		"gzip cut short":                      {packed(t, envelope(t))[:20], nil, nil, http.StatusBadRequest},
		"no envelope":                         {packed(t, []byte(`{"hash":"'; DROP"}`)), nil, nil, http.StatusBadRequest},
		"no If-Match":                         {packed(t, envelope(t)), nil, func(r *http.Request) { r.Header.Del("If-Match") }, http.StatusBadRequest},
		"an old leader's late bundle":         {packed(t, envelope(t)), fmt.Errorf("put: %w", store.ErrConflict), nil, http.StatusConflict},
		"a database that is away":             {packed(t, envelope(t)), store.ErrUnavailable, nil, http.StatusServiceUnavailable},
		"a commit whose outcome is not known": {packed(t, envelope(t)), errors.Join(store.ErrUnknownOutcome), nil, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f.tenant.failure = c.failure
			if got := f.put(t, c.body, "uid-a", c.change); got != c.want {
				t.Fatalf("answered %d, want %d", got, c.want)
			}
		})
	}
}

func TestTheStatusIsAskedWithTheETagThatIsKnown(t *testing.T) {
	f := newFixture(t)
	r := httptest.NewRequest(http.MethodGet, bundle.PathStatus+"?since=e0", nil)
	if err := bundle.Sign(r, nil, "uid-a", "k1", f.key, f.now); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	var got bundle.Status
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("answered %d, %v", w.Code, err)
	}
	if f.tenant.since != "e0" || got.Applied != "abc" || w.Header().Get("ETag") != `"e1"` {
		t.Fatalf("since %q, applied %q, ETag %q", f.tenant.since, got.Applied, w.Header().Get("ETag"))
	}
}

// A pod of a roll that has not opened its store must not say of the tenant that nothing serves: its colleagues do.
func TestAPodWithoutItsStoreDoesNotSpeakForTheTenant(t *testing.T) {
	f := newFixture(t)
	f.opening = true
	r := httptest.NewRequest(http.MethodGet, bundle.PathStatus, nil)
	if err := bundle.Sign(r, nil, "uid-a", "k1", f.key, f.now); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Connection") != "close" {
		t.Errorf("answered %d, Connection %q: the next call must find another pod", w.Code, w.Header().Get("Connection"))
	}
	if got := f.put(t, packed(t, envelope(t)), "uid-a", nil); got != http.StatusServiceUnavailable {
		t.Errorf("a bundle is answered %d", got)
	}
}

// What the store promises becomes a condition's reason: the names are the API's.
func TestTheStoresPromisesAreTheReasonsOfTheAPI(t *testing.T) {
	for is, want := range map[store.Durability]string{
		store.DurabilityUnsafe: v1alpha1.DurabilityUnsafe, store.DurabilityAsyncReplica: v1alpha1.DurabilityAsyncReplica,
		store.DurabilitySingleNode: v1alpha1.DurabilitySingleNode, store.DurabilitySynchronous: v1alpha1.DurabilitySynchronous,
	} {
		if string(is) != want {
			t.Errorf("the store says %s, the API %s", is, want)
		}
	}
}

func TestReadinessSaysWhatIsMissingAndHealthDoesNotCare(t *testing.T) {
	f := newFixture(t)
	f.ready = errors.New("no bundle yet")
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no bundle yet") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d: a restart mends no database", code)
	}
	f.ready = nil
	if code, _ := get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz when ready: %d", code)
	}
}

func FuzzInflate(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		if body, err := inflate(wire); err == nil && len(body) > bundle.MaxBytes {
			t.Fatalf("%d bytes unpacked", len(body))
		}
	})
}
