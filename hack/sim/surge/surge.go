// Package surge lets hundreds of citizens ask for a person within seconds, and simulated agents work them off.
package surge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loket-dev/loket/hack/sim/desk"
	"github.com/loket-dev/loket/hack/sim/platform"
)

// Plan of a surge.
type Plan struct {
	Citizens int `json:"citizens"`
	// Over is the time in which they all come.
	Over time.Duration `json:"over"`
	// Ask is what they write to get a person; Rate what they answer the survey with.
	Ask  string `json:"ask"`
	Rate string `json:"rate"`
	// DeskURL, Agents (names agent1…) and Password of the simulated agents.
	DeskURL  string `json:"deskURL"`
	Agents   int    `json:"agents"`
	Password string `json:"password"`
	// Handling is how long an agent needs for one conversation.
	Handling time.Duration `json:"handling"`
}

// Progress is how far a surge has come.
type Progress struct {
	Citizens int `json:"citizens"`
	Asked    int `json:"asked"`
	Answered int `json:"answered"` // by a person
	Closed   int `json:"closed"`
	// Held is how many conversations agents hold now.
	Held  int `json:"held"`
	Rated int `json:"rated"`
	// Online is how many agents are signed in and available now.
	Online int `json:"online"`
	// SlotsMost is the most conversations that one agent ever held.
	SlotsMost int `json:"slotsMost"`
	// LongestWait of a citizen for a person's first words.
	LongestWait time.Duration `json:"longestWait"`
	Problems    []string      `json:"problems,omitempty"`
	Done        bool          `json:"done"`
}

// Surge is a run.
type Surge struct {
	plan   Plan
	mu     sync.Mutex
	p      Progress
	closed chan struct{}
}

// reply is what agents write; citizens know by it that a person spoke.
const reply = "Selamat siang, saya petugas. Laporan Anda sudah kami catat."

// Start begins a surge on a platform; it runs until every citizen has rated, or ctx ends.
func Start(ctx context.Context, p *platform.Platform, plan Plan) *Surge {
	s := &Surge{plan: plan, closed: make(chan struct{})}
	s.p.Citizens = plan.Citizens
	go s.run(ctx, p)
	return s
}

// Progress so far.
func (s *Surge) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.p
	p.Problems = append([]string(nil), s.p.Problems...)
	return p
}

// Done is closed when the run is over.
func (s *Surge) Done() <-chan struct{} { return s.closed }

func (s *Surge) note(change func(*Progress)) {
	s.mu.Lock()
	change(&s.p)
	s.mu.Unlock()
}

func (s *Surge) problem(err error) {
	s.note(func(p *Progress) {
		if len(p.Problems) < 20 {
			p.Problems = append(p.Problems, err.Error())
		}
	})
}

func (s *Surge) run(ctx context.Context, p *platform.Platform) {
	defer close(s.closed)
	work, stop := context.WithCancel(ctx)
	var agents, citizens sync.WaitGroup
	for i := range s.plan.Agents {
		agents.Go(func() { s.agent(work, fmt.Sprintf("agent%d", i+1)) })
	}
	for i := range s.plan.Citizens {
		c := p.NewCitizen("", platform.WithNumber)
		wait := s.plan.Over * time.Duration(i) / time.Duration(s.plan.Citizens)
		citizens.Go(func() {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
				if err := s.citizen(ctx, c); err != nil {
					s.problem(err)
				}
			}
		})
	}
	citizens.Wait()
	stop()
	agents.Wait()
	s.note(func(p *Progress) { p.Done = true })
}

// citizen asks for a person, waits for one, and rates.
func (s *Surge) citizen(ctx context.Context, c *platform.Citizen) error {
	if err := c.Say(ctx, s.plan.Ask); err != nil {
		return err
	}
	asked := time.Now()
	s.note(func(p *Progress) { p.Asked++ })
	seen, spoken := 0, false
	for {
		got, err := c.Messages(ctx, seen)
		if err != nil {
			return fmt.Errorf("%s waits since %s (a person spoke: %v): %w", c.Name, asked.Format(time.TimeOnly), spoken, err)
		}
		seen += len(got)
		for _, m := range got {
			switch {
			case m.Text == reply && !spoken:
				spoken = true
				s.note(func(p *Progress) { p.Answered++; p.LongestWait = max(p.LongestWait, time.Since(asked)) })
			case spoken && len(m.Choices) > 0: // the survey
				if err := c.Say(ctx, s.plan.Rate); err != nil {
					return err
				}
				s.note(func(p *Progress) { p.Rated++ })
				return nil
			}
		}
	}
}

// agent signs in and works off what the desk gives, until the run is over. A call that fails is made again: a desk pod may
// have gone, and the next one knows everything.
func (s *Surge) agent(ctx context.Context, name string) {
	var a *desk.Agent
	held := 0 // as of the last look
	online := false
	handled := map[int64]time.Time{} // since when we hold it
	answered := map[int64]bool{}
	for ctx.Err() == nil {
		err := func() (err error) {
			if a == nil {
				if a, err = desk.SignIn(ctx, s.plan.DeskURL, name, s.plan.Password); err != nil {
					return err
				}
				if err = a.SetAvailable(ctx, true); err != nil {
					return err
				}
				if !online {
					online = true
					s.note(func(p *Progress) { p.Online++ })
				}
			}
			view, err := a.View(ctx)
			if err != nil {
				return err
			}
			s.note(func(p *Progress) {
				p.SlotsMost = max(p.SlotsMost, len(view.Conversations))
				p.Held += len(view.Conversations) - held
			})
			held = len(view.Conversations)
			for _, c := range view.Conversations {
				if handled[c.ID].IsZero() {
					handled[c.ID] = time.Now()
				}
				if !answered[c.ID] {
					if err := a.Reply(ctx, c.ID, fmt.Sprintf("%s-%d-%d", name, c.ID, handled[c.ID].UnixNano()), reply); err != nil {
						return err
					}
					answered[c.ID] = true
				}
				if time.Since(handled[c.ID]) >= s.plan.Handling {
					if err := a.Close(ctx, c.ID); err != nil {
						return err
					}
					delete(handled, c.ID)
					delete(answered, c.ID)
					held--
					s.note(func(p *Progress) { p.Closed++; p.Held-- })
				}
			}
			return nil
		}()
		pause := 500 * time.Millisecond
		if err != nil && ctx.Err() == nil {
			var status *desk.StatusError
			if errors.As(err, &status) && status.Status == http.StatusUnauthorized {
				a = nil
				if online {
					online = false
					s.note(func(p *Progress) { p.Online-- })
				}
			}
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	if online {
		s.note(func(p *Progress) { p.Online-- })
	}
	if a != nil {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = a.SignOut(bye) // the day is over either way
	}
}
