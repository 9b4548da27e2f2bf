//go:build keda

package controllers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers/externalscaler"
)

// KEDA's own operator and metrics adapter (hack/bench/keda pins them), and Kubernetes' own controllers of HorizontalPodAutoscalers and
// Deployments, scale a pool by what Loket tells them. docs/operate.md says how to run it.

// front is how the API server shows itself to KEDA's adapter.
var front struct {
	environment *envtest.Environment
	authority   *testAuthority
}

// prepare lets the API server pass its users' names on to another, which is how Kubernetes reaches a metrics adapter.
func prepare(env *envtest.Environment) error {
	dir, err := os.MkdirTemp("", "loket-front-")
	if err != nil {
		return err
	}
	front.environment, front.authority = env, authority(beforeTests{})
	certificate, key := front.authority.issue(beforeTests{})
	for name, body := range map[string][]byte{"ca.crt": front.authority.pem, "tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			return err
		}
	}
	env.ControlPlane.GetAPIServer().Configure().
		Set("requestheader-client-ca-file", filepath.Join(dir, "ca.crt")).
		Set("requestheader-username-headers", "X-Remote-User").
		Set("requestheader-group-headers", "X-Remote-Group").
		Set("requestheader-extra-headers-prefix", "X-Remote-Extra-").
		Set("proxy-client-cert-file", filepath.Join(dir, "tls.crt")).
		Set("proxy-client-key-file", filepath.Join(dir, "tls.key"))
	return nil
}

type beforeTests struct{}

func (beforeTests) Helper() {}

func (beforeTests) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// programs is the folder with KEDA's two programs: built before, or now.
func programs(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("LOKET_KEDA"); dir != "" {
		return dir
	}
	dir := t.TempDir()
	output(t, "../hack/bench/keda", "go", "build", "-o", dir, "github.com/kedacore/keda/v2/cmd/operator", "github.com/kedacore/keda/v2/cmd/adapter")
	return dir
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// start runs a program until the test ends, and shows what it said last when the test fails.
func start(t *testing.T, environment []string, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		_ = said.Close()
		if body, err := os.ReadFile(said.Name()); err == nil && t.Failed() {
			t.Logf("%s said last:\n%s", filepath.Base(program), body[max(0, len(body)-6000):])
		}
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// installKEDA runs KEDA and Kubernetes' controllers beside the suite's API server.
func installKEDA(t *testing.T) {
	t.Helper()
	dir, bin := t.TempDir(), programs(t)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	certificate, key := front.authority.issue(t)
	for name, body := range map[string][]byte{
		"kubeconfig": front.environment.KubeConfig, "ca.crt": front.authority.pem, "tls.crt": certificate, "tls.key": key,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := output(t, "../hack/bench/keda", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2")
	if _, err := envtest.InstallCRDs(operator.cluster, envtest.CRDInstallOptions{Paths: []string{filepath.Join(source, "config", "crd", "bases")}}); err != nil {
		t.Fatal(err)
	}
	create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "keda"}})
	port := freePort(t)
	for _, text := range []string{`
apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {type: ExternalName, externalName: localhost}
`, fmt.Sprintf(`
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  service: {namespace: keda, name: keda-metrics-apiserver, port: %d}
  insecureSkipTLSVerify: true
`, port)} {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			t.Fatal(err)
		}
		create(t, u)
	}
	start(t, nil, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kube-controller-manager"), "--kubeconfig="+kubeconfig, "--leader-elect=false",
		"--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
		"--bind-address=127.0.0.1", "--secure-port="+strconv.Itoa(freePort(t)), "--cert-dir="+t.TempDir(),
		"--controllers=horizontal-pod-autoscaler-controller,deployment-controller,replicaset-controller")
	between := "localhost:" + strconv.Itoa(freePort(t)) // KEDA's operator and its adapter
	start(t, []string{"KUBECONFIG=" + kubeconfig, "WATCH_NAMESPACE=", "POD_NAMESPACE=keda", "KEDA_CLUSTER_OBJECT_NAMESPACE=keda"},
		filepath.Join(bin, "operator"), "--metrics-bind-address=0", "--health-probe-bind-address=0", "--metrics-service-bind-address="+between,
		"--cert-dir="+dir)
	start(t, []string{"KUBECONFIG=" + kubeconfig, "WATCH_NAMESPACE=", "POD_NAMESPACE=keda"},
		filepath.Join(bin, "adapter"), "--secure-port="+strconv.Itoa(port), "--cert-dir="+dir, "--tls-cert-file="+filepath.Join(dir, "tls.crt"),
		"--tls-private-key-file="+filepath.Join(dir, "tls.key"), "--metrics-service-address="+between, "--port="+strconv.Itoa(freePort(t)),
		"--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig, "--lister-kubeconfig="+kubeconfig)
}

// scaledObject is the sample's, for a namespace of the test, and with none outside hours.
func scaledObject(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	body, err := os.ReadFile("../config/samples/keda/scaledobject.yaml")
	if err != nil {
		t.Fatal(err)
	}
	body = bytes.ReplaceAll(body, []byte("loket-operator-keda.loket-system:8082"), []byte(operator.keda))
	body = bytes.ReplaceAll(body, []byte("minReplicaCount: 1"), []byte("minReplicaCount: 0"))
	body = bytes.ReplaceAll(body, []byte("cooldownPeriod: 60"), []byte("cooldownPeriod: 1"))
	u := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(body, &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetNamespace(namespace)
	return u
}

// patiently waits longer than eventually: KEDA looks each 15 seconds, and the HorizontalPodAutoscaler as often.
func patiently(t *testing.T, what string, look func() error) {
	t.Helper()
	since := time.Now()
	for {
		err := look()
		switch {
		case err == nil:
			t.Logf("%s after %s", what, time.Since(since).Round(10*time.Millisecond))
			return
		case time.Since(since) > 4*time.Minute:
			t.Fatalf("%s: still not so: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// showsItsCertificate lets KEDA scale another pool, over a connection on which both sides show a certificate.
func showsItsCertificate(t *testing.T) {
	t.Helper()
	ns, _, _ := counter(t, external)
	both, dir := authority(t), t.TempDir()
	certificate, key := both.issue(t)
	for name, body := range map[string][]byte{"ca.crt": both.pem, "tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address, _ := scaler(t, externalscaler.Options{TLSDir: dir})
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	theirs, theirKey := both.issue(t)
	create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "keda"}, Data: map[string][]byte{
		"ca": both.pem, "certificate": theirs, "key": theirKey}})
	authentication := &unstructured.Unstructured{}
	err = yaml.Unmarshal([]byte(`
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: loket}
spec:
  secretTargetRef:
  - {parameter: caCert, name: keda, key: ca}
  - {parameter: tlsClientCert, name: keda, key: certificate}
  - {parameter: tlsClientKey, name: keda, key: key}
`), &authentication.Object)
	if err != nil {
		t.Fatal(err)
	}
	authentication.SetNamespace(ns)
	so := scaledObject(t, ns)
	triggers, _, err := unstructured.NestedSlice(so.Object, "spec", "triggers")
	if err != nil {
		t.Fatal(err)
	}
	trigger := triggers[0].(map[string]any)
	trigger["authenticationRef"] = map[string]any{"name": "loket"}
	trigger["metadata"].(map[string]any)["scalerAddress"] = "localhost:" + port
	if err := unstructured.SetNestedSlice(so.Object, triggers, "spec", "triggers"); err != nil {
		t.Fatal(err)
	}
	create(t, authentication, so)
	patiently(t, "KEDA is answered with certificates", func() error {
		hpa := &autoscalingv2.HorizontalPodAutoscaler{}
		err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "keda-hpa-contact-centre"}, hpa)
		if err == nil && len(hpa.Spec.Metrics) != 1 {
			err = fmt.Errorf("metrics %v", hpa.Spec.Metrics)
		}
		return err
	})
}

func TestTheRealKEDAScalesAPoolByWhatLoketTellsIt(t *testing.T) {
	installKEDA(t)
	shut := v1alpha1.Day(clock.now().Add(3 * 24 * time.Hour).Format("Mon"))
	ns, pods, ap := counter(t, func(p *v1alpha1.AgentPool) {
		external(p)
		p.Spec.Hours = []v1alpha1.Hours{{Days: []v1alpha1.Day{shut}, From: "08:00", To: "08:10"}}
		p.Spec.Workers.ZeroOutsideHours = true
	})
	so := scaledObject(t, ns)
	create(t, so)
	hpa := &autoscalingv2.HorizontalPodAutoscaler{}
	patiently(t, "KEDA has made its HorizontalPodAutoscaler", func() error {
		return api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "keda-hpa-contact-centre"}, hpa)
	})
	if m := hpa.Spec.Metrics; len(m) != 1 || m[0].External == nil || m[0].External.Metric.Name != "s0-workers" || m[0].External.Target.AverageValue.Value() != 1 {
		t.Errorf("it goes by %+v", m)
	}
	clientset, err := kubernetes.NewForConfig(operator.cluster)
	if err != nil {
		t.Fatal(err)
	}
	adapter := func() (string, error) { // what Kubernetes sees through KEDA's adapter
		body, err := clientset.CoreV1().RESTClient().Get().AbsPath("/apis/external.metrics.k8s.io/v1beta1/namespaces/"+ns+"/s0-workers").
			Param("labelSelector", "scaledobject.keda.sh/name=contact-centre").DoRaw(t.Context())
		var list struct{ Items []struct{ Value string } }
		if err == nil {
			err = json.Unmarshal(body, &list)
		}
		if err != nil || len(list.Items) != 1 {
			return "", fmt.Errorf("%w %s", err, body)
		}
		return list.Items[0].Value, nil
	}
	tells := func(what, value string) {
		t.Helper()
		patiently(t, what, func() error {
			if got, err := adapter(); err != nil || got != value {
				return fmt.Errorf("the adapter says %q, %w", got, err)
			}
			return nil
		})
	}
	has := func(what string, workers int32) {
		t.Helper()
		patiently(t, what, func() error {
			if d := asked(t, ns); d != workers {
				return fmt.Errorf("%d workers", d)
			}
			return nil
		})
	}
	showsItsCertificate(t)
	tells("the adapter tells the one worker that min calls for", "1")

	// At night nobody is there for minutes, and KEDA lets the last worker go.
	for range 20 {
		second(t, pods, 20*time.Second, 0)
	}
	has("no worker while the pool rests", 0)

	// The first conversation wakes one by push, not by the next poll.
	pods.set(func(k *testRuntime) {
		p := k.pool("contact-centre")
		p.WaitingForWorker, p.Arrived = 1, p.Arrived+1
	})
	has("the first worker", 1)

	// A surge: the HorizontalPodAutoscaler follows Loket's number.
	pods.backlog("contact-centre", 42, 180)
	has("four workers", 4)
	tells("the adapter tells four", "4")
	patiently(t, "the pool counts four pods", func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if ap.Status.Workers != 4 {
			return fmt.Errorf("%d pods", ap.Status.Workers)
		}
		return nil
	})
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsReplicas)

	// Two owners are told by what KEDA itself has made.
	update(t, ap, func(p *v1alpha1.AgentPool) { p.Spec.Workers.Mode = v1alpha1.WorkersAuto })
	if c := says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionFalse, v1alpha1.ReasonTwoOwners); !strings.HasPrefix(c.Message, "ScaledObject contact-centre scales this AgentPool") {
		t.Errorf("the condition says %q", c.Message)
	}
	update(t, ap, external)
	says(t, ap, v1alpha1.ConditionScaling, metav1.ConditionTrue, v1alpha1.ReasonFollowsReplicas)
	tells("the adapter tells four again", "4")
	condition := func(what, is string) {
		t.Helper()
		patiently(t, what, func() error {
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(so), so); err != nil {
				return err
			}
			conditions, _, _ := unstructured.NestedSlice(so.Object, "status", "conditions")
			for _, c := range conditions {
				if c, ok := c.(map[string]any); ok && c["type"] == "Ready" && c["status"] == is {
					return nil
				}
			}
			return fmt.Errorf("conditions %v", conditions)
		})
	}
	condition("KEDA is content", "True")

	// The runtime falls silent: nothing goes while nobody can look.
	pods.silence()
	clock.advance(30 * time.Minute)
	patiently(t, "the operator says that it is blind", func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
			return err
		}
		if !strings.Contains(ap.Status.Why, "no fresh figures") {
			return errors.New(ap.Status.Why)
		}
		return nil
	})
	tells("the adapter goes on telling four", "4")

	// The operator goes: there is no answer, and so no change.
	operator.stop()
	defer func() {
		next, err := startOperator(operator.cluster)
		if err != nil {
			t.Fatal(err)
		}
		operator = next
	}()
	patiently(t, "the HorizontalPodAutoscaler has no metric", func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(hpa), hpa); err != nil {
			return err
		}
		for _, c := range hpa.Status.Conditions {
			if c.Type == autoscalingv2.ScalingActive && c.Status == corev1.ConditionFalse && c.Reason == "FailedGetExternalMetric" {
				return nil
			}
		}
		return fmt.Errorf("conditions %v", hpa.Status.Conditions)
	})
	condition("KEDA says so", "False")
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(ap), ap); err != nil {
		t.Fatal(err)
	}
	if *ap.Spec.Workers.Replicas != 4 || asked(t, ns) != 4 {
		t.Errorf("%d replicas and %d workers", *ap.Spec.Workers.Replicas, asked(t, ns))
	}
}
