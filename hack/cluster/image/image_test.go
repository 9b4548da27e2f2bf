package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func program(t *testing.T, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "operator")
	if err := os.WriteFile(file, []byte("#!/bin/true\n"), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func spec(file string) Spec {
	return Spec{
		Ref: "loket.dev/operator:dev", Args: []string{"serve"}, Ports: []string{"8080/tcp"}, NoAuthorities: true,
		Files: []File{{Path: "/operator", From: file}, {Path: "/etc/loket/flow.yaml", From: file, Mode: 0o644}},
	}
}

func TestTheSameInputHasTheSameDigest(t *testing.T) {
	first := program(t, 0o755)
	second := program(t, 0o700) // another place, another umask
	if err := os.Chtimes(second, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, file := range []string{first, second} {
		digest, err := Write(spec(file), filepath.Join(t.TempDir(), "x.tar"))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] || !strings.HasPrefix(digests[0], "sha256:") {
		t.Errorf("got %q", digests)
	}
}

func TestAnImageRunsWithoutRoot(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.tar")
	if _, err := Write(spec(program(t, 0o755)), out); err != nil {
		t.Fatal(err)
	}
	tag, err := Tag("loket.dev/operator:dev")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(out, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/operator"}) || !slices.Equal(c.Cmd, []string{"serve"}) {
		t.Errorf("%+v", c)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	var order []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.Mode
		order = append(order, h.Name)
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s: owner %d:%d, time %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
	}
	if modes["operator"] != 0o555 || modes["etc/loket/flow.yaml"] != 0o644 || modes["tmp/"] != 0o1777 {
		t.Errorf("modes %v", modes)
	}
	if slices.Index(order, "etc/loket/") > slices.Index(order, "etc/loket/flow.yaml") {
		t.Errorf("a file before its folder: %v", order)
	}
}

func TestReferencesAreSpeltOut(t *testing.T) {
	for ref, want := range map[string]string{
		"pause:1":                "docker.io/library/pause:1",
		"loket/pause:1":          "docker.io/loket/pause:1",
		"docker.io/loket/x":      "docker.io/loket/x:latest",
		"loket.dev/operator:dev": "loket.dev/operator:dev",
	} {
		tag, err := Tag(ref)
		if err != nil || tag.String() != want {
			t.Errorf("%s is %s, %v; want %s", ref, tag, err, want)
		}
	}
	if _, err := Tag("Not A Name"); err == nil {
		t.Error("nonsense was taken for a reference")
	}
}

func TestWhatCannotBePackedIsSaid(t *testing.T) {
	file := program(t, 0o755)
	for name, s := range map[string]Spec{
		"no files":           {Ref: "x:1"},
		"a relative path":    {Ref: "x:1", Files: []File{{Path: "operator", From: file}}},
		"a path with dots":   {Ref: "x:1", Files: []File{{Path: "/a/../b", From: file}}},
		"a file not there":   {Ref: "x:1", Files: []File{{Path: "/a", From: file + "x"}}},
		"a bad reference":    {Ref: "?", Files: []File{{Path: "/a", From: file}}},
		"the root as a file": {Ref: "x:1", Files: []File{{Path: "/", From: file}}},
	} {
		out := filepath.Join(t.TempDir(), "x.tar")
		if _, err := Write(s, out); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file was written all the same", name)
		}
	}
}
