package controllers

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/loket-dev/loket/controllers/link"
	"github.com/loket-dev/loket/controllers/signing"
)

// Options of Setup.
type Options struct {
	// Namespace is where the operator's pods run; NetworkPolicies admit it.
	Namespace string
	// Keys sign what the operator tells runtimes.
	Keys *signing.Ring
	// Dial reaches runtimes; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// shared is what all reconcilers use.
type shared struct {
	client    client.Client
	children  *Children
	links     *link.Links
	ring      *signing.Ring
	freshKeys func() // to be called before the keys are first used: reconcilers run when this replica leads, and not before
	events    events.EventRecorder
	now       func() time.Time
	namespace string
}

// Setup adds every controller, and the links to the runtimes, to a manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	links := link.New(link.Options{Log: mgr.GetLogger().WithName("link"), Dial: o.Dial, Now: o.Now})
	if err := mgr.Add(links); err != nil {
		return fmt.Errorf("adding the links: %w", err)
	}
	s := shared{
		client: mgr.GetClient(), children: newChildren(mgr.GetClient(), mgr.GetAPIReader(), o.Now), links: links,
		ring: o.Keys, events: mgr.GetEventRecorder("loket"), now: o.Now, namespace: o.Namespace,
	}
	s.freshKeys = sync.OnceFunc(func() {
		if err := o.Keys.Reread(); err != nil {
			mgr.GetLogger().Error(err, "signing keys stay as they were")
		}
	})
	keys := make(chan event.GenericEvent)
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		go o.Keys.Start(ctx, func(err error) { mgr.GetLogger().Error(err, "signing keys stay as they were") })
		return passOn(ctx, o.Keys.Changed(), keys)
	}))
	if err != nil {
		return fmt.Errorf("adding the watch of signing keys: %w", err)
	}
	for _, add := range []func(ctrl.Manager, shared) error{
		func(mgr ctrl.Manager, s shared) error { return addTenant(mgr, s, keys) },
		addTenantClass, addChannel, addDialogFlow, addDirectory, addKnowledge, addAgentPool,
	} {
		if err := add(mgr, s); err != nil {
			return err
		}
	}
	return nil
}

// passOn wakes all tenants when the signing keys change: their boot ConfigMaps carry the public halves.
func passOn(ctx context.Context, changed <-chan struct{}, keys chan<- event.GenericEvent) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return nil
		case keys <- event.GenericEvent{Object: everything()}:
		}
	}
}
