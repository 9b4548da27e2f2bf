package dialog

import (
	"testing"

	"github.com/loket-dev/loket/bot-runtime/message"
)

// stars is the rating of a step, 0 without one.
func stars(r Result) int {
	if r.Rating == nil {
		return 0
	}
	return r.Rating.Score
}

const recommending = `
languages: [en]
start: survey
nodes:
- name: survey
  survey: {scale: nps, text: {en: "How likely are you to recommend us? Write a number from 0 to 10."}, thanks: {en: Thank you.}}
  next: over
- {name: over, end: {}}
`

func TestASurveyOfRecommendationsTakesZeroToTen(t *testing.T) {
	for said, want := range map[string]int{"0": 0, "9": 9, "10/10": 10, "score 7": 7, "nilai 10": 10} {
		f := &filling{T: t, program: compile(t, recommending)}
		f.writes("hello")
		if len(f.last.Say[0].Choices) != 0 {
			t.Error("ten numbers and one are more than can be tapped")
		}
		f.writes(said)
		if r := f.last.Rating; r == nil || r.Scale != "nps" || r.Score != want || !f.last.Ended {
			t.Errorf("%q: %+v, want %d", said, r, want)
		}
	}
	for _, said := range []string{"11", "ten of ten", "9 8", "I sent 5 messages"} {
		f := &filling{T: t, program: compile(t, recommending)}
		f.writes("hello")
		f.writes(said)
		if f.last.Rating != nil {
			t.Errorf("%q was taken for %+v", said, f.last.Rating)
		}
	}
	f := &filling{T: t, program: compile(t, recommending)}
	f.writes("hello")
	f.step(message.In{Kind: message.InChoice, ChoiceID: "survey/5", Text: "5 Very good"})
	if f.last.Rating != nil {
		t.Errorf("a tap of another scale was taken for %+v", f.last.Rating)
	}
}
