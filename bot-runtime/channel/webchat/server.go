package webchat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/callers"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/web"
)

// Mailbox is where conversations are read from: the store.
type Mailbox interface {
	FindConversation(ctx context.Context, channel string, id message.Identity) (store.Conversation, error)
	TranscriptSince(ctx context.Context, conversation int64, after int64, limit int) ([]store.TranscriptMessage, error)
	Mailboxes(ctx context.Context, channel string, of []message.Identity) ([]store.Mailbox, error)
}

// Options of one web chat.
type Options struct {
	// Name of the Channel object.
	Name string
	// Spec of it. AllowedOrigins may embed the chat and call its API; an empty Title is the tenant's display name.
	Spec v1alpha1.WebChatChannel
	// Accept keeps a batch for good before it returns nil. Any error is answered with 503, and the page sends it again.
	Accept func(store.Batch) error
	// Live says whether a flow answers here now; while not, nothing is accepted (503).
	Live func() bool
	// Tenant as the bundle tells it now.
	Tenant  func() bundle.Tenant
	Mailbox Mailbox
	// Pages are the built files; nil when they were not built.
	Pages fs.FS
	// Rates of callers; zero fields are those of DefaultRates.
	Rates Rates
	// Room for streams, which the pod's web chats share; nil for DefaultRoom of its own.
	Room Room
	// Now is the clock; nil for the system's.
	Now func() time.Time
}

// Server serves everything below /chat/<channel>/. It is safe for concurrent use.
type Server struct {
	Options
	origins map[string]bool
	framing string
	limits  *limiters
	board   *board
	mux     http.Handler
}

var originShape = regexp.MustCompile(v1alpha1.OriginPattern)

// New makes the server of one channel.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Room == nil {
		o.Room = NewRoom(DefaultRoom)
	}
	o.Rates = o.Rates.orDefault()
	s := &Server{Options: o, origins: map[string]bool{}, limits: newLimiters(o.Rates, o.Room, o.Now),
		board: newBoard(o.Name, o.Mailbox, o.Now)}
	framing := []string{"'self'"}
	for _, allowed := range o.Spec.AllowedOrigins {
		origin := strings.ToLower(string(allowed))
		if !originShape.MatchString(origin) { // it goes into a header
			continue
		}
		s.origins[origin] = true
		framing = append(framing, origin)
	}
	s.framing = strings.Join(framing, " ")
	s.mux = s.routes()
	return s
}

func (s *Server) routes() http.Handler {
	base := "/chat/" + s.Name + "/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"api/", func(w http.ResponseWriter, _ *http.Request) { notFound.write(w) })
	mux.HandleFunc("GET "+base+"api/config", s.config)
	mux.HandleFunc("POST "+base+"api/session", s.session)
	mux.HandleFunc("POST "+base+"api/messages", s.known(s.post))
	mux.HandleFunc("GET "+base+"api/messages", s.known(s.read))
	mux.HandleFunc("GET "+base+"api/events", s.known(s.events))
	mux.HandleFunc("GET "+base+"{file...}", func(w http.ResponseWriter, r *http.Request) {
		web.Serve(w, r, s.Pages, web.ChatPage, r.PathValue("file"), s.framing)
	})
	return mux
}

// ServeHTTP refuses foreign origins of the API before anything else, then answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/chat/"+s.Name+"/api/") {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if !s.crossOrigin(w, r) {
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) config(w http.ResponseWriter, _ *http.Request) {
	tenant := s.Tenant()
	c := Config{Title: plain(s.Spec.Title), Tenant: plain(tenant.DisplayName), Languages: tenant.Languages}
	if len(c.Title) == 0 {
		c.Title = c.Tenant
	}
	if c.Languages == nil {
		c.Languages = []string{}
	}
	reply(w, http.StatusOK, c)
}

func plain(t v1alpha1.Text) map[string]string {
	all := make(map[string]string, len(t))
	for language, sentence := range t {
		all[language] = string(sentence)
	}
	return all
}

func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	if wait := s.limits.session(callers.Address(r)); wait > 0 {
		tooFast(wait).write(w)
		return
	}
	reply(w, http.StatusCreated, Session{Token: newToken()})
}

func (s *Server) post(w http.ResponseWriter, r *http.Request, who citizen) {
	if wait := s.limits.post(callers.Address(r), who.identity.Value); wait > 0 {
		tooFast(wait).write(w)
		return
	}
	var p Post
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	if err := d.Decode(&p); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			tooLong("the body is over 16 kB").write(w)
			return
		}
		badRequest("the body is not a Post").write(w)
		return
	}
	if _, err := d.Token(); err != io.EOF {
		badRequest("there is more than one Post in the body").write(w)
		return
	}
	body, problem := said(p)
	if problem != nil {
		problem.write(w)
		return
	}
	if slices.Contains(s.Tenant().Languages, p.Language) {
		body.Language = p.Language
	}
	if !s.Live() {
		tryAgain("no flow answers on this channel yet").write(w)
		return
	}
	at := s.Now().UTC()
	if err := s.Accept(store.Batch{Messages: []store.Inbound{{
		Channel:    s.Name,
		Identities: []message.Identity{who.identity},
		ExternalID: who.prefix + p.ClientID,
		At:         at,
		Body:       body,
	}}}); err != nil {
		tryAgain("the message could not be kept").write(w)
		return
	}
	s.board.said(who.identity)
	reply(w, http.StatusAccepted, Posted{ClientID: p.ClientID, At: at})
}

func (s *Server) read(w http.ResponseWriter, r *http.Request, who citizen) {
	if wait := s.limits.read(callers.Address(r), who.identity.Value); wait > 0 {
		tooFast(wait).write(w)
		return
	}
	after, ok := resumePoint(r.URL.Query().Get("after"))
	if !ok {
		badRequest("after is not the next of an earlier answer").write(w)
		return
	}
	news, next, err := s.news(r.Context(), who, after)
	if err != nil {
		tryAgain("the conversation could not be read").write(w)
		return
	}
	reply(w, http.StatusOK, Messages{Messages: news, Next: int64(next)})
}

func resumePoint(s string) (resume, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return resume(n), err == nil && n >= 0
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the browser is gone: nobody to tell
}
