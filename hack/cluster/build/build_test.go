package build

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/loket-dev/loket/hack/cluster/progress"
)

func given(extra ...string) fstest.MapFS {
	m := fstest.MapFS{
		"go.mod": {Data: []byte("module x\n\nrequire (\n\tk8s.io/kubernetes v1.37.2\n\tgithub.com/containerd/containerd/v2 v2.4.2 // why\n)\n\nreplace k8s.io/kubernetes => ../k\n")},
		"go.sum": {}, "cmd/kube/main.go": {Data: []byte("package main")},
	}
	for i := 0; i+1 < len(extra); i += 2 {
		m[extra[i]] = &fstest.MapFile{Data: []byte(extra[i+1])}
	}
	return m
}

func version(t *testing.T, sources fs.FS) string {
	t.Helper()
	v, err := Cache{Sources: sources}.version()
	if err != nil || !versionRule.MatchString(v) {
		t.Fatalf("%q, %v", v, err)
	}
	return v
}

func TestAVersionIsWhatWouldBeBuilt(t *testing.T) {
	first := version(t, given())
	if version(t, given()) != first {
		t.Error("the same sources have two versions")
	}
	if version(t, given("cmd/kube/main.go", "package main // changed")) == first {
		t.Error("a changed program has the old version")
	}
	if version(t, given("cmd/kube/main_test.go", "package main")) != first {
		t.Error("a test would have everything linked again")
	}
	if _, err := (Cache{Sources: fstest.MapFS{"go.mod": {Data: []byte("module x\n")}}}).version(); err == nil || !strings.Contains(err.Error(), "k8s.io/kubernetes") {
		t.Errorf("without Kubernetes: %v", err)
	}
}

func TestTheNodeReportsItsVersion(t *testing.T) {
	flags, err := Cache{Sources: given()}.flags()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"version.gitVersion=v1.37.2", "version.gitMajor=1", "version.gitMinor=37", "version.Version=v2.4.2"} {
		if !strings.Contains(strings.Join(flags, " "), want) {
			t.Errorf("no %s in %q", want, flags)
		}
	}
}

// A program without its other names, or a name that leads nowhere, is a build that was cut.
func TestAHalfBuildIsNotTakenForAWhole(t *testing.T) {
	dir := t.TempDir()
	p := []program{{name: "kube", links: []string{"kubectl"}}}
	if len(absent(dir, p)) != 1 {
		t.Error("nothing is there")
	}
	if err := os.Symlink("kube", filepath.Join(dir, "kubectl")); err != nil {
		t.Fatal(err)
	}
	if len(absent(dir, p)) != 1 {
		t.Error("only a name is there, which leads nowhere")
	}
	if err := os.WriteFile(filepath.Join(dir, "kube"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if len(absent(dir, p)) != 0 {
		t.Error("all is there")
	}
}

func TestWhatGoBuildPrints(t *testing.T) {
	c := &progress.Counter{Printer: progress.New(new(strings.Builder)), Every: time.Hour}
	said := watch(strings.NewReader("net/http\nk8s.io/api/core/v1\ngo: downloading x v1\n# x/cmd\ncmd/x.go:3:1: undefined: y\n"), c)
	if c.Seen() != 2 || said != "# x/cmd\ncmd/x.go:3:1: undefined: y\n" {
		t.Errorf("%d packages, said %q", c.Seen(), said)
	}
}

func TestOldVersionsGoAndOthersFilesStay(t *testing.T) {
	c := Cache{Dir: t.TempDir()}
	names := []string{"aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc", "dddddddddddddddd", "tools"}
	for i, n := range names {
		dir := filepath.Join(c.own(), n)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		if err := os.Chtimes(dir, at, at); err != nil {
			t.Fatal(err)
		}
	}
	c.removeOld(Set{Bin: filepath.Join(c.own(), names[0]), Version: names[0]}) // the oldest, and in use
	var left []string
	entries, _ := os.ReadDir(c.own())
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "aaaaaaaaaaaaaaaa cccccccccccccccc dddddddddddddddd tools" {
		t.Errorf("left: %s", got)
	}
}
