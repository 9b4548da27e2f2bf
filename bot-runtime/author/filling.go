package author

import (
	"fmt"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// open begins to fill in the form that was offered last.
func (c *chat) open() {
	if c.form == nil {
		c.p.line("no form was offered")
		return
	}
	c.blank, c.fields = c.program.Questions(c.state, c.form.Token, c.env(c.now())), map[string]string{}
	if len(c.blank) == 0 {
		c.p.line("the form has no questions here")
		return
	}
	c.ask()
}

// ask shows the form's next question.
func (c *chat) ask() {
	q := c.blank[0]
	titles := ""
	for i, t := range q.Titles {
		titles += fmt.Sprintf(" [%d %s]", i+1, t)
	}
	c.p.line("form      %s: %s%s", q.Field, strings.ReplaceAll(q.Text, "\n", "\n          "), titles)
}

// fill takes the answer to the form's question that stands, and sends the form after the last.
func (c *chat) fill(answer string) {
	if answer != "" {
		c.fields[c.blank[0].Field] = answer
	}
	if c.blank = c.blank[1:]; len(c.blank) > 0 {
		c.ask()
		return
	}
	if len(c.fields) == 0 {
		c.p.line("nothing was filled in, so that nothing was sent")
		return
	}
	c.citizen(message.In{Kind: message.InForm, Form: c.form.Token, Fields: c.fields}, step{Fills: c.fields})
}
