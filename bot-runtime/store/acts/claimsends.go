package acts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// echoRest is how long a message rests whose echo waits to be worked off.
const echoRest = 200 * time.Millisecond

// head is the first message of a conversation's outbox.
type head struct {
	store.Send
	seq     int64
	now     int64 // when it was read
	body    string
	expired bool
	echoed  bool
	// unreadable says why its body cannot be sent; empty when it can. One such row must not fail the claim of all others.
	unreadable string
}

// ClaimSends implements store.Sending.
func (a *Acts) ClaimSends(ctx context.Context, channels []string, k int, lease time.Duration, ratePerSecond int) ([]store.Send, error) {
	if len(channels) == 0 {
		return nil, nil
	}
	sends, err := a.claimSends(ctx, channels, k, lease, ratePerSecond)
	if errors.Is(err, errRestored) {
		if err = a.quarantine(ctx); err == nil {
			sends, err = a.claimSends(ctx, channels, k, lease, ratePerSecond)
		}
	}
	return sends, err
}

func (a *Acts) claimSends(ctx context.Context, channels []string, k int, lease time.Duration, ratePerSecond int) ([]store.Send, error) {
	var sends []store.Send
	err := a.write(ctx, "claim sends", func(tx Tx) error {
		sends = nil
		in, args := among(channels, any(int64(k)))
		lanes, err := column[int64](tx, `SELECT conversation FROM out_lane WHERE state = 'ready' AND due_at <= {now}
			AND channel IN `+in+` AND NOT EXISTS (SELECT 1 FROM send_budget b WHERE b.channel = out_lane.channel AND b.paused_until > {now})
			ORDER BY due_at LIMIT $1 {skiplocked}`, args...)
		if err != nil || len(lanes) == 0 {
			return err
		}
		if err := sameLineage(tx); err != nil {
			return err
		}
		heads, err := readHeads(tx, lanes)
		if err != nil {
			return err
		}
		var events []store.DeskEvent
		var ready []*head
		for _, c := range lanes {
			h := heads[c]
			switch {
			case h == nil: // all its messages were known already
				err = nextHeads(tx, map[int64]int64{c: math.MaxInt64})
			case h.echoed:
				_, err = tx.Exec(`UPDATE out_lane SET due_at = {now} + $2 WHERE conversation = $1`, c, echoRest.Microseconds())
			case h.expired, h.unreadable != "":
				if err = giveUp(tx, h.ID, c, cmp.Or(h.unreadable, "expired: the platform's window closed before it could be sent")); err == nil {
					events = append(events, told(c, h.seq))
				}
			default:
				ready = append(ready, h)
			}
			if err != nil {
				return err
			}
		}
		if ready, err = within(tx, ready, int64(ratePerSecond)); err != nil {
			return err
		}
		if sends, err = mark(tx, ready, lease); err != nil {
			return err
		}
		return emit(tx, events)
	})
	return sends, err
}

func readHeads(tx Tx, lanes []int64) (map[int64]*head, error) {
	heads := map[int64]*head{}
	in, args := among(lanes)
	err := tx.Ask(func(scan func(...any) error) error {
		h := &head{}
		if err := scan(&h.Conversation, &h.seq, &h.ID, &h.Attempt, &h.Class, &h.Channel,
			&h.body, &h.expired, &h.echoed, &h.now); err != nil {
			return err
		}
		heads[h.Conversation] = h
		return nil
	}, `SELECT o.conversation, o.seq, o.id, o.attempt, o.class, c.channel, COALESCE(m.body, ''),
			o.expires_at <> 0 AND o.expires_at <= {now}, EXISTS (SELECT 1 FROM status e WHERE e.ref = o.id AND e.ref <> ''), {now}
		FROM outbox o JOIN conversation c ON c.id = o.conversation
		LEFT JOIN message m ON m.id = o.seq AND m.stored_at = o.message_at
		WHERE o.conversation IN `+in+` AND o.state = 'queued'
			AND o.seq = (SELECT min(f.seq) FROM outbox f WHERE f.conversation = o.conversation)`, args...)
	if err != nil {
		return nil, err
	}
	err = each(tx, func(scan func(...any) error) error {
		var conversation int64
		var id message.Identity
		if err := scan(&conversation, &id.Scope, &id.Kind, &id.Value); err != nil {
			return err
		}
		if h := heads[conversation]; h != nil {
			h.Identities = append(h.Identities, id)
		}
		return nil
	}, `SELECT c.id, i.scope, i.kind, i.value FROM conversation c JOIN identity i ON i.contact = c.contact AND i.closed_at = 0
		WHERE c.id IN `+in+` ORDER BY i.scope, i.kind, i.value`, args...)
	for _, h := range heads {
		if h.body == "" {
			h.unreadable = "its body is not there any more"
		} else if err := json.Unmarshal([]byte(h.body), &h.Body); err != nil {
			h.unreadable = "its body cannot be read: " + err.Error()
		}
	}
	return heads, err
}

// within takes tokens of the numbers' budgets, and returns the heads that got one. A second's worth may be saved up. The
// budget rows are locked after the out_lanes, until the commit: all pods share them, by the database's clock.
func within(tx Tx, heads []*head, rate int64) ([]*head, error) {
	byChannel := map[string][]*head{}
	var channels []string
	for _, h := range heads {
		if byChannel[h.Channel] == nil {
			channels = append(channels, h.Channel)
		}
		byChannel[h.Channel] = append(byChannel[h.Channel], h)
	}
	slices.Sort(channels)
	var ready []*head
	for _, channel := range channels {
		// The first insert finds a full budget; the update adds what the time since brought. Tokens are millionths, so that
		// short gaps are not rounded away. Whoever waited for the row's lock read the clock before the other wrote: time that
		// runs backwards brings nothing, and does not go into the row.
		var tokens int64
		if err := one(tx, into(&tokens), `INSERT INTO send_budget (channel, tokens, at) VALUES ($1, $2 * 1000000, {now})
			ON CONFLICT (channel) DO UPDATE SET
				at = CASE WHEN excluded.at > send_budget.at THEN excluded.at ELSE send_budget.at END,
				tokens = CASE WHEN excluded.at <= send_budget.at THEN send_budget.tokens
					WHEN excluded.at - send_budget.at >= 1000000 OR send_budget.tokens + (excluded.at - send_budget.at) * $2 > $2 * 1000000
					THEN $2 * 1000000 ELSE send_budget.tokens + (excluded.at - send_budget.at) * $2 END
			RETURNING tokens`, channel, rate); err != nil {
			return nil, err
		}
		took := min(int64(len(byChannel[channel])), tokens/1_000_000)
		if took <= 0 {
			continue
		}
		if err := tx.Later(`UPDATE send_budget SET tokens = tokens - $2 * 1000000 WHERE channel = $1`, channel, took); err != nil {
			return nil, err
		}
		ready = append(ready, byChannel[channel][:took]...)
	}
	return ready, nil
}

// mark writes sending(attempt, lease). The commit comes before any call, so that a sender that dies leaves a trace.
func mark(tx Tx, heads []*head, lease time.Duration) ([]store.Send, error) {
	if len(heads) == 0 {
		return nil, nil
	}
	now := heads[0].now // before anything of this claim: a lease that began earlier only ends earlier
	until := now + lease.Microseconds()
	sends := make([]store.Send, 0, len(heads))
	lanes := make([]int64, 0, len(heads))
	for _, h := range heads {
		h.Attempt++
		h.Lease = moment(until)
		sends = append(sends, h.Send)
		lanes = append(lanes, h.Conversation)
	}
	in, args := among(lanes, any(until), any(now))
	if err := tx.Expect(int64(len(heads)), "heads", `UPDATE outbox SET state = 'sending', attempt = attempt + 1, lease_until = $1, claimed_at = $2
		WHERE state = 'queued' AND conversation IN `+in+`
			AND seq = (SELECT min(f.seq) FROM outbox f WHERE f.conversation = outbox.conversation)`, args...); err != nil {
		return nil, err
	}
	in, args = among(lanes, any(until))
	return sends, tx.Later(`UPDATE out_lane SET state = 'sending', due_at = $1 WHERE conversation IN `+in, args...)
}

// PauseChannel implements store.Sending.
func (a *Acts) PauseChannel(ctx context.Context, channel string, pause time.Duration, reason string) error {
	return a.write(ctx, "pause channel", func(tx Tx) error {
		_, err := tx.Exec(`INSERT INTO send_budget (channel, paused_until, paused_reason) VALUES ($1, {now} + $2, $3)
			ON CONFLICT (channel) DO UPDATE SET paused_until = excluded.paused_until, paused_reason = excluded.paused_reason
			WHERE excluded.paused_until > send_budget.paused_until`, channel, pause.Microseconds(), clean(reason))
		return err
	})
}
