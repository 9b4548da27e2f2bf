package calling

import (
	"net/url"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/dialog"
)

// told remembers what was logged of late.
type told struct {
	mu sync.Mutex
	at map[string]time.Time
}

// fresh says whether something was not told lately, and notes it.
func (t *told) fresh(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.at[what]) < toldEvery {
		return false
	}
	if len(t.at) >= maxToldSize {
		clear(t.at)
	}
	t.at[what] = now
	return true
}

// tell logs why a call failed. The error names no path, query, header or body.
func (c *Caller) tell(request dialog.CallRequest, err error) {
	host := ""
	if u, e := url.Parse(request.URL); e == nil {
		host = u.Host
	}
	if c.told.fresh(request.Secret + "\x00" + host) {
		c.log.Info("an outside call of a dialog failed", "host", host, "secret", request.Secret, "why", err.Error())
	}
}
