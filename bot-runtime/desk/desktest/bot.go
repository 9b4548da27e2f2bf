package desktest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

// bot repeats what it hears, in the language that was chosen, and offers a choice, hands over to a person at the word "petugas" (urgently at "ketipu", to one who
// has the skill at "syariah"), is
// silent while a person has the conversation, and says goodbye when they close. The word "rusak" is too much for it until it is
// mended: it tries three times, and begs pardon. At "mati" it begs pardon untried, as when the process died of it before.
func (c *Counter) bot(l store.Lane) (store.Outcome, error) {
	out := store.Outcome{Format: 1, State: l.State, Language: "id"}
	for i, row := range l.Inbox {
		fails, kills := c.cannotTake(row)
		switch {
		case (fails || kills) && i > 0:
			return out, nil // it is the first of the next step
		case fails && !l.Poisoned:
			return out, errors.New("nodes[check].set: division by zero")
		case fails || kills:
			out.Handled, out.Poisoned = []int64{row.ID}, kills
			out.Send = []store.Outgoing{says(l, row, "Maaf, ada gangguan.")}
			return out, nil
		}
		out.Handled = append(out.Handled, row.ID)
		if row.Kind == store.ItemMessage && row.Body.Language != "" {
			out.State = []byte(row.Body.Language)
		}
		switch {
		case row.Kind == store.ItemClosed:
			out.Send = append(out.Send, says(l, row, "Terima kasih. Sampai jumpa."))
		case row.Kind != store.ItemMessage:
		case l.Conversation.Owner != store.OwnerBot || out.Handoff != nil:
			out.ToDesk = append(out.ToDesk, row.MessageID)
		case strings.Contains(row.Body.Text, "petugas"):
			out.Handoff = &store.Handoff{Pool: Pool, Summary: "Warga menulis: " + row.Body.Text}
			if strings.Contains(row.Body.Text, "ketipu") {
				out.Handoff.Priority = 2
			}
			if strings.Contains(row.Body.Text, "syariah") {
				out.Handoff.Skills = []string{"syariah"}
			}
			out.Send = append(out.Send, says(l, row, "Baik, petugas kami segera membantu."))
		default:
			out.Send = append(out.Send, says(l, row, repeated(out.State)+row.Body.Text,
				message.Choice{ID: "person", Title: "Bicara dengan petugas"}, message.Choice{ID: "again", Title: "Cek lagi"}))
		}
	}
	return out, nil
}

func (c *Counter) cannotTake(row store.Item) (fails, kills bool) {
	if row.Kind != store.ItemMessage || c.mended.Load() {
		return false, false
	}
	return strings.Contains(row.Body.Text, "rusak"), strings.Contains(row.Body.Text, "mati")
}

func repeated(language []byte) string {
	if string(language) == "en" {
		return "You wrote: "
	}
	return "Anda menulis: "
}

func says(l store.Lane, row store.Item, text string, choices ...message.Choice) store.Outgoing {
	name := fmt.Sprintf("%d/%d/%d", l.Conversation.ID, row.ID, row.Generation)
	return store.Outgoing{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String(), Author: message.AuthorBot, Class: message.ClassAnswer,
		Body: message.Out{Text: text, Choices: choices, Language: "id"},
	}
}
