package directory

import "github.com/loket-dev/loket/bot-runtime/directory/words"

// typed is how many letters a typed text is off from a listed one (optimal string alignment), or limit+1 when it is more. A
// digit for the letter that it looks like is no edit; any other digit that one of the two has not is beyond every limit: 21
// is no typo of 31, nor "jaya8" of "jaya".
func typed[A, B string | []byte](asked A, listed B, limit int) int {
	for len(asked) > 0 && len(listed) > 0 && asked[0] == listed[0] {
		asked, listed = asked[1:], listed[1:]
	}
	for len(asked) > 0 && len(listed) > 0 && asked[len(asked)-1] == listed[len(listed)-1] {
		asked, listed = asked[:len(asked)-1], listed[:len(listed)-1]
	}
	n, m := len(asked), len(listed)
	if n-m > limit || m-n > limit || m > maxTyped || n > maxTyped {
		return limit + 1
	}
	if n == 0 && m == 0 {
		return 0
	}
	// Only cells within limit of the diagonal can stay within it; those beside them count as beyond.
	var rows [3][maxTyped + 2]uint8
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := 1; j <= min(m, limit+1); j++ {
		last[j] = plus(last[j-1], isDigit(listed[j-1]))
	}
	last[min(m, limit)+1] = beyond
	for i := 1; i <= n; i++ {
		a := asked[i-1]
		lo, hi := max(1, i-limit), min(m, i+limit)
		row[lo-1] = beyond
		if lo == 1 && i <= limit {
			row[0] = plus(last[0], isDigit(a))
		}
		least := row[lo-1]
		for j := lo; j <= hi; j++ {
			b := listed[j-1]
			d := last[j-1]
			if a != b && !words.DigitFor(a, b) {
				d = plus(d, isDigit(a) || isDigit(b))
				if i > 1 && j > 1 && a == listed[j-2] && asked[i-2] == b {
					d = min(d, plus(before[j-2], isDigit(a) || isDigit(b)))
				}
			}
			d = min(d, plus(last[j], isDigit(a)), plus(row[j-1], isDigit(b)))
			row[j] = d
			least = min(least, d)
		}
		row[hi+1] = beyond
		if int(least) > limit && i > 1 {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return min(int(last[m]), limit+1)
}

const (
	maxTyped = 128 // bytes
	beyond   = 100
)

func plus(d uint8, digit bool) uint8 {
	if digit || d >= beyond {
		return beyond
	}
	return d + 1
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
