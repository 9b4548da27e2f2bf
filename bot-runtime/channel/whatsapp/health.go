package whatsapp

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
)

// halt remembers why nothing can be sent, in this process.
type halt struct {
	mu sync.Mutex
	// refused is the hash of the access token that Meta did not take.
	refused [sha256.Size]byte
	until   time.Time
	reason  string
}

func (h *halt) refuse(token channel.Secret) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused = sha256.Sum256([]byte(token.Reveal()))
}

func (h *halt) stop(until time.Time, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until.After(h.until) {
		h.until, h.reason = until, reason
	}
}

func (h *halt) refuses(token channel.Secret) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refused == sha256.Sum256([]byte(token.Reveal()))
}

func (h *halt) stopped(now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.until) {
		return h.reason
	}
	return ""
}

// Health says whether the number can send and receive: its Secret is whole, its token is not refused, and Meta has not
// stopped it.
func (c *Channel) Health() bundle.Health {
	sick := func(reason, message string) bundle.Health {
		return bundle.Health{Channel: c.Name, Reason: reason, Message: message}
	}
	if key := c.credentials.missing(); key != "" {
		return sick(v1alpha1.ReasonCredentialMissing, fmt.Sprintf("Secret %q has no key %s; add it", c.SecretName, key))
	}
	if c.halt.refuses(c.credentials.get(keyAccessToken)) {
		return sick(v1alpha1.ReasonCredentialRefused,
			fmt.Sprintf("WhatsApp refuses %s of Secret %q; put a new token there", keyAccessToken, c.SecretName))
	}
	if why := c.halt.stopped(c.Now()); why != "" {
		return sick(v1alpha1.ReasonStoppedByPlatform, why)
	}
	return bundle.Health{Channel: c.Name, OK: true}
}
