// Command bench measures Loket and holds the figures against their bounds.
//
// It runs the Go benchmarks of the packages that the main job goes through and, where the demo's cluster runs, the whole thing.
// Every figure goes into .bench/figures.jsonl and a table; bounds and their reasons are in bounds.yaml. It exits with 1 when a
// bound is broken.
//
// `bench decide` and `bench simulate` are capacity's decisions from outside: over lines of JSON, and over whole traces.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	_ "time/tzdata" // traces are told in zones that the machine may not know

	"sigs.k8s.io/yaml"
)

//go:embed bounds.yaml
var boundsFile []byte

// Figure is one measurement.
type Figure struct {
	Name    string   `json:"name"`
	Value   float64  `json:"value"`
	Unit    string   `json:"unit"`
	Bound   *float64 `json:"bound,omitempty"`
	OK      bool     `json:"ok"`
	Against string   `json:"against,omitempty"`
}

// bound limits a figure from above (atMost) or below (atLeast).
type bound struct {
	AtMost  *float64 `json:"atMost"`
	AtLeast *float64 `json:"atLeast"`
	Against string   `json:"against"`
	Reason  string   `json:"reason"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 0:
		err = run(ctx)
	case args[0] == "decide":
		err = decide(os.Stdin, os.Stdout)
	case args[0] == "simulate":
		err = simulate(ctx, args[1:], os.Stdout)
	case args[0] == "lookup":
		err = lookupCommand(ctx, args[1:])
	default:
		err = fmt.Errorf("%q is no command; there are decide, simulate and lookup, and none to measure everything", args[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures part by part, and prints each part's figures as soon as it has them: the whole takes most of an hour.
func run(ctx context.Context) error {
	parts := []func(context.Context) ([]Figure, error){goBenchmarks, cluster, func(ctx context.Context) ([]Figure, error) {
		return measureLookup(ctx, realList, 0, 400, 1, false, "")
	}}
	for _, size := range []struct {
		entries int
		peers   bool
	}{{10_000, false}, {100_000, true}, {1_000_000, false}} {
		parts = append(parts, func(ctx context.Context) ([]Figure, error) {
			return measureLookup(ctx, "", size.entries, 250, 1, size.peers, "")
		})
	}
	bounds, err := readBounds()
	if err != nil {
		return err
	}
	var all []Figure
	var broken error
	for _, part := range parts {
		figures, err := part(ctx)
		if err != nil {
			return err
		}
		all = append(all, figures...)
		broken = judgeAll(figures, all, bounds)
	}
	if left := unmeasured(all, bounds); len(left) > 0 {
		fmt.Printf("not measured in this run, though there is a bound:\n  %s\n", strings.Join(left, "\n  "))
	}
	return broken
}

// judgeAll holds figures against their bounds and prints them, and writes down all that there are in this run so far. The error says
// how many of those are out of bounds.
func judgeAll(figures, all []Figure, bounds map[string]bound) error {
	broken := 0
	for _, list := range [][]Figure{figures, all} {
		broken = 0
		for i := range list {
			if !judge(&list[i], bounds) {
				broken++
			}
		}
	}
	if err := errors.Join(write(all), printTable(figures)); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("%d figures are out of bounds", broken)
	}
	return nil
}

func readBounds() (map[string]bound, error) {
	var bounds map[string]bound
	if err := yaml.UnmarshalStrict(boundsFile, &bounds); err != nil {
		return nil, fmt.Errorf("bounds.yaml: %w", err)
	}
	return bounds, nil
}

// unmeasured are the bounds that no figure was held against: those of the cluster where there is none, and any whose figure has
// another name by now.
func unmeasured(all []Figure, bounds map[string]bound) []string {
	left := maps.Clone(bounds)
	for _, f := range all {
		delete(left, f.Name)
	}
	return slices.Sorted(maps.Keys(left))
}

// judge holds a figure against its bound; one without is well.
func judge(f *Figure, bounds map[string]bound) bool {
	b := bounds[f.Name]
	f.OK, f.Against = true, b.Against
	if b.AtMost != nil {
		f.Bound, f.OK = b.AtMost, f.Value <= *b.AtMost
	}
	if b.AtLeast != nil {
		f.Bound, f.OK = b.AtLeast, f.OK && f.Value >= *b.AtLeast
	}
	return f.OK
}

func write(figures []Figure) error {
	if err := os.MkdirAll(".bench", 0o755); err != nil {
		return fmt.Errorf("making .bench: %w", err)
	}
	file, err := os.Create(filepath.Join(".bench", "figures.jsonl"))
	if err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	defer file.Close()
	lines := json.NewEncoder(file)
	for _, f := range figures {
		if err := lines.Encode(f); err != nil {
			return fmt.Errorf("writing the figures: %w", err)
		}
	}
	return nil
}

func printTable(figures []Figure) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "FIGURE\tVALUE\tUNIT\tBOUND\t")
	for _, f := range figures {
		limit, mark := "", ""
		if f.Bound != nil {
			limit = fmt.Sprintf("%.4g", *f.Bound)
		}
		if !f.OK {
			mark = "out of bounds"
		}
		_, _ = fmt.Fprintf(table, "%s\t%.4g\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, limit, mark)
	}
	return table.Flush()
}
