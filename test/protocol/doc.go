// Package protocol holds the message path's rules as Spin models, and runs them.
//
// lane.pml is one conversation: accept, step, park, outside call, result, back-off, with a death before any commit. lease.pml is
// one conversation's sending: the durable mark, the lease, the echo. Each switch of a model turns one rule off; the test expects
// Spin to find what that breaks. A rule that is changed in bot-runtime/store is changed here first.
package protocol
