// Package lookup lets everybody ask a Directory over HTTP, where its author has opened it: read only, and held to a rate. What is
// found is package directory's; who may ask how often is the Directory's spec.
//
// # API
//
//	GET /directories/{name}/lookup?q=TEXT
//
// answers 200 with an [Answer] in JSON, to any page (CORS) and to programs. TEXT is a name, an address, a number or a whole message,
// 1 to 1000 characters. Errors are {"error": {"code", "message"}}: bad-request 400, not-found 404, too-many-requests 429 (with
// Retry-After, in seconds). Nothing of a request is kept. What is asked stands in the address, and so in the logs of proxies.
package lookup

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/callers"
	"github.com/loket-dev/loket/bot-runtime/directory"
)

// MaxText is the longest text that is looked up, in characters: a name, an address, or the whole message that is asked about.
const MaxText = 1000

// Answer is what a directory says to a text: what the bot would have been told.
type Answer struct {
	Outcome directory.Outcome `json:"outcome"`
	Score   float64           `json:"score"` // 0 to 1
	// Field that matched: name, alias, site, phone, email or licence.
	Field   string            `json:"field,omitempty"`
	Why     map[string]string `json:"why"` // by language, id and en
	Entries []directory.Entry `json:"entries"`
}

// Of makes an Answer of what a directory said.
func Of(a directory.Answer) Answer {
	return Answer{Outcome: a.Outcome, Score: a.Score, Field: a.Field, Why: map[string]string{"en": a.Why, "id": a.WhyID},
		Entries: append([]directory.Entry{}, a.Entries...)}
}

// Options of a Server.
type Options struct {
	// Directory finds one that is public now, and how often one address may ask it.
	Directory  func(name string) (*directory.Index, v1alpha1.PublicLookUp, bool)
	Registerer prometheus.Registerer
	// Now is the clock; nil for the system's.
	Now func() time.Time
}

// Server answers below /directories/. It is safe for concurrent use.
type Server struct {
	Options
	mux   *http.ServeMux
	asked *prometheus.CounterVec

	mu     sync.Mutex
	limits map[string]limit // by directory: at most as many as the tenant ever had public
}

type limit struct {
	perMinute int32
	of        *callers.Limiter
}

// New makes a Server.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{Options: o, mux: http.NewServeMux(), limits: map[string]limit{}, asked: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "loket_public_lookups_total", Help: "What public directories answered, by outcome."}, []string{"directory", "outcome"})}
	o.Registerer.MustRegister(s.asked)
	s.mux.HandleFunc("GET /directories/{name}/lookup", s.lookUp)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not-found", "there is nothing at this address")
	})
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	s.mux.ServeHTTP(w, r)
}

func (s *Server) lookUp(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	index, public, ok := s.Directory(name)
	if !ok {
		refuse(w, http.StatusNotFound, "not-found", "there is no public directory of this name; its spec.public opens it")
		return
	}
	if wait := s.limiter(name, public.RequestsPerMinute).Take(callers.Address(r), s.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, http.StatusTooManyRequests, "too-many-requests", fmt.Sprintf("more than %d requests a minute from this address; wait", public.RequestsPerMinute))
		return
	}
	text := r.URL.Query().Get("q")
	if n := utf8.RuneCountInString(text); strings.TrimSpace(text) == "" || n > MaxText {
		refuse(w, http.StatusBadRequest, "bad-request", fmt.Sprintf("q must have 1 to %d characters, has %d: ?q=the name that is asked about", MaxText, n))
		return
	}
	a := index.Ask(text)
	s.asked.WithLabelValues(name, string(a.Outcome)).Inc()
	answer(w, http.StatusOK, Of(a))
}

// limiter is a directory's; callers begin anew when its rate is another.
func (s *Server) limiter(name string, perMinute int32) *callers.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.limits[name]
	if !ok || l.perMinute != perMinute {
		l = limit{perMinute: perMinute, of: callers.NewLimiter(callers.Limit{Burst: int(perMinute), PerSecond: float64(perMinute) / 60})}
		s.limits[name] = l
	}
	return l.of
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, body any) {
	out, err := json.Marshal(body)
	if err != nil {
		panic(err) // plain data of our own types: cannot fail
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller is gone: nobody to tell
}
