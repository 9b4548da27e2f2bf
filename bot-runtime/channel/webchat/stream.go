package webchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/callers"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	// pageSize is how many messages one read of the mailbox brings at most.
	pageSize = 500
	// settling is how long a message may be invisible although a later id is already seen: the time between drawing an id and
	// committing, which the database's own time-outs bound.
	settling = 30 * time.Second
	// gather is the least time between two looks, so that a burst is one read.
	gather = 50 * time.Millisecond
	// keepAlive is also how often a stream looks by itself, whatever the board says.
	keepAlive = 15 * time.Second
	// streamLife ends a stream, so that gateways and browsers meet a new pod after a roll-out.
	streamLife = 10 * time.Minute
)

// resume is where a reader goes on: floor<<resumeBits | seen. All messages to floor are settled and were given; above it,
// seen were given. Ids are drawn before they are committed, so that a lower one can appear after a higher: then there are
// more than seen above the floor, and all of those are given again.
type resume int64

const resumeBits = 10 // pageSize fits

func (r resume) floor() int64 { return int64(r) >> resumeBits }
func (r resume) seen() int    { return int(r & (1<<resumeBits - 1)) }

func resumeAt(floor int64, seen int) resume { return resume(floor<<resumeBits | int64(seen)) }

// news is what came since after, nothing if there is no conversation yet.
func (s *Server) news(ctx context.Context, who citizen, after resume) ([]Message, resume, error) {
	c, err := s.Mailbox.FindConversation(ctx, s.Name, who.identity)
	if errors.Is(err, store.ErrNotFound) {
		return []Message{}, after, nil
	}
	if err != nil {
		return nil, 0, err
	}
	rows, err := s.Mailbox.TranscriptSince(ctx, c.ID, after.floor(), pageSize)
	if err != nil {
		return nil, 0, err
	}
	next := s.resumeAfter(rows, after)
	if len(rows) == after.seen() {
		return []Message{}, next, nil
	}
	news := make([]Message, 0, len(rows))
	for _, row := range rows {
		news = append(news, shown(row, who))
	}
	return news, next, nil
}

func (s *Server) resumeAfter(rows []store.TranscriptMessage, after resume) resume {
	floor, seen := after.floor(), len(rows)
	settled := s.Now().Add(-settling)
	for _, row := range rows {
		if row.At.After(settled) && len(rows) < pageSize {
			break
		}
		floor = row.ID
		seen--
	}
	return resumeAt(floor, seen)
}

func shown(row store.TranscriptMessage, who citizen) Message {
	m := Message{ID: row.ID, At: row.At.UTC(), ClientID: strings.TrimPrefix(row.ClientID, who.prefix)}
	if row.In != nil {
		m.From, m.Text, m.State = FromCitizen, row.In.Text, "received"
		return m
	}
	m.ClientID = "" // the console's own
	m.From, m.State = FromBot, "sent"
	if row.Author == message.AuthorAgent {
		m.From = FromAgent
	}
	switch row.State {
	case "queued", "failed":
		m.State = row.State
	}
	if row.Out != nil {
		m.Text = row.Out.Words()
		if a := row.Out.Attachment; a != nil && a.URL != "" {
			m.Text, m.Link = row.Out.Caption(), &Link{URL: a.URL, Title: a.Name}
		}
		for _, c := range row.Out.Choices {
			m.Choices = append(m.Choices, Choice{ID: c.ID, Title: c.Title})
		}
	}
	return m
}

// events is the stream. It tells nothing that a read would not: it only looks by itself.
func (s *Server) events(w http.ResponseWriter, r *http.Request, who citizen) {
	after, ok := resumePoint(r.Header.Get("Last-Event-ID"))
	if !ok {
		badRequest("Last-Event-ID is not the id of an event").write(w)
		return
	}
	done, refused := s.limits.stream(callers.Address(r), who.identity.Value)
	if refused != nil {
		refused.write(w)
		return
	}
	defer done()
	out := http.NewResponseController(w)
	// The server's own write time-out is for answers, not for streams.
	_ = out.SetWriteDeadline(time.Now().Add(streamLife + keepAlive))
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	st := &stream{server: s, who: who, w: w, out: out, at: after, given: map[int64]bool{}}
	if st.comment("open") != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	st.run(ctx)
}

type stream struct {
	server *Server
	who    citizen
	w      io.Writer
	out    *http.ResponseController
	at     resume
	given  map[int64]bool // ids above the floor that this stream gave
}

func (st *stream) run(ctx context.Context) {
	news, stop := st.server.board.watch(st.who.identity)
	defer stop()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		if st.look(ctx) != nil {
			return
		}
		select {
		case <-news:
		case <-alive.C:
			if st.comment("alive") != nil {
				return
			}
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(gather):
		case <-ctx.Done():
			return
		}
	}
}

// look gives what is new. An unreadable store is no end of the stream: it is looked at again. The error is the browser's.
func (st *stream) look(ctx context.Context) error {
	news, next, err := st.server.news(ctx, st.who, st.at)
	if err != nil {
		return ctx.Err()
	}
	var fresh []Message
	for _, m := range news {
		if !st.given[m.ID] {
			fresh = append(fresh, m)
		}
	}
	for i, m := range fresh {
		id := st.at // all of this look are given only with its last event
		if i == len(fresh)-1 {
			id = next
		}
		data, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(st.w, "id: %s\nevent: message\ndata: %s\n\n", strconv.FormatInt(int64(id), 10), data); err != nil {
			return err
		}
		st.given[m.ID] = true
	}
	st.at = next
	for id := range st.given {
		if id <= next.floor() {
			delete(st.given, id)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return st.out.Flush()
}

func (st *stream) comment(text string) error {
	if _, err := fmt.Fprintf(st.w, ": %s\n\n", text); err != nil {
		return err
	}
	return st.out.Flush()
}
