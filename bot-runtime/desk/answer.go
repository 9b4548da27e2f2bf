package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// refusal is an answer that is not what was asked for. Its code is part of the API; its message is for people.
type refusal struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (r refusal) Error() string { return r.Message }

var (
	signedOut       = refusal{http.StatusUnauthorized, "signed-out", "your sign-in has ended; sign in again"}
	wrongPassword   = refusal{http.StatusUnauthorized, "wrong-password", "the name or the password is not right"}
	foreignOrigin   = refusal{http.StatusForbidden, "foreign-origin", "this must come from the console's own page; programs send the header X-Loket-Desk: 1"}
	unknownPool     = refusal{http.StatusNotFound, "unknown-pool", "there is no such pool here; look at the address"}
	notFound        = refusal{http.StatusNotFound, "not-found", "there is nothing at this address"}
	notYours        = refusal{http.StatusConflict, "not-yours", "this conversation is no longer yours"}
	windowClosed    = refusal{http.StatusConflict, "window-closed", "24 hours have passed since the citizen's last message; they must write first"}
	unread          = refusal{http.StatusConflict, "unread", "the citizen has just written; read it before you close"}
	notSupervisor   = refusal{http.StatusForbidden, "not-a-supervisor", "dead letters are for supervisors; the platform team names them in the AgentPool, under spec.agents.supervisors"}
	cannotReplay    = refusal{http.StatusConflict, "cannot-replay", "it cannot be handled or sent again: its message is past retention, or was delivered after all; drop it"}
	tooLarge        = refusal{http.StatusRequestEntityTooLarge, "too-large", "the request is larger than 64 kB"}
	tooManyAttempts = refusal{http.StatusTooManyRequests, "too-many-attempts", "too many attempts; wait a little"}
	tooManyStreams  = refusal{http.StatusTooManyRequests, "too-many-streams", "this sign-in has too many open streams; close some tabs"}
	unavailable     = refusal{http.StatusServiceUnavailable, "unavailable", "the desk cannot save anything right now; nothing is lost, try again"}
	busy            = refusal{http.StatusServiceUnavailable, "unavailable", "too many people are signing in; try again"}
)

func badRequest(format string, args ...any) refusal {
	return refusal{http.StatusBadRequest, "bad-request", fmt.Sprintf(format, args...)}
}

func refuse(w http.ResponseWriter, r refusal) {
	if r.Status == http.StatusServiceUnavailable || r.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
	answer(w, r.Status, struct {
		Error refusal `json:"error"`
	}{r})
}

// fail answers an error of ours or of the store's. What the store says of an unexpected one goes to the log only.
func (d *Desk) fail(w http.ResponseWriter, err error) {
	var r refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, store.ErrUnread):
		r = unread
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
		r = notYours
	default:
		if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknownOutcome) {
			d.Log.Error(err, "a request to the desk failed")
		}
		r = unavailable
	}
	refuse(w, r)
}

func answer(w http.ResponseWriter, status int, body any) {
	out, err := json.Marshal(body)
	if err != nil {
		panic(err) // plain data of our own types: cannot fail
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller is gone: nobody to tell
}

const maxBody = 64 << 10

// read decodes a request's body, at most 64 kB. Unknown fields are refused, so that a program's typing error is told.
func read[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var in T
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(&in)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return in, tooLarge
	case errors.Is(err, io.EOF):
		return in, badRequest("the request has no body; send JSON")
	case err != nil:
		return in, badRequest("the body is not the JSON that is expected here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return in, badRequest("the body has more than one JSON value")
	}
	return in, nil
}
