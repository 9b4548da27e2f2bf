package acts

import (
	"context"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// mailboxReach is how far back Mailboxes looks: two partitions of messages at most, however long they are kept.
const mailboxReach = 24 * time.Hour

// Mailboxes implements store.Desk. Within a conversation an outgoing message never appears below the newest (see the package
// comment), so that a number which stands still says that nothing was sent.
func (a *Acts) Mailboxes(ctx context.Context, channel string, of []message.Identity) ([]store.Mailbox, error) {
	if len(of) == 0 {
		return nil, nil
	}
	ids := after(channel, time.Now().Add(-mailboxReach).UnixMicro())
	for i, id := range of {
		id = tidy(id)
		ids.add(int64(i), id.Scope, string(id.Kind), id.Value)
	}
	var all []store.Mailbox
	err := a.read(ctx, "mailboxes", func(tx Tx) error {
		all = make([]store.Mailbox, len(of))
		return each(tx, func(scan func(...any) error) error {
			var at, newest int64
			var owner string
			if err := scan(&at, &owner, &newest); err != nil {
				return err
			}
			all[at] = store.Mailbox{Newest: newest, Person: owner != string(store.OwnerBot)}
			return nil
		}, `SELECT v.column1, c.owner, COALESCE((SELECT m.id FROM message m WHERE m.conversation = c.id AND m.stored_at > $2
				ORDER BY m.id DESC LIMIT 1), 0)
			FROM (`+ids.String()+`) AS v JOIN identity i ON i.scope = v.column2 AND i.kind = v.column3 AND i.value = v.column4
			JOIN conversation c ON c.contact = i.contact AND c.channel = $1`, ids.args...)
	})
	return all, err
}
