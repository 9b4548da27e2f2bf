package bundle

import "net/netip"

// Range is a range of addresses that is not the public internet.
type Range struct {
	Prefix netip.Prefix
	// Why names what is there, for an error.
	Why string
}

// Closed are the ranges that no tenant reaches unless its class lists them. The operator's NetworkPolicies and the runtime's dial
// guard go by this one list; of IPv6, only Global6 less these is open.
var Closed = []Range{
	{netip.MustParsePrefix("0.0.0.0/8"), "this very host"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a shared address (carrier NAT)"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds keep their metadata"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay"},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "this very host"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "a tunnel or a reserved address"}, // Teredo carries an IPv4 address within
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation"},
	{netip.MustParsePrefix("2002::/16"), "a 6to4 tunnel"}, // carries an IPv4 address within
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation"},
}

var (
	// Global6 is the part of IPv6 that the internet uses.
	Global6 = netip.MustParsePrefix("2000::/3")
	// NAT64 is where a translator dials the IPv4 address within; it is as open as that address.
	NAT64 = netip.MustParsePrefix("64:ff9b::/96")
)
