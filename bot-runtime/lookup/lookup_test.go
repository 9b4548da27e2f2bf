package lookup_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/lookup"
)

// register is a public directory, and whoever asks it.
type register struct {
	*testing.T
	server  *lookup.Server
	metrics *prometheus.Registry
	now     time.Time
	rate    int32
}

func open(t *testing.T) *register {
	t.Helper()
	index, _, findings := directory.Build(`name,licence,status,sites,alamat
PT Dana Mekar Jaya,KEP-12,licensed,danamekar.example,"Jl. Melati 1, Solo"
Pinjam Kilat,,illegal,,
`, v1alpha1.DirectoryMapping{Shown: []v1alpha1.ShownColumn{{Name: "address", Column: "alamat", Label: v1alpha1.Text{"id": "Alamat", "en": "Address"}}}})
	if index == nil {
		t.Fatal(findings)
	}
	r := &register{T: t, metrics: prometheus.NewRegistry(), now: time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC), rate: 60}
	r.server = lookup.New(lookup.Options{Registerer: r.metrics, Now: func() time.Time { return r.now },
		Directory: func(name string) (*directory.Index, v1alpha1.PublicLookUp, bool) {
			return index, v1alpha1.PublicLookUp{RequestsPerMinute: r.rate}, name == "institutions"
		}})
	return r
}

func (r *register) ask(method, path, from string) *httptest.ResponseRecorder {
	r.Helper()
	q := httptest.NewRequest(method, path, nil)
	q.RemoteAddr = from + ":40000"
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, q)
	return w
}

func (r *register) lookUp(text string) lookup.Answer {
	r.Helper()
	w := r.ask("GET", "/directories/institutions/lookup?q="+url.QueryEscape(text), "203.0.113.7")
	var a lookup.Answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK {
		r.Fatalf("%s: %d %s", text, w.Code, w.Body)
	}
	return a
}

func TestEverybodyMayAskAPublicDirectoryAndIsToldWhatTheBotWouldBe(t *testing.T) {
	r := open(t)
	for text, want := range map[string]directory.Outcome{
		"Dana Mekar Jaya":                       directory.Exact,
		"apakah Dana Mekar Jaya Plus aman kak?": directory.Lookalike,
		"pinjam kilat":                          directory.ListedIllegal,
		"https://danamekar.example/masuk":       directory.Exact,
		"entah apa":                             directory.None,
	} {
		a := r.lookUp(text)
		if a.Outcome != want || a.Why["id"] == "" || a.Why["en"] == "" || (want == directory.None) != (len(a.Entries) == 0) {
			t.Errorf("%s: %+v, want %s", text, a, want)
		}
	}
	if diff := cmp.Diff([]string{"danamekar.example"}, r.lookUp("dana mekar jaya").Entries[0].Sites); diff != "" {
		t.Errorf("the official site (-want +got):\n%s", diff)
	}
	if err := testutil.CollectAndCompare(r.metrics, strings.NewReader(`# HELP loket_public_lookups_total What public directories answered, by outcome.
# TYPE loket_public_lookups_total counter
loket_public_lookups_total{directory="institutions",outcome="exact"} 3
loket_public_lookups_total{directory="institutions",outcome="listed-illegal"} 1
loket_public_lookups_total{directory="institutions",outcome="lookalike"} 1
loket_public_lookups_total{directory="institutions",outcome="none"} 1
`)); err != nil {
		t.Error(err)
	}
	shown := []directory.Fact{{Name: "address", Label: map[string]string{"id": "Alamat", "en": "Address"}, Value: "Jl. Melati 1, Solo"}}
	if diff := cmp.Diff(shown, r.lookUp("dana mekar jaya").Entries[0].Shown); diff != "" {
		t.Errorf("what else the agency shows (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotPublicOrNotAskedRightIsRefusedInPlainWords(t *testing.T) {
	r := open(t)
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/directories/internal/lookup?q=dana", 404, "not-found"},
		{"GET", "/directories/institutions/", 404, "not-found"},
		{"GET", "/directories/institutions/lookup", 400, "bad-request"},
		{"GET", "/directories/institutions/lookup?q=%20", 400, "bad-request"},
		{"GET", "/directories/institutions/lookup?q=" + strings.Repeat("a", 1001), 400, "bad-request"},
		{"POST", "/directories/institutions/lookup?q=dana", 404, "not-found"},
	} {
		w := r.ask(c.method, c.path, "203.0.113.7")
		var out struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != c.status || out.Error.Code != c.code || out.Error.Message == "" {
			t.Errorf("%s %.60s: %d %s, want %d %s", c.method, c.path, w.Code, w.Body, c.status, c.code)
		}
	}
}

func TestAnAddressThatAsksTooOftenWaitsAndTheOthersDoNot(t *testing.T) {
	r := open(t)
	r.rate = 3
	const path = "/directories/institutions/lookup?q=dana"
	codes := func(n int, from string) (all []int) {
		for range n {
			all = append(all, r.ask("GET", path, from).Code)
		}
		return all
	}
	if diff := cmp.Diff([]int{200, 200, 200, 429, 429}, codes(5, "203.0.113.7")); diff != "" {
		t.Errorf("the first address (-want +got):\n%s", diff)
	}
	if got := r.ask("GET", path, "203.0.113.7").Header().Get("Retry-After"); got != "20" {
		t.Errorf("Retry-After is %q, want 20: one more in a third of a minute", got)
	}
	if diff := cmp.Diff([]int{200}, codes(1, "203.0.113.8")); diff != "" {
		t.Errorf("another address (-want +got):\n%s", diff)
	}
	r.now = r.now.Add(20 * time.Second)
	if diff := cmp.Diff([]int{200, 429}, codes(2, "203.0.113.7")); diff != "" {
		t.Errorf("twenty seconds later (-want +got):\n%s", diff)
	}
	r.rate = 60
	if diff := cmp.Diff([]int{200}, codes(1, "203.0.113.7")); diff != "" {
		t.Errorf("once the author allows more (-want +got):\n%s", diff)
	}
}
