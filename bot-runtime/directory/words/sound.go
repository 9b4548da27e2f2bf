package words

// AppendSound appends to dst how a folded word is pronounced in Indonesian: old spelling (oe, dj, tj, sj), informal letters
// (q, v, z), letters that are not heard (dh, kh, th), and repeated letters once. Two words of one sound are the same word to a
// reader. Today's y and the old j are one letter here, because old spelling writes y as j.
//
// With leet, digits inside a word of letters stand for the letter that they look like, but never fall together with the
// letter beside them: "cahaya4" is not "cahaya".
func AppendSound(dst []byte, word string, leet bool) []byte {
	letters := HasLetter(word)
	start := len(dst)
	digitBefore := false
	for i := 0; i < len(word); i++ {
		c, digit := word[i], false
		if letters && leet && c >= '0' && c <= '9' {
			c, digit = looksLike[c-'0'][0], true
		}
		next := byte(0)
		if i+1 < len(word) {
			next = word[i+1]
		}
		if next == c && c >= 'a' && c <= 'z' && !digit {
			continue // the last of them is heard, with what follows
		}
		first := i
		switch {
		case c == 'o' && next == 'e':
			c = 'u'
			i++
		case (c == 'd' || c == 's') && next == 'j' || c == 's' && (next == 'y' || next == 'h'):
			if c == 's' {
				dst = appendHeard(dst, start, 's', letters && !digitBefore)
			}
			c = 'j'
			i++
		case (c == 't' || c == 'c') && next == 'j', c == 'c' && next == 'h':
			c = 'c'
			i++
		case c == 'p' && next == 'h':
			c = 'f'
			i++
		case c == 'c' && next == 'k':
			c = 'k'
			i++
		case next == 'h' && (c == 'k' || c == 'd' || c == 'b' || c == 'g' || c == 't'):
			i++
		case c == 'x':
			dst = appendHeard(dst, start, 'k', letters && !digitBefore)
			c = 's'
		default:
			c = Class(c)
		}
		for i > first && i+1 < len(word) && word[i+1] == word[i] {
			i++
		}
		dst = appendHeard(dst, start, c, letters && !digit && !digitBefore)
		digitBefore = digit
	}
	return dst
}

// appendHeard appends a letter once, however often it is repeated. Digits alone are a number: 11 is not 1.
func appendHeard(dst []byte, start int, c byte, once bool) []byte {
	if n := len(dst); once && n > start && dst[n-1] == c && (c < '0' || c > '9') {
		return dst
	}
	return append(dst, c)
}

// Sound is AppendSound for one word without digits for letters.
func Sound(word string) string { return string(AppendSound(nil, word, false)) }

// Class is the letter that stands for all that sound like it; it is what typos are counted in.
func Class(c byte) byte {
	switch c {
	case 'y':
		return 'j'
	case 'v':
		return 'f'
	case 'q':
		return 'k'
	case 'z':
		return 's'
	}
	return c
}

// looksLike are the letters that a digit is written for.
var looksLike = [10]string{"o", "il", "zs", "e", "a", "s", "gb", "tj", "b", "gp"}

// DigitFor says whether a digit is written for a letter.
func DigitFor(digit, letter byte) bool {
	if digit < '0' || digit > '9' {
		return false
	}
	s := looksLike[digit-'0']
	return s[0] == letter || len(s) > 1 && s[1] == letter
}

// HasLetter says whether a folded word has a letter.
func HasLetter(word string) bool {
	for i := 0; i < len(word); i++ {
		if word[i] < '0' || word[i] > '9' {
			return true
		}
	}
	return false
}

// HasDigit says whether a folded word has a digit.
func HasDigit(word string) bool {
	for i := 0; i < len(word); i++ {
		if word[i] >= '0' && word[i] <= '9' {
			return true
		}
	}
	return false
}

// LetterFor is the letter that a digit is mostly written for.
func LetterFor(digit byte) byte { return looksLike[digit-'0'][0] }

// LettersFor are the letters that a digit may be written for.
func LettersFor(digit byte) string { return looksLike[digit-'0'] }
