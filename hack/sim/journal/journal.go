// Package journal is the simulator's memory of what really went over the wire: one JSON object a line, on disk before the
// other side hears of it. The checker reads it, and nothing of Loket's own.
package journal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"
	"time"
)

// Kind is what happened.
type Kind string

// The kinds, each from the platform's point of view.
const (
	WebhookOut Kind = "webhook-out" // about to deliver the messages IDs
	WebhookAck Kind = "webhook-ack" // the other side answered Status to the messages IDs
	SendIn     Kind = "send-in"     // a send call came: Ref, To, Text
	SendReply  Kind = "send-reply"  // we accepted it as ID, or refused it with Code, or cut the line (Cut)
	StatusOut  Kind = "status-out"  // about to deliver a status of ID
	Violation  Kind = "violation"   // the other side did what the real platform forbids or drops: Note
	ForgedOut  Kind = "forged-out"  // about to deliver a body that must be refused, and why: IDs, Note
	ForgedAck  Kind = "forged-ack"  // the other side answered Status to it
	Mark       Kind = "mark"        // whoever runs the load says what goes on from here: Note
)

// Record is one line.
type Record struct {
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`
	Citizen string    `json:"citizen,omitempty"`
	ID      string    `json:"id,omitempty"`
	IDs     []string  `json:"ids,omitempty"`
	// Citizens and Texts of the messages IDs, in the same order: one webhook may bring several citizens' messages.
	Citizens []string `json:"citizens,omitempty"`
	Texts    []string `json:"texts,omitempty"`
	Attempt  int      `json:"attempt,omitempty"`
	Status   int      `json:"status,omitempty"`
	Ref      string   `json:"ref,omitempty"`
	Text     string   `json:"text,omitempty"`
	Code     int      `json:"code,omitempty"`
	Cut      bool     `json:"cut,omitempty"`
	// Blind is a cut whose statuses are withheld until the message is sent again: nobody could tell that we took it.
	Blind bool `json:"blind,omitempty"`
	// Number is the business number that sends.
	Number string `json:"number,omitempty"`
	Note   string `json:"note,omitempty"`
}

// Journal appends records; Append returns when they are on disk. Many callers share one fsync.
type Journal struct {
	mu      sync.Mutex
	wake    *sync.Cond
	pending []Record
	waiting []chan error
	file    *os.File
	closed  bool
	done    chan struct{}
	now     func() time.Time
}

// Open appends to the file at path, which is made if it is not there.
func Open(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	j := &Journal{file: f, done: make(chan struct{}), now: time.Now}
	j.wake = sync.NewCond(&j.mu)
	go j.write()
	return j, nil
}

// Append puts records on disk, in order, stamped with the time of the call.
func (j *Journal) Append(records ...Record) error {
	done := make(chan error, 1)
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return os.ErrClosed
	}
	for i := range records {
		records[i].At = j.now().UTC()
	}
	j.pending = append(j.pending, records...)
	j.waiting = append(j.waiting, done)
	j.wake.Signal()
	j.mu.Unlock()
	return <-done
}

func (j *Journal) write() {
	defer close(j.done)
	for {
		j.mu.Lock()
		for len(j.pending) == 0 && !j.closed {
			j.wake.Wait()
		}
		records, waiting := j.pending, j.waiting
		j.pending, j.waiting = nil, nil
		closed := j.closed
		j.mu.Unlock()
		if len(records) == 0 && closed {
			return
		}
		err := j.flush(records)
		for _, w := range waiting {
			w <- err
		}
	}
}

func (j *Journal) flush(records []Record) error {
	w := bufio.NewWriter(j.file)
	enc := json.NewEncoder(w)
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("writing the journal: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// Close ends the journal after what was appended is on disk.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.wake.Signal()
	j.mu.Unlock()
	<-j.done
	return j.file.Close()
}

// Each yields the records of a journal one by one, and the error that ended it. A last line that was cut by a kill is left
// out: it was never on disk whole, and nobody heard of it.
func Each(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		lines := bufio.NewReaderSize(r, 1<<16)
		for n := 1; ; n++ {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("reading the journal: %w", err))
				return
			}
			var rec Record
			if err := json.Unmarshal(line, &rec); err != nil {
				yield(Record{}, fmt.Errorf("journal line %d: %w", n, err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Read returns all records of a journal, as Each yields them.
func Read(r io.Reader) ([]Record, error) { return all(Each(r)) }

// ReadFile is Read for the journal at path.
func ReadFile(path string) ([]Record, error) { return all(EachOf(path)) }

func all(each iter.Seq2[Record, error]) ([]Record, error) {
	var records []Record
	for rec, err := range each {
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

// EachOf is Each for the journal at path, which it opens and closes.
func EachOf(path string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("opening the journal: %w", err))
			return
		}
		defer f.Close()
		Each(f)(yield)
	}
}
