package main

import (
	"strings"
	"testing"
)

func TestWhatLoketOwesAPeer(t *testing.T) {
	for name, c := range map[string]struct {
		own, peer row
		says      string
	}{
		"cheaper, and nobody notices":       {row{cost: 1.05, delayed: 0.015}, row{cost: 1.2}, "12.5 % cheaper, 0.015 % delayed to its 0.000 %, 0 changes a day to its 0: kept"},
		"cheaper, with more who wait":       {row{cost: 1.05, delayed: 0.025}, row{cost: 1.2}, "MISSED"},
		"cheaper, where the peer has worse": {row{cost: 1.05, delayed: 0.025}, row{cost: 1.2, delayed: 0.2}, "kept"},
		"hardly cheaper":                    {row{cost: 1.1}, row{cost: 1.15}, "MISSED"},
	} {
		c.own.policy, c.peer.policy = loket, "peer"
		elsewhere := row{class: "another", policy: "peer", cost: 9}
		lines := against([]row{c.own, c.peer, elsewhere})
		if len(lines) != 1 || !strings.HasSuffix(lines[0], c.says) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}
