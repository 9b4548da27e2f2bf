package intent

import (
	"fmt"
	"testing"
)

// many makes 1,500 examples of 30 intents from those of the tests, which have few: each is said in other words each time.
func many(b testing.TB, n, intents int) []Example {
	base := read(b, "testdata/examples.txt")
	out := make([]Example, n)
	for i := range out {
		e := base[i%len(base)]
		out[i] = Example{Text: fmt.Sprintf("%s soal topik%d bagian%d dengan hal%d", e.Text, i%intents, i%97, i), Intent: fmt.Sprint("intent", i%intents)}
	}
	return out
}

// BenchmarkTrainMany is what the compiler pays for a flow of 1,500 examples.
func BenchmarkTrainMany(b *testing.B) {
	examples := many(b, 1500, 30)
	b.ReportAllocs()
	for b.Loop() {
		Train(examples, nil)
	}
}
