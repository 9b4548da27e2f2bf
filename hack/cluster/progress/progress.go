// Package progress prints what a long command is doing, one line a step, with the seconds since it
// began, so that a log of it can be read and measured afterwards.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Printer writes lines such as "  4.2s  node ready". The zero value is silent.
type Printer struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
	now   func() time.Time
}

// New starts the clock.
func New(out io.Writer) *Printer {
	return &Printer{out: out, began: time.Now(), now: time.Now}
}

// Say prints one step.
func (p *Printer) Say(format string, args ...any) {
	if p == nil || p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = fmt.Fprintf(p.out, "%7.1fs  %s\n", p.now().Sub(p.began).Seconds(), fmt.Sprintf(format, args...))
}

// Counter says how far a count is, at most once in Every, so that a build of three thousand packages
// is forty lines and not three thousand.
type Counter struct {
	Printer *Printer
	What    string // "compiled %d of at most %d packages"
	Total   int
	Every   time.Duration

	seen int
	last time.Time
}

// Add counts one more.
func (c *Counter) Add() {
	c.seen++
	now := c.Printer.now()
	if c.last.IsZero() {
		c.last = now
		return
	}
	if now.Sub(c.last) < c.Every {
		return
	}
	c.last = now
	c.Printer.Say(c.What, c.seen, c.Total)
}

// Seen is the count so far.
func (c *Counter) Seen() int { return c.seen }
