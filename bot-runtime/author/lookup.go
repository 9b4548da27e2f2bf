package author

import (
	"bufio"
	"bytes"
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
		for _, f := range e.Shown {
			p.line("    %s: %s", f.Name, strings.Join(strings.Fields(f.Value), " "))
		}
	}
	p.line("  why  %s", a.Why)
	p.line("       %s", a.WhyID)
	if a.Field != "" {
		p.line("  by   %s", a.Field)
	}
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

// Entries says where a look-up's entries are: a corpus, which is a file with an entry as JSON on each line, or a Directory of a
// folder or file of resources.
type Entries struct{ Corpus, Path, Directory string }

func (e Entries) index(now time.Time) (*directory.Index, error) {
	if e.Corpus != "" {
		return loadCorpus(e.Corpus)
	}
	return pickDirectory(load(e.Path, now, false).set.Directories, e.Directory)
}

// LookupLines answers lines of {"q": "…"} with one line each: {"outcome","id","score","ids","ns"}, where ns is the time that
// the look-up took. An answer is written before the next question is waited for, so that a program may ask one by one.
func LookupLines(in io.Reader, out io.Writer, entries Entries, now time.Time) error {
	index, err := entries.index(now)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out) // which writes each line at once
	source := bufio.NewReaderSize(in, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(source)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		var q struct {
			Q string `json:"q"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
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
}

const maxLine = 1 << 20

// readLine gives the next line that is not empty; the last may lack its end.
func readLine(source *bufio.Reader) ([]byte, error) {
	for {
		var line []byte
		for {
			part, err := source.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxLine {
				return nil, fmt.Errorf("longer than %d bytes", maxLine)
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
				return nil, err
			}
			break
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
	}
}

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
	entries, err := directory.ReadLines(f)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return entries, nil
}
