package admission

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean names the known word nearest to what was written, or nothing when none is near: at most a third of it may differ.
func didYouMean(written string, known []string) string {
	best, distance := "", len(written)/3+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := edits(strings.ToLower(written), strings.ToLower(k)); d < distance || (d == distance && best == "") {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// edits is how many letters must be put in, taken out or changed to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
