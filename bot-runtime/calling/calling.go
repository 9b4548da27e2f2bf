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

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loket-dev/loket/bot-runtime/dialog"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	firstPause = 200 * time.Millisecond // between attempts; doubled each time
)

// Caller makes calls. It is safe for concurrent use.
type Caller struct {
	client  *outbound.Client
	secrets string // a folder a Secret, a file a key
	ended   *prometheus.CounterVec
}

// New makes a Caller of Secrets below a folder.
func New(client *outbound.Client, secrets string, registry prometheus.Registerer) *Caller {
	c := &Caller{client: client, secrets: secrets,
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "loket", Name: "calls_total",
			Help: "Outside calls of dialogs, by outcome: answered, failed (surely not done) or unknown."}, []string{"outcome"})}
	registry.MustRegister(c.ended)
	for _, outcome := range []dialog.CallOutcome{dialog.CallAnswered, dialog.CallFailed, dialog.CallUnknown} { // from 0: a first count is an increase only then
		c.ended.WithLabelValues(string(outcome))
	}
	return c
}

// Call is an engine.Call.
func (c *Caller) Call(ctx context.Context, call store.ClaimedCall) ([]byte, error) {
	answer := dialog.CallAnswer{Outcome: dialog.CallFailed}
	var request dialog.CallRequest
	failed := json.Unmarshal(call.Request, &request)
	if failed == nil {
		answer, failed = c.attempts(ctx, call.ID, request)
	}
	c.ended.WithLabelValues(string(answer.Outcome)).Inc()
	encoded, err := json.Marshal(answer)
	if err != nil {
		return nil, err // as good as no answer
	}
	return encoded, failed
}

// attempts calls until there is an answer that another attempt would not better. The error names no path, query, header or body.
func (c *Caller) attempts(ctx context.Context, id string, request dialog.CallRequest) (dialog.CallAnswer, error) {
	header := http.Header{}
	if request.Secret != "" {
		u, err := url.Parse(request.URL)
		if err != nil {
			return dialog.CallAnswer{Outcome: dialog.CallFailed}, errors.New("the address of a call is no URL")
		}
		authorization, err := outbound.Authorization(c.secrets, request.Secret, u)
		if err != nil {
			return dialog.CallAnswer{Outcome: dialog.CallFailed}, err
		}
		header.Set("Authorization", authorization)
	}
	for left, pause := request.Retries, firstPause; ; left, pause = left-1, 2*pause {
		answer, again, err := c.once(ctx, id, request, header)
		if !again || left <= 0 {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(pause):
		}
	}
}

// once makes one attempt. Again says that another may give more, and does no harm.
func (c *Caller) once(ctx context.Context, id string, request dialog.CallRequest, header http.Header) (answer dialog.CallAnswer, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, request.Timeout)
	defer cancel()
	var body io.Reader
	if len(request.Body) > 0 {
		body = bytes.NewReader(request.Body)
	}
	r, err := http.NewRequest(request.Method, request.URL, body)
	if err != nil {
		return dialog.CallAnswer{Outcome: dialog.CallFailed}, false, errors.New("the address of a call is no URL")
	}
	r.Header = header.Clone()
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Idempotency-Key", id)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.client.Do(ctx, r)
	if err != nil {
		var e *outbound.Error
		if errors.As(err, &e) && !e.Sent {
			return dialog.CallAnswer{Outcome: dialog.CallFailed}, e.Kind != outbound.Refused, err
		}
		return dialog.CallAnswer{Outcome: dialog.CallUnknown}, request.Repeatable, err
	}
	answer = dialog.Answered(response.Status, response.Body, request.Take)
	switch busy := response.Status == http.StatusTooManyRequests; {
	case busy:
		return answer, request.Repeatable, nil
	case response.Status/100 == 5 && !request.Repeatable:
		return dialog.CallAnswer{Outcome: dialog.CallUnknown, Status: response.Status}, false, nil // it may have been done before it failed
	default:
		return answer, response.Status/100 == 5, nil
	}
}
