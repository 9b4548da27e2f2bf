package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// cutter stands between a pod and its database, and cuts the line at a chosen packet of the pod.
type cutter struct {
	listener net.Listener
	target   string

	mu       sync.Mutex
	seen     int
	cutAt    int    // the n-th packet, 0: none
	cutOn    string // the first packet with this text
	swallow  bool   // the packet reaches the server, its answer is lost; else the packet is lost
	happened bool
	holdOn   string // packets with this text wait
	held     chan struct{}
	released chan struct{}
}

func newCutter(t *testing.T, uri string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: l, target: u.Host}
	t.Cleanup(func() { l.Close() })
	go c.serve()
	u.Host = l.Addr().String()
	return c, u.String()
}

func (c *cutter) serve() {
	for {
		pod, err := c.listener.Accept()
		if err != nil {
			return
		}
		go c.join(pod)
	}
}

func (c *cutter) join(pod net.Conn) {
	defer pod.Close()
	server, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer server.Close()
	muted := make(chan struct{})
	answered := make(chan struct{}, 1)
	go func() {
		defer pod.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			select {
			case <-muted:
				answered <- struct{}{}
				return
			default:
			}
			if _, err := pod.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := pod.Read(buf)
		if err != nil {
			return
		}
		cut, swallow := c.decide(buf[:n])
		if cut && !swallow {
			return
		}
		if cut {
			close(muted)
		}
		c.wait(buf[:n])
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if cut {
			<-answered // the server has done it
			return
		}
	}
}

func (c *cutter) decide(packet []byte) (cut, swallow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	if c.happened {
		return false, false
	}
	cut = c.cutAt != 0 && c.seen == c.cutAt || c.cutOn != "" && bytes.Contains(packet, []byte(c.cutOn))
	c.happened = cut
	return cut, c.swallow
}

// hold stops the next packet with a text until release; held is closed when it is there.
func (c *cutter) hold(text string) (held chan struct{}, release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holdOn, c.held, c.released = text, make(chan struct{}), make(chan struct{})
	return c.held, sync.OnceFunc(func() { close(c.released) })
}

func (c *cutter) wait(packet []byte) {
	c.mu.Lock()
	if c.holdOn == "" || !bytes.Contains(packet, []byte(c.holdOn)) {
		c.mu.Unlock()
		return
	}
	c.holdOn = ""
	released := c.released
	close(c.held)
	c.mu.Unlock()
	<-released
}

func (c *cutter) arm(at int, on string, swallow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.cutAt, c.cutOn, c.swallow, c.happened = 0, at, on, swallow, false
}

func (c *cutter) cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.happened
}

func inbound(citizen, id string) store.Inbound {
	return store.Inbound{Channel: "wa", ExternalID: id, At: time.Now().Truncate(time.Second), Body: message.In{Kind: message.InText, Text: id},
		Identities: []message.Identity{{Scope: "portfolio", Kind: message.IdentityPhone, Value: citizen}}}
}

func TestALostAnswerToACommitIsNotAcknowledgedAndTheRedeliveryIsAbsorbed(t *testing.T) {
	line, uri := newCutter(t, migrated(t))
	pod := connect(t, uri)
	batch := store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}
	line.arm(0, "commit\x00", true)
	if _, err := pod.Accept(t.Context(), batch); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatalf("accept: %v", err)
	}
	got, err := pod.Accept(t.Context(), batch)
	if err != nil || got != (store.Accepted{Duplicates: 1}) {
		t.Fatalf("re-delivery: %+v %v", got, err)
	}
	line.arm(0, "commit\x00", false)
	batch.Messages[0] = inbound("1", "m2")
	if _, err := pod.Accept(t.Context(), batch); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatalf("accept: %v", err)
	}
	if got, err = pod.Accept(t.Context(), batch); err != nil || got != (store.Accepted{Stored: 1}) {
		t.Fatalf("re-delivery: %+v %v", got, err)
	}
}

// Every packet of the way of three messages is lost once, and every answer to one: whatever is cut, each is handled once, in
// order, and answered once.
func TestALineCutAtAnyPacketLosesAndDoublesNothing(t *testing.T) {
	direct := migrated(t)
	line, uri := newCutter(t, direct)
	pod, other := connect(t, uri), connect(t, direct)
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for _, swallow := range []bool{false, true} {
		for at := 1; ; at += stride {
			line.arm(at, "", swallow)
			citizen := fmt.Sprintf("%v-%d", swallow, at)
			talk(t, pod, other, citizen)
			if t.Failed() {
				t.Fatalf("cut at packet %d, swallow %v", at, swallow)
			}
			if !line.cut() {
				t.Logf("swallow %v: %d packets", swallow, at-1)
				break
			}
		}
	}
}

// talk takes three messages of a citizen all the way, trying again as the runtime would.
func talk(t *testing.T, pod, other *Store, citizen string) {
	t.Helper()
	ctx := t.Context()
	insist := func(what string, act func() error) {
		t.Helper()
		for range 10 {
			if err := act(); err == nil {
				return
			} else if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknownOutcome) && !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v", what, err)
			}
		}
		t.Errorf("%s never succeeded", what)
	}
	step := func(l store.Lane) (store.Outcome, error) {
		out := store.Outcome{Format: 1, State: append(l.State, l.Inbox[0].ExternalID+" "...), Handled: []int64{l.Inbox[0].ID}}
		out.Send = []store.Outgoing{{ID: "re-" + l.Inbox[0].ExternalID, Class: message.ClassAnswer, Body: message.Out{Text: string(out.State)}}}
		return out, nil
	}
	var expected []string
	for i := range 3 {
		id := fmt.Sprintf("%s-%d", citizen, i)
		expected = append(expected, "re-"+id)
		insist("accept", func() error {
			_, err := pod.Accept(ctx, store.Batch{Messages: []store.Inbound{inbound(citizen, id)}})
			return err
		})
		if i == 0 {
			continue // two in the lane at once
		}
		insist("turn", func() error {
			for {
				n, err := pod.Turn(ctx, 4, step)
				if err != nil {
					return err
				}
				if n > 0 {
					continue
				}
				// The session whose line was cut holds its lane until the server notices; a turn passes over it.
				if due, err := other.Poll(ctx, store.PollRequest{}); err != nil || due.Lanes == 0 {
					return err
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	sent := 0
	for sent < 3 && !t.Failed() {
		var sends []store.Send
		insist("claim", func() (err error) {
			sends, err = pod.ClaimSends(ctx, []string{"wa"}, 1, time.Minute, 10_000)
			return err
		})
		if len(sends) == 0 { // claimed, and the answer to it was lost: the sender is as good as dead, the echo settles
			var due store.Due
			insist("poll", func() (err error) {
				due, err = other.Poll(ctx, store.PollRequest{Channels: []string{"wa"}})
				return err
			})
			if due.Sends > 0 {
				continue
			}
			insist("echo", func() error {
				_, err := other.Accept(ctx, store.Batch{Statuses: []store.Status{{Channel: "wa", ExternalID: "x" + expected[sent], Ref: expected[sent], Delivery: message.DeliverySent}}})
				return err
			})
			insist("apply", func() error { _, err := other.ApplyStatuses(ctx, 10); return err })
			sent++
			continue
		}
		if sends[0].ID != expected[sent] {
			t.Errorf("send %d is %s", sent, sends[0].ID)
		}
		insist("settle", func() error {
			_, err := pod.Settle(ctx, []store.Settlement{{ID: sends[0].ID, Attempt: sends[0].Attempt,
				SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: "x" + sends[0].ID}}})
			return err
		})
		sent++
	}
	v, err := other.FindConversation(ctx, "wa", message.Identity{Scope: "portfolio", Kind: message.IdentityPhone, Value: citizen})
	if err != nil {
		t.Error(err)
		return
	}
	messages, err := other.Transcript(ctx, v.ID, 0, 50)
	if err != nil {
		t.Error(err)
	}
	var last string
	outs := 0
	for _, m := range messages {
		if m.Out != nil {
			outs++
			last = m.Out.Text
			if m.State != "sent" {
				t.Errorf("%s is %s", m.ClientID, m.State)
			}
		}
	}
	if want := fmt.Sprintf("%[1]s-0 %[1]s-1 %[1]s-2 ", citizen); len(messages) != 6 || outs != 3 || last != want {
		t.Errorf("%d messages, %d of them answers, the last one is %q, want %q", len(messages), outs, last, want)
	}
	due, err := other.Poll(ctx, store.PollRequest{Channels: []string{"wa"}})
	if err != nil || due.Lanes+due.Sends+due.Unknown+due.Statuses != 0 {
		t.Errorf("left: %+v %v", due, err)
	}
}

func TestARuntimeStartsWithTheDatabaseDownAndHealsByItself(t *testing.T) {
	uri := migrated(t)
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // nobody listens: refused
	u.Host = address
	pod := connect(t, u.String())
	if _, err := pod.Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("accept: %v", err)
	}
	for what, err := range map[string]error{"migrate": pod.Migrate(t.Context()), "ping": pod.Ping(t.Context())} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", target)
			if err != nil {
				a.Close()
				return
			}
			go func() { _, _ = io.Copy(a, b); a.Close() }()
			go func() { _, _ = io.Copy(b, a); b.Close() }()
		}
	}()
	if err := pod.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := pod.Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); err != nil || got.Stored != 1 {
		t.Fatalf("accept: %+v %v", got, err)
	}
}

func TestAStoreThatIsNotMigratedIsUnavailableAndManyPodsMayMigrateAtOnce(t *testing.T) {
	uri := unmigrated(t)
	pods := make([]*Store, 5)
	for i := range pods {
		pods[i] = connect(t, uri)
	}
	if _, err := pods[0].Accept(t.Context(), store.Batch{Messages: []store.Inbound{inbound("1", "m1")}}); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("accept: %v", err)
	}
	if err := pods[0].Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("ping: %v", err)
	}
	var wg sync.WaitGroup
	for _, p := range pods {
		wg.Go(func() {
			if err := p.Migrate(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := pods[4].Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := pods[0].pool.QueryRow(t.Context(), `SELECT array_agg(inhrelid::regclass::text) FROM pg_inherits
		WHERE inhparent = 'message'::regclass`).Scan(&names); err != nil || len(names) != monthsBehind+monthsAhead+2 {
		t.Fatalf("partitions: %s %v", strings.Join(names, " "), err)
	}
}
