package postgres

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loket-dev/loket/hack/cluster/paths"
	"github.com/loket-dev/loket/hack/cluster/process"
	"github.com/loket-dev/loket/hack/cluster/progress"
)

func TestWhichReleaseIsRun(t *testing.T) {
	no := func(string) bool { return false }
	for name, tc := range map[string]struct {
		found []string
		data  func(string) bool
		want  string
	}{
		"15 where it is":                {[]string{"13", "15", "17"}, no, "15"},
		"else the newest":               {[]string{"9", "17", "13"}, no, "17"},
		"the one that made the data":    {[]string{"13", "15"}, func(v string) bool { return v == "13" }, "13"},
		"nothing that is not a release": {[]string{"old"}, no, ""},
		"no PostgreSQL, and what to do": {nil, no, ""},
	} {
		if got, err := pick(tc.found, tc.data); got != tc.want || (err != nil) != (tc.want == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestNamesThatNeedCareAreRefused(t *testing.T) {
	i, err := New(paths.Layout{State: t.TempDir()}, Local, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "Ojk", "a b", `a"b`, "a'; --", "pg_x", "postgres", "template1", "../x", strings.Repeat("a", 64)} {
		if _, err := i.CreateDatabase(context.Background(), name); err == nil || !strings.Contains(err.Error(), "a name is") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := New(paths.Layout{}, "../x", nil); err == nil {
		t.Error("an instance may not be a path")
	}
}

func TestAServerThatNeverRanSaysHowToStartIt(t *testing.T) {
	for name, want := range map[string]string{Cluster: "up --postgres", "bench": "postgres up --instance bench"} {
		i, err := New(paths.Layout{State: t.TempDir()}, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.AdminURI(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := i.CreateDatabase(t.Context(), "one"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: a database was to be made: %v", name, err)
		}
	}
}

// The real server, where Debian's is installed; it needs neither root nor a cluster.
func TestAServerAndItsDatabases(t *testing.T) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(found) == 0 {
		t.Skip("no PostgreSQL here; `deps --install` gets it")
	}
	state, err := os.MkdirTemp("", "loket-pg-")
	if err != nil {
		t.Fatal(err)
	}
	layout := paths.Layout{State: filepath.Join(state, "s")}
	i, err := New(layout, Local, progress.New(t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	t.Cleanup(func() {
		if err := i.Remove(); err != nil {
			t.Error(err)
		}
		if _, ok := i.Running(); ok {
			t.Error("it runs on after it was removed")
		}
		_ = os.RemoveAll(state)
	})
	up := func() {
		t.Helper()
		if err := i.Up(ctx, "127.0.0.1", 0, false); err != nil {
			t.Fatal(err)
		}
	}
	create := func(name string) string {
		t.Helper()
		uri, err := i.CreateDatabase(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return uri
	}
	sql := func(uri, statement string) (string, error) {
		out, err := exec.Command("psql", "--no-psqlrc", "-At", uri, "-c", statement).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	up()
	first := create("tenant-ojk")
	if got, err := sql(first, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7); SHOW fsync"); err != nil || !strings.HasSuffix(got, "on") {
		t.Fatalf("the owner cannot work in it, or fsync is off: %s", got)
	}
	other := create("tenant_2")
	if got, err := sql(strings.Replace(other, "/tenant_2?", "/tenant-ojk?", 1), "SELECT 1"); err == nil || !strings.Contains(got, "permission denied") {
		t.Errorf("another tenant got in: %s", got)
	}
	if got, err := sql(strings.Replace(first, "tenant-ojk:", "tenant-ojk:x", 1), "SELECT 1"); err == nil {
		t.Errorf("a wrong password got in: %s", got)
	}

	running, _ := i.Running()
	if _, err := process.Stop(0, running); err != nil {
		t.Fatal(err)
	}
	up()
	if got, err := sql(first, "SELECT n FROM kept"); err != nil || got != "7" {
		t.Errorf("after a kill: %s", got)
	}
	again, _ := i.Running()
	up()
	if same, _ := i.Running(); same.PID != again.PID || running.PID == again.PID {
		t.Error("a running server was started anew, or a killed one was not")
	}
	if create("tenant-ojk") != first {
		t.Error("the URI changed")
	}
	if info, err := os.Stat(i.dir("password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password's file: %v, %v", info, err)
	}
	if err := i.DropDatabase(ctx, "tenant_2"); err != nil {
		t.Error(err)
	}
	if _, err := sql(other, "SELECT 1"); err == nil {
		t.Error("the dropped database still answers")
	}
	if !slices.Equal(Instances(layout.In), []string{Local}) {
		t.Errorf("instances %v", Instances(layout.In))
	}
	if err := os.RemoveAll(layout.In("postgres", Local, "password")); err != nil { // as whoever removes the cluster's folder
		t.Fatal(err)
	}
	up()
	if got, err := sql(create("tenant-ojk"), "SELECT to_regclass('kept') IS NULL"); err != nil || got != "t" {
		t.Errorf("begun anew: %s", got)
	}
}
