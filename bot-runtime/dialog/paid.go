package dialog

import "strings"

// usualBudget is how many paid messages a way may cost in a flow that declares no budget: since October 2026 each one to a
// citizen on WhatsApp is billed.
const usualBudget = 6

// maxPaidSteps bounds the search for the dearest way; beyond, nothing is said.
const maxPaidSteps = 20_000

// Budget is how many paid messages a way through the flow may cost, at least 1.
func (p *Program) Budget() int { return p.budget }

// paid advises on the dearest way through the flow on which no node is passed twice and no person is reached.
func (c *compiler) paid() {
	ways, complete := c.program.Ways()
	if complete && len(ways) > 0 && ways[0].Messages > c.program.budget {
		c.advise(reasonPaid, "nodes", "%s costs %d paid messages, budget %d; merge questions, or raise budget.paidMessages",
			strings.Join(ways[0].Nodes, " → "), ways[0].Messages, c.program.budget)
	}
}
