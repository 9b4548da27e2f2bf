// Package link keeps the operator in touch with every tenant's runtime: bundles go down, observations come up.
//
// Each tenant has one goroutine of its own, outside the reconcilers' workers, so that a silent tenant holds up nobody. It
// puts the bundle when the runtime wants another one than it has, then waits in the long poll. What the runtime says is
// bounded, cleaned and kept in a View; whoever is concerned is woken through Events. Nothing here touches the cluster.
package link

import (
	"context"
	"crypto/ed25519"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// KindTenant is the kind under which a tenant itself is woken, beside the kinds of objects in its bundle.
const KindTenant bundle.Kind = "BotTenant"

// dialTimeout bounds connecting: a NetworkPolicy that drops packets shows as this timeout.
const dialTimeout = 5 * time.Second

// Target is a tenant whose runtime the operator talks to.
type Target struct {
	Tenant types.NamespacedName
	UID    string
	// Address of the internal port, host and port.
	Address  string
	Envelope bundle.Envelope
	// Signer gives the key to sign with at a moment.
	Signer func(now time.Time) (keyID string, key ed25519.PrivateKey)
}

// Links are the links to all tenants. Connect and Disconnect may be called before Start; nothing is sent until then.
type Links struct {
	log    logr.Logger
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	ctx     context.Context // nil until Start
	running sync.WaitGroup
	links   map[types.NamespacedName]*link
	events  map[bundle.Kind]chan event.GenericEvent
}

// Options of Links.
type Options struct {
	Log logr.Logger
	// Dial reaches runtimes; nil is the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// New makes Links that wait for Start.
func New(o Options) *Links {
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Links{
		log: o.Log, now: o.Now,
		links:  map[types.NamespacedName]*link{},
		events: map[bundle.Kind]chan event.GenericEvent{},
		client: &http.Client{
			// No proxy and no redirect: the operator speaks with Services of its own making and with nothing else.
			Transport: &http.Transport{
				DialContext: o.Dial, Proxy: nil, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
				DisableCompression: true, // an answer is bounded as it is read, not as it unpacks
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, k := range []bundle.Kind{
		KindTenant, bundle.KindChannel, bundle.KindDialogFlow, bundle.KindDirectory, bundle.KindKnowledge, bundle.KindAgentPool,
	} {
		l.events[k] = make(chan event.GenericEvent, 1024)
	}
	return l
}

// Events wakes the reconciler of a kind with the objects that the runtime has said something new of.
func (l *Links) Events(kind bundle.Kind) <-chan event.GenericEvent { return l.events[kind] }

// NeedLeaderElection says that only the leader talks to runtimes.
func (l *Links) NeedLeaderElection() bool { return true }

// Start talks to every connected tenant until the context ends.
func (l *Links) Start(ctx context.Context) error {
	l.mu.Lock()
	l.ctx = ctx
	for _, k := range l.links {
		l.run(k)
	}
	l.mu.Unlock()
	<-ctx.Done()
	l.running.Wait()
	l.client.CloseIdleConnections()
	return nil
}

// Connect keeps a tenant's runtime at what the target says, from now until Disconnect.
func (l *Links) Connect(t Target) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.links[t.Tenant]
	if ok && k.target().UID != t.UID { // deleted and made again under the same name: nothing of the old one is true
		k.stop()
		ok = false
	}
	if ok {
		k.update(t)
		return
	}
	k = newLink(l, t)
	l.links[t.Tenant] = k
	if l.ctx != nil {
		l.run(k)
	}
}

// Disconnect forgets a tenant.
func (l *Links) Disconnect(tenant types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := l.links[tenant]; ok {
		k.stop()
		delete(l.links, tenant)
	}
}

// View is what is known of a tenant; the zero View where there is no link.
func (l *Links) View(tenant types.NamespacedName) View {
	l.mu.Lock()
	k := l.links[tenant]
	l.mu.Unlock()
	if k == nil {
		return View{}
	}
	return k.view(l.now())
}

// run needs l.mu.
func (l *Links) run(k *link) {
	ctx, cancel := context.WithCancel(l.ctx)
	k.setCancel(cancel)
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		defer cancel()
		k.run(ctx)
	}()
}

// wake tells the reconciler of a kind to look at an object of a tenant's namespace.
func (l *Links) wake(ctx context.Context, kind bundle.Kind, namespace, name string) {
	events, ok := l.events[kind]
	if !ok {
		return // a runtime newer than this operator speaks of a kind that it does not know
	}
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	select {
	case events <- event.GenericEvent{Object: object}:
	case <-ctx.Done():
	}
}
