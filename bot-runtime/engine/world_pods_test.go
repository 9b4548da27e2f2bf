package engine

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/judge"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// worldPod is a pod of the world through its lives.
type worldPod struct {
	*world
	name   string
	roles  Roles
	memory string

	mu    sync.Mutex
	lives int
	live  *incarnation // nil while there is none
	last  *incarnation
	runs  sync.WaitGroup
	stop  context.CancelFunc
}

func (w *world) newPod(name string, roles Roles) *worldPod {
	return &worldPod{world: w, name: name, roles: roles, memory: w.TempDir()}
}

// start begins a life. clean says that the last one ended in good order.
func (p *worldPod) start(clean bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lives++
	i := &incarnation{pod: p, number: p.lives}
	i.store = newWorldStore(p.world, i)
	router := &desk.Router{Store: i.store}
	ahead := between(p.rand("clock", p.name), -2*time.Minute, 2*time.Minute) // no two clocks are the same
	i.engine = New(Options{Store: i.store, Roles: p.roles, PodName: p.name, CleanStart: clean, Memory: p.memory, Steppers: 2,
		Registerer: prometheus.NewRegistry(), Log: logr.Discard(), Clock: func() time.Time { return time.Now().Add(ahead) },
		Route: func(ctx context.Context, name string, pool *judge.Pool) (int, error) {
			slots := int(pool.Spec.ConversationsPerAgent)
			if m := p.mutant; m != nil {
				slots += m.slots
			}
			return router.RouteOnce(ctx, desk.PoolInfo{Name: name, Slots: slots})
		},
		Connect: func(name string, _ v1alpha1.ChannelSpec, _ Doors) Connection {
			c := Connection{Sender: &line{incarnation: i, channel: name, net: p.net}, Receiver: parcels{name}, Rate: p.plan.rate,
				Pace: 300 * time.Millisecond, Window: message.Window}
			if name == "chat" {
				c.TakesOnce, c.Window, c.Pace = true, 0, 0
			}
			return c
		}})
	ctx, cancel := context.WithCancel(context.Background())
	p.live, p.last, p.stop = i, i, cancel
	p.runs.Go(func() { i.engine.Run(ctx) })
	p.say("%s starts", i.title())
}

// now is the process that runs, or the last one that did.
func (p *worldPod) now() *incarnation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// die ends a life as kill -9 does: nobody hears of what it was about to do.
func (p *worldPod) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say("%s is killed", p.live.title())
	p.live.dead.Store(true)
	p.live = nil
	p.stop()
}

// end ends a life in good order.
func (p *worldPod) end() {
	p.mu.Lock()
	i, stop := p.live, p.stop
	p.live = nil
	p.mu.Unlock()
	if i != nil {
		p.say("%s is told to end", i.title())
	}
	stop()
	p.runs.Wait()
}

// hook posts a webhook to the pod.
func (p *worldPod) hook(channel, body string) int {
	p.mu.Lock()
	i := p.live
	p.mu.Unlock()
	if i == nil || i.stopped() {
		return http.StatusBadGateway
	}
	w := httptest.NewRecorder()
	i.engine.Hooks().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/"+channel, strings.NewReader(body)))
	if i.dead.Load() {
		return http.StatusBadGateway
	}
	return w.Code
}

// calamities befall the world while citizens write.
func (w *world) calamities() {
	r := w.rand("calamities")
	over := w.began.Add(w.plan.active)
	var all sync.WaitGroup
	defer all.Wait()
	for {
		time.Sleep(between(r, 20*time.Second, 3*time.Minute))
		if time.Now().After(over) {
			break
		}
		pod := w.pods[r.IntN(len(w.pods))]
		long := between(r, time.Second, 45*time.Second)
		switch kind := r.IntN(10); {
		case kind < 3:
			all.Go(func() { w.kill(pod, long) })
			time.Sleep(long)
		case kind < 4:
			all.Go(func() {
				pod.end()
				time.Sleep(long)
				pod.start(true)
				w.rules.trouble(long)
			})
			time.Sleep(long + time.Minute)
		case kind < 6:
			w.halt(pod, long)
		case kind < 8:
			w.down(long)
		default:
			w.step(between(r, -30*time.Second, 30*time.Second))
		}
	}
}

func (w *world) kill(pod *worldPod, away time.Duration) {
	pod.die()
	time.Sleep(away)
	pod.start(false)
	w.rules.trouble(away)
}

// halt stops a process as SIGSTOP does.
func (w *world) halt(pod *worldPod, long time.Duration) {
	i := pod.now()
	w.say("%s is stopped for %v", i.title(), long)
	i.stoppedUntil.Store(time.Now().Add(long).UnixNano())
	time.Sleep(long)
	w.turns.look()
	w.rules.trouble(long)
}

// down has the database answer nobody. Who asks often enough to be a burden is told of.
func (w *world) down(long time.Duration) {
	w.say("the database is down for %v", long)
	var lives []*incarnation
	for _, p := range w.pods {
		lives = append(lives, p.now())
		p.now().store.engine.refusals()
	}
	w.outage.Store(true)
	time.Sleep(long)
	w.outage.Store(false)
	w.rules.trouble(long)
	for _, i := range lives {
		w.rules.asked(i, i.store.engine.refusals(), long)
	}
}

// step moves the database's clock.
func (w *world) step(by time.Duration) {
	w.say("the database's clock steps by %v", by)
	w.ahead.Add(int64(by))
	w.rules.clockStepped(by)
}
