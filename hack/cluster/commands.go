package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/loket-dev/loket/hack/cluster/config"
	"github.com/loket-dev/loket/hack/cluster/image"
	"github.com/loket-dev/loket/hack/cluster/needs"
	"github.com/loket-dev/loket/hack/cluster/node"
	"github.com/loket-dev/loket/hack/cluster/postgres"
	"github.com/loket-dev/loket/hack/cluster/process"
)

func up(ctx context.Context, a *app, args []string) error {
	var withPostgres, fresh bool
	rest, err := a.parse("up", args, func(f *flag.FlagSet) {
		f.BoolVar(&withPostgres, "postgres", false, "start PostgreSQL too, where pods reach it")
		f.BoolVar(&fresh, "fresh", false, "purge first")
	})
	if err := none("up", rest, err); err != nil {
		return err
	}
	if err := errors.Join(needs.Node(needs.Here(), withPostgres), needs.Built(needs.Here())); err != nil {
		return err
	}
	set, err := a.cache.Node(ctx)
	if err != nil {
		return err
	}
	n := node.New(a.layout, set, a.progress)
	unlock, err := n.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if fresh {
		if err := purgeAll(ctx, a, n); err != nil {
			return err
		}
	}
	if err := n.Up(ctx); err != nil {
		return err
	}
	if withPostgres {
		server, err := a.server(postgres.Cluster)
		if err != nil {
			return err
		}
		if err := server.Up(ctx, config.HostPrefix.Addr().String(), 5432, true); err != nil {
			return err
		}
	}
	a.progress.Say("up: export KUBECONFIG=%s; NodePorts at http://%s:PORT", a.layout.Kubeconfig(), config.NodePrefix.Addr())
	return nil
}

// theNode is the node as far as it is built, without building.
func (a *app) theNode() (*node.Node, error) {
	set, err := a.cache.Look()
	if err != nil {
		return nil, err
	}
	return node.New(a.layout, set, a.progress), nil
}

func down(ctx context.Context, a *app, args []string) error {
	return a.end("down", args, func(n *node.Node) error {
		server, err := a.server(postgres.Cluster)
		if err != nil {
			return err
		}
		// Pods first, so that they see their database to the end; both are tried.
		return errors.Join(n.Down(ctx), server.Down())
	})
}

func purge(ctx context.Context, a *app, args []string) error {
	return a.end("purge", args, func(n *node.Node) error { return purgeAll(ctx, a, n) })
}

func (a *app) end(name string, args []string, how func(*node.Node) error) error {
	rest, err := a.parse(name, args, nil)
	if err := none(name, rest, err); err != nil {
		return err
	}
	if !a.layout.Claimed() {
		a.progress.Say("%s: nothing to do, no state at %s", name, a.layout.State)
		return nil
	}
	n, err := a.theNode()
	if err != nil {
		return err
	}
	unlock, err := n.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := how(n); err != nil {
		return err
	}
	a.progress.Say("%s: done", name)
	return nil
}

func purgeAll(ctx context.Context, a *app, n *node.Node) error {
	if !a.layout.Claimed() {
		return nil
	}
	if err := n.Down(ctx); err != nil {
		return err
	}
	for _, name := range postgres.Instances(a.layout.In) {
		server, err := a.server(name)
		if err != nil {
			return err
		}
		if err := server.Remove(); err != nil {
			return err
		}
	}
	return n.Purge(ctx)
}

// kill ends one program of a cluster at once, as the kernel would, so that a test can see what goes on without it. The state folder
// must be said, even if it is the default: a cluster that somebody else is using is too easily hit. The next up starts it again.
func kill(_ context.Context, a *app, args []string) error {
	rest, err := a.parse("kill", args, nil)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return fmt.Errorf("kill: say whose and what: the state folder, and a component as status names it or %s", postgresWord)
	}
	state, name := rest[0], rest[1]
	if state != a.layout.State {
		return fmt.Errorf("kill: the state folder is %s, not %s; nothing was killed", a.layout.State, state)
	}
	running, ok, err := a.program(name)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("kill: no %s of the state folder %s runs; status lists what does", name, state)
	}
	if _, err := process.Stop(0, running); err != nil {
		return err
	}
	a.progress.Say("%s (%d) is killed", name, running.PID)
	return nil
}

// postgresWord names the cluster's PostgreSQL beside the components.
const postgresWord = "postgres"

// program finds what runs of a component.
func (a *app) program(name string) (process.Running, bool, error) {
	if name == postgresWord {
		server, err := a.server(postgres.Cluster)
		if err != nil {
			return process.Running{}, false, err
		}
		running, ok := server.Running()
		return running, ok, nil
	}
	n, err := a.theNode()
	if err != nil {
		return process.Running{}, false, err
	}
	running, ok := n.Running(name)
	return running, ok, nil
}

func status(ctx context.Context, a *app, args []string) error {
	rest, err := a.parse("status", args, nil)
	if err := none("status", rest, err); err != nil {
		return err
	}
	n, err := a.theNode()
	if err != nil {
		return err
	}
	lines := n.Status(ctx)
	for _, name := range postgres.Instances(a.layout.In) {
		server, err := a.server(name)
		if err != nil {
			return err
		}
		running, ok := server.Running()
		switch {
		case ok:
			lines = append(lines, node.Line{Name: "PostgreSQL " + name, Process: running, Problem: problem(server.Ping(ctx))})
		case name == postgres.Cluster: // that one belongs to the cluster once it was asked for
			lines = append(lines, node.Line{Name: "PostgreSQL " + name, Problem: "does not run; start it with `up --postgres`"})
		}
	}
	err = node.Print(a.out, lines, time.Now())
	_, _ = fmt.Fprintf(a.out, "node %s (%s), machine seen from pods %s (%s), kubeconfig %s\n",
		config.NodePrefix.Addr(), config.Node, config.HostPrefix.Addr(), config.HostName, a.layout.Kubeconfig())
	return err
}

func problem(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func load(ctx context.Context, a *app, args []string) error {
	rest, err := a.parse("load", args, nil)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return errors.New("load which images? Name tarballs, as `image` or `docker save` writes them")
	}
	n, err := a.theNode()
	if err != nil {
		return err
	}
	return n.Load(ctx, rest...)
}

func packImage(_ context.Context, a *app, args []string) error {
	var spec image.Spec
	var out, entrypoint string
	rest, err := a.parse("image", args, func(f *flag.FlagSet) {
		f.StringVar(&spec.Ref, "ref", "", "name of the image, as pods will say it")
		f.StringVar(&out, "out", "", "tarball to write")
		f.StringVar(&entrypoint, "entrypoint", "", "what the container runs; /NAME of the program by default")
		f.Func("arg", "argument after the entrypoint (repeatable)", func(s string) error { spec.Args = append(spec.Args, s); return nil })
		f.Func("env", "NAME=VALUE in the container (repeatable)", func(s string) error { spec.Env = append(spec.Env, s); return nil })
		f.Func("port", "port to expose, such as 8080/tcp (repeatable)", func(s string) error { spec.Ports = append(spec.Ports, s); return nil })
		f.BoolVar(&spec.NoAuthorities, "no-authorities", false, "leave this machine's certificate authorities out")
	})
	if err != nil {
		return err
	}
	if spec.Ref == "" || out == "" || len(rest) == 0 {
		return errors.New("image needs --ref NAME:TAG, --out FILE.tar and at least a program")
	}
	for n, arg := range rest {
		to, from, ok := strings.Cut(arg, "=")
		if !ok {
			to, from = "/"+filepath.Base(arg), arg
			if n == 0 && entrypoint != "" {
				to = entrypoint
			}
		}
		spec.Files = append(spec.Files, image.File{Path: to, From: from})
	}
	if entrypoint != "" {
		spec.Entrypoint = []string{entrypoint}
	}
	digest, err := image.Write(spec, out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, digest)
	return err
}

func kubectl(ctx context.Context, a *app, args []string) error {
	set, err := a.cache.Assets(ctx)
	if err != nil {
		return err
	}
	environ := append(os.Environ(), "KUBECONFIG="+a.layout.Kubeconfig())
	return syscall.Exec(filepath.Join(set.Bin, "kubectl"), append([]string{"kubectl"}, args...), environ)
}

func kubeconfig(_ context.Context, a *app, args []string) error {
	var out string
	rest, err := a.parse("kubeconfig", args, func(f *flag.FlagSet) { f.StringVar(&out, "o", "", "file to write a copy to") })
	if err := none("kubeconfig", rest, err); err != nil {
		return err
	}
	text, err := os.ReadFile(a.layout.Kubeconfig())
	if err != nil {
		return fmt.Errorf("no kubeconfig yet (%w); `up` makes it", err)
	}
	if out != "" {
		return os.WriteFile(out, text, 0o600)
	}
	_, err = fmt.Fprintln(a.out, a.layout.Kubeconfig())
	return err
}

func assets(ctx context.Context, a *app, args []string) error {
	rest, err := a.parse("assets", args, nil)
	if err := none("assets", rest, err); err != nil {
		return err
	}
	if err := needs.Built(needs.Here()); err != nil {
		return err
	}
	set, err := a.cache.Assets(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, set.Bin)
	return err
}

func buildAll(ctx context.Context, a *app, args []string) error {
	rest, err := a.parse("build", args, nil)
	if err := none("build", rest, err); err != nil {
		return err
	}
	if err := needs.Built(needs.Here()); err != nil {
		return err
	}
	set, err := a.cache.Node(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, set.Bin)
	return err
}

// env prints what a shell needs to use the cluster. What is not there yet is a comment, so that the
// output can be evaluated in any case.
func env(_ context.Context, a *app, args []string) error {
	rest, err := a.parse("env", args, nil)
	if err := none("env", rest, err); err != nil {
		return err
	}
	set, err := a.cache.Look()
	if err != nil {
		return err
	}
	export := func(name, value string) { _, _ = fmt.Fprintf(a.out, "export %s='%s'\n", name, value) }
	if _, err := os.Stat(a.layout.Kubeconfig()); err == nil {
		export("KUBECONFIG", a.layout.Kubeconfig())
	} else {
		_, _ = fmt.Fprintln(a.out, "# no KUBECONFIG: the cluster was never up")
	}
	if set.AssetsReady {
		export("KUBEBUILDER_ASSETS", set.Bin)
	} else {
		_, _ = fmt.Fprintln(a.out, "# no KUBEBUILDER_ASSETS: nothing is built yet")
	}
	export("LOKET_STATE", a.layout.State)
	export("LOKET_NODE_ADDRESS", config.NodePrefix.Addr().String())
	export("LOKET_HOST_ADDRESS", config.HostPrefix.Addr().String())
	for _, name := range postgres.Instances(a.layout.In) {
		server, err := a.server(name)
		if err != nil {
			return err
		}
		if _, ok := server.Running(); ok {
			uri, err := server.AdminURI()
			if err != nil {
				return err
			}
			export("LOKET_POSTGRES_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_URI", uri)
		}
	}
	return nil
}

func deps(ctx context.Context, a *app, args []string) error {
	var install bool
	rest, err := a.parse("deps", args, func(f *flag.FlagSet) {
		f.BoolVar(&install, "install", false, "install them with apt-get (root)")
	})
	if err := none("deps", rest, err); err != nil {
		return err
	}
	missing := needs.Missing(needs.Here())
	if len(missing) == 0 {
		a.progress.Say("all Debian packages are there")
		return nil
	}
	if !install {
		_, err := fmt.Fprintf(a.out, "apt-get install --no-install-recommends %s\n", strings.Join(missing, " "))
		return err
	}
	return needs.Install(ctx, missing, os.Stderr)
}
