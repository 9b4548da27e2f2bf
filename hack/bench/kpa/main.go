// Command kpa replays traces through Knative's own autoscaler (knative.dev/serving v0.42.2), so that it stands beside Loket's in one
// run. It is a module of its own: nothing of Knative is linked into Loket.
//
// It reads one JSON line a trace (elastic.Source) and answers with one line of figures for each of its settings: Knative's
// defaults with a metric of this second and one of 15 s ago, and, with the argument "tuned", the grid.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/loket-dev/loket/hack/bench/elastic"
)

func main() {
	if err := run(len(os.Args) > 1 && os.Args[1] == "tuned"); err != nil {
		fmt.Fprintln(os.Stderr, "kpa:", err)
		os.Exit(1)
	}
}

func run(tuned bool) error {
	settings := defaults()
	if tuned {
		settings = append(settings, grid()...)
	}
	lines, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var source elastic.Source
		if err := json.Unmarshal(lines.Bytes(), &source); err != nil {
			return fmt.Errorf("reading which trace to replay: %w", err)
		}
		trace, err := source.Trace()
		if err != nil {
			return err
		}
		best := elastic.Optimum(trace)
		for _, s := range settings {
			figures := elastic.Replay(trace, best, newKPA(trace.Told, s))
			figures.Policy = s.name()
			if err := out.Encode(figures); err != nil {
				return fmt.Errorf("writing the figures: %w", err)
			}
		}
	}
	return lines.Err()
}
