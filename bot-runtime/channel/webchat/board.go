package webchat

import (
	"context"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	// lookBusy is how often the mailboxes of this pod's streams are looked at, all in one query, while somebody may be waiting
	// for a word: a person at the desk has one of the conversations, or something was said lately. Any pod may have said it.
	lookBusy = 250 * time.Millisecond
	// lookSoon is how long after a citizen's post here: the bot has mostly answered by then. No two looks are closer.
	lookSoon = 100 * time.Millisecond
	// lookQuiet is how often while all are quiet.
	lookQuiet = time.Second
	// longestLook is how rarely while the store does not answer.
	longestLook = 5 * time.Second
	// busyFor is how long after the last word, or after its stream was opened, a conversation counts as busy.
	busyFor = 2 * time.Minute
)

// board is what the open streams of this pod watch: it looks for all of them and wakes those whose mailbox has changed. It
// asks nothing while no stream is open.
type board struct {
	channel string
	mailbox Mailbox
	now     func() time.Time
	posted  chan struct{} // has a token when a citizen with a stream has posted here

	mu      sync.Mutex
	watched map[message.Identity]*watched
	looking bool
}

// watched is one citizen's mailbox.
type watched struct {
	streams map[chan struct{}]bool
	last    store.Mailbox
	busy    time.Time // since when nothing was said
}

func newBoard(channel string, mailbox Mailbox, now func() time.Time) *board {
	return &board{channel: channel, mailbox: mailbox, now: now, posted: make(chan struct{}, 1), watched: map[message.Identity]*watched{}}
}

// watch gives a channel that has a token when the citizen's mailbox may have changed, until stop.
func (b *board) watch(citizen message.Identity) (news <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.watched[citizen]
	if one == nil {
		one = &watched{streams: map[chan struct{}]bool{}, last: store.Mailbox{Newest: -1}} // the first look is news
		b.watched[citizen] = one
	}
	c := make(chan struct{}, 1)
	one.streams[c] = true
	one.busy = b.now()
	if !b.looking {
		b.looking = true
		go b.look()
	}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(one.streams, c); len(one.streams) == 0 && b.watched[citizen] == one {
			delete(b.watched, citizen)
		}
	}
}

// said tells that the citizen has just posted here.
func (b *board) said(citizen message.Identity) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.watched[citizen]
	if one == nil {
		return
	}
	one.busy = b.now()
	one.wake()
	select {
	case b.posted <- struct{}{}:
	default:
	}
}

func (w *watched) wake() {
	for c := range w.streams {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// look goes on until nobody watches.
func (b *board) look() {
	pause := lookBusy
	for {
		b.rest(pause)
		of := b.all()
		if len(of) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), longestLook)
		found, err := b.mailbox.Mailboxes(ctx, b.channel, of)
		cancel()
		if err != nil {
			pause = min(2*pause, longestLook)
			continue
		}
		pause = b.tell(of, found)
	}
}

// rest waits for the next look.
func (b *board) rest(pause time.Duration) {
	time.Sleep(lookSoon)
	t := time.NewTimer(pause - lookSoon)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.posted:
		time.Sleep(lookSoon)
	}
}

// all are the mailboxes to look at. When there are none, the looking ends.
func (b *board) all() []message.Identity {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking = len(b.watched) > 0
	of := make([]message.Identity, 0, len(b.watched))
	for citizen := range b.watched {
		of = append(of, citizen)
	}
	return of
}

// tell wakes the streams that have news, and says when to look again.
func (b *board) tell(of []message.Identity, found []store.Mailbox) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	pause, now := lookQuiet, b.now()
	for i, citizen := range of {
		one := b.watched[citizen]
		if one == nil {
			continue
		}
		if found[i].Newest != one.last.Newest {
			if one.last.Newest >= 0 {
				one.busy = now
			}
			one.wake()
		}
		one.last = found[i]
		if one.last.Person || now.Sub(one.busy) < busyFor {
			pause = lookBusy
		}
	}
	return pause
}
