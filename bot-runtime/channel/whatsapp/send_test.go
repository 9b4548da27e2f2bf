package whatsapp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// meta is a stand-in for Meta's API: one handler, on a real port.
func meta(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func sender(t *testing.T, base string, keys map[string]string) *Channel {
	u := strings.TrimPrefix(base, "http://")
	at, err := netip.ParseAddrPort(u)
	if err != nil {
		t.Fatal(err)
	}
	c := testChannel(t, keys)
	c.APIBase = base + "/v24.0"
	c.Client = outbound.New(outbound.Options{Timeout: time.Minute, MaxBytes: 64 << 10,
		Allow: []outbound.Rule{{Prefix: netip.PrefixFrom(at.Addr(), 32), Ports: []uint16{at.Port()}}}})
	t.Cleanup(c.Client.CloseIdle)
	return c
}

func toSend(attempt int) store.Send {
	return store.Send{ID: "6f1c9a00-0000-5000-8000-000000000001", Channel: "wa", Attempt: attempt,
		Identities: byNumber, Body: message.Out{Text: "halo"}}
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func metaError(code int) string {
	return fmt.Sprintf(`{"error":{"message":"(#%d) Title","type":"OAuthException","code":%d,
		"error_data":{"messaging_product":"whatsapp","details":"the details"},"fbtrace_id":"x"}}`, code, code)
}

func TestAMessageIsSentInOneCall(t *testing.T) {
	var calls atomic.Int32
	c := sender(t, meta(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var got map[string]any
		_ = json.NewDecoder(r.Body).Decode(&got)
		if r.Method != http.MethodPost || r.URL.Path != "/v24.0/"+numberID+"/messages" || r.Header.Get("Authorization") != "Bearer EAAtoken" ||
			got["to"] != "+6281234567890" || got["biz_opaque_callback_data"] != toSend(1).ID {
			t.Errorf("called with %s %s %v", r.Method, r.URL, got)
		}
		answering(200, `{"messaging_product":"whatsapp","contacts":[{"input":"+62","wa_id":"62"}],"messages":[{"id":"wamid.OUT","message_status":"accepted"}]}`)(w, r)
	}), whole())
	v := c.Send(context.Background(), toSend(1))
	if v.Outcome != store.SendAccepted || v.ExternalID != "wamid.OUT" || calls.Load() != 1 {
		t.Fatalf("got %+v after %d calls", v, calls.Load())
	}
}

// PROTOCOL section 4: what surely was not taken, what was, and what nobody knows.
func TestTheOutcomeIsWhatSurelyHappened(t *testing.T) {
	cut := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, after)
			_ = conn.Close()
		}
	}
	for _, tt := range []struct {
		name string
		base func(t *testing.T) string
		want store.SendOutcome
	}{
		{"nobody listens", func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			return "http://" + l.Addr().String()
		}, store.SendNotAccepted},
		{"an id", handler(answering(200, `{"messages":[{"id":"wamid.1"}]}`)), store.SendAccepted},
		{"held for quality", handler(answering(200, `{"messages":[{"id":"wamid.1","message_status":"held_for_quality_assessment"}]}`)), store.SendAccepted},
		{"the request is read and the connection cut", handler(cut("")), store.SendUnknown},
		{"cut within the headers", handler(cut("HTTP/1.1 200 OK\r\nContent-Le")), store.SendUnknown},
		{"a truncated 200", handler(cut("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"messages\":[{\"id\":\"wamid.1\"}]}")), store.SendUnknown},
		{"a 200 that is not JSON", handler(answering(200, `<html>`)), store.SendUnknown},
		{"a 200 cut within the JSON", handler(answering(200, `{"messages":[{"id":"wam`)), store.SendUnknown},
		{"a 200 without an id", handler(answering(200, `{"messages":[{}]}`)), store.SendUnknown},
		{"an empty 200", handler(answering(200, ``)), store.SendUnknown},
		{"a 200 that is too large", handler(answering(200, `{"messages":[{"id":"wamid.1"}],"x":"`+strings.Repeat("x", 70<<10)+`"}`)), store.SendUnknown},
		{"no answer in time", handler(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), store.SendUnknown},
		{"502 of a gateway", handler(answering(502, `<html>Bad Gateway</html>`)), store.SendUnknown},
		{"500 without a code", handler(answering(500, `{"error":{"message":"oops"}}`)), store.SendUnknown},
		{"408", handler(answering(408, ``)), store.SendUnknown},
		{"a redirect", handler(answering(302, ``)), store.SendUnknown},
		{"500 with a code", handler(answering(500, metaError(131000))), store.SendNotAccepted},
		{"a code with 200", handler(answering(200, metaError(131026))), store.SendFailed},
		{"an error with 200 that is only a message", handler(answering(200, `{"error":{"message":"oops"}}`)), store.SendFailed},
		{"a code as text", handler(answering(400, `{"error":{"message":"x","code":"131047"}}`)), store.SendFailed},
		{"404 of a wrong address", handler(answering(404, `<html>`)), store.SendNotAccepted},
		{"407 of a proxy", handler(answering(407, ``)), store.SendNotAccepted},
		{"400 without a code", handler(answering(400, `bad`)), store.SendFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			if tt.name == "no answer in time" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			v := sender(t, tt.base(t), whole()).Send(ctx, toSend(1))
			if v.Outcome != tt.want {
				t.Fatalf("got %+v, want %s", v, tt.want)
			}
			if tt.want == store.SendNotAccepted && v.RetryAfter <= 0 {
				t.Fatalf("got %+v: it would be tried again at once", v)
			}
			if tt.want != store.SendAccepted && (v.Reason == "" || v.ExternalID != "") {
				t.Fatalf("got %+v, want a reason and no id", v)
			}
		})
	}
}

func handler(h http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string { return meta(t, h) }
}

// WHATSAPP section 4, row by row. The HTTP status is another than Meta documents, because it must not matter.
func TestEveryErrorCodeHasItsReaction(t *testing.T) {
	const failed, again = store.SendFailed, store.SendNotAccepted
	for _, tt := range []struct {
		codes   []int
		outcome store.SendOutcome
		pause   time.Duration
		retry   time.Duration // at least
		check   func(channel.Verdict) bool
		says    string
	}{
		{[]int{0, 190}, again, 0, 0, nil, "Secret"},
		{[]int{3, 10, 200, 250, 299, 131005, 368, 131031, 130497, 131042, 131037, 131045, 133010, 133005, 133006, 133008, 133009, 133016},
			again, stopFor, stopFor, nil, ""},
		{[]int{133015}, again, 5 * time.Minute, 5 * time.Minute, nil, ""},
		{[]int{4, 80007, 131057}, again, time.Minute, time.Minute, nil, ""},
		{[]int{130429}, again, time.Second, time.Second, func(v channel.Verdict) bool { return v.HalveRate }, ""},
		{[]int{131056}, again, 0, time.Second, nil, ""},
		{[]int{131048}, again, 0, time.Minute, nil, ""},
		{[]int{131049}, again, 0, 24 * time.Hour, nil, ""},
		{[]int{2, 133004, 131000, 131016, 131052, 131053}, again, 0, time.Second, nil, ""},
		{[]int{131047}, failed, 0, 0, nil, "window"},
		{[]int{131064, 131050, 131026, 131021, 131030, 1, 33, 100, 131008, 131009, 131051, 132000, 132001, 132005, 132007, 132008,
			132012, 132015, 132016, 131061, 131063, 131055, 134100, 134102, 131062, 132068, 131060, 135000, 137000, 138001, 139100, 147001},
			failed, 0, 0, nil, "the details"},
	} {
		for _, code := range tt.codes {
			status := 418
			v := sender(t, meta(t, answering(status, metaError(code))), whole()).Send(context.Background(), toSend(1))
			if v.Outcome != tt.outcome || v.PauseFor != tt.pause || v.RetryAfter < tt.retry || v.Code != code {
				t.Errorf("%d: got %+v", code, v)
			}
			if (tt.check != nil) != v.HalveRate || tt.check != nil && !tt.check(v) {
				t.Errorf("%d: got %+v", code, v)
			}
			if !strings.Contains(v.Reason, tt.says) || !strings.Contains(v.Reason, fmt.Sprint(code)) {
				t.Errorf("%d: the reason is %q", code, v.Reason)
			}
			if v.PauseFor > 0 && v.PauseReason == "" {
				t.Errorf("%d: paused without a reason", code)
			}
		}
	}
	for _, tt := range []struct {
		status int
		want   store.SendOutcome
	}{{429, again}, {503, again}, {400, failed}} {
		if v := sender(t, meta(t, answering(tt.status, metaError(999999))), whole()).Send(context.Background(), toSend(1)); v.Outcome != tt.want {
			t.Errorf("an unheard-of code with %d: got %+v", tt.status, v)
		}
	}
}

func TestOneCitizenWaitsLongerEachTime(t *testing.T) {
	c := sender(t, meta(t, answering(400, metaError(131056))), whole())
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 4 * time.Second, 3: 16 * time.Second, 4: 64 * time.Second, 9: time.Hour} {
		if v := c.Send(context.Background(), toSend(attempt)); v.RetryAfter != want || v.PauseFor != 0 {
			t.Errorf("attempt %d: got %+v, want %s", attempt, v, want)
		}
	}
}

func TestARefusedTokenStopsTheNumberUntilTheSecretChanges(t *testing.T) {
	var calls atomic.Int32
	c := sender(t, meta(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("Authorization") == "Bearer EAAnew" {
			answering(200, `{"messages":[{"id":"wamid.1"}]}`)(w, r)
			return
		}
		answering(401, metaError(190))(w, r)
	}), whole())
	if v := c.Send(context.Background(), toSend(1)); v.PauseFor != 0 || v.Outcome != store.SendNotAccepted {
		t.Fatalf("got %+v", v)
	}
	if v := c.Send(context.Background(), toSend(2)); v.Outcome != store.SendNotCalled || calls.Load() != 1 {
		t.Fatalf("got %+v after %d calls: the refused token was tried again", v, calls.Load())
	}
	if h := c.Health(); h.OK || h.Reason != v1alpha1.ReasonCredentialRefused || !strings.Contains(h.Message, "wa-credentials") {
		t.Fatalf("got %+v", h)
	}
	swap(t, c.CredentialsDir, "EAAnew")
	if h := c.Health(); !h.OK {
		t.Fatalf("got %+v after the Secret changed", h)
	}
	if v := c.Send(context.Background(), toSend(3)); v.Outcome != store.SendAccepted {
		t.Fatalf("got %+v", v)
	}
}

// swap changes the token as the kubelet does: a new folder, and one symbolic link moved onto it.
func swap(t *testing.T, dir, token string) {
	fresh := filepath.Join(dir, "..2026_11_24")
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, fresh, keyAccessToken, token)
	link := filepath.Join(dir, "..tmp")
	if err := os.Symlink(filepath.Join("..2026_11_24", keyAccessToken), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(dir, keyAccessToken)); err != nil {
		t.Fatal(err)
	}
}

func TestAStoppedNumberSaysWhyAndTriesAnewLater(t *testing.T) {
	c := sender(t, meta(t, answering(403, metaError(131031))), whole())
	at := now
	c.Now = func() time.Time { return at }
	c.Send(context.Background(), toSend(1))
	if h := c.Health(); h.OK || h.Reason != v1alpha1.ReasonStoppedByPlatform || !strings.Contains(h.Message, "locked") {
		t.Fatalf("got %+v", h)
	}
	at = at.Add(stopFor)
	if h := c.Health(); !h.OK {
		t.Fatalf("got %+v after the pause", h)
	}
}

func TestAMissingCredentialIsNamed(t *testing.T) {
	for _, key := range []string{keyAccessToken, keyAppSecret, keyVerifyToken} {
		c := sender(t, "http://127.0.0.1:1", without(whole(), key))
		h := c.Health()
		if h.OK || h.Reason != v1alpha1.ReasonCredentialMissing || !strings.Contains(h.Message, `"wa-credentials"`) || !strings.Contains(h.Message, key) {
			t.Errorf("%s: got %+v", key, h)
		}
		put(t, c.CredentialsDir, key, "now it is there")
		if h := c.Health(); !h.OK {
			t.Errorf("%s: got %+v once it was added", key, h)
		}
	}
}

// SECURITY row 12: a canary in every credential, and whatever we tell is searched.
func TestNoSecretIsTold(t *testing.T) {
	keys := map[string]string{keyAccessToken: "canary-1", keyAppSecret: "canary-2", keyVerifyToken: "canary-3", keyAppSecretPrevious: "canary-4"}
	for _, h := range []http.HandlerFunc{answering(401, metaError(190)), answering(500, "canary"), answering(200, `{`)} {
		c := sender(t, meta(t, h), keys)
		v := c.Send(context.Background(), toSend(1))
		_, refusal := c.Receive(httptest.NewRequest(http.MethodPost, "/", nil), []byte("{}"))
		told := fmt.Sprintf("%+v %#v %+v %+v %+v %#v", v, v, c.Health(), refusal, c, c.credentials)
		if strings.Contains(told, "canary") {
			t.Fatalf("a credential is told: %s", told)
		}
	}
}

func TestWithoutTimeNothingIsCalled(t *testing.T) {
	c := sender(t, meta(t, func(http.ResponseWriter, *http.Request) { t.Error("called") }), whole())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if v := c.Send(ctx, toSend(1)); v.Outcome != store.SendNotCalled {
		t.Fatalf("got %+v", v)
	}
}
