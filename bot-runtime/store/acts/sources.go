package acts

import (
	"context"
	"errors"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// ClaimSource implements store.Config.
func (a *Acts) ClaimSource(ctx context.Context, w store.SourceWish) (store.Source, bool, error) {
	due := false
	look := func(tx Tx) error { // most looks find nothing due: they write nothing
		var wish string
		var failed bool
		var ago, leased int64
		err := one(tx, into(&wish, &failed, &ago, &leased), `SELECT wish, failed, {now} - checked_at, leased_until - {now} FROM source WHERE name = $1`, w.Name)
		every := w.Every
		if failed {
			every = w.Again
		}
		due = errors.Is(err, store.ErrNotFound) || err == nil && leased <= 0 && (wish != w.Wish || ago >= every.Microseconds())
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	if err := a.read(ctx, "look at a source", look); err != nil || !due {
		return store.Source{}, false, err
	}
	var s store.Source
	err := a.write(ctx, "claim a source", func(tx Tx) error {
		if _, err := tx.Exec(`INSERT INTO source (name, origin, wish) VALUES ($1, $2, '') ON CONFLICT (name) DO NOTHING`, w.Name, w.Origin); err != nil {
			return err
		}
		var err error
		if err = one(tx, into(&s.Name), `SELECT name FROM source WHERE name = $1 {lock}`, w.Name); err != nil {
			return err
		}
		if err = look(tx); err != nil || !due {
			return err
		}
		if _, err = tx.Exec(`UPDATE source SET leased_until = {now} + $2 WHERE name = $1`, w.Name, w.Lease.Microseconds()); err != nil {
			return err
		}
		s, err = source(tx, w.Name)
		return err
	})
	return s, due && err == nil, err
}

func source(tx Tx, name string) (store.Source, error) {
	s := store.Source{Name: name}
	var at int64
	err := one(tx, into(&s.Origin, &s.Wish, &s.Hash, &s.State, &s.Failed, &at), `SELECT origin, wish, hash, state, failed, checked_at FROM source WHERE name = $1`, name)
	s.CheckedAt = moment(at)
	return s, err
}

// SaveSource implements store.Config.
func (a *Acts) SaveSource(ctx context.Context, s store.Source, judgeAgain bool) error {
	return a.write(ctx, "save a source", func(tx Tx) error {
		var version int64
		if err := one(tx, into(&version), `SELECT version FROM bundle_head WHERE one = 1 {lock}`); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE source SET origin = $2, wish = $3, state = $4, failed = $5, checked_at = {now}, leased_until = 0 WHERE name = $1`,
			s.Name, s.Origin, s.Wish, bounded(s.State, len(s.State)), s.Failed)
		if err != nil || n == 0 { // nobody names it any more
			return err
		}
		if s.Body != nil {
			if _, err := tx.Exec(`UPDATE source SET hash = $2, body = $3 WHERE name = $1`, s.Name, s.Hash, bounded(s.Body, len(s.Body))); err != nil {
				return err
			}
		}
		if !judgeAgain || version == 0 {
			return nil
		}
		if _, err := tx.Exec(`INSERT INTO bundle (version, hash, body) SELECT $1, hash, body FROM bundle WHERE version = $2`, version+1, version); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE bundle_head SET version = $1 WHERE one = 1`, version+1); err != nil {
			return err
		}
		return dropOldBundles(tx, version+1)
	})
}

// Sources implements store.Config.
func (a *Acts) Sources(ctx context.Context) ([]store.Source, error) {
	var all []store.Source
	err := a.read(ctx, "sources", func(tx Tx) error {
		all = nil
		return each(tx, func(scan func(...any) error) error {
			var s store.Source
			var at int64
			if err := scan(&s.Name, &s.Origin, &s.Wish, &s.Hash, &s.Body, &s.State, &s.Failed, &at); err != nil {
				return err
			}
			s.CheckedAt = moment(at)
			all = append(all, s)
			return nil
		}, `SELECT name, origin, wish, hash, body, state, failed, checked_at FROM source ORDER BY name`)
	})
	return all, err
}

// KeepSources implements store.Config.
func (a *Acts) KeepSources(ctx context.Context, names []string) error {
	return a.write(ctx, "keep sources", func(tx Tx) error {
		if len(names) == 0 {
			_, err := tx.Exec(`DELETE FROM source`)
			return err
		}
		in, args := among(names)
		_, err := tx.Exec(`DELETE FROM source WHERE NOT (name IN `+in+`)`, args...)
		return err
	})
}
