package engine

import (
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// saidAgainAfter is how often the same trouble is logged: a database that is down for an hour is one line a minute, not one
// an attempt.
const saidAgainAfter = time.Minute

// reporter counts what happens and logs what a person should read. Nothing it is given holds a body or a secret, and it
// formats nothing itself.
type reporter struct {
	*metrics
	log logr.Logger
	now func() time.Time

	mu   sync.Mutex
	said map[string]time.Time
}

func newReporter(m *metrics, log logr.Logger, now func() time.Time) *reporter {
	return &reporter{metrics: m, log: log, now: now, said: map[string]time.Time{}}
}

// failed reports an act of the store that did not succeed; the act is tried again by whoever called it.
func (r *reporter) failed(act string, err error) {
	r.storeErrors.WithLabelValues(act).Inc()
	if r.fresh("store/" + act) {
		r.log.Error(err, "the store refused an act; it will be tried again", "act", act)
	}
}

// sent reports one attempt.
func (r *reporter) sent(name string, v channel.Verdict) {
	r.sends.WithLabelValues(name, string(v.Outcome)).Inc()
	if v.Outcome != store.SendAccepted && v.Outcome != store.SendNotCalled && r.fresh("send/"+name+"/"+string(v.Outcome)) {
		r.log.Info("a message was not accepted by the platform", "channel", name, "outcome", v.Outcome, "code", v.Code, "reason", v.Reason)
	}
	if v.PauseFor > 0 && r.fresh("pause/"+name) {
		r.log.Info("sending on a channel pauses", "channel", name, "for", v.PauseFor.String(), "reason", v.PauseReason)
	}
}

// refuse reports a webhook that was not acknowledged.
func (r *reporter) refuse(name, reason string) {
	r.refused.WithLabelValues(name, reason).Inc()
	if r.fresh("refused/" + name + "/" + reason) {
		r.log.Info("a webhook was refused", "channel", name, "reason", reason)
	}
}

// fresh says whether a line was not said within the last minute.
func (r *reporter) fresh(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.said[key]) < saidAgainAfter {
		return false
	}
	if len(r.said) > 1000 {
		clear(r.said)
	}
	r.said[key] = now
	return true
}
