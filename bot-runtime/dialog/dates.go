package dialog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

var months = map[string]time.Month{
	"januari": 1, "jan": 1, "january": 1, "februari": 2, "pebruari": 2, "feb": 2, "february": 2, "maret": 3, "mar": 3, "march": 3, "april": 4, "apr": 4,
	"mei": 5, "may": 5, "juni": 6, "jun": 6, "june": 6, "juli": 7, "jul": 7, "july": 7, "agustus": 8, "agu": 8, "ags": 8, "agt": 8, "aug": 8, "august": 8,
	"september": 9, "sep": 9, "sept": 9, "oktober": 10, "okt": 10, "oct": 10, "october": 10, "november": 11, "nopember": 11, "nov": 11, "nop": 11,
	"desember": 12, "des": 12, "dec": 12, "december": 12,
}

// days from today, of what people say instead of a date.
var days = map[string]int{
	"hari ini": 0, "today": 0, "sekarang": 0, "skrg": 0, "skrng": 0, "now": 0, "barusan": 0, "tadi": 0, "tadi pagi": 0, "tadi siang": 0, "tadi sore": 0, "this morning": 0,
	"besok": 1, "bsk": 1, "besuk": 1, "tomorrow": 1, "lusa": 2, "besok lusa": 2, "day after tomorrow": 2,
	"kemarin": -1, "kmrn": -1, "kemaren": -1, "yesterday": -1, "semalam": -1, "tadi malam": -1, "last night": -1,
	"kemarin lusa": -2, "kemarin dulu": -2, "kemarin dulunya": -2, "day before yesterday": -2, "minggu lalu": -7, "seminggu lalu": -7, "last week": -7, "a week ago": -7,
}

// besideDates are words that people put around a date.
var besideDates = set("tanggal tgl pada tahun bulan bln on the of in at sekitar kira jam pagi siang sore malam ya kak min pak bu itu " +
	"senin selasa rabu kamis jumat sabtu ahad monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun hari")

// dateText reads 31-12-2026, 31/12/26, 2026-12-31, 31122026, "31 Desember 2026", "Dec 31st, 2026", "17 agustus", "kemarin",
// "3 hari lalu" and "tomorrow", as 2026-12-31. The day is first unless the year is, or only the other order makes a date.
func dateText(text string, today time.Time) (string, bool) {
	if len(text) > 120 {
		return "", false
	}
	folded := words.Fold(text)
	if n, ok := relativeDay(folded); ok {
		return today.AddDate(0, 0, n).Format(time.DateOnly), true
	}
	var numbers []string
	month := time.Month(0)
	monthAt := 0
	for f := range strings.FieldsSeq(folded) {
		if m, named := months[f]; named && month == 0 {
			month, monthAt = m, len(numbers)
			continue
		}
		if besideDates[f] || f == "minggu" {
			continue
		}
		for _, ordinal := range []string{"st", "nd", "rd", "th"} {
			if rest, ok := strings.CutSuffix(f, ordinal); ok && len(rest) <= 2 {
				f = rest
			}
		}
		if _, err := strconv.Atoi(f); err != nil {
			return "", false
		}
		numbers = append(numbers, f)
	}
	if len(numbers) == 1 && month == 0 && len(numbers[0]) == 8 {
		n := numbers[0]
		if d, ok := dayOf(n[:2], n[2:4], n[4:], today); ok {
			return d, true
		}
		return dayOf(n[6:], n[4:6], n[:4], today)
	}
	if month != 0 {
		numbers = slices.Insert(numbers, monthAt, strconv.Itoa(int(month)))
		if len(numbers) == 2 { // without a year: this one
			numbers = append(numbers, strconv.Itoa(today.Year()))
		}
	}
	if len(numbers) != 3 {
		return "", false
	}
	switch {
	case len(numbers[0]) == 4:
		numbers[0], numbers[2] = numbers[2], numbers[0]
	case month != 0 && monthAt == 0: // December 31, 2026
		numbers[0], numbers[1] = numbers[1], numbers[0]
	}
	if d, ok := dayOf(numbers[0], numbers[1], numbers[2], today); ok {
		return d, true
	}
	if month != 0 {
		return "", false
	}
	return dayOf(numbers[1], numbers[0], numbers[2], today)
}

// relativeDay reads "kemarin", "3 hari yang lalu", "two days ago", "in 2 days".
func relativeDay(folded string) (int, bool) {
	if n, ok := days[folded]; ok {
		return n, true
	}
	f := slices.DeleteFunc(strings.Fields(folded), func(w string) bool { return w == "yang" || w == "yg" || w == "ya" || w == "kak" })
	if n, ok := days[strings.Join(f, " ")]; ok {
		return n, true
	}
	sign := 0
	switch {
	case len(f) == 3 && (f[2] == "lalu" || f[2] == "ago"):
		sign = -1
	case len(f) == 3 && f[2] == "lagi":
		sign = 1
	case len(f) == 3 && f[0] == "in":
		sign, f = 1, f[1:]
	}
	if sign == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(f[0])
	if u, ok := units[f[0]]; ok {
		n, err = int(u), nil
	}
	if err != nil || n < 0 || n > 10_000 {
		return 0, false
	}
	switch f[1] {
	case "hari", "hr", "day", "days":
		return sign * n, true
	case "minggu", "mgg", "pekan", "week", "weeks":
		return sign * 7 * n, true
	}
	return 0, false
}

// dayOf makes a date of its numbers. Two digits of a year are the century's that does not lie over 10 years ahead.
func dayOf(day, month, year string, today time.Time) (string, bool) {
	d, err1 := strconv.Atoi(day)
	m, err2 := strconv.Atoi(month)
	y, err3 := strconv.Atoi(year)
	if err1 != nil || err2 != nil || err3 != nil || len(year) != 2 && len(year) != 4 {
		return "", false
	}
	if len(year) == 2 {
		y += 2000
		if y > today.Year()+10 {
			y -= 100
		}
	}
	date := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1900 || y > 2200 || date.Day() != d || date.Month() != time.Month(m) {
		return "", false
	}
	return date.Format(time.DateOnly), true
}

// today is the day of the message, where the tenant is.
func (s *stepper) today() time.Time {
	at := s.in.At // of a message: what waited for an hour is answered as of then
	if at.IsZero() {
		at = s.env.Now
	}
	return at.In(s.p.zone)
}
