package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/loket-dev/loket/hack/bench/elastic"
)

// simulate replays traces through capacity's own decisions: one from a file, or generated ones by class, size and seed.
func simulate(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	file := flags.String("csv", "", "the trace's file, - is standard input; without it traces are generated")
	asJSON := flags.Bool("json", false, "figures as JSON, one line a trace")
	classes := flags.String("classes", strings.Join(elastic.Classes, ","), "of generated traces")
	sizes := flags.String("sizes", "small,medium", "of generated traces: small, medium, large")
	seeds := flags.Uint64("seeds", 3, "how many of each")
	starts := flags.String("starts", "4-20", "seconds that workers take to start, of generated traces")
	least := flags.Int("min", 1, "workers at least, of generated traces")
	write := flags.String("write", "", "write the one generated trace to this file and replay nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file != "" {
		t, err := open(*file)
		if err != nil {
			return err
		}
		f, err := run1(t)
		if err != nil {
			return err
		}
		return show(out, []elastic.Figures{f}, *asJSON)
	}
	var from, to float64
	if _, err := fmt.Sscanf(*starts, "%f-%f", &from, &to); err != nil || !(from >= 0 && to >= from && to < 3600) {
		return fmt.Errorf("--starts is %q; write it as 4-20", *starts)
	}
	var figures []elastic.Figures
	for _, size := range strings.Split(*sizes, ",") {
		for _, class := range strings.Split(*classes, ",") {
			of := make([]elastic.Figures, *seeds)
			g, _ := errgroup.WithContext(ctx)
			g.SetLimit(runtime.GOMAXPROCS(0))
			for seed := range *seeds {
				g.Go(func() error {
					t, err := elastic.Generate(class, size, seed+1)
					if err != nil {
						return err
					}
					t.StartsFrom(from, to, seed+1)
					t.Min = *least
					if *write != "" {
						return save(*write, t)
					}
					of[seed], err = run1(t)
					return err
				})
			}
			if err := g.Wait(); err != nil {
				return err
			}
			figures = append(figures, of...)
		}
	}
	if *write != "" {
		return nil
	}
	return show(out, figures, *asJSON)
}

func open(name string) (*elastic.Trace, error) {
	if name == "-" {
		return elastic.ReadCSV(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the trace: %w", err)
	}
	defer f.Close()
	t, err := elastic.ReadCSV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func save(name string, t *elastic.Trace) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	return errors.Join(elastic.WriteCSV(f, t), f.Close())
}

func run1(t *elastic.Trace) (elastic.Figures, error) {
	policy, err := elastic.NewLoket(t.Told)
	if err != nil {
		return elastic.Figures{}, err
	}
	f := elastic.Replay(t, elastic.Optimum(t), policy)
	f.Policy = "loket"
	return f, nil
}

// show prints one line of JSON a trace, or a table of the means and the worst of each class.
func show(out io.Writer, figures []elastic.Figures, asJSON bool) error {
	if asJSON {
		lines := json.NewEncoder(out)
		for _, f := range figures {
			if err := lines.Encode(f); err != nil {
				return fmt.Errorf("writing the figures: %w", err)
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "SIZE\tCLASS\tPOLICY\tCOST\tWORST\tDELAYED %\tWORST\tWAIT P99\tCHANGES/D\tFLAPS/D\tWAKE P99\tAT ZERO\t")
	type key struct{ size, class, policy string }
	var order []key
	of := map[key][]elastic.Figures{}
	for _, f := range figures {
		k := key{f.Size, f.Class, f.Policy}
		if !slices.Contains(order, k) {
			order = append(order, k)
		}
		of[k] = append(of[k], f)
	}
	for _, k := range order {
		mean := func(get func(elastic.Figures) float64) (mean, worst float64) {
			for _, f := range of[k] {
				mean += get(f) / float64(len(of[k]))
				worst = max(worst, get(f))
			}
			return mean, worst
		}
		cost, costWorst := mean(func(f elastic.Figures) float64 { return f.Ratio })
		delayed, delayedWorst := mean(func(f elastic.Figures) float64 { return f.DelayedPercent })
		_, wait := mean(func(f elastic.Figures) float64 { return f.WaitP99 })
		changes, _ := mean(func(f elastic.Figures) float64 { return f.ChangesDay })
		flaps, _ := mean(func(f elastic.Figures) float64 { return f.FlapsDay })
		_, wake := mean(func(f elastic.Figures) float64 { return f.WakeUpP99 })
		zero, _ := mean(func(f elastic.Figures) float64 { return f.AtZero })
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.1f\t%.1f\t%.2f\t%.1f\t%.2f\t\n",
			k.size, k.class, k.policy, cost, costWorst, delayed, delayedWorst, wait, changes, flaps, wake, zero)
	}
	return table.Flush()
}
