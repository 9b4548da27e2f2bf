package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/acts"
)

// world is one tenant with everything around it, in a bubble of testing/synctest: the real engine in several pods, the real
// SQLite store with a clock of the world's own, a platform with delays and faults, citizens with habits, agents who come and go,
// and calamities. Time passes only when nobody has anything to do, so that a day takes seconds.
//
// One thing happens at a time: whoever comes to the database waits at the turnstile, which lets one through when everybody else
// is at rest. What it draws, and what all others draw, depends on the seed alone; so a seed's run can be had again.
type world struct {
	testing.TB
	seed  uint64
	plan  plan
	began time.Time

	base   database
	turns  *turnstile
	ahead  atomic.Int64 // of the database's clock before the world's, in nanoseconds
	outage atomic.Bool
	mutant *mutant

	net    *network
	rules  *rules
	pods   []*worldPod
	people []*citizen
	agents []*agentPerson
	stop   chan struct{} // closed when the last pod is to end
	hash   string

	mu    sync.Mutex
	lines []string
}

// plan is how a world is made.
type plan struct {
	citizens, agents, slots int
	// active is how long citizens write; what follows is quiet.
	active time.Duration
	// pause between two words of a citizen, at most.
	pause time.Duration
	// embedded: one pod has every role.
	embedded bool
	rate     int
	// poison: citizens write what cannot be handled more often.
	poison bool
}

// planOf draws what a seed's world is like.
func planOf(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	return plan{citizens: 6 + r.IntN(10), agents: 1 + r.IntN(3), slots: 1 + r.IntN(3), active: 20 * time.Minute,
		pause: time.Duration(30+r.IntN(150)) * time.Second, embedded: r.IntN(3) == 0, rate: 1 + r.IntN(20)}
}

// run lives through a world from its first morning until nothing is left to do, and returns what happened.
func (w *world) run(bodies func(*world) []bundle.Objects) {
	// A bubble begins in the year 2000.
	time.Sleep(time.Until(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)))
	w.began, w.stop = time.Now(), make(chan struct{})
	w.turns = newTurnstile(w)
	w.net = newNetwork(w)
	w.rules = newRules(w)
	var around sync.WaitGroup
	around.Go(w.turns.run)
	if err := w.base.(interface{ Migrate(context.Context) error }).Migrate(context.Background()); err != nil {
		w.Fatal(err)
	}
	if w.plan.embedded {
		w.pods = []*worldPod{w.newPod("one", Roles{Bot: true, Desk: true})}
	} else {
		w.pods = []*worldPod{w.newPod("bot-0", Roles{Bot: true}), w.newPod("bot-1", Roles{Bot: true}), w.newPod("desk-0", Roles{Desk: true})}
	}
	for _, p := range w.pods {
		p.start(true)
	}
	for _, objects := range bodies(w) {
		w.apply(objects)
	}
	var lives sync.WaitGroup
	for n := range w.plan.agents {
		a := &agentPerson{world: w, name: fmt.Sprintf("agent-%d", n)}
		w.agents = append(w.agents, a)
		around.Go(a.work)
	}
	for n := range w.plan.citizens {
		c := w.net.citizen(fmt.Sprintf("62811%03d", n))
		w.people = append(w.people, c)
		lives.Go(c.live)
	}
	lives.Go(w.calamities)
	lives.Wait()
	w.say("the citizens have gone to bed")
	w.settle()
	close(w.stop)
	for _, p := range w.pods {
		p.end()
	}
	w.rules.judge()
	w.turns.close()
	around.Wait()
	w.net.calls.Wait()
	if err := w.base.Close(); err != nil {
		w.Error(err)
	}
}

// apply puts a bundle and waits until every pod serves it.
func (w *world) apply(objects bundle.Objects) {
	e := bundle.Wrap(bundle.From(objects))
	body, err := json.Marshal(e)
	if err != nil {
		w.Fatal(err)
	}
	for try := 0; ; try++ {
		err := w.pods[0].now().engine.PutBundle(context.Background(), e, w.hash, body)
		if err == nil {
			break
		}
		if try == 20 {
			w.Fatalf("putting the bundle: %v", err)
		}
		time.Sleep(time.Second)
	}
	w.hash = e.Hash
	deadline := time.Now().Add(time.Minute)
	for slices.ContainsFunc(w.pods, func(p *worldPod) bool { return p.now().engine.Live().Hash != e.Hash }) {
		if time.Now().After(deadline) {
			w.Fatal("the bundle did not go live within a minute")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// settle waits until nothing is left to do.
func (w *world) settle() {
	look := acts.New(&worldEngine{world: w, base: w.base})
	request := store.PollRequest{Channels: []string{"chat", "wa"}, Pools: []string{"counter"}}
	deadline := time.Now().Add(6 * time.Hour)
	for {
		due, err := look.Poll(context.Background(), request)
		counts, errCounts := look.PoolCounts(context.Background())
		busy := due.Lanes + due.Timers + due.Sends + due.Statuses + due.Unknown
		for _, c := range counts {
			busy += c.WaitingForWorker + c.WaitingForAgent + c.Active
		}
		if err == nil && errCounts == nil && busy == 0 && due.NextAt.IsZero() && w.net.quiet() {
			return
		}
		if time.Now().After(deadline) {
			w.rules.broken("something waits six hours after the last word: %+v %+v %v", due, counts, err)
			return
		}
		time.Sleep(10 * time.Second)
	}
}

// clock is the database's.
func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// say adds a line to the journal.
func (w *world) say(format string, args ...any) {
	line := fmt.Sprintf("%12.6f ", time.Since(w.began).Seconds()) + fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.lines = append(w.lines, line)
	w.mu.Unlock()
}

// journal is what happened, in order. What happened at one instant is in the order of its words: nobody can tell.
func (w *world) journal() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.lines)
	return strings.Join(w.lines, "\n")
}

// rand is a source of its own for whom parts name, so that what one draws does not depend on who drew before.
func (w *world) rand(parts ...any) *rand.Rand {
	h := fnv.New128a()
	fmt.Fprint(h, parts...)
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum)^w.seed, binary.BigEndian.Uint64(sum[8:])+w.seed))
}

// between draws a time, to the nanosecond, so that hardly two things happen at once.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}

// openWorldDatabase opens a store in memory where there is such a file system: a simulation proves nothing about the disk.
func openWorldDatabase(t testing.TB) database {
	dir := t.TempDir()
	if ram, err := os.MkdirTemp("/dev/shm", "loket-world-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(ram) })
		dir = ram
	}
	return openUnmigrated(t, filepath.Join(dir, "loket.db"))
}

// townBundle is the bundle of a world: the counting flow, a desk, and a survey that ends by a timer.
func townBundle(slots int) bundle.Objects {
	o := counting()
	flow := &o.Flows[0]
	flow.Spec.Triggers = []v1alpha1.Trigger{{Name: "person", Words: v1alpha1.Words{"id": {"petugas"}}, Next: "handoff"}}
	flow.Spec.Nodes = append(flow.Spec.Nodes,
		v1alpha1.Node{Name: "handoff", Next: "survey", Handoff: &v1alpha1.Handoff{Pool: "counter", Text: v1alpha1.Text{"id": "Mohon tunggu."}}},
		v1alpha1.Node{Name: "survey", Next: "done", Survey: &v1alpha1.Survey{Text: v1alpha1.Text{"id": "Nilai?"}, Thanks: v1alpha1.Text{"id": "Terima kasih."}}},
		v1alpha1.Node{Name: "done", End: &v1alpha1.End{}})
	pool := v1alpha1.AgentPool{Spec: v1alpha1.AgentPoolSpec{ConversationsPerAgent: int32(slots), Agents: v1alpha1.Agents{SecretName: "agents"},
		Queue: v1alpha1.Queue{MaxWaiting: 1000}}}
	pool.Name = "counter"
	o.Pools = []v1alpha1.AgentPool{pool}
	chat := o.Channels[0]
	chat.Name = "chat"
	chat.Spec.WhatsApp = &v1alpha1.WhatsAppChannel{PhoneNumberID: "10002", BusinessAccountID: "20002", SecretName: "wa"}
	o.Channels = append(o.Channels, chat)
	return o
}
