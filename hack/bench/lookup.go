package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/store/storetest/pgtest"
	"github.com/loket-dev/loket/hack/bench/lookup"
)

// lookupCommand measures the look-up alone: `go run ./hack/bench lookup --entries 100000 --seeds 3 --peers`.
//
// Lists and questions are made here; the index is built and asked in a process of its own, so that its memory is its own, and
// so are the peers. All read the same files, and one scorer judges.
func lookupCommand(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("lookup", flag.ContinueOnError)
	entries := f.Int("entries", 100_000, "how many institutions are made")
	corpus := f.String("corpus", "", "a list to measure instead: a file with an entry as JSON on each line, or \"banks\" for the real one")
	each := f.Int("each", 250, "questions of a kind, at most")
	seeds := f.Int("seeds", 1, "how many lists, with different seeds")
	first := f.Uint64("seed", 1, "the first seed")
	peers := f.Bool("peers", false, "ask bleve and pg_trgm the same")
	answer := f.String("answer", "", "answer the questions of a folder; the bench calls itself so")
	keep := f.String("keep", "", "folder to leave corpus.jsonl, queries.jsonl and answers.jsonl in")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *answer != "" {
		cost, err := lookup.AnswerFiles(*answer)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(cost)
	}
	var figures []Figure
	for s := range *seeds {
		more, err := measureLookup(ctx, *corpus, *entries, *each, *first+uint64(s), *peers, *keep)
		if err != nil {
			return err
		}
		figures = append(figures, more...)
	}
	bounds, err := readBounds()
	if err != nil {
		return err
	}
	return judgeAll(figures, figures, bounds)
}

func measureLookup(ctx context.Context, path string, entries, each int, seed uint64, peers bool, keep string) ([]Figure, error) {
	c, err := corpusOf(ctx, path, entries, seed)
	if err != nil {
		return nil, err
	}
	queries := c.Queries(each, seed)
	folder := keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "loket-lookup-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if err := c.Save(folder, queries); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, self, "lookup", "--answer", folder).Output()
	if err != nil {
		return nil, fmt.Errorf("answering: %w", told(err))
	}
	var cost lookup.Cost
	if err := json.Unmarshal(out, &cost); err != nil {
		return nil, fmt.Errorf("answering: %w", err)
	}
	answers, err := lookup.ReadAnswers(filepath.Join(folder, "answers.jsonl"))
	if err != nil {
		return nil, err
	}
	fmt.Printf("\n%s: %d institutions, seed %d, %.1f %% of them neighbours of another, %d questions\n", c.Name, len(c.Entries), seed, 100*c.Neighbours, len(queries))
	rows := c.Score(queries, answers)
	if err := errors.Join(lookup.Print(os.Stdout, rows), lookup.PrintCost(os.Stdout, cost), lookup.PrintThresholds(os.Stdout, queries, answers)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(".bench", 0o755); err != nil {
		return nil, err
	}
	drawing := filepath.Join(".bench", fmt.Sprintf("lookup-%s.svg", strings.ReplaceAll(c.Name, " ", "-")))
	if err := os.WriteFile(drawing, lookup.Draw(rows, len(c.Entries)), 0o644); err != nil {
		return nil, err
	}
	var figures []Figure
	for _, g := range lookup.Figures(rows, cost) {
		figures = append(figures, Figure{Name: fmt.Sprintf("look-up %s %s", c.Name, g.Name), Value: g.Value, Unit: g.Unit})
	}
	if peers {
		more, err := askPeers(ctx, c, folder, queries, rows)
		if err != nil {
			return nil, err
		}
		figures = append(figures, more...)
	}
	return figures, nil
}

// realList is the name that stands for the list of banks that a package ships.
const realList = "banks"

func corpusOf(ctx context.Context, path string, entries int, seed uint64) (*lookup.Corpus, error) {
	switch path {
	case "":
		return lookup.Generate(entries, seed), nil
	case realList:
		return lookup.Banks(ctx, ".bench")
	}
	return lookup.Read(path)
}

// peersAsked and what each is: a module of its own (hack/bench/peers), run as a process.
var peersAsked = []string{"bleve-ngram", "bleve-fuzzy", "pgtrgm-gist", "pgtrgm-gin"}

// askPeers lets each peer answer the same questions, helped by the same folding, chat words and exact identifiers.
func askPeers(ctx context.Context, c *lookup.Corpus, folder string, queries []lookup.Query, ours []lookup.Row) ([]Figure, error) {
	binary := filepath.Join(folder, "peers")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("hack", "bench", "peers")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("building the peers: %w", err)
	}
	server, err := pgtest.Server()
	if err != nil {
		return nil, fmt.Errorf("a server for pg_trgm: %w", err)
	}
	own := lookup.Whole(ours)
	var figures []Figure
	var table []lookup.Compared
	table = append(table, lookup.Compare("this index", ours))
	for _, name := range peersAsked {
		cmd := exec.CommandContext(ctx, binary, name, folder)
		cmd.Env = append(os.Environ(), "PEERS_POSTGRES="+server)
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		answers, err := lookup.ReadAnswers(filepath.Join(folder, name+".jsonl"))
		if err != nil {
			return nil, err
		}
		asked := queries[:min(len(answers), len(queries))]
		rows := c.Score(asked, answers)
		table = append(table, lookup.Compare(name, rows))
		theirs := lookup.Whole(rows)
		for _, q := range []float64{0.5, 0.99} {
			figures = append(figures, Figure{Name: fmt.Sprintf("look-up %s times faster at p%.0f", c.Name, q*100), Against: name,
				Value: float64(theirs.Waited(q)) / float64(own.Waited(q)), Unit: "times"})
		}
	}
	return figures, lookup.PrintCompared(os.Stdout, table)
}

// told adds what a process said before it failed.
func told(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}
