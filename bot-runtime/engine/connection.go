package engine

import (
	"net/http"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Connection is one Channel as this pod serves it. A Connect function makes it of the Channel's spec; it is kept as long as
// the spec stays the same, whatever else changes in the bundle.
type Connection struct {
	Sender channel.Sender
	// Receiver of webhooks at /hooks/<channel>; nil where the channel has none.
	Receiver channel.Receiver
	// Handshake answers GET /hooks/<channel>; nil where the platform makes none.
	Handshake http.Handler
	// Page serves everything below /chat/<channel>/; nil where the channel has no page.
	Page http.Handler
	// Window is how long after a citizen's message the platform lets us write; 0 is for ever.
	Window time.Duration
	// Rate is how many messages a second the platform takes, for all pods together.
	Rate int
	// Pace is the least time between two messages to one conversation, so that they arrive in order.
	Pace time.Duration
	// TakesOnce: the channel takes a message of the same id once, so that one whose outcome is unknown is sent again at once.
	TakesOnce bool
}

// Connect makes the connection of a Channel. It never fails: what is missing is the connection's Health.
type Connect func(name string, spec v1alpha1.ChannelSpec, doors Doors) Connection

// Doors are what a Connection may use of the engine.
type Doors struct {
	// Accept stores what came and returns when it is durable; any error is a 503.
	Accept func(store.Batch) error
	// Live says whether a flow answers on this channel now; if not, nothing may be accepted (503).
	Live func() bool
	// Foreign counts entries of a webhook that were left out because they are another account's.
	Foreign func(entries int)
	// Mailbox is where a page reads its conversations.
	Mailbox store.Desk
	// Tenant as the bundle tells it now.
	Tenant func() bundle.Tenant
}
