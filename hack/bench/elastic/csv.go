package elastic

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MostRows is how many rows of a trace are read.
const MostRows = 20_000_000

// ReadCSV reads a trace: rows of `meta,key,value`, `start,seconds`, `agents,second,count`, `missing,from,to` and
// `conv,second,handle,patience`, in any order.
//
// The keys of meta are the fields of Told; holidays are dates with blanks or semicolons between them, or several rows. Besides,
// name, class, size and seconds (how long the trace lasts; else whole days) are known. Other keys are not looked at: they are
// notes. A patience of 0 or none has no end.
func ReadCSV(r io.Reader) (*Trace, error) {
	t := &Trace{Told: Defaults()}
	rows := csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	rows.FieldsPerRecord, rows.ReuseRecord, rows.Comment, rows.TrimLeadingSpace = -1, true, '#', true
	for n := 1; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && n > MostRows {
			err = fmt.Errorf("more than %d rows", MostRows)
		}
		if err == nil {
			err = t.take(row)
		}
		if err != nil {
			line, _ := 0, 0
			if row != nil {
				line, _ = rows.FieldPos(0)
			}
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if _, err := t.Spec(); err != nil {
		return nil, fmt.Errorf("meta: %w", err)
	}
	t.settle()
	if t.Seconds > 3660*86400 || t.Seconds/t.TickSeconds > 400e6 {
		return nil, fmt.Errorf("the trace lasts %.0f seconds, which nobody replays", t.Seconds)
	}
	return t, nil
}

func (t *Trace) take(row []string) error {
	number := func(i int, name string, least, most float64) (float64, error) {
		if i >= len(row) {
			return 0, fmt.Errorf("%s: %s is missing", row[0], name)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(row[i]), 64)
		if err != nil || !(v >= least && v <= most) {
			return 0, fmt.Errorf("%s: %s is %q; it must be a number from %g to %g", row[0], name, row[i], least, most)
		}
		return v, nil
	}
	const longest = 3660 * 86400
	var a, b, c float64
	var err error
	switch strings.TrimSpace(row[0]) {
	case "meta":
		if len(row) < 3 {
			return fmt.Errorf("meta: key and value are needed, as meta,perWorker,60")
		}
		return t.meta(strings.TrimSpace(row[1]), strings.TrimSpace(strings.Join(row[2:], " ")))
	case "start":
		if a, err = number(1, "seconds", 0, 86400); err == nil {
			t.Starts = append(t.Starts, a)
		}
	case "agents":
		if a, err = number(1, "second", 0, longest); err == nil {
			if b, err = number(2, "count", 0, 1e6); err == nil {
				t.Agents = append(t.Agents, Agents{a, int(b)})
			}
		}
	case "missing":
		if a, err = number(1, "from", 0, longest); err == nil {
			if b, err = number(2, "to", a, longest); err == nil {
				t.Missing = append(t.Missing, Gap{a, b})
			}
		}
	case "conv":
		if a, err = number(1, "second", 0, longest); err != nil {
			break
		}
		if b, err = number(2, "handle", 0, longest); err != nil {
			break
		}
		if len(row) > 3 && strings.TrimSpace(row[3]) != "" {
			if c, err = number(3, "patience", 0, math.Inf(1)); err != nil {
				break
			}
		}
		if c > longest {
			c = 0
		}
		t.Conversations = append(t.Conversations, Conversation{a, float32(b), float32(c)})
	case "kind", "type", "row": // a heading
	default:
		return fmt.Errorf("%q is no kind of row; there are meta, start, agents, missing and conv", row[0])
	}
	return err
}

func (t *Trace) meta(key, value string) error {
	var err error
	whole := func(to *int) {
		var v float64
		if v, err = strconv.ParseFloat(value, 64); err == nil && (v != math.Trunc(v) || math.Abs(v) > 1e9) {
			err = errors.New("not a whole number")
		}
		*to = int(v)
	}
	real := func(to *float64) { *to, err = strconv.ParseFloat(value, 64) }
	switch key {
	case "perWorker":
		whole(&t.PerWorker)
	case "perAgent":
		whole(&t.PerAgent)
	case "min":
		whole(&t.Min)
	case "max":
		whole(&t.Max)
	case "tickSeconds":
		real(&t.TickSeconds)
	case "startSecondsP99":
		real(&t.StartSecondsP99)
	case "drainSeconds":
		real(&t.DrainSeconds)
	case "seconds", "duration", "durationSeconds", "end":
		real(&t.Seconds)
		if err == nil && !(t.Seconds >= 0 && t.Seconds <= 3660*86400) {
			err = errors.New("out of bounds")
		}
	case "timeZone":
		t.TimeZone = value
	case "startsAt":
		t.StartsAt, err = time.Parse(time.RFC3339, value)
	case "holidays", "holiday":
		for _, h := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ';' || r == ',' || r == '[' || r == ']' || r == '"' }) {
			if !slices.Contains(t.Holidays, h) {
				t.Holidays = append(t.Holidays, h)
			}
		}
	case "name":
		t.Name = value
	case "class":
		t.Class = value
	case "size":
		t.Size = value
	}
	if err != nil {
		return fmt.Errorf("meta: %s is %q: %w", key, value, err)
	}
	return nil
}

// WriteCSV writes a trace as ReadCSV reads it.
func WriteCSV(w io.Writer, t *Trace) error {
	out := bufio.NewWriterSize(w, 1<<20)
	for _, m := range [][2]string{
		{"name", t.Name}, {"class", t.Class}, {"size", t.Size}, {"perWorker", strconv.Itoa(t.PerWorker)}, {"perAgent", strconv.Itoa(t.PerAgent)},
		{"min", strconv.Itoa(t.Min)}, {"max", strconv.Itoa(t.Max)}, {"tickSeconds", fmt.Sprint(t.TickSeconds)},
		{"startSecondsP99", fmt.Sprint(t.StartSecondsP99)}, {"drainSeconds", fmt.Sprint(t.DrainSeconds)}, {"timeZone", t.TimeZone},
		{"startsAt", t.StartsAt.Format(time.RFC3339)}, {"holidays", strings.Join(t.Holidays, " ")}, {"seconds", fmt.Sprint(t.Seconds)},
	} {
		if m[1] != "" {
			fmt.Fprintf(out, "meta,%s,%s\n", m[0], m[1])
		}
	}
	for _, s := range t.Starts {
		fmt.Fprintf(out, "start,%.3f\n", s)
	}
	for _, a := range t.Agents {
		fmt.Fprintf(out, "agents,%.0f,%d\n", a.At, a.Count)
	}
	for _, g := range t.Missing {
		fmt.Fprintf(out, "missing,%.3f,%.3f\n", g.From, g.To)
	}
	for _, c := range t.Conversations {
		fmt.Fprintf(out, "conv,%.3f,%.2f,%.2f\n", c.At, c.Handle, c.Patience)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	return nil
}
