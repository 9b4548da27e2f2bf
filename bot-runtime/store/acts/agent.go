package acts

import (
	"context"
	"errors"
	"fmt"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// Reply implements store.Desk. It holds the lane, as a turn does, so that messages of bot and person are numbered in the
// order of their commits; the lane's next turn is a look.
func (a *Acts) Reply(ctx context.Context, pool, agent string, conversation int64, out store.Outgoing) error {
	return a.write(ctx, "reply", func(tx Tx) error {
		if err := raiseLanes(tx, []int64{conversation}); err != nil {
			return err
		}
		if err := ownedBy(tx, pool, agent, conversation); err != nil {
			return err
		}
		var channel string
		if err := one(tx, into(&channel), `SELECT channel FROM conversation WHERE id = $1`, conversation); err != nil {
			return err
		}
		out.Author = message.AuthorAgent
		added, err := queueSends(tx, []send{{Outgoing: out, conversation: conversation, channel: channel, agent: agent}})
		if err != nil || len(added) == 0 {
			return err
		}
		if err := dropDraft(tx, conversation); err != nil {
			return err
		}
		return emit(tx, []store.DeskEvent{{Kind: store.EventMessage, Pool: pool, Agent: agent, Conversation: conversation, MessageID: added[out.ID]}})
	})
}

// CloseConversation implements store.Desk.
func (a *Acts) CloseConversation(ctx context.Context, pool, agent string, conversation int64) error {
	return a.write(ctx, "close conversation", func(tx Tx) error {
		if err := raiseLanes(tx, []int64{conversation}); err != nil {
			return err
		}
		if err := ownedBy(tx, pool, agent, conversation); err != nil {
			return err
		}
		unread, err := column[int64](tx, `SELECT id FROM inbox WHERE conversation = $1 AND kind = $2 LIMIT 1`, conversation,
			string(store.ItemMessage))
		if err == nil && len(unread) > 0 {
			err = fmt.Errorf("conversation %d: %w", conversation, store.ErrUnread)
		}
		if err != nil {
			return err
		}
		ids, _, err := tx.Draw(1)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE conversation SET owner = 'bot', pool = '', agent = '' WHERE id = $1`, conversation); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO inbox (id, conversation, kind, name, agent) VALUES ($1, $2, $3, $4, $5)`,
			ids[0], conversation, string(store.ItemClosed), pool, agent); err != nil {
			return err
		}
		if err := tx.Expect(1, "slots", `DELETE FROM agent_slot WHERE conversation = $1`, conversation); err != nil {
			return err
		}
		if err := dropDraft(tx, conversation); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE agent SET idle_since = {now} WHERE pool = $1 AND agent = $2`, pool, agent); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE contact SET last_agent = $2 WHERE id = (SELECT contact FROM conversation WHERE id = $1)`,
			conversation, agent); err != nil {
			return err
		}
		if err := countPool(tx, pool, 0, 1); err != nil {
			return err
		}
		return emit(tx, []store.DeskEvent{{Kind: store.EventClosed, Pool: pool, Agent: agent, Conversation: conversation}})
	})
}

// ownedBy locks the conversation and refuses when it is not this agent's now.
func ownedBy(tx Tx, pool, agent string, conversation int64) error {
	var owner, ownPool, ownAgent string
	err := one(tx, into(&owner, &ownPool, &ownAgent), `SELECT owner, pool, agent FROM conversation WHERE id = $1 {lock}`, conversation)
	if isNotFound(err) {
		return fmt.Errorf("conversation %d: %w", conversation, store.ErrNotFound)
	}
	if err == nil && (owner != string(store.OwnerAgent) || ownPool != pool || ownAgent != agent) {
		err = fmt.Errorf("conversation %d is not %s's: %w", conversation, agent, store.ErrConflict)
	}
	return err
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
