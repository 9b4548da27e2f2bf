package acts

import (
	"context"

	"github.com/loket-dev/loket/bot-runtime/store"
)

// FireTimers implements store.Dialogs. The lanes are locked before their timers, as everywhere.
func (a *Acts) FireTimers(ctx context.Context, k int) (int, error) {
	fired := 0
	err := a.write(ctx, "fire timers", func(tx Tx) error {
		fired = 0
		lanes, err := column[int64](tx, `SELECT conversation FROM timer WHERE due_at <= {now} ORDER BY due_at LIMIT $1`, int64(k))
		if err != nil || len(lanes) == 0 {
			return err
		}
		if err := raiseLanes(tx, lanes); err != nil {
			return err
		}
		// Another pod may have fired some while we waited for its locks: those are gone, and their lanes hold a look.
		rows := after()
		var due []store.Item
		var of []int64
		in, args := among(lanes)
		err = each(tx, func(scan func(...any) error) error {
			var conversation int64
			var row store.Item
			if err := scan(&conversation, &row.Name, &row.Generation); err != nil {
				return err
			}
			due, of = append(due, row), append(of, conversation)
			return nil
		}, `DELETE FROM timer WHERE due_at <= {now} AND conversation IN `+in+` RETURNING conversation, name, generation`, args...)
		if err != nil || len(due) == 0 {
			return err
		}
		ids, _, err := tx.Draw(len(due))
		if err != nil {
			return err
		}
		for i, row := range due {
			rows.add(ids[i], of[i], string(store.ItemTimer), row.Name, row.Generation)
		}
		fired = len(due)
		_, err = tx.Exec(`INSERT INTO inbox (id, conversation, kind, name, generation) `+rows.String(), rows.args...)
		return err
	})
	return fired, err
}
