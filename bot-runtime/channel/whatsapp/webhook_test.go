package whatsapp

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	waba     = "102290129340398"
	numberID = "106540352242922"
	secret   = "an app secret of a test"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// whole is a Secret with every key.
func whole() map[string]string {
	return map[string]string{keyAccessToken: "EAAtoken", keyAppSecret: secret, keyVerifyToken: "a verify token"}
}

func secretDir(t testing.TB, keys map[string]string) string {
	dir := t.TempDir()
	for key, value := range keys {
		put(t, dir, key, value)
	}
	return dir
}

func put(t testing.TB, dir, key, value string) {
	if err := os.WriteFile(filepath.Join(dir, key), []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testChannel(t testing.TB, keys map[string]string) *Channel {
	return New(Config{Name: "wa", PhoneNumberID: numberID, BusinessAccountID: waba, PortfolioID: "506001",
		SecretName: "wa-credentials", CredentialsDir: secretDir(t, keys), Now: func() time.Time { return now }})
}

func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func fixture(t testing.TB, name string) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", "webhook", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// posted is a webhook received: what it is answered, and what is to be accepted.
func posted(c *Channel, body []byte, headers map[string]string) (int, *store.Batch) {
	r := httptest.NewRequest(http.MethodPost, "/hooks/wa", nil)
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	batch, refusal := c.Receive(r, body)
	if refusal != nil {
		return refusal.Status, nil
	}
	return http.StatusOK, &batch
}

func TestAWebhookIsTakenOnlyWithItsSignature(t *testing.T) {
	body := fixture(t, "text")
	for _, tt := range []struct {
		name   string
		keys   map[string]string
		header string
		status int
	}{
		{"the current secret", whole(), sign(body, secret), 200},
		{"the previous secret during a rotation", with(whole(), keyAppSecretPrevious, "older"), sign(body, "older"), 200},
		{"the previous secret after the rotation", whole(), sign(body, "older"), 403},
		{"no signature", whole(), "", 401},
		{"another secret", whole(), sign(body, "guessed"), 403},
		{"an empty secret", whole(), sign(body, ""), 403},
		{"the signature of another body", whole(), sign([]byte("{}"), secret), 403},
		{"a signature cut short", whole(), sign(body, secret)[:40], 403},
		{"another scheme", whole(), "sha1=" + sign(body, secret)[7:], 403},
		{"not hex", whole(), "sha256=" + strings.Repeat("zz", 32), 403},
		{"no secret to verify with", without(whole(), keyAppSecret), sign(body, ""), 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := map[string]string{}
			if tt.header != "" {
				headers["X-Hub-Signature-256"] = tt.header
			}
			status, batch := posted(testChannel(t, tt.keys), body, headers)
			if status != tt.status {
				t.Fatalf("answered %d, want %d", status, tt.status)
			}
			if (batch != nil) != (status == 200) {
				t.Fatalf("answered %d, and accepted is %v", status, batch)
			}
		})
	}
}

// Meta signs the bytes it sends, with ä as \u00e4 and / as \/. Whoever serialises them anew loses the signature.
func TestTheSignatureIsOverTheBodyAsItCame(t *testing.T) {
	body := fixture(t, "escaped")
	if !bytes.Contains(body, []byte(`\u00e4`)) || !bytes.Contains(body, []byte(`\/`)) {
		t.Fatal("the fixture has lost its escapes")
	}
	status, batch := posted(testChannel(t, whole()), body, signed(body))
	if status != 200 || batch.Messages[0].Body.Text != "Bitte prüfen Sie Kärcher http://a.example/b \U0001f64f" {
		t.Fatalf("answered %d, accepted %v", status, batch)
	}
}

// SECURITY row 1: the same Meta app signs for every account, so A's body holds on B's address.
func TestABodyForAnotherAccountOrNumberIsRefused(t *testing.T) {
	for _, name := range []string{"foreign-account", "foreign-number"} {
		body := fixture(t, name)
		status, batch := posted(testChannel(t, whole()), body, signed(body))
		if status != 403 || batch != nil {
			t.Errorf("%s: answered %d, accepted %v; want 403 and nothing", name, status, batch)
		}
	}
}

// Every field but messages comes to the app's one address, whichever account it is of: refused, Meta would send it for seven
// days and then hold it for lost.
func TestWhatIsNoMessageOfAnotherAccountIsCountedAndForgotten(t *testing.T) {
	c := testChannel(t, whole())
	foreign := 0
	c.Foreign = func(n int) { foreign += n }
	body := []byte(`{"object":"whatsapp_business_account","entry":[{"id":"999","changes":[{"field":"account_update","value":{"event":"rahasia"}}]}]}`)
	status, batch := posted(c, body, signed(body))
	if status != 200 || foreign != 1 || len(batch.Messages)+len(batch.Statuses)+len(batch.Moves)+len(batch.Raw) != 0 {
		t.Fatalf("answered %d, accepted %+v, counted %d", status, batch, foreign)
	}
}

func TestForeignEntriesAmongOwnAreLeftOutAndCounted(t *testing.T) {
	c := testChannel(t, whole())
	foreign := 0
	c.Foreign = func(n int) { foreign += n }
	body := fixture(t, "mixed")
	status, batch := posted(c, body, signed(body))
	if status != 200 || len(batch.Messages) != 1 || batch.Messages[0].ExternalID != "wamid.own" || foreign != 2 {
		t.Fatalf("answered %d, accepted %+v, counted %d; want the own message and 2 foreign", status, batch, foreign)
	}
	if strings.Contains(fmt.Sprintf("%+v", batch), "rahasia") {
		t.Fatal("something of a foreign entry was accepted")
	}
}

func TestABodyIsBounded(t *testing.T) {
	fits := append(fixture(t, "text"), bytes.Repeat([]byte(" "), 3<<20)...)
	over := append(fixture(t, "text"), bytes.Repeat([]byte(" "), MaxBody)...)
	bomb := zip(t, append(fixture(t, "text"), bytes.Repeat([]byte(" "), 8<<20)...))
	for _, tt := range []struct {
		name    string
		body    []byte
		headers map[string]string
		status  int
	}{
		{"Meta's 3 MB", fits, signed(fits), 200},
		{"over 4 MiB", over, signed(over), 413},
		{"compressed, signed before", zip(t, fits), map[string]string{"X-Hub-Signature-256": sign(fits, secret), "Content-Encoding": "gzip"}, 200},
		{"compressed, signed after", zip(t, fits), map[string]string{"X-Hub-Signature-256": sign(zip(t, fits), secret), "Content-Encoding": "gzip"}, 200},
		{"a bomb", bomb, map[string]string{"X-Hub-Signature-256": sign(bomb, secret), "Content-Encoding": "gzip"}, 413},
		{"a forged bomb", bomb, map[string]string{"X-Hub-Signature-256": sign(bomb, "guessed"), "Content-Encoding": "gzip"}, 403},
		{"no gzip at all", fits, map[string]string{"X-Hub-Signature-256": sign(fits, secret), "Content-Encoding": "gzip"}, 400},
		{"another encoding", fits, map[string]string{"X-Hub-Signature-256": sign(fits, secret), "Content-Encoding": "br"}, 415},
		{"not JSON", []byte("{"), signed([]byte("{")), 400},
		{"not an object", []byte("[]"), signed([]byte("[]")), 400},
		{"nothing in it", []byte("{}"), signed([]byte("{}")), 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, _ := posted(testChannel(t, whole()), tt.body, tt.headers); status != tt.status {
				t.Fatalf("answered %d, want %d", status, tt.status)
			}
		})
	}
}

func TestTheHandshake(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		status      int
	}{
		{"the right token", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a+verify+token", 200},
		{"a wrong token", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guessed", 403},
		{"no token", "hub.mode=subscribe&hub.challenge=1158201444", 403},
		{"another mode", "hub.mode=unsubscribe&hub.challenge=1158201444&hub.verify_token=a+verify+token", 403},
		{"no challenge", "hub.mode=subscribe&hub.verify_token=a+verify+token", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			testChannel(t, whole()).Handshake().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/wa?"+tt.query, nil))
			if w.Code != tt.status {
				t.Fatalf("answered %d, want %d", w.Code, tt.status)
			}
			if tt.status == 200 && (w.Body.String() != "1158201444" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")) {
				t.Fatalf("answered %q as %s", w.Body, w.Header().Get("Content-Type"))
			}
		})
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("subscribe", "1158201444", "a verify token")
	f.Add("subscribe", "<script>", "")
	h := testChannel(f, whole()).Handshake()
	f.Fuzz(func(t *testing.T, mode, challenge, token string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		q := r.URL.Query()
		q.Set("hub.mode", mode)
		q.Set("hub.challenge", challenge)
		q.Set("hub.verify_token", token)
		r.URL.RawQuery = q.Encode()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 200 && (mode != "subscribe" || token != "a verify token") {
			t.Fatalf("mode %q and token %q are taken", mode, token)
		}
		if w.Code != 200 && challenge != "" && len(challenge) > 20 && strings.Contains(w.Body.String(), challenge) {
			t.Fatal("the challenge is repeated to a stranger")
		}
	})
}

func signed(body []byte) map[string]string {
	return map[string]string{"X-Hub-Signature-256": sign(body, secret)}
}

func with(keys map[string]string, key, value string) map[string]string {
	keys[key] = value
	return keys
}

func without(keys map[string]string, key string) map[string]string {
	delete(keys, key)
	return keys
}

func zip(t *testing.T, body []byte) []byte {
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

// FuzzReceive: whatever comes compressed or not, a signature over other bytes opens nothing, and what is opened is bounded.
func FuzzReceive(f *testing.F) {
	body := fixture(f, "text")
	f.Add(body, "", true)
	f.Add(body, "gzip", true)
	f.Add([]byte("\x1f\x8b\x08\x00"), "gzip", true)
	f.Add(body, "br", false)
	c := testChannel(f, whole())
	f.Fuzz(func(t *testing.T, body []byte, encoding string, honest bool) {
		header := map[string]string{"Content-Encoding": encoding}
		if honest {
			header["X-Hub-Signature-256"] = sign(body, secret)
		} else {
			header["X-Hub-Signature-256"] = sign(append([]byte("x"), body...), secret)
		}
		status, batch := posted(c, body, header)
		if !honest && status < 400 || (batch != nil) != (status == 200) {
			t.Fatalf("answered %d, accepted %+v", status, batch)
		}
	})
}

// FuzzRender: whatever stands in the outbox, the call to the platform keeps its limits or says that there is none.
func FuzzRender(f *testing.F) {
	f.Add([]byte(`{"text":"halo","choices":[{"id":"a/b","title":"Satu"}],"language":"id"}`))
	f.Add([]byte(`{"text":"","choices":[{"id":"","title":""}]}`))
	f.Fuzz(func(t *testing.T, stored []byte) {
		var out message.Out
		if json.Unmarshal(stored, &out) != nil {
			return
		}
		body, err := Render(out, []message.Identity{{Scope: "506001", Kind: message.IdentityPhone, Value: "62811"}}, "506001", "ref")
		if err == nil && !json.Valid(body) {
			t.Fatalf("the call is no JSON: %s", body)
		}
	})
}
