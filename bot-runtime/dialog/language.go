package dialog

import (
	"slices"
	"strings"
)

// switchWords change the language when they are the whole message.
var switchWords = map[string][]string{
	"en": {"english", "inggris", "bahasa inggris", "in english", "english please", "speak english"},
	"id": {"bahasa indonesia", "indonesian", "bahasa", "in indonesian", "pakai bahasa indonesia"},
	"jv": {"basa jawa", "bahasa jawa", "javanese"},
	"su": {"basa sunda", "bahasa sunda", "sundanese"},
}

// evidence are words that belong to one language and stand in most of its sentences: closed lists, without words that are
// also parts of names.
var evidence = map[string]map[string]bool{
	"id": set("apakah apa itu ini yang tidak gak nggak saya aku kami mau ingin sudah udah belum dan dengan untuk dari di ke kak bisa tolong " +
		"resmi berizin izin bagaimana gimana kenapa berapa siapa dimana kapan ada punya kalau halo selamat pagi siang sore malam terima kasih " +
		"petugas orang bicara sih dong kok ya pinjaman uang penipuan ketipu nomor perusahaan"),
	"en": set("is the are was what how why when where who can could would should does did have has i my you your we please this that it a an " +
		"of for from with legit licensed hello thanks thank good morning afternoon evening want need to not do company scam"),
}

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// language that the conversation is held in.
func (s *stepper) language() string { return s.p.languages[s.lang] }

// speak takes a language, if the flow has it.
func (s *stepper) speak(language string) {
	if i := slices.Index(s.p.languages, language); i >= 0 {
		s.lang = i
	}
	s.scope.language = s.language()
}

// choose takes the language that the citizen chose on their page, if the flow has it. It counts as if they had said it.
func (s *stepper) choose(language string) {
	if slices.Contains(s.p.languages, language) {
		s.state.Language = language
		s.speak(language)
	}
}

// Speak notes in a stored state the language that the citizen chose while a person has the conversation; false when the flow
// does not have it, or the state is a newer binary's.
func (p *Program) Speak(stored []byte, language string) ([]byte, bool) {
	state, err := Decode(stored)
	if err != nil || !slices.Contains(p.languages, language) {
		return stored, false
	}
	state.Language = language
	encoded, _ := state.encode()
	return encoded, true
}

// switched is the index of the language that a whole message asks for, or none.
func (p *Program) switched(folded string) int {
	return slices.IndexFunc(p.languages, func(l string) bool { return len(l) >= 2 && slices.Contains(switchWords[l[:2]], folded) })
}

// switchLanguage: "english" alone changes the language and says again what was asked last.
func (s *stepper) switchLanguage(folded string) bool {
	i := s.p.switched(folded)
	if i == none {
		return false
	}
	s.state.Language = s.p.languages[i]
	s.speak(s.state.Language)
	at := s.waiting()
	if at == none || s.p.nodes[at].kind == kindHandoff {
		s.state.begin()
		s.run(s.p.start)
		return true
	}
	n := &s.p.nodes[at]
	s.result.Visited = append(s.result.Visited, n.name)
	switch n.kind {
	case kindSurvey:
		s.withChoices(s.text(n.text), ratings(n, s.language()))
	case kindMenu:
		s.show(n)
	case kindAsk:
		s.question(n)
	case kindForm:
		s.form(n)
	default: // at a call, which goes on
		s.say(own(s.language()).oneMoment)
	}
	return true
}

// detect takes the language of a message while none was chosen: by one word more than of any other in the first message of an
// enquiry, by two later, since a name may hold a word.
func (s *stepper) detect(folded string) {
	if s.state.Language != "" || len(s.p.languages) < 2 {
		return
	}
	margin := 1
	if s.waiting() != none {
		margin = 2
	}
	best, most, second := -1, 0, 0
	for i, l := range s.p.languages {
		if len(l) < 2 || evidence[l[:2]] == nil {
			continue
		}
		hits := 0
		for w := range strings.FieldsSeq(folded) {
			if evidence[l[:2]][w] {
				hits++
			}
		}
		switch {
		case hits > most:
			best, most, second = i, hits, most
		case hits > second:
			second = hits
		}
	}
	if best >= 0 && most >= second+margin {
		s.state.Language = s.p.languages[best]
		s.speak(s.state.Language)
	}
}
