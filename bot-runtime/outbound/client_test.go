package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestCredentialsStayWithTheHostTheyWereGivenFor(t *testing.T) {
	seen := make(chan http.Header, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header }))
	defer other.Close()
	var back string
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/end":
			seen <- r.Header
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/round":
			http.Redirect(w, r, back, http.StatusFound)
		}
	}))
	defer first.Close()
	middle := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, first.URL+"/end", http.StatusFound)
	}))
	defer middle.Close()
	back = middle.URL
	c := local(t)
	for path, kept := range map[string]bool{"/same": true, "/away": false, "/round": false} {
		r := get(t, first.URL+path+"?token=geheim")
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
			r.Header.Set(name, "geheim")
		}
		if _, err := c.Do(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		got := <-seen
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
			if (got.Get(name) != "") != kept {
				t.Errorf("%s: %s is %q, want it kept %v", path, name, got.Get(name), kept)
			}
		}
		if got.Get("Referer") != "" {
			t.Errorf("%s: the Referer tells %q", path, got.Get("Referer"))
		}
	}
}

func TestAPostIsNotCarriedOnByARedirect(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
	}))
	defer server.Close()
	res, err := local(t).Do(context.Background(), post(t, server.URL))
	if err != nil || res.Status != http.StatusPermanentRedirect {
		t.Fatalf("got %v, %v; want the redirect itself", res, err)
	}
}

// What a sender must know: may the other side have acted?
func TestAnErrorSaysWhetherTheRequestMayHaveArrived(t *testing.T) {
	for _, tt := range []struct {
		name string
		url  func(t *testing.T) string
		kind Kind
		sent bool
	}{
		{"nobody listens", func(t *testing.T) string { return "http://" + closedPort(t) }, Unconnected, false},
		{"the guard refuses", func(*testing.T) string { return "http://10.1.1.1/" }, Refused, false},
		{"TLS is spoken to a plain server", func(t *testing.T) string {
			return strings.Replace(serve(t, func(http.ResponseWriter, *http.Request) {}), "http:", "https:", 1)
		}, Untrusted, false},
		{"the certificate is unknown", func(t *testing.T) string {
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ErrorLog = quiet()
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL
		}, Untrusted, false},
		{"the connection is accepted and cut", func(t *testing.T) string { return cutAfterAccept(t) }, Broken, true},
		{"the request is read and the connection cut", func(t *testing.T) string {
			return serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}, Broken, true},
		{"the answer ends early", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
			})
		}, Cut, true},
		{"no answer comes", func(t *testing.T) string {
			return serve(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client has gone
				<-r.Context().Done()
			})
		}, TimedOut, true},
		{"the answer is too large", func(t *testing.T) string {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) })
		}, TooLarge, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			timeout := time.Minute
			if tt.kind == TimedOut {
				timeout = 500 * time.Millisecond
			}
			c := New(Options{Allow: loopback(), MaxBytes: 1000, Timeout: timeout})
			defer c.CloseIdle()
			_, err := c.Do(context.Background(), post(t, tt.url(t)+"/geheim?token=geheim"))
			var e *Error
			if !errors.As(err, &e) || e.Kind != tt.kind || e.Sent != tt.sent {
				t.Fatalf("got %#v, want kind %q, sent %v", err, tt.kind, tt.sent)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Fatalf("the error tells the URL: %v", err)
			}
		})
	}
}

func TestAnIdleConnectionThatWasClosedDoesNotMakeASendDoubtful(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	c := local(t)
	if _, err := c.Do(context.Background(), post(t, server.URL)); err != nil {
		t.Fatal(err)
	}
	server.Close() // the idle connection and the port are gone
	_, err := c.Do(context.Background(), post(t, server.URL))
	var e *Error
	// Either the transport had noticed (then it dialled, was refused, and surely sent nothing) or it had not (then nobody
	// knows). What must not be is a broken connection that is told as surely not sent.
	if !errors.As(err, &e) || e.Kind == Broken && !e.Sent {
		t.Fatalf("got %#v", err)
	}
}

func TestAnEndlessRedirectEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again", http.StatusFound)
	}))
	defer server.Close()
	_, err := local(t).Do(context.Background(), get(t, server.URL))
	if err == nil || !strings.Contains(err.Error(), "too many redirects") {
		t.Fatalf("got %v", err)
	}
}

func TestAUserNameInAURLIsRefusedAndNotRepeated(t *testing.T) {
	_, err := New(Options{}).Do(context.Background(), get(t, "https://agent:geheim@example.com/"))
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Fatalf("got %v", err)
	}
}

func loopback() []Rule {
	ports := make([]uint16, 0, 1<<16)
	for p := range 1 << 16 {
		ports = append(ports, uint16(p))
	}
	return []Rule{{netip.MustParsePrefix("127.0.0.1/32"), ports}}
}

// local is a client that may reach the test's servers.
func local(t *testing.T) *Client {
	c := New(Options{Allow: loopback()})
	t.Cleanup(c.CloseIdle)
	return c
}

func get(t *testing.T, url string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func post(t *testing.T, url string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func serve(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = quiet()
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func cutAfterAccept(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}
