// Package whatsapp speaks with Meta's WhatsApp Cloud API for one number: it verifies and parses webhooks, renders messages
// and sends them, and says what became of each.
//
// It stores nothing and decides nothing about a conversation. Whatever Meta sends that Loket does not know is handed on raw
// and answered with 200, because a refusal is repeated for seven days and then lost. Every field of a webhook is optional
// here: Meta's own documents and its webhooks differ. Package engine makes one Channel for each Channel of kind whatsapp.
package whatsapp

import (
	"time"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/outbound"
)

// Config is one number.
type Config struct {
	// Name of the Channel object.
	Name string
	// PhoneNumberID and BusinessAccountID (WABA) as Meta counts them; webhooks of others are refused.
	PhoneNumberID     string
	BusinessAccountID string
	// PortfolioID scopes citizens' ids; empty means BusinessAccountID.
	PortfolioID string
	// APIBase is the Graph API's base with version, such as https://graph.facebook.com/v24.0.
	APIBase string
	// SecretName is named in Health when a key is missing.
	SecretName string
	// CredentialsDir holds the Secret, a file a key.
	CredentialsDir string
	// Client makes the calls.
	Client *outbound.Client
	// Now is the clock; nil for the system's.
	Now func() time.Time
	// Foreign is told how many entries of a webhook were left out because they belong to other accounts; nil is allowed.
	Foreign func(entries int)
}

// Channel is one number on WhatsApp. It implements channel.Sender and channel.Receiver, and is safe for concurrent use.
type Channel struct {
	Config
	credentials *credentials
	halt        halt
	forms       refusedForms
}

var (
	_ channel.Sender   = (*Channel)(nil)
	_ channel.Receiver = (*Channel)(nil)
)

// New makes a Channel. It reads no credential yet.
func New(c Config) *Channel {
	if c.PortfolioID == "" {
		c.PortfolioID = c.BusinessAccountID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Foreign == nil {
		c.Foreign = func(int) {}
	}
	return &Channel{Config: c, credentials: newCredentials(c.CredentialsDir)}
}
