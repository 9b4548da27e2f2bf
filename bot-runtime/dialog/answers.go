package dialog

import (
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// answered checks an answer to an ask and keeps it. A validation whose expression fails holds: nobody is kept waiting by it.
func (s *stepper) answered(n *node, text string) {
	value, ok := normalise(n.ask.kind, text)
	if ok && n.ask.valid != nil {
		s.scope.input.text = value
		v, err := n.ask.valid.eval(&s.scope)
		s.scope.input.text = text
		if err != nil {
			s.problem(err)
		}
		ok = err != nil || v == true
	}
	if ok {
		if n.ask.number {
			f, _ := strconv.ParseFloat(value, 64)
			s.state.set(n.ask.as, f)
		} else {
			s.state.set(n.ask.as, s.bounded(n.ask.as, value))
		}
		s.run(n.next)
		return
	}
	if n.ask.fault != nil {
		s.say(s.text(n.ask.fault))
	} else {
		s.say(own(s.language()).invalid[n.ask.kind])
	}
	s.state.Retries++
	if s.state.Retries <= n.ask.retries {
		s.result.Visited = append(s.result.Visited, n.name)
		return
	}
	if n.otherwise != none {
		s.pending = "" // the other way says what it has to
		s.run(n.otherwise)
		return
	}
	s.run(s.p.index[n.name])
}

// normalise gives an answer in one form: numbers with a point, dates as 2026-12-31, phones as +62…, e-mail as typed.
func normalise(kind v1alpha1.AskType, text string) (string, bool) {
	switch kind {
	case v1alpha1.AskNumber:
		return numberText(text)
	case v1alpha1.AskDate:
		return dateText(text)
	case v1alpha1.AskEmail:
		a, err := mail.ParseAddress(text)
		if err != nil || !strings.Contains(a.Address[strings.LastIndexByte(a.Address, '@')+1:], ".") {
			return "", false
		}
		return a.Address, true
	case v1alpha1.AskPhone:
		return phoneText(text)
	}
	return text, text != ""
}

var (
	grouped  = regexp.MustCompile(`^-?[0-9]{1,3}([.,][0-9]{3})+$`)
	decimal  = regexp.MustCompile(`^-?[0-9]{1,15}([.,][0-9]{1,6})?$`)
	mixedID  = regexp.MustCompile(`^-?[0-9]{1,3}(\.[0-9]{3})+,[0-9]{1,6}$`)
	currency = regexp.MustCompile(`(?i)^(rp\.?|idr)\s*`)
)

// numberText reads 250000, 250.000, 250,000, 1.250,50, "Rp 250.000", "2 juta".
func numberText(text string) (string, bool) {
	text = currency.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
	factor := 1.0
	for suffix, f := range map[string]float64{"ribu": 1e3, "rb": 1e3, "juta": 1e6, "jt": 1e6, "miliar": 1e9, "milyar": 1e9} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, factor = strings.TrimSpace(rest), f
			break
		}
	}
	switch {
	case len(text) > 24:
		return "", false
	case grouped.MatchString(text) && factor == 1:
		text = strings.NewReplacer(".", "", ",", "").Replace(text)
	case mixedID.MatchString(text):
		text = strings.Replace(strings.ReplaceAll(text, ".", ""), ",", ".", 1)
	case decimal.MatchString(text):
		text = strings.Replace(text, ",", ".", 1)
	default:
		return "", false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", false
	}
	return strconv.FormatFloat(f*factor, 'f', -1, 64), true
}

var months = map[string]time.Month{
	"januari": 1, "jan": 1, "january": 1, "februari": 2, "feb": 2, "february": 2, "maret": 3, "mar": 3, "march": 3, "april": 4, "apr": 4,
	"mei": 5, "may": 5, "juni": 6, "jun": 6, "june": 6, "juli": 7, "jul": 7, "july": 7, "agustus": 8, "agu": 8, "ags": 8, "aug": 8, "august": 8,
	"september": 9, "sep": 9, "sept": 9, "oktober": 10, "okt": 10, "oct": 10, "october": 10, "november": 11, "nov": 11, "desember": 12,
	"des": 12, "dec": 12, "december": 12,
}

// dateText reads 31-12-2026, 31/12/26, 2026-12-31 and "31 Desember 2026": the day is first unless the year is.
func dateText(text string) (string, bool) {
	f := strings.Fields(words.Fold(text))
	if len(f) != 3 {
		return "", false
	}
	if len(f[0]) == 4 {
		f[0], f[2] = f[2], f[0]
	}
	day, err1 := strconv.Atoi(f[0])
	year, err2 := strconv.Atoi(f[2])
	month, named := months[f[1]]
	if !named {
		m, err := strconv.Atoi(f[1])
		if err != nil {
			return "", false
		}
		month = time.Month(m)
	}
	if err1 != nil || err2 != nil {
		return "", false
	}
	if year < 100 {
		year += 2000
	}
	d := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if year < 1900 || year > 2200 || d.Day() != day || d.Month() != month {
		return "", false
	}
	return d.Format(time.DateOnly), true
}

// phoneText reads a number with country code, or one of Indonesia.
func phoneText(text string) (string, bool) {
	plus := strings.HasPrefix(strings.TrimSpace(text), "+")
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune(" -.()+", r):
			return "", false
		}
	}
	d := b.String()
	switch {
	case plus, strings.HasPrefix(d, "62"):
	case strings.HasPrefix(d, "0"):
		d = "62" + d[1:]
	case strings.HasPrefix(d, "8"):
		d = "62" + d
	default:
		return "", false
	}
	if len(d) < 8 || len(d) > 15 {
		return "", false
	}
	return "+" + d, true
}

// survey asks for a rating and sets the timer that ends the waiting.
func (s *stepper) survey(n *node) {
	s.state.Node = n.name
	s.state.Generation++
	s.result.Timers = append(s.result.Timers, Timer{Name: surveyTimer, Generation: s.state.Generation, DueIn: surveyWait})
	s.withChoices(s.text(n.text), ratings(n, s.language()))
}

// ratings are the five choices, 1 first: where a channel numbers them, the number is the rating.
func ratings(n *node, language string) []message.Choice {
	out := make([]message.Choice, 5)
	for i := range out {
		out[i] = message.Choice{ID: n.name + "/" + strconv.Itoa(i+1), Title: own(language).ratings[i]}
	}
	return out
}

// rated reads a typed rating. Thanks alone are taken as the end of it; anything else begins a new enquiry.
func (s *stepper) rated(n *node, text, folded string) {
	if score := scoreOf(folded); score > 0 {
		s.rate(s.p.index[n.name], score)
		return
	}
	if words.OnlyCourtesy(folded) {
		s.say(s.text(n.thanks))
		s.run(n.next)
		return
	}
	s.leave()
	s.state.Node = ""
	s.begin(text, folded)
}

// rate takes a rating. One tapped after the survey has ended still counts, and changes nothing else.
func (s *stepper) rate(i, score int) {
	n := &s.p.nodes[i]
	s.result.Rating = score
	s.result.Visited = append(s.result.Visited, n.name)
	s.say(s.text(n.thanks))
	if s.waiting() == i {
		s.run(n.next)
	}
}

var scoreWords = map[string]int{"satu": 1, "one": 1, "dua": 2, "two": 2, "tiga": 3, "three": 3, "empat": 4, "four": 4, "lima": 5, "five": 5}

// scoreOf reads "5", "5/5", "bintang 4", "lima", "5 sangat puas", or five stars.
func scoreOf(folded string) int {
	fields := strings.Fields(folded)
	if len(fields) == 0 || len(fields) > 4 {
		return 0
	}
	if fields[0] == "bintang" || fields[0] == "nilai" || fields[0] == "rating" || fields[0] == "score" {
		fields = fields[1:]
	}
	if len(fields) > 0 {
		if k, err := strconv.Atoi(fields[0]); err == nil && k >= 1 && k <= 5 && (len(fields) == 1 || !bareNumber(fields[1]) || fields[1] == "5") {
			return k
		}
		if k := scoreWords[fields[0]]; k > 0 && len(fields) <= 2 {
			return k
		}
	}
	for _, b := range builtins {
		for k, title := range b.ratings {
			if words.Fold(title)[2:] == folded {
				return k + 1
			}
		}
	}
	return 0
}
