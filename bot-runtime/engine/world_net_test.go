package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/channel"
	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// network is the platforms of a world: they deliver webhooks until they are acknowledged, take messages, and tell of them.
// Channel wa echoes our id in its statuses; channel chat takes an id once.
type network struct {
	*world
	calls sync.WaitGroup // deliveries under way
	open  atomic.Int64   // of them

	mu     sync.Mutex
	phones map[string]*citizen
}

func newNetwork(w *world) *network { return &network{world: w, phones: map[string]*citizen{}} }

func (n *network) citizen(number string) *citizen {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.phones[number]
	if c == nil {
		c = &citizen{world: n.world, number: number, channel: "wa", news: make(chan struct{})}
		if n.rand("channel", number).IntN(4) == 0 {
			c.channel = "chat"
		}
		n.phones[number] = c
	}
	return c
}

// quiet says that no webhook is on its way.
func (n *network) quiet() bool { return n.open.Load() == 0 }

// parcel is the body of a webhook of the world.
type parcel struct {
	Posts    []post         `json:"posts,omitempty"`
	Statuses []store.Status `json:"statuses,omitempty"`
}

// parcels reads parcels.
type parcels struct{ channel string }

func (p parcels) Receive(_ *http.Request, body []byte) (store.Batch, *channel.Refusal) {
	var in parcel
	if err := json.Unmarshal(body, &in); err != nil {
		return store.Batch{}, &channel.Refusal{Status: http.StatusBadRequest, Reason: "malformed"}
	}
	b := store.Batch{Statuses: in.Statuses}
	for _, one := range in.Posts {
		b.Messages = append(b.Messages, store.Inbound{Channel: p.channel, ExternalID: one.ID, At: one.At,
			Identities: []message.Identity{{Scope: "town", Kind: message.IdentityPhone, Value: one.From}},
			Body:       message.In{Kind: message.InText, Text: one.Text}})
	}
	return b, nil
}

// deliver delivers a parcel until it is acknowledged, and sometimes once more. acked is called at each 200, when the platform has
// it.
func (n *network) deliver(name, channel string, in parcel, acked func(began time.Time)) {
	n.open.Add(1)
	n.calls.Go(func() {
		defer n.open.Add(-1)
		r := n.rand("deliver", name)
		body, err := json.Marshal(in)
		if err != nil {
			panic(err)
		}
		time.Sleep(between(r, 5*time.Millisecond, 400*time.Millisecond))
		bots := slices.DeleteFunc(slices.Clone(n.pods), func(p *worldPod) bool { return !p.roles.Bot })
		again := r.IntN(30) == 0
		began := time.Now()
		for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
			code := bots[r.IntN(len(bots))].hook(channel, string(body))
			heard := r.IntN(100) > 0
			n.say("webhook %s is answered %d %v", name, code, heard)
			if code == http.StatusOK {
				acked(began)
				if heard && !again {
					return
				}
				again = false
			}
			time.Sleep(wait + between(r, 0, wait))
		}
	})
}

// line is a platform as one process of a pod reaches it.
type line struct {
	*incarnation
	net     *network
	channel string
}

func (l *line) Health() bundle.Health { return bundle.Health{OK: true} }

func (l *line) Send(ctx context.Context, s store.Send) channel.Verdict {
	r := l.net.rand("send", s.ID, s.Attempt)
	nap := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-ctx.Done():
			return false
		}
	}
	lost := channel.Verdict{SendResult: store.SendResult{Outcome: store.SendUnknown, Reason: "no answer"}}
	there := between(r, 20*time.Millisecond, 300*time.Millisecond)
	back := between(r, 20*time.Millisecond, 300*time.Millisecond)
	fate := r.IntN(100)
	nap(there)
	for l.stopped() { // its bytes are not written yet
		time.Sleep(time.Until(time.Unix(0, l.stoppedUntil.Load())))
	}
	if l.dead.Load() {
		return lost
	}
	external := fmt.Sprintf("x.%s.%d", s.ID, s.Attempt)
	answered := channel.Verdict{SendResult: store.SendResult{Outcome: store.SendAccepted, ExternalID: external}}
	switch {
	case fate < 2:
		answered = channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: between(r, time.Second, 5*time.Second), Code: 131000}}
	case fate < 3:
		answered = channel.Verdict{SendResult: store.SendResult{Outcome: store.SendNotAccepted, RetryAfter: time.Second, Code: 130429}, HalveRate: true,
			PauseFor: 2 * time.Second, PauseReason: "too fast"}
	case fate == 3 && r.IntN(4) == 0:
		answered = channel.Verdict{SendResult: store.SendResult{Outcome: store.SendFailed, Code: 131026, Reason: "undeliverable"}}
	case fate < 6:
		l.net.rules.called(l, s, "is cut before it came")
		return lost
	case fate < 10:
		l.net.take(l, s, external, r, false)
		return lost
	case fate < 11: // the answer takes longer than anybody waits
		l.net.take(l, s, external, r, false)
		nap(time.Hour)
		return lost
	}
	if answered.Outcome == store.SendAccepted {
		l.net.take(l, s, external, r, true)
	} else {
		l.net.rules.called(l, s, string(answered.Outcome))
	}
	if !nap(back) {
		return lost
	}
	return answered
}

// take has a message on the citizen's phone, and tells of it.
func (n *network) take(l *line, s store.Send, external string, r *rand.Rand, heard bool) {
	if n.rules.took(l, s, heard) {
		n.citizen(s.Identities[0].Value).show(s.Body)
	}
	if l.channel == "chat" {
		return
	}
	mute := r.IntN(60) == 0
	after := time.Duration(0)
	for _, d := range []message.Delivery{message.DeliverySent, message.DeliveryDelivered, message.DeliveryRead} {
		delivery := d
		after += between(r, 100*time.Millisecond, 5*time.Second)
		missing := r.IntN(25) == 0
		if delivery == message.DeliveryDelivered && r.IntN(80) == 0 {
			delivery = message.DeliveryFailed
		}
		if mute || missing {
			continue
		}
		when := after
		if r.IntN(10) == 0 { // one overtakes the other
			when = max(0, after-4*time.Second)
		}
		n.calls.Go(func() {
			n.open.Add(1)
			defer n.open.Add(-1)
			time.Sleep(when)
			status := store.Status{Channel: l.channel, ExternalID: external, Ref: s.ID, Delivery: delivery, At: time.Now().Truncate(time.Second)}
			if delivery == message.DeliveryFailed {
				status.ErrorCode = 131026
			}
			n.deliver(fmt.Sprintf("%s of %s", delivery, external), l.channel, parcel{Statuses: []store.Status{status}},
				func(time.Time) { n.rules.echoed(s.ID) })
		})
	}
}

// citizen is somebody with a phone.
type citizen struct {
	*world
	number, channel string
	words           int

	mu    sync.Mutex
	shown []message.Out
	news  chan struct{}
}

func (c *citizen) show(out message.Out) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = append(c.shown, out)
	close(c.news)
	c.news = make(chan struct{})
}

// hears waits for anything new, at most so long, and returns the newest that was shown.
func (c *citizen) hears(most time.Duration) string {
	c.mu.Lock()
	had, news := len(c.shown), c.news
	c.mu.Unlock()
	select {
	case <-news:
	case <-time.After(most):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if had == len(c.shown) {
		return ""
	}
	return c.shown[len(c.shown)-1].Text
}

// write has the citizen write words at once.
func (c *citizen) write(words ...string) {
	var in parcel
	for _, word := range words {
		c.words++
		in.Posts = append(in.Posts, post{ID: fmt.Sprintf("%s.%d", c.number, c.words), From: c.number, Text: word, At: time.Now().Truncate(time.Second)})
	}
	name := in.Posts[0].ID
	c.say("%s writes %q as %s", c.number, words, name)
	for _, one := range in.Posts {
		c.rules.written(c, one)
	}
	c.net.deliver(name, c.channel, in, func(began time.Time) {
		for _, one := range in.Posts {
			c.rules.acked(one, began)
		}
	})
}

// live is the citizen's day.
func (c *citizen) live() {
	r := c.rand("citizen", c.number)
	over := c.began.Add(c.plan.active)
	patient := r.IntN(3) > 0
	time.Sleep(between(r, 0, c.plan.active/8))
	for time.Now().Before(over) {
		word := fmt.Sprintf("m%d", c.words+1)
		switch kind := r.IntN(100); {
		case kind < 10:
			c.write("petugas")
		case kind < 12 || c.plan.poison && kind > 80:
			c.write("poison" + word)
		case kind < 20:
			words := []string{word}
			for k := range 1 + r.IntN(4) {
				words = append(words, fmt.Sprintf("%s-%d", word, k))
			}
			c.write(words...)
		default:
			c.write(word)
		}
		if patient {
			if c.hears(2*time.Minute) == "Nilai?" && r.IntN(2) == 0 {
				time.Sleep(between(r, time.Second, 30*time.Second))
				c.write("5")
			}
		}
		time.Sleep(between(r, time.Second, c.plan.pause))
	}
}

// names of a map, in order.
func names[K ~string | ~int64, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
