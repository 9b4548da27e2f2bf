package host

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// Link is the pair of virtual interfaces between the machine and the namespace.
type Link struct {
	Namespace Namespace
	Host      string       // the machine's end, which is the namespace's way out
	HostAddr  netip.Prefix // 10.199.0.1/24
	Peer      string       // the namespace's end
	PeerAddr  netip.Prefix
	Routes    []netip.Prefix // what the machine reaches through the namespace
}

// Ensure makes or mends the link, its addresses and routes. All of it can be said again.
func (l Link) Ensure() error {
	if err := l.conflict(); err != nil {
		return err
	}
	ns := string(l.Namespace)
	if !interfaceExists(l.Host) || ip("-n", ns, "link", "show", l.Peer) != nil {
		if interfaceExists(l.Host) { // a half of a pair of an earlier namespace
			if err := ip("link", "del", l.Host); err != nil {
				return err
			}
		}
		if err := ip("link", "add", l.Host, "type", "veth", "peer", "name", l.Peer, "netns", ns); err != nil {
			return err
		}
	}
	steps := [][]string{
		{"addr", "replace", l.HostAddr.String(), "dev", l.Host},
		{"link", "set", l.Host, "up"},
		{"-n", ns, "addr", "replace", l.PeerAddr.String(), "dev", l.Peer},
		{"-n", ns, "link", "set", "lo", "up"},
		{"-n", ns, "link", "set", l.Peer, "up"},
		{"-n", ns, "route", "replace", "default", "via", l.HostAddr.Addr().String()},
	}
	for _, r := range l.Routes {
		steps = append(steps, []string{"route", "replace", r.String(), "via", l.PeerAddr.Addr().String(), "dev", l.Host})
	}
	for _, s := range steps {
		if err := ip(s...); err != nil {
			return err
		}
	}
	return l.Namespace.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
}

// Up reports whether the machine's end is there; the routes go with it.
func (l Link) Up() bool { return interfaceExists(l.Host) }

// Remove takes the link away; its routes and its other end go with it.
func (l Link) Remove() error {
	if !interfaceExists(l.Host) {
		return nil
	}
	return ip("link", "del", l.Host)
}

// conflict refuses address ranges that the machine reaches some other way already.
func (l Link) conflict() error {
	out, err := exec.Command("ip", "-json", "-4", "route", "show").Output()
	if err != nil {
		return nil // without the answer there is nothing to warn of
	}
	return conflicts(out, l.Host, append([]netip.Prefix{l.HostAddr.Masked()}, l.Routes...))
}

func conflicts(routes []byte, own string, ranges []netip.Prefix) error {
	var all []struct {
		Dst string `json:"dst"`
		Dev string `json:"dev"`
	}
	if err := json.Unmarshal(routes, &all); err != nil {
		return nil
	}
	for _, r := range all {
		dst, err := netip.ParsePrefix(r.Dst)
		if err != nil {
			addr, err := netip.ParseAddr(r.Dst)
			if err != nil {
				continue // "default"
			}
			dst = netip.PrefixFrom(addr, addr.BitLen())
		}
		for _, want := range ranges {
			// A wider route, such as 10.0.0.0/8 of a company's network, does no harm: ours is more specific.
			if r.Dev != own && want.Overlaps(dst) && dst.Bits() >= want.Bits() {
				return fmt.Errorf("the machine already has a route to %s by %s, which the cluster's %s would hide; take it away while the cluster runs", r.Dst, r.Dev, want)
			}
		}
	}
	return nil
}

func interfaceExists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// ip runs iproute2 and puts what it says into the error.
func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %s (%w)", strings.Join(args, " "), strings.TrimSpace(string(out)), err)
	}
	return nil
}
