package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// Kind is what went wrong with a call.
type Kind string

// The kinds.
const (
	Refused     Kind = "refused by the guard"
	Unresolved  Kind = "name not resolved"
	Unconnected Kind = "no connection"
	Untrusted   Kind = "TLS"
	TimedOut    Kind = "timed out"
	Canceled    Kind = "called off"
	Broken      Kind = "connection broke" // before the answer's headers were read
	Cut         Kind = "answer cut off"   // after them
	TooLarge    Kind = "answer too large"
)

// Error is a call without a whole answer. It holds nothing of the URL but the host.
type Error struct {
	Host string
	Kind Kind
	// Sent: a byte of the request may have reached the other side, so that it may have acted. False means surely not.
	Sent   bool
	detail string
	cause  error // a Blocked or a context error: nothing else is safe to hand on
}

func (e *Error) Error() string {
	if e.detail == "" {
		return fmt.Sprintf("calling %s: %s", e.Host, e.Kind)
	}
	return fmt.Sprintf("calling %s: %s: %s", e.Host, e.Kind, e.detail)
}

// Unwrap gives a *Blocked, context.Canceled or context.DeadlineExceeded, or nothing.
func (e *Error) Unwrap() error { return e.cause }

var errTooManyRedirects = errors.New("too many redirects")

func refused(u *url.URL, err error) *Error {
	return &Error{Host: u.Host, Kind: Refused, detail: err.Error(), cause: err}
}

// scrub keeps of err only what cannot hold a secret: texts of url.Error and of parsers repeat the URL or the answer.
func scrub(u *url.URL, err error, sent bool) *Error {
	e := &Error{Host: u.Host, Sent: sent, Kind: Broken}
	var (
		blocked  *Blocked
		dns      *net.DNSError
		op       *net.OpError
		verify   *tls.CertificateVerificationError
		alert    tls.AlertError
		record   tls.RecordHeaderError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
	)
	switch {
	case errors.As(err, &blocked):
		e.Kind, e.detail, e.cause = Refused, blocked.Error(), blocked
	case errors.Is(err, context.Canceled):
		e.Kind, e.cause = Canceled, context.Canceled
	case errors.Is(err, errTooManyRedirects):
		e.Kind, e.detail = Refused, errTooManyRedirects.Error()
	case errors.As(err, &dns):
		e.Kind, e.detail = Unresolved, dns.Err
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &verify), errors.As(err, &alert), errors.As(err, &record), errors.As(err, &unknown), errors.As(err, &hostname):
		e.Kind, e.detail = Untrusted, "the certificate or the handshake was not accepted"
	case isTimeout(err):
		e.Kind, e.cause = TimedOut, context.DeadlineExceeded
	case errors.As(err, &op) && op.Op == "dial":
		e.Kind, e.detail = Unconnected, op.Err.Error()
	}
	return e
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// written watches whether a request may have left this host.
type written struct {
	replayable bool
	got        atomic.Bool
}

func (w *written) any() bool { return w.got.Load() }

// watch counts a request as written from the moment that it has a connection: nothing earlier can have carried it, and what
// happens later cannot be told apart. The transport asks for a second connection by itself only when it wrote nothing on an
// idle one that had been closed, or for requests that may be repeated.
func (w *written) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			if !w.replayable {
				w.got.Store(false)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { w.got.Store(true) },
	})
}

// replayable is when net/http repeats a request that it had begun to write.
func replayable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header.Get("Idempotency-Key") != "" || r.Header.Get("X-Idempotency-Key") != ""
}
