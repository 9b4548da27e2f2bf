package engine

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loket-dev/loket/bot-runtime/bundle"
)

// mutant is a world in which something of the store or the engine is wrong.
type mutant struct {
	name string
	// statement rewrites a statement on its way to the database.
	statement func(query string, args []any) (string, []any)
	// rate multiplies the budget, slots are added to the agents', and hasty resends at once.
	rate, slots int
	hasty       bool
	// seed is the first that is tried; 1 when 0.
	seed uint64
	// plan, when set, makes the world one in which it matters.
	plan func(*plan)
	// finds is a word of what the rules must say.
	finds string
}

// live runs one world and returns its journal and what was broken.
func live(t testing.TB, seed uint64, p plan, m *mutant) (journal string, broken []string) {
	synctest.Test(t.(*testing.T), func(t *testing.T) {
		w := &world{TB: t, seed: seed, plan: p, mutant: m, base: openWorldDatabase(t)}
		w.run(func(*world) []bundle.Objects { return []bundle.Objects{townBundle(p.slots)} })
		journal, broken = w.journal(), w.rules.found
	})
	return journal, broken
}

// seedsOf are the worlds that a run of the tests lives through: LOKET_SEED=n is one, with its journal; LOKET_SEEDS=n are the
// first n.
func seedsOf(t *testing.T, usual int) (seeds []uint64, one bool) {
	number := func(name string) (uint64, bool) {
		text := os.Getenv(name)
		if text == "" {
			return 0, false
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n, true
	}
	if n, ok := number("LOKET_SEED"); ok {
		return []uint64{n}, true
	}
	most := uint64(usual)
	if underRace {
		most = max(1, most/8)
	}
	if n, ok := number("LOKET_SEEDS"); ok {
		most = n
	}
	for seed := uint64(1); seed <= most; seed++ {
		seeds = append(seeds, seed)
	}
	return seeds, false
}

// TestWhateverADayBringsThePromisesAreKept lives through a day of each seed: citizens write, agents come and go, pods die, are
// stopped and come back, the database is away or its clock steps, the platform cuts lines, delivers twice and late.
func TestWhateverADayBringsThePromisesAreKept(t *testing.T) {
	seeds, one := seedsOf(t, 16)
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			journal, broken := live(t, seed, planOf(seed), nil)
			for _, b := range broken {
				t.Errorf("%s", b)
			}
			if one {
				t.Logf("\n%s", journal)
			}
			if len(broken) > 0 {
				t.Errorf("again, with its journal: LOKET_SEED=%d go test -run %s ./bot-runtime/engine", seed, strings.SplitN(t.Name(), "/", 2)[0])
			}
			t.Logf("%d lines of journal", strings.Count(journal, "\n"))
		})
	}
}

// TestASeedsDayCanBeHadAgain: a failure that cannot be had again cannot be mended.
func TestASeedsDayCanBeHadAgain(t *testing.T) {
	if underRace {
		t.Skip("make test-go runs it once more, without the race detector")
	}
	seeds, _ := seedsOf(t, 1)
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			p := planOf(seed)
			p.active = 10 * time.Minute
			first, _ := live(t, seed, p, nil)
			second, _ := live(t, seed, p, nil)
			one, other := strings.Split(first, "\n"), strings.Split(second, "\n")
			for i := range max(len(one), len(other)) {
				if i == len(one) || i == len(other) || one[i] != other[i] {
					t.Fatalf("line %d of %d and %d: the same seed brought\n%s\nand then\n%s", i+1, len(one), len(other),
						strings.Join(one[max(0, i-3):min(i+1, len(one))], "\n"), strings.Join(other[max(0, i-3):min(i+1, len(other))], "\n"))
				}
			}
		})
	}
}

// rewrites replaces a part of the statements that hold it, at each time-th of them.
func rewrites(old, new string, time int) func(string, []any) (string, []any) {
	n := 0
	return func(query string, args []any) (string, []any) {
		if strings.Contains(query, old) {
			if n++; n%time == 0 {
				query = strings.ReplaceAll(query, old, new)
			}
		}
		return query, args
	}
}

// mutants are worlds in which one rule of the message path is broken, and what the rules must say of them.
func mutants() []mutant {
	seen, lanes := 0, 0
	return []mutant{
		{name: "a timer fires a minute early", finds: "and was due at", seed: 3,
			statement: rewrites("timer WHERE due_at <= {now}", "timer WHERE due_at <= {now} + 60000000", 1)},
		{name: "a timer fires twice", finds: "came as row", statement: func(query string, args []any) (string, []any) {
			if rest, ok := strings.CutPrefix(query, "DELETE FROM timer WHERE due_at"); ok {
				if seen++; seen%2 == 1 {
					query = "SELECT conversation, name, generation FROM timer WHERE due_at" + strings.Split(rest, "RETURNING")[0]
				}
			}
			return query, args
		}},
		{name: "an agent is given one conversation too many", finds: "more than there are slots", slots: 1,
			plan: func(p *plan) { p.agents, p.slots, p.citizens = 1, 1, 14 }},
		{name: "a conversation that was given to an agent stays in the queue", finds: "two owners",
			statement: rewrites("DELETE FROM queue WHERE conversation = $1", "DELETE FROM queue WHERE conversation = $1 AND FALSE", 1)},
		{name: "the budget is doubled", finds: "more than 1 a second", rate: 2, plan: func(p *plan) { p.rate, p.citizens = 1, 14 }},
		{name: "a lane that failed rests without bound", finds: "which cannot be handled", plan: func(p *plan) { p.poison = true },
			statement: func(query string, args []any) (string, []any) {
				if strings.HasPrefix(query, "UPDATE runnable SET fails = $2") {
					args[2] = args[2].(int64) * 100
				}
				return query, args
			}},
		{name: "what comes twice is stored twice", finds: "is there twice", statement: func(query string, args []any) (string, []any) {
			const unseen = "AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.channel = v.column1 AND s.ext_hash = v.column2)"
			if strings.Contains(query, unseen) {
				query = strings.Replace(query, unseen, "", 1)
				query = strings.Replace(query, "ON CONFLICT DO NOTHING",
					"ON CONFLICT (channel, ext_hash, msg_at) DO UPDATE SET msg_at = excluded.msg_at", 1)
			}
			return query, args
		}},
		{name: "an unknown send is sent again at once", finds: "claimed again", hasty: true},
		{name: "the newest message goes first", finds: "answered after it", statement: rewrites("min(f.seq)", "max(f.seq)", 1)},
		{name: "a step's state is not kept", finds: "was answered", statement: rewrites("state = v.column4", "state = state", 5)},
		{name: "a lane is not raised", finds: "a lane with work", statement: func(query string, args []any) (string, []any) {
			if strings.HasPrefix(query, "INSERT INTO runnable") {
				if lanes++; lanes%9 == 0 {
					return "UPDATE runnable SET run_at = run_at WHERE conversation = -1", nil
				}
			}
			return query, args
		}},
	}
}

// TestTheSimulationFindsWhatIsBroken: a check that cannot fail proves nothing.
func TestTheSimulationFindsWhatIsBroken(t *testing.T) {
	if underRace {
		t.Skip("make test-go runs it once more, without the race detector")
	}
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			var all []string
			for seed := max(1, m.seed); seed <= 4; seed++ {
				p := planOf(seed)
				p.active, p.pause = 12*time.Minute, 20*time.Second
				if m.plan != nil {
					m.plan(&p)
				}
				_, broken := live(t, seed, p, &m)
				all = append(all, broken...)
				if slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, m.finds) }) {
					t.Logf("found by seed %d: %s", seed, broken[0])
					return
				}
			}
			t.Errorf("not found; instead:\n%s", strings.Join(all, "\n"))
		})
	}
}
