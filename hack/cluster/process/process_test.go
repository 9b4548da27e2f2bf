package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAProcessNameMayHoldAnything(t *testing.T) {
	for name, line := range map[string]string{
		"plain":       "42 (kubelet) S 1 42 42 0 -1 4194560 9 0 0 0 5 3 0 0 20 0 14 0 7777 1 2 3",
		"parentheses": "42 ((sd-pam) x) S 1 42 42 0 -1 4194560 9 0 0 0 5 3 0 0 20 0 14 0 7777 1 2 3",
	} {
		ppid, start, err := parseStat(line)
		if err != nil || ppid != 1 || start != 7777 {
			t.Errorf("%s: %d, %d, %v", name, ppid, start, err)
		}
	}
	if _, _, err := parseStat("42 (cut"); err == nil {
		t.Error("a cut line was read")
	}
}

// proc writes a table as the kernel shows it.
func proc(t *testing.T, all map[string]Running) string {
	t.Helper()
	root := t.TempDir()
	for pid, r := range all {
		dir := filepath.Join(root, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		line := ""
		if len(r.Argv) > 0 {
			line = strings.Join(r.Argv, "\x00") + "\x00"
		}
		stat := pid + " (x) S " + strconv.Itoa(r.PPID) + " 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " + strconv.FormatUint(r.Start, 10) + " 0 0"
		for file, text := range map[string]string{"cmdline": line, "stat": stat} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestOnlyOurOwnProgramIsFound(t *testing.T) {
	table, err := Table(proc(t, map[string]Running{
		"11": {Argv: []string{"/other/bin/kubelet", "--v=2"}, Start: 1},
		"12": {Argv: []string{"/s/bin/kubelet", "--v=2"}, Start: 3},
		"13": {Argv: nil, Start: 2},                                          // a zombie
		"14": {Argv: []string{"/pg/postgres", "-D", "/elsewhere"}, Start: 4}, // the machine's own
		"15": {Argv: []string{"/pg/postgres", "-D", "/s/data", "-c", "port=5432"}, Start: 5},
		"16": {Argv: []string{"/pg/postgres", "-D", "/s/data", "-c", "port=5432"}, PPID: 5, Start: 6}, // a child before it renames itself
	}))
	if err != nil {
		t.Fatal(err)
	}
	kubelet, ok := Spec{Path: "/cache/kube", Argv0: "/s/bin/kubelet"}.FindIn(table)
	if !ok || kubelet.PID != 12 {
		t.Errorf("kubelet: %+v, %v", kubelet, ok)
	}
	server, ok := Spec{Path: "/pg/postgres", Mark: "/s/data"}.FindIn(table)
	if !ok || server.PID != 15 {
		t.Errorf("server: %+v, %v", server, ok)
	}
	if found, ok := (Spec{Argv0: "/s/bin/etcd"}).FindIn(table); ok {
		t.Errorf("etcd does not run and was found: %+v", found)
	}
}

func TestAProgramOutlivesNothingItShouldNot(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Name: "sleeper", Path: "/bin/sleep", Argv0: filepath.Join(dir, "bin/sleeper"), Args: []string{"600"}, Log: filepath.Join(dir, "log/sleeper.log")}
	started, err := spec.Start()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	found, ok := spec.Find()
	for ; !ok && time.Now().Before(deadline); found, ok = spec.Find() {
		time.Sleep(time.Millisecond)
	}
	if !ok || found.PID != started.PID || !found.Alive() {
		t.Fatalf("found %+v, %v; started %d", found, ok, started.PID)
	}
	if d := time.Since(found.Since()); d < -2*time.Second || d > 30*time.Second {
		t.Errorf("began %s ago", d)
	}
	if why := spec.Current(found); why != "" {
		t.Errorf("just started, and already %s", why)
	}
	changed := spec
	changed.Args = []string{"700"}
	if changed.Current(found) == "" {
		t.Error("other arguments were not noticed")
	}
	reused := found // the number belongs to another process now
	reused.Start++
	if killed, err := Stop(0, reused); err != nil || len(killed) != 0 || !found.Alive() {
		t.Fatalf("a process that only has the number of ours was killed: %v, %v", killed, err)
	}
	if killed, err := Stop(5*time.Second, found); err != nil || len(killed) != 0 {
		t.Fatalf("killed %v, %v; asking should be enough", killed, err)
	}
	<-started.Done
	if _, ok := spec.Find(); ok {
		t.Error("still found after its end")
	}
}

func TestTheErrorOfAProgramThatEndedShowsItsLog(t *testing.T) {
	dir := t.TempDir()
	spec := Spec{Name: "shell", Path: "/bin/sh", Argv0: dir + "/sh", Args: []string{"-c", "echo the port is taken; exit 3"}, Log: filepath.Join(dir, "shell.log")}
	started, err := spec.Start()
	if err == nil {
		<-started.Done
		err = started.Ended()
	}
	if text := err.Error(); !strings.Contains(text, "the port is taken") || !strings.Contains(text, "exit status 3") {
		t.Error(text)
	}
}

func TestMemoryCountsWhatWasSwappedOut(t *testing.T) {
	if got := parseMemory("Name:\tx\nVmRSS:\t    2048 kB\nVmSwap:\t    1024 kB\n"); got != 3<<20 {
		t.Errorf("got %d", got)
	}
}
