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
	first := flags.Uint64("from", 1, "the first seed")
	peers := flags.Bool("peers", false, "replay through the peers, too, and hold Loket against each")
	write := flags.String("write", "", "write the one generated trace to this file and replay nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file != "" {
		t, err := open(*file)
		if err != nil {
			return err
		}
		f, err := replays(t, *peers)
		if err != nil {
			return err
		}
		return show(out, f, *asJSON)
	}
	var from, to float64
	if _, err := fmt.Sscanf(*starts, "%f-%f", &from, &to); err != nil || !(from >= 0 && to >= from && to < 3600) {
		return fmt.Errorf("--starts is %q; write it as 4-20", *starts)
	}
	var figures []elastic.Figures
	for _, size := range strings.Split(*sizes, ",") {
		for _, class := range strings.Split(*classes, ",") {
			of := make([][]elastic.Figures, *seeds)
			g, _ := errgroup.WithContext(ctx)
			g.SetLimit(runtime.GOMAXPROCS(0))
			for seed := range *seeds {
				g.Go(func() error {
					t, err := elastic.Generate(class, size, *first+seed)
					if err != nil {
						return err
					}
					t.StartsFrom(from, to, *first+seed)
					t.Min = *least
					if *write != "" {
						return save(*write, t)
					}
					of[seed], err = replays(t, *peers)
					return err
				})
			}
			if err := g.Wait(); err != nil {
				return err
			}
			figures = append(figures, slices.Concat(of...)...)
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

// replays runs a trace through Loket, and through the peers where they are asked for.
func replays(t *elastic.Trace, peers bool) ([]elastic.Figures, error) {
	policy, err := elastic.NewLoket(t.Told)
	if err != nil {
		return nil, err
	}
	best := elastic.Optimum(t)
	own := elastic.Replay(t, best, policy)
	own.Policy = loket
	out := []elastic.Figures{own}
	if !peers {
		return out, nil
	}
	for _, age := range []float64{0, 15} {
		peer := elastic.NewHPA(t.Told, age)
		f := elastic.Replay(t, best, peer)
		f.Policy = peer.Name()
		out = append(out, f)
	}
	return out, nil
}

const loket = "loket"

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
	rows := rowsOf(figures)
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "SIZE\tCLASS\tPOLICY\tCOST\tWORST\tDELAYED %\tWORST\tWAIT P99\tCHANGES/D\tFLAPS/D\tWAKE P99\tAT ZERO\t")
	for _, r := range rows {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.1f\t%.1f\t%.2f\t%.1f\t%.2f\t\n",
			r.size, r.class, r.policy, r.cost, r.costWorst, r.delayed, r.delayedWorst, r.wait, r.changes, r.flaps, r.wake, r.zero)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	for _, line := range against(rows) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return fmt.Errorf("writing the figures: %w", err)
		}
	}
	return nil
}

// row is what a policy achieved on a class of traces: means, the worst of cost and delayed, and the longest waits.
type row struct {
	size, class, policy                                                      string
	cost, costWorst, delayed, delayedWorst, wait, changes, flaps, wake, zero float64
}

func rowsOf(figures []elastic.Figures) []row {
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
	var out []row
	for _, k := range order {
		mean := func(get func(elastic.Figures) float64) (mean, worst float64) {
			for _, f := range of[k] {
				mean += get(f) / float64(len(of[k]))
				worst = max(worst, get(f))
			}
			return mean, worst
		}
		r := row{size: k.size, class: k.class, policy: k.policy}
		r.cost, r.costWorst = mean(func(f elastic.Figures) float64 { return f.Ratio })
		r.delayed, r.delayedWorst = mean(func(f elastic.Figures) float64 { return f.DelayedPercent })
		_, r.wait = mean(func(f elastic.Figures) float64 { return f.WaitP99 })
		r.changes, _ = mean(func(f elastic.Figures) float64 { return f.ChangesDay })
		r.flaps, _ = mean(func(f elastic.Figures) float64 { return f.FlapsDay })
		_, r.wake = mean(func(f elastic.Figures) float64 { return f.WakeUpP99 })
		r.zero, _ = mean(func(f elastic.Figures) float64 { return f.AtZero })
		out = append(out, r)
	}
	return out
}

// What Loket owes a peer at its defaults: so much less cost on every class, in percent, with no more delayed than the peer has or
// than nobody notices.
const (
	cheaperBy   = 6.0
	unnoticedBy = 0.02
)

// against holds Loket against each peer, class by class.
func against(rows []row) []string {
	var out []string
	for _, own := range rows {
		if own.policy != loket {
			continue
		}
		for _, peer := range rows {
			if peer.policy == loket || peer.size != own.size || peer.class != own.class {
				continue
			}
			cheaper := 100 * (1 - own.cost/peer.cost)
			verdict := "kept"
			if cheaper < cheaperBy || own.delayed > max(peer.delayed, unnoticedBy) {
				verdict = "MISSED"
			}
			out = append(out, fmt.Sprintf("%s %s, against the %s: %.1f %% cheaper, %.3f %% delayed to its %.3f %%, %.0f changes a day to its %.0f: %s",
				own.size, own.class, peer.policy, cheaper, own.delayed, peer.delayed, own.changes, peer.changes, verdict))
		}
	}
	return out
}
