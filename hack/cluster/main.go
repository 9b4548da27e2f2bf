// Command cluster runs a real Kubernetes on this machine, made from Go modules and Debian packages, and
// the PostgreSQL beside it: for tests and `make demo`. It needs no container engine.
//
// This file lists the commands; what they do is in the packages beside it: node (up, down, status),
// build (programs), postgres, image. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/loket-dev/loket/hack/cluster/build"
	"github.com/loket-dev/loket/hack/cluster/paths"
	"github.com/loket-dev/loket/hack/cluster/progress"
)

// command is one word after the program's name.
type command struct {
	name, args, says string
	run              func(context.Context, *app, []string) error
}

func commands() []command {
	return []command{
		{"up", "[--postgres] [--fresh]", "build what is missing and start what does not run", up},
		{"down", "", "end everything; objects and volumes stay for the next up", down},
		{"purge", "", "down, and remove the state folder", purge},
		{"status", "", "how every component is; exit code 1 when not all is well", status},
		{"kill", "STATE NAME", "kill -9 of a component, or of postgres, for tests of what goes on without it", kill},
		{"load", "IMAGE.tar...", "import images into the node", load},
		{"image", "--ref REF --out FILE PROGRAM [/path=FILE...]", "pack a static program as an image", packImage},
		{"kubectl", "ARGS...", "kubectl as the administrator", kubectl},
		{"kubeconfig", "[-o FILE]", "path of the administrator's kubeconfig, or a copy of it", kubeconfig},
		{"env", "", "shell exports: eval \"$(cluster env)\"", env},
		{"assets", "", "build etcd, kube-apiserver and kubectl; prints their folder for KUBEBUILDER_ASSETS", assets},
		{"build", "", "build all programs and images, start nothing", buildAll},
		{"postgres", "up|down|createdb NAME|dropdb NAME|uri|status", "a PostgreSQL server, with or without the cluster", postgresCommand},
		{"deps", "[--install]", "Debian packages that are missing here", deps},
	}
}

// app is what all commands share.
type app struct {
	layout   paths.Layout
	cache    build.Cache
	progress *progress.Printer
	out      io.Writer // results; progress goes to standard error, so that results can be captured
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "cluster:", err)
		}
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { usage(stderr) }
	cache := flags.String("cache", "", "")
	state := flags.String("state", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		usage(stderr)
		return errors.New("say what to do")
	}
	layout, err := paths.Find(*cache, *state, os.Getenv)
	if err != nil {
		return err
	}
	printer := progress.New(stderr)
	a := &app{layout: layout, progress: printer, out: stdout, cache: build.Cache{Dir: layout.Cache, Sources: sources, Out: printer}}
	name, rest := flags.Arg(0), flags.Args()[1:]
	var names []string
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, a, rest)
		}
		names = append(names, c.name)
	}
	return fmt.Errorf("no command %q; there are %s", name, strings.Join(names, ", "))
}

func usage(w io.Writer) {
	_, _ = fmt.Fprint(w, "A real Kubernetes on this machine, from Go modules and Debian packages.\n\n  cluster [--cache DIR] [--state DIR] COMMAND\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		_, _ = fmt.Fprintf(t, "  %s %s\t%s\n", c.name, c.args, c.says)
	}
	_ = t.Flush()
	_, _ = fmt.Fprint(w, "\nCache: --cache, $LOKET_CACHE, $XDG_CACHE_HOME/loket, ~/.cache/loket. State: --state, $LOKET_STATE, CACHE/cluster.\n")
}

// parse reads a command's own flags; --state and --cache may stand after the command too.
func (a *app) parse(name string, args []string, define func(*flag.FlagSet)) ([]string, error) {
	flags := flag.NewFlagSet("cluster "+name, flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	if define != nil {
		define(flags)
	}
	cache := flags.String("cache", "", "folder of built programs")
	state := flags.String("state", "", "folder of the cluster's state")
	var rest []string
	for { // flags may follow arguments: createdb NAME --instance local
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		rest = append(rest, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if *cache == "" && *state == "" {
		return rest, nil
	}
	if *cache == "" {
		*cache = a.layout.Cache
	} else if *state == "" {
		*state = os.Getenv("LOKET_STATE")
	}
	layout, err := paths.Find(*cache, *state, os.Getenv)
	a.layout, a.cache.Dir = layout, layout.Cache
	return rest, err
}

// none refuses arguments where a command takes none.
func none(name string, rest []string, err error) error {
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%s takes no %q", name, rest[0])
	}
	return err
}
