package words

import "unicode/utf8"

// Distance is the optimal string alignment distance (insert, delete, replace, swap of neighbours) of two texts in
// characters, or limit+1 when it is above limit.
func Distance(a, b string, limit int) int {
	if a == b {
		return 0
	}
	if isASCII(a) && isASCII(b) {
		return distance([]byte(a), []byte(b), limit)
	}
	return distance([]rune(a), []rune(b), limit)
}

// maxCompared bounds the texts that are compared; longer ones are as far as can be.
const maxCompared = 256

func distance[C byte | rune](a, b []C, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit || len(a) > maxCompared || len(b) > maxCompared {
		return limit + 1
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var rows [3][maxCompared + 1]int
	before, last, row := rows[0][:len(b)+1], rows[1][:len(b)+1], rows[2][:len(b)+1]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row[j] = d
			least = min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit+1)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// TypoBudget is how many edits a text of so many letters may be off and still be a typo: none under 4, 1 under 9, else 2.
func TypoBudget(letters int) int {
	switch {
	case letters < 4:
		return 0
	case letters < 9:
		return 1
	}
	return 2
}
