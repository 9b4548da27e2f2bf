package main

import "testing"

// In a development run Secrets are not where a pod of the cluster has them mounted.
func TestSourcesFindTheirSecretsWhereThePodHasThem(t *testing.T) {
	p := &pod{callsDir: "/home/author/.dev/calls"}
	if got := p.fetcher().SecretsDir; got != p.callsDir {
		t.Errorf("sources look in %s", got)
	}
}
