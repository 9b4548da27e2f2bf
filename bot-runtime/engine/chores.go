package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	timersATurn    = 200
	statusesATurn  = 500
	heartbeat      = 25 * time.Second // pods not seen for a minute are forgotten
	heartbeatAgain = 5 * time.Second  // after one that failed
	janitorEvery   = time.Minute      // a tenant
	routeEvery     = time.Minute      // where nothing happens at the desk
	// keptAtLeast guards against a bundle without a retention: nothing younger than a day is ever dropped.
	keptAtLeast = 24 * time.Hour
	// keptWithoutBundle: as long as nobody has said how long, nothing is dropped.
	keptWithoutBundle = 100 * 365 * 24 * time.Hour
)

func (e *Engine) fireTimers(ctx context.Context) (int, error) {
	n, err := e.store.FireTimers(ctx, timersATurn)
	if n > 0 {
		e.wakeSteps.raise()
	}
	return n, err
}

func (e *Engine) applyStatuses(ctx context.Context) (int, error) {
	n, err := e.store.ApplyStatuses(ctx, statusesATurn)
	e.report.statuses.Add(float64(n))
	if n > 0 {
		e.wakeSends.raise() // an echo may have settled an unknown head
	}
	return n, err
}

func (e *Engine) resolveUnknown(ctx context.Context) (int, error) {
	var once []string
	for name, c := range e.Live().Channels {
		if c.TakesOnce {
			once = append(once, name)
		}
	}
	n, err := e.store.ResolveUnknown(ctx, e.sender.timing.UnknownWait, e.sender.timing.UnknownQuiet, once)
	e.report.resends.Add(float64(n))
	if n > 0 {
		e.wakeSends.raise()
	}
	return n, err
}

// routeAll gives waiting conversations of all served pools to agents.
func (e *Engine) routeAll(ctx context.Context) (int, error) {
	all := 0
	pools := e.ServedPools()
	for _, name := range slices.Sorted(maps.Keys(pools)) {
		n, err := e.route(ctx, name, pools[name])
		if err != nil {
			return all, err
		}
		all += n
	}
	if all > 0 {
		e.tellDesk()
		e.status.stale()
	}
	return all, nil
}

// beat keeps the pod's row, the janitor and the pools' hygiene going. A pod that starts beats at once.
func (e *Engine) beat() {
	var routed time.Time
	spread := spreadOf(e.pod)
	for {
		sweep, err := e.store.Heartbeat(e.acts, e.self(), janitorEvery)
		e.wrote(err)
		pause := heartbeat
		if err != nil {
			e.report.failed("Heartbeat", err)
			pause = heartbeatAgain // a pod that is not ready is asked nothing else
		}
		if sweep {
			e.sweep()
		}
		e.wakeFetch.raise() // a source may be due
		// Agents may have gone without a word.
		if now := e.now(); e.roles.Desk && (e.peopleAround() || now.Sub(routed) >= routeEvery) {
			routed = now
			e.wakeRouting.raise()
		}
		// Spread, so that a tenant's pods do not all beat at once.
		t := time.NewTimer(pause - time.Duration(spread.Int64N(int64(pause/5))))
		select {
		case <-e.stop:
			t.Stop()
			return
		case <-e.wakeHeart:
			t.Stop()
		case <-t.C:
		}
	}
}

// spreadOf draws what is a pod's own: another than its neighbours', and the same whenever the pod is run again in a simulation.
func spreadOf(pod string) *rand.Rand {
	sum := sha256.Sum256([]byte(pod))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}

// sweep runs the janitor, and ends leases that nobody settled, those of channels that serve no more among them.
func (e *Engine) sweep() {
	keep := max(e.Live().Tenant.Retention, keptAtLeast)
	if e.Live().Hash == "" {
		keep = keptWithoutBundle
	}
	found, err := e.store.Janitor(e.acts, keep)
	if err != nil {
		e.report.failed("Janitor", err) // and what it could do is in the report
	}
	e.report.doubled.Add(float64(found.Doubled))
	e.report.repairedLanes.Add(float64(found.RepairedLanes))
	e.report.dropped.Add(float64(found.Dropped))
	if found.RepairedLanes > 0 {
		e.report.log.Info("lanes with work but no lane row were repaired; this is a bug in Loket", "lanes", found.RepairedLanes)
		e.wakeSteps.raise()
	}
	if _, err := e.resolveUnknown(e.acts); err != nil {
		e.report.failed("ResolveUnknown", err)
	}
}

// podReport is what a pod tells of itself beside its row's columns.
type podReport struct {
	Channels []bundle.Health `json:"channels,omitempty"`
}

// maxReport is how much of a report the store keeps.
const maxReport = 8 << 10

func (e *Engine) self() store.Pod {
	live := e.Live()
	pod := store.Pod{Name: e.pod, Roles: e.roles.String(), Bundle: live.Hash, Started: e.started}
	if !e.roles.Bot {
		return pod
	}
	report := podReport{Channels: live.health()}
	body, err := json.Marshal(report)
	for err == nil && len(body) > maxReport {
		report.Channels = report.Channels[:len(report.Channels)/2]
		body, err = json.Marshal(report)
	}
	pod.Report = body
	return pod
}
