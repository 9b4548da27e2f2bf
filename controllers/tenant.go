package controllers

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"strconv"
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
}

// Reconcile brings a tenant's workloads to what its resources say.
func (r *TenantReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
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
	done, err := r.bring(ctx, seen, tenant, *class)
	done.class, done.cuts = class, cuts
	switch {
	case errors.As(err, &done.blocked): // a person must know; and we try again, with longer and longer waits
		r.connect(seen, tenant, done.input)
		_, told := r.report(ctx, seen, done)
		return ctrl.Result{}, errors.Join(err, told)
	case err != nil:
		return ctrl.Result{}, err
	}
	r.connect(seen, tenant, done.input)
	return r.report(ctx, seen, done)
}

// bring makes the objects: Services first, since the others tell the ports that the cluster gives them.
func (r *TenantReconciler) bring(ctx context.Context, seen seen, tenant v1alpha1.BotTenant, class v1alpha1.TenantClass) (outcome, error) {
	in, err := r.input(ctx, seen, tenant, class)
	if err != nil {
		return outcome{input: in}, err
	}
	services := render.Services(in)
	if err := r.applyAll(ctx, services); err != nil {
		return outcome{input: in}, err
	}
	if in.NodePorts, err = r.nodePorts(ctx, in, services); err != nil {
		return outcome{input: in}, err
	}
	workloads := render.Workloads(in)
	if err := r.applyAll(ctx, workloads); err != nil {
		return outcome{input: in}, err
	}
	all := append(services, workloads...)
	if err := r.children.prune(ctx, tenant.UID, tenant.Namespace, tenant.Name, all); err != nil {
		return outcome{input: in}, err
	}
	bot := types.NamespacedName{Namespace: tenant.Namespace, Name: render.BotName}
	if _, _, err := r.children.scale(ctx, botKind(&tenant), bot, in.BotReplicas()); err != nil {
		return outcome{input: in}, err
	}
	out := outcome{input: in, again: r.children.nextComparison(all)}
	k, err := r.children.look(ctx, botKind(&tenant), bot)
	if k != nil {
		out.bot = k.facts
	}
	return out, err
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
		set, err := r.children.look(ctx, statefulSetKind, inNamespace(render.BotName))
		if err != nil {
			return in, err
		}
		if set != nil {
			in.Volume = set.facts.Claim
		}
		return in, nil
	}
	for i := range in.Pools {
		desk, err := r.children.look(ctx, deploymentKind, inNamespace(render.DeskName(in.Pools[i].Name)))
		if err != nil {
			return in, err
		}
		if desk != nil {
			in.Workers[in.Pools[i].Name] = desk.facts.Wanted
		}
	}
	return in, nil
}

func (r *TenantReconciler) nodePorts(ctx context.Context, in render.Input, services []render.Object) (map[string]int32, error) {
	ports := map[string]int32{}
	for _, o := range services {
		k, err := r.children.look(ctx, serviceKind, types.NamespacedName{Namespace: in.Tenant.Namespace, Name: o.Name})
		if err != nil {
			return nil, err
		}
		if k != nil && k.facts.NodePort != 0 {
			ports[o.Name] = k.facts.NodePort
		}
	}
	return ports, nil
}

// connect tells the link what the runtime shall have. A suspended tenant has no runtime to talk to.
func (r *TenantReconciler) connect(seen seen, tenant v1alpha1.BotTenant, in render.Input) {
	key := client.ObjectKeyFromObject(&tenant)
	if tenant.Spec.Suspend {
		r.links.Disconnect(key)
		return
	}
	objects := seen.objects
	objects.Tenant = tenant
	published := in.Published
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
	if len(seen.siblings) == 0 {
		r.children.forget(seen.name.Namespace)
		r.rows.forget(seen.name.Namespace)
	}
	return nil
}
