package intent

// Trial is one sentence that a classifier was tried on which had not seen it.
type Trial struct {
	Example
	Guess
}

// folds is into how many parts the examples are split: each is held out once while the others train.
const folds = 5

// HeldOut tries every example on a classifier that was trained without it, in five parts. Each intent is spread over all parts.
func HeldOut(examples []Example, keywords []Keyword) []Trial {
	if len(examples) > MaxExamples {
		examples = examples[:MaxExamples]
	}
	nth := map[string]int{}
	part := make([]int, len(examples))
	for i, e := range examples {
		part[i] = nth[e.Intent] % folds
		nth[e.Intent]++
	}
	trials := make([]Trial, len(examples))
	for k := range folds {
		var rest []Example
		for i, e := range examples {
			if part[i] != k {
				rest = append(rest, e)
			}
		}
		c := Train(rest, keywords)
		for i, e := range examples {
			if part[i] == k {
				trials[i] = Trial{e, c.Classify(e.Text)}
			}
		}
	}
	return trials
}
