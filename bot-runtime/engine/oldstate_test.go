package engine

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// oldState is a conversation as a released version left it. Files of them are never rewritten: what a citizen began with an old
// version goes on with every later one. A version that writes another format adds a file.
type oldState struct {
	Name   string          `json:"name"`
	Format int             `json:"format"`
	State  json.RawMessage `json:"state"`
	// Item is what comes next, as the store hands it over; Want is what the bot says then.
	Item store.Item `json:"item"`
	Want []string   `json:"want"`
}

// oldFlow is what the conversations of the files stand in.
func oldFlow() bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{
		Languages: []v1alpha1.Language{"id", "en"}, Start: "menu",
		Variables: []v1alpha1.VariableDeclaration{{Name: "amount", Type: v1alpha1.VariableNumber}, {Name: "story", Type: v1alpha1.VariableString}, {Name: "where", Type: v1alpha1.VariableString}},
		Triggers: []v1alpha1.Trigger{{Name: "much", Words: v1alpha1.Words{"id": {"berapa"}, "en": {"how much"}}, Next: "amount", Returns: true},
			{Name: "ask", Words: v1alpha1.Words{"id": {"tanyakan"}, "en": {"ask them"}}, Next: "ask"}},
		Nodes: []v1alpha1.Node{
			{Name: "menu", Menu: &v1alpha1.Menu{Text: v1alpha1.Text{"id": "Pilih.", "en": "Choose."}, Options: []v1alpha1.Option{
				{Name: "report", Title: v1alpha1.Text{"id": "Pengaduan", "en": "Complaint"}, Next: "amount"},
				{Name: "person", Title: v1alpha1.Text{"id": "Petugas", "en": "Person"}, Next: "person"},
				{Name: "twice", Title: v1alpha1.Text{"id": "Dua kali", "en": "Twice"}, Next: "first"}}}},
			{Name: "first", Next: "second", Run: &v1alpha1.Run{Start: "place", Results: []v1alpha1.Assignment{{Name: "story", Value: "where"}}}},
			{Name: "second", Next: "end", Run: &v1alpha1.Run{Start: "place", Arguments: []v1alpha1.Assignment{{Name: "where", Value: "'nowhere'"}},
				Results: []v1alpha1.Assignment{{Name: "story", Value: "story + ', ' + where"}}}},
			{Name: "place", Next: "noted", Ask: &v1alpha1.Ask{As: "where", Type: v1alpha1.AskText, Text: v1alpha1.Text{"id": "Di mana?", "en": "Where?"}}},
			{Name: "noted", End: &v1alpha1.End{}},
			{Name: "amount", Next: "story", Ask: &v1alpha1.Ask{As: "amount", Type: v1alpha1.AskNumber, Retries: 2, Text: v1alpha1.Text{"id": "Berapa?", "en": "How much?"}}},
			{Name: "story", Next: "end", Ask: &v1alpha1.Ask{As: "story", Type: v1alpha1.AskText, Text: v1alpha1.Text{"id": "Apa?", "en": "What?"}}},
			{Name: "end", End: &v1alpha1.End{Text: v1alpha1.Text{"id": "{{ amount }}: {{ story }}", "en": "{{ amount }}; {{ story }}"}}},
			{Name: "ask", Next: "menu", Call: &v1alpha1.Call{URL: "https://service.example/", Otherwise: "menu"}},
			{Name: "person", Next: "survey", Handoff: &v1alpha1.Handoff{Pool: "counter", Text: v1alpha1.Text{"id": "Mohon tunggu.", "en": "Please wait."}}},
			{Name: "survey", Next: "thanks", Survey: &v1alpha1.Survey{Text: v1alpha1.Text{"id": "Nilai?", "en": "Rate?"}}},
			{Name: "thanks", End: &v1alpha1.End{Text: v1alpha1.Text{"id": "Terima kasih.", "en": "Thank you."}}},
		},
	}}
	flow.Name = "old"
	o := tenantWith(flow)
	o.Tenant.Spec.Languages = []v1alpha1.Language{"id", "en"}
	pool := v1alpha1.AgentPool{Spec: v1alpha1.AgentPoolSpec{ConversationsPerAgent: 4, Agents: v1alpha1.Agents{SecretName: "agents"}, Queue: v1alpha1.Queue{MaxWaiting: 10}}}
	pool.Name = "counter"
	o.Pools = []v1alpha1.AgentPool{pool}
	return o
}

func TestAConversationOfEveryReleasedVersionGoesOn(t *testing.T) {
	files, err := filepath.Glob("testdata/state-format-*.json")
	if err != nil || len(files) < stateFormat {
		t.Fatalf("%d files of old states for %d formats (%v): each format that was released has one", len(files), stateFormat, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var states []oldState
		if err := json.Unmarshal(body, &states); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, old := range states {
			t.Run(filepath.Base(file)+"/"+old.Name, func(t *testing.T) {
				x := newTalk(t, oldFlow())
				x.lane.Format, x.lane.State = old.Format, old.State
				out := x.step(old.Item)
				if diff := cmp.Diff(old.Want, texts(out)); diff != "" {
					t.Errorf("the bot said (-want +got):\n%s\nand keeps %s", diff, out.State)
				}
				if out.Skip != 0 || out.Format < 1 || out.Format > stateFormat {
					t.Errorf("skipped for %v, format %d", out.Skip, out.Format)
				}
			})
		}
	}
}

func TestAConversationOfANewerVersionIsLeftToOneAndNeverReset(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
	x := startOn(t, s, newWire(), nil)
	x.apply(counting())
	x.deliver(post{ID: "m1", From: "62811", Text: "1"})
	x.wire.said(t, "62811", 1)
	newer := []byte(`{"anything":"of a newer version"}`)
	write := func(query string, args ...any) {
		t.Helper()
		if err := s.(database).Write(t.Context(), func(tx acts.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	write(`UPDATE conversation_state SET format = $1, state = $2`, int64(stateFormat+1), newer)
	x.deliver(post{ID: "m2", From: "62811", Text: "2"}, post{ID: "o1", From: "62822", Text: "1"})
	x.wire.said(t, "62822", 1)
	var kept []byte
	var waiting int64
	x.until("the lane was looked at, and rests", func() bool {
		var rests bool
		err := s.(database).Read(t.Context(), func(tx acts.Tx) error {
			rows, err := tx.Query(`SELECT s.state, r.run_at > {now}, (SELECT count(*) FROM inbox i WHERE i.conversation = s.conversation)
				FROM conversation_state s JOIN runnable r ON r.conversation = s.conversation`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := rows.Scan(&kept, &rests, &waiting); err != nil {
					return err
				}
			}
			return rows.Err()
		})
		return err == nil && rests
	})
	if string(kept) != string(newer) || waiting != 1 {
		t.Errorf("%d messages wait before the state %s", waiting, kept)
	}
	// The newer version comes, and steps it back to what this one reads.
	write(`UPDATE conversation_state SET format = 0, state = $1`, []byte{})
	if got := x.wire.said(t, "62811", 2); got[1] != "2:1" {
		t.Errorf("what had waited was answered %q", got)
	}
}

// A body that cannot be read is one message's misfortune: the claim that meets it must not fail for all.
func TestAnOutgoingMessageThatCannotBeReadHoldsUpNobody(t *testing.T) {
	for name, body := range map[string]string{"is no JSON": "{", "is of another shape": `{"text":7}`} {
		t.Run(name, func(t *testing.T) {
			s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
			w := newWire()
			w.ok = false // nothing is sent yet
			x := startOn(t, s, w, nil)
			x.apply(counting())
			x.deliver(post{ID: "m1", From: "62811", Text: "1"}, post{ID: "m2", From: "62811", Text: "2"}, post{ID: "o1", From: "62822", Text: "1"})
			x.until("three answers wait", func() bool {
				n := 0
				_ = s.(database).Read(t.Context(), func(tx acts.Tx) error {
					rows, err := tx.Query(`SELECT count(*) FROM outbox`)
					if err != nil {
						return err
					}
					defer rows.Close()
					for rows.Next() {
						err = rows.Scan(&n)
					}
					return err
				})
				return n == 3
			})
			if err := s.(database).Write(t.Context(), func(tx acts.Tx) error {
				_, err := tx.Exec(`UPDATE message SET body = $1 WHERE id = (SELECT min(seq) FROM outbox)`, body)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			w.mu.Lock()
			w.ok = true
			w.mu.Unlock()
			x.Wake()
			if got := w.said(t, "62822", 1); got[0] != "1:1" {
				t.Errorf("the other citizen got %q", got)
			}
			if got := w.said(t, "62811", 1); got[0] != "2:2" {
				t.Errorf("the citizen whose first answer cannot be read got %q", got)
			}
			letters, err := s.DeadLetters(t.Context(), 0, 10)
			if err != nil || len(letters) != 1 || letters[0].Kind != "send" {
				t.Errorf("dead letters %+v, %v; want the one message", letters, err)
			}
		})
	}
}

// FuzzStoredState: whatever stands in a conversation's row and in its inbox, the step says something, or leaves it alone.
func FuzzStoredState(f *testing.F) {
	body, err := os.ReadFile("testdata/state-format-1.json")
	if err != nil {
		f.Fatal(err)
	}
	var states []oldState
	if err := json.Unmarshal(body, &states); err != nil {
		f.Fatal(err)
	}
	for _, old := range states {
		item, err := json.Marshal(old.Item)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(old.Format, []byte(old.State), item, "bot")
	}
	f.Add(1, []byte(`{"s":{"f":99}}`), []byte(`{"Kind":"message","Body":{"kind":"text","text":"x"}}`), "agent")
	f.Add(1, []byte(`{"flow":"old","rev":"gone","kind":"ask","s":{"f":1,"n":"story","v":{"amount":"no number","story":[]}}}`), []byte(`{"Kind":"closed"}`), "queue")
	var compile sync.Once
	var compiled *talk // once for all: compiling takes longer than stepping
	f.Fuzz(func(t *testing.T, format int, state, item []byte, owner string) {
		compile.Do(func() { compiled = newTalk(t, oldFlow()) })
		x := &talk{t: t, shelf: compiled.shelf, stepper: compiled.stepper, lane: compiled.lane}
		var row store.Item
		if json.Unmarshal(item, &row) != nil {
			return
		}
		row.ID = 1
		x.lane.Format, x.lane.State, x.lane.Inbox, x.lane.Conversation.Owner = format, state, []store.Item{row}, store.Owner(owner)
		out, err := x.stepper.step(x.lane)
		if err == nil && out.Skip > 0 {
			x.stepper.fetch(context.Background())
			out, err = x.stepper.step(x.lane)
		}
		if err != nil {
			t.Fatalf("a state that is there cannot be stepped: %v", err)
		}
		if out.Skip > 0 {
			return
		}
		if format > stateFormat {
			t.Fatalf("a state of format %d was stepped", format)
		}
		if len(out.Handled) != 1 || out.Format < 1 || out.Format > stateFormat || !json.Valid(out.State) {
			t.Fatalf("handled %v, format %d, state %s", out.Handled, out.Format, out.State)
		}
		if owner != string(store.OwnerBot) && len(out.Send) > 0 {
			t.Fatalf("the bot speaks while the %s has the conversation", owner)
		}
		x.lane.Format, x.lane.State = out.Format, out.State
		x.lane.Inbox = []store.Item{{ID: 2, Kind: store.ItemMessage, ExternalID: "next", At: monday, Body: message.In{Kind: message.InText, Text: "halo"}}}
		x.lane.Conversation.Owner = store.OwnerBot
		if next, err := x.stepper.step(x.lane); err != nil || next.Skip == 0 && len(next.Send) == 0 {
			t.Fatalf("what it keeps is answered with nothing: %v, %s", err, out.State)
		}
	})
}

// FuzzStoredBundle: whatever stands in the rows of bundles and live objects, loading says what is wrong and crashes nothing.
func FuzzStoredBundle(f *testing.F) {
	b := bundle.From(counting())
	envelope, err := json.Marshal(bundle.Wrap(b))
	if err != nil {
		f.Fatal(err)
	}
	object, err := json.Marshal(b.Objects[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(envelope, object, []byte(`{"good":true}`))
	f.Add([]byte(`{"bundle":{"objects":[{"kind":"DialogFlow","name":"x"}]}}`), []byte(`{"kind":"Channel"}`), []byte(`[]`))
	e := New(Options{Connect: func(string, v1alpha1.ChannelSpec, Doors) Connection { return Connection{} }})
	f.Fuzz(func(t *testing.T, envelope, object, verdict []byte) {
		live, err := e.load(store.LiveSet{Version: 1, Hash: "h", Bundle: envelope, Verdicts: [][]byte{verdict},
			Objects: []store.LiveObject{{Kind: "DialogFlow", Name: "count", Hash: "o", Body: object}}})
		if err == nil && live == nil {
			t.Fatal("neither loaded nor refused")
		}
	})
}

// FuzzNote: the note of what the last process died of may be cut short, or anybody's.
func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"row":7,"died":1}`))
	f.Add([]byte(`{"row":`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, note []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "stepping.json"), note, 0o600); err != nil {
			t.Fatal(err)
		}
		c, _ := newCaution(dir, func() {}, func(err error) { t.Fatal(err) })
		handled := 0
		step := c.around(func(l store.Lane) (store.Outcome, error) {
			handled++
			return store.Outcome{Handled: []int64{l.Inbox[0].ID}}, nil
		})
		if _, err := step(store.Lane{Inbox: []store.Item{{ID: 7}}}); err != nil || handled != 1 {
			t.Fatalf("stepped %d times, %v", handled, err)
		}
		if err := c.survived(); err != nil {
			t.Fatal(err)
		}
	})
}

// A channel's calls are its own: one whose platform hangs keeps no answer of another channel back.
func TestAChannelThatHangsHoldsUpNoOther(t *testing.T) {
	w, release := newWire(), make(chan struct{})
	w.verdict = nil
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), w, func(o *Options) {
		connect := o.Connect
		o.Connect = func(name string, spec v1alpha1.ChannelSpec, doors Doors) Connection {
			c := connect(name, spec, doors)
			if name == "wa" {
				c.Sender = hanging{w, release}
			}
			return c
		}
	})
	t.Cleanup(func() { close(release) }) // before the engine's end, which waits for its calls
	objects := counting()
	other := objects.Channels[0]
	other.Name = "chat"
	objects.Channels = append(objects.Channels, other)
	x.apply(objects)
	var posts []post
	for n := range 3 * sendsMost {
		posts = append(posts, post{ID: uuid.NewString(), From: "628" + time.Unix(int64(n), 0).UTC().Format("150405"), Text: "1"})
	}
	if code := x.deliver(posts...); code != 200 {
		t.Fatal(code)
	}
	x.until("the channel has all its calls in the air", func() bool {
		x.sender.mu.Lock()
		defer x.sender.mu.Unlock()
		return x.sender.flying["wa"] == sendsMost
	})
	if _, err := x.store.Accept(t.Context(), store.Batch{Messages: []store.Inbound{{Channel: "chat", ExternalID: "c1", At: time.Now(),
		Identities: []message.Identity{{Scope: "web", Kind: message.IdentityWebChat, Value: "browser"}}, Body: message.In{Kind: message.InText, Text: "1"}}}}); err != nil {
		t.Fatal(err)
	}
	x.Wake()
	if got := x.wire.said(t, "browser", 1); got[0] != "1:1" {
		t.Errorf("the other channel said %q", got)
	}
}

// hanging is a platform that answers when it is let.
type hanging struct {
	*wire
	release chan struct{}
}

func (h hanging) Send(context.Context, store.Send) channel.Verdict {
	<-h.release // and no sooner: a call that gives up would make room within the test's patience
	return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotAccepted}}
}
