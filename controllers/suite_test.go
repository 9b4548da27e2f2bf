package controllers

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/externalscaler"
	"github.com/loket-dev/loket/controllers/signing"
)

// The suite runs the whole operator against a real API server, and against runtimes that keep the real contract of package
// bundle but whose figures and findings the tests decide (runtime_test.go).
var (
	api      client.Client
	operator *operatorRun
	runtimes = newRuntimes()
	clock    = &testClock{}
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		fmt.Fprintln(os.Stderr, "KUBEBUILDER_ASSETS is not set: run `cd hack/cluster && go run . assets` and set it to the folder that is printed")
		return 1
	}
	ctrl.SetLogger(logr.Discard())
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
		// Machines that build at the same time are slow, not broken.
		ControlPlaneStartTimeout: 3 * time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	if err := prepare(env); err != nil {
		fmt.Fprintln(os.Stderr, "preparing the API server:", err)
		return 1
	}
	defer func() { _ = env.Stop() }() // also when the CRDs are refused: the API server runs then
	cluster, err := env.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the API server:", err)
		return 1
	}
	defer runtimes.close()
	options, err := ManagerOptions()
	if err == nil {
		api, err = client.New(cluster, client.Options{Scheme: options.Scheme})
	}
	if err == nil {
		err = grant("operator.yaml", "policy.yaml")
	}
	if err == nil {
		operator, err = startOperator(cluster)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the operator:", err)
		return 1
	}
	defer func() { operator.stop() }()
	return m.Run()
}

// grant gives the operator the rights of config/rbac, and the policy that narrows them: the suite runs with nothing more.
func grant(files ...string) error {
	for _, file := range files {
		body, err := os.ReadFile(filepath.Join("..", "config", "rbac", file))
		if err != nil {
			return err
		}
		for _, document := range strings.Split(string(body), "\n---\n") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if err := api.Create(context.Background(), u); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return nil
}

// operatorRun is one life of the operator.
type operatorRun struct {
	cluster *rest.Config
	cancel  context.CancelFunc
	done    chan error
	keys    *signing.Ring
	writes  *writes
	cache   cache.Cache
	keda    string // where KEDA's external scaler is served
}

func startOperator(cluster *rest.Config) (*operatorRun, error) {
	o := &operatorRun{cluster: cluster, done: make(chan error, 1), writes: &writes{}}
	watched := rest.CopyConfig(cluster)
	watched.QPS, watched.Burst = 500, 500
	watched.Wrap(o.writes.count)
	watched.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:loket-system:loket-operator", Groups: []string{"system:serviceaccounts", "system:authenticated"},
	}
	options, err := ManagerOptions()
	if err != nil {
		return nil, err
	}
	yes := true
	options.Logger = logr.Discard()
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller.SkipNameValidation = &yes // the operator is started again within one process
	mgr, err := ctrl.NewManager(watched, options)
	if err != nil {
		return nil, err
	}
	if o.keys, err = signing.Open(signingDir()); err != nil {
		return nil, err
	}
	err = Setup(mgr, Options{Namespace: "loket-system", Keys: o.keys, Dial: runtimes.dial, Now: clock.now})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.cache, o.keda = mgr.GetCache(), listener.Addr().String()
	scaler, err := externalscaler.New(externalscaler.Options{Listener: listener, Pools: o.cache})
	if err != nil {
		return nil, err
	}
	if err := mgr.Add(scaler); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	go func() { o.done <- mgr.Start(ctx) }()
	return o, nil
}

func (o *operatorRun) stop() {
	o.cancel()
	if err := <-o.done; err != nil {
		panic(err) // a manager that is told to end ends well
	}
}

// restart is a new operator after the old one, which has forgotten everything.
func restart(t *testing.T) {
	t.Helper()
	operator.stop()
	next, err := startOperator(operator.cluster)
	if err != nil {
		t.Fatalf("starting the operator again: %v", err)
	}
	operator = next
}

// writes counts what the operator asks the API server to change.
type writes struct {
	mu   sync.Mutex
	list []string
}

func (w *writes) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
			w.mu.Lock()
			w.list = append(w.list, r.Method+" "+r.URL.Path)
			w.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

func (w *writes) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.list...)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// testClock is the time of day plus what a test has moved it on.
type testClock struct{ offset atomic.Int64 }

func (c *testClock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *testClock) advance(d time.Duration) { c.offset.Add(int64(d)) }

var signingDir = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "loket-signing-")
	if err != nil {
		panic(err)
	}
	writeKey(dir, "k1")
	if err := os.WriteFile(filepath.Join(dir, "current"), []byte("k1\n"), 0o600); err != nil {
		panic(err)
	}
	return dir
})

func writeKey(dir, id string) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	body, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: body})
	if err := os.WriteFile(filepath.Join(dir, id+".key"), file, 0o600); err != nil {
		panic(err)
	}
}

// eventually waits until look returns nil, and fails with its last error.
func eventually(t *testing.T, look func() error) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("still not so: %v\noperator's last writes: %s", err, strings.Join(last(operator.writes.all(), 8), "\n  "))
		case <-tick.C:
		}
	}
}

func last(list []string, n int) []string { return list[max(0, len(list)-n):] }

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		if err := api.Create(t.Context(), o); err != nil {
			t.Fatalf("creating %T %s: %v", o, o.GetName(), err)
		}
	}
}

func update[T client.Object](t *testing.T, o T, change func(T)) {
	t.Helper()
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		change(o)
		return api.Update(t.Context(), o)
	})
}

// namespaceFor makes a namespace for a test, labelled as a tenant's.
func namespaceFor(t *testing.T, labels map[string]string) string {
	t.Helper()
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-", Labels: labels}}
	create(t, n)
	t.Cleanup(func() { // envtest removes no namespaces; without its tenant nothing looks at it any more
		_ = api.DeleteAllOf(context.Background(), &v1alpha1.BotTenant{}, client.InNamespace(n.Name))
	})
	return n.Name
}

var labelled = map[string]string{v1alpha1.TenantLabel: "true"}
