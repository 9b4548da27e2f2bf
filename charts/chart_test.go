// Package charts tests the chart: what it renders, that config says the same, and what happens when Helm installs it.
package charts

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/google/go-cmp/cmp"
	"github.com/loket-dev/loket/api/admission"
	"github.com/loket-dev/loket/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestHelmFindsNothingToSay(t *testing.T) {
	if out, err := tool(t, "helm", "lint", "--strict", "loket").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
}

func TestTheDefaultInstallation(t *testing.T) {
	out := render(t, "--set", "crds.enabled=false")
	key := regexp.MustCompile(`(?m)^(  k1\.key: ).*$`)
	if !key.Match(out) {
		t.Error("no signing key is rendered")
	}
	golden(t, "default.yaml", key.ReplaceAll(out, []byte("${1}<made once>")))
}

// Strictly: a field that Kubernetes does not know is silently dropped by a server, and what was meant by it with it.
func TestEveryObjectIsOneThatKubernetesKnows(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"by default", nil},
		{"with one replica, images of another registry and a given key", []string{
			"--set", "operator.replicas=1,operator.image.repository=registry.example:5000/loket/operator,operator.imagePullSecrets[0].name=registry",
			"--set", "runtime.image.tag=sha256:" + strings.Repeat("a", 64) + ",signing.existingSecret=my-key,policy.images[0]=registry.example/other",
		}},
		{"at a node port, without embedded storage, with a private database", []string{
			"--set", "defaultClass.exposure.nodePort.address=10.199.0.2,defaultClass.storage.embedded=null",
			"--set", "defaultClass.egress.allow[0].cidr=10.20.0.0/16,defaultClass.egress.allow[0].ports[0]=5432",
		}},
		{"behind a gateway, with nodes of its own", []string{
			"--set", "defaultClass.exposure.external.url=https://{{ namespace }}.loket.example,defaultClass.exposure.from[0].namespaceSelector.matchLabels.gateway=yes",
			"--set", "defaultClass.pods.priorityClassNames[0]=citizens,defaultClass.pods.taints[0].key=dedicated,defaultClass.pods.taints[0].value=loket",
		}},
		{"with KEDA, which must show a certificate", []string{"--set", "keda.enabled=true,keda.namespace=autoscaling,keda.tlsSecret=keda-mtls"}},
		{"when the CRDs are already there", []string{"--api-versions", "loket.dev/v1alpha1/TenantClass"}},
		{"under another name", []string{"--name-template", "citizens"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			kinds := map[string]int{}
			for _, document := range documents(t, render(t, c.args...)) {
				u := decodeStrictly(t, document)
				kinds[u.GetKind()]++
			}
			if kinds["CustomResourceDefinition"] != 7 || kinds["Deployment"] != 1 || kinds["TenantClass"] != 1 {
				t.Errorf("rendered %v", kinds)
			}
		})
	}
}

func TestAValueThatTheChartDoesNotKnowIsRefused(t *testing.T) {
	for _, c := range []struct{ name, set, want string }{
		{"misspelt", "operator.replica=3", "replica"},
		{"of another type", "operator.replicas=two", "replicas"},
		{"a node port without an address", "defaultClass.exposure.nodePort.port=80", "address"},
		{"two ways to be reached", "defaultClass.exposure.nodePort.address=a.example,defaultClass.exposure.external.url=https://{{ namespace }}.b.example", "exposure"},
		{"one address for all tenants", "defaultClass.exposure.external.url=https://loket.example", "url"},
		{"a key's name that no file can have", "signing.keyID=../k1", "keyID"},
		{"an image with its tag in the wrong place", "runtime.image.repository=loket.dev/bot-runtime:1.0", "repository"},
		{"a namespace of KEDA's that is none", "keda.namespace=Keda", "namespace"},
		{"a port that is none", "defaultClass.egress.allow[0].cidr=10.0.0.0/8,defaultClass.egress.allow[0].ports[0]=0", "ports"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := tool(t, "helm", "template", "loket", "loket", "--set", c.set).CombinedOutput()
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(string(out), c.want) {
				t.Errorf("says %s, want it to name %s", out, c.want)
			}
		})
	}
}

func TestTheSigningKeyIsEd25519(t *testing.T) {
	secret := &corev1.Secret{}
	find(t, render(t), "Secret", "loket-signing", secret)
	if current := string(secret.Data["current"]); current != "k1" {
		t.Errorf("current is %q", current)
	}
	block, _ := pem.Decode(secret.Data["k1.key"])
	if block == nil {
		t.Fatal("k1.key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := key.(ed25519.PrivateKey); !ok {
		t.Errorf("k1.key is %T", key)
	}
}

func TestOneReplicaHasNoDisruptionBudgetThatBlocksDrains(t *testing.T) {
	if strings.Contains(string(render(t, "--set", "operator.replicas=1")), "kind: PodDisruptionBudget") {
		t.Error("a budget for one pod blocks every drain")
	}
}

// README and values.yaml describe the same values.
func TestTheREADMENamesEveryValue(t *testing.T) {
	readme, err := os.ReadFile("loket/README.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("loket/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(raw, &values); err != nil {
		t.Fatal(err)
	}
	for part, inner := range values {
		for name := range inner.(map[string]any) {
			if value := part + "." + name; !strings.Contains(string(readme), "`"+value) {
				t.Errorf("the README does not name %s", value)
			}
		}
	}
}

// tool is one of the pinned programs.
func tool(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(os.Getenv("LOKET_TOOLS"), name)
	if os.Getenv("LOKET_TOOLS") == "" {
		t.Fatalf("LOKET_TOOLS is not set, so there is no %s: run make test-go, or make tools and set it", name)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not there: run make tools", path)
	}
	cmd := exec.Command(path, args...)
	home := t.TempDir() // no one's own settings
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	return cmd
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	return out
}

func render(t *testing.T, args ...string) []byte {
	t.Helper()
	if !slices.Contains(args, "--name-template") {
		args = append(args, "--name-template", "loket")
	}
	return output(t, tool(t, "helm", append([]string{"template", "loket", "--namespace", "loket-system"}, args...)...))
}

func documents(t *testing.T, stream []byte) [][]byte {
	t.Helper()
	var out [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		var content map[string]any
		if err := yaml.Unmarshal(document, &content); err != nil {
			t.Fatal(err)
		}
		if len(content) > 0 {
			out = append(out, document)
		}
	}
}

// decodeStrictly reads an object of Kubernetes or of ours, with no field unknown.
func decodeStrictly(t *testing.T, document []byte) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(document, &u.Object); err != nil {
		t.Fatal(err)
	}
	if u.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
		if object, problems := admission.Check(document); object == nil || len(problems) > 0 {
			t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), problems)
		}
		return u
	}
	if _, _, err := decoder(t).Decode(document, nil, nil); err != nil {
		t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), err)
	}
	return u
}

func decoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, apiextensionsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// find reads one object of a stream into a typed one.
func find(t *testing.T, stream []byte, kind, name string, into any) {
	t.Helper()
	for _, document := range documents(t, stream) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &u.Object); err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == kind && u.GetName() == name {
			if err := yaml.UnmarshalStrict(document, into); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no %s %s", kind, name)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("other than %s (-update writes it anew):\n%s", file, diff)
	}
}
