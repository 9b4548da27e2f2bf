package words

import (
	_ "embed"
	"strings"
)

// The closed lists are public text files beside this one, a word or phrase a line; # begins a comment.
var (
	//go:embed chat_id.txt
	chatID string
	//go:embed chat_en.txt
	chatEN string
	//go:embed courtesy_id.txt
	courtesyID string
	//go:embed courtesy_en.txt
	courtesyEN string
)

var (
	chat     = setOf(chatID, chatEN)
	courtesy = setOf(courtesyID, courtesyEN)
)

// Chat says whether a folded word is one that people put around a name: "apakah", "itu", "resmi", "kak". Every other word
// is distinctive.
func Chat(word string) bool { _, ok := chat[word]; return ok }

// Courtesy says whether a folded word is greeting, thanks or politeness: nothing that could be answered.
func Courtesy(word string) bool { _, ok := courtesy[word]; return ok }

// OnlyCourtesy says whether a text holds nothing but greeting, thanks, punctuation and emoji.
func OnlyCourtesy(text string) bool {
	for _, w := range Split(text) {
		if !Courtesy(w) {
			return false
		}
	}
	return true
}

// legalForms say who owns a firm, not which firm it is: a closed list. Kinds of licence are not among them.
var legalForms = map[string]struct{}{
	"pt": {}, "cv": {}, "tbk": {}, "persero": {}, "perseroda": {}, "perumda": {}, "ud": {}, "ltd": {}, "inc": {}, "co": {},
}

// LegalForm says whether a folded word is a legal form.
func LegalForm(word string) bool { _, ok := legalForms[word]; return ok }

// kinds of licence: another kind is another institution, so they are never taken for a typo of each other.
var kinds = map[string]struct{}{
	"bank": {}, "bpr": {}, "bprs": {}, "ksp": {}, "kspps": {}, "koperasi": {}, "asuransi": {}, "gadai": {}, "sekuritas": {},
	"syariah": {}, "uus": {}, "insurance": {}, "securities": {}, "finance": {}, "multifinance": {}, "fintech": {},
	"reksadana": {}, "leasing": {}, "bpd": {}, "pegadaian": {}, "pembiayaan": {}, "cooperative": {}, "pialang": {}, "reasuransi": {},
}

// Kind says whether a folded word names a kind of licence.
func Kind(word string) bool { _, ok := kinds[word]; return ok }

// abbreviations of whole words; both sides mean the same.
var abbreviations = map[string]string{
	"uus": "syariah", "syari": "syariah", "syar": "syariah", "kop": "koperasi", "asr": "asuransi",
	"ins": "insurance", "fin": "finance", "sek": "sekuritas", "indo": "indonesia", "nas": "nasional", "intl": "international",
	"tek": "teknologi", "tekno": "teknologi", "tech": "teknologi", "technology": "teknologi", "sjh": "sejahtera", "adm": "administrasi",
}

// Expand gives what an abbreviation stands for, or the word itself.
func Expand(word string) string {
	if full, ok := abbreviations[word]; ok {
		return full
	}
	return word
}

// Name gives the words of a name: folded, legal forms dropped (also written with dots, as P.T.). A name that is nothing but
// legal forms keeps them.
func Name(s string) []string {
	all := joinInitials(Split(s))
	kept := all[:0:0]
	for _, w := range all {
		if !LegalForm(w) {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return all
	}
	return kept
}

// joinInitials makes "p t" one word where the letters together are a legal form: "P.T. Mekar" folds to "p t mekar".
func joinInitials(ws []string) []string {
	for i := 0; i+1 < len(ws); i++ {
		if len(ws[i]) == 1 && len(ws[i+1]) == 1 && LegalForm(ws[i]+ws[i+1]) {
			out := append(append(ws[:i:i], ws[i]+ws[i+1]), ws[i+2:]...)
			return joinInitials(out)
		}
	}
	return ws
}

func setOf(files ...string) map[string]struct{} {
	set := map[string]struct{}{}
	for _, f := range files {
		for line := range strings.Lines(f) {
			line, _, _ = strings.Cut(line, "#")
			for _, w := range strings.Fields(line) {
				set[w] = struct{}{}
			}
		}
	}
	return set
}
