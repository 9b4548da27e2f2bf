package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
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
	return parse(&out), nil
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
