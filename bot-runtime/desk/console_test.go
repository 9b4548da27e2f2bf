package desk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
)

// console is an agent's program.
type console struct {
	t    *testing.T
	base string
	http *http.Client
}

func newJar(t *testing.T) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

func newConsole(t *testing.T, c *desktest.Counter) *console {
	t.Helper()
	return &console{t: t, base: c.Server.URL + "/desk/" + desktest.Pool + "/api/", http: &http.Client{Jar: newJar(t)}}
}

// signedIn is the console of an agent who takes conversations.
func signedIn(t *testing.T, c *desktest.Counter, agent string) *console {
	t.Helper()
	a := newConsole(t, c)
	a.want(http.StatusNoContent, "POST", "session", map[string]string{"agent": agent, "password": desktest.Password})
	a.want(http.StatusNoContent, "PUT", "availability", map[string]bool{"available": true})
	return a
}

// ask makes one request and returns the status and what came.
func (a *console) ask(method, path string, body any, headers ...string) (int, string) {
	a.t.Helper()
	text, isText := body.(string)
	if body != nil && !isText {
		encoded, err := json.Marshal(body)
		if err != nil {
			a.t.Fatal(err)
		}
		text = string(encoded)
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(text))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("X-Loket-Desk", "1")
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	res, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

func (a *console) want(status int, method, path string, body any, headers ...string) string {
	a.t.Helper()
	got, text := a.ask(method, path, body, headers...)
	if got != status {
		a.t.Fatalf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return text
}

// refused is a request that must be answered with an error, whose code is returned.
func (a *console) refused(method, path string, body any, headers ...string) string {
	a.t.Helper()
	status, text := a.ask(method, path, body, headers...)
	var out struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil || status < 400 || out.Error.Message == "" {
		a.t.Fatalf("%s %s: %d %s, want an error in plain words", method, path, status, text)
	}
	return fmt.Sprintf("%d %s", status, out.Error.Code)
}

func (a *console) state() desk.State {
	a.t.Helper()
	return decode[desk.State](a.t, a.want(http.StatusOK, "GET", "state", nil))
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// holds waits until the agent holds n conversations.
func (a *console) holds(c *desktest.Counter, n int) []desk.Conversation {
	a.t.Helper()
	var got []desk.Conversation
	c.Eventually(fmt.Sprintf("the agent holds %d conversations", n), func() bool {
		got = a.state().Conversations
		return len(got) == n
	})
	return got
}

// stream opens the event stream; lines come until it ends.
func (a *console) stream(path string, headers ...string) (lines <-chan string, stop func()) {
	a.t.Helper()
	ctx, cancel := context.WithCancel(a.t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", a.base+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		a.t.Fatalf("stream: %d", res.StatusCode)
	}
	out := make(chan string, 1000)
	go func() {
		defer close(out)
		defer res.Body.Close()
		scan := bufio.NewScanner(res.Body)
		for scan.Scan() {
			out <- scan.Text()
		}
	}()
	return out, cancel
}

// event is the next event of a stream; false when it has ended.
func event(t *testing.T, lines <-chan string) (desk.Event, bool) {
	t.Helper()
	for line := range lines {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			return decode[desk.Event](t, data), true
		}
	}
	return desk.Event{}, false
}
