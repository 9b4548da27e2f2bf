package outbound

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

func TestAddressesOfTheClusterAreNotReached(t *testing.T) {
	for _, tt := range []struct{ address, why string }{
		{"127.0.0.1:443", "loopback"},
		{"127.8.9.1:443", "loopback"},
		{"0.0.0.0:443", "this very host"},
		{"10.0.0.1:443", "private"},
		{"172.31.255.255:443", "private"},
		{"192.168.1.1:443", "private"},
		{"100.64.0.1:443", "shared"},
		{"169.254.169.254:443", "metadata"},
		{"169.254.20.10:443", "metadata"},
		{"168.63.129.16:443", "metadata"},
		{"224.0.0.1:443", "multicast"},
		{"255.255.255.255:443", "reserved"},
		{"[::]:443", "this very host"},
		{"[::1]:443", "loopback"},
		{"[fd00:ec2::254]:443", "private"},
		{"[fe80::1%eth0]:443", "link-local"},
		{"[ff02::1]:443", "multicast"},
		{"[::ffff:10.0.0.1]:443", "private"},
		{"[::ffff:169.254.169.254]:443", "metadata"},
		{"[::10.0.0.1]:443", "not a global"},
		{"[64:ff9b::a00:1]:443", "private address behind NAT64"},
		{"[64:ff9b:1::a00:1]:443", "not a global"},
		{"[2002:a00:1::]:443", "6to4"},
		{"[2001:0:53aa:64c::1]:443", "tunnel"},
	} {
		err := guard{}.check(netip.MustParseAddrPort(tt.address), "https")
		if err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: got %v, want it refused as %q", tt.address, err, tt.why)
		}
	}
}

func TestPublicAddressesAreReachedOverHTTPSOnly(t *testing.T) {
	for _, tt := range []struct {
		address, scheme string
		reached         bool
	}{
		{"157.240.1.1:443", "https", true},
		{"[2a03:2880:f003::1]:443", "https", true},
		{"[64:ff9b::9df0:101]:443", "https", true},
		{"157.240.1.1:443", "http", false},
		{"157.240.1.1:80", "http", false},
		{"157.240.1.1:6443", "https", false},
	} {
		if err := (guard{}).check(netip.MustParseAddrPort(tt.address), tt.scheme); (err == nil) != tt.reached {
			t.Errorf("%s %s: got %v, want reached %v", tt.scheme, tt.address, err, tt.reached)
		}
	}
}

func TestThePlatformOpensARangeAndItsPortsAlone(t *testing.T) {
	g := guard{allow: []Rule{{netip.MustParsePrefix("10.20.0.0/16"), []uint16{8080}}}}
	for address, reached := range map[string]bool{
		"10.20.3.4:8080":            true,
		"[::ffff:10.20.3.4]:8080":   true,
		"10.20.3.4:443":             false,
		"10.21.0.1:8080":            false,
		"[64:ff9b::a14:304]:8080":   false,
		"[2002:a14:304::1]:8080":    false,
		"[::ffff:10.21.0.1]:8080":   false,
		"169.254.169.254:8080":      false,
		"[fe80::10.20.3.4%e0]:8080": false,
	} {
		if err := g.check(netip.MustParseAddrPort(address), "http"); (err == nil) != reached {
			t.Errorf("%s: got %v, want reached %v", address, err, reached)
		}
	}
}

func TestEveryWayToWriteAnIPv4AddressIsJudgedAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))
		v4 := netip.AddrFrom4(b)
		plain := guard{}.check(netip.AddrPortFrom(v4, 443), "https") == nil
		mapped := guard{}.check(netip.AddrPortFrom(netip.AddrFrom16(v4.As16()), 443), "https") == nil
		six := bundle.NAT64.Addr().As16()
		copy(six[12:], b[:])
		translated := guard{}.check(netip.AddrPortFrom(netip.AddrFrom16(six), 443), "https") == nil
		if mapped != plain || translated != plain {
			t.Fatalf("%s: plain %v, mapped %v, translated %v", v4, plain, mapped, translated)
		}
		if std := v4.IsPrivate() || v4.IsLoopback() || v4.IsLinkLocalUnicast() || v4.IsMulticast() || v4.IsUnspecified(); std && plain {
			t.Fatalf("%s is reached", v4)
		}
	})
}

// The name is public when somebody looks, and loopback when it is dialled.
func TestANameThatTurnsToLoopbackIsRefused(t *testing.T) {
	var called atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	defer server.Close()
	dns := startDNS(t)
	c := New(Options{Resolver: dns.resolver()})
	defer c.CloseIdle()

	dns.answer("turning.example.", "127.0.0.1")
	_, err := c.Do(context.Background(), get(t, "https://turning.example/"))
	var blocked *Blocked
	if !errors.As(err, &blocked) || !strings.Contains(err.Error(), "loopback") {
		t.Fatalf("got %v, want the guard's refusal of loopback", err)
	}
	dns.answer("mixed.example.", "127.0.0.1", "10.0.0.1", "169.254.169.254")
	if _, err = c.Do(context.Background(), get(t, "https://mixed.example/")); !errors.As(err, &blocked) {
		t.Fatalf("got %v, want the guard's refusal", err)
	}
	for _, literal := range []string{"[::ffff:10.0.0.1]", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "localhost"} {
		_, err := c.Do(context.Background(), get(t, "https://"+literal+"/"))
		var e *Error
		if !errors.As(err, &e) || e.Kind != Refused && e.Kind != Unresolved || e.Sent {
			t.Errorf("%s: got %v, want it refused or not resolved", literal, err)
		}
	}
	if called.Load() != 0 {
		t.Fatal("the server on loopback was called")
	}
	if dns.asked() < 2 {
		t.Fatal("the test's own name server was not asked")
	}
}

func TestARedirectToTheMetadataAddressIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/?key=geheim", http.StatusFound)
	}))
	defer server.Close()
	_, err := local(t).Do(context.Background(), get(t, server.URL))
	var blocked *Blocked
	if !errors.As(err, &blocked) || !strings.HasPrefix(blocked.Address, "169.254.169.254") {
		t.Fatalf("got %v, want the metadata address refused", err)
	}
	if strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "latest") {
		t.Fatalf("the error tells the URL: %v", err)
	}
}

func TestAProxyIsNoWayRoundTheGuard(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	u, _ := url.Parse(proxy.URL)
	c := New(Options{Proxy: u})
	defer c.CloseIdle()
	for _, target := range []string{"https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "http://example.com/", "http://10.0.0.1/"} {
		var blocked *Blocked
		if _, err := c.Do(context.Background(), get(t, target)); !errors.As(err, &blocked) {
			t.Errorf("%s: got %v, want it refused", target, err)
		}
	}
	if asked.Load() != 0 {
		t.Fatal("the proxy was asked for a refused address")
	}
	if _, err := c.Do(context.Background(), get(t, "https://example.com/")); err == nil || asked.Load() != 1 {
		t.Fatalf("got %v after %d requests to the proxy, want the proxy asked and its refusal told", err, asked.Load())
	}
}

func TestTheEnvironmentNamesNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if c := New(Options{}); c.http.Transport.(*http.Transport).Proxy != nil {
		t.Fatal("a proxy is taken from the environment")
	}
}
