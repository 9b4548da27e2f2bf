package main

import (
	"io"
	"strings"
	"testing"
)

// Each must refuse before it looks at any process: on a machine with a cluster the default state folder is somebody's.
func TestNothingIsKilledUnlessItIsSaidWhoseItIs(t *testing.T) {
	state := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a component alone":         {[]string{"--state", state, "kill", "postgres"}, "say whose and what"},
		"another cluster's folder":  {[]string{"--state", state, "kill", "/elsewhere/cluster", "postgres"}, "nothing was killed"},
		"a component that is none":  {[]string{"--state", state, "kill", state, "kube-apisever"}, "no kube-apisever"},
		"a server that has not run": {[]string{"--state", state, "kill", state, "postgres"}, "no postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), c.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
