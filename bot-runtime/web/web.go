// Package web holds the pages that people see: the agents' console, the web chat, and the script that puts the chat on an
// agency's site. They are TypeScript under src/, built by Vite into dist/pages/ and embedded here; package desk and package
// webchat serve them. Nothing of the API lives here.
//
// dist/pages/ is not committed. `go build` works on a fresh clone, since dist/ holds a placeholder; Pages is then nil, and
// Serve says how to build them: npm ci && npm run build, which needs the network only for npm ci.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// The pages in Pages.
const (
	ConsolePage  = "desk.html"
	ChatPage     = "chat.html"
	WidgetScript = "widget.js"
)

// Pages are the built files, nil when they were not built.
func Pages() fs.FS {
	sub, err := fs.Sub(dist, "dist/pages")
	if err != nil {
		panic(err) // the path is a constant
	}
	if _, err := fs.Stat(sub, ConsolePage); err != nil {
		return nil
	}
	return sub
}

// notBuilt is what a browser is told instead of a page.
const notBuilt = "The pages are not built. Run: make web (or npm ci && npm run build in bot-runtime/web), then build the program again.\n"

// NeverFramed is for pages that no other page may embed.
const NeverFramed = "'none'"

// Serve answers with file of pages; "" is page. Framing is the CSP's frame-ancestors: NeverFramed, or the origins that may
// embed the page. Files under assets/ have their content's hash in their name and are kept for good by browsers; all else is
// asked for anew.
func Serve(w http.ResponseWriter, r *http.Request, pages fs.FS, page, file, framing string) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy(framing))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	if framing == NeverFramed {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
	}
	if pages == nil {
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
		return
	}
	h.Set("Cache-Control", "no-cache")
	switch {
	case file == "":
		file = page
	case strings.HasPrefix(file, "assets/"):
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case file != WidgetScript:
		notThere(w)
		return
	}
	body, err := fs.ReadFile(pages, path.Clean(file))
	if err != nil {
		notThere(w)
		return
	}
	h.Set("Content-Type", contentType(file))
	if file == WidgetScript {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
	}
	_, _ = w.Write(body) // the browser is gone: nobody to tell
}

func notThere(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "There is nothing at this address.", http.StatusNotFound)
}

// policy lets a page load its own files, speak to its own server, and nothing else: no inline script or style, no markup made
// from text (Trusted Types without any policy), no form, no plug-in, no base.
func policy(framing string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors " + framing,
		"require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

func contentType(file string) string {
	switch path.Ext(file) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "application/octet-stream"
}
