package lookup

import (
	"slices"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

// The bounds are those of the full measurement (hack/bench/bounds.yaml), with the room that a small sample needs.
func TestTheLookUpHoldsItsBarsOnASmallSample(t *testing.T) {
	c := Generate(3000, 5)
	if c.Neighbours < 0.05 {
		t.Errorf("only %.3f of the names have a neighbour", c.Neighbours)
	}
	queries := c.Queries(25, 5)
	answers := Ask(directory.FromEntries(c.Entries), queries)
	figures := map[string]float64{}
	for _, f := range Figures(c.Score(queries, answers), Cost{}) {
		figures[f.Name] = f.Value
	}
	for name, least := range map[string]float64{"right first": 99, "called licensed and right": 97.5, "fakes warned of": 95, "illegal warned of": 98, "right first, worst kind": 84} {
		if figures[name] < least {
			t.Errorf("%s: %.2f, at least %.2f", name, figures[name], least)
		}
	}
	for name, most := range map[string]float64{"licensed but wrong": 0.2, "typos called exact": 0, "fakes called licensed": 0.1, "illegal called licensed": 0, "absent called licensed": 0.5,
		"alarms on plain talk": 10, "added word called licensed": 0, "foreign identifier called licensed": 0} {
		if figures[name] > most {
			t.Errorf("%s: %.2f, at most %.2f", name, figures[name], most)
		}
	}
	if t.Failed() {
		for i, q := range queries {
			if a := answers[i]; q.Class == Fake && called(a.Outcome) || q.Class == Absent && called(a.Outcome) || q.Class == Genuine && a.ID != q.ID {
				t.Logf("%s: %q is %s %s", q.Kind, q.Q, a.Outcome, a.ID)
			}
		}
	}
}

func TestThereAreAtLeastThirtyKindsOfQuestion(t *testing.T) {
	c := Generate(2000, 6)
	asked := map[string]Class{}
	for _, q := range c.Queries(3, 6) {
		asked[q.Kind] = q.Class
	}
	for _, k := range kindsOfQuery {
		if asked[k.name] == "" {
			t.Errorf("nothing was asked by %q", k.name)
		}
	}
	if len(asked) < 30 {
		t.Errorf("only %d kinds", len(asked))
	}
}

func TestAHostThatAnotherHasIsNoFake(t *testing.T) {
	c := &Corpus{Entries: []directory.Entry{{ID: "a", Name: "Penpa", Sites: []string{"https://www.penpa.net"}}, {ID: "b", Name: "Penja", Sites: []string{"Penja.net"}}}}
	c.prepare()
	for host, fair := range map[string]bool{"penja.net": false, "penka.net": true, "penja.net.top": true} {
		if got := c.fair(kind{class: Fake, foreign: true}, 0, host); got != fair {
			t.Errorf("%s as a fake of penpa.net is fair: %v", host, got)
		}
	}
}

func TestAnUnfairQuestionIsThrownAway(t *testing.T) {
	c := &Corpus{Entries: []directory.Entry{{ID: "a", Name: "PT Dana Mekar Jaya"}, {ID: "b", Name: "PT Dana Mekar Sentosa"}, {ID: "c", Name: "Bank Sinar Padi"}}}
	c.prepare()
	for text, by := range map[string]int{"dana mekar jaya": 0, "sinar padi": 2, "bank snar padi": 2} {
		if c.claimed(text, by) {
			t.Errorf("%q is thrown away", text)
		}
		if !c.claimed(text) {
			t.Errorf("nobody claims %q", text)
		}
	}
	if !c.claimed("dana mekar", 0) {
		t.Error(`"dana mekar" is taken for fair: two names have it`)
	}
}

func TestOneSeedMakesOneListAndOneSetOfQuestions(t *testing.T) {
	of := func() ([]string, []Query) {
		c := Generate(500, 3)
		var names []string
		for _, e := range c.Entries {
			names = append(names, e.Name)
		}
		return names, c.Queries(2, 3)
	}
	names, queries := of()
	again, asked := of()
	if !slices.Equal(names, again) {
		t.Error("the lists differ")
	}
	for i := range queries {
		if queries[i] != asked[i] {
			t.Fatalf("question %d differs: %q and %q", i, queries[i].Q, asked[i].Q)
		}
	}
}

func TestABankOfManyBranchesIsOneEntryOfTheRealList(t *testing.T) {
	c, err := readBanks([]byte(`const indonesia = [{"SWIFT Code": "A1", "Bank Name": "PT. BANK MEKAR, TBK"}, {"SWIFT Code": "A2", "Bank Name": "PT. BANK MEKAR, TBK"},
		{"SWIFT Code": "B1", "Bank Name": "BANK PADI"}]
module.exports = indonesia`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Entries) != 2 || c.Entries[0].ID != "A1" || c.Entries[1].Name != "BANK PADI" {
		t.Errorf("the entries are %+v", c.Entries)
	}
	for _, bad := range []string{"", "]x[", "const a = [1]", `[{"Bank Name": `} {
		if _, err := readBanks([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a list", bad)
		}
	}
}

func TestAQuestionIsUnfairThatANameWithItsNumberLeftOutOrItsWordsJoinedOtherwiseCouldClaim(t *testing.T) {
	c := &Corpus{Entries: []directory.Entry{{ID: "a", Name: "Bank Padi"}, {ID: "b", Name: "Bank Sinar Wangi Padi 1906"}, {ID: "c", Name: "Bank Teduh Padi"}}}
	c.prepare()
	for _, text := range []string{"bank padi sinar", "bankpadi teduh"} {
		if !c.claimed(text, 0) {
			t.Errorf("%q is taken for fair", text)
		}
	}
}
