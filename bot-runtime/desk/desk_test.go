package desk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
	"github.com/loket-dev/loket/bot-runtime/message"
)

func TestAnAgentIsGivenACitizenAnswersAndCloses(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "halo")
	c.Asks(desktest.WebChat, "Sari", "m2", "mau petugas")
	held := ani.holds(c, 1)[0]
	if held.Contact.Name != "Sari" || held.Summary != "Warga menulis: mau petugas" || held.WindowEndsAt != nil {
		t.Errorf("the console shows %+v", held)
	}

	path := fmt.Sprintf("conversations/%d/", held.ID)
	ref := decode[struct{ Ref string }](t, ani.want(http.StatusAccepted, "POST", path+"messages",
		map[string]string{"clientId": "click-1", "text": "Selamat pagi, Bu Sari."})).Ref
	c.Eventually("the reply is sent", func() bool {
		all := ani.state().Conversations[0].Messages
		last := all[len(all)-1]
		return last.Ref == ref && last.From == "agent" && last.Agent == "ani" && last.State == "sent"
	})

	ani.want(http.StatusNoContent, "POST", path+"close", nil)
	ani.holds(c, 0)
	c.Eventually("the bot says goodbye", func() bool {
		rows := c.Transcript(desktest.WebChat, "Sari")
		return rows[len(rows)-1].Author == message.AuthorBot && strings.HasPrefix(rows[len(rows)-1].Out.Text, "Terima kasih")
	})
}

func TestWhoAsksForASkillIsGivenToAnAgentWhoHasItAndBothAreShownWhatWasAskedFor(t *testing.T) {
	c := desktest.Start(t, nil, func(_ *desk.Options, p *desk.PoolInfo) {
		p.Slots, p.SkillsWithin = 1, time.Hour
		p.Skills = map[string][]string{"budi": {"english", "syariah"}}
	})
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas syariah") // nobody who is there has the skill
	if held := ani.holds(c, 1)[0]; !cmp.Equal(held.Skills, []string{"syariah"}) {
		t.Errorf("ani is not shown what was asked for: %+v", held)
	}
	budi := signedIn(t, c, "budi")
	c.Asks(desktest.WebChat, "Tono", "m2", "petugas syariah")
	if held := budi.holds(c, 1)[0]; held.Contact.Name != "Tono" || !cmp.Equal(held.Skills, []string{"syariah"}) {
		t.Errorf("budi holds %+v", held)
	}
	ani.want(http.StatusNoContent, "POST", fmt.Sprintf("conversations/%d/close", ani.state().Conversations[0].ID), nil)
	c.Asks(desktest.WebChat, "Umar", "m3", "petugas syariah") // waits for budi, though ani is free
	c.Eventually("Umar waits", func() bool { return ani.state().Waiting == 1 })
	c.Asks(desktest.WebChat, "Wati", "m4", "petugas")
	if held := ani.holds(c, 1)[0]; held.Contact.Name != "Wati" || held.Skills != nil {
		t.Errorf("ani holds %+v", held)
	}
	if state := budi.state(); state.Waiting != 1 || !cmp.Equal(state.Skills, []string{"english", "syariah"}) || ani.state().Skills != nil {
		t.Errorf("budi's console shows %+v", state)
	}
	budi.want(http.StatusNoContent, "POST", fmt.Sprintf("conversations/%d/close", budi.state().Conversations[0].ID), nil)
	c.Eventually("Umar is budi's", func() bool {
		held := budi.state().Conversations
		return len(held) == 1 && held[0].Contact.Name == "Umar"
	})
}

func TestARepeatedClickIsOneMessage(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	held := ani.holds(c, 1)[0]
	reply := map[string]string{"clientId": "click-1", "text": "halo"}
	path := fmt.Sprintf("conversations/%d/messages", held.ID)
	first := ani.want(http.StatusAccepted, "POST", path, reply)
	if again := ani.want(http.StatusAccepted, "POST", path, reply); again != first {
		t.Errorf("answered %s, then %s", first, again)
	}
	replies := 0
	for _, m := range ani.state().Conversations[0].Messages {
		if m.From == "agent" {
			replies++
		}
	}
	if replies != 1 {
		t.Errorf("%d replies, want 1", replies)
	}
}

func TestNobodyTouchesOrReadsAColleaguesConversation(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	held := ani.holds(c, 1)[0]
	budi := signedIn(t, c, "budi")
	for _, ask := range []struct{ method, what, body string }{
		{"POST", "messages", `{"clientId": "x", "text": "halo"}`},
		{"PUT", "draft", `{"text": "halo"}`},
		{"POST", "close", `{}`},
		{"GET", "messages?before=99", ``},
	} {
		if got := budi.refused(ask.method, fmt.Sprintf("conversations/%d/%s", held.ID, ask.what), ask.body); got != "409 not-yours" {
			t.Errorf("%s %s: %s", ask.method, ask.what, got)
		}
	}
	if n := len(budi.state().Conversations); n != 0 {
		t.Errorf("budi sees %d conversations", n)
	}
	ani.holds(c, 1)
}

func TestADraftComesBackAndGoesWithTheReply(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	path := fmt.Sprintf("conversations/%d/", ani.holds(c, 1)[0].ID)
	ani.want(http.StatusNoContent, "PUT", path+"draft", map[string]string{"text": "Bu Sari, kami"})
	other := newConsole(t, c)
	other.want(http.StatusNoContent, "POST", "session", map[string]string{"agent": "ani", "password": desktest.Password})
	if got := other.state().Conversations[0].Draft; got != "Bu Sari, kami" {
		t.Errorf("on another computer the draft is %q", got)
	}
	ani.want(http.StatusAccepted, "POST", path+"messages", map[string]string{"clientId": "1", "text": "Bu Sari, kami cek."})
	if got := ani.state().Conversations[0].Draft; got != "" {
		t.Errorf("after the reply the draft is %q", got)
	}
}

func TestAfterTwentyFourHoursTheCitizenMustWriteFirst(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	long := time.Now().Add(-message.Window - time.Minute)
	c.Says(desktest.WhatsApp, "Sari", "m1", long, message.In{Kind: message.InText, Text: "petugas"})
	held := ani.holds(c, 1)[0]
	if held.WindowEndsAt == nil || held.WindowEndsAt.After(time.Now()) {
		t.Errorf("the window ends at %v", held.WindowEndsAt)
	}
	path := fmt.Sprintf("conversations/%d/messages", held.ID)
	reply := map[string]string{"clientId": "1", "text": "halo"}
	if got := ani.refused("POST", path, reply); got != "409 window-closed" {
		t.Errorf("answered %s", got)
	}
	c.Asks(desktest.WhatsApp, "Sari", "m2", "masih ada?")
	c.Eventually("the window is open again", func() bool { return ani.state().Conversations[0].WindowEndsAt.After(time.Now()) })
	ani.want(http.StatusAccepted, "POST", path, reply)
}

func TestOlderMessagesComePageByPage(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	for i := range 40 {
		c.Asks(desktest.WebChat, "Sari", fmt.Sprint("m", i), fmt.Sprint("pertanyaan ", i))
	}
	c.Eventually("the bot has answered", func() bool { return len(c.Transcript(desktest.WebChat, "Sari")) == 80 })
	c.Asks(desktest.WebChat, "Sari", "last", "petugas")
	held := ani.holds(c, 1)[0]
	if len(held.Messages) != 50 {
		t.Fatalf("%d messages at first, want 50", len(held.Messages))
	}
	path := fmt.Sprintf("conversations/%d/messages?before=%d", held.ID, held.Messages[0].ID)
	older := decode[struct{ Messages []desk.Message }](t, ani.want(http.StatusOK, "GET", path, nil)).Messages
	if len(older) != 32 || older[0].Text != "pertanyaan 0" || older[31].ID >= held.Messages[0].ID {
		t.Errorf("%d older, from %q", len(older), older[0].Text)
	}
}

func TestWhatIsWrongIsToldInPlainWords(t *testing.T) {
	c := desktest.Start(t, nil)
	ani := signedIn(t, c, "ani")
	c.Asks(desktest.WebChat, "Sari", "m1", "petugas")
	messages := fmt.Sprintf("conversations/%d/messages", ani.holds(c, 1)[0].ID)
	got := ""
	for _, ask := range []struct{ what, method, path, body string }{
		{"no body", "POST", messages, ``},
		{"no JSON", "POST", messages, `halo`},
		{"a typing error", "POST", messages, `{"clientID2": "1", "text": "halo"}`},
		{"two values", "POST", messages, `{"clientId": "1", "text": "halo"} {}`},
		{"no name for the message", "POST", messages, `{"text": "halo"}`},
		{"a strange name", "POST", messages, `{"clientId": "a b", "text": "halo"}`},
		{"only blanks", "POST", messages, `{"clientId": "1", "text": " \n "}`},
		{"a NUL", "POST", messages, `{"clientId": "1", "text": "a\u0000b"}`},
		{"too many characters", "POST", messages, `{"clientId": "1", "text": "` + strings.Repeat("é", 4097) + `"}`},
		{"too many bytes", "POST", messages, `{"clientId": "1", "text": "` + strings.Repeat("a", 70000) + `"}`},
		{"no number", "POST", "conversations/sari/messages", `{"clientId": "1", "text": "halo"}`},
		{"nobody's conversation", "POST", "conversations/999/close", ``},
		{"older than what", "GET", messages, ``},
		{"events after what", "GET", "events", ``},
		{"a wait without unit", "GET", "events?after=0&wait=25", ``},
		{"a wait too long", "GET", "events?after=0&wait=1h", ``},
		{"no such address", "GET", "tickets", ``},
	} {
		status, text := ani.ask(ask.method, ask.path, ask.body)
		got += fmt.Sprintf("%s: %d %s\n", ask.what, status, text)
	}
	golden(t, "testdata/refusals.txt", got)
}

func TestAnUnknownPoolIsSaidToBeUnknown(t *testing.T) {
	c := desktest.Start(t, nil)
	a := newConsole(t, c)
	a.base = c.Server.URL + "/desk/nowhere/api/"
	if got := a.refused("GET", "about", nil); got != "404 unknown-pool" {
		t.Error(got)
	}
}

func TestTheSignInPageIsToldWhereItIs(t *testing.T) {
	c := desktest.Start(t, nil)
	text := newConsole(t, c).want(http.StatusOK, "GET", "about", nil)
	want := `{"pool":"contact-centre","title":{"en":"Contact Centre","id":"Pusat Kontak"},"languages":["id","en"]}`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPagesThatAreNotBuiltSayHowToBuildThem(t *testing.T) {
	c := desktest.Start(t, nil)
	res, err := http.Get(c.Server.URL + "/desk/" + desktest.Pool + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body := make([]byte, 300)
	n, _ := res.Body.Read(body)
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body[:n]), "make web") {
		t.Errorf("%d %s", res.StatusCode, body[:n])
	}
}
