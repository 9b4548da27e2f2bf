// Package channel says what the engine asks of every channel. Its sub-packages each know one platform: they parse and verify
// what comes, render and send what goes, and say what became of it. None knows the store or a dialog.
package channel

import (
	"context"
	"net/http"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// Sender hands one message to a platform.
type Sender interface {
	// Send makes exactly one call (or none) and says what became of it. It never retries by itself.
	Send(ctx context.Context, s store.Send) store.SendResult
}

// Receiver turns a webhook's request into what is to be accepted.
type Receiver interface {
	// Receive verifies the signature over the raw body before anything else, then parses. A non-nil Refusal is the answer to
	// give and nothing is stored; otherwise the batch is accepted, and only then 200 is answered.
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

// Limits of what a channel can show.
type Limits struct {
	Text    int // characters of a text
	Choices int // at most this many choices can be tapped; beyond, they become numbered lines
	Title   int // characters of a choice's title
}
