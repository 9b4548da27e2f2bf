// Package channel says what the engine asks of every channel. Its sub-packages each know one platform: they parse and verify
// what comes, render and send what goes, and say what became of it. None knows the store or a dialog.
package channel

import (
	"context"
	"net/http"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Sender hands one message to a platform.
type Sender interface {
	// Send makes exactly one call (or none) and says what became of it. It never retries by itself, and writes nothing.
	Send(ctx context.Context, s store.Send) Verdict
	// Health says whether the channel can send at all. While it is not OK, nothing of this channel is to be claimed.
	Health() bundle.Health
}

// Verdict is the outcome of one send, for store.Settle, and what it means for the whole channel, for store.PauseChannel.
type Verdict struct {
	store.SendResult
	// PauseFor asks that nothing is sent on this channel for so long; 0 asks for nothing. A limit that concerns one citizen
	// alone is SendResult.RetryAfter, not this.
	PauseFor time.Duration
	// PauseReason names the limit or the mend, for the pause and the channel's health: never a secret.
	PauseReason string
	// HalveRate asks that the number's rate is halved, because the platform said that it is too high.
	HalveRate bool
}

// Receiver turns a webhook's request into what is to be accepted.
type Receiver interface {
	// Receive verifies the signature over the raw body before anything else, then parses. A non-nil Refusal is the answer to
	// give and nothing is stored; otherwise the batch is accepted, and only then 200 is answered. body is as it came over the
	// wire, compressed or not.
	Receive(r *http.Request, body []byte) (store.Batch, *Refusal)
}

// Refusal is the answer to a request that is not taken.
type Refusal struct {
	Status int
	// Reason is for our log and metric: never a body, never a secret.
	Reason string
}

// Secret is a credential. It prints as ***.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret.
func (Secret) GoString() string { return "***" }

// MarshalJSON hides the secret.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// Reveal returns the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }
