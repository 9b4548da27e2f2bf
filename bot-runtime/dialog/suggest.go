package dialog

import (
	"fmt"
	"strconv"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// didYouMean gives `; did you mean "keluhan"?` for the nearest of known, or nothing when none is near: at most two thirds of
// a long name's letters may differ, half of a short one's. Of equals, one that begins alike is first.
func didYouMean(name string, known []string) string {
	best, bestScore := "", 0
	for _, k := range known {
		longer := max(len(k), len(name))
		d := words.Distance(name, k, longer)
		if k == name || 3*d > 2*longer || longer < 8 && 2*d > longer {
			continue
		}
		score := 2 * d
		if name != "" && k != "" && name[0] != k[0] {
			score++
		}
		if best == "" || score < bestScore || score == bestScore && k < best {
			best, bestScore = k, score
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

func quoted(s string) string {
	if len(s) > 80 {
		s = cut(s, 80) + "…"
	}
	return strconv.Quote(s)
}
