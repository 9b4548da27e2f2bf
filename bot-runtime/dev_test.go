package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/channel/webchat"
)

// printed is what a command has printed so far.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) has(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.b.String(), text)
}

// browser is one citizen on the web chat.
type browser struct {
	*town
	base, token string
	posts       int
}

func (w *town) browse(base string) *browser {
	w.Helper()
	b := &browser{town: w, base: base}
	var s webchat.Session
	b.call(http.MethodPost, "api/session", nil, &s)
	b.token = s.Token
	return b
}

func (b *browser) call(method, path string, in, out any) {
	b.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest(method, b.base+path, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	code, answer := b.do(r)
	if code/100 != 2 {
		b.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		b.Fatal(err)
	}
}

func (b *browser) say(text string) {
	b.Helper()
	b.posts++
	var posted webchat.Posted
	b.call(http.MethodPost, "api/messages", webchat.Post{ClientID: fmt.Sprintf("p%d", b.posts), Text: text}, &posted)
}

// hears waits until the bot's newest message has a text.
func (b *browser) hears(text string) {
	b.Helper()
	last := ""
	b.until("the browser shows "+text+", last was "+last, func() bool {
		var all webchat.Messages
		b.call(http.MethodGet, "api/messages", nil, &all)
		for _, m := range all.Messages {
			if m.From == webchat.FromBot {
				last = m.Text
			}
		}
		return strings.Contains(last, text)
	})
}

// A folder with one flow that echoes, and a web chat.
const devFolder = `
apiVersion: loket.dev/v1alpha1
kind: DialogFlow
metadata: {name: echo}
spec:
  languages: [id]
  start: ask
  variables: [{name: typed}]
  nodes:
  - name: ask
    ask: {text: {id: "PREFIX {{ input.text }}"}, as: typed}
    next: ask
---
apiVersion: loket.dev/v1alpha1
kind: Channel
metadata: {name: web}
spec: {flow: echo, webchat: {}}
`

func TestASavedFileIsLiveAtOnceAndABrokenOneChangesNothing(t *testing.T) {
	w := &town{TB: t, dir: t.TempDir()}
	folder := filepath.Join(w.dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	save := func(prefix string) {
		if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(strings.ReplaceAll(devFolder, "PREFIX", prefix)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("satu")
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	public, internal := listen(), listen()
	out := &printed{}
	d := &dev{folder: folder, data: filepath.Join(w.dir, "data"), whatsapp: "http://127.0.0.1:9157/v26.0", out: out}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.run(ctx, public, internal) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.until("it says where everything is", func() bool { return out.has("/chat/web/") })
	if code, page := w.do(mustGet(t, "http://"+public.Addr().String()+"/")); code != http.StatusOK || !strings.Contains(string(page), `<a href="/chat/web/">`) {
		t.Errorf("the first page: %d %s", code, page)
	}
	siti := w.browse("http://" + public.Addr().String() + "/chat/web/")
	siti.say("a")
	siti.hears("satu a")

	save("dua")
	w.until("the edit is live", func() bool { return out.has("\nlive\n") })
	siti.say("b")
	siti.hears("dua b")

	save(`{{ nothing(`)
	w.until("the refusal is told", func() bool { return out.has("dialogflow/echo") && out.has("refused above") })
	siti.say("c")
	siti.hears("dua c")

	if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte("kind: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	w.until("it says that nothing was changed", func() bool { return out.has("nothing was changed") })
	siti.say("d")
	siti.hears("dua d")
}

func mustGet(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
