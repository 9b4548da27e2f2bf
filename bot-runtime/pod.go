package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/calling"
	"github.com/loket-dev/loket/bot-runtime/channel/webchat"
	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/internalapi"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/lookup"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/web"
)

// pod is one runtime pod: the store, the engine and the desk on it, and two listeners that answer from the first moment on,
// whatever the database does.
type pod struct {
	roles engine.Roles
	pools []string
	name  string
	boot  func() bundle.Boot
	// open opens and migrates the store; it is tried again until it succeeds.
	open func(context.Context) (store.Store, error)
	// memory is a folder that outlives the process, though perhaps not the pod; "" when there is none.
	memory      string
	channelsDir string
	callsDir    string
	agentsDir   string
	timing      engine.Timing
	// steppers is how many turns run at once; see engine.Options.
	steppers int
	// socket is where the pod answers the command `dead`; nowhere when "".
	socket string
	log    logr.Logger
	// started, when set, is called once the engine is there.
	started func(*engine.Engine, store.Store)
	// home, when set, is the page at /; only dev has one.
	home http.Handler

	running  atomic.Pointer[running]
	trouble  atomic.Pointer[string] // why the store is not open
	draining atomic.Bool

	makeRoom sync.Once
	room     webchat.Room // of the streams of all web chats
}

// running is what a pod has once its store is open.
type running struct {
	store  store.Store
	engine *engine.Engine
	desk   http.Handler
	hooks  http.Handler
	pages  http.Handler
	lookup http.Handler
}

// Bounds of the two servers. The write timeout is for answers; streams set their own.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 45 * time.Second // above the desk's long poll of 30 s
	idleTimeout       = 90 * time.Second
	maxHeader         = 32 << 10
	// streamsEnd is how long after the end begins open streams are cut: what is being acknowledged is done by then.
	streamsEnd = 1500 * time.Millisecond
	// acksEnd bounds the wait for requests that are being answered.
	acksEnd = 5 * time.Second
	// openAgain is the longest wait between tries to open the store.
	openAgain = 5 * time.Second
)

// run serves until ctx ends, then drains: requests in the air are answered, claimed work is finished, and what is not begun
// is left to others. It takes at most 30 s after ctx ended.
func (p *pod) run(ctx context.Context, public, internal net.Listener) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	streams, cutStreams := context.WithCancel(context.Background())
	defer cutStreams()
	outside := p.server(streams, http.HandlerFunc(p.public))
	inside := p.server(streams, internalapi.New(internalapi.Options{
		Tenant: func() internalapi.Tenant {
			if r := p.running.Load(); r != nil {
				return r.engine
			}
			return nil
		},
		Ready: p.ready, Boot: p.boot, Gatherer: registry, Log: p.log.WithName("internal"),
	}))
	failed := make(chan error, 2)
	var serving sync.WaitGroup
	for server, listener := range map[*http.Server]net.Listener{outside: public, inside: internal} {
		serving.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("listener %s: %w", listener.Addr(), err)
			}
		})
	}
	told := deeds(registry, p.log)
	local, err := p.answerLocally(streams, &serving, told)
	if err != nil { // a convenience for people: citizens are served without it
		p.log.Error(err, "the command `dead` will not find this pod")
	}
	working, stopWorking := context.WithCancel(context.Background())
	defer stopWorking()
	opening, stopOpening := context.WithCancel(ctx)
	defer stopOpening()
	worked := make(chan error, 1)
	go func() { worked <- p.work(opening, working, registry, told) }()

	err = nil
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	p.draining.Store(true)
	p.log.Info("draining: what is begun is finished, nothing new is taken")
	stopOpening()
	time.AfterFunc(streamsEnd, cutStreams)
	acks, cancel := context.WithTimeout(context.Background(), acksEnd)
	defer cancel()
	err = errors.Join(err, ignoreDeadline(outside.Shutdown(acks)))
	stopWorking() // ends the long polls of the internal port too
	err = errors.Join(err, <-worked)
	last, cancelLast := context.WithTimeout(context.Background(), time.Second)
	defer cancelLast()
	err = errors.Join(err, ignoreDeadline(inside.Shutdown(last)), outside.Close(), inside.Close(), local())
	serving.Wait()
	return err
}

// answerLocally serves the command `dead` until the function that it returns is called.
func (p *pod) answerLocally(streams context.Context, serving *sync.WaitGroup, told deedTold) (end func() error, err error) {
	if p.socket == "" {
		return func() error { return nil }, nil
	}
	l, err := listenLocal(p.socket)
	if err != nil {
		return func() error { return nil }, err
	}
	server := p.server(streams, deadLetters(
		func() store.Store {
			if r := p.running.Load(); r != nil {
				return r.store
			}
			return nil
		},
		func() {
			if r := p.running.Load(); r != nil {
				r.engine.Wake()
			}
		}, told))
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error(err, "the command `dead` is answered no more")
		}
	})
	return server.Close, nil
}

// ignoreDeadline: a connection that will not end is closed, which is no error of ours.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (p *pod) server(base context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, BaseContext: func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: quiet(p.log),
	}
}

// work opens the store and runs the engine on it until working ends.
func (p *pod) work(opening, working context.Context, registry prometheus.Registerer, told deedTold) error {
	s, err := p.openStore(opening)
	if err != nil {
		return nil // the end came first, and nothing was begun
	}
	clean := p.takeMarker()
	r := &running{store: s}
	r.engine = engine.New(engine.Options{
		Store: s, Roles: p.roles, Pools: p.pools, PodName: p.name, Connect: p.connect, Steppers: p.steppers,
		Route: p.router(s), Call: calling.New(p.client(), p.callsDir, registry).Call, Fetch: p.fetcher().Fetch,
		CleanStart: clean, Memory: p.memory, Timing: p.timing, Registerer: registry, Log: p.log,
	})
	r.hooks, r.pages = r.engine.Hooks(), r.engine.Pages()
	r.desk = desk.New(desk.Options{
		Store: s, Pools: func() []desk.PoolInfo { return p.poolInfos(r.engine) }, AgentsDir: p.agentsDir, Assets: web.Pages(),
		Directories: func() map[string]*directory.Index { return r.engine.Live().Directories() },
		WindowOf:    r.engine.WindowOf, Changed: r.engine.DeskChanged, Wake: r.engine.Wake, Told: told,
		Log: p.log.WithName("desk"),
	})
	r.lookup = lookup.New(lookup.Options{Registerer: registry,
		Directory: func(name string) (*directory.Index, v1alpha1.PublicLookUp, bool) {
			return r.engine.Live().PublicDirectory(name)
		}})
	p.running.Store(r)
	if p.started != nil {
		p.started(r.engine, s)
	}
	r.engine.Run(working)
	p.running.Store(nil)
	p.leaveMarker()
	if err := s.Close(); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// openStore insists: a database that is down when the pod starts is a pod that is not ready, not one that crashes.
func (p *pod) openStore(ctx context.Context) (store.Store, error) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, openAgain) {
		s, err := p.open(ctx)
		if err == nil {
			p.trouble.Store(nil)
			return s, nil
		}
		said := err.Error()
		if last := p.trouble.Swap(&said); ctx.Err() == nil && (last == nil || *last != said) {
			p.log.Error(err, "the store cannot be opened; it is tried again")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// public answers the outer port.
func (p *pod) public(w http.ResponseWriter, r *http.Request) {
	now := p.running.Load()
	if now == nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "not ready yet", http.StatusServiceUnavailable)
		return
	}
	switch part := firstPart(r.URL.Path); {
	case part == "hooks" && p.roles.Bot:
		now.hooks.ServeHTTP(w, r)
	case part == "chat" && p.roles.Bot:
		now.pages.ServeHTTP(w, r)
	case part == "directories" && p.roles.Bot:
		now.lookup.ServeHTTP(w, r)
	case part == "desk" && p.roles.Desk:
		now.desk.ServeHTTP(w, r)
	case r.URL.Path == "/" && p.home != nil:
		p.home.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// firstPart of a path: "hooks" of /hooks/wa.
func firstPart(path string) string {
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			return path[1:i]
		}
	}
	return ""
}

// ready says why the pod cannot serve citizens or agents now.
func (p *pod) ready(context.Context) error {
	r := p.running.Load()
	switch {
	case p.draining.Load():
		return errors.New("draining")
	case r == nil:
		return errors.New("the store is not open yet; see the log")
	}
	return r.engine.Ready()
}

// poolInfos are the pools whose desk this pod serves.
func (p *pod) poolInfos(e *engine.Engine) []desk.PoolInfo {
	live, boot := e.Live(), p.boot()
	var infos []desk.PoolInfo
	for name, pool := range e.ServedPools() {
		title := map[string]string{}
		for language, text := range live.Tenant.DisplayName {
			title[language] = string(text)
		}
		info := counterOf(name, pool)
		info.Title, info.Languages, info.URL = title, live.Tenant.Languages, boot.DeskURLs[name]
		for _, agent := range pool.Spec.Agents.Supervisors {
			info.Supervisors = append(info.Supervisors, string(agent))
		}
		infos = append(infos, info)
	}
	return infos
}

// counterOf is what giving out conversations asks of a pool.
func counterOf(name string, pool *judge.Pool) desk.PoolInfo {
	return desk.PoolInfo{Name: name, Slots: int(pool.Spec.ConversationsPerAgent),
		Skills: pool.Skills, SkillsWithin: pool.Spec.Queue.SkillsWithin.Duration}
}

func (p *pod) router(s store.Store) func(context.Context, string, *judge.Pool) (int, error) {
	router := &desk.Router{Store: s}
	return func(ctx context.Context, name string, pool *judge.Pool) (int, error) {
		return router.RouteOnce(ctx, counterOf(name, pool))
	}
}
