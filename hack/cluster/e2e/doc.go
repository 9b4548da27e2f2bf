// Package e2e tests the cluster as a whole, on this machine, as its users meet it: by the command. It
// runs only when LOKET_CLUSTER_TEST=1, since it needs root, takes minutes, and a machine has one cluster
// at a time.
package e2e
