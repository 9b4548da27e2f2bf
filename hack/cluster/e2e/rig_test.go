package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/cluster/process"
)

// rig is a cluster with a state folder of its own, and the command that runs it.
type rig struct {
	t       *testing.T
	command string
	state   string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	if os.Getenv("LOKET_CLUSTER_TEST") != "1" {
		t.Skip("set LOKET_CLUSTER_TEST=1 to bring a cluster up and down on this machine, as root")
	}
	state, err := os.MkdirTemp("/var/tmp", "loket-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, command: filepath.Join(t.TempDir(), "cluster"), state: state}
	r.goBuild(r.command, "..")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("status at the end:\n%s", r.try("status"))
		}
		if out, err := exec.Command(r.command, "--state", state, "purge").CombinedOutput(); err != nil {
			t.Errorf("purge: %v\n%s", err, out)
		}
	})
	return r
}

func (r *rig) goBuild(out, pkg string) {
	r.t.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
}

// run says a command and wants it to succeed.
func (r *rig) run(args ...string) string {
	r.t.Helper()
	began := time.Now()
	cmd := exec.Command(r.command, append([]string{"--state", r.state}, args...)...)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out.String(), progress.String())
	}
	if args[0] != "kubectl" {
		r.t.Logf("%s: %.1f s", strings.Join(args, " "), time.Since(began).Seconds())
	}
	return strings.TrimSpace(out.String())
}

// try says a command and takes whatever comes of it.
func (r *rig) try(args ...string) string {
	out, err := exec.Command(r.command, append([]string{"--state", r.state}, args...)...).CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return string(out)
}

func (r *rig) kubectl(args ...string) string {
	r.t.Helper()
	return r.run(append([]string{"kubectl"}, args...)...)
}

// deployed waits until both workloads are what they should be, by the word of the pods that live now.
func (r *rig) deployed() {
	r.t.Helper()
	r.kubectl("-n", "probe", "rollout", "status", "deployment/web", "--timeout=60s")
	r.kubectl("-n", "probe", "rollout", "status", "statefulset/notes", "--timeout=60s")
}

// image packs the workload's program.
func (r *rig) image() string {
	r.t.Helper()
	dir := r.t.TempDir()
	r.goBuild(filepath.Join(dir, "probe"), "./probe")
	out := filepath.Join(dir, "probe.tar")
	r.run("image", "--ref", "loket.dev/probe:test", "--out", out, filepath.Join(dir, "probe"))
	return out
}

func request(method, url, body string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// eventually asks for up to half a minute.
func (r *rig) eventually(what string, ask func() (string, error), want string) {
	r.t.Helper()
	var got string
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got, err = ask(); err == nil && strings.Contains(got, want) {
			return
		}
	}
	r.t.Fatalf("%s: got %q, %v; want %q", what, got, err, want)
}

// alive are the processes that belong to the cluster in any way.
func (r *rig) alive() []process.Running {
	r.t.Helper()
	all, err := process.Table("/proc")
	if err != nil {
		r.t.Fatal(err)
	}
	var ours []process.Running
	for _, p := range all {
		if p.PID == os.Getpid() {
			continue
		}
		if strings.Contains(strings.Join(p.Argv, " "), r.state) || inOurGroup(p.PID) || p.InNamespace("/run/netns/loket") {
			ours = append(ours, p)
		}
	}
	return ours
}

func inOurGroup(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "cgroup"))
	return err == nil && strings.Contains(string(text), "loket-k8s")
}
