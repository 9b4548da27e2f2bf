package desk

import (
	"context"
	"io"
	"os"
	"path"
	"regexp"
	"strings"

	"golang.org/x/sync/semaphore"
)

// accounts are the agents' password hashes, as the platform mounts them: <dir>/<pool>/<agent>. Nothing is cached, so that a
// changed Secret counts at the next sign-in.
type accounts struct {
	dir string
	// memory bounds verifications at a time: each takes up to 64 MiB.
	memory *semaphore.Weighted
}

// verificationsAtOnce of 64 MiB at most stay well within a desk pod's memory.
const verificationsAtOnce = 2

func newAccounts(dir string) accounts {
	return accounts{dir: dir, memory: semaphore.NewWeighted(verificationsAtOnce)}
}

// agentName is a key of a Secret that is no dot file, such as the ..data of a mounted volume.
var agentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// verify says whether this is the agent's password. It does the same work whether the agent exists or not. The error is
// that the caller gave up before their turn came.
func (a accounts) verify(ctx context.Context, pool, agent, password string) (bool, error) {
	hash, known := a.hash(pool, agent)
	if !known {
		hash = a.likeness(pool)
	}
	if err := a.memory.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer a.memory.Release(1)
	return hash.matches(password) && known, nil
}

// has says whether the agent's account is still there.
func (a accounts) has(pool, agent string) bool {
	_, ok := a.hash(pool, agent)
	return ok
}

func (a accounts) hash(pool, agent string) (passwordHash, bool) {
	if !agentName.MatchString(agent) {
		return passwordHash{}, false
	}
	root, err := os.OpenRoot(a.dir)
	if err != nil {
		return passwordHash{}, false
	}
	defer root.Close()
	file, err := root.Open(path.Join(pool, agent))
	if err != nil {
		return passwordHash{}, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxHashText+1))
	if err != nil {
		return passwordHash{}, false
	}
	hash, err := parseHash(strings.TrimSpace(string(text)))
	return hash, err == nil
}

// likeness is a hash that costs as much as those of the pool's agents: somebody who measures time learns no names.
func (a accounts) likeness(pool string) passwordHash {
	entries, err := os.ReadDir(path.Join(a.dir, pool))
	if err == nil {
		for _, e := range entries {
			if hash, ok := a.hash(pool, e.Name()); ok {
				return hash
			}
		}
	}
	return nobody
}
