package dialog

import "strings"

// maxPaidMessages is the number of outgoing messages of one enquiry above which lint speaks: since October 2026 each one to a
// citizen on WhatsApp is billed.
const maxPaidMessages = 6

// MaxPaidMessages is the same, for those who draw the ways.
const MaxPaidMessages = maxPaidMessages

// maxPaidSteps bounds the search for the dearest way; beyond, nothing is said.
const maxPaidSteps = 20_000

// paid advises on the dearest way through the flow on which no node is passed twice and no person is reached.
func (c *compiler) paid() {
	ways, complete := c.program.Ways()
	if complete && len(ways) > 0 && ways[0].Messages > maxPaidMessages {
		c.advise(reasonPaid, "nodes", "%s costs %d paid messages; merge questions to stay at %d", strings.Join(ways[0].Nodes, " → "), ways[0].Messages, maxPaidMessages)
	}
}
