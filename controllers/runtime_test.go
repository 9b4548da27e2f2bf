package controllers

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/controllers/render"
)

// testRuntimes answers on the internal ports of all tenants, with the contract of package bundle: tokens checked against the
// boot ConfigMap, If-Match compared and set, verdicts after a bundle, and the long poll.
type testRuntimes struct {
	server *httptest.Server

	mu   sync.Mutex
	byIP map[string]*testRuntime // by the Service's host and port
}

// testRuntime is a tenant's pods as one.
type testRuntime struct {
	namespace, tenant string

	mu      sync.Mutex
	down    error // what dialling meets
	desired string
	live    map[string]int64 // generation that serves, by bundle.Key
	status  bundle.Status
	changed chan struct{}
	polls   int // status calls answered
	refused int // bundles that met another than they expected
}

func newRuntimes() *testRuntimes {
	r := &testRuntimes{byIP: map[string]*testRuntime{}}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	return r
}

func (r *testRuntimes) close() { r.server.Close() }

// start gives a tenant pods that listen.
func (r *testRuntimes) start(namespace, tenant string) *testRuntime {
	k := &testRuntime{namespace: namespace, tenant: tenant, live: map[string]int64{}, changed: make(chan struct{})}
	k.status.Durability, k.status.Pods = "SingleNode", 1
	k.announce()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byIP[fmt.Sprintf("%s.%s.svc:%d", render.InternalName(tenant), namespace, bundle.PortInternal)] = k
	return k
}

var errRefused = errors.New("connect: connection refused")

func (r *testRuntimes) dial(ctx context.Context, network, address string) (net.Conn, error) {
	r.mu.Lock()
	k := r.byIP[address]
	r.mu.Unlock()
	if k == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errRefused}
	}
	k.mu.Lock()
	down := k.down
	k.mu.Unlock()
	if down != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: down}
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", r.server.Listener.Addr().String())
}

func (r *testRuntimes) serve(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	k := r.byIP[q.Host]
	r.mu.Unlock()
	body, err := io.ReadAll(q.Body)
	if err != nil || k == nil {
		http.Error(w, "nobody", http.StatusNotFound)
		return
	}
	if err := k.verify(q, body); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	switch q.Method + " " + q.URL.Path {
	case "PUT " + bundle.PathBundle:
		k.put(w, q, body)
	case "GET " + bundle.PathStatus:
		k.get(w, q)
	default:
		http.NotFound(w, q)
	}
}

// verify reads the boot ConfigMap as a pod would.
func (k *testRuntime) verify(q *http.Request, body []byte) error {
	m := &corev1.ConfigMap{}
	if err := api.Get(q.Context(), client.ObjectKey{Namespace: k.namespace, Name: render.BootName(k.tenant)}, m); err != nil {
		return err
	}
	var boot bundle.Boot
	if err := json.Unmarshal([]byte(m.Data["boot.json"]), &boot); err != nil {
		return err
	}
	return bundle.Verify(q, body, boot.TenantUID, boot.Keys, clock.now())
}

func (k *testRuntime) put(w http.ResponseWriter, q *http.Request, body []byte) {
	z, err := gzip.NewReader(strings.NewReader(string(body)))
	if err != nil {
		http.Error(w, "not gzip", http.StatusBadRequest)
		return
	}
	var e bundle.Envelope
	if err := json.NewDecoder(z).Decode(&e); err != nil {
		http.Error(w, "not an envelope", http.StatusBadRequest)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if q.Header.Get("If-Match") != `"`+k.desired+`"` {
		k.refused++
		http.Error(w, "another bundle is current", http.StatusConflict)
		return
	}
	k.desired = e.Hash
	k.judge(e)
	w.WriteHeader(http.StatusAccepted)
}

// judge needs k.mu. A flow that starts at a node named broken is refused; everything else is good.
func (k *testRuntime) judge(e bundle.Envelope) {
	s := &k.status
	s.Desired, s.Applied, s.PodsOnApplied = e.Hash, e.Hash, s.Pods
	s.Verdicts = nil
	for _, o := range e.Bundle.Objects {
		key := bundle.Key(o.Kind, o.Name)
		v := bundle.Verdict{Kind: o.Kind, Name: o.Name, Hash: o.Hash, Generation: e.Generations[key], Good: true}
		switch {
		case o.Flow != nil:
			v.Nodes, v.TestsAll, v.TestsPassed = len(o.Flow.Nodes), len(o.Flow.Tests), len(o.Flow.Tests)
			if o.Flow.Start == "broken" {
				v.Good = false
				v.Findings = []bundle.Finding{{Path: "nodes[menu].options[2].next", Node: "menu", Reason: "DanglingTarget",
					Message: `no node "komplain"; did you mean "keluhan"?`}}
			}
		case o.Directory != nil:
			v.Entries = max(strings.Count(strings.TrimSpace(o.Rows), "\n"), 0)
			if o.Missing != "" {
				v.Good = false
				v.Findings = []bundle.Finding{{Path: "source.configMap", Reason: "Missing", Message: o.Missing}}
			}
		case o.Knowledge != nil:
			v.Entries = len(o.Knowledge.Entries)
		case o.Channel != nil && k.health(o.Name) == nil:
			s.Channels = append(s.Channels, bundle.Health{Channel: o.Name, OK: true})
		case o.Pool != nil && k.pool(o.Name) == nil:
			s.Pools = append(s.Pools, bundle.Pool{Name: o.Name})
		}
		if v.Good {
			k.live[key] = v.Generation
		}
		v.LiveGeneration = k.live[key]
		s.Verdicts = append(s.Verdicts, v)
	}
	k.announce()
}

func (k *testRuntime) health(channel string) *bundle.Health {
	for i := range k.status.Channels {
		if k.status.Channels[i].Channel == channel {
			return &k.status.Channels[i]
		}
	}
	return nil
}

func (k *testRuntime) pool(name string) *bundle.Pool {
	for i := range k.status.Pools {
		if k.status.Pools[i].Name == name {
			return &k.status.Pools[i]
		}
	}
	return nil
}

// set changes what the pods tell.
func (k *testRuntime) set(change func(*testRuntime)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
	k.announce()
}

// silence lets nobody hear a tenant any more, without a last word: who waits for news gets none.
func (k *testRuntime) silence() {
	k.mu.Lock()
	k.down = errRefused
	k.mu.Unlock()
	runtimes.server.CloseClientConnections()
}

// backlog of a pool.
func (k *testRuntime) backlog(pool string, waiting, active int) {
	k.set(func(k *testRuntime) {
		p := k.pool(pool)
		p.WaitingForAgent, p.Active = waiting, active
		p.OldestWaiting++ // news of each call, without an arrival that is nowhere
	})
}

func (k *testRuntime) polled() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.polls
}

// announce needs k.mu.
func (k *testRuntime) announce() {
	s := k.status
	s.ETag, s.Now = "", time.Time{}
	body, _ := json.Marshal(s)
	sum := sha256.Sum256(body)
	k.status.ETag = hex.EncodeToString(sum[:8])
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *testRuntime) get(w http.ResponseWriter, q *http.Request) {
	promise := bundle.PromiseIdle
	for {
		k.mu.Lock()
		for _, p := range k.status.Pools {
			if p.WaitingForAgent+p.Active > 0 {
				promise = bundle.PromiseBusy
			}
		}
		s, changed := k.status, k.changed
		s.Verdicts, s.Channels, s.Pools = slices.Clone(s.Verdicts), slices.Clone(s.Channels), slices.Clone(s.Pools)
		k.mu.Unlock()
		if s.ETag != q.URL.Query().Get("since") {
			k.answer(w, s, promise)
			return
		}
		timer := time.NewTimer(promise)
		select {
		case <-changed:
			timer.Stop()
		case <-timer.C:
			k.answer(w, s, promise)
			return
		case <-q.Context().Done():
			timer.Stop()
			return
		}
	}
}

func (k *testRuntime) answer(w http.ResponseWriter, s bundle.Status, promise time.Duration) {
	k.mu.Lock()
	k.polls++
	k.mu.Unlock()
	s.Now, s.PromiseSeconds = clock.now(), promise.Seconds()
	_ = json.NewEncoder(w).Encode(s)
}
