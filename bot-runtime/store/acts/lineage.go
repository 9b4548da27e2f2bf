package acts

import (
	"context"
	"errors"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// After a restore the outbox is that of an earlier hour: what waits in it was sent since, most likely, and nobody knows. Such
// messages go to the dead letters, where a person sends or drops them; younger ones are sent, because whatever happened to
// them happened within the time that a citizen waits for an answer anyway.

const (
	// restoredAge is how old an outgoing message may be when a store finds itself restored.
	restoredAge = 10 * time.Minute
	// restoredMost bounds the conversations of one transaction.
	restoredMost = 100
)

const restoredReason = "the database was restored, or a standby took over, and the message is older than ten minutes: it may have been sent already"

// errRestored: the data has another history than when this store last sent.
var errRestored = errors.New("the store was restored")

// sameLineage has the act fail when the data has another history than the one it was last sent from.
func sameLineage(tx Tx) error {
	return tx.Ask(func(func(...any) error) error { return errRestored },
		`SELECT one FROM lineage WHERE one = 1 AND name <> {lineage} AND {lineage} <> ''`)
}

// quarantine puts what is too old to be sent without a look among the dead letters, and then takes the history as its own.
func (a *Acts) quarantine(ctx context.Context) error {
	for {
		more := false
		if err := a.write(ctx, "quarantine", func(tx Tx) error {
			more = false
			known, err := column[string](tx, `SELECT name FROM lineage WHERE one = 1 {lock}`)
			if err != nil {
				return err
			}
			if len(known) == 1 && known[0] != "" { // else it is the first history
				if more, err = setAside(tx); err != nil || more {
					return err
				}
			}
			_, err = tx.Exec(`UPDATE lineage SET name = {lineage} WHERE one = 1 AND {lineage} <> ''`)
			return err
		}); err != nil || !more {
			return err
		}
	}
}

// setAside gives up some of what is too old; more says that others may be left.
func setAside(tx Tx) (more bool, err error) {
	lanes, err := column[int64](tx, `SELECT conversation FROM out_lane WHERE conversation IN
		(SELECT conversation FROM outbox WHERE message_at < {now} - $1 ORDER BY message_at LIMIT $2) ORDER BY conversation {lock}`,
		restoredAge.Microseconds(), int64(restoredMost))
	if err != nil || len(lanes) == 0 {
		return false, err
	}
	var old []sent
	in, args := among(lanes, any(restoredAge.Microseconds()))
	if err := each(tx, func(scan func(...any) error) error {
		var s sent
		err := scan(&s.id, &s.conversation, &s.message, &s.class)
		old = append(old, s)
		return err
	}, `SELECT id, conversation, seq, class FROM outbox WHERE message_at < {now} - $1 AND conversation IN `+in+`
		ORDER BY conversation, seq`, args...); err != nil {
		return false, err
	}
	var events []store.DeskEvent
	for _, s := range old {
		if err := giveUp(tx, s.id, s.conversation, restoredReason); err != nil {
			return false, err
		}
		if s.class == message.ClassAgent {
			events = append(events, told(s.conversation, s.message))
		}
	}
	return len(old) > 0, emit(tx, events)
}
