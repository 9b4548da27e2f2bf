package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/controllers/render"
)

// AgentPoolReconciler scales a pool's desk with its backlog and says how the counter does.
type AgentPoolReconciler struct {
	shared

	mu    sync.Mutex
	pools map[types.NamespacedName]poolMemory
}

// poolSeen is everything that a pool's reconciler looks at.
type poolSeen struct {
	judgement
	pool  *v1alpha1.AgentPool
	class *v1alpha1.TenantClass // nil unless the tenant is accepted
	// desk is the workload that serves the pool, nil when it is not made yet.
	desk     *facts
	nodePort int32
	embedded bool
	zone     *time.Location // the tenant's
	scalers  scalers

	// advice is what demand calls for where somebody else decides; nil while Loket does.
	advice *capacity.Decision
	// unscaled is why the cluster would not have the decided number of workers; nil while it will.
	unscaled error
	// limited is what keeps workers from demand, with its mend; empty while nothing does.
	limited string
	// unkept is what keeps the operator from keeping what it learnt; nil while nothing does.
	unkept *metav1.Condition
	// people is what is known of how many are needed; nil before anything is.
	people *v1alpha1.PoolPeople
	// staffed says whether they suffice, once that has held for long enough; nil where it is not known.
	staffed *metav1.Condition
}

// Reconcile scales first, then counts people, and reports last: citizens wait for workers, nobody waits for a status. What goes
// wrong on the way is reported, and holds up nothing behind it.
func (r *AgentPoolReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	seen, err := r.gather(ctx, req.NamespacedName)
	if err != nil || seen == nil {
		return ctrl.Result{}, err
	}
	memory := r.recall(ctx, seen)
	decision := capacity.Decision{}
	if seen.learns() {
		spec, look := seen.limits(), seen.observation()
		memory.pretend(seen, &look)
		if seen.advises() {
			var advice capacity.Decision
			advice, memory.risen = capacity.Advise(spec, memory.state, look, memory.risen)
			seen.advice = &advice
		}
		decision, memory.state = capacity.Decide(spec, memory.state, look)
		if seen.scales() && !seen.yields() {
			seen.limited = memory.limit.look(seen, spec, decision)
			seen.unscaled = r.scale(ctx, seen, decision, &memory)
		}
		memory.people.look(seen, &memory.state, look)
		seen.people = memory.people.said
		measure(seen, decision, look, memory.state)
		r.keep(ctx, seen, &memory)
		seen.unkept = memory.kept.trouble
	}
	var wait time.Duration
	seen.staffed, wait = memory.people.staffed(seen)
	result, err := r.report(ctx, seen, decision, sooner(seen.again(decision), wait), &memory)
	r.remember(req.NamespacedName, memory)
	if seen.unscaled != nil && len(allBlocked(seen.unscaled)) == 0 { // what a person must mend is tried again with the next look
		err = errors.Join(seen.unscaled, err)
	}
	return result, err
}

// gather does all the reading; nil when the pool is gone.
func (r *AgentPoolReconciler) gather(ctx context.Context, name types.NamespacedName) (*poolSeen, error) {
	pool := &v1alpha1.AgentPool{}
	if err := r.client.Get(ctx, name, pool); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.forget(name)
		}
		return nil, client.IgnoreNotFound(err)
	}
	q, err := r.question(ctx, bundle.KindAgentPool, pool, pool.Status.Verdict)
	if err != nil {
		return nil, err
	}
	seen := &poolSeen{judgement: q, pool: pool}
	if q.tenant == nil || q.tenant.Status.ClassName == "" || !accepted(q.tenant) {
		return seen, nil
	}
	class := &v1alpha1.TenantClass{}
	if err := r.client.Get(ctx, client.ObjectKey{Name: q.tenant.Status.ClassName}, class); err != nil {
		return seen, client.IgnoreNotFound(err)
	}
	seen.class = class
	seen.embedded = q.tenant.Spec.Storage.Embedded != nil
	kind, workload := deploymentKind, types.NamespacedName{Namespace: name.Namespace, Name: render.DeskName(name.Name)}
	if seen.embedded {
		kind, workload.Name = statefulSetKind, render.BotName
	}
	desk, err := r.children.read(ctx, kind, workload)
	if err != nil {
		return nil, err
	}
	if desk != nil && desk.owner == q.tenant.UID {
		seen.desk = &desk.facts
	}
	if !seen.embedded {
		if seen.scalers, err = r.scalersOf(ctx, pool); err != nil {
			return nil, err
		}
	}
	if class.Spec.Exposure.NodePort == nil {
		return seen, nil
	}
	service, err := r.children.read(ctx, serviceKind, workload)
	if err != nil {
		return nil, err
	}
	if service != nil && service.owner == q.tenant.UID {
		seen.nodePort = service.facts.NodePort
	}
	return seen, nil
}

// learns says whether there is a desk whose load can be followed: what people are needed does not depend on whether it scales.
func (s *poolSeen) learns() bool { return s.class != nil && s.desk != nil }

// scales says whether there is a desk of its own whose size may be decided.
func (s *poolSeen) scales() bool { return s.learns() && !s.embedded }

// dry says that decisions are not carried out. A suspended tenant's workers go all the same: that is no decision of capacity.
func (s *poolSeen) dry() bool {
	return s.scales() && s.pool.Spec.Workers.DryRun && !s.tenant.Spec.Suspend
}

// advises says that somebody else decides, who is told what demand calls for. What suspends a tenant is no demand.
func (s *poolSeen) advises() bool {
	return s.scales() && s.pool.Spec.Workers.Mode == v1alpha1.WorkersExternal && !s.tenant.Spec.Suspend
}

// byDemand is what demand calls for, whoever decides.
func (s *poolSeen) byDemand(d capacity.Decision) capacity.Decision {
	if s.advice != nil {
		return *s.advice
	}
	return d
}

// again is when a decision or an advice is due anew.
func (s *poolSeen) again(d capacity.Decision) time.Duration {
	return sooner(d.Again, s.byDemand(d).Again)
}

func (s *poolSeen) limits() capacity.Spec {
	w, wished := s.pool.Spec.Workers, int32(1)
	if w.Replicas != nil {
		wished = *w.Replicas
	}
	out := capacity.Spec{
		Min: w.Min, Max: w.Max, Ceiling: s.class.Spec.Ceilings.WorkersPerPool,
		ConversationsPerWorker: w.ConversationsPerWorker, Window: w.ScaleDownAfter.Duration, Start: startsWithin, Zone: s.zone,
		Step: w.Step, DailyHours: w.DailyHours,
	}
	for _, h := range w.Holidays {
		if day, err := capacity.ParseDay(string(h)); err == nil { // the CRD lets nothing else through but days such as 30 February
			out.Holidays = append(out.Holidays, day)
		}
	}
	if out.Ceiling == 0 {
		out.Ceiling = max(w.Max, wished)
	}
	if s.mayRest() {
		out.Min = 0
	}
	none := int32(0)
	switch {
	case s.tenant.Spec.Suspend:
		out.External = &none
	case s.embedded:
		out.External = &s.desk.Wanted
	case w.Mode == v1alpha1.WorkersExternal:
		out.External = &wished
	}
	return out
}

// openingLead is how long before a pool opens its workers are back: its people come early, and looks are up to a minute apart.
const openingLead = 2 * time.Minute

// mayRest says that the pool may have no worker at all: it is shut, and nobody is signed in who would lose the console. While
// nobody knows, one that rests goes on resting.
func (s *poolSeen) mayRest() bool {
	if !s.pool.Spec.Workers.ZeroOutsideHours {
		return false
	}
	local := s.now.In(s.zone)
	if open(s.pool.Spec.Hours, local) || open(s.pool.Spec.Hours, local.Add(openingLead)) {
		return false
	}
	if p := s.view.Pool(s.name); p != nil && !s.view.Stale {
		return p.Agents == 0
	}
	return s.desk.Wanted == 0
}

// startsWithin is how long a desk's pod takes to be ready, until the pool has seen how long.
const startsWithin = 20 * time.Second

// observation is fresh only when the runtime speaks: a pool it does not know has no figures.
func (s *poolSeen) observation() capacity.Observation {
	out := capacity.Observation{
		Now: s.now, Workers: s.desk.Wanted, Ready: s.desk.Ready, Starting: max(s.desk.Wanted-s.desk.Ready, 0),
		Draining: max(s.desk.Exist-s.desk.Wanted, 0),
	}
	if p := s.view.Pool(s.name); p != nil && !s.view.Stale && s.view.Status.StoreError == "" {
		out.Fresh = true
		out.WaitingForWorker, out.WaitingForAgent, out.Active = p.WaitingForWorker, p.WaitingForAgent, p.Active
		out.Arrived, out.Finished = p.Arrived, p.Finished
	}
	return out
}

// scale asks for the decided number of workers, and tells when that is another one.
// The event is told only when what the decision goes by is another than before: figures move all day.
func (r *AgentPoolReconciler) scale(ctx context.Context, seen *poolSeen, d capacity.Decision, memory *poolMemory) error {
	desk := types.NamespacedName{Namespace: seen.pool.Namespace, Name: render.DeskName(seen.pool.Name)}
	if seen.dry() {
		memory.shadow = &d.Workers
		return nil
	}
	before, scaled, err := r.children.scale(ctx, seen.tenant.UID, deploymentKind, desk, d.Workers)
	if err != nil || !scaled {
		return err
	}
	seen.desk.Wanted, seen.desk.Rolling = d.Workers, true
	reason := v1alpha1.EventScaledUp
	if d.Workers < before {
		reason = v1alpha1.EventScaledDown
	}
	if told := reason + " " + d.Reasons.Class(); told != memory.told {
		memory.told = told
		r.events.Eventf(seen.pool, nil, corev1.EventTypeNormal, reason, "Scale", "%d → %d: %s", before, d.Workers, seen.why(d))
	}
	return nil
}

// report writes the status if it says something else than before. Waiting, active, agents and the reason move with every citizen,
// so that they are written at most once a minute, and else only together with something that matters more.
func (r *AgentPoolReconciler) report(ctx context.Context, seen *poolSeen, d capacity.Decision, wait time.Duration, memory *poolMemory) (ctrl.Result, error) {
	before := seen.pool
	after := before.DeepCopy()
	var again time.Duration
	after.Status, again = poolStatus(seen, d)
	again = sooner(again, wait)
	same := equality.Semantic.DeepEqual(before.Status, after.Status)
	if !same && onlyFigures(before.Status, after.Status) {
		if wait := figuresEvery - seen.now.Sub(memory.figuresAt); wait > 0 {
			return ctrl.Result{RequeueAfter: sooner(again, wait)}, nil
		}
		demand := seen.byDemand(d)
		class := demand.Reasons.Class()
		if same = class == memory.reported && sameToPeople(before.Status, after.Status); !same {
			memory.reported = class
		}
	}
	if !same {
		memory.figuresAt = seen.now
	}
	result, err := r.write(ctx, before, after, same, before.Status.Conditions, after.Status.Conditions, again)
	if err != nil {
		return result, fmt.Errorf("reporting: %w", err)
	}
	return result, nil
}

// sooner is the shorter of two waits, of which 0 is never.
func sooner(a, b time.Duration) time.Duration {
	switch {
	case a <= 0:
		return max(b, 0)
	case b <= 0:
		return a
	default:
		return min(a, b)
	}
}
