package main

import (
	"html/template"
	"net/http"
	"sync/atomic"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// home is dev's first page: where the folder's web chats and desks are. It has no scripts and no secrets.
type home struct {
	objects atomic.Pointer[bundle.Objects]
}

var homePage = template.Must(template.New("home").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Loket dev</title>
<h1>Loket dev</h1>
<ul>
{{range .Channels}}{{if .Spec.WebChat}}<li><a href="/chat/{{.Name}}/">web chat {{.Name}}</a></li>
{{else}}<li>channel {{.Name}}: write to it with the command that the terminal shows</li>
{{end}}{{end}}{{range .Pools}}<li><a href="/desk/{{.Name}}/">desk {{.Name}}</a>: sign in as demo; the terminal shows the password</li>
{{end}}</ul>
`))

func (h *home) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	_ = homePage.Execute(w, h.objects.Load()) // a browser that is gone reads nothing
}
