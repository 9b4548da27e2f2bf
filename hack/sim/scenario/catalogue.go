package scenario

import (
	"fmt"
	"maps"
	"slices"
)

// Where a scenario runs.
const (
	Machine = "machine" // pods as processes, with a PostgreSQL of their own: bot-runtime/chaos_test.go
	Cluster = "cluster" // a real cluster: test/e2e/chaos_test.go
)

// Scenario is one way in which things go wrong.
type Scenario struct{ Name, Where, Says string }

// Catalogue is all scenarios, as make chaos lists them. Each place has a test that it has what stands here, and nothing else.
var Catalogue = []Scenario{
	{"bots-killed", Machine, "kill -9 of two bots in turn, again and again"},
	{"postmaster-killed", Machine, "kill -9 of PostgreSQL's postmaster, and crash recovery"},
	{"backends-terminated", Machine, "pg_terminate_backend of a random backend every 200 ms"},
	{"commit-replies-swallowed", Machine, "one COMMIT in twenty is done and its answer lost"},
	{"database-silent", Machine, "the line to the database swallows all for 8 s, without a reset"},
	{"snapshot-held", Machine, "a transaction holds a snapshot open all the time"},
	{"sender-stopped", Machine, "SIGSTOP of a bot beyond its leases, then SIGCONT"},
	{"failover-lost-tail", Machine, "failover to an asynchronous standby that lacks the last second"},
	{"pgbouncer", Machine, "pgbouncer in transaction mode between, killed now and then"},
	{"old-and-new", Machine, "an older binary (OLD=ref), both side by side, the new one, and a roll-back"},
	{"disk-full-sqlite", Machine, "the volume of an embedded tenant is full for a while"},
	{"disk-full-postgres", Machine, "the volume of PostgreSQL is full for a while"},
	{"blind-cuts", Machine, "the platform takes messages, cuts the line and tells of nothing"},
	{"one-hangs", Machine, "sends to one citizen hang; the others' p99 is compared"},
	{"pods-killed", Cluster, "kill -9 of bots, desk and operator"},
	{"api-server-killed", Cluster, "kill -9 of the API server"},
	{"cluster-postmaster-killed", Cluster, "kill -9 of the cluster's PostgreSQL"},
	{"packets-dropped", Cluster, "packets of one bot are dropped without a reset for 20 s"},
	{"bot-stopped", Cluster, "SIGSTOP of a bot for 45 s, beyond its leases of 30 s"},
}

// At are the scenarios of a place.
func At(where string) []Scenario {
	var some []Scenario
	for _, s := range Catalogue {
		if s.Where == where {
			some = append(some, s)
		}
	}
	return some
}

// Match says in what the scenarios of a place, by name, differ from the catalogue; nil when in nothing.
func Match[S any](where string, scenarios map[string]S) error {
	var known []string
	for _, s := range At(where) {
		known = append(known, s.Name)
	}
	slices.Sort(known)
	if here := slices.Sorted(maps.Keys(scenarios)); !slices.Equal(here, known) {
		return fmt.Errorf("the catalogue has %q for a %s, and here are %q", known, where, here)
	}
	return nil
}
