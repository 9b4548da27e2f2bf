package words

import "strings"

// Sound writes a folded word as it is pronounced in Indonesian: old spelling (oe, dj, tj, sj, nj, ch), informal letters
// (q, v, x, z), digits for letters, and repeated letters once. Two words of one sound are the same word to a reader.
func Sound(word string) string {
	var b strings.Builder
	b.Grow(len(word))
	letters := false
	for i := 0; i < len(word); i++ {
		if word[i] >= 'a' && word[i] <= 'z' {
			letters = true
			break
		}
	}
	old := oldSpelling(word) // there j alone is today's y
	last := byte(0)
	emit := func(c byte) {
		if c != last || !letters { // digits alone are a number: 11 is not 1
			b.WriteByte(c)
		}
		last = c
	}
	for i := 0; i < len(word); i++ {
		c := word[i]
		if letters {
			c = digitLetter(c)
		}
		next := byte(0)
		if i+1 < len(word) {
			next = word[i+1]
		}
		switch {
		case c == 'o' && next == 'e':
			emit('u')
			i++
		case c == 'd' && next == 'j':
			emit('j')
			i++
		case c == 't' && next == 'j':
			emit('c')
			i++
		case c == 's' && next == 'j':
			emit('s')
			emit('y')
			i++
		case c == 'n' && next == 'j' && i == 0:
			emit('n')
			emit('y')
			i++
		case c == 'k' && next == 'h', c == 'c' && next == 'k':
			emit('k')
			i++
		case c == 'p' && next == 'h':
			emit('f')
			i++
		case c == 'j' && old:
			emit('y')
		case c == 'q':
			emit('k')
		case c == 'v':
			emit('f')
		case c == 'x':
			emit('k')
			emit('s')
		case c == 'z':
			emit('s')
		default:
			emit(c)
		}
	}
	return b.String()
}

// oldSpelling says whether a word is written as before 1972.
func oldSpelling(word string) bool {
	for _, sign := range [...]string{"oe", "tj", "dj", "sj"} {
		if strings.Contains(word, sign) {
			return true
		}
	}
	return false
}

// digitLetter is the letter that a digit stands for inside a word of letters.
func digitLetter(c byte) byte {
	switch c {
	case '0':
		return 'o'
	case '1':
		return 'i'
	case '3':
		return 'e'
	case '4':
		return 'a'
	case '5':
		return 's'
	case '7':
		return 't'
	case '8':
		return 'b'
	}
	return c
}
