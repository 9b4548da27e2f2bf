package webchat

import (
	"context"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Sender settles messages of one web chat. There is nothing to call: what stands in the message table may be read by the
// browser, now or when it is back, and is shown once however often it is read.
type Sender struct {
	// Channel is the name of the Channel object.
	Channel string
}

var _ channel.Sender = Sender{}

// Send accepts at once.
func (Sender) Send(_ context.Context, s store.Send) channel.Verdict {
	return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: s.ID}}
}

// Health is always well: the page needs no credential.
func (s Sender) Health() bundle.Health { return bundle.Health{Channel: s.Channel, OK: true} }
