package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/controllers"
	"github.com/loket-dev/loket/controllers/externalscaler/wire"
)

// asOperator makes the test's program the operator.
const asOperator = "LOKET_TEST_AS_OPERATOR"

func TestMain(m *testing.M) {
	if os.Getenv(asOperator) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The whole program, as the chart starts it: KEDA is answered by what the leader writes, once somebody leads.
func TestTheOperatorAnswersKEDAOnceItLeads(t *testing.T) {
	env := &envtest.Environment{
		CRDDirectoryPaths: []string{filepath.Join("config", "crd", "bases")}, ErrorIfCRDPathMissing: true,
		ControlPlaneStartTimeout: 3 * time.Minute, ControlPlaneStopTimeout: time.Minute,
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	cluster, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	options, err := controllers.ManagerOptions()
	if err != nil {
		t.Fatal(err)
	}
	api, err := client.New(cluster, client.Options{Scheme: options.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	pool := &v1alpha1.AgentPool{ObjectMeta: metav1.ObjectMeta{Namespace: "ojk", Name: "counter"}}
	pool.Spec.Agents.SecretName, pool.Spec.Workers.Mode = "agents", v1alpha1.WorkersExternal
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "loket-system"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ojk"}}, pool,
	} {
		if err := api.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"kubeconfig": env.KubeConfig, "k1.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "current": []byte("k1\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	operator := exec.CommandContext(t.Context(), self, "--leader-elect", "--metrics-bind-address=0", "--health-probe-bind-address=0",
		"--signing-dir="+dir, "--keda-bind-address="+address)
	operator.Env = append(os.Environ(), asOperator+"=yes", "POD_NAMESPACE=loket-system", "KUBECONFIG="+filepath.Join(dir, "kubeconfig"))
	var said bytes.Buffer
	operator.Stderr = &said
	if err := operator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the operator said:\n%s", said.String())
		}
	})
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	keda := wire.NewExternalScalerClient(connection)
	ref := &wire.ScaledObjectRef{Namespace: "ojk", Name: "counter", ScalerMetadata: map[string]string{"pool": "counter"}}
	// There is no tenant, so that nobody can say what the pool wants: but there is somebody who looks.
	deadline := time.Now().Add(2 * time.Minute)
	for {
		_, err := keda.IsActive(t.Context(), ref)
		if err != nil && strings.Contains(err.Error(), "AgentPool counter in namespace ojk: the operator has not said yet") {
			break
		}
		if time.Now().After(deadline) {
			_ = operator.Process.Kill()
			_ = operator.Wait()
			t.Fatalf("answered %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	stream, err := keda.StreamIsActive(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	if err := operator.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := operator.Wait(); err != nil {
		t.Errorf("the operator ends with %v", err)
	}
	t.Logf("ended within %s of being told, with a stream open", time.Since(since).Round(time.Millisecond))
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
}
