package engine

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// MaxHook bounds a webhook's body, as it comes over the wire: platforms send up to 3 MB.
const MaxHook = 4 << 20

// kindsMost bounds the kinds of raw events that are counted by name: the platform chooses them, a metric must not grow.
const kindsMost = 50

// Hooks answers /hooks/<channel>. A webhook is answered 200 only after everything in it is stored durably; whatever stands
// in the way before is 503, which platforms deliver again for days.
func (e *Engine) Hooks() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hooks/{channel}", e.handshake)
	mux.HandleFunc("POST /hooks/{channel}", e.hook)
	return mux
}

// handshake needs no live flow: platforms ask when the webhook is set up, which may be before.
func (e *Engine) handshake(w http.ResponseWriter, r *http.Request) {
	c, ok := e.Live().Channels[r.PathValue("channel")]
	if !ok || c.Handshake == nil {
		e.noChannel(w)
		return
	}
	c.Handshake.ServeHTTP(w, r)
}

// noChannel is 503 until a bundle says what channels there are: only then is 404 the truth.
func (e *Engine) noChannel(w http.ResponseWriter) {
	if e.Live().Hash == "" {
		http.Error(w, "not configured yet", http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "no such channel", http.StatusNotFound)
}

func (e *Engine) hook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("channel")
	live := e.Live()
	c, ok := live.Channels[name]
	if !ok || c.Receiver == nil {
		e.noChannel(w)
		return
	}
	refuse := func(status int, reason string) {
		e.report.refuse(name, reason)
		http.Error(w, http.StatusText(status), status)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxHook))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(http.StatusRequestEntityTooLarge, "too large")
		return
	case err != nil:
		refuse(http.StatusBadRequest, "body cut short")
		return
	}
	batch, refusal := c.Receiver.Receive(r, body)
	if refusal != nil {
		refuse(refusal.Status, refusal.Reason)
		return
	}
	if len(batch.Messages) > 0 && !live.Answers(name) {
		refuse(http.StatusServiceUnavailable, "no live flow")
		return
	}
	e.countRaw(batch.Raw)
	if err := e.accept(batch); err != nil {
		refuse(http.StatusServiceUnavailable, reasonOf(err))
		return
	}
	w.WriteHeader(http.StatusOK)
}

// accept stores what a channel received, after its citizen's turn has come.
func (e *Engine) accept(batch store.Batch) error {
	if wait := e.pace.delay(batch); wait > 0 {
		select {
		case <-time.After(wait):
		case <-e.stop: // a pod that ends stores at once what it has
		}
	}
	return e.committer.Accept(batch)
}

// reasonOf names why a batch was not stored.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, ErrShed):
		return "queue too long"
	case errors.Is(err, store.ErrUnknownOutcome):
		return "commit unknown"
	case errors.Is(err, store.ErrUnavailable):
		return "store unavailable"
	}
	return "not storable"
}

// Pages answers /chat/<channel>/.
func (e *Engine) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/chat/{channel}/", func(w http.ResponseWriter, r *http.Request) {
		c, ok := e.Live().Channels[r.PathValue("channel")]
		if !ok || c.Page == nil {
			e.noChannel(w)
			return
		}
		c.Page.ServeHTTP(w, r)
	})
	return mux
}

// kinds remembers which kinds of raw events are counted by name.
type kinds struct {
	mu   sync.Mutex
	seen map[string]bool
}

// name is the kind, or "more" when there are too many.
func (k *kinds) name(kind string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.seen[kind] {
		if len(k.seen) >= kindsMost || len(kind) > 64 {
			return "more"
		}
		k.seen[kind] = true
	}
	return kind
}

func (e *Engine) countRaw(events []store.RawEvent) {
	for _, raw := range events {
		e.report.rawEvents.WithLabelValues(raw.Channel, e.rawKinds.name(raw.Kind)).Inc()
	}
}
