// Package e2e holds the promises that only the whole thing on a real cluster can prove, one file a promise. `make test-e2e`
// brings the cluster, Loket and the sample up first and then runs them with -tags e2e.
//
// Tests speak to Loket as its users do: kubectl, webhooks, the desk's HTTP API; and to the simulator through its control API.
package e2e
