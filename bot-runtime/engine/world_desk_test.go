package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// agentPerson is somebody at the desk, with a console that looks every few seconds.
type agentPerson struct {
	*world
	name    string
	replies int
	// answered is the last message of the citizen that was answered, by conversation.
	answered map[int64]int64
}

// desk is the store of a pod with the desk's role; nil while there is none.
func (a *agentPerson) desk() store.Desk {
	for _, p := range a.pods {
		if i := p.now(); p.roles.Desk && !i.dead.Load() && !i.stopped() {
			return i.store
		}
	}
	return nil
}

// work is the agent's day: they sign in, work, vanish without a word, come back, and go home when nobody waits any more.
func (a *agentPerson) work() {
	r := a.rand(a.name)
	a.answered = map[int64]int64{}
	over := a.began.Add(a.plan.active)
	signIns := 0
	time.Sleep(between(r, 0, 10*time.Second)) // two who come at one instant would be in no order
	for !a.closed() {
		desk := a.desk()
		if desk == nil {
			time.Sleep(between(r, time.Second, 3*time.Second))
			continue
		}
		signIns++
		token := binary.BigEndian.AppendUint64([]byte(fmt.Sprintf("%-24s", a.name)), uint64(signIns))
		err := desk.SignIn(context.Background(), store.Session{TokenHash: token, Pool: "counter", Agent: a.name, Expires: a.clock().Add(12 * time.Hour)})
		if err != nil && !errors.Is(err, store.ErrUnknownOutcome) {
			time.Sleep(between(r, time.Second, 3*time.Second))
			continue
		}
		a.say("%s signs in", a.name)
		_ = desk.SetAvailable(context.Background(), "counter", a.name, true) // said again below
		leaves := time.Now().Add(between(r, 2*time.Minute, 20*time.Minute))
		for !a.closed() {
			time.Sleep(between(r, 2*time.Second, 8*time.Second))
			if time.Now().After(leaves) && time.Now().Before(over) {
				away := between(r, 10*time.Second, 4*time.Minute)
				if r.IntN(3) == 0 {
					if desk := a.desk(); desk != nil {
						_ = desk.SignOut(context.Background(), token)
					}
				}
				a.say("%s is away for %v", a.name, away)
				time.Sleep(away)
				break
			}
			if desk := a.desk(); desk != nil && a.look(desk, token, r.IntN(100)) != nil {
				break
			}
		}
	}
}

func (a *agentPerson) closed() bool {
	select {
	case <-a.stop:
		return true
	default:
		return false
	}
}

// look is one look at the console, and what the agent does about it. An error is a sign-in that is over.
func (a *agentPerson) look(desk store.Desk, token []byte, mood int) error {
	ctx := context.Background()
	if _, err := desk.SessionOf(ctx, token, time.Hour); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	}
	view, err := desk.DeskView(ctx, "counter", a.name)
	if err != nil {
		return nil
	}
	if !view.Available {
		_ = desk.SetAvailable(ctx, "counter", a.name, true) // the next look tells whether it was heard
	}
	for _, c := range view.Conversations {
		asked := int64(0)
		for _, m := range c.Messages {
			if m.In != nil {
				asked = m.ID
			}
		}
		if asked > a.answered[c.Conversation.ID] {
			if a.reply(desk, c.Conversation.ID) {
				a.answered[c.Conversation.ID] = asked
			}
			continue
		}
		if mood < 40 {
			err := desk.CloseConversation(ctx, "counter", a.name, c.Conversation.ID)
			a.say("%s closes %d: %v", a.name, c.Conversation.ID, err == nil)
		}
	}
	return nil
}

// reply says something, and says it again with the same id while nobody knows whether it was heard.
func (a *agentPerson) reply(desk store.Desk, conversation int64) bool {
	a.replies++
	id := uuid.NewSHA1(outgoings, fmt.Appendf(nil, "%s %d", a.name, a.replies)).String()
	out := store.Outgoing{ID: id, Class: message.ClassAgent, Body: message.Out{Text: fmt.Sprintf("%s says %d", a.name, a.replies)}}
	for range 20 {
		err := desk.Reply(context.Background(), "counter", a.name, conversation, out)
		switch {
		case err == nil:
			a.rules.replied(id, conversation)
			a.say("%s replies %d in %d", a.name, a.replies, conversation)
			return true
		case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
			return false
		}
		time.Sleep(2 * time.Second)
		if again := a.desk(); again != nil {
			desk = again
		}
	}
	a.rules.perhaps(id)
	return false
}
