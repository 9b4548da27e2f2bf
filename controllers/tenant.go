package controllers

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/link"
	"github.com/loket-dev/loket/controllers/render"
)

// TenantReconciler makes a tenant's objects, connects its link and reports.
type TenantReconciler struct {
	shared
	rows *rowReader

	mu   sync.Mutex
	bots map[types.NamespacedName]botMemory
}

// Reconcile brings a tenant's workloads to what its resources say.
func (r *TenantReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.freshKeys()
	seen, err := r.gather(ctx, req.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	if seen.gone() {
		return ctrl.Result{}, r.forget(seen)
	}
	class, refusal := accept(seen.application)
	if refusal != nil {
		r.links.Disconnect(req.NamespacedName) // what runs goes on running: taking a service down needs a person's word
		return r.report(ctx, seen, outcome{refusal: refusal})
	}
	tenant, cuts := withinCeilings(*seen.tenant, class)
	bot, err := r.scaleBot(ctx, seen, &tenant)
	if err != nil {
		return ctrl.Result{}, err
	}
	in, err := r.input(ctx, seen, tenant, *class)
	if err != nil {
		return ctrl.Result{}, err
	}
	done, err := r.bring(ctx, in, bot.left)
	done.class, done.cuts, done.botWhy, done.again = class, cuts, bot.why, sooner(done.again, bot.again)
	done.botScalers = seen.botScalers
	r.connect(seen, tenant, in.Published)
	if done.blocked = allBlocked(err); err != nil && len(done.blocked) == 0 {
		return ctrl.Result{}, err
	}
	again, told := r.report(ctx, seen, done)
	if err != nil || told != nil { // what a person must mend is tried again too, with longer and longer waits
		return ctrl.Result{}, errors.Join(err, told)
	}
	return again, nil
}

// bring makes the objects: Services first, since the others tell the ports that the cluster gives them. What cannot be done
// holds up nothing else: a quota on node ports must not keep a tenant from being suspended. The bot's replicas may be left to somebody
// else.
func (r *TenantReconciler) bring(ctx context.Context, in render.Input, botLeft bool) (outcome, error) {
	services := render.Services(in)
	errs := []error{r.applyAll(ctx, services)}
	ports, err := r.nodePorts(ctx, in, services)
	in.NodePorts = ports
	errs = append(errs, err)
	workloads := render.Workloads(in)
	if err == nil { // else they would tell citizens' platforms that there is no address
		errs = append(errs, r.applyAll(ctx, workloads))
	}
	all := append(services, workloads...)
	errs = append(errs, r.children.prune(ctx, in.Tenant.UID, in.Tenant.Namespace, in.Tenant.Name, all))
	kind, bot := botKind(&in.Tenant), types.NamespacedName{Namespace: in.Tenant.Namespace, Name: render.BotName}
	if !botLeft {
		_, _, err = r.children.scale(ctx, in.Tenant.UID, kind, bot, in.BotReplicas())
		errs = append(errs, err)
	}
	out := outcome{input: in, again: r.children.nextComparison(all)}
	k, err := r.children.read(ctx, kind, bot)
	if k != nil {
		out.bot = k.facts
	}
	return out, errors.Join(append(errs, err)...)
}

// applyAll goes on after an object that cannot be applied: the others may be what citizens need.
func (r *TenantReconciler) applyAll(ctx context.Context, objects []render.Object) error {
	var errs []error
	for _, o := range objects {
		errs = append(errs, r.children.apply(ctx, o))
	}
	return errors.Join(errs...)
}

// input gathers what the objects depend on beside the custom resources: what the cluster made of them so far.
func (r *TenantReconciler) input(ctx context.Context, seen seen, tenant v1alpha1.BotTenant, class v1alpha1.TenantClass) (render.Input, error) {
	in := render.Input{
		Tenant: tenant, Class: class, Channels: seen.objects.Channels, Pools: seen.objects.Pools,
		Calls:             seen.objects.CallSecrets(),
		OperatorNamespace: r.namespace, Keys: r.ring.Public(), Workers: map[string]int32{},
	}
	inNamespace := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: tenant.Namespace, Name: name}
	}
	boot, err := r.children.look(ctx, configMapKind, inNamespace(render.BootName(tenant.Name)))
	if err != nil {
		return in, err
	}
	published := ""
	if boot != nil {
		published = boot.annotations[render.PublishedAnnotation]
	}
	in.Published = render.Published(published, in.Keys, r.now())
	if in.Embedded() {
		set, err := r.children.read(ctx, statefulSetKind, inNamespace(render.BotName))
		if err != nil {
			return in, err
		}
		if set != nil {
			in.Volume = set.facts.Claim
		}
		return in, nil
	}
	for i := range in.Pools {
		desk, err := r.children.read(ctx, deploymentKind, inNamespace(render.DeskName(in.Pools[i].Name)))
		if err != nil {
			return in, err
		}
		if desk != nil {
			in.Workers[in.Pools[i].Name] = desk.facts.Wanted
		}
	}
	return in, nil
}

// nodePorts are those that the cluster has given the tenant's own Services, where the class wants any.
func (r *TenantReconciler) nodePorts(ctx context.Context, in render.Input, services []render.Object) (map[string]int32, error) {
	ports := map[string]int32{}
	if in.Class.Spec.Exposure.NodePort == nil {
		return ports, nil
	}
	var errs []error
	for _, o := range services {
		if o.Name == render.InternalName(in.Tenant.Name) {
			continue
		}
		k, err := r.children.read(ctx, serviceKind, types.NamespacedName{Namespace: in.Tenant.Namespace, Name: o.Name})
		errs = append(errs, err)
		if k != nil && k.owner == in.Tenant.UID && k.facts.NodePort != 0 {
			ports[o.Name] = k.facts.NodePort
		}
	}
	return ports, errors.Join(errs...)
}

// connect tells the link what the runtime shall have. A suspended tenant has no runtime to talk to.
func (r *TenantReconciler) connect(seen seen, tenant v1alpha1.BotTenant, published map[string]time.Time) {
	key := client.ObjectKeyFromObject(&tenant)
	if tenant.Spec.Suspend {
		r.links.Disconnect(key)
		return
	}
	objects := seen.objects
	objects.Tenant = tenant
	r.links.Connect(link.Target{
		Tenant: key, UID: string(tenant.UID),
		Address:  net.JoinHostPort(fmt.Sprintf("%s.%s.svc", render.InternalName(tenant.Name), tenant.Namespace), strconv.Itoa(bundle.PortInternal)),
		Envelope: bundle.Wrap(bundle.From(objects)),
		Signer: func(now time.Time) (string, ed25519.PrivateKey) {
			return r.ring.Signer(published, now)
		},
	})
}

// forget drops what is kept in memory of a tenant that is gone; the cluster's garbage collector removes its objects, and
// volume and database stay.
func (r *TenantReconciler) forget(seen seen) error {
	r.links.Disconnect(seen.name)
	r.forgetBot(seen.name)
	if len(seen.siblings) == 0 {
		r.children.forget(seen.name.Namespace)
		r.rows.only(seen.name.Namespace, nil)
	}
	return nil
}
