package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func values(state string) Values {
	return Values{
		State: state, Bin: "/cache/bin/v", PauseImage: "docker.io/loket/pause:v", DNSImage: "docker.io/loket/coredns:v",
		Snapshotter: "overlayfs", Runc: "/usr/sbin/runc", CNIBin: "/usr/lib/cni",
	}
}

func TestEveryFileIsFilledIn(t *testing.T) {
	v := values("/s")
	for _, name := range []string{"containerd.toml", "loket.conflist", "kubelet.yaml", "kube-proxy.yaml", "base.yaml"} {
		out, err := v.Render(name)
		if err != nil || strings.Contains(string(out), "{{") || strings.Contains(string(out), "<no value>") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestAChangedConfigurationShowsInTheCommandLine(t *testing.T) {
	a, b := values("/s"), values("/s")
	b.Snapshotter = "native"
	if a.Dir() == b.Dir() {
		t.Error("another configuration has the same folder, so nothing would be started anew")
	}
	c := values("/s")
	c.Bin = "/cache/bin/w" // the programs are compared by themselves
	if a.Dir() != c.Dir() {
		t.Error("a new build alone changed the configuration's folder")
	}
}

func TestOldConfigurationsAreRemoved(t *testing.T) {
	v := values(t.TempDir())
	old := filepath.Join(v.State, "conf", "0123456789ab")
	if err := os.MkdirAll(old, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.Write(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the folder of an earlier configuration is still there")
	}
	if _, err := os.Stat(v.Dir() + "/cni/10-loket.conflist"); err != nil {
		t.Error(err)
	}
}

// What a cluster for tests must not let go of: each of these was a hole or a race when it was missing.
func TestSettingsThatMayNotGetLost(t *testing.T) {
	v := values("/s")
	words := map[string]string{}
	for _, c := range v.Components() {
		words[c.Name] = strings.Join(c.Args, " ")
		if c.Argv0 != "/s/bin/"+c.Name || c.Namespace == "" {
			t.Errorf("%s could not be found again, or would run in the machine's own network", c.Name)
		}
	}
	for _, tc := range []struct{ component, want string }{
		{APIServerName, "--anonymous-auth=false"},
		{APIServerName, "--authorization-mode=Node,RBAC"},
		{APIServerName, "--service-node-port-range=30000-32767"},
		{APIServerName, "--requestheader-client-ca-file=/s/pki/front-proxy-ca.crt"},
		{APIServerName, "--kubelet-preferred-address-types=InternalIP"},
		{ControllerManager, "--leader-elect=false"},
		{Scheduler, "--leader-elect=false"},
	} {
		if !strings.Contains(words[tc.component], tc.want) {
			t.Errorf("%s without %s", tc.component, tc.want)
		}
	}
	proxy, _ := v.Render("kube-proxy.yaml")
	if !strings.Contains(string(proxy), "minSyncPeriod: 50ms") {
		t.Error("Services would refuse for a second after a roll-out")
	}
	for _, c := range v.Components() {
		for _, e := range c.Env {
			if strings.Contains(strings.ToLower(e), "proxy=") {
				t.Errorf("%s gets %s", c.Name, e)
			}
		}
	}
}
