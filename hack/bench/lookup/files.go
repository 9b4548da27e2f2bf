package lookup

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Save writes corpus.jsonl and queries.jsonl into a folder, in the form that `bot-runtime lookup --jsonl` reads.
func (c *Corpus) Save(folder string, queries []Query) error {
	if err := writeLines(filepath.Join(folder, "corpus.jsonl"), c.Entries); err != nil {
		return err
	}
	return writeLines(filepath.Join(folder, "queries.jsonl"), queries)
}

// Read takes a list of institutions from a file with an entry as JSON on each line.
func Read(path string) (*Corpus, error) {
	c := &Corpus{Name: filepath.Base(path)}
	err := readLines(path, func(line []byte) error {
		e := directory.Entry{}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if e.Status == "" {
			e.Status = directory.StatusLicensed
		}
		c.Entries = append(c.Entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.prepare()
	return c, nil
}

// ReadQueries and ReadAnswers read what Save and the answerers wrote.
func ReadQueries(path string) (out []Query, err error) {
	return out, readLines(path, func(line []byte) error {
		var q Query
		defer func() { out = append(out, q) }()
		return json.Unmarshal(line, &q)
	})
}

// ReadAnswers reads one answer a line.
func ReadAnswers(path string) (out []Answer, err error) {
	err = readLines(path, func(line []byte) error {
		var a Answer
		if err := json.Unmarshal(line, &a); err != nil {
			return err
		}
		out = append(out, a)
		return nil
	})
	return out, err
}

func writeLines[T any](path string, list []T) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for i := range list {
		if err := e.Encode(&list[i]); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}

func readLines(path string, take func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if err := take(lines.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return lines.Err()
}

// Cost is what an index costs, measured in a process of its own.
type Cost struct {
	Entries int `json:"entries"`
	// Build is from packed rows to index, in seconds; Read also reads the JSON.
	Build float64 `json:"build"`
	Read  float64 `json:"read"`
	// Processor is the time that all processors together spent on the build: half of it, on two that do nothing else.
	Processor float64 `json:"processor"`
	// Resident is the process's memory with the index alone, in MB; Heap is what of it the index holds.
	Resident float64 `json:"resident"`
	Heap     float64 `json:"heap"`
	Peak     float64 `json:"peak"`
}

// AnswerFiles is the process that answers a folder's queries: it writes answers.jsonl and, for the peers, help.jsonl with what
// they are helped by, and gives the index's cost. Queries are answered in turn by one goroutine.
func AnswerFiles(folder string) (Cost, error) {
	var cost Cost
	f, err := os.Open(filepath.Join(folder, "corpus.jsonl"))
	if err != nil {
		return cost, fmt.Errorf("reading the corpus: %w", err)
	}
	defer f.Close()
	began := time.Now()
	b, err := directory.ReadBuilder(f)
	if err != nil {
		return cost, err
	}
	read, used := time.Now(), processorTime()
	x := b.Build()
	cost.Build, cost.Read = time.Since(read).Seconds(), time.Since(began).Seconds()
	cost.Processor = (processorTime() - used).Seconds()
	cost.Entries = x.Entries()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cost.Heap = float64(m.HeapAlloc) / 1e6
	cost.Resident, cost.Peak = status("VmRSS:"), status("VmHWM:")
	queries, err := ReadQueries(filepath.Join(folder, "queries.jsonl"))
	if err != nil {
		return cost, err
	}
	if err := writeLines(filepath.Join(folder, "answers.jsonl"), Ask(x, queries)); err != nil {
		return cost, err
	}
	return cost, writeLines(filepath.Join(folder, "help.jsonl"), helped(x, queries))
}

// processorTime is what the process used of all processors.
func processorTime() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// status reads a line of the process's status, in MB.
func status(name string) float64 {
	body, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(body), name)
	if fields := strings.Fields(rest); len(fields) > 0 {
		kb, _ := strconv.ParseFloat(fields[0], 64)
		return kb / 1000
	}
	return 0
}

// Help is what peers get beside a query: its words folded, without chat words and identifiers, and the entry whose identifier
// stands in it. Strange: an identifier of nobody is in it.
type Help struct {
	Text    string `json:"text"`
	Owner   string `json:"owner,omitempty"`
	Strange bool   `json:"strange,omitempty"`
}

func helped(x *directory.Index, queries []Query) []Help {
	out := make([]Help, len(queries))
	for i, q := range queries {
		rest, owners, strange := x.Identifiers(q.Q)
		out[i].Strange = strange
		if len(owners) == 1 {
			out[i].Owner = owners[0]
		}
		var kept []string
		for _, w := range words.Name(rest) {
			if !words.Chat(w) {
				kept = append(kept, w)
			}
		}
		out[i].Text = strings.Join(kept, " ")
	}
	return out
}

// PrintCost writes what an index costs.
func PrintCost(w io.Writer, c Cost) error {
	_, err := fmt.Fprintf(w, "%d entries: built in %.2f s (processor time %.2f s, with reading %.2f s); resident %.0f MB (heap %.0f MB, peak while building %.0f MB)\n", c.Entries, c.Build, c.Processor, c.Read, c.Resident, c.Heap, c.Peak)
	return err
}
