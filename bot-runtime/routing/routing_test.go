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

func free(agent string, slots, idleMinutes int) store.PresentAgent {
	return store.PresentAgent{Agent: agent, Free: slots, IdleSince: nine.Add(-time.Duration(idleMinutes) * time.Minute)}
}

func asks(e store.QueueEntry, skills ...string) store.QueueEntry { e.Skills = skills; return e }

func queue(e ...store.QueueEntry) []store.QueueEntry { return e }

func agents(a ...store.PresentAgent) []store.PresentAgent { return a }

// rules of a counter where a skill is waited for ten minutes.
var rules = routing.Rules{Within: 10 * time.Minute, Skills: map[string][]string{
	"citra": {"syariah"}, "dewi": {"english", "syariah"}, "eko": {"english"}}}

func TestWhoIsServedNextAndByWhom(t *testing.T) {
	for _, c := range []struct {
		name   string
		queue  []store.QueueEntry
		agents []store.PresentAgent
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
		{"who never had one is idle longest", queue(waits(1, 9)), agents(free("ani", 2, 60), store.PresentAgent{Agent: "budi", Free: 2}), "1→budi"},
		{"the agent who knows the citizen is asked, though others have more room", queue(knows(waits(1, 9), "ani")),
			agents(free("ani", 1, 1), free("budi", 4, 60)), "1→ani"},
		{"the agent who knows the citizen has no room: another is asked at once", queue(knows(waits(1, 9), "ani")),
			agents(free("budi", 1, 1)), "1→budi"},
		{"work is spread before anybody has two", queue(waits(1, 9), waits(2, 8), waits(3, 7)),
			agents(free("ani", 4, 9), free("budi", 4, 8), free("citra", 4, 7)), "1→ani 2→budi 3→citra"},
		{"a slot is given once", queue(waits(1, 9), waits(2, 8), waits(3, 7)), agents(free("ani", 2, 9)), "1→ani 2→ani"},
		{"a known citizen does not jump the queue", queue(waits(1, 9), knows(waits(2, 1), "ani")), agents(free("ani", 1, 1)), "1→ani"},

		{"a skill goes before room", queue(asks(waits(1, 9), "syariah")), agents(free("ani", 4, 60), free("citra", 1, 1)), "1→citra"},
		{"a skill goes before the agent who knows the citizen", queue(knows(asks(waits(1, 9), "syariah"), "ani")),
			agents(free("ani", 4, 60), free("citra", 1, 1)), "1→citra"},
		{"of two who have the skill, the one who knows the citizen is asked", queue(knows(asks(waits(1, 9), "syariah"), "dewi")),
			agents(free("citra", 4, 60), free("dewi", 1, 1)), "1→dewi"},
		{"of two skills one is not enough", queue(asks(waits(1, 9), "english", "syariah")),
			agents(free("citra", 4, 60), free("eko", 4, 60), free("dewi", 1, 1)), "1→dewi"},
		{"all who have the skill are busy: it is waited for", queue(asks(waits(1, 9), "syariah")),
			agents(free("ani", 4, 60), free("citra", 0, 1)), ""},
		{"and after its time anybody is asked", queue(asks(waits(1, 10), "syariah")),
			agents(free("ani", 4, 60), free("citra", 0, 1)), "1→ani"},
		{"after its time, too, one who has the skill is asked first", queue(asks(waits(1, 10), "syariah")),
			agents(free("ani", 4, 60), free("citra", 1, 1)), "1→citra"},
		{"after its time the one who has most of the skills is asked", queue(asks(waits(1, 10), "english", "syariah")),
			agents(free("ani", 4, 60), free("eko", 1, 1), free("dewi", 0, 1)), "1→eko"},
		{"nobody who is there has the skill: anybody is asked at once", queue(asks(waits(1, 0), "syariah")),
			agents(free("ani", 4, 60), free("eko", 4, 60)), "1→ani"},
		{"nobody who is there has both skills: who has one is asked at once", queue(asks(waits(1, 0), "english", "syariah")),
			agents(free("ani", 4, 60), free("citra", 1, 1)), "1→citra"},
		{"a skill that nobody was ever declared to have holds nobody back", queue(asks(waits(1, 0), "takaful")),
			agents(free("dewi", 1, 1)), "1→dewi"},
		{"who waits for a skill holds back nobody behind", queue(urgent(asks(waits(1, 9), "syariah")), asks(waits(2, 8), "english"), waits(3, 7)),
			agents(free("ani", 1, 1), free("eko", 1, 1), free("citra", 0, 1)), "2→eko 3→ani"},
		{"who has waited for a skill in vain is as old as they are", queue(waits(1, 11), asks(waits(2, 12), "syariah")),
			agents(free("ani", 1, 1), free("citra", 0, 1)), "2→ani"},
		{"where room is equal, who has a skill is kept for those who need it", queue(waits(1, 9), asks(waits(2, 8), "syariah")),
			agents(free("ani", 1, 1), free("citra", 1, 60)), "1→ani 2→citra"},
		{"and of two with skills the one with fewer goes first", queue(asks(waits(1, 9), "syariah")),
			agents(free("citra", 1, 1), free("dewi", 1, 60)), "1→citra"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for i, a := range rules.Choose(store.Waiting{Queue: c.queue, Agents: c.agents, Now: nine}) {
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
		e := waits(id, rapid.IntRange(0, 13).Draw(t, "minutes"))
		e.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
		e.LastAgent = rapid.SampledFrom(append(names, "", "gone")).Draw(t, "last")
		e.Skills = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"english", "syariah", "takaful"}), 0, 2, rapid.ID[string]).Draw(t, "skills")
		w.Queue = append(w.Queue, e)
	}
	return w
}

// may says, in other words than the policy's, whether an agent may be given a conversation now.
func may(w store.Waiting, e store.QueueEntry, agent string) bool {
	hasAll := func(agent string) bool {
		return !slices.ContainsFunc(e.Skills, func(skill string) bool { return !slices.Contains(rules.Skills[agent], skill) })
	}
	return hasAll(agent) || !w.Now.Before(e.Since.Add(rules.Within)) ||
		!slices.ContainsFunc(w.Agents, func(a store.PresentAgent) bool { return hasAll(a.Agent) })
}

func TestNobodyGetsMoreThanTheirSlotsAndNoSlotIsIdleWhileSomebodyWaitsWhomItsAgentMayServe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		left := map[string]int{}
		for _, a := range w.Agents {
			left[a.Agent] = max(a.Free, 0)
		}
		served := map[int64]bool{}
		for _, a := range rules.Choose(w) {
			if left[a.Agent]--; left[a.Agent] < 0 {
				t.Fatalf("%s has more than their slots", a.Agent)
			}
			if served[a.Conversation] {
				t.Fatalf("conversation %d has two agents", a.Conversation)
			}
			served[a.Conversation] = true
		}
		for _, e := range w.Queue {
			for agent, n := range left {
				if !served[e.Conversation] && n > 0 && may(w, e, agent) {
					t.Fatalf("%+v waits, and %s has %d free slots", e, agent, n)
				}
			}
		}
	})
}

func TestNobodyWithoutASkillIsGivenWhoAsksForItBeforeItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		for _, a := range rules.Choose(w) {
			if e := entry(w, a.Conversation); !may(w, e, a.Agent) {
				t.Fatalf("%+v was given to %s", e, a.Agent)
			}
		}
	})
}

func entry(w store.Waiting, conversation int64) store.QueueEntry {
	return w.Queue[slices.IndexFunc(w.Queue, func(e store.QueueEntry) bool { return e.Conversation == conversation })]
}

func TestNobodyIsOvertakenWithinTheirPriorityByOneWhoseAgentMayServeThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		given := map[int64]string{}
		for _, a := range rules.Choose(w) {
			given[a.Conversation] = a.Agent
		}
		for _, served := range w.Queue {
			for _, left := range w.Queue {
				if given[served.Conversation] != "" && given[left.Conversation] == "" && may(w, left, given[served.Conversation]) &&
					(left.Priority > served.Priority || left.Priority == served.Priority && left.Since.Before(served.Since)) {
					t.Fatalf("%+v was served before %+v", served, left)
				}
			}
		}
	})
}

func TestWithoutSkillsAsManyAreServedAsThereAreSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		all := 0
		for _, a := range w.Agents {
			all += max(a.Free, 0)
		}
		if got, want := len(routing.Rules{}.Choose(w)), min(all, len(w.Queue)); got != want {
			t.Fatalf("%d given, want %d", got, want)
		}
	})
}

func TestAFreeAgentWhoKnowsTheCitizenAndHasTheSkillsIsAlwaysAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		given := rules.Choose(w)
		if len(given) == 0 {
			return
		}
		first := entry(w, given[0].Conversation)
		lacks := func(skill string) bool { return !slices.Contains(rules.Skills[first.LastAgent], skill) }
		knows := func(a store.PresentAgent) bool { return a.Agent == first.LastAgent && a.Free > 0 }
		if slices.ContainsFunc(w.Agents, knows) && !slices.ContainsFunc(first.Skills, lacks) && given[0].Agent != first.LastAgent {
			t.Fatalf("%s knows the citizen and is free, but %s was asked", first.LastAgent, given[0].Agent)
		}
	})
}

func TestTheOrderInWhichRowsComeDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waitingOf(t)
		shuffled := store.Waiting{Now: w.Now, Queue: slices.Clone(w.Queue), Agents: slices.Clone(w.Agents)}
		slices.SortFunc(shuffled.Queue, func(a, b store.QueueEntry) int { return cmp.Compare(a.Conversation, b.Conversation) })
		slices.SortFunc(shuffled.Agents, func(a, b store.PresentAgent) int { return cmp.Compare(b.Agent, a.Agent) })
		for i, e := range shuffled.Queue {
			shuffled.Queue[i].Skills = slices.Sorted(slices.Values(e.Skills))
		}
		if diff := gocmp.Diff(rules.Choose(w), rules.Choose(shuffled)); diff != "" {
			t.Fatalf("two pods would answer differently:\n%s", diff)
		}
	})
}
