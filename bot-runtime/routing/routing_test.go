package routing_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loket-dev/loket/bot-runtime/routing"
	"github.com/loket-dev/loket/bot-runtime/store"
)

var nine = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func waits(id int64, minutes int) store.QueueEntry {
	return store.QueueEntry{Conversation: id, Since: nine.Add(-time.Duration(minutes) * time.Minute)}
}

func urgent(e store.QueueEntry) store.QueueEntry { e.Priority = 2; return e }

func knows(e store.QueueEntry, agent string) store.QueueEntry { e.LastAgent = agent; return e }

func free(agent string, slots, idleMinutes int) store.FreeAgent {
	return store.FreeAgent{Agent: agent, Free: slots, IdleSince: nine.Add(-time.Duration(idleMinutes) * time.Minute)}
}

func queue(e ...store.QueueEntry) []store.QueueEntry { return e }

func agents(a ...store.FreeAgent) []store.FreeAgent { return a }

func TestWhoIsServedNextAndByWhom(t *testing.T) {
	for _, c := range []struct {
		name   string
		queue  []store.QueueEntry
		agents []store.FreeAgent
		want   string
	}{
		{"nobody waits, nothing happens", queue(), agents(free("ani", 4, 1)), ""},
		{"nobody is free, everybody waits on", queue(waits(1, 9)), agents(), ""},
		{"an agent without a free slot is not there", queue(waits(1, 9)), agents(free("ani", 0, 9)), ""},
		{"the one who waits longest is first", queue(waits(1, 3), waits(2, 9)), agents(free("ani", 1, 1)), "2→ani"},
		{"urgent goes before older", queue(waits(1, 90), urgent(waits(2, 1))), agents(free("ani", 1, 1)), "2→ani"},
		{"among urgent ones the older is first", queue(urgent(waits(1, 1)), urgent(waits(2, 5))), agents(free("ani", 1, 1)), "2→ani"},
		{"two who came at once are served by number", queue(waits(8, 5), waits(3, 5)), agents(free("ani", 1, 1)), "3→ani"},
		{"the agent with more room is asked", queue(waits(1, 9)), agents(free("ani", 1, 99), free("budi", 3, 1)), "1→budi"},
		{"of two with equal room the one idle longer is asked", queue(waits(1, 9)), agents(free("ani", 2, 1), free("budi", 2, 8)), "1→budi"},
		{"who never had one is idle longest", queue(waits(1, 9)), agents(free("ani", 2, 60), store.FreeAgent{Agent: "budi", Free: 2}), "1→budi"},
		{"the agent who knows the citizen is asked, though others have more room", queue(knows(waits(1, 9), "ani")),
			agents(free("ani", 1, 1), free("budi", 4, 60)), "1→ani"},
		{"the agent who knows the citizen has no room: another is asked at once", queue(knows(waits(1, 9), "ani")),
			agents(free("budi", 1, 1)), "1→budi"},
		{"work is spread before anybody has two", queue(waits(1, 9), waits(2, 8), waits(3, 7)),
			agents(free("ani", 4, 9), free("budi", 4, 8), free("citra", 4, 7)), "1→ani 2→budi 3→citra"},
		{"a slot is given once", queue(waits(1, 9), waits(2, 8), waits(3, 7)), agents(free("ani", 2, 9)), "1→ani 2→ani"},
		{"a known citizen does not jump the queue", queue(waits(1, 9), knows(waits(2, 1), "ani")), agents(free("ani", 1, 1)), "1→ani"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for i, a := range routing.Choose(store.Waiting{Queue: c.queue, Agents: c.agents, Now: nine}) {
				if i > 0 {
					got += " "
				}
				got += fmt.Sprintf("%d→%s", a.Conversation, a.Agent)
			}
			if diff := gocmp.Diff(c.want, got); diff != "" {
				t.Errorf("assignments (-want +got):\n%s", diff)
			}
		})
	}
}

// waitingOf draws any queue and any counter, with few names and minutes, so that ties and old acquaintances are common.
func waitingOf(t *rapid.T) store.Waiting {
	names := []string{"ani", "budi", "citra", "dewi", "eko"}
	w := store.Waiting{Now: nine}
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "agents") {
		w.Agents = append(w.Agents, free(name, rapid.IntRange(-1, 4).Draw(t, "free"), rapid.IntRange(0, 5).Draw(t, "idle")))
	}
	for _, id := range rapid.SliceOfNDistinct(rapid.Int64Range(1, 100), 0, 30, rapid.ID[int64]).Draw(t, "conversations") {
		e := waits(id, rapid.IntRange(0, 9).Draw(t, "minutes"))
		e.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
		e.LastAgent = rapid.SampledFrom(append(names, "", "gone")).Draw(t, "last")
		w.Queue = append(w.Queue, e)
	}
	return w
}

func TestNobodyGetsMoreThanTheirSlotsAndNoCitizenGetsTwoAgents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		left, all := map[string]int{}, 0
		for _, a := range w.Agents {
			left[a.Agent] = max(a.Free, 0)
			all += left[a.Agent]
		}
		served := map[int64]bool{}
		got := routing.Choose(w)
		for _, a := range got {
			if left[a.Agent]--; left[a.Agent] < 0 {
				t.Fatalf("%s has more than their slots", a.Agent)
			}
			if served[a.Conversation] {
				t.Fatalf("conversation %d has two agents", a.Conversation)
			}
			served[a.Conversation] = true
		}
		if want := min(all, len(w.Queue)); len(got) != want {
			t.Fatalf("%d given, want %d: nobody waits while a slot is free", len(got), want)
		}
	})
}

func TestNobodyIsOvertakenWithinTheirPriority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		given := map[int64]bool{}
		for _, a := range routing.Choose(w) {
			given[a.Conversation] = true
		}
		for _, served := range w.Queue {
			for _, left := range w.Queue {
				if given[served.Conversation] && !given[left.Conversation] &&
					(left.Priority > served.Priority || left.Priority == served.Priority && left.Since.Before(served.Since)) {
					t.Fatalf("%+v was served before %+v", served, left)
				}
			}
		}
	})
}

func TestAFreeAgentWhoKnowsTheCitizenIsAlwaysAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		given := routing.Choose(w)
		if len(given) == 0 {
			return
		}
		first := w.Queue[slices.IndexFunc(w.Queue, func(e store.QueueEntry) bool { return e.Conversation == given[0].Conversation })]
		knows := func(a store.FreeAgent) bool { return a.Agent == first.LastAgent && a.Free > 0 }
		if slices.ContainsFunc(w.Agents, knows) && given[0].Agent != first.LastAgent {
			t.Fatalf("%s knows the citizen and is free, but %s was asked", first.LastAgent, given[0].Agent)
		}
	})
}

func TestTheOrderInWhichRowsComeDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		shuffled := store.Waiting{Now: w.Now, Queue: slices.Clone(w.Queue), Agents: slices.Clone(w.Agents)}
		slices.SortFunc(shuffled.Queue, func(a, b store.QueueEntry) int { return cmp.Compare(a.Conversation, b.Conversation) })
		slices.SortFunc(shuffled.Agents, func(a, b store.FreeAgent) int { return cmp.Compare(b.Agent, a.Agent) })
		if diff := gocmp.Diff(routing.Choose(w), routing.Choose(shuffled)); diff != "" {
			t.Fatalf("two pods would answer differently:\n%s", diff)
		}
	})
}
