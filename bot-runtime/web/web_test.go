package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel/webchat"
	"github.com/loket-dev/loket/bot-runtime/desk"
	"github.com/loket-dev/loket/bot-runtime/desk/desktest"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/web"
)

// TestThePagesInABrowser runs the tests under browser/ in Debian's Chromium against a real desk and a real web chat on the
// SQLite store. What a citizen says on WhatsApp, and the line that drops, are asked for under /test/.
func TestThePagesInABrowser(t *testing.T) {
	if web.Pages() == nil {
		t.Fatal("the pages are not built: run make web (or npm ci && npm run build in bot-runtime/web), then test again")
	}
	needs(t, "node", "install Node.js 20.19 or newer")
	needs(t, "/usr/bin/chromium", "apt-get install chromium")
	if _, err := os.Stat("node_modules/playwright-core"); err != nil {
		t.Fatal("playwright-core is missing: run npm ci in bot-runtime/web")
	}
	ctx := t.Context()
	if end, ok := t.Deadline(); ok { // so that a browser that hangs is told of, and not only the test's end
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, end.Add(-20*time.Second))
		defer stop()
	}
	var registry directory.Builder
	registry.Show([]directory.Fact{{Name: "address", Label: map[string]string{"id": "Alamat", "en": "Address"}}, {Name: "note"}})
	for _, e := range []directory.Entry{
		{ID: "1", Name: "PT Dana Mekar Jaya", Aliases: []string{"Dana Mekar"}, Licence: "KEP-12/D.05/2021", Type: "Pinjaman daring",
			Status: directory.StatusLicensed, Sites: []string{"danamekar.example"}, Phones: []string{"021 1234567"},
			Shown: []directory.Fact{{Name: "address", Value: "Jl. <i>Melati</i> 1, Solo"}, {Name: "note", Value: "sejak 1998"}}},
		{ID: "2", Name: "Pinjam Kilat <b>Jaya</b>", Status: directory.StatusIllegal},
	} {
		registry.Add(e)
	}
	institutions := registry.Build()
	c := desktest.Start(t, web.Pages(), func(o *desk.Options, p *desk.PoolInfo) {
		p.Slots, p.Supervisors = 4, []string{"sri", "tri", "umi"}
		p.Skills, p.SkillsWithin = map[string][]string{"vivi": {"english", "syariah"}}, time.Hour
		o.Directories = func() map[string]*directory.Index { return map[string]*directory.Index{"institutions": institutions} }
	})
	for _, agent := range []string{"citra", "dewi", "eko", "fitri", "gita", "hadi", "sri", "tri", "umi", "vivi", "wati"} {
		c.Account(agent, desktest.Password)
	}
	puppet(c)
	c.Mux.Handle("/chat/"+desktest.WebChat+"/", webchat.New(webchat.Options{
		Name: desktest.WebChat,
		Spec: v1alpha1.WebChatChannel{Title: v1alpha1.Text{"id": "Kontak 157", "en": "Contact 157"},
			AllowedOrigins: []v1alpha1.Origin{v1alpha1.Origin(strings.Replace(c.Server.URL, "127.0.0.1", "localhost", 1))}},
		Accept: func(b store.Batch) error {
			_, err := c.Store.Accept(ctx, b)
			c.Wake()
			return err
		},
		Live: func() bool { return true },
		Tenant: func() bundle.Tenant {
			return bundle.Tenant{Name: "ojk", Languages: []string{"id", "en"}, DisplayName: v1alpha1.Text{"id": "Otoritas Jasa Kredit"}}
		},
		Mailbox: c.Store, Pages: web.Pages(),
	}))

	args := []string{"--test", "--test-concurrency=1", "--test-reporter=spec"}
	if only := os.Getenv("LOKET_BROWSER_ONLY"); only != "" {
		args = append(args, only)
	} else {
		args = append(args, "browser/")
	}
	run := exec.CommandContext(ctx, "node", args...)
	run.Env = append(os.Environ(), "LOKET_BASE_URL="+c.Server.URL, "LOKET_PASSWORD="+desktest.Password, "LOKET_POOL="+desktest.Pool)
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("the browser's tests: %v", err)
	}
}

func needs(t *testing.T, program, mend string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: %s", program, mend)
	}
}

// puppet lets the browser's tests play the citizen on WhatsApp, and cut the line.
func puppet(c *desktest.Counter) {
	type saying struct {
		Channel, Citizen, ID string
		AgoSeconds           int
		Body                 message.In
	}
	c.Mux.HandleFunc("POST /test/says", func(w http.ResponseWriter, r *http.Request) {
		var s saying
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.Says(s.Channel, s.Citizen, s.ID, time.Now().Add(-time.Duration(s.AgoSeconds)*time.Second), s.Body)
	})
	c.Mux.HandleFunc("POST /test/fails", func(w http.ResponseWriter, r *http.Request) {
		var f struct {
			Channel, Citizen, Text string
			Code                   int
		}
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.Fails(f.Channel, f.Citizen, f.Code, f.Text)
	})
	c.Mux.HandleFunc("POST /test/arrives", func(w http.ResponseWriter, r *http.Request) {
		var a struct{ Channel, Citizen string }
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.Arrives(a.Channel, a.Citizen, message.DeliveryDelivered)
	})
	c.Mux.HandleFunc("POST /test/bot", func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Healed bool }
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.Mend(b.Healed)
	})
	c.Mux.HandleFunc("GET /test/said/{channel}/{citizen}", func(w http.ResponseWriter, r *http.Request) {
		type said struct {
			Text  string `json:"text"`
			State string `json:"state"`
		}
		all := []said{}
		for _, m := range c.Transcript(r.PathValue("channel"), r.PathValue("citizen")) {
			if m.Out != nil {
				all = append(all, said{m.Out.Text, m.State})
			}
		}
		_ = json.NewEncoder(w).Encode(all)
	})
	c.Mux.HandleFunc("GET /test/replies/{channel}/{citizen}", func(w http.ResponseWriter, r *http.Request) {
		texts := []string{}
		for _, m := range c.Transcript(r.PathValue("channel"), r.PathValue("citizen")) {
			if m.Out != nil && m.Author == message.AuthorAgent {
				texts = append(texts, m.Out.Text)
			}
		}
		_ = json.NewEncoder(w).Encode(texts)
	})

	c.Mux.HandleFunc("GET /test/site", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src %[1]s; frame-src %[1]s", c.Server.URL))
		fmt.Fprintf(w, `<!doctype html><html lang="id"><title>Instansi</title><main><h1>Instansi</h1></main>
			<script src="%s/chat/%s/widget.js" async></script></html>`, c.Server.URL, desktest.WebChat)
	})

	var down atomic.Bool
	before := func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/test/down":
			down.Store(true)
			w.WriteHeader(http.StatusNoContent)
			go c.Server.CloseClientConnections()
		case r.URL.Path == "/test/up":
			down.Store(false)
		case down.Load():
			panic(http.ErrAbortHandler) // the line drops without a word
		default:
			return false
		}
		return true
	}
	c.Before.Store(&before)
}
