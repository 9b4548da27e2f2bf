package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/loket-dev/loket/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew, to be reviewed by eye")

// agency is a tenant on PostgreSQL with both kinds of channels and a counter of two workers.
func agency() Input {
	return Input{
		Tenant: v1alpha1.BotTenant{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ojk", Name: "ojk", UID: "6f1c5a1e-0000-4000-8000-000000000001"},
			Spec: v1alpha1.BotTenantSpec{
				Storage: v1alpha1.TenantStorage{Postgres: &v1alpha1.PostgresStorage{SecretName: "ojk-db-app"}},
				Bot:     v1alpha1.BotWorkload{Replicas: 3},
			},
		},
		Class: v1alpha1.TenantClass{
			ObjectMeta: metav1.ObjectMeta{Name: "standard"},
			Spec: v1alpha1.TenantClassSpec{
				Exposure: v1alpha1.Exposure{NodePort: &v1alpha1.NodePortExposure{Address: "10.199.0.2"}},
				Storage: v1alpha1.StorageOffer{Postgres: &v1alpha1.PostgresOffer{}, Embedded: &v1alpha1.EmbeddedOffer{
					Size: resource.MustParse("5Gi"), AccessMode: corev1.ReadWriteOncePod,
				}},
				Runtime:  v1alpha1.RuntimeImage{Image: "loket.dev/bot-runtime:v0.1.0", PullPolicy: corev1.PullIfNotPresent},
				Egress:   v1alpha1.Egress{Allow: []v1alpha1.EgressRule{{CIDR: "10.20.0.0/16", Ports: []v1alpha1.Port{5432, 6432}}}},
				WhatsApp: v1alpha1.WhatsAppPlatform{APIBase: "https://graph.facebook.com/v26.0"},
			},
		},
		Channels: []v1alpha1.Channel{
			{ObjectMeta: metav1.ObjectMeta{Name: "wa"}, Spec: v1alpha1.ChannelSpec{WhatsApp: &v1alpha1.WhatsAppChannel{SecretName: "ojk-wa"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1alpha1.ChannelSpec{WebChat: &v1alpha1.WebChatChannel{}}},
		},
		Pools: []v1alpha1.AgentPool{{ObjectMeta: metav1.ObjectMeta{Name: "contact-centre"},
			Spec: v1alpha1.AgentPoolSpec{Agents: v1alpha1.Agents{SecretName: "agents"}}}},
		Calls:             []string{"call-complaints", "call-register"},
		OperatorNamespace: "loket-system",
		Keys:              map[string][]byte{"k1": bytes.Repeat([]byte{7}, 32)},
		Published:         map[string]time.Time{"k1": time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)},
		NodePorts:         map[string]int32{"bot": 30080, "desk-contact-centre": 30081},
		Workers:           map[string]int32{"contact-centre": 2},
	}
}

// office is a small tenant: one pod with a volume has every role, and the platform brings its own routes.
func office() Input {
	in := agency()
	in.Tenant.Name, in.Tenant.Namespace = "kantor", "kantor-desa"
	in.Tenant.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
	in.Tenant.Spec.Pods = v1alpha1.PodOverrides{
		Labels:            map[string]v1alpha1.LabelValue{"team": "desa", "app.kubernetes.io/name": "ours-wins"},
		Annotations:       map[string]string{"example.com/note": "kept"},
		Resources:         corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
		Tolerations:       []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
		NodeSelector:      map[string]v1alpha1.LabelValue{"disk": "ssd"},
		PriorityClassName: "citizens",
		ImagePullSecrets:  []corev1.LocalObjectReference{{Name: "registry"}},
	}
	in.Class.Spec.Exposure = v1alpha1.Exposure{
		External: &v1alpha1.ExternalExposure{URL: "https://{{ namespace }}.loket.go.example/"},
		From: []v1alpha1.ExposurePeer{
			{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "gateway"}},
				PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"envoy"}}}}},
			{CIDR: "192.0.2.0/24"},
		},
	}
	in.Class.Spec.Egress = v1alpha1.Egress{}
	in.Pools = append(in.Pools, v1alpha1.AgentPool{ObjectMeta: metav1.ObjectMeta{Name: "night"},
		Spec: v1alpha1.AgentPoolSpec{Agents: v1alpha1.Agents{SecretName: "night-agents"}}})
	in.NodePorts, in.Workers = nil, nil
	return in
}

func all(in Input) []Object { return append(Services(in), Workloads(in)...) }

func TestWhatATenantGets(t *testing.T) {
	for name, in := range map[string]Input{"postgres": agency(), "embedded": office()} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			for _, o := range all(in) {
				body, err := yaml.Marshal(o.Body)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(body)
			}
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("other objects than %s says; run with -update and review:\n%s", file, diff)
			}
		})
	}
}

func names(objects []Object) []string {
	var out []string
	for _, o := range objects {
		out = append(out, o.Kind.Kind+"/"+o.Name)
	}
	return out
}

func TestWhatShouldNotExistIsNotMade(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		absent []string
	}{
		"one bot pod has no disruption budget, it would only block drains": {func(in *Input) { in.Tenant.Spec.Bot.Replicas = 1 }, []string{"PodDisruptionBudget/bot"}},
		"a suspended tenant has none either":                               {func(in *Input) { in.Tenant.Spec.Suspend = true }, []string{"PodDisruptionBudget/bot"}},
		"one desk worker has none":                                         {func(in *Input) { in.Workers["contact-centre"] = 1 }, []string{"PodDisruptionBudget/desk-contact-centre"}},
		"an embedded tenant has one workload": {func(in *Input) {
			in.Tenant.Spec.Storage = v1alpha1.TenantStorage{Embedded: &v1alpha1.EmbeddedStorage{}}
		},
			[]string{"Deployment/bot", "Deployment/desk-contact-centre", "Service/desk-contact-centre", "PodDisruptionBudget/bot", "PodDisruptionBudget/desk-contact-centre"}},
		"a tenant on PostgreSQL has no set": {func(*Input) {}, []string{"StatefulSet/bot"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := agency()
			c.change(&in)
			got := names(all(in))
			for _, n := range c.absent {
				if slices.Contains(got, n) {
					t.Errorf("there is %s among %v", n, got)
				}
			}
		})
	}
	if got := names(all(agency())); !slices.Contains(got, "PodDisruptionBudget/bot") || !slices.Contains(got, "PodDisruptionBudget/desk-contact-centre") {
		t.Errorf("two and more have a budget, but there are %v", got)
	}
}

// SECURITY rows 17 to 19: whatever a tenant or class says, pods are restricted, credentials are optional volumes, and no
// object carries a number of replicas.
func TestEveryPodIsRestricted(t *testing.T) {
	for _, in := range []Input{agency(), office()} {
		for _, o := range all(in) {
			if _, found, _ := unstructured.NestedFieldNoCopy(o.Body.Object, "spec", "replicas"); found {
				t.Errorf("%s/%s sets replicas", o.Kind.Kind, o.Name)
			}
			raw, found, _ := unstructured.NestedMap(o.Body.Object, "spec", "template")
			if !found {
				continue
			}
			body, _ := json.Marshal(raw)
			var template corev1.PodTemplateSpec
			if err := json.Unmarshal(body, &template); err != nil {
				t.Fatal(err)
			}
			restricted(t, o.Name, template.Spec)
		}
	}
}

func TestAPodThatHasColleaguesServesOnUntilNobodySendsItWork(t *testing.T) {
	for storage, in := range map[string]Input{"postgres": agency(), "embedded": office()} {
		waits := map[bool]int{}
		for _, o := range all(in) {
			containers, found, _ := unstructured.NestedSlice(o.Body.Object, "spec", "template", "spec", "containers")
			if !found {
				continue
			}
			seconds, waiting, _ := unstructured.NestedFieldNoCopy(containers[0].(map[string]any), "lifecycle", "preStop", "sleep", "seconds")
			if waiting && fmt.Sprint(seconds) != "3" {
				t.Errorf("%s: waits %v s", o.Name, seconds)
			}
			waits[waiting]++
		}
		if storage == "postgres" && waits[false] != 0 || storage == "embedded" && waits[true] != 0 || len(waits) == 0 {
			t.Errorf("%s: %d workloads wait before they stop, %d do not", storage, waits[true], waits[false])
		}
	}
}

func restricted(t *testing.T, name string, p corev1.PodSpec) {
	t.Helper()
	is := func(what string, ok bool) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %s", name, what)
		}
	}
	no := func(b *bool) bool { return b != nil && !*b }
	yes := func(b *bool) bool { return b != nil && *b }
	is("has a token of the cluster", no(p.AutomountServiceAccountToken))
	is("has service links", no(p.EnableServiceLinks))
	is("may run as root", yes(p.SecurityContext.RunAsNonRoot) && *p.SecurityContext.RunAsUser == 65532)
	is("has no seccomp profile", p.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault)
	is("is on the host's network", !p.HostNetwork && !p.HostPID && !p.HostIPC)
	is("has not 45 s", *p.TerminationGracePeriodSeconds == 45)
	for _, c := range p.Containers {
		is("may gain privileges", no(c.SecurityContext.AllowPrivilegeEscalation) && c.SecurityContext.Privileged == nil)
		is("has capabilities", slices.Equal(c.SecurityContext.Capabilities.Drop, []corev1.Capability{"ALL"}) && len(c.SecurityContext.Capabilities.Add) == 0)
		is("can write to its root", yes(c.SecurityContext.ReadOnlyRootFilesystem))
		is("is not probed", c.ReadinessProbe != nil && c.LivenessProbe != nil && c.StartupProbe != nil)
		is("does not know its memory", slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "GOMEMLIMIT" }))
		is("has secrets in its environment", !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil }))
	}
	for _, v := range p.Volumes {
		is("has a volume without a bound: "+v.Name, v.EmptyDir == nil || v.EmptyDir.SizeLimit != nil)
		is("does not start without "+v.Name, v.Secret == nil || yes(v.Secret.Optional))
		is("mounts the host", v.HostPath == nil)
	}
}

func TestAClassThatOffersMoreLaterDoesNotTouchAVolumeThatIsThere(t *testing.T) {
	in := office()
	before := all(in)
	claim := corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("5Gi")}},
	}
	in.Volume = &claim
	in.Class.Spec.Storage.Embedded.Size = resource.MustParse("50Gi")
	after := all(in)
	for i := range before {
		if before[i].Hash != after[i].Hash {
			t.Errorf("%s/%s changed", after[i].Kind.Kind, after[i].Name)
		}
	}
}

func TestKeysKeepTheTimeOfTheirPublication(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 5, time.UTC)
	keys := map[string][]byte{"k1": nil, "k2": nil}
	first := Published("", map[string][]byte{"k1": nil}, now.Add(-time.Hour))
	annotation, _ := json.Marshal(first)
	got := Published(string(annotation), keys, now)
	if want := map[string]time.Time{"k1": now.Add(-time.Hour).Truncate(time.Second), "k2": now.Truncate(time.Second)}; !cmp.Equal(got, want) {
		t.Errorf("published %v, not %v", got, want)
	}
	annotation, _ = json.Marshal(got)
	if again := Published(string(annotation), keys, now.Add(time.Hour)); !cmp.Equal(again, got) {
		t.Errorf("an hour later %v", again)
	}
	if got := Published("not json", keys, now); len(got) != 2 {
		t.Errorf("an edited annotation loses keys: %v", got)
	}
}

func TestSizesOfPodsAreLaidOverEachOtherOneByOne(t *testing.T) {
	list := func(cpu, memory string) corev1.ResourceList {
		out := corev1.ResourceList{}
		for name, size := range map[corev1.ResourceName]string{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory} {
			if size != "" {
				out[name] = resource.MustParse(size)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		pods, own        corev1.ResourceRequirements
		requests, limits corev1.ResourceList
	}{
		"nothing said":                          {requests: list("100m", "128Mi"), limits: list("", "512Mi")},
		"one limit leaves the rest":             {pods: corev1.ResourceRequirements{Limits: list("", "1Gi")}, requests: list("100m", "128Mi"), limits: list("", "1Gi")},
		"the pod's own are on top":              {pods: corev1.ResourceRequirements{Requests: list("200m", "")}, own: corev1.ResourceRequirements{Requests: list("1", "")}, requests: list("1", "128Mi"), limits: list("", "512Mi")},
		"a small limit takes the request along": {own: corev1.ResourceRequirements{Limits: list("", "64Mi")}, requests: list("100m", "64Mi"), limits: list("", "64Mi")},
		"a large request takes the limit along": {pods: corev1.ResourceRequirements{Requests: list("", "2Gi")}, requests: list("100m", "2Gi"), limits: list("", "2Gi")},
		"what contradicts itself stays so, for the API server to refuse": {
			pods: corev1.ResourceRequirements{Requests: list("", "2Gi"), Limits: list("", "1Gi")}, requests: list("100m", "2Gi"), limits: list("", "1Gi")},
	} {
		t.Run(name, func(t *testing.T) {
			got := layered(defaultResources(), c.pods, c.own)
			if !equality.Semantic.DeepEqual(got.Requests, c.requests) || !equality.Semantic.DeepEqual(got.Limits, c.limits) {
				t.Errorf("requests %v, limits %v", got.Requests, got.Limits)
			}
		})
	}
}

// SECURITY row 3: the NetworkPolicy and the runtime's dial guard are the same wall.
func TestThePublicInternetIsWhatTheGuardLetsThrough(t *testing.T) {
	for _, c := range []struct {
		address string
		open    bool
	}{
		{"1.1.1.1", true}, {"10.0.0.1", false}, {"168.63.129.16", false}, {"203.0.113.7", false},
		{"2606:4700::1111", true}, {"2001:db8::1", false}, {"2002:a00:1::", false}, {"fd00::1", false}, {"::1", false}, {"4000::1", false},
		{"64:ff9b::101:101", true}, {"64:ff9b::a00:1", false}, {"64:ff9b::a9fe:a9fe", false},
	} {
		address, open := netip.MustParseAddr(c.address), false
		for _, peer := range publicInternet() {
			in := netip.MustParsePrefix(*peer.IPBlock.CIDR).Contains(address)
			for _, except := range peer.IPBlock.Except {
				p := netip.MustParsePrefix(except)
				if p != p.Masked() || !netip.MustParsePrefix(*peer.IPBlock.CIDR).Contains(p.Addr()) {
					t.Errorf("the API server refuses %s within %s", except, *peer.IPBlock.CIDR)
				}
				in = in && !p.Contains(address)
			}
			open = open || in
		}
		if open != c.open {
			t.Errorf("%s: open %v", c.address, open)
		}
	}
}
