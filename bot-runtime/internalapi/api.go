// Package internalapi answers the internal port: the operator's PUT of a bundle and its long poll of the tenant's status, and
// what Kubernetes and monitoring ask. Only operator and monitoring reach the port, and only the operator's signature opens
// its two paths. What they mean is package bundle's; what happens then is package engine's.
package internalapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Tenant is what the API needs of the pod's engine.
type Tenant interface {
	// PutBundle stores a bundle if the current one is ifMatch, and has it judged; store's errors.
	PutBundle(ctx context.Context, envelope bundle.Envelope, ifMatch string, body []byte) error
	// Status is the long poll.
	Status(ctx context.Context, since string) bundle.Status
}

// Options are what the API needs of its surroundings.
type Options struct {
	// Tenant is the engine, or nil while the store could not be opened yet; called for every request.
	Tenant func() Tenant
	// Ready says why the pod cannot serve; nil when it can.
	Ready func(context.Context) error
	// Boot is the boot ConfigMap as it is now.
	Boot     func() bundle.Boot
	Gatherer prometheus.Gatherer
	Clock    func() time.Time
	Log      logr.Logger
}

// New makes the handler of the internal port.
func New(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	a := api{o}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+bundle.PathBundle, a.put)
	mux.HandleFunc("GET "+bundle.PathStatus, a.status)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.ready)
	return mux
}

type api struct{ Options }

func (a api) ready(w http.ResponseWriter, r *http.Request) {
	if err := a.Ready(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// verified answers 401 unless the operator has signed this very request. body is as it came over the wire.
func (a api) verified(w http.ResponseWriter, r *http.Request, body []byte) bool {
	boot := a.Boot()
	if err := bundle.Verify(r, body, boot.TenantUID, boot.Keys, a.Clock()); err != nil {
		a.Log.Info("a request to the internal port was refused", "path", r.URL.Path, "why", err.Error())
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return false
	}
	return true
}

// put takes a bundle: 202 when it is stored, and its verdicts come with the status.
func (a api) put(w http.ResponseWriter, r *http.Request) {
	wire, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bundle.MaxBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, fmt.Sprintf("a bundle is at most %d bytes", bundle.MaxBytes), http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	if !a.verified(w, r, wire) {
		return
	}
	body, err := inflate(wire)
	if errors.Is(err, errTooLarge) {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var envelope bundle.Envelope
	if err := json.Unmarshal(body, &envelope); err != nil || !plausible(envelope.Hash) {
		http.Error(w, "the body is not a bundle's envelope", http.StatusBadRequest)
		return
	}
	ifMatch := r.Header.Get("If-Match")
	if len(ifMatch) < 2 || !strings.HasPrefix(ifMatch, `"`) || !strings.HasSuffix(ifMatch, `"`) {
		http.Error(w, `If-Match must be the quoted hash of the bundle before, "" for the first`, http.StatusBadRequest)
		return
	}
	tenant := a.opened(w)
	if tenant == nil {
		return
	}
	err = tenant.PutBundle(r.Context(), envelope, strings.Trim(ifMatch, `"`), body)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.Is(err, store.ErrConflict):
		http.Error(w, "another bundle is current; read the status", http.StatusConflict)
	default:
		http.Error(w, "the store cannot take the bundle now", http.StatusServiceUnavailable)
	}
}

// opened is the engine, or nil after an answer of 503: a pod that has not opened its store knows nothing of the tenant that its
// colleagues serve, and must not speak for it. The connection is closed, so that the operator's next call may find one of them.
func (a api) opened(w http.ResponseWriter) Tenant {
	tenant := a.Tenant()
	if tenant == nil {
		w.Header().Set("Connection", "close")
		http.Error(w, "the database could not be opened yet", http.StatusServiceUnavailable)
	}
	return tenant
}

// plausible says whether a hash can be one of bundle.Bundle.Hash. It is not computed again here: an operator that is newer
// than this pod hashes fields that this pod does not know.
func plausible(hash string) bool {
	return len(hash) >= 16 && len(hash) <= 64 && strings.Trim(hash, "0123456789abcdef") == ""
}

var errTooLarge = fmt.Errorf("a bundle is at most %d bytes when unpacked", bundle.MaxBytes)

// inflate unpacks a gzip body, to at most bundle.MaxBytes whatever it claims to be.
func inflate(wire []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(wire))
	if err != nil {
		return nil, errors.New("the body is not gzip")
	}
	body, err := io.ReadAll(io.LimitReader(z, bundle.MaxBytes+1))
	if len(body) > bundle.MaxBytes {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errors.New("the body is not whole gzip")
	}
	return body, nil
}

// status is the long poll. The server's write deadline would cut it, so that it sets its own.
func (a api) status(w http.ResponseWriter, r *http.Request) {
	if !a.verified(w, r, nil) {
		return
	}
	tenant := a.opened(w)
	if tenant == nil {
		return
	}
	deadline := http.NewResponseController(w)
	if err := deadline.SetWriteDeadline(a.Clock().Add(bundle.PromiseIdle + 10*time.Second)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		http.Error(w, "the connection is gone", http.StatusInternalServerError)
		return
	}
	s := tenant.Status(r.Context(), r.URL.Query().Get("since"))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", `"`+s.ETag+`"`)
	if err := json.NewEncoder(w).Encode(s); err != nil {
		a.Log.V(1).Info("a status could not be written", "why", err.Error())
	}
}
