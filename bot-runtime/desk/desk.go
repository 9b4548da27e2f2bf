package desk

import (
	"crypto/sha256"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// PoolInfo is one pool that this pod serves.
type PoolInfo struct {
	Name string
	// Slots is how many conversations an agent holds at once, 1 to 20.
	Slots int
	// Supervisors are agents of the pool who may also decide about the tenant's dead letters.
	Supervisors []string
	// Skills of agents who have some, by agent; SkillsWithin is how long a conversation waits for those that it asks for.
	Skills       map[string][]string
	SkillsWithin time.Duration
	// Title by language, shown over the sign-in. Languages of the tenant, the first being the default.
	Title     map[string]string
	Languages []string
	// URL is the console's public address. An https one makes cookies Secure with the __Host- prefix, and its origin is the
	// only one taken. Empty: plain cookies, and the origin must name the host that was asked.
	URL string
}

// Store is what a Desk needs of the tenant's store.
type Store interface {
	store.Desk
	store.Dead
}

// Options are what a Desk needs of its surroundings.
type Options struct {
	Store Store
	// Pools that are served now; called for every request, so it must be cheap.
	Pools func() []PoolInfo
	// AgentsDir holds <pool>/<agent>: the argon2id hash of the agent's password in PHC form. Files are read at every sign-in,
	// and an agent whose file is gone is signed out.
	AgentsDir string
	// Assets are the built pages: package web's Console. A desk without them answers the API, and says how to build them.
	Assets fs.FS
	// Directories that agents may search, by name: those that serve the bot now. Called for every search. Nil: none.
	Directories func() map[string]*directory.Index
	// WindowOf is how long after a citizen's message a channel lets us write; 0 means always. Nil: always, on all channels.
	WindowOf func(channel string) time.Duration
	// Changed returns a channel that is closed when this pod's poll next sees a newer desk event. It is only a hint: streams
	// look every 15 s without it, and do so when it is nil.
	Changed func() <-chan struct{}
	// Wake tells the engine that a mutation has just made work, so that it need not wait for its next poll. May be nil.
	Wake func()
	// Told is called when a supervisor has read, replayed or dropped a dead letter, so that it is known who did. May be nil.
	Told func(deed Deed, pool, agent string, letter int64)
	// Clock for the end of sign-ins and the limits of attempts; time.Now when nil.
	Clock func() time.Time
	Log   logr.Logger
}

// Desk answers everything below /desk/.
type Desk struct {
	Options
	mux      *http.ServeMux
	accounts accounts
	attempts *attempts
	streams  *streams
}

// New makes a Desk. It starts nothing.
func New(o Options) *Desk {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Changed == nil {
		o.Changed = func() <-chan struct{} { return nil }
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Told == nil {
		o.Told = func(Deed, string, string, int64) {}
	}
	if o.Directories == nil {
		o.Directories = func() map[string]*directory.Index { return nil }
	}
	if o.WindowOf == nil {
		o.WindowOf = func(string) time.Duration { return 0 }
	}
	d := &Desk{
		Options:  o,
		mux:      http.NewServeMux(),
		accounts: newAccounts(o.AgentsDir),
		attempts: newAttempts(o.Clock),
		streams:  newStreams(),
	}
	const api = "/desk/{pool}/api/"
	d.mux.HandleFunc("GET "+api+"about", d.open(d.about))
	d.mux.HandleFunc("POST "+api+"session", d.open(ownPage(d.signIn)))
	d.mux.HandleFunc("DELETE "+api+"session", d.signedIn(change(d.signOut)))
	d.mux.HandleFunc("GET "+api+"state", d.signedIn(d.state))
	d.mux.HandleFunc("GET "+api+"events", d.signedIn(d.events))
	d.mux.HandleFunc("PUT "+api+"availability", d.signedIn(change(d.setAvailable)))
	d.mux.HandleFunc("GET "+api+"conversations/{id}/messages", d.signedIn(d.olderMessages))
	d.mux.HandleFunc("POST "+api+"conversations/{id}/messages", d.signedIn(change(d.reply)))
	d.mux.HandleFunc("PUT "+api+"conversations/{id}/draft", d.signedIn(change(d.saveDraft)))
	d.mux.HandleFunc("POST "+api+"conversations/{id}/close", d.signedIn(change(d.closeConversation)))
	d.mux.HandleFunc("POST "+api+"lookup", d.signedIn(change(d.lookUp)))
	d.mux.HandleFunc("GET "+api+"dead-letters", d.signedIn(supervisor(d.deadLetters)))
	d.mux.HandleFunc("GET "+api+"dead-letters/{id}", d.signedIn(supervisor(d.openDeadLetter)))
	d.mux.HandleFunc("POST "+api+"dead-letters/{id}/replay", d.signedIn(change(supervisor(d.replayDeadLetter))))
	d.mux.HandleFunc("DELETE "+api+"dead-letters/{id}", d.signedIn(change(supervisor(d.dropDeadLetter))))
	d.mux.HandleFunc(api, d.open(func(w http.ResponseWriter, _ *http.Request, _ PoolInfo) { refuse(w, notFound) }))
	d.mux.HandleFunc("/desk/{pool}/{file...}", d.open(d.page))
	return d
}

// ServeHTTP answers one request.
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// caller is a signed-in agent with one request.
type caller struct {
	pool    PoolInfo
	session store.Session
}

type (
	openHandler   func(http.ResponseWriter, *http.Request, PoolInfo)
	callerHandler func(http.ResponseWriter, *http.Request, caller)
)

// open finds the pool of the path.
func (d *Desk) open(next openHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, p := range d.Pools() {
			if p.Name == r.PathValue("pool") {
				next(w, r, p)
				return
			}
		}
		refuse(w, unknownPool)
	}
}

// signedIn finds the agent of the cookie, whose sign-in must be for this pool and whose account must still be there.
func (d *Desk) signedIn(next callerHandler) http.HandlerFunc {
	return d.open(func(w http.ResponseWriter, r *http.Request, p PoolInfo) {
		s, err := d.session(r, p)
		if err != nil {
			d.fail(w, err)
			return
		}
		next(w, r, caller{pool: p, session: s})
	})
}

func (d *Desk) session(r *http.Request, p PoolInfo) (store.Session, error) {
	cookie, err := r.Cookie(cookieName(p))
	if err != nil {
		return store.Session{}, signedOut
	}
	hash := sha256.Sum256([]byte(cookie.Value))
	return d.sessionOf(r.Context(), p.Name, hash[:])
}

// ownPage lets through only what our own pages and programs send: the header cannot be set by a foreign page without a
// preflight that nobody answers, and the origin, which browsers always send with a change, must be ours.
func ownPage(next openHandler) openHandler {
	return func(w http.ResponseWriter, r *http.Request, p PoolInfo) {
		if r.Header.Get("X-Loket-Desk") != "1" || !sameOrigin(r, p) {
			refuse(w, foreignOrigin)
			return
		}
		next(w, r, p)
	}
}

// change is ownPage for signed-in agents.
func change(next callerHandler) callerHandler {
	return func(w http.ResponseWriter, r *http.Request, c caller) {
		ownPage(func(w http.ResponseWriter, r *http.Request, _ PoolInfo) { next(w, r, c) })(w, r, c.pool)
	}
}

func sameOrigin(r *http.Request, p PoolInfo) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	got, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if own, err := url.Parse(p.URL); err == nil && own.Host != "" {
		return got.Scheme == own.Scheme && got.Host == own.Host
	}
	return got.Host == r.Host
}
