package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	hybrid = `tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`
	joint = `cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,nodev,noexec,relatime,memory 0 0
`
	unified = `sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0
bpf /sys/fs/bpf bpf rw,nosuid,nodev,noexec,relatime,mode=700 0 0
`
)

func TestWhichControlGroupsAMachineHas(t *testing.T) {
	for name, tc := range map[string]struct {
		mounts  string
		unified bool
		roots   []string
		problem string
	}{
		"a hybrid machine's groups are of version 1, and version 2 is cleaned up as well": {mounts: hybrid,
			roots: []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}},
		"controllers of version 1 may share a hierarchy": {mounts: joint, roots: []string{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"}},
		"a machine with version 2 has one root":          {mounts: unified, unified: true, roots: []string{"/sys/fs/cgroup"}},
		"a hierarchy that was mounted twice counts once": {mounts: unified + "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", unified: true, roots: []string{"/sys/fs/cgroup"}},
		"without groups the error says how to mount":     {mounts: "proc /proc proc rw 0 0\n", problem: "mount -t cgroup2"},
		"version 1 without memory is not enough":         {mounts: "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", problem: "without cpu or memory"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DetectCgroups(ParseMounts(tc.mounts))
			if tc.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tc.problem) {
					t.Fatalf("got %v, want an error with %q", err, tc.problem)
				}
				return
			}
			if err != nil || got.Unified != tc.unified || !slices.Equal(got.Roots, tc.roots) {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	}
}

// A folder stands in for the version 2 file system: what is written to subtree_control is what matters.
func TestVersion2HandsControllersDown(t *testing.T) {
	root := t.TempDir()
	group := filepath.Join(root, "loket-k8s")
	write := func(dir, file, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{root, group} {
		write(dir, "cgroup.controllers", "cpuset cpu io memory pids\n")
		write(dir, "cgroup.subtree_control", "cpuset cpu io memory\n")
	}
	if err := (Cgroups{Unified: true, Roots: []string{root}}).Make("loket-k8s"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, group} {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		if string(text) != "+pids" {
			t.Errorf("%s: wrote %q, and only pids was missing", dir, text)
		}
	}
	write(group, "cgroup.controllers", "cpu pids\n")
	if err := (Cgroups{Unified: true, Roots: []string{root}}).Make("loket-k8s"); err == nil || !strings.Contains(err.Error(), "no controller memory") {
		t.Errorf("a group without memory was accepted: %v", err)
	}
}

func TestMissingControllers(t *testing.T) {
	if got := missing("cpuset cpu io memory hugetlb pids rdma misc", "cpu memory"); !slices.Equal(got, []string{"cpuset", "pids", "io", "hugetlb"}) {
		t.Errorf("got %v", got)
	}
}

// An empty cpuset takes no process; it must get its parent's, and one that is set must keep its own.
func TestACpusetGroupIsNotLeftEmpty(t *testing.T) {
	root := t.TempDir()
	group := filepath.Join(root, "loket-k8s")
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		root + "/cpuset.cpus": "0-1\n", root + "/cpuset.mems": "0\n", group + "/cpuset.cpus": "\n", group + "/cpuset.mems": "1\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Cgroups{Roots: []string{root}}).Make("loket-k8s"); err != nil {
		t.Fatal(err)
	}
	cpus, _ := os.ReadFile(group + "/cpuset.cpus")
	mems, _ := os.ReadFile(group + "/cpuset.mems")
	if string(cpus) != "0-1\n" || string(mems) != "1\n" {
		t.Errorf("cpus %q, mems %q", cpus, mems)
	}
}

func TestMountsBelowAFolder(t *testing.T) {
	all := ParseMounts("a /s/run tmpfs rw 0 0\nb /s/run/x overlay rw 0 0\nc /state tmpfs rw 0 0\nd /s/with\\040space tmpfs rw 0 0\n\n")
	var points []string
	for _, m := range Below(all, "/s") {
		points = append(points, m.Point)
	}
	if want := []string{"/s/with space", "/s/run/x", "/s/run"}; !slices.Equal(points, want) {
		t.Errorf("got %q, want %q: newest first, and not what only begins alike", points, want)
	}
}

func TestRoutesInTheWay(t *testing.T) {
	ranges := []netip.Prefix{netip.MustParsePrefix("10.199.0.0/24"), netip.MustParsePrefix("10.244.0.0/16")}
	for name, tc := range map[string]struct {
		routes  string
		refused bool
	}{
		"none":                            {`[{"dst":"default","dev":"eth0"},{"dst":"192.0.2.0/24","dev":"eth0"}]`, false},
		"our own from an earlier run":     {`[{"dst":"10.244.0.0/16","dev":"loket0"}]`, false},
		"another cluster's pods":          {`[{"dst":"10.244.0.0/24","dev":"cni0"}]`, true},
		"one machine within our range":    {`[{"dst":"10.199.0.77","dev":"tun0"}]`, true},
		"a wider one, of a whole company": {`[{"dst":"10.0.0.0/8","dev":"tun0"}]`, false},
		"no answer":                       {``, false},
	} {
		if err := conflicts([]byte(tc.routes), "loket0", ranges); (err != nil) != tc.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSettingsAreRememberedOnceABootAndPutBack(t *testing.T) {
	root := t.TempDir()
	set := func(key, value string) {
		t.Helper()
		file := filepath.Join(root, key)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	get := func(key string) string {
		text, _ := os.ReadFile(filepath.Join(root, key))
		return strings.TrimSpace(string(text))
	}
	s := Sysctls{Root: root, File: filepath.Join(root, "remembered.json")}
	set("kernel/random/boot_id", "first")
	set("vm/overcommit_memory", "0")
	set("kernel/panic", "0")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.Remember())
	set("vm/overcommit_memory", "1") // the kubelet
	check(s.Remember())              // a second up
	check(s.Restore())
	if get("vm/overcommit_memory") != "0" {
		t.Error("the kubelet's setting was remembered as the machine's")
	}
	check(s.Restore()) // nothing to do any more

	check(s.Remember())
	set("kernel/random/boot_id", "second")
	set("kernel/panic", "10")
	check(s.Restore())
	if get("kernel/panic") != "10" {
		t.Error("a setting of an earlier boot was put back")
	}
}
