// Package build compiles the cluster's programs and packs its images, once for each version.
//
// A version is a hash over the sources, the module files, the flags and the Go release; each has a folder
// of its own in the cache. A program is built into a temporary folder and renamed, so that a program
// that is there is whole, and a build that was cut goes on from Go's own build cache.
package build

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/loket-dev/loket/hack/cluster/image"
	"github.com/loket-dev/loket/hack/cluster/paths"
	"github.com/loket-dev/loket/hack/cluster/progress"
)

// versionRule is what the folder of a version is called.
var versionRule = regexp.MustCompile(`^[0-9a-f]{16}$`)

// keep is how many versions stay in the cache, the latest used first; each is about 300 MB.
const keep = 3

// program is one executable and the package it is built from.
type program struct {
	name, pkg string
	links     []string // other names that it is started by
}

const self = "github.com/loket-dev/loket/hack/cluster/"

// kube is what envtest needs; the others make it a node.
var (
	kube = program{"kube", self + "cmd/kube", []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet"}}
	node = []program{
		kube,
		{"coredns", self + "cmd/coredns", nil},
		{"pause", self + "cmd/pause", nil},
		{"provisioner", self + "cmd/provisioner", nil},
		{"containerd", "github.com/containerd/containerd/v2/cmd/containerd", nil},
		{"containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2", nil},
		{"ctr", "github.com/containerd/containerd/v2/cmd/ctr", nil},
	}
)

// Cache is where built versions are. The folder has others' things too; ours are below Dir/kubernetes.
type Cache struct {
	Dir     string
	Sources fs.FS
	Out     *progress.Printer
}

// Set is one version that is built as far as was asked.
type Set struct {
	Bin         string // programs; also what envtest takes for KUBEBUILDER_ASSETS
	Version     string
	PauseImage  string
	DNSImage    string
	ImageFiles  []string // tarballs of the two
	Kubernetes  string   // v1.37.2
	Complete    bool     // everything for a node is there
	AssetsReady bool     // what envtest needs is there
}

func (c Cache) own() string { return filepath.Join(c.Dir, "kubernetes") }

// Look tells what is built, without building.
func (c Cache) Look() (Set, error) {
	version, err := c.version()
	if err != nil {
		return Set{}, err
	}
	dir := filepath.Join(c.own(), version)
	tag := version[:8]
	s := Set{
		Bin: dir, Version: version,
		PauseImage: "docker.io/loket/pause:" + tag, DNSImage: "docker.io/loket/coredns:" + tag,
		ImageFiles: []string{filepath.Join(dir, "images", "pause.tar"), filepath.Join(dir, "images", "coredns.tar")},
	}
	if s.Kubernetes, err = c.require("k8s.io/kubernetes"); err != nil {
		return Set{}, err
	}
	s.AssetsReady = len(absent(dir, []program{kube})) == 0
	s.Complete = len(absent(dir, node)) == 0 && !slices.ContainsFunc(s.ImageFiles, func(f string) bool { return !exists(f) })
	return s, nil
}

// Node builds everything that a node needs.
func (c Cache) Node(ctx context.Context) (Set, error) { return c.ensure(ctx, node, true) }

// Assets builds what envtest needs.
func (c Cache) Assets(ctx context.Context) (Set, error) { return c.ensure(ctx, []program{kube}, false) }

func (c Cache) ensure(ctx context.Context, programs []program, images bool) (Set, error) {
	set, err := c.Look()
	if err != nil {
		return Set{}, err
	}
	if set.Complete || set.AssetsReady && !images {
		now := time.Now()
		_ = os.Chtimes(set.Bin, now, now) // used now, as removing old versions counts it; another's cache need not
		return set, nil
	}
	unlock, err := paths.Lock(filepath.Join(c.own(), "build.lock"), func() { c.Out.Say("another process is building; waiting for it") })
	if err != nil {
		return Set{}, err
	}
	defer unlock()
	if err := c.compile(ctx, set, absent(set.Bin, programs)); err != nil {
		return Set{}, err
	}
	if images {
		if err := c.pack(set); err != nil {
			return Set{}, err
		}
	}
	c.removeOld(set)
	return c.Look()
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// absent are the programs that lack their file or one of their names.
func absent(dir string, programs []program) []program {
	var list []program
	for _, p := range programs {
		names := append([]string{p.name}, p.links...)
		if slices.ContainsFunc(names, func(n string) bool { return !exists(filepath.Join(dir, n)) }) {
			list = append(list, p)
		}
	}
	return list
}

func (c Cache) compile(ctx context.Context, set Set, programs []program) error {
	if len(programs) == 0 {
		return nil
	}
	work := filepath.Join(c.own(), "build") // under the lock; what a cut build left is overwritten
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	src, out := filepath.Join(work, "src"), filepath.Join(work, "bin")
	if err := c.unpack(src); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	c.Out.Say("building %s of Kubernetes %s from source; the first time takes 7 minutes on two cores", names(programs), set.Kubernetes)
	if err := c.goBuild(ctx, src, out, programs); err != nil {
		return err
	}
	if err := os.MkdirAll(set.Bin, 0o755); err != nil {
		return err
	}
	for _, p := range programs {
		for _, link := range p.links {
			to := filepath.Join(out, link)
			if err := errors.Join(os.Symlink(p.name, to), os.Rename(to, filepath.Join(set.Bin, link))); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(out, p.name), filepath.Join(set.Bin, p.name)); err != nil {
			return err
		}
	}
	return nil
}

func names(programs []program) string {
	var list []string
	for _, p := range programs {
		list = append(list, p.name)
	}
	return strings.Join(list, ", ")
}

// goBuild runs one `go build` for all, which compiles what they share once.
func (c Cache) goBuild(ctx context.Context, src, out string, programs []program) error {
	args := []string{"build", "-v"}
	flags, err := c.flags()
	if err != nil {
		return err
	}
	args = append(args, flags...)
	args = append(args, "-o", out+"/")
	for _, p := range programs {
		args = append(args, p.pkg)
	}
	counter := &progress.Counter{Printer: c.Out, What: "compiled %d of at most %d packages", Total: countPackages(ctx, src, programs), Every: 10 * time.Second}
	cmd := goCommand(ctx, src, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the cluster's programs are built from source here: %w; put Go %s or newer there", err, strings.TrimPrefix(runtime.Version(), "go"))
	}
	said := watch(stderr, counter)
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return errors.New("the build was interrupted; nothing is lost, the next one goes on from there")
		}
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	c.Out.Say("built: %d packages were compiled", counter.Seen())
	return nil
}

// watch counts the package names that `go build -v` prints and keeps everything else, which is errors.
// Linking says nothing and can take half a minute, so the counter is not the only sign of life.
func watch(r io.Reader, counter *progress.Counter) string {
	var said bytes.Buffer
	var mu sync.Mutex
	done := make(chan struct{})
	defer close(done)
	quiet := time.Now()
	go func() {
		tick := time.NewTicker(15 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				mu.Lock()
				if time.Since(quiet) > 14*time.Second {
					counter.Printer.Say("still compiling a large package, or linking")
				}
				mu.Unlock()
			}
		}
	}()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		mu.Lock()
		quiet = time.Now()
		mu.Unlock()
		if isPackage(line) {
			counter.Add()
		} else if !strings.HasPrefix(line, "go: downloading ") {
			said.WriteString(line + "\n")
		}
	}
	return said.String()
}

// isPackage tells an import path from a line of an error: "net/http" from "# net/http" and "x.go:1: …".
func isPackage(line string) bool { return line != "" && !strings.ContainsAny(line, " :\t#") }

// goCommand ends gently when the context does, so that `go build` takes its temporary files away.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func countPackages(ctx context.Context, src string, programs []program) int {
	args := []string{"list", "-deps", "-tags", tags}
	for _, p := range programs {
		args = append(args, p.pkg)
	}
	out, err := goCommand(ctx, src, args...).Output()
	if err != nil {
		return 0 // the build itself will say why
	}
	return bytes.Count(out, []byte("\n"))
}

// pack makes the images of the pods that every cluster has.
func (c Cache) pack(set Set) error {
	for i, ref := range []string{set.PauseImage, set.DNSImage} {
		name := []string{"pause", "coredns"}[i]
		_, err := image.Write(image.Spec{
			Ref: ref, NoAuthorities: true,
			Files: []image.File{{Path: "/" + name, From: filepath.Join(set.Bin, name), Mode: 0o555}},
		}, set.ImageFiles[i])
		if err != nil {
			return err
		}
	}
	return nil
}

// removeOld keeps the versions that were used last. Errors do not matter: the next build tries again.
func (c Cache) removeOld(set Set) {
	all, err := os.ReadDir(c.own())
	if err != nil {
		return
	}
	all = slices.DeleteFunc(all, func(e fs.DirEntry) bool { return !versionRule.MatchString(e.Name()) })
	used := func(e fs.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil || e.Name() == set.Version {
			return time.Now()
		}
		return info.ModTime()
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return used(b).Compare(used(a)) })
	for _, e := range all[min(keep, len(all)):] {
		_ = os.RemoveAll(filepath.Join(c.own(), e.Name()))
	}
}

// version is the hash that names this build.
func (c Cache) version() (string, error) {
	sum := sha256.New()
	flags, err := c.flags()
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintln(sum, runtime.Version(), runtime.GOARCH, flags)
	err = c.walk(func(path string, content []byte) error {
		_, err := fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

// walk visits the sources that a build reads, in order.
func (c Cache) walk(visit func(path string, content []byte) error) error {
	return fs.WalkDir(c.Sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := fs.ReadFile(c.Sources, path)
		if err != nil {
			return err
		}
		return visit(path, content)
	})
}

func (c Cache) unpack(dir string) error {
	return c.walk(func(path string, content []byte) error {
		file := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, content, 0o644)
	})
}
