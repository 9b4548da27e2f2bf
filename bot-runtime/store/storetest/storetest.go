// Package storetest is the conformance suite of package store: what every engine must keep, told as what citizens, agents
// and operators would see. Both engines run it, and so does any that comes later.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// Run runs the suite. open returns a migrated, empty store that nobody else uses, and closes it with the test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, group := range []struct {
		name  string
		tests []check
	}{{"intake", intakeTests}, {"turns", turnTests}, {"calls", callTests}, {"sends", sendTests}, {"desk", deskTests}, {"mailboxes", mailboxTests}, {"config", configTests}, {"dead letters", deadTests}, {"upkeep", upkeepTests}} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.tests {
				t.Run(c.name, func(t *testing.T) { c.run(t, &counter{Store: open(t), ctx: t.Context(), t: t}) })
			}
		})
	}
}

// engine is what a store lets its tests do beside its acts.
type engine interface {
	Write(ctx context.Context, act func(acts.Tx) error) error
	Read(ctx context.Context, act func(acts.Tx) error) error
}

// count reads the number of rows of a table that no act shows.
func (c *counter) count(from string) (n int) {
	c.t.Helper()
	if err := c.Store.(engine).Read(c.ctx, func(tx acts.Tx) error {
		rows, err := tx.Query("SELECT count(*) FROM " + from)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				return err
			}
		}
		return rows.Err()
	}); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// age changes rows as time would have, which no test can wait for.
func (c *counter) age(statements ...string) {
	c.t.Helper()
	if err := c.Store.(engine).Write(c.ctx, func(tx acts.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
}

// check is one promise.
type check struct {
	name string
	run  func(t *testing.T, c *counter)
}

// counter is a store with the words that the checks are told in.
type counter struct {
	store.Store
	ctx context.Context
	t   *testing.T
}

// phone is a citizen on WhatsApp.
func phone(number string) message.Identity {
	return message.Identity{Scope: "portfolio", Kind: message.IdentityPhone, Value: number}
}

func bsuid(id string) message.Identity {
	return message.Identity{Scope: "portfolio", Kind: message.IdentityBSUID, Value: id}
}

// from is a message of a citizen.
func from(number, externalID, text string) store.Inbound {
	return store.Inbound{Channel: "wa", Identities: []message.Identity{phone(number)}, DisplayName: "Warga " + number,
		ExternalID: externalID, At: time.Now().Truncate(time.Second), Body: message.In{Kind: message.InText, Text: text}}
}

func (c *counter) accept(messages ...store.Inbound) store.Accepted {
	c.t.Helper()
	return must(c.Accept(c.ctx, store.Batch{Messages: messages}))
}

// known is a message of a citizen who is known by user id and number.
func known(id, number, externalID string) store.Inbound {
	m := from(number, externalID, "halo")
	m.Identities = []message.Identity{bsuid(id), phone(number)}
	return m
}

// move brings the notice of a changed identity.
func (c *counter) move(old message.Identity, now ...message.Identity) {
	c.t.Helper()
	must(c.Accept(c.ctx, store.Batch{Moves: []store.IdentityMove{{Old: old, New: now, At: time.Now()}}}))
}

func (c *counter) contact(id message.Identity) int64 {
	c.t.Helper()
	return must(c.FindConversation(c.ctx, "wa", id)).Contact
}

// addresses are what a message to the citizen would be sent to now.
func (c *counter) addresses(id message.Identity) []message.Identity {
	c.t.Helper()
	v := must(c.FindConversation(c.ctx, "wa", id))
	c.drain(func(l store.Lane) (store.Outcome, error) { return handled(l), nil })
	m := from("", "ask-"+itoa(int(serial.Add(1))), "halo")
	m.Identities, m.At = []message.Identity{id}, time.Now().Add(-time.Hour) // of a time when all of them were the citizen's
	c.accept(m)
	c.drain(func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		if l.Conversation.ID == v.ID {
			out.Send = []store.Outgoing{answer("to-"+m.ExternalID, "hi")}
		}
		return out, nil
	})
	sends := c.claim(1)
	if len(sends) != 1 || sends[0].Conversation != v.ID {
		c.t.Fatalf("claimed %v", sends)
	}
	c.settle(sends[0], store.SendResult{Outcome: store.SendAccepted, ExternalID: "x-" + m.ExternalID})
	return sends[0].Identities
}

var serial atomic.Int64

// status brings a delivery status and works it off.
func (c *counter) status(s store.Status) {
	c.t.Helper()
	if s.Channel == "" {
		s.Channel = "wa"
	}
	s.At = time.Now()
	if _, err := c.Accept(c.ctx, store.Batch{Statuses: []store.Status{s}}); err != nil {
		c.t.Fatal(err)
	}
	c.apply()
}

func (c *counter) apply() {
	c.t.Helper()
	for must(c.ApplyStatuses(c.ctx, 100)) > 0 {
	}
}

// drain steps until nothing is due.
func (c *counter) drain(step func(store.Lane) (store.Outcome, error)) {
	c.t.Helper()
	for must(c.Turn(c.ctx, 16, step)) > 0 {
	}
}

// conversation is the conversation of a citizen.
func (c *counter) conversation(number string) store.Conversation {
	c.t.Helper()
	return must(c.FindConversation(c.ctx, "wa", phone(number)))
}

func (c *counter) poll() store.Due {
	c.t.Helper()
	return must(c.Poll(c.ctx, store.PollRequest{Channels: []string{"wa"}, Pools: []string{"contact-centre"}}))
}

// firstRest is the shortest that a lane rests.
const firstRest = 500 * time.Millisecond

// resting says that no lane is due which failed or was put off after began; on a slow machine its rest may be over by now.
func (c *counter) resting(began time.Time) {
	c.t.Helper()
	if n := c.poll().Lanes; n != 0 && time.Since(began) < firstRest {
		c.t.Fatalf("%d lanes are due that should rest", n)
	}
}

// claim takes sends of the channel.
func (c *counter) claim(k int) []store.Send {
	c.t.Helper()
	return must(c.ClaimSends(c.ctx, []string{"wa"}, k, time.Minute, 1000))
}

// waiting hands a citizen's conversation to the pool's queue.
func (c *counter) waiting(number string) store.Conversation {
	c.t.Helper()
	c.accept(from(number, "ask-"+number, "petugas"))
	c.drain(func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		out.Handoff = &store.Handoff{Pool: "contact-centre", Summary: "wants a person"}
		return out, nil
	})
	return c.conversation(number)
}

// served gives a citizen's conversation to an agent who is there.
func (c *counter) served(number, agent string) store.Conversation {
	c.t.Helper()
	v := c.waiting(number)
	if err := c.SetAvailable(c.ctx, "contact-centre", agent, true); err != nil {
		c.t.Fatal(err)
	}
	got := c.route(func(store.Waiting) []store.Assignment { return []store.Assignment{{Conversation: v.ID, Agent: agent}} })
	if len(got) != 1 {
		c.t.Fatalf("assigned %v", got)
	}
	return c.conversation(number)
}

func (c *counter) route(choose func(store.Waiting) []store.Assignment) []store.Assignment {
	c.t.Helper()
	return must(c.Route(c.ctx, "contact-centre", atTheCounter, choose))
}

// deliveries are the states of a conversation's outgoing messages, oldest first.
func (c *counter) deliveries(conversation int64) []string {
	c.t.Helper()
	var states []string
	for _, m := range must(c.Transcript(c.ctx, conversation, 0, 100)) {
		if m.Out != nil {
			states = append(states, m.State)
		}
	}
	return states
}

// handled answers all rows of a lane with nothing, and keeps its state.
func handled(l store.Lane) store.Outcome {
	out := store.Outcome{Format: 1, State: l.State}
	for _, row := range l.Inbox {
		out.Handled = append(out.Handled, row.ID)
	}
	return out
}

// answer is an outgoing message of the bot.
func answer(id, text string) store.Outgoing {
	return store.Outgoing{ID: id, Author: message.AuthorBot, Class: message.ClassAnswer, Body: message.Out{Text: text}}
}

// answering handles all rows and sends the given texts, whose ids are their own words.
func answering(texts ...string) func(store.Lane) (store.Outcome, error) {
	return func(l store.Lane) (store.Outcome, error) {
		out := handled(l)
		for _, text := range texts {
			out.Send = append(out.Send, answer(text, text))
		}
		return out, nil
	}
}

// must is the value of a call that may not fail. It panics, which fails the test from any goroutine.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// eventually waits for a condition that time or another goroutine brings.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// together runs n goroutines and waits for them.
func together(n int, run func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { run(i) })
	}
	wg.Wait()
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func want[T comparable](t *testing.T, what string, got, expected T) {
	t.Helper()
	if got != expected {
		t.Fatalf("%s: got %v, want %v", what, got, expected)
	}
}

func wantAll[T comparable](t *testing.T, what string, got []T, expected ...T) {
	t.Helper()
	if !slices.Equal(got, expected) {
		t.Fatalf("%s: got %v, want %v", what, got, expected)
	}
}

func number(i int) string { return fmt.Sprintf("62811%07d", i) }

func itoa(i int) string { return strconv.Itoa(i) }
