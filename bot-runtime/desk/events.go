package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// heartbeat keeps proxies from closing a silent stream, tells the store that the console is there, and is when a stream
	// looks for events though nobody told it to.
	heartbeat = 15 * time.Second
	// gather is how long a stream that was woken waits for more, so that a busy pool costs it at most ten queries a second.
	gather = 100 * time.Millisecond
	// writeEnd is how long one write may take before the console is given up.
	writeEnd = 10 * time.Second
	// maxWait of a long poll.
	maxWait = 30 * time.Second
	// eventsPage is how many events one query brings.
	eventsPage = 200
)

// Event is one thing that consoles must know.
type Event struct {
	Seq          int64     `json:"seq"`
	Kind         string    `json:"kind"`
	Conversation int64     `json:"conversation,omitempty"`
	MessageID    int64     `json:"messageId,omitempty"`
	At           time.Time `json:"at"`
}

type eventsOut struct {
	Seq    int64   `json:"seq"`
	Events []Event `json:"events"`
}

func (d *Desk) events(w http.ResponseWriter, r *http.Request, c caller) {
	after, wait, err := eventsAsked(r)
	if err != nil {
		d.fail(w, err)
		return
	}
	ctx, done, ok := d.streams.begin(r.Context(), c.session.TokenHash)
	if !ok {
		d.fail(w, tooManyStreams)
		return
	}
	defer done()
	f := &follower{d: d, c: c, after: after}
	if r.URL.Query().Has("wait") {
		d.longPoll(ctx, w, f, wait)
		return
	}
	d.stream(ctx, w, f)
}

func eventsAsked(r *http.Request) (after int64, wait time.Duration, err error) {
	q := r.URL.Query()
	from := r.Header.Get("Last-Event-ID")
	if from == "" {
		from = q.Get("after")
	}
	if after, err = strconv.ParseInt(from, 10, 64); err != nil || after < 0 {
		return 0, 0, badRequest("after must be the seq of the state or of an event")
	}
	if q.Has("wait") {
		if wait, err = time.ParseDuration(q.Get("wait")); err != nil || wait < 0 || wait > maxWait {
			return 0, 0, badRequest("wait must be a time such as 25s, at most %s", maxWait)
		}
	}
	return after, wait, nil
}

// follower reads the events of one caller in order.
type follower struct {
	d     *Desk
	c     caller
	after int64
}

func (f *follower) next(ctx context.Context) ([]Event, error) {
	rows, err := f.d.Store.DeskEvents(ctx, f.c.pool.Name, f.c.session.Agent, f.after, eventsPage)
	if err != nil {
		return nil, err
	}
	out := make([]Event, 0, len(rows))
	for _, e := range rows {
		out = append(out, Event{Seq: e.Seq, Kind: string(e.Kind), Conversation: e.Conversation, MessageID: e.MessageID, At: e.At})
		f.after = e.Seq
	}
	return out, nil
}

// stillSignedIn asks the store, which also learns by it that the console is there.
func (f *follower) stillSignedIn(ctx context.Context) error {
	_, err := f.d.sessionOf(ctx, f.c.pool.Name, f.c.session.TokenHash)
	return err
}

// stream ends when the sign-in does, when the console is gone, or when the store is: a console that hears nothing must know
// that it is blind.
func (d *Desk) stream(ctx context.Context, w http.ResponseWriter, f *follower) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	out := eventWriter{w: w, c: http.NewResponseController(w)}
	if out.comment("connected") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := d.Changed() // before the look, so that nothing falls between
		events, err := f.next(ctx)
		if err != nil || out.events(events) != nil {
			return
		}
		if len(events) == eventsPage {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if f.stillSignedIn(ctx) != nil || out.comment("alive") != nil {
				return
			}
		case <-changed:
			pause(ctx, gather)
		}
	}
}

func (d *Desk) longPoll(ctx context.Context, w http.ResponseWriter, f *follower, wait time.Duration) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for last := false; ; {
		changed := d.Changed()
		events, err := f.next(ctx)
		switch {
		case errors.Is(err, context.Canceled):
			d.fail(w, signedOut) // heard only where the sign-in ended, not the request
			return
		case err != nil:
			d.fail(w, err)
			return
		case len(events) > 0 || last:
			answer(w, http.StatusOK, eventsOut{Seq: f.after, Events: events})
			return
		}
		select {
		case <-ctx.Done():
			d.fail(w, signedOut)
			return
		case <-end.C:
			last = true
		case <-changed:
			pause(ctx, gather)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// eventWriter writes server-sent events, each write with its own end.
type eventWriter struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func (o eventWriter) comment(text string) error { return o.write(": " + text + "\n\n") }

func (o eventWriter) events(events []Event) error {
	text := ""
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			panic(err) // plain data of our own types: cannot fail
		}
		text += fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Kind, data)
	}
	if text == "" {
		return nil
	}
	return o.write(text)
}

func (o eventWriter) write(text string) error {
	if err := o.c.SetWriteDeadline(time.Now().Add(writeEnd)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.c.Flush()
}
