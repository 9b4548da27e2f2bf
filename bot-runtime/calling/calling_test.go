package calling

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// service is an outside service, and a Caller that may reach it.
type service struct {
	*httptest.Server
	caller *Caller
	hits   atomic.Int64
	secret string
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{secret: t.TempDir()}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	client := outbound.New(outbound.Options{Allow: []outbound.Rule{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Ports: []uint16{uint16(port)}}},
		RootCAs: roots})
	t.Cleanup(client.CloseIdle)
	s.caller = New(client, s.secret, prometheus.NewRegistry())
	s.key(t, "call-svc", "hosts", "other.example\n"+u.Host)
	s.key(t, "call-svc", "authorization", "Bearer s3cret\n")
	return s
}

func (s *service) key(t *testing.T, secret, key, value string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.secret, secret), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.secret, secret, key), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask makes a call, with what most tests have in common.
func (s *service) ask(t *testing.T, request dialog.CallRequest) dialog.CallAnswer {
	t.Helper()
	if request.Method == "" {
		request.Method = http.MethodGet
	}
	if request.URL == "" {
		request.URL = s.URL + "/state"
	}
	if request.Timeout == 0 {
		request.Timeout = 10 * time.Second
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var answer dialog.CallAnswer
	encoded, failed := s.caller.Call(t.Context(), store.ClaimedCall{ID: "id-1", Request: body})
	if failed != nil && strings.Contains(failed.Error(), "/state") {
		t.Errorf("the error tells the path: %v", failed)
	}
	if err := json.Unmarshal(encoded, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestACallTakesItsBodyItsKeyAndItsAuthorizationAlong(t *testing.T) {
	var got map[string]string
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = map[string]string{"method": r.Method, "path": r.URL.RequestURI(), "body": string(body), "type": r.Header.Get("Content-Type"),
			"key": r.Header.Get("Idempotency-Key"), "authorization": r.Header.Get("Authorization")}
		_, _ = io.WriteString(w, `{"data": {"state": "open", "n": 3, "more": {"secret": "not asked for"}}}`)
	})
	answer := s.ask(t, dialog.CallRequest{Method: http.MethodPost, URL: s.URL + "/a%2Fb?x=1", Body: json.RawMessage(`{"text":"hi"}`), Secret: "call-svc",
		Take: []string{"/data/state", "/data/n", "/data/more", "/none"}})
	if diff := cmp.Diff(map[string]string{"method": "POST", "path": "/a%2Fb?x=1", "body": `{"text":"hi"}`, "type": "application/json", "key": "id-1",
		"authorization": "Bearer s3cret"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := dialog.CallAnswer{Outcome: dialog.CallAnswered, Status: 200, Values: map[string]any{"/data/state": "open", "/data/n": 3.0}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASecretSaysWhereItMayGo(t *testing.T) {
	s := newService(t, func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		secret, hosts string
		want          dialog.CallOutcome
	}{
		"no Secret, no credential": {"", "", dialog.CallAnswered},
		"listed":                   {"call-svc", "", dialog.CallAnswered},
		"another host":             {"call-svc", "api.example.go.id", dialog.CallFailed},
		"no Secret of that name":   {"call-none", "", dialog.CallFailed},
		"a path out of the folder": {"../call-svc/../../etc", "", dialog.CallFailed},
	} {
		t.Run(name, func(t *testing.T) {
			if c.hosts != "" {
				s.key(t, c.secret, "hosts", c.hosts)
			}
			before := s.hits.Load()
			answer := s.ask(t, dialog.CallRequest{Secret: c.secret})
			if answer.Outcome != c.want {
				t.Errorf("%s", answer.Outcome)
			}
			if called := s.hits.Load() > before; called != (c.want == dialog.CallAnswered) {
				t.Errorf("called: %v", called)
			}
			s.key(t, "call-svc", "hosts", s.Listener.Addr().String())
		})
	}
}

func TestACallIsRepeatedOnlyWhereThatDoesNoHarm(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	failing := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	absent := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	for name, c := range map[string]struct {
		answer     http.HandlerFunc
		repeatable bool
		want       dialog.CallOutcome
		status     int
		hits       int64
	}{
		"cut, and may not be repeated": {cut, false, dialog.CallUnknown, 0, 1},
		"cut, and may be repeated":     {cut, true, dialog.CallUnknown, 0, 3},
		"5xx, and may not be repeated": {failing, false, dialog.CallUnknown, 502, 1},
		"5xx, and may be repeated":     {failing, true, dialog.CallAnswered, 502, 3},
		"404 is an answer":             {absent, true, dialog.CallAnswered, 404, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, c.answer)
			answer := s.ask(t, dialog.CallRequest{Method: http.MethodPost, Repeatable: c.repeatable, Retries: 2})
			if answer.Outcome != c.want || answer.Status != c.status || s.hits.Load() != c.hits {
				t.Errorf("%s %d after %d calls", answer.Outcome, answer.Status, s.hits.Load())
			}
		})
	}
}

func TestAServiceThatIsNotThereWasSurelyNotAsked(t *testing.T) {
	s := newService(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	if answer := s.ask(t, dialog.CallRequest{Method: http.MethodPost, Retries: 1}); answer.Outcome != dialog.CallFailed {
		t.Error(answer.Outcome)
	}
}

func TestAddressesOfTheClusterAreNotCalled(t *testing.T) {
	s := newService(t, func(http.ResponseWriter, *http.Request) {})
	for _, address := range []string{"http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "http://localhost:1/"} {
		if answer := s.ask(t, dialog.CallRequest{URL: address}); answer.Outcome != dialog.CallFailed {
			t.Errorf("%s: %s", address, answer.Outcome)
		}
	}
}

func TestAServiceThatNeverAnswersEndsWithItsTime(t *testing.T) {
	release := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	if answer := s.ask(t, dialog.CallRequest{Method: http.MethodPost, Timeout: 50 * time.Millisecond}); answer.Outcome != dialog.CallUnknown {
		t.Error(answer.Outcome)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.caller.Call(ctx, store.ClaimedCall{Request: []byte(`{"method":"GET","url":"` + s.URL + `/","timeout":1000000000}`)}); string(got) != `{"outcome":"failed"}` || err == nil {
		t.Error(string(got), err)
	}
	if got, err := s.caller.Call(t.Context(), store.ClaimedCall{Request: []byte(`nonsense`)}); string(got) != `{"outcome":"failed"}` || err == nil {
		t.Error(string(got), err)
	}
}
