package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestWhatTheOperatorNeedsToStart(t *testing.T) {
	for name, c := range map[string]struct {
		namespace string
		args      []string
		says      string
	}{
		"its namespace":                {"", nil, "POD_NAMESPACE is not set"},
		"its signing keys":             {"loket-system", []string{"--signing-dir=" + t.TempDir()}, "no <kid>.key"},
		"certificates that are served": {"loket-system", []string{"--keda-tls-dir=" + t.TempDir()}, "set --keda-bind-address as well"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", c.namespace)
			if err := run(t.Context(), c.args); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v, not %q", err, c.says)
			}
		})
	}
}

// The image is distroless: without its own copy the operator would know no zone but UTC, and every opening would be hours off.
func TestTheOperatorBringsItsTimeZonesAlong(t *testing.T) {
	for _, program := range []string{".", "./bot-runtime", "./hack/bench"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", program).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), "\ntime/tzdata\n") {
			t.Errorf("%s has no time zones of its own; import time/tzdata", program)
		}
	}
}
