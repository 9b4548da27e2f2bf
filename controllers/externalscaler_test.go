package controllers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/externalscaler"
	"github.com/loket-dev/loket/controllers/externalscaler/wire"
)

func external(p *v1alpha1.AgentPool) { p.Spec.Workers.Mode = v1alpha1.WorkersExternal }

// keda calls as KEDA does.
func keda(t *testing.T, address string, transport credentials.TransportCredentials) wire.ExternalScalerClient {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return wire.NewExternalScalerClient(connection)
}

// trigger is what a ScaledObject of a namespace asks with.
func trigger(namespace, pool string) *wire.ScaledObjectRef {
	return &wire.ScaledObjectRef{Namespace: namespace, Name: "chats",
		ScalerMetadata: map[string]string{"scalerAddress": "loket-operator-keda.loket-system:8082", "pool": pool}}
}

// workers is the metric's value.
func workers(ctx context.Context, k wire.ExternalScalerClient, ref *wire.ScaledObjectRef) (float64, error) {
	answer, err := k.GetMetrics(ctx, &wire.GetMetricsRequest{ScaledObjectRef: ref, MetricName: "workers"})
	if err != nil {
		return 0, err
	}
	if len(answer.MetricValues) != 1 || answer.MetricValues[0].MetricName != "workers" ||
		float64(answer.MetricValues[0].MetricValue) != answer.MetricValues[0].MetricValueFloat {
		return 0, fmt.Errorf("the answer is %v", answer)
	}
	return answer.MetricValues[0].MetricValueFloat, nil
}

func wants(t *testing.T, k wire.ExternalScalerClient, ref *wire.ScaledObjectRef, number float64) {
	t.Helper()
	eventually(t, func() error {
		if n, err := workers(t.Context(), k, ref); err != nil || n != number {
			return fmt.Errorf("%v workers are wanted, %w", n, err)
		}
		return nil
	})
}

func TestKEDAIsToldHowManyWorkersDemandCallsForAndItsNumberIsObeyed(t *testing.T) {
	ns, pods, ap := counter(t, external)
	k, ref := keda(t, operator.keda, insecure.NewCredentials()), trigger(ns, ap.Name)
	spec, err := k.GetMetricSpec(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if m := spec.MetricSpecs; len(m) != 1 || m[0].MetricName != "workers" || m[0].TargetSize != 1 || m[0].TargetSizeFloat != 1 {
		t.Errorf("the metric is %v", m)
	}
	pods.backlog("contact-centre", 42, 180)
	wants(t, k, ref, 4)
	if active, err := k.IsActive(t.Context(), ref); err != nil || !active.Result {
		t.Errorf("active %v, %v", active, err)
	}
	if d := asked(t, ns); d != 1 {
		t.Errorf("%d workers, although nobody has asked for another", d)
	}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
	if err := api.SubResource("scale").Update(t.Context(), ap, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	replicas(t, ns, desk, 4)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if want := "spec.workers.replicas = 4; by demand 4: waiting 42 + active 180 over 60 a worker = 4"; ap.Status.Why != want {
			return fmt.Errorf("why is %q", ap.Status.Why)
		}
		return nil
	})
	wants(t, k, ref, 4)
	// Where Loket decides again nobody is advised, and nothing is written that nobody reads.
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Mode = v1alpha1.WorkersAuto })
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if ap.Status.WorkersWanted != nil {
			return fmt.Errorf("%d are still wanted", *ap.Status.WorkersWanted)
		}
		return nil
	})
}

func TestFiguresThatAreMissingNeverMakeKEDATakeAWorkerAway(t *testing.T) {
	ns, pods, ap := counter(t, external)
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Replicas = new(int32(4)) })
	k, ref := keda(t, operator.keda, insecure.NewCredentials()), trigger(ns, ap.Name)
	pods.backlog("contact-centre", 0, 240)
	replicas(t, ns, desk, 4)
	wants(t, k, ref, 4)
	pods.silence()
	clock.advance(30 * time.Minute)
	eventually(t, func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if n, err := workers(t.Context(), k, ref); err != nil || n < 4 {
			t.Fatalf("%v are wanted, %v", n, err)
		}
		if want := "by demand 4: no fresh figures from the runtime: workers stay at 4"; !strings.Contains(ap.Status.Why, want) {
			return fmt.Errorf("why is %q", ap.Status.Why)
		}
		return nil
	})
	// A new operator that has heard nothing yet is as careful.
	restart(t)
	k = keda(t, operator.keda, insecure.NewCredentials())
	wants(t, k, ref, 4)
}

func TestATriggerThatCannotBeAnsweredIsToldWhatToMend(t *testing.T) {
	ns, _, ap := counter(t, nil)
	other, _, theirs := counter(t, external)
	k := keda(t, operator.keda, insecure.NewCredentials())
	wants(t, k, trigger(other, theirs.Name), 1)
	none := trigger(ns, "")
	delete(none.ScalerMetadata, "pool")
	for name, c := range map[string]struct {
		ref  *wire.ScaledObjectRef
		code codes.Code
		says string
	}{
		"no pool":                     {none, codes.InvalidArgument, "pool is missing; set it to the name of an AgentPool of namespace " + ns},
		"a pool that is not there":    {trigger(ns, "counter"), codes.NotFound, `no AgentPool "counter" in namespace ` + ns},
		"another namespace's pool":    {trigger(namespaceFor(t, labelled), theirs.Name), codes.NotFound, "no AgentPool"},
		"a path to another namespace": {trigger(ns, other+"/"+theirs.Name), codes.NotFound, "no AgentPool"},
		"a pool that decides itself":  {trigger(ns, ap.Name), codes.FailedPrecondition, "set it to external, or delete ScaledObject chats"},
		"no namespace":                {trigger("", theirs.Name), codes.InvalidArgument, "namespace is empty"},
		"nothing":                     {nil, codes.InvalidArgument, "namespace is empty"},
	} {
		_, specErr := k.GetMetricSpec(t.Context(), c.ref)
		_, activeErr := k.IsActive(t.Context(), c.ref)
		_, metricErr := workers(t.Context(), k, c.ref)
		for _, err := range []error{specErr, activeErr, metricErr} {
			if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	_, err := k.GetMetrics(t.Context(), &wire.GetMetricsRequest{ScaledObjectRef: trigger(other, theirs.Name), MetricName: "conversations"})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), `the one metric is "workers"`) {
		t.Errorf("another metric: %v", err)
	}
	// A suspended tenant's workers are no matter of demand.
	bt := &v1alpha1.BotTenant{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "ojk"}}
	update(t, bt, func(b *v1alpha1.BotTenant) { b.Spec.Suspend = true })
	eventually(t, func() error {
		if _, err := workers(t.Context(), k, trigger(other, theirs.Name)); status.Code(err) != codes.Unavailable {
			return fmt.Errorf("a suspended tenant's pool: %w", err)
		}
		return nil
	})
}

func TestTheFirstConversationIsPushedToKEDAWhileThePoolRests(t *testing.T) {
	shut := v1alpha1.Day(clock.now().Add(3 * 24 * time.Hour).Format("Mon"))
	ns, pods, ap := counter(t, func(p *v1alpha1.AgentPool) {
		external(p)
		p.Spec.Hours = []v1alpha1.Hours{{Days: []v1alpha1.Day{shut}, From: "08:00", To: "08:10"}}
		p.Spec.Workers.ZeroOutsideHours = true
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := keda(t, operator.keda, insecure.NewCredentials()).StreamIsActive(ctx, trigger(ns, ap.Name))
	if err != nil {
		t.Fatal(err)
	}
	pushed := make(chan bool)
	go func() {
		defer close(pushed)
		for {
			answer, err := stream.Recv()
			if err != nil {
				return
			}
			pushed <- answer.Result
		}
	}()
	next := func(active bool) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			select {
			case got, ok := <-pushed:
				if !ok || got != active {
					t.Fatalf("pushed %t, %t", got, ok)
				}
				return
			case <-deadline:
				t.Fatalf("never pushed %t", active)
			case <-time.After(100 * time.Millisecond):
				if !active { // time must pass until nobody is there for sure
					second(t, pods, 20*time.Second, 0)
				}
			}
		}
	}
	next(true) // somebody may come back within the first quiet minutes
	next(false)
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Replicas = new(int32(0)) })
	replicas(t, ns, desk, 0)
	since := time.Now()
	pods.set(func(k *testRuntime) {
		p := k.pool("contact-centre")
		p.WaitingForWorker, p.Arrived = 1, p.Arrived+1
	})
	next(true)
	t.Logf("pushed %s after the first conversation", time.Since(since).Round(time.Millisecond))
}

func TestTheSampleOfAScaledObjectIsAnswered(t *testing.T) {
	body, err := os.ReadFile("../config/samples/keda/scaledobject.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, object, _ := strings.Cut(string(body), "apiVersion"); !strings.Contains(string(page), "apiVersion"+object) {
		t.Error("docs/operate.md has another sample")
	}
	var sample struct {
		Spec struct {
			ScaleTargetRef struct{ APIVersion, Kind, Name string }
			Triggers       []struct {
				Type     string
				Metadata map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(body, &sample); err != nil {
		t.Fatal(err)
	}
	ns, _, ap := counter(t, external)
	if r := sample.Spec.ScaleTargetRef; r.APIVersion != v1alpha1.GroupVersion.String() || r.Kind != "AgentPool" || r.Name != ap.Name {
		t.Errorf("it scales %v", r)
	}
	ref := &wire.ScaledObjectRef{Namespace: ns, ScalerMetadata: sample.Spec.Triggers[0].Metadata}
	wants(t, keda(t, operator.keda, insecure.NewCredentials()), ref, 1)
}

func TestAPoolThatMayNotRestIsNotScaledToZero(t *testing.T) {
	_, _, ap := counter(t, external)
	err := api.SubResource("scale").Update(t.Context(), ap, client.WithSubResourceBody(&autoscalingv1.Scale{}))
	if err == nil || !strings.Contains(err.Error(), "replicas may be 0 only with zeroOutsideHours") {
		t.Errorf("scaled to zero: %v", err)
	}
}

// scaler is another server over the operator's cache, which ends with the test at the latest.
func scaler(t *testing.T, o externalscaler.Options) (address string, end func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Listener, o.Pools = listener, operator.cache
	server, err := externalscaler.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Start(ctx) }()
	end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(end)
	return listener.Addr().String(), end
}

func TestAStreamEndsWellWithItsOperator(t *testing.T) {
	ns, _, ap := counter(t, external)
	address, end := scaler(t, externalscaler.Options{})
	k := keda(t, address, insecure.NewCredentials())
	wants(t, k, trigger(ns, ap.Name), 1)
	stream, err := k.StreamIsActive(t.Context(), trigger(ns, ap.Name))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || !answer.Result {
		t.Fatalf("%v, %v", answer, err)
	}
	end()
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v: KEDA takes only a good end for a reason to come back soon", err)
	}
}

func TestWithoutALeaderNothingIsAnswered(t *testing.T) {
	ns, _, ap := counter(t, external)
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "leader"}}
	create(t, lease)
	address, _ := scaler(t, externalscaler.Options{Lease: types.NamespacedName{Namespace: ns, Name: "leader"}, Live: api})
	k, ref := keda(t, address, insecure.NewCredentials()), trigger(ns, ap.Name)
	_, err := workers(t.Context(), k, ref)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "no operator has renewed its lease") {
		t.Errorf("answered %v", err)
	}
	stream, err := k.StreamIsActive(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		update(t, lease, func(l *coordinationv1.Lease) { l.Spec.RenewTime = new(metav1.NowMicro()) })
		_, err := workers(t.Context(), k, ref)
		return err
	})
	if answer, err := stream.Recv(); err != nil || !answer.Result { // and the stream is told without a change of the pool
		t.Errorf("%v, %v", answer, err)
	}
}

func TestOnlyWhoBringsACertificateOfTheCAIsAnswered(t *testing.T) {
	ns, _, ap := counter(t, external)
	ours, theirs, dir := authority(t), authority(t), t.TempDir()
	write := func(name string, body []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := externalscaler.New(externalscaler.Options{TLSDir: dir}); err == nil || !strings.Contains(err.Error(), "tls.crt") {
		t.Errorf("an empty folder: %v", err)
	}
	show := func(a *testAuthority) {
		certificate, key := a.issue(t)
		write("tls.crt", certificate)
		write("tls.key", key)
	}
	show(ours)
	write("ca.crt", []byte("nothing"))
	if _, err := externalscaler.New(externalscaler.Options{TLSDir: dir}); err == nil || !strings.Contains(err.Error(), "ca.crt holds no certificate") {
		t.Errorf("a CA that is none: %v", err)
	}
	write("ca.crt", ours.pem)
	address, _ := scaler(t, externalscaler.Options{TLSDir: dir})
	bringing := func(a, trusted *testAuthority) credentials.TransportCredentials {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(trusted.pem)
		c := &tls.Config{RootCAs: roots, ServerName: "localhost"}
		if a != nil {
			pair, err := tls.X509KeyPair(a.issue(t))
			if err != nil {
				t.Fatal(err)
			}
			c.Certificates = []tls.Certificate{pair}
		}
		return credentials.NewTLS(c)
	}
	ref := trigger(ns, ap.Name)
	wants(t, keda(t, address, bringing(ours, ours)), ref, 1)
	for name, transport := range map[string]credentials.TransportCredentials{
		"without TLS": insecure.NewCredentials(), "without a certificate": bringing(nil, ours), "with another CA's": bringing(theirs, ours),
	} {
		if n, err := workers(t.Context(), keda(t, address, transport), ref); err == nil {
			t.Errorf("%s: answered %v", name, n)
		}
	}
	// Certificates that are replaced count for the next who calls.
	show(theirs)
	write("ca.crt", theirs.pem)
	wants(t, keda(t, address, bringing(theirs, theirs)), ref, 1)
	if n, err := workers(t.Context(), keda(t, address, bringing(ours, theirs)), ref); err == nil {
		t.Errorf("with the old CA's: answered %v", n)
	}
}

// fails is a test, or whatever comes before there is one.
type fails interface {
	Helper()
	Fatal(args ...any)
}

// testAuthority is a CA of its own.
type testAuthority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func authority(t fails) *testAuthority {
	t.Helper()
	a := &testAuthority{}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.key, a.pem, _ = signed(t, a.certificate, a.certificate, nil)
	return a
}

// issue makes a certificate of localhost that serves and calls.
func (a *testAuthority) issue(t fails) (certificate, key []byte) {
	t.Helper()
	_, certificate, key = signed(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"localhost"}, NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, a.key)
	return certificate, key
}

// signed makes a certificate, by itself where there is no signer.
func signed(t fails, of, by *x509.Certificate, signer *ecdsa.PrivateKey) (own *ecdsa.PrivateKey, certificate, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = own
	}
	der, err := x509.CreateCertificate(rand.Reader, of, by, &own.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	body, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return own, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: body})
}
