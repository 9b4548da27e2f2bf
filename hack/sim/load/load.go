// Package load makes many citizens write at once to the counting flow, each numbering their messages.
package load

import (
	"context"
	"fmt"
	"time"

	"github.com/loket-dev/loket/hack/sim/platform"
	"golang.org/x/sync/errgroup"
)

// Plan of a run.
type Plan struct {
	Citizens int `json:"citizens"`
	// Messages of each citizen; the next is written when the one before is acknowledged.
	Messages int `json:"messages"`
	// Patience is how long to wait for the last answers.
	Patience time.Duration `json:"patience"`
}

// Run writes all messages and waits until every citizen has got as many answers. An error says who is still waiting; what
// was lost or doubled is for the checker to say.
func Run(ctx context.Context, p *platform.Platform, plan Plan) error {
	modes := []platform.Mode{platform.WithNumber, platform.WithoutNumber, platform.Changing}
	group, ctx := errgroup.WithContext(ctx)
	for i := range plan.Citizens {
		c := p.NewCitizen("", modes[i%len(modes)])
		group.Go(func() error {
			for n := 1; n <= plan.Messages; n++ {
				if err := c.Say(ctx, fmt.Sprintf("n%d", n)); err != nil {
					return err
				}
			}
			patience, cancel := context.WithTimeout(ctx, plan.Patience)
			defer cancel()
			if _, err := c.Messages(patience, plan.Messages-1); err != nil {
				return fmt.Errorf("%s wrote %d messages and got %d answers", c.Name, plan.Messages, c.Count())
			}
			return nil
		})
	}
	return group.Wait()
}
