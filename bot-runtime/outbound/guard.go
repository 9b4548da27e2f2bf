package outbound

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// guard decides what may be dialled.
type guard struct {
	allow   []Rule
	proxied bool
}

// Blocked is why an address is not dialled.
type Blocked struct {
	// Address with its port, as it was resolved; or the scheme that was refused.
	Address string
	// Why names the range.
	Why string
}

func (b *Blocked) Error() string {
	return fmt.Sprintf("%s must not be called: %s; the platform can open it in the TenantClass's egress", b.Address, b.Why)
}

type schemeKey struct{}

// withScheme tells the dial guard whether the connection is for https: the transport keeps connections of the two apart.
func withScheme(ctx context.Context, scheme string) context.Context {
	return context.WithValue(ctx, schemeKey{}, scheme)
}

// control runs after resolution and before connect, for each address that is tried.
func (g guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Blocked{Address: address, Why: "not an internet address"}
	}
	scheme, _ := ctx.Value(schemeKey{}).(string)
	return g.check(at, scheme)
}

func (g guard) check(at netip.AddrPort, scheme string) error {
	addr := at.Addr().WithZone("").Unmap()
	for _, r := range g.allow {
		if r.Prefix.Contains(addr) && slices.Contains(r.Ports, at.Port()) {
			return nil
		}
	}
	if why := closed(addr); why != "" {
		return &Blocked{Address: at.String(), Why: why}
	}
	if scheme != "https" {
		return &Blocked{Address: at.String(), Why: "plain http to a public address"}
	}
	if at.Port() != 443 {
		return &Blocked{Address: at.String(), Why: "a port other than 443"}
	}
	return nil
}

// checkURL looks at what can be known before a name is resolved. With a proxy it is all that is looked at.
func (g guard) checkURL(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" {
		return &Blocked{Address: "scheme " + clip(u.Scheme), Why: "neither https nor http"}
	}
	if u.User != nil {
		return &Blocked{Address: u.Host, Why: "a user name in the URL; put credentials into a header"}
	}
	if u.Hostname() == "" {
		return &Blocked{Address: "the URL", Why: "no host"}
	}
	if !g.proxied {
		return nil
	}
	if addr, err := netip.ParseAddr(strings.Trim(u.Hostname(), "[]")); err == nil {
		at, err := netip.ParseAddrPort(hostPort(u))
		if err != nil {
			return &Blocked{Address: addr.String(), Why: "not a port"}
		}
		return g.check(at, u.Scheme)
	}
	if u.Scheme != "https" {
		return &Blocked{Address: u.Host, Why: "plain http through a proxy"}
	}
	return nil
}

// closed says why a public caller has no business at addr; empty for a public address. addr is unmapped already.
func closed(addr netip.Addr) string {
	if bundle.NAT64.Contains(addr) { // a translator dials the IPv4 address within
		b := addr.As16()
		if why := closed(netip.AddrFrom4([4]byte(b[12:]))); why != "" {
			return why + " behind NAT64"
		}
		return ""
	}
	for _, r := range bundle.Closed {
		if r.Prefix.Contains(addr) {
			return r.Why
		}
	}
	if addr.Is6() && !bundle.Global6.Contains(addr) {
		return "not a global address"
	}
	return ""
}

// clip bounds what an error repeats of a caller's data.
func clip(s string) string {
	if len(s) > 32 {
		return s[:32]
	}
	return s
}
