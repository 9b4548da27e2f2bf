package dialog

import (
	"fmt"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// silenceTimer wakes a conversation that nobody answers.
const silenceTimer = "silence"

// maxSilence is the longest that a conversation waits for an answer with something to follow.
const maxSilence = 7 * 24 * time.Hour

// silence is what follows when no answer has come for so long: a text, which may have a template for WhatsApp, or a node.
type silence struct {
	after    time.Duration
	text     texts
	approved *approved
	next     int
}

func (c *compiler) silences(out *node, all []v1alpha1.Silence, path string) {
	total := time.Duration(0)
	for i, q := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		one := silence{after: time.Duration(q.Minutes) * time.Minute, next: c.optionalTarget(q.Next, at+".next")}
		switch {
		case (len(q.Text) > 0) == (q.Next != ""):
			c.find(reasonSilence, at, "a silence is followed by a text or by a next, by one of both")
		case q.Next == "":
			one.text = c.text(q.Text, at+".text", maxButtonsBody)
			one.approved = c.approved(q.Template, at+".template")
		case q.Template != nil:
			c.find(reasonSilence, at+".template", "a template goes with a text; %s says what it has to by itself", q.Next)
		case i < len(all)-1:
			c.find(reasonSilence, at, "the conversation goes on at %s, so that what follows here never comes; put it last", q.Next)
		}
		if total += one.after; q.Minutes < 1 || total > maxSilence {
			c.find(reasonSilence, at+".minutes", "%d minutes in all, 1 to %d are possible; make it shorter", int(total.Minutes()), int(maxSilence.Minutes()))
		}
		out.silence = append(out.silence, one)
	}
}

// awaited is the node whose silence is being counted, or none.
func (s *stepper) awaited() int {
	if i := s.waiting(); i != none && s.state.Reminded < len(s.p.nodes[i].silence) {
		return i
	}
	return none
}

// await sets the timer of the silence that begins with this step, under a new generation: a timer that fired meanwhile, or still
// stands in the store, finds another one and does nothing. Where nothing is awaited any more, the timer is removed.
func (s *stepper) await(before int) {
	if !s.touched {
		return
	}
	if s.in.Kind != InputTimer {
		s.state.Reminded = 0
	}
	if i := s.awaited(); i != none {
		s.state.Generation++
		s.result.Timers = append(s.result.Timers, Timer{Name: silenceTimer, Generation: s.state.Generation, DueIn: s.p.nodes[i].silence[s.state.Reminded].after})
		return
	}
	if before != none {
		s.result.Timers = append(s.result.Timers, Timer{Name: silenceTimer, Generation: s.state.Generation})
	}
}

// silent: the time has passed without a word.
func (s *stepper) silent(i int) {
	if i == none || s.in.Generation != s.state.Generation || s.awaited() == none {
		return // it was answered, or asked anew
	}
	s.touched = true
	n := &s.p.nodes[i]
	passed := &n.silence[s.state.Reminded]
	if passed.next != none {
		s.state.Reminded = 0
		s.run(passed.next)
		return
	}
	s.state.Reminded++
	s.result.Visited = append(s.result.Visited, n.name)
	if passed.approved != nil {
		s.tellApproved(passed.approved, s.text(passed.text), s.choices(n))
		return
	}
	s.withChoices(s.text(passed.text), s.choices(n))
	s.offerForm(n)
}
