package node

import (
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/cluster/process"
)

// After `down` and `up` etcd still says what the kubelet said before: ready, and nothing runs.
func TestTheNodesWordCountsOnlyWhenItIsNew(t *testing.T) {
	kubelet := time.Date(2026, 11, 24, 8, 0, 5, 900_000_000, time.UTC)
	for name, tc := range map[string]struct{ body, problem string }{
		"said just now":       {`{"status":{"conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True","lastHeartbeatTime":"2026-11-24T08:00:05Z"}]}}`, ""},
		"said before":         {`{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"2026-11-24T08:00:04Z"}]}}`, "has not reported"},
		"not ready":           {`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"no network","lastHeartbeatTime":"2026-11-24T08:00:07Z"}]}}`, "KubeletNotReady: no network"},
		"registered only now": {`{"status":{}}`, "no condition"},
		"cut":                 {`{"status":`, "unexpected end"},
	} {
		err := nodeReady([]byte(tc.body), kubelet)
		if tc.problem == "" && err != nil || tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStatusFailsWhenOneIsNotWell(t *testing.T) {
	var out strings.Builder
	lines := []Line{{Name: "etcd"}, {Name: "kubelet", Problem: "does not run"}}
	if err := Print(&out, lines, time.Now()); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "does not run") || !strings.Contains(out.String(), "1 of 2 ok") {
		t.Error(out.String())
	}
	if err := Print(&out, lines[:1], time.Now()); err != nil {
		t.Error(err)
	}
}

func TestOnlyOurShimsAreOurs(t *testing.T) {
	n := &Node{}
	n.Layout.State, n.values.State = "/s", "/s"
	for name, tc := range map[string]struct {
		argv []string
		ours bool
	}{
		"a component":        {[]string{"/s/bin/kubelet", "--config=x"}, true},
		"our shim":           {[]string{"/c/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address", "/s/run/containerd.sock"}, true},
		"our runc":           {[]string{"runc", "--root", "/s/run/runc/k8s.io", "init"}, true},
		"another's shim":     {[]string{"/usr/bin/containerd-shim-runc-v2", "-address", "/run/containerd/containerd.sock"}, false},
		"an editor of ours":  {[]string{"vi", "/s/log/kubelet.log"}, false},
		"another state's":    {[]string{"/s2/bin/kubelet"}, false},
		"below, but not bin": {[]string{"/s/bin/x/kubelet"}, false},
	} {
		if got := n.isOurs(process.Running{Argv: tc.argv}); got != tc.ours {
			t.Errorf("%s: %v", name, got)
		}
	}
}
