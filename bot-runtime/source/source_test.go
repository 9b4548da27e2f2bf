package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/outbound"
)

// fetcherFor reaches a server of the test, and nothing else: the guard is the runtime's own.
func fetcherFor(t *testing.T, server *httptest.Server) *Fetcher {
	t.Helper()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if server.Certificate() != nil {
		roots.AddCert(server.Certificate())
	}
	return &Fetcher{SecretsDir: t.TempDir(), Client: func(maxBytes int64, timeout time.Duration) *outbound.Client {
		return outbound.New(outbound.Options{RootCAs: roots, MaxBytes: maxBytes, Timeout: timeout,
			Allow: []outbound.Rule{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Ports: []uint16{uint16(port)}}}})
	}}
}

func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *Fetcher) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server, fetcherFor(t, server)
}

func zipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.Bytes()
}

const list = "name,status,sites\nPT Dana Sekar,licensed,danasekar.example;app.danasekar.example\nEmas Berlipat,illegal,\n"

func TestAListIsFetchedHoweverItIsWritten(t *testing.T) {
	objects := `{"name":"PT Dana Sekar","status":"licensed","sites":["danasekar.example","app.danasekar.example"],"more":{"x":[1]},"since":2019,"addresses":["Jl. Melati 1","Jl. Mawar 2"]}`
	illegal := `{"status":"illegal","name":"Emas Berlipat"}`
	for what, c := range map[string]struct {
		format v1alpha1.RowFormat
		answer func(http.ResponseWriter)
	}{
		"CSV":                        {"", func(w http.ResponseWriter) { _, _ = w.Write([]byte(list)) }},
		"CSV with a byte order mark": {"csv", func(w http.ResponseWriter) { _, _ = w.Write([]byte("\uFEFF" + list)) }},
		"a compressed file":          {"csv", func(w http.ResponseWriter) { _, _ = w.Write(zipped(list)) }},
		"compressed on its way": {"csv", func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(zipped(list))
		}},
		"JSON":             {"json", func(w http.ResponseWriter) { _, _ = w.Write([]byte(" [" + objects + ",\n" + illegal + "] ")) }},
		"an object a line": {"ndjson", func(w http.ResponseWriter) { _, _ = w.Write([]byte(objects + "\n" + illegal + "\n")) }},
	} {
		t.Run(what, func(t *testing.T) {
			server, f := serve(t, func(w http.ResponseWriter, _ *http.Request) { c.answer(w) })
			got, err := f.overHTTP(t.Context(), v1alpha1.HTTPSource{URL: server.URL + "/list", Format: c.format}, Validators{})
			if err != nil {
				t.Fatal(err)
			}
			mapping := v1alpha1.DirectoryMapping{}
			if c.format != "" && c.format != v1alpha1.FormatCSV {
				mapping.Shown = []v1alpha1.ShownColumn{{Name: "since"}, {Name: "offices", Column: "addresses"}}
			}
			index, rejected, findings := directory.Build(got.Rows, mapping)
			if index == nil || index.Entries() != 2 || rejected != 0 {
				t.Fatalf("%v of %q", findings, got.Rows)
			}
			if a := index.Ask("https://app.danasekar.example"); a.Outcome != directory.Exact || a.Entries[0].Name != "PT Dana Sekar" {
				t.Errorf("its site gives %+v", a)
			}
			if len(mapping.Shown) > 0 {
				want := []directory.Fact{{Name: "since", Value: "2019"}, {Name: "offices", Value: "Jl. Melati 1;Jl. Mawar 2"}}
				if diff := cmp.Diff(want, index.Ask("dana sekar").Entries[0].Shown); diff != "" {
					t.Errorf("what is shown (-want +got):\n%s", diff)
				}
			}
			if a := index.Ask("emas berlipat"); a.Outcome != directory.ListedIllegal {
				t.Errorf("the warning list gives %+v", a)
			}
		})
	}
}

func TestAListThatHasNotChangedIsNotSentAgain(t *testing.T) {
	sent := 0
	server, f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Tue, 24 Nov 2026 03:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") == "Tue, 24 Nov 2026 03:00:00 GMT" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		_, _ = w.Write([]byte(list))
	})
	s := v1alpha1.HTTPSource{URL: server.URL}
	first, err := f.overHTTP(t.Context(), s, Validators{})
	if err != nil || first.Same {
		t.Fatal(first, err)
	}
	again, err := f.overHTTP(t.Context(), s, first.Validators)
	if err != nil || !again.Same || again.Validators != first.Validators || sent != 1 {
		t.Errorf("%+v, %v, sent %d times", again, err, sent)
	}
}

func TestWhatWillNotDoIsSaidWithTheMend(t *testing.T) {
	for what, c := range map[string]struct {
		format v1alpha1.RowFormat
		body   string
		status int
		says   string
	}{
		"not there":            {"csv", "", 404, "answered 404 Not Found"},
		"too large":            {"csv", strings.Repeat("x", 1<<20+1), 200, "raise source.http.maxMegabytes"},
		"a bomb":               {"csv", string(zipped(strings.Repeat("x", 1<<20+1))), 200, "raise source.http.maxMegabytes"},
		"broken gzip":          {"csv", string(zipped(list))[:30], 200, "broken or cut off"},
		"an object for a list": {"json", `{"rows":[]}`, 200, "not a JSON array of objects"},
		"a list cut off":       {"json", `[{"name":"X"},`, 200, "cut off"},
		"texts for objects":    {"json", `["X"]`, 200, "object 1 is not a JSON object: it is string"},
		"more behind it":       {"json", `[] x`, 200, "something stands behind"},
		"a broken line":        {"ndjson", "{\"name\":\"X\"}\n{\"name\n", 200, "object 2"},
		"another alphabet":     {"csv", "name\n\xff\xfe\n", 200, "not UTF-8"},
	} {
		t.Run(what, func(t *testing.T) {
			server, f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			_, err := f.overHTTP(t.Context(), v1alpha1.HTTPSource{URL: server.URL + "/secret-path?token=t0k3n", Format: c.format, Fetching: v1alpha1.Fetching{MaxMegabytes: 1}}, Validators{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
			if strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), "t0k3n") {
				t.Errorf("the error tells the URL: %v", err)
			}
		})
	}
}

func TestACredentialGoesOnlyWhereItsSecretSays(t *testing.T) {
	var heard []string
	var away string
	server, f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		heard = append(heard, r.Host+r.URL.Path+" "+r.Header.Get("Authorization"))
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, away, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(list))
	})
	other, _ := url.Parse(server.URL)
	away = "https://localhost:" + other.Port() + "/elsewhere"
	secret := filepath.Join(f.SecretsDir, "call-register")
	write := func(key, value string) {
		if err := os.MkdirAll(secret, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(secret, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := v1alpha1.HTTPSource{URL: server.URL + "/list", SecretName: "call-register"}
	fails := func(what, says string) {
		t.Helper()
		_, err := f.overHTTP(t.Context(), s, Validators{})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	fails("no Secret", "has no key authorization")
	write("authorization", "Bearer s3cret\n")
	fails("no hosts", "its key hosts does not name it")
	write("hosts", "register.example\n")
	fails("another host", "its key hosts does not name it")
	if len(heard) != 0 {
		t.Fatalf("something was asked: %q", heard)
	}
	write("hosts", "register.example\n127.0.0.1\n")
	if _, err := f.overHTTP(t.Context(), s, Validators{}); err != nil || heard[0] != other.Host+"/list Bearer s3cret" {
		t.Errorf("%v, %q", err, heard)
	}
	heard = nil
	s.URL = server.URL + "/moved"
	_, _ = f.overHTTP(t.Context(), s, Validators{}) // the certificate is for 127.0.0.1 and example.com: it may end there
	for _, h := range heard[1:] {
		if strings.Contains(h, "s3cret") {
			t.Errorf("it went along to %q", h)
		}
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	s.URL = plain.URL
	fails("plain http", "over https alone")
}

func TestAPrivateAddressIsNotAsked(t *testing.T) {
	f := &Fetcher{Client: func(maxBytes int64, timeout time.Duration) *outbound.Client {
		return outbound.New(outbound.Options{MaxBytes: maxBytes, Timeout: timeout})
	}}
	for _, u := range []string{"https://127.0.0.1/list", "https://169.254.169.254/latest/meta-data", "http://10.0.0.1/"} {
		if _, err := f.overHTTP(context.Background(), v1alpha1.HTTPSource{URL: u}, Validators{}); err == nil || !strings.Contains(err.Error(), "must not be called") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func rowsOf(n int, mark string) string {
	var b strings.Builder
	b.WriteString("name,status\n")
	for i := range n {
		fmt.Fprintf(&b, "PT %s Sekar %d,licensed\n", mark, i)
	}
	return b.String()
}

func TestWhatFollowsFromATry(t *testing.T) {
	d := v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{HTTP: &v1alpha1.HTTPSource{URL: "https://register.example/list"}}}
	hundred := rowsOf(100, "Dana")
	serving := Next(d, State{}, Fetched{Rows: hundred, Validators: Validators{ETag: "1"}}, nil)
	if serving.Rows == nil || !serving.Tell || serving.State.Entries != 100 || serving.State.ETag != "1" || serving.State.Hash != Hash(hundred) {
		t.Fatalf("the first list: %+v", serving.State)
	}
	before := serving.State

	same := Next(d, before, Fetched{Same: true}, nil)
	if same.Tell || same.Rows != nil || same.State != before {
		t.Errorf("nothing new: %+v", same)
	}
	if again := Next(d, before, Fetched{Rows: hundred, Validators: Validators{ETag: "2"}}, nil); again.Tell || again.Rows != nil || again.State.ETag != "2" {
		t.Errorf("the same list by another server: %+v", again)
	}
	failed := Next(d, before, Fetched{}, fmt.Errorf("register.example answered 503 Service Unavailable"))
	if failed.Rows != nil || !failed.Tell || failed.State.Hash != before.Hash || len(Findings(d.Source, failed.State)) != 1 {
		t.Errorf("a failure: %+v", failed)
	}
	if still := Next(d, failed.State, Fetched{}, fmt.Errorf("register.example answered 503 Service Unavailable")); still.Tell {
		t.Error("the same failure is told again")
	}
	if mended := Next(d, failed.State, Fetched{Same: true}, nil); !mended.Tell || len(Findings(d.Source, mended.State)) != 0 {
		t.Errorf("mended: %+v", mended)
	}
	if broken := Next(d, before, Fetched{Rows: "nama,izin\nX,1\n"}, nil); broken.Rows != nil || !strings.Contains(broken.State.Failing, "set mapping") {
		t.Errorf("a list without its columns: %+v", broken.State)
	}
	if little := Next(d, before, Fetched{Rows: rowsOf(80, "Dana")}, nil); little.Rows == nil || little.State.Entries != 80 {
		t.Errorf("a fifth less: %+v", little.State)
	}

	few := rowsOf(79, "Dana")
	held := Next(d, before, Fetched{Rows: few, Validators: Validators{ETag: "3"}}, nil)
	if held.Rows != nil || held.State.Held == nil || held.State.Hash != before.Hash || held.State.ETag != "" || !held.Tell {
		t.Fatalf("a sudden drop: %+v", held.State)
	}
	told := Findings(d.Source, held.State)
	if len(told) != 1 || !told[0].Advice || !strings.Contains(told[0].Message, "79 entries, the one that serves 100") || !strings.Contains(told[0].Message, Hash(few)) {
		t.Errorf("%+v", told)
	}
	if still := Next(d, held.State, Fetched{Rows: few}, nil); still.Tell || still.State.Held == nil {
		t.Errorf("still held: %+v", still)
	}
	d.Source.HTTP.Accept = Hash(few)
	if taken := Next(d, held.State, Fetched{Rows: few}, nil); taken.Rows == nil || taken.State.Held != nil || taken.State.Entries != 79 {
		t.Errorf("accepted: %+v", taken.State)
	}
	d.Source.HTTP.Accept, d.Source.HTTP.LargestDropPercent = "", 100
	if taken := Next(d, before, Fetched{Rows: rowsOf(1, "Dana")}, nil); taken.Rows == nil {
		t.Errorf("a source that may drop: %+v", taken.State)
	}
}

func TestAnotherWishIsAskedForAtOnce(t *testing.T) {
	d := v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{HTTP: &v1alpha1.HTTPSource{URL: "https://register.example/list"}}}
	wish, origin := Wish(d)
	d.Source.HTTP = d.Source.HTTP.DeepCopy()
	d.Source.HTTP.Accept = Hash("x")
	accepted, same := Wish(d)
	d.Source.HTTP.URL += "2"
	elsewhere, another := Wish(d)
	pg := v1alpha1.DirectorySpec{Source: v1alpha1.DirectorySource{Postgres: &v1alpha1.PostgresSource{SecretName: "call-register", Relation: "things"}}}
	_, all := Wish(pg)
	pg.Source.Postgres = pg.Source.Postgres.DeepCopy()
	pg.Source.Postgres.Where = []v1alpha1.RowCondition{{Column: "sector", In: []string{"bank"}}}
	if _, some := Wish(pg); all == some { // fewer rows are no sudden drop then
		t.Error("the rows of another condition are compared with all")
	}
	if wish == accepted || origin != same || accepted == elsewhere || origin == another {
		t.Errorf("%s %s, %s %s, %s %s", wish, origin, accepted, same, elsewhere, another)
	}
}

func FuzzRows(f *testing.F) {
	for _, s := range []string{list, `[{"name":"X","status":"licensed"}]`, "{\"name\":\"X\"}\n{}", `[{"a":[[1,{"b":2}],null,true]}]`, "[", `[{"":""}]`, "\x1f\x8b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []v1alpha1.RowFormat{"csv", "json", "ndjson"} {
			rows, err := CSV(format, []byte(s))
			if err != nil {
				continue
			}
			again, err := CSV(format, []byte(s))
			if err != nil || again != rows {
				t.Fatalf("%q and %q, %v", rows, again, err)
			}
			directory.Build(rows, v1alpha1.DirectoryMapping{})
		}
		_, _ = unzipped([]byte(s), 1<<16)
	})
}
