package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/hack/sim/platform"
)

func TestAPersonListsShowsReplaysAndDropsWhatWasGivenUp(t *testing.T) {
	w := newTown(t, platform.Faults{})
	opened := make(chan store.Store, 1)
	socket := filepath.Join(w.dir, socketName)
	w.start(func(p *pod) {
		p.socket, p.started = socket, func(_ *engine.Engine, s store.Store) { opened <- s }
	})
	s := <-opened
	siti := message.Identity{Scope: "wa", Kind: message.IdentityPhone, Value: "6281100"}
	giveUp := func(id, text string) { // before the first bundle no pod takes a step, so this one is the test's
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
	giveUp("m1", "apakah Dana Mekar Jaya itu resmi kak?")
	giveUp("m2", "rahasia")
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
	if _, err := run("show", "x/y"); err == nil {
		t.Error("no id, and no error")
	}
}

func TestWhereNoPodRunsTheCommandSaysSo(t *testing.T) {
	root := command()
	root.SetArgs([]string{"dead", "list", "--socket", filepath.Join(t.TempDir(), "none")})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "no pod answers") {
		t.Error(err)
	}
}
