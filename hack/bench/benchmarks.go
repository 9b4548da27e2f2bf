package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// measured are the packages on the main job's way.
var measured = []string{"./bot-runtime/engine", "./bot-runtime/store/...", "./bot-runtime/dialog", "./bot-runtime/directory", "./controllers/..."}

// goBenchmarks runs them, letting their output through as it comes.
func goBenchmarks(ctx context.Context) ([]Figure, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-run=^$", "-bench=.", "-benchmem", "-timeout=30m"}, measured...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("running the benchmarks: %w", err)
	}
	figures := parse(&out)
	times, err := besideGoflow(ctx, figures)
	return append(figures, times...), err
}

// besideGoflow runs RapidPro's engine with the two questions of BenchmarkStep, and says how many times faster ours was just now. The
// peer is a module of its own (hack/bench/goflow), run as a process.
func besideGoflow(ctx context.Context, ours []Figure) ([]Figure, error) {
	cmd := exec.CommandContext(ctx, "go", "run", ".")
	cmd.Dir = filepath.Join("hack", "bench", "goflow")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("goflow: %w", err)
	}
	figures := parse(&out)
	for _, unit := range []string{"ns/op", "allocs/op"} {
		own, peer := find(ours, "Step/5_nodes "+unit), find(figures, "GoflowStep "+unit)
		if own == nil || peer == nil {
			return nil, fmt.Errorf("goflow: one of the two has no %s", unit)
		}
		figures = append(figures, Figure{Name: "Step beside goflow, of its " + unit, Value: own.Value / peer.Value, Unit: "of goflow"})
	}
	return figures, nil
}

func find(figures []Figure, name string) *Figure {
	i := slices.IndexFunc(figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		return nil
	}
	return &figures[i]
}

var cores = regexp.MustCompile(`-\d+$`)

// parse reads the lines of go test -bench: a name, the number of runs, then pairs of value and unit.
func parse(r io.Reader) []Figure {
	var figures []Figure
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := cores.ReplaceAllString(strings.TrimPrefix(words[0], "Benchmark"), "")
		for i := 2; i+1 < len(words); i += 2 {
			value, err := strconv.ParseFloat(words[i], 64)
			if err != nil {
				break
			}
			figures = append(figures, Figure{Name: name + " " + words[i+1], Value: value, Unit: words[i+1]})
		}
	}
	return figures
}
