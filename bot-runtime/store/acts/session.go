package acts

import (
	"context"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// spokenAgain is how stale an agent's seen_at may become before a request writes it: a console that polls each second
// costs one write in five.
const spokenAgain = 5 * time.Second

// SignIn implements store.Desk.
func (a *Acts) SignIn(ctx context.Context, s store.Session) error {
	return a.write(ctx, "sign in", func(tx Tx) error {
		if _, err := tx.Exec(`INSERT INTO session (token_hash, pool, agent, expires_at) VALUES ($1, $2, $3, $4)`,
			s.TokenHash, s.Pool, s.Agent, micros(s.Expires)); err != nil {
			return err
		}
		return spoke(tx, s.Pool, s.Agent)
	})
}

// SessionOf implements store.Desk.
func (a *Acts) SessionOf(ctx context.Context, tokenHash []byte, idle time.Duration) (store.Session, error) {
	s := store.Session{TokenHash: tokenHash}
	var expires int64
	var fresh bool
	err := a.read(ctx, "session", func(tx Tx) error {
		return one(tx, into(&s.Pool, &s.Agent, &expires, &fresh), `SELECT s.pool, s.agent, s.expires_at,
				s.idle_until > {now} + $2 - $3 AND COALESCE(a.seen_at, 0) > {now} - $3
			FROM session s LEFT JOIN agent a ON a.pool = s.pool AND a.agent = s.agent
			WHERE s.token_hash = $1 AND s.expires_at > {now} AND (s.idle_until = 0 OR s.idle_until > {now})`,
			tokenHash, idle.Microseconds(), min(spokenAgain, idle/4).Microseconds())
	})
	if err != nil {
		return store.Session{}, err
	}
	s.Expires = moment(expires)
	if fresh {
		return s, nil
	}
	return s, a.write(ctx, "session", func(tx Tx) error {
		if _, err := tx.Exec(`UPDATE session SET idle_until = {now} + $2 WHERE token_hash = $1`, tokenHash, idle.Microseconds()); err != nil {
			return err
		}
		return spoke(tx, s.Pool, s.Agent)
	})
}

// SignOut implements store.Desk.
func (a *Acts) SignOut(ctx context.Context, tokenHash []byte) error {
	return a.write(ctx, "sign out", func(tx Tx) error {
		var pool, agent string
		err := one(tx, into(&pool, &agent), `DELETE FROM session WHERE token_hash = $1 RETURNING pool, agent`, tokenHash)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE agent SET available = FALSE WHERE pool = $1 AND agent = $2 AND NOT EXISTS
			(SELECT 1 FROM session s WHERE s.pool = $1 AND s.agent = $2 AND s.expires_at > {now} AND (s.idle_until = 0 OR s.idle_until > {now}))`,
			pool, agent)
		return err
	})
}

// SetAvailable implements store.Desk.
func (a *Acts) SetAvailable(ctx context.Context, pool, agent string, available bool) error {
	return a.write(ctx, "set available", func(tx Tx) error {
		if err := spoke(tx, pool, agent); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE agent SET available = $3 WHERE pool = $1 AND agent = $2`, pool, agent, available)
		return err
	})
}

// spoke notes that an agent's console was heard.
func spoke(tx Tx, pool, agent string) error {
	if _, err := tx.Exec(`INSERT INTO agent (pool, agent, seen_at, idle_since) VALUES ($1, $2, {now}, {now})
		ON CONFLICT (pool, agent) DO UPDATE SET seen_at = excluded.seen_at`, pool, agent); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO pool (name) VALUES ($1) ON CONFLICT DO NOTHING`, pool)
	return err
}

// SaveDraft implements store.Desk.
func (a *Acts) SaveDraft(ctx context.Context, pool, agent string, conversation int64, draft string) error {
	return a.write(ctx, "save draft", func(tx Tx) error {
		if err := ownedBy(tx, pool, agent, conversation); err != nil {
			return err
		}
		if draft == "" {
			return dropDraft(tx, conversation)
		}
		_, err := tx.Exec(`INSERT INTO draft (conversation, body) VALUES ($1, $2)
			ON CONFLICT (conversation) DO UPDATE SET body = excluded.body`, conversation, clean(draft))
		return err
	})
}

func dropDraft(tx Tx, conversation int64) error {
	_, err := tx.Exec(`DELETE FROM draft WHERE conversation = $1`, conversation)
	return err
}
