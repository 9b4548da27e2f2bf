package bundle_test

import (
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
)

func objects() bundle.Objects {
	named := func(name string, generation int64) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Generation: generation}
	}
	return bundle.Objects{
		Tenant: v1alpha1.BotTenant{ObjectMeta: named("ojk", 1), Spec: v1alpha1.BotTenantSpec{Languages: []v1alpha1.Language{"id", "en"}}},
		Flows:  []v1alpha1.DialogFlow{{ObjectMeta: named("b", 1)}, {ObjectMeta: named("a", 1)}},
		Pools:  []v1alpha1.AgentPool{{ObjectMeta: named("p", 1)}},
		Directories: []v1alpha1.Directory{{ObjectMeta: named("d", 1), Spec: v1alpha1.DirectorySpec{
			Source: v1alpha1.DirectorySource{ConfigMap: &v1alpha1.ConfigMapKey{Name: "rows", Key: "csv"}}}}},
		ConfigMaps: map[string]map[string]string{"rows": {"csv": "name,status\nBank Mekar Jaya,licensed\n"}},
	}
}

func TestABundleIsTheSameInWhateverOrderItsObjectsCome(t *testing.T) {
	one, other := objects(), objects()
	other.Flows[0], other.Flows[1] = other.Flows[1], other.Flows[0]
	other.Flows[0].Generation = 7 // what changed nothing changes no hash
	other.Pools[0].Spec.Workers.Replicas = new(int32(9))
	if a, b := bundle.From(one).Hash(), bundle.From(other).Hash(); a != b {
		t.Fatalf("%s and %s", a, b)
	}
}

func TestEveryChangeThatTheRuntimeMustSeeChangesTheHash(t *testing.T) {
	before := bundle.From(objects()).Hash()
	for name, change := range map[string]func(*bundle.Objects){
		"a flow's start":           func(o *bundle.Objects) { o.Flows[0].Spec.Start = "x" },
		"a pool's slots":           func(o *bundle.Objects) { o.Pools[0].Spec.ConversationsPerAgent = 3 },
		"a row of a ConfigMap":     func(o *bundle.Objects) { o.ConfigMaps["rows"]["csv"] += "Bank Samudra Biru\n" },
		"a ConfigMap that is gone": func(o *bundle.Objects) { o.ConfigMaps = nil },
		"the tenant's time zone":   func(o *bundle.Objects) { o.Tenant.Spec.TimeZone = "Asia/Jayapura" },
		"an object that is gone":   func(o *bundle.Objects) { o.Flows = o.Flows[:1] },
	} {
		o := objects()
		change(&o)
		if bundle.From(o).Hash() == before {
			t.Errorf("%s: the hash is the same", name)
		}
	}
}

func TestADirectoryWithoutItsConfigMapSaysWhatIsMissing(t *testing.T) {
	o := objects()
	o.ConfigMaps = map[string]map[string]string{"rows": {"other": ""}}
	for _, got := range bundle.From(o).Objects {
		if got.Kind == bundle.KindDirectory && got.Missing != `ConfigMap "rows" has no key "csv"` {
			t.Fatal(got.Missing)
		}
	}
}

// The token opens one request of one tenant for a minute; every other use is refused.
func TestAnOperatorsTokenOpensNothingElse(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	strange, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	keys := map[string][]byte{"k1": public, "k0": strange}
	put := func() *http.Request { return httptest.NewRequest(http.MethodPut, bundle.PathBundle+"?x=1", nil) }
	signed := func(key ed25519.PrivateKey, kid string) string {
		r := put()
		if err := bundle.Sign(r, []byte("body"), "uid", kid, key, now); err != nil {
			t.Fatal(err)
		}
		return r.Header.Get("Authorization")
	}
	good := signed(private, "k1")
	for name, c := range map[string]struct {
		token, body, tenant string
		change              func(*http.Request)
		at                  time.Time
		well                bool
	}{
		"the request it is for":     {good, "body", "uid", nil, now, true},
		"within its minute":         {good, "body", "uid", nil, now.Add(59 * time.Second), true},
		"no token":                  {"", "body", "uid", nil, now, false},
		"nonsense":                  {"Bearer abc", "body", "uid", nil, now, false},
		"another tenant":            {good, "body", "uid-2", nil, now, false},
		"another body":              {good, "other", "uid", nil, now, false},
		"another method":            {good, "body", "uid", func(r *http.Request) { r.Method = http.MethodGet }, now, false},
		"another path":              {good, "body", "uid", func(r *http.Request) { r.URL.Path = bundle.PathStatus }, now, false},
		"another query":             {good, "body", "uid", func(r *http.Request) { r.URL.RawQuery = "x=2" }, now, false},
		"too late":                  {good, "body", "uid", nil, now.Add(2 * time.Minute), false},
		"before its time":           {good, "body", "uid", nil, now.Add(-time.Minute), false},
		"a key nobody knows":        {signed(foreign, "k9"), "body", "uid", nil, now, false},
		"a known name, another key": {signed(foreign, "k1"), "body", "uid", nil, now, false},
		"another key that is known": {signed(foreign, "k0"), "body", "uid", nil, now, true},
	} {
		r := put()
		if c.token != "" {
			r.Header.Set("Authorization", c.token)
		}
		if c.change != nil {
			c.change(r)
		}
		err := bundle.Verify(r, []byte(c.body), c.tenant, keys, c.at)
		if (err == nil) != c.well {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && c.token != "" && strings.Contains(err.Error(), strings.TrimPrefix(c.token, "Bearer ")) {
			t.Errorf("%s: the error prints the token", name)
		}
	}
}
