// Command peers answers the bench's questions with bleve and with PostgreSQL's pg_trgm, so that they stand beside Loket's
// look-up in one run. It is a module of its own: nothing of it is linked into Loket.
//
// Both get the help that Loket's look-up gives itself: texts folded, chat words off, and the entries that own an identifier.
// What neither has is a rule that tells a fake from a typo: whatever is nearest, and near enough, is taken for meant.
//
//	peers bleve-ngram|bleve-fuzzy|pgtrgm-gist|pgtrgm-gin FOLDER
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

type entry struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	Status  string   `json:"status"`
}

type help struct {
	Text    string `json:"text"`
	Owner   string `json:"owner"`
	Strange bool   `json:"strange"`
}

type answer struct {
	Outcome string   `json:"outcome"`
	ID      string   `json:"id"`
	IDs     []string `json:"ids"`
	Score   float64  `json:"score"`
	NS      int64    `json:"ns"`
}

// searcher gives the nearest entry, and how near it is: 1 is the same.
type searcher interface {
	search(ctx context.Context, text string) (id string, score float64, err error)
	close() error
}

// The least nearness that is taken for meant. pg_trgm's is the default of its own operator; bleve's scores have no such
// scale, so its nearness is the share of the best score that the entry's own name would reach.
const leastTrigram, leastBleve = 0.3, 0.5

// most is how many questions a peer is asked; they take milliseconds each.
const most = 400

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("give a peer and a folder")
	}
	ctx, name, folder := context.Background(), os.Args[1], os.Args[2]
	entries, err := read[entry](filepath.Join(folder, "corpus.jsonl"))
	if err != nil {
		return err
	}
	helps, err := read[help](filepath.Join(folder, "help.jsonl"))
	if err != nil {
		return err
	}
	began := time.Now()
	s, least, err := open(ctx, name, folder, entries)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	fmt.Fprintf(os.Stderr, "%s: indexed %d entries in %.1f s\n", name, len(entries), time.Since(began).Seconds())
	illegal := map[string]bool{}
	for _, e := range entries {
		illegal[e.ID] = e.Status == "illegal"
	}
	out, err := os.Create(filepath.Join(folder, name+".jsonl"))
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriter(out)
	lines := json.NewEncoder(w)
	step := max(1, (len(helps)+most-1)/most)
	for i, h := range helps {
		a := answer{Outcome: "skipped"}
		if i%step == 0 {
			if a, err = ask(ctx, s, h, least, illegal); err != nil {
				return fmt.Errorf("%q: %w", h.Text, err)
			}
		}
		if err := lines.Encode(a); err != nil {
			return err
		}
	}
	return w.Flush()
}

func open(ctx context.Context, name, folder string, entries []entry) (searcher, float64, error) {
	switch name {
	case "bleve-ngram", "bleve-fuzzy":
		s, err := newBleve(folder, name == "bleve-fuzzy", entries)
		return s, leastBleve, err
	case "pgtrgm-gist", "pgtrgm-gin":
		s, err := newTrigrams(ctx, os.Getenv("PEERS_POSTGRES"), name == "pgtrgm-gist", entries)
		return s, leastTrigram, err
	}
	return nil, 0, fmt.Errorf("%q is no peer", name)
}

// ask: an identifier decides, the nearest name does else. The least of three is the time, as for Loket's own.
func ask(ctx context.Context, s searcher, h help, least float64, illegal map[string]bool) (answer, error) {
	best := time.Hour
	var a answer
	for range 3 {
		began := time.Now()
		a = answer{Outcome: "none", IDs: []string{}}
		if h.Owner != "" {
			a.ID, a.Score = h.Owner, 1
		} else if h.Text != "" {
			id, score, err := s.search(ctx, h.Text)
			if err != nil {
				return a, err
			}
			if score >= least {
				a.ID, a.Score = id, min(score, 1)
			}
		}
		best = min(best, time.Since(began))
		if best > 5*time.Millisecond {
			break
		}
	}
	a.NS = best.Nanoseconds()
	if a.ID != "" {
		a.Outcome, a.IDs = "confident", []string{a.ID}
		switch {
		case illegal[a.ID]:
			a.Outcome = "listed-illegal"
		case h.Strange:
			a.Outcome = "lookalike"
		}
	}
	return a, nil
}

func read[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, v)
	}
	return out, lines.Err()
}
