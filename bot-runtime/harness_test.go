package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/engine"
	"github.com/loket-dev/loket/bot-runtime/files"
	"github.com/loket-dev/loket/bot-runtime/store"
	"github.com/loket-dev/loket/bot-runtime/store/postgres"
	"github.com/loket-dev/loket/hack/sim/journal"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// patience bounds what a test waits for; nothing is asserted of how long it takes.
const patience = 60 * time.Second

const sample = "../config/samples/kontak157"

// town is everything around a pod: Meta, the mounted files, the operator's key. A pod can be started in it, ended, and
// started again on the same data.
type town struct {
	testing.TB
	dir      string
	public   string
	internal string
	platform *platform.Platform
	graph    *httptest.Server
	journal  *journal.Journal
	boot     bundle.Boot
	key      ed25519.PrivateKey
	hash     string // of the bundle that was put last
	// database is the URI of a PostgreSQL; SQLite in data when empty.
	database string
	// data is the folder of the SQLite file; dir when empty.
	data string
	// timing of the pods' senders; impatient when zero.
	timing engine.Timing
}

func newTown(t testing.TB, faults platform.Faults) *town {
	return newTownWith(t, faults, 0, 20*time.Millisecond)
}

// newTownWith has further numbers of the account beside the sample's (see countingOn), and a platform that tells of what it
// took so much later.
func newTownWith(t testing.TB, faults platform.Faults, numbers int, statuses time.Duration) *town {
	t.Helper()
	w := &town{TB: t, dir: t.TempDir(), public: freeAddress(t), internal: freeAddress(t)}
	var err error
	if w.journal, err = journal.Open(filepath.Join(w.dir, "journal.jsonl")); err != nil {
		t.Fatal(err)
	}
	folder := files.Load(sample)
	if len(folder.Problems) > 0 {
		t.Fatalf("the sample: %v", folder.Problems)
	}
	objects, secrets := folder.Objects, folder.Secrets
	d := dev{data: w.dir, password: "of-the-test"}
	if err := d.keepSecrets(objects, secrets); err != nil {
		t.Fatal(err)
	}
	account := platform.Account{DisplayNumber: "6281100000157", Templates: approved, Webhook: "http://" + w.public + "/hooks/wa", More: more(numbers, w.public)}
	for _, c := range objects.Channels {
		if c.Spec.WhatsApp != nil {
			secret := secrets[string(c.Spec.WhatsApp.SecretName)]
			account.PhoneNumberID, account.BusinessAccountID = c.Spec.WhatsApp.PhoneNumberID, c.Spec.WhatsApp.BusinessAccountID
			account.AccessToken, account.AppSecret, account.VerifyToken = string(secret["accessToken"]), string(secret["appSecret"]), string(secret["verifyToken"])
		}
	}
	w.platform = platform.New(platform.Options{Account: account, Journal: w.journal, Faults: faults, Seed: 157,
		StatusDelay: statuses, RetryAfter: 20 * time.Millisecond, Client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}})
	w.graph = httptest.NewServer(w.platform)
	t.Cleanup(func() {
		w.platform.Close()
		w.graph.Close()
		if err := w.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	port := portOf(t, w.graph.URL)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.key = private
	w.boot = bundle.Boot{TenantUID: "uid-ojk", Namespace: "ojk", Tenant: "ojk", Keys: map[string][]byte{"k1": public},
		WhatsAppAPI: w.graph.URL + "/v26.0", Egress: []bundle.EgressRule{{CIDR: netip.MustParsePrefix("127.0.0.1/32").String(), Ports: []int32{port}}}}
	return w
}

// freeAddress is one that nobody listens on, and that the kernel gives to no connection of other tests: a port below its range for
// those, each once in this process.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+(uint32(os.Getpid())*64+addresses.Add(1))%12_000)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return ""
}

var addresses atomic.Uint32

func portOf(t testing.TB, address string) int32 {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(u.Port(), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// pod is a pod of the town, not yet running. Its senders are impatient, so that a test which kills them need not wait for
// minutes; the simulator tells of what it took within a second.
func (w *town) pod(name string) *pod {
	if err := os.MkdirAll(filepath.Join(w.dir, "memory-"+name), 0o700); err != nil {
		panic(err) // also in a child, which has no test
	}
	return &pod{
		roles: engine.Roles{Bot: true, Desk: true}, name: name, boot: func() bundle.Boot { return w.boot }, steppers: 1, open: w.open,
		memory:      filepath.Join(w.dir, "memory-"+name),
		channelsDir: filepath.Join(w.dir, "channels"), callsDir: filepath.Join(w.dir, "calls"), agentsDir: filepath.Join(w.dir, "agents"),
		timing: cmp.Or(w.timing, engine.Timing{Lease: 4 * time.Second, Call: 2 * time.Second, UnknownWait: 2 * time.Second, UnknownQuiet: 4 * time.Second}),
		log:    logr.Discard(),
	}
}

// file is the SQLite store.
func (w *town) file() string { return filepath.Join(cmp.Or(w.data, w.dir), databaseFile) }

func (w *town) open(ctx context.Context) (store.Store, error) {
	if w.database == "" {
		return openEmbedded(ctx, w.file())
	}
	credentials, err := postgres.FromSecret(map[string]string{"uri": w.database})
	if err != nil {
		return nil, err
	}
	s, err := postgres.Open(credentials)
	if err != nil {
		return nil, err
	}
	return migrated(ctx, s)
}

// start runs a pod; end drains it as SIGTERM does, and returns when it is gone.
func (w *town) start(change func(*pod)) (end func()) {
	w.Helper()
	p := w.pod("bot-0")
	if change != nil {
		change(p)
	}
	public, err := net.Listen("tcp", w.public)
	if err != nil {
		w.Fatal(err)
	}
	internal, err := net.Listen("tcp", w.internal)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx, public, internal) }()
	var once sync.Once
	end = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.Errorf("the pod ended: %v", err)
			}
		})
	}
	w.Cleanup(end)
	return end
}

// apply puts objects as the operator does, and waits until they are judged and served.
func (w *town) apply(objects bundle.Objects) {
	w.Helper()
	e := bundle.Wrap(bundle.From(objects))
	body, err := json.Marshal(e)
	if err != nil {
		w.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil {
		w.Fatal(err)
	}
	if err := z.Close(); err != nil {
		w.Fatal(err)
	}
	w.until("the bundle is taken", func() bool {
		r, err := http.NewRequest(http.MethodPut, "http://"+w.internal+bundle.PathBundle, bytes.NewReader(packed.Bytes()))
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("If-Match", strconv.Quote(w.hash))
		if err := bundle.Sign(r, packed.Bytes(), w.boot.TenantUID, "k1", w.key, time.Now()); err != nil {
			w.Fatal(err)
		}
		code, _ := w.do(r)
		return code == http.StatusAccepted
	})
	w.hash = e.Hash
	w.until("the bundle serves", func() bool { return w.status().Applied == e.Hash })
	w.until("the pod is ready", func() bool { return w.ready() == http.StatusOK })
}

func (w *town) status() bundle.Status {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.internal+bundle.PathStatus, nil)
	if err != nil {
		w.Fatal(err)
	}
	if err := bundle.Sign(r, nil, w.boot.TenantUID, "k1", w.key, time.Now()); err != nil {
		w.Fatal(err)
	}
	var s bundle.Status
	if code, body := w.do(r); code == http.StatusOK {
		if err := json.Unmarshal(body, &s); err != nil {
			w.Fatal(err)
		}
	}
	return s
}

func (w *town) ready() int {
	r, err := http.NewRequest(http.MethodGet, "http://"+w.internal+"/readyz", nil)
	if err != nil {
		w.Fatal(err)
	}
	code, _ := w.do(r)
	return code
}

// do makes a call of its own connection; 0 when there is no answer.
func (w *town) do(r *http.Request) (int, []byte) {
	w.Helper()
	r.Close = true
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, body
}

// metric is the sum of a metric over its labels.
func (w *town) metric(name string) float64 {
	w.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+w.internal+"/metrics", nil)
	if err != nil {
		w.Fatal(err)
	}
	_, body := w.do(r)
	sum := 0.0
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (\S+)$`).FindAllSubmatch(body, -1) {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			w.Fatal(err)
		}
		sum += v
	}
	return sum
}

func (w *town) until(what string, holds func() bool) {
	w.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

// sampleObjects are kontak157's.
func sampleObjects(t testing.TB) bundle.Objects {
	t.Helper()
	folder := files.Load(sample)
	if len(folder.Problems) > 0 {
		t.Fatalf("the sample: %v", folder.Problems)
	}
	return folder.Objects
}

// countingObjects are the sample's tenant and channels, with a flow that answers the text n with "n:count".
func countingObjects(t testing.TB) bundle.Objects {
	t.Helper()
	objects := sampleObjects(t)
	flow := v1alpha1.DialogFlow{Spec: v1alpha1.DialogFlowSpec{
		Languages: []v1alpha1.Language{"id"}, Start: "count",
		Variables: []v1alpha1.VariableDeclaration{{Name: "n", Type: "number"}, {Name: "said", Type: "string"}, {Name: "typed", Type: "string"}},
		Nodes: []v1alpha1.Node{
			{Name: "count", Next: "answer", Set: &v1alpha1.Set{Variables: []v1alpha1.Assignment{
				{Name: "n", Value: "n + 1.0"}, {Name: "said", Value: "input.text"}}}},
			{Name: "answer", Next: "count", Ask: &v1alpha1.Ask{As: "typed", Type: "text", Text: v1alpha1.Text{"id": "{{ said }}:{{ n }}"}}},
		},
	}}
	flow.Name = "count"
	objects.Flows = []v1alpha1.DialogFlow{flow}
	for i := range objects.Channels {
		objects.Channels[i].Spec.Flow = "count"
	}
	return objects
}

// hears waits until something with a text reaches a citizen after the first n messages, and returns how many there are now.
func hears(t testing.TB, c *platform.Citizen, n int, want string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for seen := n; ; {
		got, err := c.Messages(ctx, seen)
		if err != nil {
			all, _ := c.Messages(context.Background(), 0)
			t.Fatalf("%s waits for %q: %v; so far: %s", c.Name, want, err, describe(all))
		}
		for i, m := range got {
			if strings.Contains(strings.ToLower(m.Text), strings.ToLower(want)) {
				return seen + i + 1
			}
		}
		seen += len(got)
	}
}

func describe(all []platform.Received) string {
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "%q ", m.Text)
	}
	return b.String()
}

func say(t testing.TB, c *platform.Citizen, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Say(ctx, text); err != nil {
		t.Fatal(err)
	}
}

// records reads the journal.
func (w *town) records() []journal.Record {
	w.Helper()
	f, err := os.Open(filepath.Join(w.dir, "journal.jsonl"))
	if err != nil {
		w.Fatal(err)
	}
	defer f.Close()
	all, err := journal.Read(f)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// child is a pod in a process of its own, which a test can kill.
type child struct {
	Name, Dir, Data, Public, Internal, Database string
	Boot                                        bundle.Boot
	Timing                                      engine.Timing

	town    *town
	program string // another test binary of this package; this one when empty
	cmd     *exec.Cmd
}

// childEnv makes the test's program a pod: its value is a child as JSON.
const childEnv = "LOKET_TEST_POD"

// child makes a pod at these addresses, not yet running.
func (w *town) child(name, public, internal string) *child {
	return &child{Name: name, Dir: w.dir, Data: w.data, Public: public, Internal: internal, Database: w.database, Boot: w.boot, Timing: w.timing, town: w}
}

func (c *child) start() {
	if err := c.launch(); err != nil {
		c.town.Fatal(err)
	}
}

// launch is start for who is not the test's own goroutine.
func (c *child) launch() error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	program := c.program
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	c.cmd = exec.Command(program)
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c.cmd.Start()
}

func (c *child) kill() {
	if err := c.cmd.Process.Kill(); err != nil {
		c.town.Error(err)
	}
	_ = c.cmd.Wait() // killed, as it should be
}

// serveChild is the whole life of a child.
func serveChild(raw string) error {
	var c child
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		return err
	}
	public, err := net.Listen("tcp", c.Public)
	if err != nil {
		return err
	}
	internal, err := net.Listen("tcp", c.Internal)
	if err != nil {
		return err
	}
	w := &town{dir: c.Dir, data: c.Data, timing: c.Timing, boot: c.Boot, database: c.Database}
	return w.pod(c.Name).run(context.Background(), public, internal)
}

// balance listens where webhooks come to, and gives them to pods in turn, as a Service does: to whoever answers.
func (w *town) balance(pods ...*child) {
	w.Helper()
	l, err := net.Listen("tcp", w.public)
	if err != nil {
		w.Fatal(err)
	}
	var turn atomic.Int64
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			return
		}
		to := pods[int(turn.Add(1))%len(pods)]
		r, err := http.NewRequest(in.Method, "http://"+to.Public+in.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			return
		}
		r.Header = in.Header.Clone()
		res, err := client.Do(r)
		if err != nil {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		out.WriteHeader(res.StatusCode)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }() // ends with Close
	w.Cleanup(func() { _ = server.Close(); <-done })
}
