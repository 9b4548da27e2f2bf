package directory

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

var (
	phonePattern = regexp.MustCompile(`(?:\(?\+ ?|\(|\b)[0-9][0-9 ().\p{Pd}]{5,20}[0-9]`)
	// a licence number has digits and at least one slash or hyphen between parts, such as KEP-12/D.05/2021.
	licencePattern = regexp.MustCompile(`(?i)\b[a-z]{1,6}[\p{Pd}./ ]?[0-9]{1,10}(?:[\p{Pd}./][a-z0-9]{1,10}){1,6}\b`)
	// an extension stands directly behind its number
	extensionPattern = regexp.MustCompile(`(?i)^[ ,]{0,2}\(?(?:ext|ekst|extension|ekstensi|pesawat|psw)\b[.:]? ?[0-9]{1,5}\b\)?`)
	moneyPattern     = regexp.MustCompile(`(?i)\b(?:rp|idr)\.? ?[0-9][0-9.,]*(?: ?(?:juta|jt|ribu|rb|miliar|milyar))?\b|\b[0-9][0-9.,]* ?(?:juta|jt|ribu|rb|miliar|milyar)(?:an)?\b`)
)

// withoutMoney drops amounts: "5 juta" is no part of a name.
func withoutMoney(text string) string {
	if !strings.ContainsAny(text, "0123456789") {
		return text
	}
	return moneyPattern.ReplaceAllString(text, " ")
}

// phoneOf gives the digits of a number within Indonesia, without 0 or +62 in front; of a number of another country all of them,
// behind a plus. Fewer than five digits are none.
func phoneOf(s string) string {
	var buf [32]byte
	d := buf[:0]
	for i := 0; i < len(s) && len(d) < len(buf); i++ {
		if isDigit(s[i]) {
			d = append(d, s[i])
		}
	}
	v := string(d)
	abroad := strings.HasPrefix(strings.TrimLeft(s, "( "), "+")
	if rest, ok := strings.CutPrefix(v, "00"); ok && !abroad {
		v, abroad = rest, true
	}
	const home = "62"
	switch {
	case strings.HasPrefix(v, home) && (abroad || len(v) >= 9):
		v, abroad = v[len(home):], false
		fallthrough // +62 (0)21 is written, too
	case !abroad:
		v = strings.TrimPrefix(v, "0")
	}
	if len(v) < 5 {
		return ""
	}
	if abroad {
		return "+" + v
	}
	return v
}

// phoneIn says whether digits in a text are meant as a phone number: they are one, or they begin as one.
func (x *Index) phoneIn(s string) string {
	v := phoneOf(s)
	if v == "" || len(v) > 15 {
		return ""
	}
	lead := strings.TrimLeft(s, "(+ ")
	begins := strings.HasPrefix(s, "+") || strings.HasPrefix(s, "(") || lead[0] == '0' || strings.HasPrefix(lead, "62") || lead[0] == '8'
	if begins && len(v) >= 7 || len(x.listing(fieldPhone, v)) > 0 {
		return v
	}
	return ""
}

// licenceOf drops everything but letters and digits, and keeps where two runs of digits were parted: "KEP-1/12" and "KEP-11/2"
// are two numbers.
func licenceOf(s string) string {
	var b strings.Builder
	last, parted := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if !isDigit(c) && (c < 'a' || c > 'z') {
			parted = true
			continue
		}
		if parted && isDigit(c) && isDigit(last) {
			b.WriteByte('.')
		}
		b.WriteByte(c)
		last, parted = c, false
	}
	return b.String()
}

// joinedLicence is a licence number as one run, which it is found by.
func joinedLicence(v string) string { return strings.ReplaceAll(v, ".", "") }

// sameLicence: what was asked may run digits together, but parts them nowhere else than the listed number does.
func sameLicence(listed, asked string) bool {
	for asked != "" {
		switch {
		case listed == "":
			return false
		case listed[0] == asked[0]:
			listed, asked = listed[1:], asked[1:]
		case listed[0] == '.':
			listed = listed[1:]
		default:
			return false
		}
	}
	return listed == ""
}

// maxShapes of licence numbers are known: a data set has a few.
const maxShapes = 512

// shapeOf is how a licence number is built: "KEP-12/D.05/2021" is "a-9/a.9/9". One of digits alone keeps how many; short ones
// have no shape.
func shapeOf(s string) string {
	var b strings.Builder
	digits, runs := 0, 0
	last := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isDigit(c):
			digits++
			c = '9'
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			c = 'a'
		case c >= 128, c == ' ':
			return ""
		}
		if c != last || c != '9' && c != 'a' {
			b.WriteByte(c)
			runs++
		}
		last = c
	}
	switch {
	case digits < 3 || len(s) < 5:
		return ""
	case runs == 1:
		if digits < 6 {
			return ""
		}
		return "9:" + strconv.Itoa(digits)
	case runs == 2 && digits < 4: // "mekar123"
		return ""
	}
	return b.String()
}

// licenceIn says whether a piece of text is meant as a licence number: it is one, or it is written as one (a slash, digits).
func (x *Index) licenceIn(s string) string {
	v := licenceOf(s)
	if len(x.listing(fieldLicence, v)) > 0 {
		return v
	}
	if strings.Contains(s, "/") && len(v) >= 6 {
		return v
	}
	if _, ok := x.shapes[shapeOf(s)]; ok {
		return v
	}
	return ""
}

// knownLicences finds licence numbers however they are written, by what the data set has: up to six words joined, or one word
// that is built as they are.
func (x *Index) knownLicences(text string, found *[]identifier) (rest string, cut bool) {
	if len(x.shapes) == 0 {
		return text, false
	}
	fields := strings.Fields(text)
	i := 0
	for ; i < len(fields) && i < maxWords && len(*found) < maxIdentifiers; i++ {
		taken := 0
		for j := i; j < len(fields) && j < i+6; j++ {
			written := strings.Join(fields[i:j+1], " ")
			v := licenceOf(written)
			if len(v) < 4 || len(v) > 64 || !words.HasDigit(v) {
				continue
			}
			if owners := x.listing(fieldLicence, v); len(owners) > 0 {
				*found = append(*found, identifier{field: fieldLicence, text: written, value: v, entries: owners})
				taken = j + 1 - i
				break
			}
		}
		if taken == 0 {
			bare := strings.Trim(fields[i], ".,;:!?()\"'")
			if _, ok := x.shapes[shapeOf(bare)]; ok {
				*found = append(*found, identifier{field: fieldLicence, text: bare, value: licenceOf(bare)})
				taken = 1
			}
		}
		if taken > 0 {
			fields = slices.Delete(fields, i, i+taken)
			i--
		}
	}
	return strings.Join(fields, " "), i < len(fields)
}
