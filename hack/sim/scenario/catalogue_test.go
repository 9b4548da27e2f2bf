package scenario_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/loket-dev/loket/hack/sim/scenario"
)

func TestThePageListsTheScenariosThatThereAre(t *testing.T) {
	page, err := os.ReadFile("../../../docs/chaos.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, known []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([a-z]+) \\|").FindAllSubmatch(page, -1) {
		listed = append(listed, string(row[1])+" on a "+string(row[2]))
	}
	for _, s := range scenario.Catalogue {
		known = append(known, s.Name+" on a "+s.Where)
	}
	if !slices.Equal(listed, known) {
		t.Errorf("docs/chaos.md lists\n%q, the catalogue is\n%q", listed, known)
	}
}

func TestAScenarioThatIsMissingOrUnknownIsNamed(t *testing.T) {
	here := map[string]bool{}
	for _, s := range scenario.At(scenario.Cluster) {
		here[s.Name] = true
	}
	if err := scenario.Match(scenario.Cluster, here); err != nil {
		t.Error(err)
	}
	delete(here, "pods-killed")
	if scenario.Match(scenario.Cluster, here) == nil {
		t.Error("a scenario is missing, and nobody says so")
	}
	here["pods-killd"] = true
	if scenario.Match(scenario.Cluster, here) == nil {
		t.Error("a scenario has another name, and nobody says so")
	}
}
