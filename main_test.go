package main

import (
	"strings"
	"testing"
)

func TestWhatTheOperatorNeedsToStart(t *testing.T) {
	for name, c := range map[string]struct {
		namespace string
		args      []string
		says      string
	}{
		"its namespace":    {"", nil, "POD_NAMESPACE is not set"},
		"its signing keys": {"loket-system", []string{"--signing-dir=" + t.TempDir()}, "no <kid>.key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", c.namespace)
			if err := run(t.Context(), c.args); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v, not %q", err, c.says)
			}
		})
	}
}
