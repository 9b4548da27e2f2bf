package needs

import (
	"strings"
	"testing"
)

func with(os string, uid int, absent ...string) Machine {
	return Machine{OS: os, UID: uid, Find: func(p string) (string, bool) {
		for _, a := range absent {
			if strings.Contains(p, a) {
				return "", false
			}
		}
		return p, true
	}}
}

func TestWhatIsMissingIsSaidWithTheMend(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want []string // nil when all is well
		not  string
	}{
		"a machine with everything": {err: Node(with("linux", 0), true)},
		"a Mac":                     {err: Node(with("darwin", 501), true), want: []string{"Linux (this is darwin)", "make dev"}, not: "apt-get"},
		"an ordinary user":          {err: Node(with("linux", 1000), false), want: []string{"root", "sudo", "make dev"}, not: "apt-get"},
		"no runc, no plugins": {err: Node(with("linux", 0, "runc", "/cni/"), false),
			want: []string{"apt-get install --no-install-recommends runc containernetworking-plugins\n", "deps --install", "make dev"}, not: "for namespaces"},
		"PostgreSQL only when it is asked for":        {err: Node(with("linux", 0, "postgres", "psql"), false)},
		"PostgreSQL for pods":                         {err: Node(with("linux", 0, "postgres", "psql"), true), want: []string{"recommends postgresql\n"}},
		"PostgreSQL needs no root and no cluster":     {err: Postgres(with("linux", 1000, "runc", "nft", "/cni/"))},
		"PostgreSQL alone, where it is not installed": {err: Postgres(with("linux", 1000, "psql")), want: []string{"PostgreSQL cannot run here", "postgresql"}},
	} {
		if (tc.err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", name, tc.err)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(tc.err.Error(), w) {
				t.Errorf("%s: no %q in\n%v", name, w, tc.err)
			}
		}
		if tc.not != "" && strings.Contains(tc.err.Error(), tc.not) {
			t.Errorf("%s: %q in\n%v", name, tc.not, tc.err)
		}
	}
}
