package desk_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
)

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// until is the kinds of events that come, to the first of a kind.
func until(t *testing.T, lines <-chan string, kind string) (kinds []string, last int64) {
	t.Helper()
	for {
		e, ok := event(t, lines)
		if !ok {
			t.Fatalf("the stream ended after %v, before %s", kinds, kind)
		}
		if kinds = append(kinds, e.Kind); e.Kind == kind {
			return kinds, e.Seq
		}
	}
}

func TestAConsoleHearsWhatConcernsIt(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	lines, stop := ani.stream(fmt.Sprintf("events?after=%d", ani.state().Seq))
	defer stop()
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	if kinds, _ := until(t, lines, "assigned"); !slices.Contains(kinds, "queued") {
		t.Errorf("heard %v", kinds)
	}
	c.Asks(desktest.WebChat, "Sari", "m2", "halo?")
	until(t, lines, "message")
	path := fmt.Sprintf("conversations/%d/", ani.holds(c, 1)[0].ID)
	ani.want(http.StatusAccepted, "POST", path+"messages", map[string]string{"clientId": "1", "text": "halo"})
	until(t, lines, "delivery")
	ani.want(http.StatusNoContent, "POST", path+"close", nil)
	until(t, lines, "closed")
}

func TestAStreamGoesOnAfterTheLastEventThatWasSeen(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	ani.holds(c, 1)
	lines, stop := ani.stream("events?after=0")
	kinds, seen := until(t, lines, "assigned")
	stop()
	c.Asks(desktest.WebChat, "Sari", "m2", "halo?")
	again, stop := ani.stream("events?after=0", "Last-Event-ID", fmt.Sprint(seen))
	defer stop()
	more, next := until(t, again, "message")
	if next <= seen || slices.Contains(more, "assigned") {
		t.Errorf("heard %v to %d, then %v to %d", kinds, seen, more, next)
	}
}

func TestSigningOutEndsWhatIsOpen(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	lines, stop := ani.stream("events?after=0")
	defer stop()
	poll := make(chan string)
	other := &console{t: t, base: ani.base, http: &http.Client{Jar: copyOf(t, ani)}}
	started := make(chan struct{})
	go func() {
		close(started)
		poll <- other.refused("GET", fmt.Sprintf("events?after=%d&wait=30s", 1<<40), nil)
	}()
	<-started
	ani.want(http.StatusNoContent, "DELETE", "session", nil)
	if _, more := event(t, lines); more {
		t.Error("an event came after signing out")
	}
	if got := <-poll; got != "401 signed-out" {
		t.Errorf("the long poll: %s", got)
	}
	if got := other.refused("GET", "state", nil); got != "401 signed-out" {
		t.Errorf("the cookie that was kept: %s", got)
	}
}

func copyOf(t *testing.T, a *console) http.CookieJar {
	t.Helper()
	jar := newJar(t)
	jar.SetCookies(mustURL(t, a.base), a.http.Jar.Cookies(mustURL(t, a.base)))
	return jar
}

func TestALongPollAnswersAsSoonAsSomethingHappens(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	from := ani.state().Seq
	type answer struct {
		Seq    int64
		Events []desk.Event
	}
	none := decode[answer](t, ani.want(http.StatusOK, "GET", fmt.Sprintf("events?after=%d&wait=1ms", from), nil))
	if none.Seq != from || none.Events == nil || len(none.Events) != 0 {
		t.Errorf("nothing happened, and it says %+v", none)
	}
	got := make(chan string, 1)
	other := &console{t: t, base: ani.base, http: &http.Client{Jar: copyOf(t, ani)}}
	go func() { got <- other.want(http.StatusOK, "GET", fmt.Sprintf("events?after=%d&wait=30s", from), nil) }()
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	some := decode[answer](t, <-got)
	if len(some.Events) == 0 || some.Seq != some.Events[len(some.Events)-1].Seq || some.Seq <= from {
		t.Errorf("it says %+v", some)
	}
}

func TestASignInHasOnlySoManyStreams(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	for range 12 {
		_, stop := ani.stream("events?after=0")
		defer stop()
	}
	if got := ani.refused("GET", "events?after=0", nil); got != "429 too-many-streams" {
		t.Errorf("the thirteenth: %s", got)
	}
}
