package desk_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
)

func credentials(agent, password string) map[string]string {
	return map[string]string{"agent": agent, "password": password}
}

func TestAStrangerLearnsNothing(t *testing.T) {
	c := desktest.Start(t, nil)
	a := newConsole(t, c)
	_, known := a.ask("POST", "session", credentials("ani", "salah"))
	_, unknown := a.ask("POST", "session", credentials("siapa", "salah"))
	if known != unknown || !strings.Contains(known, "wrong-password") {
		t.Errorf("a wrong password is answered %s, an unknown name %s", known, unknown)
	}
	for _, path := range []string{"state", "events?after=0", "conversations/1/messages?before=9"} {
		if got := a.refused("GET", path, nil); got != "401 signed-out" {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestNoFileOutsideThePoolIsAnAccount(t *testing.T) {
	c := desktest.Start(t, nil)
	a := newConsole(t, c)
	for _, name := range []string{"../contact-centre/ani", "..", "..data", ".", "a/b", "ani\n", strings.Repeat("a", 64)} {
		if got := a.refused("POST", "session", credentials(name, desktest.Password)); got != "400 bad-request" {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func TestAGuesserIsSlowedDownAndTheAgentGetsInAgain(t *testing.T) {
	hand := &clock{now: time.Now()}
	c := desktest.Start(t, nil, func(o *desk.Options, _ *desk.PoolInfo) { o.Clock = hand.Now })
	a := newConsole(t, c)
	for range 10 {
		if got := a.refused("POST", "session", credentials("ani", "tebak")); got != "401 wrong-password" {
			t.Fatal(got)
		}
	}
	if got := a.refused("POST", "session", credentials("ani", desktest.Password)); got != "429 too-many-attempts" {
		t.Errorf("the eleventh guess: %s", got)
	}
	a.want(http.StatusNoContent, "POST", "session", credentials("budi", desktest.Password))
	hand.pass(31 * time.Second)
	for range 5 { // a right password spends nothing
		a.want(http.StatusNoContent, "POST", "session", credentials("ani", desktest.Password))
	}
}

func TestOnlyOurOwnPageMayChangeAnything(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	own := c.Server.URL
	for _, ask := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"our page", []string{"Origin", own}, http.StatusNoContent},
		{"a program, without an origin", nil, http.StatusNoContent},
		{"a foreign page", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"a page that hides where it is from", []string{"Origin", "null"}, http.StatusForbidden},
		{"a page on another port", []string{"Origin", "http://127.0.0.1:1"}, http.StatusForbidden},
		{"a form of a foreign page, which cannot set the header", []string{"X-Loket-Desk", ""}, http.StatusForbidden},
	} {
		if got, text := ani.ask("PUT", "availability", `{"available": true}`, ask.headers...); got != ask.want {
			t.Errorf("%s: %d %s, want %d", ask.name, got, text, ask.want)
		}
		want := ask.want
		if got, text := newConsole(t, c).ask("POST", "session", credentials("ani", desktest.Password), ask.headers...); got != want {
			t.Errorf("%s signs in: %d %s, want %d", ask.name, got, text, want)
		}
	}
}

func TestBehindHttpsOnlyThePublicOriginIsOurs(t *testing.T) {
	c := desktest.Start(t, nil, func(_ *desk.Options, p *desk.PoolInfo) { p.URL = "https://ojk.loket.go.example/desk/contact-centre/" })
	a := newConsole(t, c)
	a.want(http.StatusNoContent, "POST", "session", credentials("ani", desktest.Password), "Origin", "https://ojk.loket.go.example")
	for _, origin := range []string{c.Server.URL, "http://ojk.loket.go.example", "https://ojk.loket.go.example.evil.example"} {
		if got := a.refused("POST", "session", credentials("ani", desktest.Password), "Origin", origin); got != "403 foreign-origin" {
			t.Errorf("%s: %s", origin, got)
		}
	}
}

func TestTheCookieIsOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	for _, at := range []struct{ url, name string }{
		{"", "loket-desk-contact-centre"},
		{"https://ojk.loket.go.example/desk/contact-centre/", "__Host-loket-desk-contact-centre"},
	} {
		c := desktest.Start(t, nil, func(_ *desk.Options, p *desk.PoolInfo) { p.URL = at.url })
		r, err := http.NewRequest("POST", c.Server.URL+"/desk/contact-centre/api/session",
			strings.NewReader(`{"agent": "ani", "password": "`+desktest.Password+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Loket-Desk", "1")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if len(res.Cookies()) != 1 {
			t.Fatalf("%d cookies", len(res.Cookies()))
		}
		got := res.Cookies()[0]
		https := at.url != ""
		if got.Name != at.name || !got.HttpOnly || got.SameSite != http.SameSiteStrictMode || got.Path != "/" || got.Domain != "" || got.Secure != https {
			t.Errorf("at %q: %s", at.url, got.Raw[:40])
		}
	}
}

func TestASecondSignInEndsTheFirstOfThatBrowser(t *testing.T) {
	c := desktest.Start(t, nil)
	a := signedIn(t, c, "ani")
	cookies := a.http.Jar.Cookies(mustURL(t, a.base))
	a.want(http.StatusNoContent, "POST", "session", credentials("budi", desktest.Password))
	old := newConsole(t, c)
	old.http.Jar.SetCookies(mustURL(t, old.base), cookies)
	if got := old.refused("GET", "state", nil); got != "401 signed-out" {
		t.Errorf("the first sign-in: %s", got)
	}
	if got := a.state().Agent; got != "budi" {
		t.Errorf("the browser is %s's", got)
	}
}

func TestADismissedAgentIsOutAtOnce(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Dismiss("ani")
	if got := ani.refused("GET", "state", nil); got != "401 signed-out" {
		t.Errorf("her sign-in: %s", got)
	}
	if got := ani.refused("POST", "session", credentials("ani", desktest.Password)); got != "401 wrong-password" {
		t.Errorf("her password: %s", got)
	}
}

func TestAChangedPasswordCountsAtTheNextSignIn(t *testing.T) {
	c := desktest.Start(t, nil)
	a := newConsole(t, c)
	c.Account("ani", "kata-baru")
	a.want(http.StatusNoContent, "POST", "session", credentials("ani", "kata-baru"))
	if got := a.refused("POST", "session", credentials("ani", desktest.Password)); got != "401 wrong-password" {
		t.Errorf("the old one: %s", got)
	}
}

func TestASignInIsForOnePool(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	token := ani.http.Jar.Cookies(mustURL(t, ani.base))[0].Value
	other := desk.New(desk.Options{Store: c.Store, AgentsDir: c.AgentsDir, Pools: func() []desk.PoolInfo {
		return []desk.PoolInfo{{Name: "complaints", Slots: 4}}
	}})
	c.Mux.Handle("/desk/complaints/", other)
	a := newConsole(t, c)
	a.base = c.Server.URL + "/desk/complaints/api/"
	a.http.Jar.SetCookies(mustURL(t, a.base), []*http.Cookie{{Name: "loket-desk-complaints", Value: token, Path: "/"}})
	if got := a.refused("GET", "state", nil); got != "401 signed-out" {
		t.Errorf("at the other pool: %s", got)
	}
}
