package progress

import (
	"strings"
	"testing"
	"time"
)

func TestALongCountIsAFewLines(t *testing.T) {
	var out strings.Builder
	p := New(&out)
	clock := p.began
	p.now = func() time.Time { return clock }
	c := &Counter{Printer: p, What: "compiled %d of at most %d packages", Total: 3000, Every: 10 * time.Second}
	for range 3000 {
		c.Add()
		clock = clock.Add(100 * time.Millisecond)
	}
	lines := strings.Count(out.String(), "\n")
	if c.Seen() != 3000 || lines < 25 || lines > 30 {
		t.Errorf("%d lines for 300 s:\n%s", lines, out.String())
	}
	if first, _, _ := strings.Cut(out.String(), "\n"); first != "   10.0s  compiled 101 of at most 3000 packages" {
		t.Errorf("%q", first)
	}
}

func TestNobodyHasToListen(t *testing.T) {
	var p *Printer
	p.Say("to nobody")
	new(Printer).Say("to nobody")
}
