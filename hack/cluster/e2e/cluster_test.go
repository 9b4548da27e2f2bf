package e2e

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loket-dev/loket/hack/cluster/process"
)

func itoa(n int) string { return strconv.Itoa(n) }

// borrowed is all that the cluster takes of the machine, as text to compare before and after.
func borrowed(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, file := range []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/ip_forward"} {
		text, _ := os.ReadFile("/proc/sys/" + file)
		b.WriteString(file + "=" + string(text))
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		b.WriteString("link " + l.Name + "\n")
	}
	routes, _ := exec.Command("ip", "route").Output()
	b.Write(routes)
	mounts, _ := os.ReadFile("/proc/self/mounts")
	b.Write(mounts)
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/loket*")
	more, _ := filepath.Glob("/sys/fs/cgroup/loket*")
	b.WriteString(strings.Join(append(groups, more...), "\n"))
	for _, place := range []string{"/run/netns", "/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/lib/loket-cluster"} {
		_ = filepath.WalkDir(place, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				b.WriteString(path + "\n")
			}
			return nil
		})
	}
	return b.String()
}

func TestTheClusterAsAWhole(t *testing.T) {
	before := borrowed(t)
	r := newRig(t)
	r.run("up", "--postgres")
	r.run("status")
	r.run("load", r.image())
	r.kubectl("apply", "-f", "workload.yaml")
	r.deployed()

	t.Run("a Service answers right after its roll-out, by its address and by NodePort", func(t *testing.T) {
		for _, url := range []string{"http://10.96.77.77", "http://10.199.0.2:30077"} {
			if got, err := request("GET", url, ""); err != nil || !strings.HasPrefix(got, "web-") {
				time.Sleep(100 * time.Millisecond) // the proxy's 50 ms
				if got, err = request("GET", url, ""); err != nil || !strings.HasPrefix(got, "web-") {
					t.Errorf("%s: %q, %v", url, got, err)
				}
			}
		}
	})
	t.Run("pods resolve Services and reach them, themselves included", func(t *testing.T) {
		for range 6 { // both pods are hit, so one of them is the asker
			if got := r.kubectl("-n", "probe", "exec", "deploy/web", "--", "/probe", "get", "http://web.probe.svc.cluster.local"); !strings.HasPrefix(got, "web-") {
				t.Errorf("got %q", got)
			}
		}
	})
	t.Run("logs are there", func(t *testing.T) {
		if got := r.kubectl("-n", "probe", "logs", "deploy/web"); !strings.Contains(got, "serves") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("pods reach PostgreSQL on the machine", func(t *testing.T) {
		uri := r.run("postgres", "createdb", "ojk")
		if again := r.run("postgres", "createdb", "ojk"); again != uri {
			t.Errorf("first %s, then %s", uri, again)
		}
		_, rest, _ := strings.Cut(uri, "@")
		address, _, _ := strings.Cut(rest, "/")
		r.kubectl("-n", "probe", "exec", "deploy/web", "--", "/probe", "dial", address)
		r.kubectl("-n", "probe", "exec", "deploy/web", "--", "/probe", "dial", "host.loket.internal:"+address[strings.LastIndex(address, ":")+1:])
	})
	t.Run("nobody gets in without a certificate", func(t *testing.T) {
		insecure := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		resp, err := insecure.Get("https://10.199.0.2:6443/version")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %s", resp.Status)
		}
	})

	note := func() (string, error) { return request("GET", "http://10.96.77.78/note", "") }
	if _, err := request("PUT", "http://10.96.77.78/note", "kept"); err != nil {
		t.Fatal(err)
	}
	r.eventually("a pod without root writes to its volume", note, "kept")
	r.kubectl("-n", "probe", "delete", "pod", "notes-0")
	r.deployed()
	r.eventually("the next pod reads it", note, "kept")

	t.Run("all processes killed, up heals", func(t *testing.T) {
		if _, err := process.Stop(0, r.alive()...); err != nil {
			t.Fatal(err)
		}
		if left := r.alive(); len(left) > 0 {
			t.Fatalf("still alive: %v", left)
		}
		r.run("up", "--postgres")
		r.run("status")
		r.eventually("Service", func() (string, error) { return request("GET", "http://10.96.77.77", "") }, "web-")
		r.eventually("volume", note, "kept")
	})
	t.Run("the control plane killed, pods go on and are taken over", func(t *testing.T) {
		pods := r.kubectl("-n", "probe", "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}")
		var components []process.Running
		for _, p := range r.alive() {
			if filepath.Dir(p.Argv[0]) == filepath.Join(r.state, "bin") {
				components = append(components, p)
			}
		}
		if _, err := process.Stop(0, components...); err != nil || len(components) != 8 {
			t.Fatalf("killed %d components of 8: %v", len(components), err)
		}
		if got, err := request("GET", "http://10.96.77.77", ""); err != nil {
			t.Errorf("the Service stopped with the control plane: %q, %v", got, err)
		}
		r.run("up")
		if now := r.kubectl("-n", "probe", "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}"); now != pods {
			t.Errorf("containers were\n%s\nand are\n%s", pods, now)
		}
	})
	t.Run("down keeps what the cluster was told", func(t *testing.T) {
		r.run("down")
		if left := r.alive(); len(left) > 0 {
			t.Errorf("still alive: %v", left)
		}
		r.run("up", "--postgres")
		r.deployed()
		r.eventually("volume", note, "kept")
	})
	t.Run("a deleted claim takes its folder along", func(t *testing.T) {
		r.kubectl("-n", "probe", "delete", "statefulset/notes")
		r.kubectl("-n", "probe", "delete", "pvc", "--all")
		r.eventually("volumes", func() (string, error) {
			left, err := os.ReadDir(filepath.Join(r.state, "volumes"))
			return itoa(len(left)), err
		}, "0")
	})

	r.run("purge")
	if left := r.alive(); len(left) > 0 {
		t.Errorf("still alive: %v", left)
	}
	if after := borrowed(t); after != before {
		t.Errorf("the machine was\n%s\nand is\n%s", before, after)
	}
	if _, err := os.Stat(r.state); err == nil {
		t.Error("the state folder is still there")
	}
}

// Whatever moment an up is killed at, the next one finishes what it began; and a down can take back what
// a half of an up had borrowed.
func TestAnUpThatWasKilled(t *testing.T) {
	before := borrowed(t)
	r := newRig(t)
	for _, after := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second} {
		cut := exec.Command(r.command, "--state", r.state, "up")
		if err := cut.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cut.Process.Kill()
		_ = cut.Wait()
		if after == 250*time.Millisecond || after == 2*time.Second {
			r.run("down")
			if left := r.alive(); len(left) > 0 {
				t.Errorf("cut after %s, then down; still alive: %v", after, left)
			}
		}
	}
	// What a killed `ip netns add` leaves: a file that holds no namespace.
	r.run("down")
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/run/netns/loket", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.run("up")
	r.run("status")
	twice := map[string]int{}
	for _, p := range r.alive() {
		if filepath.Dir(p.Argv[0]) == filepath.Join(r.state, "bin") {
			twice[filepath.Base(p.Argv[0])]++
		}
	}
	for name, n := range twice {
		if n != 1 {
			t.Errorf("%s runs %d times", name, n)
		}
	}
	r.run("purge")
	if after := borrowed(t); after != before {
		t.Errorf("the machine was\n%s\nand is\n%s", before, after)
	}
}
