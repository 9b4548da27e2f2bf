package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/hack/sim/platform"
)

var siti = message.Identity{Scope: "wa", Kind: message.IdentityPhone, Value: "6281100"}

// giveUp leaves a message of siti's as a dead letter. Before the first bundle no pod takes a step, so this one is the test's.
func giveUp(t *testing.T, s store.Store, id, text string) {
	t.Helper()
	if _, err := s.Accept(t.Context(), store.Batch{Messages: []store.Inbound{{Channel: "wa", ExternalID: id, At: time.Now(),
		Identities: []message.Identity{siti}, Body: message.In{Kind: message.InText, Text: text}}}}); err != nil {
		t.Fatal(err)
	}
	n, err := s.Turn(t.Context(), 1, func(l store.Lane) (store.Outcome, error) {
		return store.Outcome{Format: 1, State: l.State, Poisoned: true}, nil
	})
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestAPersonListsShowsReplaysAndDropsWhatWasGivenUp(t *testing.T) {
	w := newTown(t, platform.Faults{})
	opened := make(chan store.Store, 1)
	socket := filepath.Join(w.dir, socketName)
	w.start(func(p *pod) {
		p.socket, p.started = socket, func(_ *engine.Engine, s store.Store) { opened <- s }
	})
	s := <-opened
	giveUp(t, s, "m1", "apakah Dana Mekar Jaya itu resmi kak?")
	giveUp(t, s, "m2", "rahasia")
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		root := command()
		root.SetOut(&out)
		root.SetArgs(append([]string{"dead", "--socket", socket}, args...))
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	listed, err := run("list")
	lines := strings.Split(strings.TrimSpace(listed), "\n")
	if err != nil || len(lines) != 3 || !strings.Contains(lines[1], "not handled") || strings.Contains(listed, "rahasia") {
		t.Fatalf("%v\n%s", err, listed)
	}
	first, second := strings.Fields(lines[1])[0], strings.Fields(lines[2])[0]
	if shown, err := run("show", second); err != nil || !strings.Contains(shown, `"text": "rahasia"`) {
		t.Errorf("%v\n%s", err, shown)
	}
	if _, err := run("drop", second, "77"); err == nil || !strings.Contains(err.Error(), "77: there is no such dead letter") {
		t.Errorf("dropping two, one of which is not there: %v", err)
	}
	w.apply(sampleObjects(t))
	if out, err := run("replay", first); err != nil || out != first+" is replayed\n" {
		t.Errorf("%q, %v", out, err)
	}
	v, err := s.FindConversation(t.Context(), "wa", siti)
	if err != nil {
		t.Fatal(err)
	}
	w.until("the question is answered after all", func() bool {
		said, err := s.Transcript(t.Context(), v.ID, 0, 10)
		return err == nil && len(said) == 3 && said[2].Out != nil && strings.Contains(said[2].Out.Text, "KEP-12/D.05/2021")
	})
	// This citizen is of no portfolio, so that the answer ends as a dead letter of its own, sooner or later.
	if listed, err := run("list"); err != nil || strings.Contains(listed, "not handled") {
		t.Errorf("%v\n%s", err, listed)
	}
	for _, act := range []string{"show", "replay", "drop"} {
		for _, id := range []string{"x/y", "0", "", "1/replay", "99999999999999999999", "\x00"} {
			if _, err := run(act, id); err == nil || !strings.Contains(err.Error(), strconv.Quote(id)+" is no id of a dead letter; `dead list`") {
				t.Errorf("%s %q: %v", act, id, err)
			}
		}
		if _, err := run(act, "77"); err == nil || !strings.Contains(err.Error(), "77: there is no such dead letter; `dead list`") {
			t.Errorf("%s 77: %v", act, err)
		}
	}
}

// The whole way in a pod as it runs: the bundle names the supervisor, the desk asks for the password, the engine answers.
func TestASupervisorReplaysAtTheDeskWhatWasGivenUp(t *testing.T) {
	w := newTown(t, platform.Faults{})
	opened := make(chan store.Store, 1)
	var log syncedLines
	w.start(func(p *pod) {
		p.started = func(_ *engine.Engine, s store.Store) { opened <- s }
		p.log = funcr.New(func(prefix, args string) { log.add(prefix + " " + args) }, funcr.Options{})
	})
	s := <-opened
	giveUp(t, s, "m1", "apakah Dana Mekar Jaya itu resmi kak?")
	objects := supervised(sampleObjects(t))
	w.apply(objects)
	pool := objects.Pools[0].Name
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.public+"/desk/"+pool+"/api/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Loket-Desk", "1")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(said)
	}
	if code, said := ask("POST", "session", `{"agent": "`+devAgent+`", "password": "of-the-test"}`); code != http.StatusNoContent {
		t.Fatal(code, said)
	}
	var list struct{ DeadLetters []desk.DeadLetter }
	code, said := ask("GET", "dead-letters", "")
	if err := json.Unmarshal([]byte(said), &list); err != nil || code != http.StatusOK || len(list.DeadLetters) != 1 {
		t.Fatal(code, said, err)
	}
	if code, said := ask("POST", "dead-letters/"+strconv.FormatInt(list.DeadLetters[0].ID, 10)+"/replay", ""); code != http.StatusNoContent {
		t.Fatal(code, said)
	}
	v, err := s.FindConversation(t.Context(), "wa", siti)
	if err != nil {
		t.Fatal(err)
	}
	w.until("the question is answered after all", func() bool {
		said, err := s.Transcript(t.Context(), v.ID, 0, 10)
		return err == nil && len(said) == 2 && said[1].Out != nil && strings.Contains(said[1].Out.Text, "KEP-12/D.05/2021")
	})
	if n := w.metric("loket_dead_letter_deeds_total"); n != 1 {
		t.Errorf("%v deeds are counted", n)
	}
	told := log.all()
	if !strings.Contains(told, `"deed"="replay"`) || !strings.Contains(told, `"agent"="`+devAgent+`"`) || strings.Contains(told, "Dana Mekar") {
		t.Errorf("the log says:\n%s", told)
	}
}

// syncedLines is a log that a test reads.
type syncedLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *syncedLines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *syncedLines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func TestWhereNoPodRunsTheCommandSaysSo(t *testing.T) {
	root := command()
	root.SetArgs([]string{"dead", "list", "--socket", filepath.Join(t.TempDir(), "none")})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "no pod answers") {
		t.Error(err)
	}
}
