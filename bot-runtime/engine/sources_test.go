package engine

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/outbound"
	"github.com/loket-dev/loket/bot-runtime/source"
)

// register is a server with a list, as an agency runs it.
type register struct {
	*httptest.Server
	mu     sync.Mutex
	rows   string
	status int
	sent   int // whole lists
	asked  int
}

func newRegister(t *testing.T, rows string) *register {
	r := &register{rows: rows, status: http.StatusOK}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		tag := `"` + source.Hash(r.rows) + `"`
		w.Header().Set("ETag", tag)
		switch {
		case r.status != http.StatusOK:
			w.WriteHeader(r.status)
		case q.Header.Get("If-None-Match") == tag:
			w.WriteHeader(http.StatusNotModified)
		default:
			r.sent++
			_, _ = w.Write([]byte(r.rows))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *register) set(status int, rows string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.rows = status, rows
}

func (r *register) counts() (asked, sent int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.sent
}

// fetch is the runtime's own, with a guard that lets it reach this server.
func (r *register) fetch(t *testing.T) Fetch {
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(r.Certificate())
	f := &source.Fetcher{Client: func(maxBytes int64, timeout time.Duration) *outbound.Client {
		return outbound.New(outbound.Options{RootCAs: roots, MaxBytes: maxBytes, Timeout: timeout,
			Allow: []outbound.Rule{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Ports: []uint16{uint16(port)}}}})
	}}
	return f.Fetch
}

// institutions is a list of so many.
func institutions(n int) string {
	var b strings.Builder
	b.WriteString("name,status\n")
	for i := range n {
		fmt.Fprintf(&b, "PT Dana Sekar %d,licensed\n", 1000+i)
	}
	return b.String()
}

// asking is a flow that looks up what is typed in the list of a server.
func asking(url string, change func(*v1alpha1.HTTPSource)) bundle.Objects {
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{
		Start:     "ask",
		Variables: []v1alpha1.VariableDeclaration{{Name: "typed", Type: v1alpha1.VariableString}},
		Nodes: []v1alpha1.Node{
			{Name: "ask", Next: "look", Ask: &v1alpha1.Ask{As: "typed", Type: v1alpha1.AskText, Text: v1alpha1.Text{"id": "Siapa?"}}},
			{Name: "look", Lookup: &v1alpha1.Lookup{Directory: "list", Query: "input.text", As: "found", Otherwise: "no",
				On: []v1alpha1.OutcomeCase{{Outcomes: []v1alpha1.Outcome{"exact"}, Next: "yes"}}}},
			{Name: "yes", Next: "ask", Say: &v1alpha1.Say{Text: v1alpha1.Text{"id": "terdaftar"}}},
			{Name: "no", Next: "ask", Say: &v1alpha1.Say{Text: v1alpha1.Text{"id": "tidak ada"}}},
		},
	}}
	flow.Name = "main"
	o := tenantWith(flow)
	var d v1alpha1.Directory
	d.Name = "list"
	// A shorter interval than people may set.
	d.Spec.Source.HTTP = &v1alpha1.HTTPSource{URL: url, Fetching: v1alpha1.Fetching{Interval: metav1.Duration{Duration: time.Millisecond}}}
	if change != nil {
		change(d.Spec.Source.HTTP)
	}
	o.Directories = []v1alpha1.Directory{d}
	return o
}

func (x *tenantUnderTest) verdictOn(name string) bundle.Verdict {
	for _, v := range x.Live().Verdicts {
		if v.Name == name {
			return v
		}
	}
	return bundle.Verdict{}
}

func (x *tenantUnderTest) finds(text string) bool {
	index := x.Live().set.Directories["list"]
	return index != nil && index.Ask(text).Outcome == directory.Exact
}

func hasFinding(v bundle.Verdict, reason string) bool {
	for _, f := range v.Findings {
		if f.Reason == reason {
			return true
		}
	}
	return false
}

func TestAListThatIsFetchedServesOnEveryPod(t *testing.T) {
	r := newRegister(t, institutions(100))
	s := openSQLite(t, filepath.Join(t.TempDir(), "loket.db"))
	x := startOn(t, s, newWire(), func(o *Options) { o.Fetch = r.fetch(t) })
	y := startOn(t, s, newWire(), func(o *Options) { o.Fetch, o.PodName = r.fetch(t), "bot-1" })
	pods := []*tenantUnderTest{x, y}
	look := func(what string, holds func(*tenantUnderTest) bool) {
		t.Helper()
		for _, pod := range pods {
			pod.until(what, func() bool {
				pod.wakeFetch.raise()
				pod.pollNow.raise()
				return holds(pod)
			})
		}
	}
	objects := asking(r.URL, nil)
	x.apply(objects)
	look("the first list serves", func(p *tenantUnderTest) bool { return p.finds("dana sekar 1099") && p.Live().Flows["main"] != nil })
	if _, sent := r.counts(); sent != 1 {
		t.Errorf("the list was sent %d times for two pods", sent)
	}
	look("the content's hash is told", func(p *tenantUnderTest) bool {
		v := p.verdictOn("list")
		return v.ContentHash == source.Hash(institutions(100)) && v.Good && v.Entries == 100 && len(v.Findings) == 0
	})
	if want := bundle.From(objects).Objects; x.verdictOn("list").Hash != hashNamed(want, "list") {
		t.Error("the verdict is not on the object that was put")
	}

	r.set(http.StatusOK, institutions(120))
	look("a new list serves", func(p *tenantUnderTest) bool { return p.finds("dana sekar 1119") })

	r.set(http.StatusServiceUnavailable, "")
	look("a failure is told", func(p *tenantUnderTest) bool { return hasFinding(p.verdictOn("list"), "FetchFailed") })
	look("the last good list serves on", func(p *tenantUnderTest) bool { return p.finds("dana sekar 1119") && p.verdictOn("list").Good })

	r.set(http.StatusOK, institutions(50))
	look("a sudden drop is held back", func(p *tenantUnderTest) bool { return hasFinding(p.verdictOn("list"), "HeldBack") })
	look("the list before it serves", func(p *tenantUnderTest) bool { return p.finds("dana sekar 1119") })

	x.apply(asking(r.URL, func(h *v1alpha1.HTTPSource) { h.Accept = source.Hash(institutions(50)) }))
	look("what was accepted serves", func(p *tenantUnderTest) bool {
		return !p.finds("dana sekar 1119") && p.finds("dana sekar 1049") && !hasFinding(p.verdictOn("list"), "HeldBack")
	})

	version := x.Live().Version
	asked, _ := r.counts()
	look("it is asked some more", func(*tenantUnderTest) bool { now, _ := r.counts(); return now > asked+3 })
	if x.Live().Version != version {
		t.Error("a list that has not changed was judged again")
	}
}

func TestAListThatNobodyNamesAnyMoreIsForgotten(t *testing.T) {
	r := newRegister(t, institutions(10))
	x := startOn(t, openSQLite(t, filepath.Join(t.TempDir(), "loket.db")), newWire(), func(o *Options) { o.Fetch = r.fetch(t) })
	x.apply(asking(r.URL, nil))
	x.until("the list serves", func() bool { x.wakeFetch.raise(); return x.finds("dana sekar 1009") })
	x.apply(counting())
	x.until("it is dropped", func() bool {
		all, err := x.store.Sources(t.Context())
		return err == nil && len(all) == 0
	})
}

func hashNamed(objects []bundle.Object, name string) string {
	for _, o := range objects {
		if o.Name == name {
			return o.Hash
		}
	}
	return ""
}
