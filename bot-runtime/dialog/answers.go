package dialog

import (
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"github.com/loket-dev/loket/bot-runtime/message"
)

// question puts an ask's question, with what can be tapped.
func (s *stepper) question(n *node) {
	if len(n.options) == 0 {
		s.say(s.text(n.text))
		s.wanted = n.ask.wants()
		return
	}
	s.withChoices(s.text(n.text), s.choices(n))
}

// answered checks a typed answer to an ask and keeps it.
func (s *stepper) answered(n *node, text string) {
	value, ok := s.normalise(n, text)
	s.answer(n, value, ok)
}

// answer keeps the value that an ask was answered with, or asks again. A validation whose expression fails holds: nobody is
// kept waiting by it.
func (s *stepper) answer(n *node, value string, ok bool) {
	if ok && s.holds(n, value) {
		s.keep(n, value)
		s.run(n.next)
		return
	}
	s.state.Retries++
	if s.state.Retries <= n.ask.retries {
		s.result.Visited = append(s.result.Visited, n.name)
		s.withChoices(s.fault(n), s.choices(n))
		return
	}
	s.say(s.fault(n))
	if n.otherwise != none {
		s.pending = "" // the other way says what it has to
		s.run(n.otherwise)
		return
	}
	s.run(s.p.index[n.name])
}

// holds says whether an answer keeps the question's rules.
func (s *stepper) holds(n *node, value string) bool {
	for _, rule := range []*expression{n.ask.rule, n.ask.valid} {
		if rule == nil {
			continue
		}
		typed := s.scope.input.text
		s.scope.input.text = value
		v, err := rule.eval(&s.scope)
		s.scope.input.text = typed
		if err != nil {
			s.problem(err)
		}
		if err == nil && v != true {
			return false
		}
	}
	return true
}

// keep puts an answer into the question's variable.
func (s *stepper) keep(n *node, value string) {
	switch n.ask.variable {
	case v1alpha1.VariableNumber:
		f, _ := strconv.ParseFloat(value, 64)
		s.set(n.ask.as, f)
	case v1alpha1.VariableBool:
		s.set(n.ask.as, value == yes)
	default:
		s.set(n.ask.as, s.bounded(n.ask.as, value))
	}
}

// form offers to fill one in.
func (s *stepper) form(n *node) {
	s.say(s.text(n.text))
	s.flush(nil)
	s.offerForm(n)
}

// offerForm puts the button of a form under what was said last.
func (s *stepper) offerForm(n *node) {
	if last := len(s.result.Say) - 1; last >= 0 && n.kind == kindForm {
		s.result.Say[last].Form = &message.Form{ID: n.form.id, Screen: n.form.screen, Button: s.text(n.form.button), Token: n.name}
	}
}

// filled takes the question's answer from the form that was filled in. Of one that will not do it says so, and the question is put.
func (s *stepper) filled(n *node) bool {
	text, ok := s.state.Filled[n.ask.as]
	if !ok {
		return false
	}
	delete(s.state.Filled, n.ask.as)
	value, ok := s.normalise(n, text)
	switch { // a form may name a choice, or tick a box
	case slices.ContainsFunc(n.options, func(o option) bool { return o.name == text }):
		value, ok = text, true
	case n.ask.kind == v1alpha1.AskYesNo && (text == "true" || text == "false"):
		value, ok = map[string]string{"true": yes, "false": no}[text], true
	}
	if ok && s.holds(n, value) {
		s.keep(n, value)
		return true
	}
	s.say(s.fault(n))
	return false
}

// fits says whether a form can hold the question's answer: attachments are asked for by themselves.
func (a *ask) fits() bool {
	return a.kind != v1alpha1.AskLocation && a.kind != v1alpha1.AskFile && a.kind != v1alpha1.AskPicture
}

// fault is what is said of an answer that will not do.
func (s *stepper) fault(n *node) string {
	if n.ask.fault != nil {
		return s.text(n.ask.fault)
	}
	return own(s.language()).invalid[n.ask.kind]
}

// normalise gives an answer in one form: numbers with a point, dates as 2026-12-31, phones as +62…, a choice by its name, yes
// or no, places as latitude,longitude, e-mail and text as typed.
func (s *stepper) normalise(n *node, text string) (string, bool) {
	switch n.ask.kind {
	case v1alpha1.AskNumber:
		return numberText(text)
	case v1alpha1.AskDate:
		return dateText(text, s.today())
	case v1alpha1.AskChoice, v1alpha1.AskYesNo:
		folded := words.Fold(text)
		if o := n.chosen(folded, false); o != nil {
			return o.name, true
		}
		if n.ask.kind == v1alpha1.AskYesNo {
			return yesOrNo(folded)
		}
		return "", false
	case v1alpha1.AskLocation:
		return placeText(text)
	case v1alpha1.AskFile, v1alpha1.AskPicture:
		return "", false
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

// attached gives what a message without words answers an ask with.
func (a *ask) attached(m *message.In) (string, bool) {
	switch {
	case a.kind == v1alpha1.AskLocation && m.Kind == message.InLocation:
		return place(m.Latitude, m.Longitude)
	case a.kind == v1alpha1.AskPicture && m.Kind == message.InMedia && (m.MediaType == "image" || m.MediaType == "document" && isPicture(m.FileName)):
		return m.MediaID, m.MediaID != ""
	case a.kind == v1alpha1.AskFile && m.Kind == message.InMedia && m.MediaType != "sticker":
		return m.MediaID, m.MediaID != ""
	}
	return "", false
}

// wants names what the channel can help the citizen to send.
func (a *ask) wants() message.Want {
	if a.kind == v1alpha1.AskLocation {
		return message.WantLocation
	}
	return ""
}

func isPicture(file string) bool {
	i := strings.LastIndexByte(file, '.')
	return i >= 0 && slices.Contains([]string{"jpg", "jpeg", "png", "webp", "heic"}, strings.ToLower(file[i+1:]))
}

// place writes a position to a metre or so.
func place(latitude, longitude float64) (string, bool) {
	if !(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180) || latitude == 0 && longitude == 0 {
		return "", false
	}
	return strconv.FormatFloat(latitude, 'f', 5, 64) + "," + strconv.FormatFloat(longitude, 'f', 5, 64), true
}

// placeText reads coordinates, alone or in a link of a map.
func placeText(text string) (string, bool) {
	m := coordinates.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	latitude, err1 := strconv.ParseFloat(m[1], 64)
	longitude, err2 := strconv.ParseFloat(m[2], 64)
	if err1 != nil || err2 != nil {
		return "", false
	}
	return place(latitude, longitude)
}

var coordinates = regexp.MustCompile(`(?:^|[=@/ ])(-?[0-9]{1,2}\.[0-9]{2,15}), ?(-?[0-9]{1,3}\.[0-9]{2,15})(?:[^0-9.]|$)`)

// The names of a question's two answers, of type yesno.
const (
	yes = "yes"
	no  = "no"
)

var (
	yesWords = set("ya iya iyaa iyah iyo y yup yep yes yess yeah yoi betul benar bener btul setuju sepakat ok oke okay boleh mau sudah sdh udah tentu " +
		"pasti sure correct right agree agreed do please")
	noWords = set("tidak tdk tak gak ga gk nggak ngga nggk enggak engga kagak bukan belum blm jangan no nope not never n t batal nanti")
	// fine are phrases with a no in them that say yes.
	fine = []string{"tidak apa apa", "nggak apa apa", "gak apa apa", "ga apa apa", "gak papa", "ga papa", "nggak papa", "gapapa", "tidak masalah", "gak masalah", "no problem"}
)

// yesOrNo reads a short answer in its words. With both in it the no counts: "ya tidak" and "ya belum" say no.
func yesOrNo(folded string) (string, bool) {
	for _, phrase := range fine {
		folded = strings.ReplaceAll(folded, phrase, "ok")
	}
	said := strings.Fields(folded)
	if len(said) > 6 {
		return "", false
	}
	agreed, refused := false, false
	for _, w := range said {
		agreed, refused = agreed || yesWords[w], refused || noWords[w]
	}
	switch {
	case refused:
		return no, true
	case agreed:
		return yes, true
	}
	return "", false
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

// ratings are the five choices, 1 first: where a channel numbers them, the number is the rating. From 0 to 10 is more than can be
// tapped.
func ratings(n *node, language string) []message.Choice {
	if n.scale == v1alpha1.ScaleNPS {
		return nil
	}
	out := make([]message.Choice, 5)
	for i := range out {
		out[i] = message.Choice{ID: n.name + "/" + strconv.Itoa(i+1), Title: own(language).ratings[i]}
	}
	return out
}

// rated reads a typed rating. Thanks alone are taken as the end of it; anything else begins a new enquiry, or leads back to the one
// that was interrupted.
func (s *stepper) rated(n *node, text, folded string) {
	if score, ok := n.score(folded); ok {
		s.rate(s.p.index[n.name], score)
		return
	}
	if words.OnlyCourtesy(folded) {
		s.say(s.text(n.thanks))
		s.run(n.next)
		return
	}
	if s.caller() != none {
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
	s.result.Rating = &Rating{Scale: n.scale, Score: score}
	s.result.Visited = append(s.result.Visited, n.name)
	s.say(s.text(n.thanks))
	if s.waiting() == i {
		s.run(n.next)
	}
}

// score reads a typed rating by the survey's scale.
func (n *node) score(folded string) (int, bool) {
	if n.scale == v1alpha1.ScaleNPS {
		return recommends(folded)
	}
	score := scoreOf(folded)
	return score, score > 0
}

// recommends reads "9", "nilai 9", "0" or "10/10".
func recommends(folded string) (int, bool) {
	fields := strings.Fields(folded)
	if len(fields) > 0 && slices.Contains([]string{"nilai", "skor", "rating", "score"}, fields[0]) {
		fields = fields[1:]
	}
	if len(fields) == 0 || len(fields) > 2 || len(fields) == 2 && fields[1] != "10" {
		return 0, false
	}
	k, err := strconv.Atoi(fields[0])
	return k, err == nil && k >= 0 && k <= 10
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
