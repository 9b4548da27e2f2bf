package author

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

// Lookup prints what a Directory of a folder or file answers to a text, and why. name may be empty when there is only one.
func Lookup(out io.Writer, path, name, text string, now time.Time) error {
	j := load(path, now, false)
	p := printer{out: out}
	for _, problem := range j.Problems {
		p.line("%s", problem)
	}
	index, err := pickDirectory(j.set.Directories, name)
	if err != nil {
		return err
	}
	a := index.Ask(text)
	p.line("%s  score %.2f", a.Outcome, a.Score)
	for _, e := range a.Entries {
		p.line("  %s", describe(e))
	}
	p.line("  why  %s", a.Why)
	return p.err
}

func describe(e directory.Entry) string {
	parts := []string{e.Name, e.Status}
	for _, v := range []string{e.Licence, e.Type, strings.Join(e.Sites, " ")} {
		if v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " · ")
}

func pickDirectory(all map[string]*directory.Index, name string) (*directory.Index, error) {
	if index, ok := all[name]; ok {
		return index, nil
	}
	var names []string
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	switch {
	case name != "":
		return nil, fmt.Errorf("no directory %q serves here (there are: %s); see bot-runtime lint", name, strings.Join(names, ", "))
	case len(names) == 1:
		return all[names[0]], nil
	case len(names) == 0:
		return nil, errors.New("no directory serves here; see bot-runtime lint")
	}
	return nil, fmt.Errorf("several directories are here: %s; name one", strings.Join(names, ", "))
}

// LookupLines answers lines of {"q": "…"} with one line each: {"outcome","id","score","ids","ns"}, where ns is the time that
// the look-up took. The entries come from a corpus, a file with a line of JSON for each; so anyone can measure from outside.
func LookupLines(in io.Reader, out io.Writer, corpus string) error {
	index, err := loadCorpus(corpus)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var q struct {
			Q string `json:"q"`
		}
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("line %d is not {\"q\": \"…\"}: %w", n, err)
		}
		started := time.Now()
		a := index.Ask(q.Q)
		taken := time.Since(started)
		answer := answerLine{Outcome: a.Outcome, Score: a.Score, NS: taken.Nanoseconds(), IDs: []string{}}
		for i, e := range a.Entries {
			if i == 0 {
				answer.ID = e.ID
			}
			answer.IDs = append(answer.IDs, e.ID)
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), buffered.Flush())
}

const maxLine = 1 << 20

type answerLine struct {
	Outcome directory.Outcome `json:"outcome"`
	ID      string            `json:"id"`
	Score   float64           `json:"score"`
	IDs     []string          `json:"ids"`
	NS      int64             `json:"ns"`
}

func loadCorpus(path string) (*directory.Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the corpus cannot be read; give --corpus FILE.jsonl: %w", err)
	}
	defer f.Close()
	var entries []directory.Entry
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var e directory.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%s:%d is not an entry: %w", path, n, err)
		}
		if e.Status == "" {
			e.Status = directory.StatusLicensed
		}
		entries = append(entries, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return directory.FromEntries(entries), nil
}
