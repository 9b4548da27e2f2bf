package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/loket-dev/loket/bot-runtime/web"
)

var built = fstest.MapFS{
	web.ConsolePage:        {Data: []byte("console")},
	web.ChatPage:           {Data: []byte("chat")},
	web.WidgetScript:       {Data: []byte("widget")},
	"assets/desk-12ab.js":  {Data: []byte("script")},
	"assets/icon-12ab.svg": {Data: []byte("<svg/>")},
}

func serve(file, framing string) *http.Response {
	w := httptest.NewRecorder()
	web.Serve(w, httptest.NewRequest(http.MethodGet, "/desk/pool/", nil), built, web.ConsolePage, file, framing)
	return w.Result()
}

func TestWhatIsServedAndForHowLong(t *testing.T) {
	for _, c := range []struct {
		name, file       string
		status           int
		kind, kept, from string
	}{
		{"the page is asked for anew", "", 200, "text/html; charset=utf-8", "no-cache", "same-origin"},
		{"a script with its hash in its name is kept", "assets/desk-12ab.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "same-origin"},
		{"a drawing too", "assets/icon-12ab.svg", 200, "image/svg+xml", "public, max-age=31536000, immutable", "same-origin"},
		{"other sites may load the widget", "widget.js", 200, "text/javascript; charset=utf-8", "no-cache", "cross-origin"},
		{"a page has no other name", "chat.html", 404, "text/plain; charset=utf-8", "no-store", ""},
		{"what was never built is not there, and not kept as missing", "assets/desk-99.js", 404, "text/plain; charset=utf-8", "no-store", ""},
		{"a way out of the folder leads nowhere", "assets/../../../etc/passwd", 404, "text/plain; charset=utf-8", "no-store", ""},
		{"a folder is no file", "assets/", 404, "text/plain; charset=utf-8", "no-store", ""},
	} {
		res := serve(c.file, web.NeverFramed)
		h := res.Header
		if res.StatusCode != c.status || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.kept || h.Get("Cross-Origin-Resource-Policy") != c.from {
			t.Errorf("%s: %d %v", c.name, res.StatusCode, h)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: served without a policy: %v", c.name, h)
		}
	}
}

func TestThePolicyLetsNothingInAndOnlyNamedSitesFrame(t *testing.T) {
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	if got := serve("", web.NeverFramed).Header.Get("Content-Security-Policy"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	named := serve("", "'self' https://www.ojk.go.example").Header
	if p := named.Get("Content-Security-Policy"); !strings.Contains(p, "frame-ancestors 'self' https://www.ojk.go.example;") || named.Get("X-Frame-Options") != "" {
		t.Errorf("a page that may be framed: %v", named)
	}
}
