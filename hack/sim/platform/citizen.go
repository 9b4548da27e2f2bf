package platform

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Mode is how a citizen is known to the business.
type Mode string

// The modes.
const (
	// WithNumber shares the phone number, beside the business-scoped id.
	WithNumber Mode = "number"
	// WithoutNumber has a username: only the business-scoped id comes.
	WithoutNumber Mode = "bsuid"
	// Changing comes with the number at times, and without at others.
	Changing Mode = "changing"
)

// Citizen is one person on WhatsApp.
type Citizen struct {
	// N is the place in the order of making, from 0.
	N     int
	Name  string
	Phone string // digits without plus
	BSUID string
	Mode  Mode

	platform *Platform
	number   number // that they write to
	mu       sync.Mutex
	written  int
	wroteAt  time.Time // last; zero before the first time
	received []Received
	news     chan struct{} // closed and renewed at each message
}

// Received is one message that reached the citizen's phone.
type Received struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Template that it was sent by.
	Template string    `json:"template,omitempty"`
	Choices  []Choice  `json:"choices,omitempty"`
	Form     *Form     `json:"form,omitempty"`
	At       time.Time `json:"at"`
}

// Choice is a button or list row.
type Choice struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// List is true when the choice is a row of a list, which answers with another shape.
	List bool `json:"list,omitempty"`
}

// NewCitizen makes a person nobody has heard of.
func (p *Platform) NewCitizen(name string, mode Mode) *Citizen {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.citizens) + 1
	c := &Citizen{
		N: n - 1, Name: name, Phone: fmt.Sprintf("628%07d%05d", p.random.IntN(10_000_000), n),
		BSUID: fmt.Sprintf("ID.%012d%08d", p.random.Int64N(1_000_000_000_000), n), Mode: mode,
		platform: p, number: p.numbers[(n-1)%len(p.numbers)], news: make(chan struct{}),
	}
	if c.Name == "" {
		c.Name = fmt.Sprintf("Warga %d", n)
	}
	p.citizens = append(p.citizens, c)
	p.byPhone[c.Phone], p.byBSUID[c.BSUID] = c, c
	return c
}

// showsNumber says whether this message comes with the phone number.
func (c *Citizen) showsNumber() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written++
	return c.Mode == WithNumber || c.Mode == Changing && c.written%2 == 1
}

// Pass lets so much time pass since the citizen wrote last: beyond 24 hours the platform takes nothing but templates.
func (c *Citizen) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wroteAt = c.wroteAt.Add(-d)
}

// window says whether the business may write freely. It may to who never wrote, so that tests of sending need no conversation.
func (c *Citizen) window() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wroteAt.IsZero() || time.Since(c.wroteAt) < 24*time.Hour
}

// Say writes a text and returns once the business has acknowledged it.
func (c *Citizen) Say(ctx context.Context, text string) error {
	return c.send(ctx, text, object{"type": "text", "text": object{"body": text}})
}

// Tap answers with one of the choices of the last message that has it, by id or title.
func (c *Citizen) Tap(ctx context.Context, idOrTitle string) error {
	choice, ok := c.choice(idOrTitle)
	if !ok {
		return fmt.Errorf("%s was offered no choice %q", c.Name, idOrTitle)
	}
	kind := "button_reply"
	if choice.List {
		kind = "list_reply"
	}
	return c.send(ctx, choice.Title, object{"type": "interactive", "interactive": object{
		"type": kind, kind: object{"id": choice.ID, "title": choice.Title}}})
}

// SendVoice sends a voice note.
func (c *Citizen) SendVoice(ctx context.Context) error {
	return c.send(ctx, "", object{"type": "audio", "audio": object{
		"id": c.platform.nextID("9"), "mime_type": "audio/ogg; codecs=opus", "sha256": "c2hh", "voice": true}})
}

func (c *Citizen) choice(idOrTitle string) (Choice, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.received) - 1; i >= 0; i-- {
		for _, choice := range c.received[i].Choices {
			if choice.ID == idOrTitle || strings.EqualFold(choice.Title, idOrTitle) {
				return choice, true
			}
		}
	}
	return Choice{}, false
}

func (c *Citizen) send(ctx context.Context, text string, body object) error {
	c.mu.Lock()
	c.wroteAt = time.Now()
	c.mu.Unlock()
	d := delivery{citizen: c, id: c.platform.nextID("wamid."), text: text, body: body, acked: make(chan struct{})}
	select {
	case c.number.line <- d:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-d.acked:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s's message was not acknowledged: %w", c.Name, ctx.Err())
	}
}

// Messages are all that reached the phone after the first n, waiting for one if there are none.
func (c *Citizen) Messages(ctx context.Context, n int) ([]Received, error) {
	for {
		c.mu.Lock()
		got, news := c.received, c.news
		c.mu.Unlock()
		if len(got) > n {
			return append([]Received(nil), got[n:]...), nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, fmt.Errorf("nothing more reached %s: %w", c.Name, ctx.Err())
		}
	}
}

// Count is how many messages reached the phone.
func (c *Citizen) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.received)
}

func (c *Citizen) receive(r Received) {
	c.mu.Lock()
	c.received = append(c.received, r)
	close(c.news)
	c.news = make(chan struct{})
	c.mu.Unlock()
}
