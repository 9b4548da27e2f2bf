package lookup

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Query is one question with what it is about.
type Query struct {
	Q       string `json:"q"`
	Kind    string `json:"kind"`
	Class   Class  `json:"class"`
	ID      string `json:"id"`
	Typed   bool   `json:"typed,omitempty"`
	Foreign bool   `json:"foreign,omitempty"`
	Strange bool   `json:"strange,omitempty"`
	Added   bool   `json:"added,omitempty"`
	Hard    bool   `json:"hard,omitempty"`
}

// Answer is what was answered to one question.
type Answer struct {
	Outcome directory.Outcome `json:"outcome"`
	ID      string            `json:"id"`
	IDs     []string          `json:"ids"`
	Score   float64           `json:"score"`
	NS      int64             `json:"ns"`  // by the clock on the wall
	CPU     int64             `json:"cpu"` // of the processor; 0 where it is not known
}

// Queries makes up to n different fair questions of every kind. Absent ones and plain talk come in so many that together they
// are enough to tell one in a thousand.
func (c *Corpus) Queries(n int, seed uint64) []Query {
	a := &asker{r: rand.New(rand.NewPCG(seed, 39)), c: c}
	var licensed, illegal []int
	for i, e := range c.Entries {
		if e.Status == directory.StatusIllegal {
			illegal = append(illegal, i)
		} else {
			licensed = append(licensed, i)
		}
	}
	var out []Query
	for _, k := range kindsOfQuery {
		from, want := licensed, n
		switch k.class {
		case Illegal:
			from = illegal
		case Absent, Talk:
			want = n * 3
		}
		if len(from) == 0 {
			continue
		}
		seen := map[string]bool{}
		for try := 0; try < want*20 && len(seen) < want; try++ {
			i := pick(a.r, from)
			e := &c.Entries[i]
			q, ok := k.make(a, e)
			if !ok || seen[q] {
				continue
			}
			if _, listed := c.byName[strings.Join(words.Name(q), " ")]; listed && k.typed || !c.fair(k, i, q) {
				continue
			}
			seen[q] = true
			one := Query{Q: q, Kind: k.name, Class: k.class, ID: e.ID, Typed: k.typed, Foreign: k.foreign, Strange: k.strange, Added: k.added, Hard: k.hard}
			if k.class == Absent || k.class == Talk {
				one.ID = ""
			}
			out = append(out, one)
		}
	}
	return out
}

// fair throws away what another entry could claim, and fakes that their own entry could.
func (c *Corpus) fair(k kind, i int, q string) bool {
	switch {
	case k.foreign && k.class == Fake: // a letter off one's host may be another's
		return !c.hosts[strings.ToLower(bare(q))]
	case k.foreign:
		return true
	case k.class == Fake, k.class == Absent:
		return !c.claimed(q)
	case k.class == Talk:
		return true
	}
	return !c.claimed(q, i)
}

// Ask answers all questions by an index, taking the time of each.
func Ask(x *directory.Index, queries []Query) []Answer {
	runtime.LockOSThread() // the time is what this thread used of the processor: others use it, too
	defer runtime.UnlockOSThread()
	out := make([]Answer, len(queries))
	for i, q := range queries {
		wall, cpu := time.Hour, time.Hour
		var a directory.Answer
		for range 3 { // the least of three: the first may wait for memory, or for the collector
			started, began := time.Now(), threadTime()
			a = x.Ask(q.Q)
			cpu = min(cpu, threadTime()-began)
			wall = min(wall, time.Since(started))
		}
		out[i] = Answer{Outcome: a.Outcome, Score: a.Score, NS: wall.Nanoseconds(), CPU: cpu.Nanoseconds()}
		for j, e := range a.Entries {
			if j == 0 {
				out[i].ID = e.ID
			}
			out[i].IDs = append(out[i].IDs, e.ID)
		}
	}
	return out
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(t.Nano())
}

// Skipped marks a question that a slow peer was not asked.
const Skipped directory.Outcome = "skipped"

// Row is what became of one kind of question.
type Row struct {
	Kind  string
	Class Class
	N     int
	// First: the right entry came first. Right and Wrong: called licensed, and the right entry or another.
	First, Right, Wrong int
	// Licensed: called licensed at all. Warned: a look-alike, on the warning list, or ambiguous with one that is.
	Licensed, Warned, Exact, Nothing int
	// Added and Foreign are of the kind: a word was added; an identifier decides.
	Added, Foreign bool
	// Hard: of the three kinds that are allowed to miss a little more.
	Hard bool
	ns   []int64 // of the processor
	wall []int64
}

func called(o directory.Outcome) bool { return o == directory.Exact || o == directory.Confident }

// Score counts by kind, and by class in the last rows.
func (c *Corpus) Score(queries []Query, answers []Answer) []Row {
	status := map[string]bool{}
	for _, e := range c.Entries {
		status[e.ID] = e.Status == directory.StatusIllegal
	}
	rows := map[string]*Row{}
	var order []string
	row := func(name string, class Class) *Row {
		if rows[name] == nil {
			rows[name] = &Row{Kind: name, Class: class}
			order = append(order, name)
		}
		return rows[name]
	}
	for i, q := range queries {
		a := answers[i]
		if a.Outcome == Skipped {
			continue
		}
		for _, r := range []*Row{row(q.Kind, q.Class), row("ALL "+string(q.Class), q.Class)} {
			r.N++
			r.Added, r.Foreign, r.Hard = q.Added, q.Foreign, q.Hard
			r.ns = append(r.ns, a.CPU)
			r.wall = append(r.wall, a.NS)
			warned := a.Outcome == directory.Lookalike || a.Outcome == directory.ListedIllegal || a.Outcome == directory.Ambiguous && slices.ContainsFunc(a.IDs, func(id string) bool { return status[id] })
			count := func(n *int, is bool) {
				if is {
					*n++
				}
			}
			count(&r.First, a.ID == q.ID && q.ID != "")
			count(&r.Right, (called(a.Outcome) || q.Strange && a.Outcome == directory.Lookalike) && a.ID == q.ID)
			count(&r.Wrong, called(a.Outcome) && a.ID != q.ID)
			count(&r.Licensed, called(a.Outcome))
			count(&r.Warned, warned)
			count(&r.Exact, q.Typed && a.Outcome == directory.Exact)
			count(&r.Nothing, a.Outcome == directory.None)
		}
	}
	slices.SortStableFunc(order, func(a, b string) int {
		return cmp.Compare(btoi(a[:min(4, len(a))] == "ALL "), btoi(b[:min(4, len(b))] == "ALL "))
	})
	var out []Row
	for _, name := range order {
		slices.Sort(rows[name].ns)
		slices.Sort(rows[name].wall)
		out = append(out, *rows[name])
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Quantile of the processor time that an answer took.
func (r Row) Quantile(q float64) time.Duration { return quantile(r.ns, q) }

// Waited is the quantile of the time that an answer took by the clock on the wall.
func (r Row) Waited(q float64) time.Duration { return quantile(r.wall, q) }

func quantile(sorted []int64, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return time.Duration(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))])
}

// Share is n of the row's questions, in per cent.
func (r Row) Share(n int) float64 { return 100 * float64(n) / float64(max(r.N, 1)) }

// Print writes the table by kind.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "kind\tn\tright first\tlicensed, right\tlicensed, wrong\tcalled licensed\twarned\tnothing\ttypo exact\tp50\tp99\t")
	for _, r := range rows {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%s\t%s\t\n", r.Kind, r.N, r.Share(r.First), r.Share(r.Right), r.Share(r.Wrong), r.Share(r.Licensed), r.Share(r.Warned),
			r.Share(r.Nothing), r.Exact, r.Quantile(0.5).Round(100*time.Nanosecond), r.Quantile(0.99).Round(time.Microsecond))
	}
	return t.Flush()
}

// Thresholds gives precision and recall of what is called licensed by a score of at least so much.
func Thresholds(queries []Query, answers []Answer) [][3]float64 {
	var out [][3]float64
	for _, at := range []float64{0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1} {
		right, taken, meant := 0, 0, 0
		for i, q := range queries {
			if q.Class == Genuine {
				meant++
			}
			if a := answers[i]; called(a.Outcome) && a.Score >= at && q.Class != Grey {
				taken++
				if q.Class == Genuine && a.ID == q.ID {
					right++
				}
			}
		}
		out = append(out, [3]float64{at, float64(right) / float64(max(taken, 1)), float64(right) / float64(max(meant, 1))})
	}
	return out
}
