// Package outbound is the one HTTP client of the runtime. Whatever a tenant's resources name (an API, a directory, a media
// link) and every platform is called through it, because a tenant's URL must not reach the cluster, the node or the cloud's
// metadata.
//
// An address is checked after its name was resolved, at the moment of dialling, so that no second resolution can differ from
// the one that was checked. Answers are read whole, within bounds of time and size. Errors name the host and what went
// wrong, never a path, a query, a header or a body. It knows no platform and decides nothing about retrying; Error.Sent says
// what a caller must know for that.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Bounds where Options name none.
const (
	DefaultTimeout  = 15 * time.Second
	DefaultMaxBytes = 1 << 20
	maxRedirects    = 5
)

// Rule opens ports of one range of addresses, over https and plain http.
type Rule struct {
	Prefix netip.Prefix
	Ports  []uint16
}

// Options of a client. The zero value reaches port 443 of public addresses over https and nothing else.
type Options struct {
	// Allow lists what the platform opens beyond that.
	Allow []Rule
	// Proxy to use for everything, from the platform's configuration; the environment is not looked at. A proxy resolves names
	// by itself and must guard what it reaches; addresses written as such are still checked here.
	Proxy *url.URL
	// RootCAs beside the system's; nil for the system's alone.
	RootCAs *x509.CertPool
	// Timeout of a call from its start to the last byte of the answer, redirects included; 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxBytes of an answer, decompressed; 0 means DefaultMaxBytes.
	MaxBytes int64
	// Resolver of names; nil for the system's.
	Resolver *net.Resolver
}

// Client makes guarded calls. It is safe for concurrent use.
type Client struct {
	http     *http.Client
	guard    guard
	proxy    string // host:port, which is dialled as configured
	dialer   net.Dialer
	timeout  time.Duration
	maxBytes int64
}

// Response is an answer that was read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// New makes a client.
func New(o Options) *Client {
	c := &Client{guard: guard{allow: o.Allow, proxied: o.Proxy != nil}, timeout: o.Timeout, maxBytes: o.MaxBytes}
	if c.timeout == 0 {
		c.timeout = DefaultTimeout
	}
	if c.maxBytes == 0 {
		c.maxBytes = DefaultMaxBytes
	}
	c.dialer = net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second, Resolver: o.Resolver}
	// One request a connection at a time: where a connection breaks, the outcome of one call is in doubt, not of many.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		DialContext:            c.dial,
		Protocols:              &protocols,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
	}
	if o.Proxy != nil {
		transport.Proxy = http.ProxyURL(o.Proxy)
		c.proxy = hostPort(o.Proxy)
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.checkRedirect}
	return c
}

// Do makes one call and reads the answer. Only GET and HEAD follow redirects; to another origin they take no header along
// that could be a credential.
//
// The error is an *Error. With an error of kind Cut or TooLarge the Response says what had been read by then, else it is nil.
func (c *Client) Do(ctx context.Context, r *http.Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.guard.checkURL(r.URL); err != nil {
		return nil, refused(r.URL, err)
	}
	written := &written{replayable: replayable(r)}
	answer, err := c.http.Do(r.WithContext(written.watch(withScheme(ctx, r.URL.Scheme))))
	if err != nil {
		return nil, scrub(r.URL, err, written.any())
	}
	defer answer.Body.Close()
	res := &Response{Status: answer.StatusCode, Header: answer.Header}
	res.Body, err = io.ReadAll(io.LimitReader(answer.Body, c.maxBytes+1))
	if err != nil {
		e := scrub(r.URL, err, true)
		if e.Kind == Broken {
			e.Kind = Cut
		}
		return res, e
	}
	if int64(len(res.Body)) > c.maxBytes {
		res.Body = res.Body[:c.maxBytes]
		return res, &Error{Host: r.URL.Host, Kind: TooLarge, Sent: true, detail: fmt.Sprintf("over %d bytes", c.maxBytes)}
	}
	return res, nil
}

// CloseIdle closes connections that no call uses.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// Dial connects to an address that the platform has opened, for a protocol other than HTTP: what Options.Allow does not list is
// refused, public addresses too, and no proxy is used.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := c.dialer
	d.ControlContext = c.guard.control
	return d.DialContext(withScheme(ctx, "none"), network, address)
}

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := c.dialer
	if c.proxy == "" || address != c.proxy {
		d.ControlContext = c.guard.control
	}
	return d.DialContext(ctx, network, address)
}

// safeHeaders are the only ones that go along to another origin.
var safeHeaders = map[string]bool{"Accept": true, "Accept-Language": true, "User-Agent": true}

func (c *Client) checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet && first.Method != http.MethodHead {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return errTooManyRedirects
	}
	if err := c.guard.checkURL(r.URL); err != nil {
		return err
	}
	r.Header.Del("Referer") // it would tell the next host the first one's path and query
	for _, v := range via {
		if origin(v.URL) == origin(r.URL) {
			continue
		}
		for name := range r.Header {
			if !safeHeaders[name] {
				r.Header.Del(name)
			}
		}
	}
	*r = *r.WithContext(withScheme(r.Context(), r.URL.Scheme))
	return nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + hostPort(u) }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
