package main

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/channel/webchat"
	"github.com/loket-dev/loket/bot-runtime/channel/whatsapp"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/source"
	"github.com/loket-dev/loket/bot-runtime/web"
)

// Rates and paces of channels.
const (
	// whatsappRate is the throughput of a Channel that an older operator handed over, which knew of no other.
	whatsappRate = 80
	// whatsappPace between two messages to one citizen: WhatsApp keeps no order by itself.
	whatsappPace = 300 * time.Millisecond
	// webchatRate bounds what is settled in a second; nothing is called.
	webchatRate = 2000
)

// connect makes the connection of a Channel.
func (p *pod) connect(name string, spec v1alpha1.ChannelSpec, doors engine.Doors) engine.Connection {
	switch {
	case spec.WhatsApp != nil:
		return p.whatsapp(name, *spec.WhatsApp, doors)
	case spec.WebChat != nil:
		return p.webchat(name, *spec.WebChat, doors)
	}
	return engine.Connection{} // a kind of a newer operator's: its verdict says so
}

func (p *pod) whatsapp(name string, spec v1alpha1.WhatsAppChannel, doors engine.Doors) engine.Connection {
	boot := p.boot()
	number := whatsapp.New(whatsapp.Config{
		Name: name, PhoneNumberID: spec.PhoneNumberID, BusinessAccountID: spec.BusinessAccountID, PortfolioID: spec.PortfolioID,
		APIBase: boot.WhatsAppAPI, SecretName: string(spec.SecretName), CredentialsDir: filepath.Join(p.channelsDir, name),
		Client: p.client(), Foreign: doors.Foreign,
	})
	return engine.Connection{Sender: number, Receiver: number, Handshake: number.Handshake(), Window: message.Window,
		Rate: int(cmp.Or(spec.MessagesPerSecond, whatsappRate)), Pace: whatsappPace}
}

func (p *pod) webchat(name string, spec v1alpha1.WebChatChannel, doors engine.Doors) engine.Connection {
	p.makeRoom.Do(func() { p.room = webchat.NewRoom(webchat.DefaultRoom) })
	server := webchat.New(webchat.Options{Name: name, Spec: spec, Accept: doors.Accept, Live: doors.Live, Tenant: doors.Tenant,
		Mailbox: doors.Mailbox, Pages: web.Pages(), Room: p.room})
	return engine.Connection{Sender: webchat.Sender{Channel: name}, Page: server, Rate: webchatRate, TakesOnce: true}
}

// fetcher asks the sources of Directories for their rows.
func (p *pod) fetcher() *source.Fetcher {
	return &source.Fetcher{SecretsDir: p.callsDir, Client: func(maxBytes int64, timeout time.Duration) *outbound.Client {
		return outbound.New(outbound.Options{Allow: p.egress(), MaxBytes: maxBytes, Timeout: timeout})
	}}
}

// client is the one guarded way out, with what the platform opens beyond public https.
func (p *pod) client() *outbound.Client {
	return outbound.New(outbound.Options{Allow: p.egress()})
}

func (p *pod) egress() []outbound.Rule {
	var allow []outbound.Rule
	for _, rule := range p.boot().Egress {
		prefix, err := netip.ParsePrefix(rule.CIDR)
		if err != nil {
			p.log.Info("a rule of the boot file's egress is no range and is left out", "cidr", rule.CIDR)
			continue
		}
		ports := make([]uint16, 0, len(rule.Ports))
		for _, port := range rule.Ports {
			ports = append(ports, uint16(port))
		}
		allow = append(allow, outbound.Rule{Prefix: prefix, Ports: ports})
	}
	return allow
}
