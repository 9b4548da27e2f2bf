package acts

import (
	"context"
	"fmt"
	"time"

	"github.com/loket-dev/loket/bot-runtime/store"
)

const (
	podForgotten = time.Minute
	reportMost   = 8 << 10
)

// Heartbeat implements store.Config.
func (a *Acts) Heartbeat(ctx context.Context, p store.Pod, sweep time.Duration) (turn bool, err error) {
	if len(p.Report) > reportMost {
		return false, fmt.Errorf("heartbeat of %s: its report has %d bytes, the most is %d", p.Name, len(p.Report), reportMost)
	}
	err = a.write(ctx, "heartbeat", func(tx Tx) error {
		if _, err := tx.Exec(`INSERT INTO pod (name, roles, bundle, started, seen_at, report) VALUES ($1, $2, $3, $4, {now}, $5)
			ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, bundle = excluded.bundle, started = excluded.started,
				seen_at = excluded.seen_at, report = excluded.report`,
			p.Name, p.Roles, p.Bundle, micros(p.Started), bounded(p.Report, reportMost)); err != nil {
			return err
		}
		n, err := tx.Exec(`UPDATE janitor SET at = {now} WHERE one = 1 AND at <= {now} - $1`, sweep.Microseconds())
		if turn = n == 1; err == nil && turn {
			_, err = tx.Exec(`DELETE FROM pod WHERE seen_at < {now} - $1`, podForgotten.Microseconds())
		}
		return err
	})
	return turn && err == nil, err
}

// Farewell implements store.Config.
func (a *Acts) Farewell(ctx context.Context, pod string) error {
	return a.write(ctx, "farewell", func(tx Tx) error {
		_, err := tx.Exec(`DELETE FROM pod WHERE name = $1`, pod)
		return err
	})
}

// Pods implements store.Config.
func (a *Acts) Pods(ctx context.Context) ([]store.Pod, error) {
	var pods []store.Pod
	err := a.read(ctx, "pods", func(tx Tx) error {
		pods = nil
		return each(tx, func(scan func(...any) error) error {
			var p store.Pod
			var started, seen int64
			if err := scan(&p.Name, &p.Roles, &p.Bundle, &started, &seen, &p.Report); err != nil {
				return err
			}
			p.Started, p.SeenAt = moment(started), moment(seen)
			pods = append(pods, p)
			return nil
		}, `SELECT name, roles, bundle, started, seen_at, report FROM pod WHERE seen_at >= {now} - $1 ORDER BY name`, podForgotten.Microseconds())
	})
	return pods, err
}
