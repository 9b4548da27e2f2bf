package storetest

import (
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
	"github.com/loket-dev/loket/bot-runtime/store"
)

var mailboxTests = []check{
	{"one look says whose mailbox has news, and who talks with a person", func(t *testing.T, c *counter) {
		look := func() []store.Mailbox {
			return must(c.Mailboxes(c.ctx, "wa", []message.Identity{phone("1"), phone("nobody"), phone("2"), phone("1")}))
		}
		c.accept(from("1", "m1", "halo"))
		c.drain(answering("a1"))
		v := c.served("2", "ani")
		before := look()
		newest := func(conversation int64) int64 {
			all := must(c.Transcript(c.ctx, conversation, 0, 1))
			return all[0].ID
		}
		want(t, "the bot's", before[0], store.Mailbox{Newest: newest(c.conversation("1").ID)})
		want(t, "nobody's", before[1], store.Mailbox{})
		want(t, "the agent's", before[2], store.Mailbox{Newest: newest(v.ID), Person: true})
		want(t, "asked twice", before[3], before[0])
		if err := c.reply("ani", v.ID, "reply"); err != nil {
			t.Fatal(err)
		}
		after := look()
		want(t, "the bot's, untouched", after[0], before[0])
		want(t, "the agent's, with the reply", after[2], store.Mailbox{Newest: newest(v.ID), Person: true})
		want(t, "risen", after[2].Newest > before[2].Newest, true)
		elsewhere := must(c.Mailboxes(c.ctx, "web", []message.Identity{phone("1")}))
		want(t, "on another channel", elsewhere[0], store.Mailbox{})
		want(t, "of nobody", len(must(c.Mailboxes(c.ctx, "wa", nil))), 0)
	}},
	{"a look at two thousand mailboxes is still one", func(t *testing.T, c *counter) {
		c.accept(from("7", "m1", "halo"))
		var many []message.Identity
		for i := range 2000 {
			many = append(many, phone(itoa(i)))
		}
		all := must(c.Mailboxes(c.ctx, "wa", many))
		want(t, "looked at", len(all), 2000)
		for i, one := range all {
			want(t, "has one", one.Newest > 0, i == 7)
		}
	}},
}
