package desk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/loket-dev/loket/bot-runtime/routing"
	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	// absentAfter: an agent whose console was not heard for two heartbeats and a half gets nothing new.
	absentAfter = 40 * time.Second
	// goneAfter: their conversations go back to the head of the queue.
	goneAfter = 60 * time.Second
	// ReleaseEvery is how often Router looks for agents who are gone.
	ReleaseEvery = 15 * time.Second
)

// Router gives waiting conversations to agents. It has no loop of its own: the engine calls RouteOnce for a pool when its
// poll says that the pool has both waiting conversations and free agents, and every ReleaseEvery besides.
type Router struct {
	Store store.Desk
	Clock func() time.Time

	mu       sync.Mutex
	released map[string]time.Time
}

// RouteOnce gives out what can be given and, when it is time, takes back what agents who are gone have left behind. Returns
// how many conversations were given. Several pods may call it at once.
func (r *Router) RouteOnce(ctx context.Context, pool PoolInfo) (int, error) {
	if r.dueToRelease(pool.Name) {
		if _, err := r.Store.Release(ctx, pool.Name, goneAfter); err != nil {
			return 0, fmt.Errorf("pool %s: taking back the conversations of agents who are gone: %w", pool.Name, err)
		}
	}
	counter := store.Counter{Slots: pool.Slots, Absent: absentAfter, SkillsWithin: pool.SkillsWithin}
	given, err := r.Store.Route(ctx, pool.Name, counter, routing.Rules{Skills: pool.Skills, Within: pool.SkillsWithin}.Choose)
	if err != nil {
		return 0, fmt.Errorf("pool %s: giving out conversations: %w", pool.Name, err)
	}
	return len(given), nil
}

func (r *Router) dueToRelease(pool string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now
	if r.Clock != nil {
		now = r.Clock
	}
	if now().Sub(r.released[pool]) < ReleaseEvery {
		return false
	}
	if r.released == nil {
		r.released = map[string]time.Time{}
	}
	r.released[pool] = now()
	return true
}
