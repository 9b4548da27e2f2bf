//go:build chaos

package main

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is a TCP line to a database that can fall silent, lose the answers to COMMIT, or lead elsewhere.
type line struct {
	listener net.Listener
	mu       sync.Mutex
	target   string
	open     map[net.Conn]bool
	ended    bool

	silent  atomic.Bool  // nothing passes, and nothing is reset
	swallow atomic.Int64 // one COMMIT in so many is done, and its answer lost
	lost    atomic.Int64 // answers
}

func newLine(t testing.TB, target string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	line := &line{listener: l, target: target, open: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { line.join(from) })
		}
	})
	t.Cleanup(func() {
		line.mu.Lock()
		line.ended = true
		line.mu.Unlock()
		_ = l.Close()
		line.silent.Store(false)
		line.reset()
		all.Wait()
	})
	return line
}

func (l *line) address() string { return l.listener.Addr().String() }

// lead has new connections go to another server.
func (l *line) lead(target string) {
	l.mu.Lock()
	l.target = target
	l.mu.Unlock()
}

// reset cuts all that is open.
func (l *line) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
	}
}

func (l *line) note(c net.Conn, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open && l.ended {
		_ = c.Close()
	}
	if open {
		l.open[c] = true
	} else {
		delete(l.open, c)
	}
}

func (l *line) join(from net.Conn) {
	l.mu.Lock()
	target := l.target
	l.mu.Unlock()
	l.note(from, true)
	defer func() { _ = from.Close(); l.note(from, false) }()
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	l.note(to, true)
	defer func() { _ = to.Close(); l.note(to, false) }()
	var muted atomic.Bool
	back := make(chan struct{})
	go func() {
		defer close(back)
		l.copy(from, to, func([]byte) bool { return muted.Load() })
		_ = from.Close()
		_ = to.Close()
	}()
	l.copy(to, from, func(packet []byte) bool {
		if n := l.swallow.Load(); n > 0 && bytes.Contains(packet, []byte("commit\x00")) && rand.Int64N(n) == 0 {
			muted.Store(true) // what comes next is the answer
			l.lost.Add(1)
		}
		return false
	})
	if !muted.Load() {
		_ = to.Close()
	}
	<-back
}

// copy passes on what comes until either side ends, or drops what comes and ends when dropped says so.
func (l *line) copy(to, from net.Conn, dropped func([]byte) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if dropped(buf[:n]) {
				return
			}
			for l.silent.Load() {
				time.Sleep(5 * time.Millisecond)
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
