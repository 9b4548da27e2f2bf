// Package image packs static programs as container images, without a container engine.
//
// The same input gives the same digest: times, owners and order are fixed, and nothing of the machine
// gets in but the files that were named and, where it has them, its certificate authorities.
package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// User is who programs run as: the number that distroless images call nonroot, so that a pod's
// runAsNonRoot is satisfied by the image alone.
const User = 65532

// Authorities is where Go programs look for certificate authorities first.
const Authorities = "/etc/ssl/certs/ca-certificates.crt"

// Spec is an image to be made.
type Spec struct {
	Ref        string   // loket.dev/operator:dev; without a registry it is docker.io's
	Entrypoint []string // the first file when empty
	Args       []string
	Env        []string
	Ports      []string // "8080/tcp"
	Files      []File
	// NoAuthorities leaves the machine's certificate authorities out.
	NoAuthorities bool
}

// File is one file in the image.
type File struct {
	Path string // in the image, absolute
	From string // on the machine
	Mode int64  // that of From without its write bits when 0; executable files stay so
}

// Write makes the image and writes it to out, as `docker load` and `cluster load` take it. The file is
// there as a whole or not at all. It returns the image's digest.
func Write(spec Spec, out string) (string, error) {
	tag, err := Tag(spec.Ref)
	if err != nil {
		return "", err
	}
	img, err := build(spec)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", spec.Ref, err)
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return "", err
	}
	if err := tarball.WriteToFile(out+".new", tag, img); err != nil {
		return "", err
	}
	if err := os.Rename(out+".new", out); err != nil {
		return "", err
	}
	digest, err := img.Digest()
	return digest.String(), err
}

// Tag reads a reference and spells it out as the kubelet does: "pause:1" is docker.io/library/pause:1.
// An image imported under a shorter name would not be found.
func Tag(ref string) (name.Tag, error) {
	tag, err := name.NewTag(ref, name.WithDefaultTag("latest"))
	if err != nil {
		return name.Tag{}, fmt.Errorf("image reference %q: %w", ref, err)
	}
	full := strings.Replace(tag.Name(), name.DefaultRegistry+"/", "docker.io/", 1)
	return name.NewTag(full)
}

func build(spec Spec) (v1.Image, error) {
	if len(spec.Files) == 0 {
		return nil, errors.New("no files; name at least the program")
	}
	layer, err := layer(spec)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	entrypoint := spec.Entrypoint
	if len(entrypoint) == 0 {
		entrypoint = []string{spec.Files[0].Path}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Created = v1.Time{Time: epoch}
	config.Config = v1.Config{
		Entrypoint: entrypoint, Cmd: spec.Args, WorkingDir: "/", User: fmt.Sprintf("%d:%d", User, User),
		Env:          append([]string{"PATH=/", "HOME=/tmp"}, spec.Env...),
		ExposedPorts: map[string]struct{}{},
	}
	for _, p := range spec.Ports {
		config.Config.ExposedPorts[p] = struct{}{}
	}
	return mutate.ConfigFile(img, config)
}

var epoch = time.Unix(0, 0).UTC()

// layer is everything in one layer: folders before what is in them, files by path.
func layer(spec Spec) (v1.Layer, error) {
	entries, err := contents(spec)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		header := &tar.Header{Name: strings.TrimPrefix(e.path, "/"), Mode: e.mode, ModTime: epoch, Typeflag: tar.TypeReg, Size: int64(len(e.content))}
		if e.dir {
			header.Name, header.Typeflag = header.Name+"/", tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buf.Bytes())), nil
	})
}

type entry struct {
	path    string
	dir     bool
	mode    int64
	content []byte
}

func contents(spec Spec) ([]entry, error) {
	all := map[string]entry{}
	add := func(e entry) {
		for dir := path.Dir(e.path); dir != "/"; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = entry{path: dir, dir: true, mode: 0o755}
			}
		}
		all[e.path] = e
	}
	add(entry{path: "/tmp", dir: true, mode: 0o1777})
	add(entry{path: "/etc/passwd", mode: 0o644, content: fmt.Appendf(nil, "nonroot:x:%[1]d:%[1]d::/tmp:/sbin/nologin\n", User)})
	add(entry{path: "/etc/group", mode: 0o644, content: fmt.Appendf(nil, "nonroot:x:%d:\n", User)})
	if !spec.NoAuthorities {
		pem, err := os.ReadFile(Authorities)
		if err == nil {
			add(entry{path: Authorities, mode: 0o644, content: pem})
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, f := range spec.Files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/" {
			return nil, fmt.Errorf("path %q in the image: it must be absolute and clean", f.Path)
		}
		content, err := os.ReadFile(f.From)
		if err != nil {
			return nil, err
		}
		mode := f.Mode
		if mode == 0 {
			info, err := os.Stat(f.From)
			if err != nil {
				return nil, err
			}
			mode = 0o444 // of the machine's bits only x: umasks differ from one to the next
			if info.Mode()&0o111 != 0 {
				mode = 0o555
			}
		}
		add(entry{path: f.Path, mode: mode, content: content})
	}
	entries := make([]entry, 0, len(all))
	for _, e := range all {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	return entries, nil
}
