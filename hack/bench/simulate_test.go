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

func TestWhatLoketOwesATunedPeer(t *testing.T) {
	own := row{class: "viral", policy: loket, cost: 1.1, changes: 20}
	tuned := func(name string, cost, changes, delayed float64) row {
		return row{class: "viral", policy: "hpa rule tuned " + name, cost: cost, changes: changes, delayed: delayed}
	}
	for name, c := range map[string]struct {
		peers []row
		want  []string // in this order, how each line ends
	}{
		"dearer":                     {[]row{tuned("a", 1.2, 10, 0)}, []string{": kept"}},
		"cheaper, not calmer":        {[]row{tuned("a", 1.05, 30, 0)}, []string{": MISSED"}},
		"cheaper and calmer":         {[]row{tuned("a", 1.05, 10, 0), tuned("b", 1.3, 9, 0)}, []string{": MISSED", "calmer: hpa rule tuned a: MISSED"}},
		"cheap at citizens' expense": {[]row{tuned("a", 1.01, 5, 0.2)}, nil},
	} {
		lines := against(append([]row{own}, c.peers...))
		if len(lines) != len(c.want) {
			t.Errorf("%s: %q", name, lines)
			continue
		}
		for i := range lines {
			if !strings.HasSuffix(lines[i], c.want[i]) {
				t.Errorf("%s: %q", name, lines[i])
			}
		}
	}
}
