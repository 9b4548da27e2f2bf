package webchat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

func TestACitizenWritesAndReadsTheAnswer(t *testing.T) {
	s := open(t, Rates{})
	if status := s.say("a-1", "apakah <b>Dana Mekar</b> resmi?"); status != 202 {
		t.Fatalf("answered %d", status)
	}
	if status := s.call("POST", "api/messages", Post{ClientID: "a-2", Text: "Cek lagi", ChoiceID: "again"}, nil); status != 202 {
		t.Fatalf("answered %d", status)
	}
	s.box.answer(1, 3, message.AuthorBot, message.Out{Text: "Berizin.", Choices: []message.Choice{{ID: "again", Title: "Cek lagi"}}}, s.clock.now())
	s.box.answer(1, 4, message.AuthorAgent, message.Out{Text: "Halo, saya Ayu."}, s.clock.now())
	var got Messages
	s.call("GET", "api/messages", nil, &got)
	at := s.clock.now()
	want := []Message{
		{ID: 1, From: FromCitizen, Text: "apakah <b>Dana Mekar</b> resmi?", At: at, ClientID: "a-1", State: "received"},
		{ID: 2, From: FromCitizen, Text: "Cek lagi", At: at, ClientID: "a-2", State: "received"},
		{ID: 3, From: FromBot, Text: "Berizin.", At: at, Choices: []Choice{{"again", "Cek lagi"}}, State: "queued"},
		{ID: 4, From: FromAgent, Text: "Halo, saya Ayu.", At: at, State: "queued"},
	}
	if diff := cmp.Diff(want, got.Messages); diff != "" {
		t.Fatal(diff)
	}
	if s.box.rows[1][1].In.ChoiceID != "again" || s.box.rows[1][1].In.Kind != message.InChoice {
		t.Fatalf("stored %+v", s.box.rows[1][1].In)
	}
}

func TestAMessageThatIsPostedAgainIsOneMessage(t *testing.T) {
	s := open(t, Rates{})
	for range 3 {
		if status := s.say("a-1", "halo"); status != 202 {
			t.Fatalf("answered %d", status)
		}
	}
	other := *s
	var fresh Session
	s.call("POST", "api/session", nil, &fresh)
	other.token = fresh.Token
	other.say("a-1", "halo") // the same client id in another browser
	if len(s.box.rows[1]) != 1 || len(s.box.rows[2]) != 1 {
		t.Fatalf("stored %d and %d messages, want one each", len(s.box.rows[1]), len(s.box.rows[2]))
	}
}

func TestTheLanguageChosenOnThePageComesWithTheMessage(t *testing.T) {
	s := open(t, Rates{})
	for i, c := range []struct{ sent, kept string }{{"en", "en"}, {"", ""}, {"fr", ""}, {strings.Repeat("x", 9000), ""}} {
		post := Post{ClientID: number(int64(i)), Text: "halo", Language: c.sent}
		if status := s.call("POST", "api/messages", post, nil); status != 202 {
			t.Fatalf("%.5s: answered %d: a language that is not offered is no reason to refuse what was said", c.sent, status)
		}
		if got := s.box.rows[1][i].In.Language; got != c.kept {
			t.Errorf("%.5s: kept %q, want %q", c.sent, got, c.kept)
		}
	}
}

func TestOnlyTheTokensHashIsKept(t *testing.T) {
	s := open(t, Rates{})
	s.say("a-1", "halo")
	id := s.box.owners[0]
	if id.Scope != "web" || id.Kind != message.IdentityWebChat || len(id.Value) != 64 || strings.Contains(id.Value, s.token) {
		t.Fatalf("stored %+v", id)
	}
	if strings.Contains(s.box.rows[1][0].ClientID, s.token[:8]) || len(s.token) != 43 {
		t.Fatalf("the dedupe key %q tells the token", s.box.rows[1][0].ClientID)
	}
}

// Ids are drawn before they are committed: an answer can appear below what was already read.
func TestAnAnswerThatWasCommittedLateIsStillRead(t *testing.T) {
	s := open(t, Rates{})
	s.box.nextID = 6
	s.say("a-1", "halo") // id 7
	var first, second, third Messages
	s.call("GET", "api/messages", nil, &first)
	s.call("GET", "api/messages?after="+number(first.Next), nil, &second)
	if len(first.Messages) != 1 || len(second.Messages) != 0 {
		t.Fatalf("read %d, then %d messages; want 1 and 0", len(first.Messages), len(second.Messages))
	}
	s.box.answer(1, 5, message.AuthorBot, message.Out{Text: "late"}, s.clock.now())
	s.call("GET", "api/messages?after="+number(second.Next), nil, &third)
	if len(third.Messages) != 2 || third.Messages[0].Text != "late" || third.Next <= first.Next {
		t.Fatalf("read %+v, want the late one", third)
	}
	s.clock.pass(time.Minute)
	var settled Messages
	s.call("GET", "api/messages?after="+number(third.Next), nil, &settled)
	if len(settled.Messages) != 0 || resume(settled.Next).floor() != 7 || resume(settled.Next).seen() != 0 {
		t.Fatalf("read %+v, want nothing and a settled point", settled)
	}
}

func number(n int64) string { b, _ := json.Marshal(n); return string(b) }

func TestALongConversationIsReadInPages(t *testing.T) {
	s := open(t, Rates{})
	s.say("a-1", "halo")
	for i := range int64(2 * pageSize) {
		s.box.answer(1, i+2, message.AuthorBot, message.Out{Text: "x"}, s.clock.now())
	}
	ids := map[int64]bool{}
	after := int64(0)
	for range 10 {
		var got Messages
		s.call("GET", "api/messages?after="+number(after), nil, &got)
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			ids[m.ID] = true
		}
		after = got.Next
	}
	if len(ids) != 2*pageSize+1 {
		t.Fatalf("read %d messages, want %d", len(ids), 2*pageSize+1)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	s := open(t, Rates{PostsByCitizen: Limit{Burst: 100, PerSecond: 100}, PostsByAddress: Limit{Burst: 100, PerSecond: 100}, SessionsByAddress: Limit{Burst: 9, PerSecond: 9}, ReadsByCitizen: Limit{Burst: 9, PerSecond: 9}, StreamsByCitizen: 1})
	long := strings.Repeat("ä", MaxText)
	for _, tt := range []struct {
		name   string
		body   any
		status int
		reason string
	}{
		{"no JSON", "{", 400, "badRequest"},
		{"two posts", `{"clientId":"a","text":"x"} {}`, 400, "badRequest"},
		{"no client id", Post{Text: "x"}, 400, "badRequest"},
		{"a client id with a slash", Post{ClientID: "a/b", Text: "x"}, 400, "badRequest"},
		{"a client id too long", Post{ClientID: strings.Repeat("a", 65), Text: "x"}, 400, "badRequest"},
		{"nothing said", Post{ClientID: "a", Text: " \n"}, 400, "badRequest"},
		{"a text too long", Post{ClientID: "a", Text: long + "x"}, 413, "tooLong"},
		{"a body too long", Post{ClientID: "a", Text: strings.Repeat("x", MaxBody)}, 413, "tooLong"},
		{"a choice too long", Post{ClientID: "a", ChoiceID: strings.Repeat("c", 201)}, 400, "badRequest"},
		{"the longest text", Post{ClientID: "long", Text: long}, 202, ""},
		{"a text that no store takes", `{"clientId":"nul","text":"a\u0000b\ud800"}`, 202, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Error
			if status := s.call("POST", "api/messages", tt.body, &e); status != tt.status || e.Reason != tt.reason {
				t.Fatalf("answered %d %+v, want %d %s", status, e, tt.status, tt.reason)
			}
		})
	}
	if got := s.box.rows[1]; len(got) != 2 || got[1].In.Text != "a\uFFFDb\uFFFD" {
		t.Fatalf("stored %d messages", len(got))
	}
	for _, path := range []string{"api/messages?after=x", "api/messages?after=-1"} {
		if status := s.call("GET", path, nil, nil); status != 400 {
			t.Errorf("%s: answered %d", path, status)
		}
	}
	for _, token := range []string{"", "short", strings.Repeat("A", 44), s.token[:42] + "!"} {
		s.token = token
		if status := s.say("t", "x"); status != 401 {
			t.Errorf("token %q: answered %d", token, status)
		}
	}
}

func TestNothingIsAcceptedThatWasNotKept(t *testing.T) {
	s := open(t, Rates{})
	for _, spoil := range []func(){
		func() { s.box.refuse = store.ErrUnavailable },
		func() { s.box.refuse = store.ErrUnknownOutcome },
		func() { s.box.refuse, s.live = nil, false },
	} {
		spoil()
		res := s.request("POST", "api/messages", Post{ClientID: "a", Text: "x"})
		_ = res.Body.Close()
		if res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" {
			t.Errorf("answered %d, retry after %q", res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
}

// SECURITY row 9.
func TestAForeignSiteMayNotSpeakForTheCitizen(t *testing.T) {
	s := open(t, Rates{})
	own := "http" + strings.TrimPrefix(s.URL, "http")
	for origin, status := range map[string]int{
		own: 202, "": 202, "https://www.example.go.id": 202, "HTTPS://WWW.example.go.id": 202,
		"https://evil.example": 403, "http://www.example.go.id": 403, "https://www.example.go.id.evil.example": 403,
		"https://www.example.go.id:8443": 403, "null": 403, "https://evil.example;script-src": 403,
	} {
		headers := []string{}
		if origin != "" {
			headers = []string{"Origin", origin}
		}
		res := s.request("POST", "api/messages", Post{ClientID: "a", Text: "x"}, headers...)
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%q: answered %d, want %d", origin, res.StatusCode, status)
		}
		if allowed := res.Header.Get("Access-Control-Allow-Origin"); allowed == "*" || status == 403 && allowed != "" {
			t.Errorf("%q: allowed %q", origin, allowed)
		}
		if res.Header.Get("Set-Cookie") != "" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q: a cookie", origin)
		}
	}
	res := s.request("OPTIONS", "api/messages", nil, "Origin", "https://www.example.go.id")
	_ = res.Body.Close()
	if res.StatusCode != 204 || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight answered %d", res.StatusCode)
	}
}

func TestThePageIsServedUnderAStrictPolicy(t *testing.T) {
	s := open(t, Rates{})
	for _, path := range []string{"", "widget.js"} {
		res := s.request("GET", path, nil)
		_ = res.Body.Close()
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self'", "connect-src 'self'",
			"frame-ancestors 'self' https://www.example.go.id;", "require-trusted-types-for 'script'"} {
			if res.StatusCode != 200 || !strings.Contains(csp, want) {
				t.Errorf("%q: answered %d with %q, want %q in it", path, res.StatusCode, csp, want)
			}
		}
		if strings.Contains(csp, "evil") || strings.Contains(csp, "unsafe") {
			t.Errorf("%q: %s", path, csp)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%q: %v", path, res.Header)
		}
	}
	for _, path := range []string{"desk.html", "../desk.html", "api/nothing"} {
		if status := s.call("GET", path, nil, nil); status != 404 {
			t.Errorf("%s: answered %d", path, status)
		}
	}
	var c Config
	s.call("GET", "api/config", nil, &c)
	if c.Title["id"] != "Otoritas" || c.Tenant["en"] != "Authority" || c.Languages[0] != "id" {
		t.Fatalf("got %+v", c)
	}
}

// SECURITY row 14.
func TestAFloodIsSlowedAndOthersAreNot(t *testing.T) {
	s := open(t, Rates{PostsByCitizen: Limit{Burst: 3, PerSecond: 1}, PostsByAddress: Limit{Burst: 6, PerSecond: 1}, SessionsByAddress: Limit{Burst: 2, PerSecond: 1}, ReadsByCitizen: Limit{Burst: 2, PerSecond: 1}, StreamsByCitizen: 1})
	through := func(token string, headers ...string) (n int) {
		s.token = token
		for i := range 10 {
			if s.call("POST", "api/messages", Post{ClientID: string(rune('a' + i)), Text: "x"}, nil, headers...) == 202 {
				n++
			}
		}
		return n
	}
	mine, other := s.token, newToken()
	if n := through(mine); n != 3 {
		t.Errorf("one citizen got %d through, want 3", n)
	}
	if n := through(other); n != 3 {
		t.Errorf("another at the same address got %d through, want the other 3", n)
	}
	if n := through(newToken()); n != 0 {
		t.Errorf("a third token at the same address got %d through, want 0", n)
	}
	if n := through(newToken(), "X-Forwarded-For", "1.2.3.4, 198.51.100.7, 10.0.0.3"); n != 3 {
		t.Errorf("another address behind the gateway got %d through, want 3", n)
	}
	if n := through(newToken(), "X-Forwarded-For", "9.9.9.9, 198.51.100.7"); n != 3 {
		t.Errorf("the same address got %d through, want its other 3", n)
	}
	if n := through(newToken(), "X-Forwarded-For", "made-up, 198.51.100.7"); n != 0 {
		t.Errorf("the same address with another made-up hop got %d through, want 0", n)
	}
	s.clock.pass(2 * time.Second)
	if n := through(mine); n != 2 {
		t.Errorf("after two seconds %d came through, want 2", n)
	}
	s.call("POST", "api/session", nil, nil)
	res := s.request("POST", "api/session", nil)
	_ = res.Body.Close()
	for range 3 {
		res = s.request("POST", "api/session", nil)
		_ = res.Body.Close()
	}
	if res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("sessions without end: %d", res.StatusCode)
	}
}

// SECURITY row 14: a token costs its maker nothing, so that limits by token alone bind nobody.
func TestOneAddressCannotReadForAll(t *testing.T) {
	s := open(t, Rates{ReadsByCitizen: Limit{Burst: 3, PerSecond: 1}, ReadsByAddress: Limit{Burst: 5, PerSecond: 1}})
	through := func(headers ...string) (n int) {
		for range 10 {
			s.token = newToken()
			if s.call("GET", "api/messages", nil, nil, headers...) == 200 {
				n++
			}
		}
		return n
	}
	if n := through(); n != 5 {
		t.Errorf("with a new token each time %d reads came through, want 5", n)
	}
	res := s.request("GET", "api/messages", nil)
	_ = res.Body.Close()
	if res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d without a time to wait", res.StatusCode)
	}
	if status := s.call("GET", "api/events", nil, nil); status != 429 {
		t.Errorf("a stream is no read: %d", status)
	}
	if n := through("X-Forwarded-For", "198.51.100.7"); n != 5 {
		t.Errorf("another address got %d through, want 5", n)
	}
}

func TestStreamsAreBoundedByAddressAndByPod(t *testing.T) {
	s := open(t, Rates{StreamsByAddress: 3})
	var hangUps []context.CancelFunc
	defer func() {
		for _, hangUp := range hangUps {
			hangUp()
		}
	}()
	opens := func(address string) bool {
		r, _ := http.NewRequest("GET", s.URL+"/chat/web/api/events", nil)
		ctx, hangUp := context.WithCancel(context.Background())
		hangUps = append(hangUps, hangUp)
		r.Header.Set("Authorization", "Bearer "+newToken())
		r.Header.Set("X-Forwarded-For", address)
		res, err := http.DefaultClient.Do(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == 200 {
			return true
		}
		_ = res.Body.Close()
		if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("one stream too many is answered %d, want 503 and when to come again", res.StatusCode)
		}
		return false
	}
	open := func(address string) (n int) {
		for range 5 {
			if opens(address) {
				n++
			}
		}
		return n
	}
	if n := open("198.51.100.7"); n != 3 {
		t.Errorf("one address has %d streams open, want 3", n)
	}
	if n := open("198.51.100.8"); n != 2 {
		t.Errorf("another has %d, want what the pod has left: 2", n)
	}
	hangUps[0]()
	for end := time.Now().Add(5 * time.Second); !opens("198.51.100.9"); {
		if time.Now().After(end) {
			t.Fatal("a closed stream leaves no room for another")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestTheSenderSettlesAtOnce(t *testing.T) {
	v := Sender{Channel: "web"}.Send(context.Background(), store.Send{ID: "x"})
	if v.Outcome != store.SendAccepted || v.ExternalID != "x" || !(Sender{}).Health().OK {
		t.Fatalf("got %+v", v)
	}
}

func FuzzPost(f *testing.F) {
	f.Add([]byte(`{"clientId":"a","text":"halo"}`))
	f.Add([]byte(`{"clientId":"a","choiceID":"c","text":"\u0000"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got store.Batch
		s := New(Options{Name: "web", Tenant: func() bundle.Tenant { return bundle.Tenant{} }, Live: func() bool { return true },
			Accept: func(b store.Batch) error { got = b; return errors.New("enough") }})
		r := httptest.NewRequest("POST", "/chat/web/api/messages", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+newToken())
		s.ServeHTTP(httptest.NewRecorder(), r)
		for _, m := range got.Messages {
			if len(m.Body.Text) > 8<<10 || strings.ContainsRune(m.Body.Text+m.Body.ChoiceID, 0) || len(m.ExternalID) > 17+MaxClientID {
				t.Fatalf("no store takes %+v", m)
			}
		}
	})
}
