// Command demo brings Loket's main job up on a real cluster and shows it: a citizen asks about institutions and is answered,
// asks for a person and gets one, and hundreds come at once while the desk scales out and in again.
//
//	demo up      everything, with progress; exits non-zero and names the step that failed
//	demo down    ends it all
//	demo images  builds Loket's images as tarballs, and needs no cluster
//
// It does what a person would do with kubectl and helm, and nothing that a user of Loket could not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	d, err := newDemo()
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "up":
		return d.up(ctx)
	case len(args) == 1 && args[0] == "install":
		return d.steps(ctx, d.installation())
	case len(args) > 0 && args[0] == "images":
		return d.images(ctx, args[1:])
	case len(args) == 1 && args[0] == "down":
		return d.cluster(ctx, "down")
	}
	return errors.New("say up, install (the cluster with Loket and the sample, without the show), images or down")
}

// demo knows where things are and what the steps before have found.
type demo struct {
	root    string // of the checkout
	tools   string // folder of the pinned tools
	out     string // .demo: what the demo leaves behind to look at
	binary  string // the cluster command
	node    string // the node's address
	tag     string // of the images, from their content
	kubectl func(ctx context.Context, args ...string) *command
	started time.Time
}

// step is one line of the demo; do returns a few words about what was achieved.
type step struct {
	name string
	do   func(ctx context.Context) (string, error)
}

func newDemo() (*demo, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the checkout: %w", err)
	}
	if _, err := os.Stat(filepath.Join(root, "charts", "loket", "Chart.yaml")); err != nil {
		return nil, errors.New("run it from the top of the checkout: make demo")
	}
	tools := os.Getenv("LOKET_TOOLS")
	if tools == "" {
		return nil, errors.New("LOKET_TOOLS names no folder of tools: run it by make demo")
	}
	d := &demo{root: root, tools: tools, out: filepath.Join(root, ".demo"), node: "10.199.0.2",
		binary: filepath.Join(tools, "cluster"), started: time.Now()}
	d.kubectl = func(ctx context.Context, args ...string) *command {
		return newCommand(ctx, d.binary, append([]string{"kubectl"}, args...)...)
	}
	return d, os.MkdirAll(d.out, 0o755)
}

func (d *demo) up(ctx context.Context) error {
	if err := d.steps(ctx, append(d.installation(), d.show()...)); err != nil {
		return err
	}
	return d.farewell(ctx)
}

func (d *demo) installation() []step {
	return []step{
		{"kubernetes", d.startCluster},
		{"images", d.loadImages},
		{"operator", d.installChart},
		{"tenant", d.applySample},
	}
}

func (d *demo) show() []step {
	return []step{
		{"handshake", d.handshake},
		{"citizen asks", d.citizenAsks},
		{"hand-off", d.handOff},
		{"surge", d.surge},
	}
}

// steps runs them one after the other, each with its own line; a failure names its step.
func (d *demo) steps(ctx context.Context, steps []step) error {
	for i, s := range steps {
		began := time.Now()
		fmt.Printf("\n%2d/%d %s\n", i+1, len(steps), s.name)
		said, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, s.name, err)
		}
		fmt.Printf("     %s  (%s)\n", said, time.Since(began).Round(100*time.Millisecond))
	}
	return nil
}
