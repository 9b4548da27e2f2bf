package desk_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// deeds remembers what the desk told of supervisors.
type deeds struct {
	mu   sync.Mutex
	told []string
}

func (d *deeds) add(deed desk.Deed, pool, agent string, letter int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, fmt.Sprintf("%s %s/%s %d", deed, pool, agent, letter))
}

func (d *deeds) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

// supervised is a counter whose supervisor is citra, and what it tells of her.
func supervised(t *testing.T) (*desktest.Counter, *deeds) {
	t.Helper()
	told := &deeds{}
	c := desktest.Start(t, nil, func(o *desk.Options, p *desk.PoolInfo) {
		o.Told, p.Supervisors = told.add, []string{"citra"}
	})
	c.Account("citra", desktest.Password)
	return c, told
}

type deadLetters struct {
	DeadLetters []desk.DeadLetter
	Next        int64
}

// lists waits until the supervisor's list has n dead letters.
func (a *console) lists(c *desktest.Counter, n int) []desk.DeadLetter {
	a.t.Helper()
	var got []desk.DeadLetter
	c.Eventually(fmt.Sprintf("%d dead letters", n), func() bool {
		got = decode[deadLetters](a.t, a.want(http.StatusOK, "GET", "dead-letters", nil)).DeadLetters
		return len(got) == n
	})
	return got
}

func texts(c *desktest.Counter, citizen string) []string {
	var out []string
	for _, m := range c.Transcript(desktest.WebChat, citizen) {
		if m.Out != nil {
			out = append(out, m.Out.Text)
		}
	}
	return out
}

func TestASupervisorReplaysWhatWasGivenUpAndTheCitizenIsAnsweredOnce(t *testing.T) {
	c, told := supervised(t)
	citra := signedIn(t, c, "citra")
	if n := citra.state().DeadLetters; n == nil || *n != 0 {
		t.Errorf("before anything was given up the console shows %v", n)
	}
	c.Asks(desktest.WebChat, "Sari", "m1", "kartu saya mati")
	letter := citra.lists(c, 1)[0]
	want := desk.DeadLetter{ID: letter.ID, What: "message", Contact: desk.Contact{Name: "Sari"}, Channel: desktest.WebChat,
		Conversation: letter.Conversation, At: letter.At, Reason: "it was not tried again: the process had died of it"}
	if diff := cmp.Diff(want, letter); diff != "" {
		t.Errorf("the list says (-want +got):\n%s", diff)
	}
	if list := citra.want(http.StatusOK, "GET", "dead-letters", nil); strings.Contains(list, "kartu") {
		t.Errorf("the list tells what was written: %s", list)
	}
	if n := citra.state().DeadLetters; n == nil || *n != 1 {
		t.Errorf("the console counts %v", n)
	}

	path := fmt.Sprintf("dead-letters/%d", letter.ID)
	opened := decode[desk.OpenedDeadLetter](t, citra.want(http.StatusOK, "GET", path, nil))
	if diff := cmp.Diff(desk.OpenedDeadLetter{DeadLetter: want, Message: &desk.Written{Kind: "text", Text: "kartu saya mati"}}, opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}
	c.Mend(true)
	citra.want(http.StatusNoContent, "POST", path+"/replay", nil)
	for _, again := range []struct{ method, path string }{{"POST", path + "/replay"}, {"DELETE", path}, {"GET", path}} {
		if got := citra.refused(again.method, again.path, nil); got != "404 no-dead-letter" {
			t.Errorf("afterwards %s %s: %s", again.method, again.path, got)
		}
	}
	c.Asks(desktest.WebChat, "Sari", "m2", "halo")
	c.Eventually("what came after it is answered", func() bool { return slices.Contains(texts(c, "Sari"), "Anda menulis: halo") })
	if diff := cmp.Diff([]string{"Maaf, ada gangguan.", "Anda menulis: kartu saya mati", "Anda menulis: halo"}, texts(c, "Sari")); diff != "" {
		t.Errorf("the citizen reads (-want +got):\n%s", diff)
	}
	citra.lists(c, 0)
	wantTold := []string{fmt.Sprintf("read contact-centre/citra %d", letter.ID), fmt.Sprintf("replay contact-centre/citra %d", letter.ID)}
	if diff := cmp.Diff(wantTold, told.all()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestASupervisorSeesWhatThePlatformRefusedAndDropsIt(t *testing.T) {
	c, told := supervised(t)
	citra := signedIn(t, c, "citra")
	c.Asks(desktest.WhatsApp, "Sari", "m1", "halo")
	c.Eventually("the bot's answer is sent", func() bool {
		rows := c.Transcript(desktest.WhatsApp, "Sari")
		return rows[len(rows)-1].State == "sent"
	})
	c.Fails(desktest.WhatsApp, "Sari", 131026, "Message undeliverable")
	letter := citra.lists(c, 1)[0]
	if letter.What != "send" || letter.Reason != "131026: Message undeliverable" || letter.Contact.Name != "Sari" {
		t.Errorf("the list says %+v", letter)
	}
	path := fmt.Sprintf("dead-letters/%d", letter.ID)
	opened := decode[desk.OpenedDeadLetter](t, citra.want(http.StatusOK, "GET", path, nil))
	if m := opened.Message; m == nil || m.Text != "Anda menulis: halo" || len(m.Choices) != 2 {
		t.Errorf("opened: %+v", m)
	}
	citra.want(http.StatusNoContent, "DELETE", path, nil)
	citra.lists(c, 0)
	if told := told.all(); told[len(told)-1] != fmt.Sprintf("drop contact-centre/citra %d", letter.ID) {
		t.Errorf("told %v", told)
	}
}

func TestAnAgentWhoIsNoSupervisorLearnsNothingOfDeadLetters(t *testing.T) {
	c, told := supervised(t)
	ani, citra := signedIn(t, c, "ani"), signedIn(t, c, "citra")
	c.Asks(desktest.WebChat, "Sari", "m1", "mati")
	id := citra.lists(c, 1)[0].ID
	if n := ani.state().DeadLetters; n != nil {
		t.Errorf("the console shows %d", *n)
	}
	stranger := newConsole(t, c)
	for _, ask := range []struct{ method, path string }{
		{"GET", "dead-letters"},
		{"GET", fmt.Sprintf("dead-letters/%d", id)},
		{"GET", "dead-letters/99"},
		{"POST", fmt.Sprintf("dead-letters/%d/replay", id)},
		{"DELETE", fmt.Sprintf("dead-letters/%d", id)},
	} {
		if got := ani.refused(ask.method, ask.path, nil); got != "403 not-a-supervisor" {
			t.Errorf("an agent's %s %s: %s", ask.method, ask.path, got)
		}
		if got := stranger.refused(ask.method, ask.path, nil); got != "401 signed-out" {
			t.Errorf("a stranger's %s %s: %s", ask.method, ask.path, got)
		}
		if ask.method == "GET" {
			continue
		}
		for _, foreign := range [][]string{{"X-Loket-Desk", ""}, {"Origin", "https://evil.example"}} {
			if got := citra.refused(ask.method, ask.path, nil, foreign...); got != "403 foreign-origin" {
				t.Errorf("a foreign page's %s %s: %s", ask.method, ask.path, got)
			}
		}
	}
	citra.lists(c, 1)
	if len(told.all()) != 0 {
		t.Errorf("told %v", told.all())
	}
}

func TestANameThatIsTakenAwayCountsAtOnce(t *testing.T) {
	var mu sync.Mutex
	supervisors := []string{"ani"}
	c := desktest.Start(t, nil, func(o *desk.Options, _ *desk.PoolInfo) {
		pools := o.Pools
		o.Pools = func() []desk.PoolInfo {
			mu.Lock()
			defer mu.Unlock()
			all := pools()
			all[0].Supervisors = supervisors
			return all
		}
	})
	ani := signedIn(t, c, "ani")
	ani.want(http.StatusOK, "GET", "dead-letters", nil)
	mu.Lock()
	supervisors = nil
	mu.Unlock()
	if got := ani.refused("GET", "dead-letters", nil); got != "403 not-a-supervisor" {
		t.Error(got)
	}
}

func TestASupervisorOfOnePoolIsNoneAtAnotherAndSeesTheWholeTenant(t *testing.T) {
	c := desktest.Start(t, nil, func(o *desk.Options, p *desk.PoolInfo) {
		p.Supervisors = []string{"ani"}
		pools := o.Pools
		o.Pools = func() []desk.PoolInfo { return append(pools(), desk.PoolInfo{Name: "night", Slots: 1}) }
	})
	c.AccountIn("night", "ani", desktest.Password)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "mati")
	c.Asks(desktest.WhatsApp, "Tono", "m2", "mati")
	ani.lists(c, 2)
	night := newConsole(t, c)
	night.base = c.Server.URL + "/desk/night/api/"
	night.http.Jar = ani.http.Jar
	if got := night.refused("GET", "dead-letters", nil); got != "401 signed-out" {
		t.Errorf("with the other pool's sign-in: %s", got)
	}
	night.want(http.StatusNoContent, "POST", "session", map[string]string{"agent": "ani", "password": desktest.Password})
	if got := night.refused("GET", "dead-letters", nil); got != "403 not-a-supervisor" {
		t.Errorf("with a sign-in of the same name: %s", got)
	}
}

// Each tenant has its own pods and its own store; what is tried here is that neither a sign-in nor an id means anything at
// another's.
func TestASupervisorCannotReachAnotherTenantsDeadLetters(t *testing.T) {
	ours, _ := supervised(t)
	theirs, told := supervised(t)
	citra := signedIn(t, ours, "citra")
	other := signedIn(t, theirs, "citra")
	theirs.Asks(desktest.WebChat, "Sari", "m1", "mati")
	letter := other.lists(theirs, 1)[0]
	path := fmt.Sprintf("dead-letters/%d", letter.ID)
	across := newConsole(t, theirs)
	across.http.Jar = citra.http.Jar // both answer at 127.0.0.1, so that the browser sends the cookie
	for _, ask := range []struct{ method, path string }{{"GET", path}, {"POST", path + "/replay"}, {"DELETE", path}, {"GET", "dead-letters"}} {
		if got := across.refused(ask.method, ask.path, nil); got != "401 signed-out" {
			t.Errorf("our sign-in at theirs, %s %s: %s", ask.method, ask.path, got)
		}
		if ask.path != "dead-letters" {
			if got := citra.refused(ask.method, ask.path, nil); got != "404 no-dead-letter" {
				t.Errorf("their id at ours, %s %s: %s", ask.method, ask.path, got)
			}
		}
	}
	citra.lists(ours, 0)
	other.lists(theirs, 1)
	if len(told.all()) != 0 {
		t.Errorf("told %v", told.all())
	}
}

func TestDeadLettersComePageByPage(t *testing.T) {
	c, _ := supervised(t)
	citra := signedIn(t, c, "citra")
	for i := range 101 {
		c.Asks(desktest.WebChat, fmt.Sprint("Warga ", i), fmt.Sprint("m", i), "mati")
	}
	c.Eventually("all are given up", func() bool { return *citra.state().DeadLetters == 101 })
	var sizes []int
	seen := map[int64]bool{}
	for next, path := int64(1), "dead-letters"; next != 0; path = fmt.Sprintf("dead-letters?after=%d", next) {
		page := decode[deadLetters](t, citra.want(http.StatusOK, "GET", path, nil))
		sizes, next = append(sizes, len(page.DeadLetters)), page.Next
		for _, l := range page.DeadLetters {
			seen[l.ID] = true
		}
	}
	if !slices.Equal(sizes, []int{50, 50, 1}) || len(seen) != 101 {
		t.Errorf("pages of %v, %d different letters", sizes, len(seen))
	}
}

func TestWhatIsWrongWithADeadLetterIsToldInPlainWords(t *testing.T) {
	c, _ := supervised(t)
	citra := signedIn(t, c, "citra")
	c.Asks(desktest.WhatsApp, "Sari", "m1", "halo")
	c.Eventually("the bot's answer is sent", func() bool {
		rows := c.Transcript(desktest.WhatsApp, "Sari")
		return rows[len(rows)-1].State == "sent"
	})
	c.Fails(desktest.WhatsApp, "Sari", 131026, "Message undeliverable")
	late := citra.lists(c, 1)[0].ID
	c.Arrives(desktest.WhatsApp, "Sari", message.DeliveryDelivered)

	got := ""
	for _, ask := range []struct{ what, method, path string }{
		{"no number", "GET", "dead-letters/sari"},
		{"a path as an id", "GET", "dead-letters/x%2Fy"},
		{"nothing of an id", "DELETE", "dead-letters/0"},
		{"more than an id can be", "POST", "dead-letters/" + strings.Repeat("9", 4000) + "/replay"},
		{"markup", "DELETE", "dead-letters/%3Cimg%20src=x%3E"},
		{"nobody's", "POST", "dead-letters/999/replay"},
		{"delivered after all", "POST", fmt.Sprintf("dead-letters/%d/replay", late)},
		{"after what", "GET", "dead-letters?after=sari"},
		{"before the first", "GET", "dead-letters?after=-1"},
		{"a wrong method", "PUT", "dead-letters/999"},
	} {
		status, text := citra.ask(ask.method, ask.path, nil)
		got += fmt.Sprintf("%s: %d %s\n", ask.what, status, text)
	}
	golden(t, "testdata/deadletters.txt", got)
	citra.lists(c, 1)
}
