package intent

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func read(t testing.TB, file string) []Example {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []Example
	for line := range strings.Lines(string(body)) {
		if intent, text, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			all = append(all, Example{Text: text, Intent: intent})
		}
	}
	return all
}

// sure is the confidence that flows ask for when they do not say.
const sure = 0.5

// TestPeopleAreUnderstoodAsTheyType holds sentences with typos and short forms against the classifier that has not seen them.
// A wrong intent is worse than none: it leads a citizen where they do not want to go.
func TestPeopleAreUnderstoodAsTheyType(t *testing.T) {
	c := Train(read(t, "testdata/examples.txt"), nil)
	meant, right, unsure, wrong, none, taken := 0, 0, 0, 0, 0, 0
	for _, e := range read(t, "testdata/heldout.txt") {
		g := c.Classify(e.Text)
		said := fmt.Sprintf("%q is %s at %.2f, meant %s", e.Text, g.Intent, g.Confidence, e.Intent)
		switch {
		case e.Intent == "none":
			none++
			if g.Confidence >= sure {
				taken++
				t.Log("taken", said)
			}
		case g.Confidence < sure:
			meant++
			unsure++
			t.Log("unsure", said)
		case g.Intent != e.Intent:
			meant++
			wrong++
			t.Log("wrong", said)
		default:
			meant++
			right++
		}
	}
	t.Logf("of %d sentences %d right, %d unsure, %d wrong; of %d without an intent %d are taken for one", meant, right, unsure, wrong, none, taken)
	if right*100 < meant*80 || wrong > 1 || taken > 0 {
		t.Error("too many are not understood, or misunderstood")
	}
}

func TestTheSameExamplesGiveTheSameGuess(t *testing.T) {
	examples := read(t, "testdata/examples.txt")
	a, b := Train(examples, nil), Train(examples, nil)
	for _, e := range read(t, "testdata/heldout.txt") {
		if a.Classify(e.Text) != b.Classify(e.Text) {
			t.Errorf("%q: %+v and %+v", e.Text, a.Classify(e.Text), b.Classify(e.Text))
		}
	}
}

func TestAKeywordDecidesUnlessTwoAreNamed(t *testing.T) {
	c := Train(nil, []Keyword{{"SLIK", "slik"}, {"jam buka", "hours"}})
	for text, want := range map[string]string{"kak mau tanya slik dong": "slik", "jam buka hari sabtu": "hours", "slik jam buka": "", "buka jam": "", "": ""} {
		if g := c.Classify(text); g.Intent != want {
			t.Errorf("%q is %+v", text, g)
		}
	}
}

func TestEveryExampleIsHeldOutOnce(t *testing.T) {
	examples := read(t, "testdata/examples.txt")
	trials := HeldOut(examples, nil)
	right := 0
	for i, trial := range trials {
		if trial.Example != examples[i] {
			t.Fatalf("%d: %+v", i, trial)
		}
		if trial.Guess.Intent == trial.Example.Intent {
			right++
		}
	}
	t.Logf("%d of %d right", right, len(trials))
	if right == len(trials) || right < len(trials)/2 {
		t.Errorf("%d of %d held out are right: nothing is held out, or nothing is learned", right, len(trials))
	}
}

// The largest set that a flow may declare is trained in a time that a pod can spare.
func TestTheLargestSetIsBounded(t *testing.T) {
	var all []Example
	for i := range MaxExamples + 500 {
		all = append(all, Example{Text: fmt.Sprintf("saya ingin %d tentang topik%d dan hal%d yang panjang sekali ini", i, i%50, i%7), Intent: fmt.Sprint(i % 50)})
	}
	began := time.Now()
	c := Train(all, nil)
	t.Log(time.Since(began))
	if len(c.idf) > 60*MaxExamples {
		t.Errorf("%d features", len(c.idf))
	}
}

func FuzzClassify(f *testing.F) {
	c := Train(read(f, "testdata/examples.txt"), []Keyword{{"slik", "slik"}})
	for _, s := range []string{"", "\xff", "hati2 kak", "tolooooong", "2", "é́", strings.Repeat("a ", 400)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if g := c.Classify(s); !(g.Confidence >= 0 && g.Confidence <= 1) || (g.Intent == "" && g.Confidence > 0) {
			t.Fatalf("%q: %+v", s, g)
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	c := Train(read(b, "testdata/examples.txt"), nil)
	for b.Loop() {
		c.Classify("udh kirim uang tp orgnya ngilang")
	}
}

func BenchmarkTrain(b *testing.B) {
	examples := read(b, "testdata/examples.txt")
	for b.Loop() {
		Train(examples, nil)
	}
}
