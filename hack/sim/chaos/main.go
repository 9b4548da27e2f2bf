// Command chaos lists the scenarios in which something goes wrong, and runs one: make chaos, make chaos SCENARIO=name.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/loket-dev/loket/hack/sim/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		for _, s := range scenario.Catalogue {
			fmt.Printf("%-26s %-8s %s\n", s.Name, s.Where, s.Says)
		}
		return nil
	}
	for _, s := range scenario.Catalogue {
		if len(args) == 1 && s.Name == args[0] {
			return at(ctx, s)
		}
	}
	return fmt.Errorf("no scenario %q: make chaos lists them", args)
}

// at runs a scenario where it belongs. On a cluster Loket is brought up first, as for the other tests there.
func at(ctx context.Context, s scenario.Scenario) error {
	tags, where := "chaos", "./bot-runtime"
	if s.Where == scenario.Cluster {
		if err := show(ctx, "go", "run", "./hack/demo", "install"); err != nil {
			return err
		}
		tags, where = "e2e,chaos", "./test/e2e"
	}
	return show(ctx, "go", "test", "-tags", tags, "-count=1", "-v", "-timeout", "30m", "-run", "^TestChaos$/^"+s.Name+"$", where)
}

func show(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
