package webchat

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// box is a mailbox in memory: one conversation a citizen, ids drawn as a database draws them.
type box struct {
	mu     sync.Mutex
	seen   map[string]bool
	owners []message.Identity // conversation i+1
	rows   map[int64][]store.TranscriptMessage
	nextID int64
	refuse error

	persons      map[int64]bool // conversations that a person has
	broken       bool           // Mailboxes cannot be asked
	looks, reads int
}

func newBox() *box {
	return &box{seen: map[string]bool{}, rows: map[int64][]store.TranscriptMessage{}, persons: map[int64]bool{}}
}

func (b *box) person(conversation int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.persons[conversation] = true
}

func (b *box) fail(yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = yes
}

func (b *box) forgetReads() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks, b.reads = 0, 0
}

func (b *box) asked() (looks, reads int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.looks, b.reads
}

func (b *box) Mailboxes(_ context.Context, _ string, of []message.Identity) ([]store.Mailbox, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	if b.broken {
		return nil, store.ErrUnavailable
	}
	out := make([]store.Mailbox, len(of))
	for i, id := range of {
		c := b.conversation(id)
		if rows := b.rows[c]; len(rows) > 0 {
			out[i] = store.Mailbox{Newest: rows[len(rows)-1].ID, Person: b.persons[c]}
		}
	}
	return out, nil
}

func (b *box) accept(batch store.Batch) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	for _, m := range batch.Messages {
		if b.seen[m.ExternalID] {
			continue
		}
		b.seen[m.ExternalID] = true
		body := m.Body
		b.nextID++
		c := b.conversation(m.Identities[0])
		if c == 0 {
			b.owners = append(b.owners, m.Identities[0])
			c = int64(len(b.owners))
		}
		b.rows[c] = append(b.rows[c], store.TranscriptMessage{ID: b.nextID, In: &body, At: m.At, ClientID: m.ExternalID})
	}
	return nil
}

func (b *box) conversation(id message.Identity) int64 {
	for i, o := range b.owners {
		if o == id {
			return int64(i + 1)
		}
	}
	return 0
}

// answer puts a message to the citizen into a conversation, under an id that may have been drawn before others.
func (b *box) answer(conversation, id int64, author message.Author, out message.Out, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := append(b.rows[conversation], store.TranscriptMessage{ID: id, Out: &out, Author: author, At: at, State: "queued", ClientID: "console"})
	for i := len(rows) - 1; i > 0 && rows[i].ID < rows[i-1].ID; i-- {
		rows[i], rows[i-1] = rows[i-1], rows[i]
	}
	b.rows[conversation] = rows
}

func (b *box) FindConversation(_ context.Context, _ string, id message.Identity) (store.Conversation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if c := b.conversation(id); c != 0 {
		return store.Conversation{ID: c}, nil
	}
	return store.Conversation{}, store.ErrNotFound
}

func (b *box) TranscriptSince(_ context.Context, c, after int64, limit int) ([]store.TranscriptMessage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []store.TranscriptMessage
	for _, r := range b.rows[c] {
		if r.ID > after && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is a chat on a real port.
type site struct {
	*httptest.Server
	t     *testing.T
	box   *box
	clock *clock
	live  bool
	token string
}

// podRoom is small, so that tests can fill it.
const podRoom = 5

func open(t *testing.T, rates Rates) *site { return openIn(t, rates, NewRoom(podRoom)) }

func openIn(t *testing.T, rates Rates, room Room) *site {
	s := &site{t: t, box: newBox(), clock: &clock{at: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}, live: true}
	server := New(Options{
		Name: "web",
		Spec: v1alpha1.WebChatChannel{AllowedOrigins: []v1alpha1.Origin{"https://www.example.go.id", "https://evil.example;script-src"}},
		Tenant: func() bundle.Tenant {
			return bundle.Tenant{DisplayName: v1alpha1.Text{"id": "Otoritas", "en": "Authority"}, Languages: []string{"id", "en"}}
		},
		Accept: s.box.accept, Live: func() bool { return s.live }, Mailbox: s.box, Rates: rates, Room: room, Now: s.clock.now,
		Pages: fstest.MapFS{"chat.html": {Data: []byte("<!doctype html>")}, "widget.js": {Data: []byte("0")}, "desk.html": {Data: []byte("desk")}},
	})
	s.Server = httptest.NewServer(server)
	t.Cleanup(s.Close)
	var got Session
	if status := s.call("POST", "api/session", nil, &got); status != 201 {
		t.Fatalf("no session: %d", status)
	}
	s.token = got.Token
	return s
}

func (s *site) request(method, path string, body any, headers ...string) *http.Response {
	b, _ := json.Marshal(body)
	if raw, ok := body.(string); ok {
		b = []byte(raw)
	}
	r, err := http.NewRequest(method, s.URL+"/chat/web/"+path, bytes.NewReader(b))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func (s *site) call(method, path string, body, into any, headers ...string) int {
	res := s.request(method, path, body, headers...)
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			s.t.Fatalf("%s %s answered %q", method, path, b)
		}
	}
	return res.StatusCode
}

func (s *site) say(clientID, text string) int {
	return s.call("POST", "api/messages", Post{ClientID: clientID, Text: text}, nil)
}
