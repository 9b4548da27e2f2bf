package charts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/loket-dev/loket/api/v1alpha1"
)

const operator = "system:serviceaccount:loket-system:loket-operator"

// One API server for all of a release's life: installed, upgraded, its rights used, uninstalled.
func TestALifeOfARelease(t *testing.T) {
	cluster := start(t)
	admin := cluster.as(t, "")
	cluster.helm(t, "install", "loket", "loket", "--create-namespace")

	t.Run("the default class is there after the first installation", func(t *testing.T) {
		class := &v1alpha1.TenantClass{}
		get(t, admin, "", "standard", class)
		if class.Spec.Ceilings.BotReplicas != 10 {
			t.Errorf("its defaults are not: %+v", class.Spec)
		}
	})
	first := signingKeys(t, admin)

	t.Run("an upgrade keeps the signing key and changes the class", func(t *testing.T) {
		cluster.helm(t, "upgrade", "loket", "loket", "--set", "defaultClass.whatsapp.apiBase=http://sim.loket-sim:8080/v26.0")
		if now := signingKeys(t, admin); !bytes.Equal(now["k1.key"], first["k1.key"]) {
			t.Error("the key changed: every runtime would refuse the operator until it is published anew")
		}
		class := &v1alpha1.TenantClass{}
		get(t, admin, "", "standard", class)
		if class.Spec.WhatsApp.APIBase != "http://sim.loket-sim:8080/v26.0" {
			t.Errorf("the class still says %s", class.Spec.WhatsApp.APIBase)
		}
	})
	t.Run("a new key joins the old one", func(t *testing.T) {
		cluster.helm(t, "upgrade", "loket", "loket", "--set", "signing.keyID=k2")
		now := signingKeys(t, admin)
		if string(now["current"]) != "k2" || len(now["k2.key"]) == 0 || !bytes.Equal(now["k1.key"], first["k1.key"]) {
			t.Errorf("current %s, k1 kept %v", now["current"], bytes.Equal(now["k1.key"], first["k1.key"]))
		}
	})

	namespace(t, admin, "ojk", map[string]string{v1alpha1.TenantLabel: "true"})
	namespace(t, admin, "elsewhere", nil)
	t.Run("what the operator may do", func(t *testing.T) { goldenRights(t, cluster) })
	t.Run("where the operator may do it", func(t *testing.T) { theOperatorsPlace(t, cluster) })

	t.Run("uninstalled, it leaves the kinds, the class and every tenant", func(t *testing.T) {
		tenant := &v1alpha1.BotTenant{ObjectMeta: metav1.ObjectMeta{Name: "ojk", Namespace: "ojk"}, Spec: v1alpha1.BotTenantSpec{
			DisplayName: v1alpha1.Text{"id": "OJK"}, Languages: []v1alpha1.Language{"id"},
			Storage: v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}},
		}}
		if err := admin.Create(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		cluster.helm(t, "uninstall", "loket")
		get(t, admin, "ojk", "ojk", tenant)
		get(t, admin, "", "standard", &v1alpha1.TenantClass{})
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: "loket-system", Name: "loket-operator"}, &appsv1.Deployment{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("the operator is still there: %v", err)
		}
	})
	t.Run("installed again, it finds them", func(t *testing.T) {
		cluster.helm(t, "install", "loket", "loket")
		get(t, admin, "ojk", "ojk", &v1alpha1.BotTenant{})
	})
}

// SECURITY row 17: what a stolen token of the operator can ask for, as `kubectl auth can-i --list --as` tells it.
func goldenRights(t *testing.T, cluster cluster) {
	var b strings.Builder
	for _, namespace := range []string{"ojk", "loket-system"} {
		review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
		if err := cluster.as(t, operator).Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, rule := range review.Status.ResourceRules {
			for _, resource := range rule.Resources {
				for _, group := range rule.APIGroups {
					if group == "" {
						group = "core"
					}
					lines = append(lines, fmt.Sprintf("%-28s %-28s %s", group, resource, strings.Join(rule.Verbs, " ")))
				}
			}
		}
		slices.Sort(lines)
		fmt.Fprintf(&b, "in %s\n%s\n", namespace, strings.Join(slices.Compact(lines), "\n"))
	}
	golden(t, "operator-can-i.txt", []byte(b.String()))
}

// SECURITY row 18: where it can do that.
func theOperatorsPlace(t *testing.T, cluster cluster) {
	c := cluster.as(t, operator)
	const (
		elsewhere = "Loket's operator writes only in namespaces labelled loket.dev/tenant=true"
		foreign   = "Loket's operator runs only the images that the platform listed"
		token     = "Loket's operator runs only pods without a token of the cluster and without a part of the host"
		plain     = "Loket's operator runs only containers without privileges"
	)
	configMap := func(namespace string) client.Object {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ojk-boot", Namespace: namespace}}
	}
	waitForPolicy(t, c, configMap("elsewhere"))

	create := func(o client.Object) error { return c.Create(t.Context(), o, client.DryRunAll) }
	admin := cluster.as(t, "")
	for _, namespace := range []string{"ojk", "elsewhere"} {
		deployment := pods(namespace, "loket.dev/bot-runtime:dev", nil)
		deployment.Name = "there"
		if err := admin.Create(t.Context(), deployment); err != nil {
			t.Fatal(err)
		}
		if err := admin.Create(t.Context(), &v1alpha1.DialogFlow{ObjectMeta: metav1.ObjectMeta{Name: "flow", Namespace: namespace},
			Spec: v1alpha1.DialogFlowSpec{Start: "bye", Nodes: []v1alpha1.Node{{Name: "bye", End: &v1alpha1.End{}}}}}); err != nil {
			t.Fatal(err)
		}
	}
	scale := func(namespace string) error {
		there := pods(namespace, "", nil)
		there.Name = "there"
		return c.SubResource("scale").Patch(t.Context(), there, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"replicas":3}}`)))
	}
	report := func(namespace string) error {
		flow := &v1alpha1.DialogFlow{ObjectMeta: metav1.ObjectMeta{Name: "flow", Namespace: namespace}}
		return c.Status().Patch(t.Context(), flow, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"nodes":1}}`)))
	}
	remove := func(namespace string) error {
		there := pods(namespace, "", nil)
		there.Name = "there"
		return c.Delete(t.Context(), there, client.DryRunAll)
	}
	hostPath := func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}}
	}
	projected := func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}}
	}
	csi := func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{{Name: "csi", VolumeSource: corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "host.example"}}}}
	}
	whatATenantMounts := func(s *corev1.PodSpec) {
		s.Volumes = []corev1.Volume{
			{Name: "a", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "a"}}},
			{Name: "b", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "b"}}}},
			{Name: "c", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		}
	}
	context := func(change func(*corev1.SecurityContext)) func(*corev1.PodSpec) {
		return func(s *corev1.PodSpec) { change(s.Containers[0].SecurityContext) }
	}
	yes, no, root := true, false, int64(0)
	withToken := func(s *corev1.PodSpec) { s.AutomountServiceAccountToken = nil }
	for _, c := range []struct {
		name    string
		act     func() error
		refusal string
	}{
		{"a boot ConfigMap in a tenant's namespace", func() error { return create(configMap("ojk")) }, ""},
		{"a ConfigMap in a namespace without the label", func() error { return create(configMap("elsewhere")) }, elsewhere},
		{"a ConfigMap in kube-system", func() error { return create(configMap("kube-system")) }, elsewhere},
		{"a ConfigMap in its own namespace", func() error { return create(configMap("loket-system")) }, elsewhere},
		{"its lease in its own namespace", func() error {
			return create(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "leader", Namespace: "loket-system"}})
		}, ""},
		{"an event about an object in a namespace without the label", func() error {
			return create(&corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: "elsewhere"},
				InvolvedObject: corev1.ObjectReference{Kind: "BotTenant", Namespace: "elsewhere", Name: "ojk"}})
		}, ""},
		{"the status of a flow in a tenant's namespace", func() error { return report("ojk") }, ""},
		{"the status of a flow in a namespace without the label", func() error { return report("elsewhere") }, ""},
		{"the bot", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", nil)) }, ""},
		{"the bot by digest", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime@sha256:"+strings.Repeat("a", 64), nil))
		}, ""},
		{"the bot in a namespace without the label", func() error { return create(pods("elsewhere", "loket.dev/bot-runtime:dev", nil)) }, elsewhere},
		{"a foreign image", func() error { return create(pods("ojk", "example.com/miner:1", nil)) }, foreign},
		{"an image whose name begins like ours", func() error { return create(pods("ojk", "loket.dev/bot-runtime-evil:1", nil)) }, foreign},
		{"a pod with a token", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", withToken)) }, token},
		{"a pod with the host's files", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", hostPath)) }, token},
		{"the volumes of a tenant", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", whatATenantMounts)) }, ""},
		{"a pod with a token of its own making", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", projected)) }, token},
		{"a pod with a driver's volume", func() error { return create(pods("ojk", "loket.dev/bot-runtime:dev", csi)) }, token},
		{"a pod with the host's memory", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", func(s *corev1.PodSpec) { s.HostIPC = true }))
		}, token},
		{"a pod with the host's processes", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", func(s *corev1.PodSpec) { s.HostPID = true }))
		}, token},
		{"a pod that may be root", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", func(s *corev1.PodSpec) { s.SecurityContext = nil }))
		}, plain},
		{"a container at a port of the host", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", func(s *corev1.PodSpec) {
				s.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 8080}}
			}))
		}, plain},
		{"a privileged container", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", context(func(c *corev1.SecurityContext) { c.Privileged, c.AllowPrivilegeEscalation = &yes, nil })))
		}, plain},
		{"a container that may gain privileges", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", context(func(c *corev1.SecurityContext) { c.AllowPrivilegeEscalation = nil })))
		}, plain},
		{"a container with a capability", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", context(func(c *corev1.SecurityContext) {
				c.Capabilities = &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN"}}
			})))
		}, plain},
		{"a container that is root", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", context(func(c *corev1.SecurityContext) { c.RunAsUser = &root })))
		}, plain},
		{"a container that may be root", func() error {
			return create(pods("ojk", "loket.dev/bot-runtime:dev", context(func(c *corev1.SecurityContext) { c.RunAsNonRoot = &no })))
		}, plain},
		{"more replicas in a tenant's namespace", func() error { return scale("ojk") }, ""},
		{"more replicas in a namespace without the label", func() error { return scale("elsewhere") }, elsewhere},
		{"an end to the bot in a tenant's namespace", func() error { return remove("ojk") }, ""},
		{"an end to a workload in a namespace without the label", func() error { return remove("elsewhere") }, elsewhere},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.act()
			switch {
			case c.refusal == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)):
				t.Errorf("answer %v, want %s", err, c.refusal)
			}
		})
	}
	t.Run("other people are not concerned", func(t *testing.T) {
		if err := admin.Create(t.Context(), configMap("elsewhere"), client.DryRunAll); err != nil {
			t.Error(err)
		}
	})
}

// waitForPolicy waits until the API server has compiled the policy, which it does beside everything else.
func waitForPolicy(t *testing.T, c client.Client, refused client.Object) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return c.Create(ctx, refused.DeepCopyObject().(client.Object), client.DryRunAll) != nil, nil
	})
	if err != nil {
		t.Fatal("the policy does not take effect within a minute")
	}
}

// pods is a Deployment as the operator makes them, as far as the policy looks.
func pods(namespace, image string, change func(*corev1.PodSpec)) *appsv1.Deployment {
	labels := map[string]string{"app.kubernetes.io/name": "loket"}
	yes, no := true, false
	spec := corev1.PodSpec{
		AutomountServiceAccountToken: &no, SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes},
		Containers: []corev1.Container{{Name: "runtime", Image: image, SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no}}},
	}
	if change != nil {
		change(&spec)
	}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "bot", Namespace: namespace}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
	}}
}

func signingKeys(t *testing.T, c client.Client) map[string][]byte {
	t.Helper()
	secret := &corev1.Secret{}
	get(t, c, "loket-system", "loket-signing", secret)
	return secret.Data
}

func namespace(t *testing.T, c client.Client, name string, labels map[string]string) {
	t.Helper()
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c client.Client, namespace, name string, into client.Object) {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		t.Fatal(err)
	}
}

// startTimeout is for a machine that does twenty other things; an idle one takes five seconds.
const startTimeout = 3 * time.Minute

// cluster is an API server without nodes: what Helm and a policy need.
type cluster struct {
	config     *rest.Config
	kubeconfig string
}

func start(t *testing.T) cluster {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run make test-go, or set it to what `cd hack/cluster && go run . assets` prints")
	}
	env := &envtest.Environment{ControlPlaneStartTimeout: startTimeout, ControlPlaneStopTimeout: startTimeout}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, env.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	return cluster{config: config, kubeconfig: kubeconfig}
}

func (c cluster) helm(t *testing.T, args ...string) {
	t.Helper()
	output(t, tool(t, "helm", append(args, "--namespace", "loket-system", "--kubeconfig", c.kubeconfig)...))
}

// as is a client of somebody; of the administrator when nobody is named.
func (c cluster) as(t *testing.T, name string) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	config := rest.CopyConfig(c.config)
	if name != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: name,
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:loket-system", "system:authenticated"}}
	}
	out, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
