package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Bounds of sending.
const (
	sendsMost = 64 // calls in the air, of a channel in a pod
	claimMost = 32
	// halvedFor is how long a number keeps half its rate after the platform found it too high.
	halvedFor = time.Minute
)

// Timing is how long sending and calling wait for what. Zero fields are those of DefaultTiming.
type Timing struct {
	// Lease is how long a claimed message is this pod's alone.
	Lease time.Duration
	// Call is how long a platform may take to answer; less than Lease, so that a sender that is alive settles in time.
	Call time.Duration
	// UnknownWait and UnknownQuiet: see store.ResolveUnknown. Shorter ones risk that a message which the platform has taken,
	// and not told of yet, is sent again.
	UnknownWait, UnknownQuiet time.Duration
	// CallSlack is how long a dialog waits for an outside call beyond what its attempts may take: for the pod that makes them,
	// and for the pauses between them.
	CallSlack time.Duration
}

// DefaultTiming is what the message path was proved with.
var DefaultTiming = Timing{Lease: 30 * time.Second, Call: 20 * time.Second, UnknownWait: 120 * time.Second, UnknownQuiet: 10 * time.Minute,
	CallSlack: 3 * time.Second}

func (t Timing) orDefault() Timing {
	return Timing{Lease: cmp.Or(t.Lease, DefaultTiming.Lease), Call: cmp.Or(t.Call, DefaultTiming.Call),
		UnknownWait: cmp.Or(t.UnknownWait, DefaultTiming.UnknownWait), UnknownQuiet: cmp.Or(t.UnknownQuiet, DefaultTiming.UnknownQuiet),
		CallSlack: cmp.Or(t.CallSlack, DefaultTiming.CallSlack)}
}

// sender hands over what the outbox holds: claim with a durable mark, call, settle. Each claimed message is called at most
// once an attempt, and never after its lease.
type sender struct {
	store    store.Sending
	timing   Timing
	live     func() *Live
	now      func() time.Time
	report   *reporter
	progress func()
	stopping func() bool // nothing more is to be claimed
	again    signal      // raised when a call has ended and there may be more to send

	settler *settler
	calls   sync.WaitGroup

	mu     sync.Mutex
	last   map[int64]time.Time  // conversation → when its last message was handed over, for Pace
	halved map[string]time.Time // channel → until when its rate is half
	flying map[string]int       // channel → calls in the air, or being claimed
	short  map[string]bool      // channel → the last look had no room for all that may have waited
	rests  map[string]rest      // channel → its rest, when its last claim failed
}

// rest is how long a channel is not claimed of, and until when.
type rest struct {
	wait  time.Duration
	until time.Time
}

func newSender(s store.Sending, timing Timing, live func() *Live, now func() time.Time, report *reporter, progress func(), stopping func() bool,
	again signal) *sender {
	return &sender{store: s, timing: timing, live: live, now: now, report: report, progress: progress, stopping: stopping, again: again,
		settler: newSettler(s), last: map[int64]time.Time{}, halved: map[string]time.Time{}, flying: map[string]int{}, short: map[string]bool{},
		rests: map[string]rest{}}
}

// some claims what may be sent now and starts the calls; it returns how many, or 0 where nothing can have been left. Each channel is
// claimed by itself: one whose budget is spent, or whose platform answers slowly, would else hold up the others with what it has
// waiting. A channel whose calls are all in the air is left out; the end of each has us look again. A claim that fails is that
// channel's alone: what failed may be a row of its own.
func (s *sender) some(ctx context.Context) (int, error) {
	s.forget()
	started, more := 0, false
	for _, c := range s.able() {
		room := s.reserve(c.name)
		if room == 0 {
			continue
		}
		if s.stopping() {
			s.free(c.name, room)
			return started, nil
		}
		asked := s.now() // before the claim is sent: the lease counts from the database's clock, which is read later
		claimed, err := s.store.ClaimSends(ctx, []string{c.name}, room, s.timing.Lease, c.rate)
		if err != nil { // also one whose commit may have happened: nothing of it is called, and its lease ends it
			s.free(c.name, room)
			if ctx.Err() != nil {
				return started, err
			}
			s.refused(c.name, err)
			continue
		}
		s.took(c.name, room-len(claimed))
		more = more || len(claimed) == room
		live := s.live()
		for _, one := range claimed {
			s.calls.Go(func() {
				next := s.one(live, asked, one)
				wakeIf(s.free(c.name, 1) || next, s.again)
			})
		}
		started += len(claimed)
	}
	if !more {
		return 0, nil
	}
	return started, nil
}

// claimable is a channel that can send now.
type claimable struct {
	name string
	rate int
}

// able are the channels that can send now, by name.
func (s *sender) able() []claimable {
	s.mu.Lock()
	defer s.mu.Unlock()
	var able []claimable
	channels := s.live().Channels
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		c := channels[name]
		if c.Sender == nil || !c.Sender.Health().OK || s.now().Before(s.rests[name].until) {
			continue
		}
		rate := c.Rate
		if s.now().Before(s.halved[name]) {
			rate = max(1, rate/2)
		}
		able = append(able, claimable{name, rate})
	}
	return able
}

// reserve takes as many of a channel's slots as are free, at most claimMost.
func (s *sender) reserve(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(claimMost, sendsMost-s.flying[name])
	s.flying[name] += n
	s.short[name] = s.short[name] || n == 0
	return n
}

// free gives slots back, and says whether somebody may wait for one.
func (s *sender) free(name string, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flying[name] -= n
	return s.short[name]
}

// took notes a claim that went well, and gives back the slots that it left.
func (s *sender) took(name string, left int) {
	s.free(name, left)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.short[name] = left == 0
	delete(s.rests, name)
}

// refused has a channel rest whose claim failed, each time longer, and be looked at again then.
func (s *sender) refused(name string, err error) {
	s.report.failed("ClaimSends", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := min(max(2*s.rests[name].wait, pollSoonest), pollLatest)
	s.rests[name] = rest{wait, s.now().Add(wait)}
	time.AfterFunc(wait, s.again.raise)
}

// one calls the platform for one claimed message and settles it. next: one of its conversation may be sent now.
func (s *sender) one(live *Live, asked time.Time, send store.Send) (next bool) {
	verdict := s.call(live, asked, send)
	s.report.sent(send.Channel, verdict)
	next = s.settle(send, asked, verdict.SendResult)
	s.mind(send.Channel, verdict)
	s.progress()
	return next
}

func (s *sender) call(live *Live, asked time.Time, send store.Send) channel.Verdict {
	c, ok := live.Channels[send.Channel]
	if !ok {
		return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotCalled}}
	}
	s.pace(send.Conversation, c.Pace)
	age := s.now().Sub(asked)
	if age+s.timing.Call > s.timing.Lease {
		return channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotCalled}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timing.Call)
	defer cancel()
	verdict := c.Sender.Send(ctx, send)
	s.mu.Lock()
	s.last[send.Conversation] = s.now()
	s.mu.Unlock()
	return verdict
}

// pace waits until the conversation's last message is old enough. It knows this pod's own sends only: the order on the phone
// is helped, not promised.
func (s *sender) pace(conversation int64, pace time.Duration) {
	s.mu.Lock()
	last, known := s.last[conversation]
	s.mu.Unlock()
	if !known {
		return
	}
	if wait := pace - s.now().Sub(last); wait > 0 {
		<-time.After(wait)
	}
}

// settle records the outcome, and insists while the lease lasts: an outcome that is not recorded is unknown to everybody.
func (s *sender) settle(send store.Send, asked time.Time, result store.SendResult) (next bool) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		settled, err := s.settler.settle(store.Settlement{ID: send.ID, Attempt: send.Attempt, SendResult: result})
		if err == nil {
			return settled.Next || settled.Refused != nil // then it is settled already, by our own lost commit or by an echo
		}
		s.report.failed("Settle", err)
		if s.now().Sub(asked)+wait > s.timing.Lease {
			return false // the lease ends it as unknown, which the platform's echo settles
		}
		<-time.After(wait)
	}
}

// mind does what a verdict means for the whole channel.
func (s *sender) mind(name string, v channel.Verdict) {
	if v.HalveRate {
		s.mu.Lock()
		s.halved[name] = s.now().Add(halvedFor)
		s.mu.Unlock()
	}
	if v.PauseFor > 0 {
		if err := s.store.PauseChannel(context.Background(), name, v.PauseFor, v.PauseReason); err != nil {
			s.report.failed("PauseChannel", err)
		}
	}
}

// forget drops what pacing no longer needs.
func (s *sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) < 1024 {
		return
	}
	for conversation, at := range s.last {
		if s.now().Sub(at) > time.Second {
			delete(s.last, conversation)
		}
	}
}
