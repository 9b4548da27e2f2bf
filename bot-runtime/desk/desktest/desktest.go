// Package desktest sets up a counter as a citizen and an agent meet it: the desk on a real SQLite store, with a bot of a few
// words and the loop that the engine would run. For tests of package desk and of the pages.
package desktest

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/sqlite"
)

// The pool and the password of every agent.
const (
	Pool     = "contact-centre"
	Password = "benar-kuda-baterai"
)

// Channels: WhatsApp closes its window after 24 hours, web chat never.
const (
	WhatsApp = "wa"
	WebChat  = "web"
)

// Counter is a running desk.
type Counter struct {
	T     testing.TB
	Store store.Store
	Desk  *desk.Desk
	// Server serves Mux, to which tests add what stands beside the desk.
	Server *httptest.Server
	Mux    *http.ServeMux
	// Before, once it is stored, sees every request before Mux does, and answers it when it returns true.
	Before atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
	// AgentsDir holds the password files.
	AgentsDir string

	mended atomic.Bool
	router desk.Router
	pool   desk.PoolInfo
	wake   chan struct{}

	mu      sync.Mutex
	changed chan struct{}
}

// Start runs a counter with agents ani and budi, two slots each, until the test ends.
func Start(t testing.TB, assets fs.FS, change ...func(*desk.Options, *desk.PoolInfo)) *Counter {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "loket.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := &Counter{
		T: t, Store: db, AgentsDir: t.TempDir(), Mux: http.NewServeMux(), router: desk.Router{Store: db},
		wake: make(chan struct{}, 1), changed: make(chan struct{}),
		pool: desk.PoolInfo{Name: Pool, Slots: 2, Languages: []string{"id", "en"},
			Title: map[string]string{"id": "Pusat Kontak", "en": "Contact Centre"}},
	}
	c.Account("ani", Password)
	c.Account("budi", Password)
	options := desk.Options{
		Store: db, AgentsDir: c.AgentsDir, Assets: assets, Log: logr.Discard(), Changed: c.nextChange, Wake: c.Wake,
		Pools: func() []desk.PoolInfo { return []desk.PoolInfo{c.pool} },
		WindowOf: func(channel string) time.Duration {
			if channel == WhatsApp {
				return message.Window
			}
			return 0
		},
	}
	for _, f := range change {
		f(&options, &c.pool)
	}
	c.Desk = desk.New(options)
	c.Mux.Handle("/desk/", c.Desk)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := c.Before.Load(); before == nil || !(*before)(w, r) {
			c.Mux.ServeHTTP(w, r)
		}
	}))

	ctx, stop := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { c.run(ctx) })
	t.Cleanup(func() {
		c.Server.CloseClientConnections()
		c.Server.Close()
		stop()
		loop.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Account writes an agent's password file.
func (c *Counter) Account(agent, password string) {
	c.T.Helper()
	c.AccountIn(Pool, agent, password)
}

// AccountIn is Account at another pool.
func (c *Counter) AccountIn(pool, agent, password string) {
	c.T.Helper()
	hash, err := desk.HashPassword(password)
	if err != nil {
		c.T.Fatal(err)
	}
	dir := filepath.Join(c.AgentsDir, pool)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, agent), []byte(hash+"\n"), 0o600); err != nil {
		c.T.Fatal(err)
	}
}

// Dismiss takes an agent's account away.
func (c *Counter) Dismiss(agent string) {
	c.T.Helper()
	if err := os.Remove(filepath.Join(c.AgentsDir, Pool, agent)); err != nil {
		c.T.Fatal(err)
	}
}

// Says brings a citizen's message on a channel, sent at a time; the word "petugas" in it asks for a person.
func (c *Counter) Says(channel, citizen, id string, at time.Time, body message.In) {
	c.T.Helper()
	_, err := c.Store.Accept(c.T.Context(), store.Batch{Messages: []store.Inbound{{
		Channel: channel, Identities: []message.Identity{Identity(channel, citizen)}, DisplayName: citizen,
		ExternalID: id, At: at, Body: body,
	}}})
	if err != nil {
		c.T.Fatal(err)
	}
	c.Wake()
}

// Asks is Says of a text, now.
func (c *Counter) Asks(channel, citizen, id, text string) {
	c.T.Helper()
	c.Says(channel, citizen, id, time.Now(), message.In{Kind: message.InText, Text: text})
}

// Fails brings the platform's word that the message which was last sent to a citizen failed.
func (c *Counter) Fails(channel, citizen string, code int, text string) {
	c.T.Helper()
	c.status(channel, citizen, store.Status{Delivery: message.DeliveryFailed, ErrorCode: code, ErrorText: text})
}

// Arrives brings the platform's word of how far the message came which was last sent to a citizen.
func (c *Counter) Arrives(channel, citizen string, delivery message.Delivery) {
	c.T.Helper()
	c.status(channel, citizen, store.Status{Delivery: delivery})
}

func (c *Counter) status(channel, citizen string, s store.Status) {
	c.T.Helper()
	rows := c.Transcript(channel, citizen)
	s.Channel, s.Ref, s.At = channel, rows[len(rows)-1].ClientID, time.Now()
	_, err := c.Store.Accept(c.T.Context(), store.Batch{Statuses: []store.Status{s}})
	if err == nil {
		_, err = c.Store.ApplyStatuses(c.T.Context(), 100)
	}
	if err != nil {
		c.T.Fatal(err)
	}
	c.Wake()
}

// Mend makes the bot take what was too much for it, or not again.
func (c *Counter) Mend(mended bool) { c.mended.Store(mended) }

// Identity of a citizen of Says.
func Identity(channel, citizen string) message.Identity {
	return message.Identity{Scope: channel, Kind: message.IdentityPhone, Value: citizen}
}

// Transcript is all that citizen and counter have said.
func (c *Counter) Transcript(channel, citizen string) []store.TranscriptMessage {
	c.T.Helper()
	held, err := c.Store.FindConversation(c.T.Context(), channel, Identity(channel, citizen))
	if err != nil {
		c.T.Fatal(err)
	}
	rows, err := c.Store.Transcript(c.T.Context(), held.ID, 0, 200)
	if err != nil {
		c.T.Fatal(err)
	}
	return rows
}

// Eventually waits until holds says so.
func (c *Counter) Eventually(what string, holds func() bool) {
	c.T.Helper()
	end := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-end:
			c.T.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// Wake makes the loop look at once.
func (c *Counter) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Counter) nextChange() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// run does what the engine does for a pod: step, route, send, and tell the desk what it saw.
func (c *Counter) run(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var seen int64
	for {
		if err := c.once(ctx); err != nil && ctx.Err() == nil {
			c.T.Errorf("the loop: %v", err)
			return
		}
		due, err := c.Store.Poll(ctx, store.PollRequest{Channels: []string{WhatsApp, WebChat}, Pools: []string{Pool}})
		if err == nil && due.DeskSeq != seen {
			seen = due.DeskSeq
			c.mu.Lock()
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-tick.C:
		}
	}
}

func (c *Counter) once(ctx context.Context) error {
	for {
		n, err := c.Store.Turn(ctx, 16, c.bot)
		if err != nil {
			return fmt.Errorf("step: %w", err)
		}
		if n == 0 {
			break
		}
	}
	if _, err := c.router.RouteOnce(ctx, c.pool); err != nil {
		return err
	}
	sends, err := c.Store.ClaimSends(ctx, []string{WhatsApp, WebChat}, 100, time.Minute, 1000)
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	for _, s := range sends {
		if _, err := c.Store.Settle(ctx, []store.Settlement{{ID: s.ID, Attempt: s.Attempt,
			SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + s.ID}}}); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	return nil
}
