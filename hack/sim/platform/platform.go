// Package platform plays Meta: it sends WhatsApp Cloud API webhooks, signed over the escaped bytes, and answers the send
// calls, with faults on demand. Shapes are those of the Cloud API v26.0 (Meta's webhook and messages reference, August 2026).
//
// What it saw and said is in the journal, on disk before the other side hears of it. It shares no code with Loket's channel.
package platform

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/loket-dev/loket/hack/sim/journal"
)

// Account is the business number that citizens write to.
type Account struct {
	BusinessAccountID string
	PhoneNumberID     string
	DisplayNumber     string
	AppSecret         string
	VerifyToken       string
	AccessToken       string
	// Version of the Graph API, such as v26.0.
	Version string
	// Webhook is where messages are delivered.
	Webhook string
	// More numbers of the account; citizens are spread over all of them in turn.
	More []Number
	// Templates that are approved. Where none is declared, one of any name is taken.
	Templates []Template
}

// Number is a further business number, with the webhook of its channel.
type Number struct{ PhoneNumberID, Webhook string }

// Faults are what goes wrong, each a share from 0 to 1.
type Faults struct {
	// Redeliver delivers a webhook again although it was answered 200; each up to five times.
	Redeliver float64 `json:"redeliver"`
	// Shuffle lets webhooks of different citizens overtake each other and splits or joins batches.
	Shuffle float64 `json:"shuffle"`
	// Cut accepts a send and cuts the line before the answer.
	Cut float64 `json:"cut"`
	// Refuse answers a send with error 131000 (temporary), without accepting it.
	Refuse float64 `json:"refuse"`
	// Blind is Cut, and the statuses of what was taken come only once the message was sent again.
	Blind float64 `json:"blind"`
	// Forge delivers, beside a webhook, a body that must be refused.
	Forge float64 `json:"forge"`
	// Hang names a citizen; what is sent to them is neither taken nor answered, until the caller gives up.
	Hang string `json:"hang,omitempty"`
}

// Options of a platform.
type Options struct {
	Account Account
	Faults  Faults
	Journal *journal.Journal
	// Seed of everything random; 0 draws one, so that the citizens of each run are new to the business.
	Seed uint64
	// StatusDelay is how long after acceptance a status comes; sent, delivered and read follow each other by it.
	StatusDelay time.Duration
	// RetryAfter is the first wait before an unacknowledged webhook is delivered again; it doubles to 32 times that.
	RetryAfter time.Duration
	// Client for webhooks; nil for one that keeps its connections.
	Client *http.Client
}

// Platform is one simulated Cloud API.
type Platform struct {
	account Account
	journal *journal.Journal
	client  *http.Client
	delay   time.Duration
	retry   time.Duration

	mu       sync.Mutex
	faults   Faults
	random   *rand.Rand
	citizens []*Citizen
	byPhone  map[string]*Citizen
	byBSUID  map[string]*Citizen
	serial   int
	withheld map[string][]func() // by ref: the statuses of a blind cut
	blinded  map[string]bool     // refs that were cut blindly: once each

	work    sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc
	numbers []number
}

// number is a business number with what waits to be delivered for it: a goroutine each batches it.
type number struct {
	Number
	line     chan delivery
	statuses chan object
}

// New makes a platform. Close ends its deliveries.
func New(o Options) *Platform {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second, Transport: keepingTransport()}
	}
	if o.StatusDelay == 0 {
		o.StatusDelay = 50 * time.Millisecond
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = 250 * time.Millisecond
	}
	if o.Account.Version == "" {
		o.Account.Version = "v26.0"
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Platform{
		account: o.Account, journal: o.Journal, client: o.Client, delay: o.StatusDelay, retry: o.RetryAfter,
		faults: o.Faults, random: rand.New(rand.NewPCG(o.Seed, 157)),
		byPhone: map[string]*Citizen{}, byBSUID: map[string]*Citizen{},
		withheld: map[string][]func(){}, blinded: map[string]bool{}, ctx: ctx, cancel: cancel,
	}
	for _, n := range append([]Number{{o.Account.PhoneNumberID, o.Account.Webhook}}, o.Account.More...) {
		p.numbers = append(p.numbers, number{Number: n, line: make(chan delivery, 4096), statuses: make(chan object, 4096)})
	}
	for _, n := range p.numbers {
		p.work.Go(func() { p.deliverBatches(n) })
		p.work.Go(func() { p.deliverStatuses(n) })
	}
	return p
}

// keepingTransport has as many idle connections as calls at once. With net/http's two a host nearly every webhook makes a new
// connection, and looking for a free port among thousands that have just been closed took most of the simulator's time.
func keepingTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 512
	return t
}

// Close stops delivering; what was not acknowledged stays so.
func (p *Platform) Close() {
	p.cancel()
	p.work.Wait()
}

// SetFaults changes what goes wrong from now on.
func (p *Platform) SetFaults(f Faults) {
	p.mu.Lock()
	p.faults = f
	p.mu.Unlock()
}

// Citizens are all that were made, in order.
func (p *Platform) Citizens() []*Citizen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Citizen(nil), p.citizens...)
}

// chance is true with a probability, from the seeded source.
func (p *Platform) chance(share func(Faults) float64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := share(p.faults)
	return s > 0 && p.random.Float64() < s
}

func (p *Platform) number(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(n)
}

// nextID makes ids as the platform's look, unique within a run and across restarts.
func (p *Platform) nextID(prefix string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return fmt.Sprintf("%s%X%08X%06d", prefix, time.Now().UnixNano(), p.random.Uint32(), p.serial)
}

// Mark notes in the journal what goes on from here.
func (p *Platform) Mark(note string) { p.record(journal.Record{Kind: journal.Mark, Note: note}) }

// record appends to the journal; a journal that cannot be written ends the run, for nothing is proved without it.
func (p *Platform) record(records ...journal.Record) {
	if err := p.journal.Append(records...); err != nil && p.ctx.Err() == nil {
		panic(fmt.Sprintf("the journal cannot be written: %v", err))
	}
}

func (p *Platform) later(d time.Duration, do func()) {
	p.work.Add(1)
	go func() {
		defer p.work.Done()
		select {
		case <-p.ctx.Done():
		case <-time.After(d):
			do()
		}
	}()
}
