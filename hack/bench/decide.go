package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/loket-dev/loket/controllers/capacity"
	"github.com/loket-dev/loket/hack/bench/elastic"
)

// mostLine is how long a line of decide may be: a written state and its quotes.
const mostLine = 1 << 20

// asked is one line after the first: an observation, or a wish about the state.
type asked struct {
	elastic.Seen
	Snapshot bool    `json:"snapshot"`
	Restore  *string `json:"restore"`
}

// decided is the answer to an observation.
type decided struct {
	// Workers is how many there shall be; -1 leaves them as they are.
	Workers int32 `json:"workers"`
	// Reasons as data, and Why as people read them.
	Reasons []capacity.Reason `json:"reasons"`
	Why     string            `json:"why"`
}

// decide answers lines of JSON, one each: first what is told (elastic.Told), then observations. An answer is flushed before the
// next line is read. {"snapshot":true} is answered with {"state":"…"}, {"restore":"…"} with {"restored":true}. A line that makes
// no sense is answered with {"error":"…"}, and the pool stays as it was.
func decide(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), mostLine)
	w := bufio.NewWriter(out)
	answer := func(v any) error {
		body, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		if _, err := w.Write(append(body, '\n')); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		return w.Flush()
	}
	complain := func(err error) error { return answer(map[string]string{"error": err.Error()}) }
	var pool *elastic.Loket
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if pool == nil {
			told := elastic.Defaults()
			err := json.Unmarshal(line, &told)
			if err == nil {
				pool, err = elastic.NewLoket(told)
			}
			if err != nil {
				return fmt.Errorf("line %d, what is told: %w", n, err)
			}
			continue
		}
		var err error
		var q asked
		if e := json.Unmarshal(line, &q); e != nil {
			err = complain(fmt.Errorf("line %d: %w", n, e))
		} else {
			err = answer(reply(pool, q))
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("a line is longer than %d bytes", mostLine)
		}
		return fmt.Errorf("reading: %w", err)
	}
	return nil
}

func reply(pool *elastic.Loket, q asked) any {
	switch {
	case q.Snapshot:
		body, err := pool.State.Marshal()
		if err != nil {
			return map[string]string{"error": err.Error()}
		}
		return map[string]string{"state": string(body)}
	case q.Restore != nil:
		state, err := capacity.ReadState([]byte(*q.Restore))
		if err != nil {
			return map[string]string{"error": err.Error()}
		}
		pool.State = state
		return map[string]bool{"restored": true}
	}
	if err := q.Check(); err != nil {
		return map[string]string{"error": err.Error()}
	}
	pool.Decide(q.Seen)
	d := pool.Last
	out := decided{Workers: d.Workers, Reasons: d.Reasons.List(), Why: d.Reasons.String()}
	if int(d.Workers) == q.Desired {
		out.Workers = -1
	}
	return out
}
