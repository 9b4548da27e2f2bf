package webchat

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// refusal is an answer of 400 and above.
type refusal struct {
	status int
	body   Error
	wait   time.Duration
}

func (p refusal) write(w http.ResponseWriter) {
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.wait.Seconds()))))
	}
	reply(w, p.status, p.body)
}

var (
	notFound      = refusal{status: http.StatusNotFound, body: Error{"notFound", "there is nothing at this address"}}
	noToken       = refusal{status: http.StatusUnauthorized, body: Error{"noToken", "send the token of api/session as Authorization: Bearer"}}
	foreignOrigin = refusal{status: http.StatusForbidden, body: Error{"foreignOrigin", "this site is not among the channel's allowedOrigins"}}
)

func badRequest(why string) *refusal {
	return &refusal{status: http.StatusBadRequest, body: Error{"badRequest", why}}
}

func tooLong(why string) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, body: Error{"tooLong", why}}
}

func tooFast(wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, body: Error{"tooFast", "too many requests"}, wait: wait}
}

func tryAgain(why string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, body: Error{"tryAgain", why}, wait: time.Second}
}

// crowded is no fault of the caller's: reads still work, and another pod may have room.
func crowded(why string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, body: Error{"tryAgain", why}, wait: keepAlive}
}
