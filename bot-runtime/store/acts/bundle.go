package acts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// bundlesKept are the newest bundles, beside the judged one.
const bundlesKept = 3

// PutBundle implements store.Config.
func (a *Acts) PutBundle(ctx context.Context, hash, ifMatch string, body []byte) error {
	return a.write(ctx, "put bundle", func(tx Tx) error {
		var version int64
		var current string
		if err := one(tx, into(&version, &current), `SELECT version, hash FROM bundle_head WHERE one = 1 {lock}`); err != nil {
			return err
		}
		if current == hash {
			return nil
		}
		if current != ifMatch {
			return fmt.Errorf("the current bundle is %q, not %q: %w", current, ifMatch, store.ErrConflict)
		}
		version++
		if _, err := tx.Exec(`INSERT INTO bundle (version, hash, body) VALUES ($1, $2, $3)`, version, hash, bounded(body, len(body))); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE bundle_head SET version = $1, hash = $2 WHERE one = 1`, version, hash); err != nil {
			return err
		}
		return dropOldBundles(tx, version)
	})
}

func dropOldBundles(tx Tx, newest int64) error {
	_, err := tx.Exec(`DELETE FROM bundle WHERE version <= $1
		AND version <> (SELECT COALESCE(max(version), 0) FROM bundle WHERE judged)`, newest-bundlesKept)
	return err
}

// CurrentBundle implements store.Config.
func (a *Acts) CurrentBundle(ctx context.Context) (store.StoredBundle, error) {
	var b store.StoredBundle
	err := a.read(ctx, "current bundle", func(tx Tx) error {
		return one(tx, into(&b.Version, &b.Hash, &b.Body, &b.Judge),
			`SELECT version, hash, body, judge FROM bundle ORDER BY version DESC LIMIT 1`)
	})
	return b, err
}

// SaveVerdicts implements store.Config. A bundle that is no longer the current one is not judged any more: ErrConflict.
func (a *Acts) SaveVerdicts(ctx context.Context, version, judge int64, verdicts []store.ObjectVerdict) error {
	return a.write(ctx, "save verdicts", func(tx Tx) error {
		var current int64
		if err := one(tx, into(&current), `SELECT version FROM bundle_head WHERE one = 1 {lock}`); err != nil {
			return err
		}
		if current != version {
			return fmt.Errorf("bundle %d is not the current one, %d is: %w", version, current, store.ErrConflict)
		}
		var before int64
		if err := one(tx, into(&before), `SELECT judge FROM bundle WHERE version = $1`, version); err != nil || before >= judge {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM verdict`); err != nil {
			return err
		}
		for _, v := range verdicts {
			if err := saveVerdict(tx, v); err != nil {
				return fmt.Errorf("%s/%s: %w", v.Kind, v.Name, err)
			}
		}
		if err := retire(tx, verdicts); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE bundle SET judged = TRUE, judge = $2 WHERE version = $1`, version, judge)
		return err
	})
}

func saveVerdict(tx Tx, v store.ObjectVerdict) error {
	if _, err := tx.Exec(`INSERT INTO verdict (kind, name, verdict) VALUES ($1, $2, $3)`, v.Kind, v.Name, bounded(v.Verdict, len(v.Verdict))); err != nil {
		return err
	}
	if !v.Good { // the last good revision stays live
		return nil
	}
	if _, err := tx.Exec(`INSERT INTO object (hash, body) VALUES ($1, $2)
		ON CONFLICT (hash) DO UPDATE SET retired_at = 0`, v.Hash, bounded(v.Body, len(v.Body))); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO live (kind, name, hash, generation) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind, name) DO UPDATE SET hash = excluded.hash, generation = excluded.generation`, v.Kind, v.Name, v.Hash, v.Generation)
	return err
}

// retire ends what the bundle no longer names, and notes which bodies nothing live needs: conversations may still be pinned
// to them.
func retire(tx Tx, verdicts []store.ObjectVerdict) error {
	type object struct{ kind, name string }
	var gone []object
	err := each(tx, func(scan func(...any) error) error {
		var o object
		if err := scan(&o.kind, &o.name); err != nil {
			return err
		}
		if !slices.ContainsFunc(verdicts, func(v store.ObjectVerdict) bool { return v.Kind == o.kind && v.Name == o.name }) {
			gone = append(gone, o)
		}
		return nil
	}, `SELECT kind, name FROM live`)
	if err != nil {
		return err
	}
	for _, o := range gone {
		if _, err := tx.Exec(`DELETE FROM live WHERE kind = $1 AND name = $2`, o.kind, o.name); err != nil {
			return err
		}
	}
	_, err = tx.Exec(`UPDATE object SET retired_at = {now} WHERE retired_at = 0 AND hash NOT IN (SELECT hash FROM live)`)
	return err
}

// Live implements store.Config. Before the first verdicts it is empty, with version 0.
func (a *Acts) Live(ctx context.Context) (store.LiveSet, error) {
	var set store.LiveSet
	// A judge may commit between two of these statements: a newer bundle has another version, and the same one judged by a
	// newer program another judge. Then the whole is read again.
	for {
		var judge, version, after int64
		err := a.read(ctx, "live", func(tx Tx) error {
			set = store.LiveSet{}
			err := one(tx, into(&set.Version, &judge, &set.Hash, &set.Bundle),
				`SELECT version, judge, hash, body FROM bundle WHERE judged ORDER BY version DESC LIMIT 1`)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			err = each(tx, func(scan func(...any) error) error {
				var o store.LiveObject
				if err := scan(&o.Kind, &o.Name, &o.Hash, &o.Generation, &o.Body); err != nil {
					return err
				}
				set.Objects = append(set.Objects, o)
				return nil
			}, `SELECT l.kind, l.name, l.hash, l.generation, o.body FROM live l JOIN object o ON o.hash = l.hash ORDER BY l.kind, l.name`)
			if err != nil {
				return err
			}
			if set.Verdicts, err = column[[]byte](tx, `SELECT verdict FROM verdict ORDER BY kind, name`); err != nil {
				return err
			}
			return one(tx, into(&version, &after), `SELECT version, judge FROM bundle WHERE judged ORDER BY version DESC LIMIT 1`)
		})
		if err != nil || version == set.Version && judge == after {
			return set, err
		}
	}
}

// Revision implements store.Config.
func (a *Acts) Revision(ctx context.Context, hash string) ([]byte, error) {
	var body []byte
	err := a.read(ctx, "revision", func(tx Tx) error {
		return one(tx, into(&body), `SELECT body FROM object WHERE hash = $1`, hash)
	})
	return body, err
}
