// Package controllers brings clusters to what Loket's custom resources say: one thin reconciler a kind.
//
// A reconciler reads (gather), asks pure code what shall be (packages render and capacity, files acceptance.go, verdict.go
// and tenant_status.go), writes only what differs, and reports in one status patch. Talking to runtimes is package link's.
// No reconciler reads a Secret, writes the spec of a custom resource, or runs what a tenant wrote.
//
// BotTenant makes a tenant's objects and connects its link. Channel, DialogFlow, Directory, Knowledge and AgentPool turn
// the runtime's verdicts into conditions; AgentPool also scales its desk. TenantClass counts.
package controllers
