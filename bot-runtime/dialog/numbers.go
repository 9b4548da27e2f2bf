package dialog

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// maxNumber is the largest number that is taken: whole ones up to it are kept exactly.
const maxNumber = 1e15

var (
	grouped = regexp.MustCompile(`^-?[0-9]{1,3}([.,][0-9]{3})+$`)
	decimal = regexp.MustCompile(`^-?[0-9]{1,15}([.,][0-9]{1,6})?$`)
	mixedID = regexp.MustCompile(`^-?[0-9]{1,3}(\.[0-9]{3})+,[0-9]{1,6}$`)
	mixedEN = regexp.MustCompile(`^-?[0-9]{1,3}(,[0-9]{3})+\.[0-9]{1,6}$`)
)

var units = map[string]float64{
	"nol": 0, "kosong": 0, "zero": 0, "se": 1, "satu": 1, "one": 1, "dua": 2, "two": 2, "tiga": 3, "three": 3, "empat": 4, "four": 4, "lima": 5, "five": 5,
	"enam": 6, "six": 6, "tujuh": 7, "seven": 7, "delapan": 8, "eight": 8, "sembilan": 9, "nine": 9,
	"sepuluh": 10, "ten": 10, "sebelas": 11, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
	"eighty": 80, "ninety": 90,
}

var thousands = map[string]float64{
	"ribu": 1e3, "rb": 1e3, "rbu": 1e3, "k": 1e3, "thousand": 1e3, "juta": 1e6, "jt": 1e6, "jta": 1e6, "million": 1e6, "mio": 1e6,
	"miliar": 1e9, "milyar": 1e9, "m": 1e9, "billion": 1e9, "triliun": 1e12, "trilyun": 1e12, "trillion": 1e12,
}

// besideNumbers are words that people put around a number.
var besideNumbers = set("rp idr rupiah rph usd dollar dollars perak a an and dan sekitar sekitaran kira kurang lebih about around sebesar senilai hampir total totalnya orang tahun years year old kali")

// numberText reads 250000, 250.000, 250,000, 1.250,50, 1,250.50, "Rp 250.000,-", "2,5 juta", "2jt 500rb", "250k", "dua ratus ribu",
// "satu setengah juta" and "two hundred and fifty".
func numberText(text string) (string, bool) {
	if len(text) > 120 {
		return "", false
	}
	tokens := numberTokens(text)
	total, group, unit := 0.0, 0.0, 0.0 // what is done, what is below a thousand, and its last word
	ceiling := math.Inf(1)              // a multiplier is below the last
	known, literal := false, false
	for i, t := range tokens {
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		value, isUnit := units[t]
		factor, isFactor := thousands[t]
		switch {
		case isUnit:
			if literal || unit != 0 && !(unit >= 20 && value < 10) {
				return "", false
			}
			unit += value
			known = true
		case t == "belas" && unit >= 2 && unit <= 9:
			unit += 10
		case t == "puluh" && unit >= 1 && unit <= 9:
			group, unit = group+unit*10, 0
		case t == "ratus" || t == "hundred":
			if literal || group != 0 {
				return "", false
			}
			group, unit = math.Max(unit, 1)*100, 0
			known = true
		case t == "setengah" || t == "half":
			group, unit = group+unit+0.5, 0
			known = true
		case isFactor && (known || literal):
			if factor >= ceiling {
				return "", false
			}
			ceiling = factor
			total, group, unit, literal = total+(group+unit)*factor, 0, 0, false
		case besideNumbers[t]:
		default:
			f, ok := literalNumber(t, thousands[next] > 0)
			if !ok || literal || group != 0 || unit != 0 {
				return "", false
			}
			group, literal, known = f, true, true
		}
	}
	total += group + unit
	if !known || math.Abs(total) > maxNumber {
		return "", false
	}
	return strconv.FormatFloat(math.Round(total*1e6)/1e6, 'f', -1, 64), true
}

// numberTokens parts digits from letters, and se- from what it counts: "Rp2jt" is rp, 2, jt; "seratus" is se, ratus.
func numberTokens(text string) []string {
	var out []string
	for _, f := range strings.Fields(strings.ToLower(text)) {
		f = strings.TrimLeft(strings.TrimRight(f, ".,-;!?)"), "($€£±~")
		start := 0
		letters := func(r rune) bool { return unicode.IsLetter(r) }
		var last rune
		for i, r := range f {
			if i > 0 && letters(r) != letters(last) && (letters(r) || r == '-' || unicode.IsDigit(r)) {
				out = append(out, f[start:i])
				start = i
			}
			last = r
		}
		out = append(out, f[start:])
	}
	var all []string
	for _, t := range out {
		t = strings.Trim(t, ".,")
		rest, counted := strings.CutPrefix(t, "se")
		switch {
		case t == "":
		case counted && (rest == "ratus" || thousands[rest] > 0 && len(rest) > 2):
			all = append(all, "se", rest)
		default:
			all = append(all, t)
		}
	}
	return all
}

// literalNumber reads digits. Before a multiplier one point or comma is that of a decimal: 2.500 juta is two and a half.
func literalNumber(t string, multiplied bool) (float64, bool) {
	switch {
	case grouped.MatchString(t) && !(multiplied && strings.Count(t, ".")+strings.Count(t, ",") == 1):
		t = strings.NewReplacer(".", "", ",", "").Replace(t)
	case mixedID.MatchString(t):
		t = strings.Replace(strings.ReplaceAll(t, ".", ""), ",", ".", 1)
	case mixedEN.MatchString(t):
		t = strings.ReplaceAll(t, ",", "")
	case decimal.MatchString(t):
		t = strings.Replace(t, ",", ".", 1)
	default:
		return 0, false
	}
	f, err := strconv.ParseFloat(t, 64)
	return f, err == nil
}
