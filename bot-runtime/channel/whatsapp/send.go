package whatsapp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Waits.
const (
	firstBackoff = 2 * time.Second
	maxBackoff   = 2 * time.Minute
	maxPairWait  = time.Hour
	// strangerWait is how long the number rests when somebody other than Meta answers.
	strangerWait = time.Minute
)

// answer is what Meta says to a send.
type answer struct {
	Messages []struct {
		ID loose `json:"id"`
	} `json:"messages"`
	Error *struct {
		Code      *number `json:"code"`
		ErrorData struct {
			Details loose `json:"details"`
		} `json:"error_data"`
	} `json:"error"`
}

// Send calls Meta once. The outcome is what surely happened: a message is told as not accepted only if no byte of the request
// was written or Meta's own answer says so, as accepted only with its id, and as unknown in every other case.
func (c *Channel) Send(ctx context.Context, s store.Send) channel.Verdict {
	token := c.credentials.get(keyAccessToken)
	if token == "" || c.halt.refuses(token) {
		v := verdict(store.SendNotCalled, c.Health().Message)
		v.PauseReason = v.Reason
		return v
	}
	if f := s.Body.Form; f != nil && c.forms.refuses(f.ID, c.Now()) {
		s.Body.Form = nil
	}
	body, err := Render(s.Body, s.Identities, c.PortfolioID, s.ID)
	if err != nil {
		return verdict(store.SendFailed, err.Error())
	}
	if ctx.Err() != nil {
		return verdict(store.SendNotCalled, "there was no time left for the call")
	}
	r, err := http.NewRequest(http.MethodPost, c.APIBase+"/"+c.PhoneNumberID+"/messages", bytes.NewReader(body))
	if err != nil {
		return verdict(store.SendFailed, "the address of WhatsApp's API is not a URL; mend it in the TenantClass")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	res, err := c.Client.Do(ctx, r)
	if err != nil {
		return uncalled(err, s.Attempt)
	}
	v := c.judge(res, s.Attempt, token)
	if f := s.Body.Form; f != nil && v.Outcome == store.SendFailed && aboutForm(v.Code) {
		c.forms.refuse(f.ID, c.Now())
		v.Outcome, v.RetryAfter = store.SendNotAccepted, time.Second
		v.Reason = fmt.Sprintf("form %s is refused, so that its text goes alone: %s", f.ID, v.Reason)
	}
	return v
}

func verdict(outcome store.SendOutcome, reason string) channel.Verdict {
	return channel.Verdict{SendResult: store.SendResult{Outcome: outcome, Reason: reason}}
}

// uncalled is a call without a whole answer.
func uncalled(err error, attempt int) channel.Verdict {
	var e *outbound.Error
	if !errors.As(err, &e) || e.Sent {
		return verdict(store.SendUnknown, err.Error())
	}
	v := verdict(store.SendNotAccepted, err.Error())
	v.RetryAfter = backoff(attempt)
	if e.Kind == outbound.Refused {
		v.PauseFor, v.PauseReason = strangerWait, e.Error()
	}
	return v
}

func (c *Channel) judge(res *outbound.Response, attempt int, token channel.Secret) channel.Verdict {
	var a answer
	parsed := json.Unmarshal(res.Body, &a) == nil
	switch {
	case parsed && a.Error != nil && a.Error.Code != nil:
		return c.react(int(*a.Error.Code), string(a.Error.ErrorData.Details), res.Status, attempt, token)
	case res.Status/100 == 2 && parsed && a.Error == nil && len(a.Messages) > 0 && a.Messages[0].ID != "":
		v := verdict(store.SendAccepted, "")
		v.ExternalID = clean(string(a.Messages[0].ID), maxID)
		return v
	case res.Status/100 == 4 && res.Status != http.StatusRequestTimeout:
		return uncoded(res.Status, attempt)
	case parsed && a.Error != nil && res.Status/100 == 2: // seen: an error that is only a message, with 200
		return verdict(store.SendFailed, "WhatsApp answered with an error that has no code")
	}
	return verdict(store.SendUnknown, fmt.Sprintf("WhatsApp answered %d without an id or a code", res.Status))
}

// uncoded is a refusal that does not come from Meta's API but from something on the way, or from a wrong base address.
func uncoded(status, attempt int) channel.Verdict {
	reason := fmt.Sprintf("answered %d without a code: not WhatsApp's API; check the TenantClass's address and proxy", status)
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnprocessableEntity,
		http.StatusRequestHeaderFieldsTooLarge: // of this very message: it must not stop the others
		return verdict(store.SendFailed, reason)
	}
	v := verdict(store.SendNotAccepted, reason)
	v.RetryAfter, v.PauseFor, v.PauseReason = max(backoff(attempt), strangerWait), strangerWait, reason
	return v
}

func (c *Channel) react(code int, details string, status, attempt int, token channel.Secret) channel.Verdict {
	r := reactionToCode(code, status)
	reason := fmt.Sprintf("%s (WhatsApp error %d)", r.why, code)
	v := verdict(r.outcome, reason)
	if details != "" && r.outcome == store.SendFailed {
		v.Reason = reason + ": " + clean(details, maxName)
	}
	v.Code, v.RetryAfter, v.PauseFor, v.HalveRate = code, r.retry, r.pause, r.halve
	if r.outcome == store.SendNotAccepted && v.RetryAfter == 0 {
		v.RetryAfter = backoff(attempt)
	}
	if r.pair {
		v.RetryAfter = pairWait(attempt)
	}
	if v.PauseFor > 0 || r.token {
		v.PauseReason = reason
	}
	if r.stop {
		c.halt.stop(c.Now().Add(r.pause), reason)
	}
	if r.token {
		c.halt.refuse(token)
		v.PauseFor = 0
	}
	return v
}

// backoff doubles from two seconds to two minutes, give or take a fifth, so that a number's messages do not come back at once.
func backoff(attempt int) time.Duration {
	d := firstBackoff << min(max(attempt-1, 0), 6)
	return time.Duration(float64(min(d, maxBackoff)) * (0.8 + 0.4*rand.Float64()))
}

// pairWait is Meta's 4^X seconds, X from 0, for the first attempt.
func pairWait(attempt int) time.Duration {
	return min(time.Second<<(2*min(max(attempt-1, 0), 6)), maxPairWait)
}
