package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
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
	peers := flags.Bool("peers", false, "replay through the HPA's rule and Knative's autoscaler, too, at their defaults, and hold Loket against each")
	tuned := flags.Bool("tuned", false, "as --peers, and through a small grid of the peers' settings")
	draw := flags.String("draw", "", "draw cost and changes of each policy, class by class, into this SVG file")
	write := flags.String("write", "", "write the one generated trace to this file and replay nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var sources []elastic.Source
	var from, to float64
	if _, err := fmt.Sscanf(*starts, "%f-%f", &from, &to); err != nil || !(from >= 0 && to >= from && to < 3600) {
		return fmt.Errorf("--starts is %q; write it as 4-20", *starts)
	}
	if *file != "" {
		sources = append(sources, elastic.Source{CSV: *file})
	} else {
		for _, size := range strings.Split(*sizes, ",") {
			for _, class := range strings.Split(*classes, ",") {
				for seed := range *seeds {
					sources = append(sources, elastic.Source{Class: class, Size: size, Seed: *first + seed, StartsFrom: from, StartsTo: to, Min: *least})
				}
			}
		}
	}
	switch {
	case *write != "" && len(sources) != 1:
		return fmt.Errorf("--write takes one trace, and these are %d; give one class, one size and --seeds 1", len(sources))
	case *write != "":
		t, err := sources[0].Trace()
		if err != nil {
			return err
		}
		return save(*write, t)
	case *file == "-" && (*peers || *tuned):
		return errors.New("the peers read the trace themselves; give --csv a file")
	}
	figures, err := replayAll(ctx, sources, *peers || *tuned, *tuned)
	if err != nil {
		return err
	}
	if *draw != "" {
		if err := os.WriteFile(*draw, []byte(elastic.Draw(figures)), 0o644); err != nil {
			return fmt.Errorf("drawing: %w", err)
		}
	}
	return show(out, figures, *asJSON)
}

// replayAll replays each trace through Loket, and through the peers where they are asked for: the HPA's rule here, Knative's own code in
// a process of its own.
func replayAll(ctx context.Context, sources []elastic.Source, peers, tuned bool) ([]elastic.Figures, error) {
	of := make([][]elastic.Figures, len(sources))
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, source := range sources {
		g.Go(func() error {
			t, err := source.Trace()
			if err != nil {
				return err
			}
			of[i], err = replays(inner, t, peers, tuned)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	figures := slices.Concat(of...)
	if !peers {
		return figures, nil
	}
	more, err := knative(ctx, sources, tuned)
	return append(figures, more...), err
}

// knative runs hack/bench/kpa, a module of its own, over the same traces.
func knative(ctx context.Context, sources []elastic.Source, tuned bool) ([]elastic.Figures, error) {
	folder, err := os.MkdirTemp("", "kpa")
	if err != nil {
		return nil, fmt.Errorf("building Knative's autoscaler: %w", err)
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, "kpa")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("hack", "bench", "kpa")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building Knative's autoscaler (run this from the top of the repository): %w: %s", err, said)
	}
	var asked bytes.Buffer
	lines := json.NewEncoder(&asked)
	for _, s := range sources {
		if err := lines.Encode(s); err != nil {
			return nil, fmt.Errorf("asking Knative's autoscaler: %w", err)
		}
	}
	run := exec.CommandContext(ctx, binary)
	if tuned {
		run.Args = append(run.Args, "tuned")
	}
	run.Stdin, run.Stderr = &asked, os.Stderr
	answered, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("running Knative's autoscaler: %w", err)
	}
	var out []elastic.Figures
	for answers := json.NewDecoder(bytes.NewReader(answered)); answers.More(); {
		var f elastic.Figures
		if err := answers.Decode(&f); err != nil {
			return nil, fmt.Errorf("reading the figures of Knative's autoscaler: %w", err)
		}
		out = append(out, f)
	}
	return out, nil
}

func save(name string, t *elastic.Trace) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	return errors.Join(elastic.WriteCSV(f, t), f.Close())
}

// replays runs a trace through Loket, and through the HPA's rule where peers are asked for.
func replays(ctx context.Context, t *elastic.Trace, peers, tuned bool) ([]elastic.Figures, error) {
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
	rules := []*elastic.HPA{elastic.NewHPA(t.Told, elastic.HPADefaults()), elastic.NewHPA(t.Told, elastic.HPADefaults().Aged(15))}
	if tuned {
		for _, s := range elastic.HPAGrid() {
			rules = append(rules, elastic.NewHPA(t.Told, s))
		}
	}
	for _, peer := range rules {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
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
// than nobody notices. And one that was tuned: it must not be both cheaper and calmer while it keeps so few waiting.
const (
	cheaperBy   = 6.0
	unnoticedBy = 0.02
	tunedKeeps  = 0.1
)

// cheapest are the classes on which Loket shall be cheaper than the best of each family that was tuned, too.
var cheapest = []string{"morning", "surge", "viral", "missing"}

// against holds Loket against each peer at its defaults, class by class, and then against the grids.
func against(rows []row) []string {
	var out []string
	for _, own := range rows {
		if own.policy != loket {
			continue
		}
		best := map[string]row{}
		var beaten []string
		for _, peer := range rows {
			if peer.policy == loket || peer.size != own.size || peer.class != own.class {
				continue
			}
			family, _, tuned := strings.Cut(peer.policy, " tuned ")
			if tuned {
				if peer.delayed > tunedKeeps {
					continue
				}
				if b, ok := best[family]; !ok || peer.cost < b.cost {
					best[family] = peer
				}
				if peer.cost < own.cost && peer.changes < own.changes {
					beaten = append(beaten, peer.policy)
				}
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
		for _, family := range slices.Sorted(maps.Keys(best)) {
			peer, verdict := best[family], "kept"
			if peer.cost < own.cost && slices.Contains(cheapest, own.class) {
				verdict = "MISSED"
			}
			out = append(out, fmt.Sprintf("%s %s, against the cheapest %s that keeps %g %%: %.4f to its %.4f, %.0f changes a day to its %.0f: %s",
				own.size, own.class, peer.policy, tunedKeeps, own.cost, peer.cost, own.changes, peer.changes, verdict))
		}
		if len(beaten) > 0 {
			out = append(out, fmt.Sprintf("%s %s: both cheaper and calmer: %s: MISSED", own.size, own.class, strings.Join(beaten, ", ")))
		}
	}
	return out
}
