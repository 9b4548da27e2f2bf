package lookup

import (
	"os"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

func TestTryout(t *testing.T) {
	n := 10000
	if os.Getenv("N") == "100k" {
		n = 100000
	}
	if os.Getenv("N") == "1m" {
		n = 1000000
	}
	c := Generate(n, 1)
	qs := c.Queries(250, 1)
	x := directory.FromEntries(c.Entries)
	as := Ask(x, qs)
	as = Ask(x, qs)
	_ = Print(os.Stdout, c.Score(qs, as))
	shown := map[string]int{}
	for i, q := range qs {
		a := as[i]
		bad := q.Class == Genuine && a.ID != q.ID || q.Class == Fake && a.Outcome != directory.Lookalike && a.Outcome != directory.ListedIllegal ||
			q.Class == Genuine && !called(a.Outcome) || q.Class == Absent && called(a.Outcome) || q.Class == Illegal && a.Outcome != directory.ListedIllegal || q.Class == Talk && a.Outcome != directory.None
		if bad && shown[q.Kind] < 4 {
			shown[q.Kind]++
			full := x.Ask(q.Q)
			name := ""
			if len(full.Entries) > 0 {
				name = full.Entries[0].Name
			}
			want := ""
			for _, e := range c.Entries {
				if e.ID == q.ID {
					want = e.Name
				}
			}
			t.Logf("%s: %q for %q is %s %q: %s", q.Kind, q.Q, want, full.Outcome, name, full.Why)
		}
	}
}
