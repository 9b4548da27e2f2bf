// Package calling makes the outside calls of dialogs: a request with all its values in, what became of it out.
//
// A Secret named by the flow says where its calls may go and with what authorization; both are read at each call, so that a
// changed Secret works at once. What may have been done is never done again unless the request may be repeated. It decides
// nothing about the conversation, and keeps nothing: package engine claims calls and hands answers back.
package calling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	firstPause  = 200 * time.Millisecond // between attempts; doubled each time
	toldEvery   = time.Minute            // a refusal is logged no more often, by Secret and host
	maxToldSize = 1000
)

// Caller makes calls. It is safe for concurrent use.
type Caller struct {
	client  *outbound.Client
	secrets string // a folder a Secret, a file a key
	log     logr.Logger
	ended   *prometheus.CounterVec
	told    told
}

// New makes a Caller of Secrets below a folder.
func New(client *outbound.Client, secrets string, registry prometheus.Registerer, log logr.Logger) *Caller {
	c := &Caller{client: client, secrets: secrets, log: log, told: told{at: map[string]time.Time{}},
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "loket", Name: "calls_total",
			Help: "Outside calls of dialogs, by outcome: answered, failed (surely not done) or unknown."}, []string{"outcome"})}
	registry.MustRegister(c.ended)
	return c
}

// Call is an engine.Call.
func (c *Caller) Call(ctx context.Context, call store.ClaimedCall) []byte {
	answer := dialog.CallAnswer{Outcome: dialog.CallFailed}
	var request dialog.CallRequest
	if err := json.Unmarshal(call.Request, &request); err == nil {
		answer = c.attempts(ctx, call.ID, request)
	}
	c.ended.WithLabelValues(string(answer.Outcome)).Inc()
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil // as good as no answer
	}
	return encoded
}

// attempts calls until there is an answer that another attempt would not better.
func (c *Caller) attempts(ctx context.Context, id string, request dialog.CallRequest) dialog.CallAnswer {
	header := http.Header{}
	if request.Secret != "" {
		u, err := url.Parse(request.URL)
		if err != nil {
			return dialog.CallAnswer{Outcome: dialog.CallFailed}
		}
		authorization, err := outbound.Authorization(c.secrets, request.Secret, u)
		if err != nil {
			c.tell(request, err)
			return dialog.CallAnswer{Outcome: dialog.CallFailed}
		}
		header.Set("Authorization", authorization)
	}
	for left, pause := request.Retries, firstPause; ; left, pause = left-1, 2*pause {
		answer, again := c.once(ctx, id, request, header)
		if !again || left <= 0 {
			return answer
		}
		select {
		case <-ctx.Done():
			return answer
		case <-time.After(pause):
		}
	}
}

// once makes one attempt. Again says that another may give more, and does no harm.
func (c *Caller) once(ctx context.Context, id string, request dialog.CallRequest, header http.Header) (answer dialog.CallAnswer, again bool) {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	var body io.Reader
	if len(request.Body) > 0 {
		body = bytes.NewReader(request.Body)
	}
	r, err := http.NewRequest(request.Method, request.URL, body)
	if err != nil {
		return dialog.CallAnswer{Outcome: dialog.CallFailed}, false
	}
	r.Header = header.Clone()
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Idempotency-Key", id)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.client.Do(ctx, r)
	if err != nil {
		c.tell(request, err)
		var e *outbound.Error
		if errors.As(err, &e) && !e.Sent {
			return dialog.CallAnswer{Outcome: dialog.CallFailed}, e.Kind != outbound.Refused
		}
		return dialog.CallAnswer{Outcome: dialog.CallUnknown}, request.Repeatable
	}
	answer = dialog.Answered(response.Status, response.Body, request.Take)
	switch busy := response.Status == http.StatusTooManyRequests; {
	case busy:
		return answer, request.Repeatable
	case response.Status/100 == 5 && !request.Repeatable:
		return dialog.CallAnswer{Outcome: dialog.CallUnknown, Status: response.Status}, false // it may have been done before it failed
	default:
		return answer, response.Status/100 == 5
	}
}
