package dialog

import "strings"

// maxPaidMessages is the number of outgoing messages of one enquiry above which lint speaks: since October 2026 each one to a
// citizen on WhatsApp is billed.
const maxPaidMessages = 6

// maxPaidSteps bounds the search for the dearest way; beyond, nothing is said.
const maxPaidSteps = 20_000

// paid advises on the dearest way through the flow on which no node is passed twice and no person is reached.
func (c *compiler) paid() {
	p := c.program
	on := make([]bool, len(p.nodes))
	var path, dearest []string
	best, steps := 0, 0
	var back []int // where the runs under way go on
	var visit func(i, messages int)
	visit = func(i, messages int) {
		if on[i] || steps > maxPaidSteps {
			return
		}
		steps++
		n := &p.nodes[i]
		switch n.kind {
		case kindMenu, kindAsk, kindSurvey:
			messages++ // what was said before goes with it
		case kindSay:
			if n.attached != nil || n.apart {
				messages++
			}
		case kindHandoff:
			return // people's replies are the agency's choice
		}
		path = append(path, n.name)
		on[i] = true
		if messages > best {
			best, dearest = messages, append([]string(nil), path...)
		}
		switch last := len(back) - 1; {
		case n.kind == kindRun:
			back = append(back, n.next)
			visit(n.run.start, messages)
			back = back[:len(back)-1]
		case n.kind == kindEnd && last >= 0:
			next := back[last]
			back = back[:last]
			visit(next, messages)
			back = append(back, next)
		default:
			for _, e := range n.edges() {
				visit(e.to, messages)
			}
		}
		on[i] = false
		path = path[:len(path)-1]
	}
	visit(p.start, 0)
	if best > maxPaidMessages && steps <= maxPaidSteps {
		c.advise(reasonPaid, "nodes", "%s costs %d paid messages; merge questions to stay at %d", strings.Join(dearest, " → "), best, maxPaidMessages)
	}
}
