package words

import (
	_ "embed"
	"slices"
	"strings"
)

// The closed lists are public text files beside this one, a word or phrase a line; # begins a comment.
var (
	//go:embed chat_id.txt
	chatID string
	//go:embed chat_en.txt
	chatEN string
	//go:embed context_id.txt
	contextID string
	//go:embed context_en.txt
	contextEN string
	//go:embed claims_id.txt
	claimsID string
	//go:embed claims_en.txt
	claimsEN string
	//go:embed doubts_id.txt
	doubtsID string
	//go:embed doubts_en.txt
	doubtsEN string
	//go:embed cities_id.txt
	citiesID string
	//go:embed courtesy_id.txt
	courtesyID string
	//go:embed courtesy_en.txt
	courtesyEN string
	//go:embed shared_hosts.txt
	sharedHosts string
)

var (
	chat     = setOf(chatID, chatEN)
	context  = setOf(contextID, contextEN)
	claims   = setOf(claimsID, claimsEN)
	doubts   = setOf(doubtsID, doubtsEN)
	cities   = setOf(citiesID)
	courtesy = setOf(courtesyID, courtesyEN)
	shared   = readShared()
)

// Chat says whether a folded word is one that people put around a name: "apakah", "itu", "resmi", "kak". Every other word
// is distinctive.
func Chat(word string) bool { _, ok := chat[word]; return ok }

// ChatInContext says whether a folded word is chat only among chat: "uang" in "pinjam uang di …", but not in "uang mekar".
func ChatInContext(word string) bool { _, ok := context[word]; return ok }

// Claim says whether a chat word is one by which impostors present themselves: "official".
func Claim(word string) bool { _, ok := claims[word]; return ok }

// Doubt says whether a chat word asks whether somebody is genuine, or tells of an offer: "legal", "ditawari". Claims do so too.
func Doubt(word string) bool { _, ok := doubts[word]; return ok || Claim(word) }

// City says whether a folded word is a place that tells institutions of one name apart: it is a typo of nothing else.
func City(word string) bool { _, ok := cities[word]; return ok }

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

// SharedHost says whether a host is one where many have pages of their own.
func SharedHost(host string) bool { _, ok := shared[host]; return ok }

// CaseMatters says whether the pages of a host that many share differ by the case of their paths.
func CaseMatters(host string) bool { return shared[host] }

func readShared() map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(sharedHosts) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 {
			m[f[0]] = len(f) > 1 && f[1] == "case"
		}
	}
	return m
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
	"lkm": {}, "lkms": {}, "bmt": {}, "dplk": {}, "penjaminan": {}, "ventura": {},
}

// Kind says whether a folded word names a kind of licence.
func Kind(word string) bool { _, ok := kinds[word]; return ok }

// Rigid says whether a folded word is a kind of licence or a place: it is a typo of nothing.
func Rigid(word string) bool {
	if len(word) < 3 || !rigidStart[uint16(word[0])<<8|uint16(word[1])] {
		return false
	}
	return Kind(word) || City(word)
}

// rigidStart are the first two letters of all rigid words, so that most others cost no look at the lists.
var rigidStart = func() *[1 << 16]bool {
	m := &[1 << 16]bool{}
	for _, list := range []map[string]struct{}{kinds, cities} {
		for w := range list {
			m[uint16(w[0])<<8|uint16(w[1])] = true
		}
	}
	return m
}()

// abbreviations of whole words; both sides mean the same.
var abbreviations = map[string]string{
	"uus": "syariah", "syari": "syariah", "syar": "syariah", "sy": "syariah", "sya": "syariah", "kop": "koperasi", "kops": "koperasi",
	"asr": "asuransi", "ass": "asuransi", "ins": "insurance", "fin": "finance", "sek": "sekuritas", "sec": "securities", "bk": "bank",
	"indo": "indonesia", "ind": "indonesia", "nas": "nasional", "nasnl": "nasional", "intl": "internasional", "int": "internasional", "inter": "internasional",
	"international": "internasional", "tek": "teknologi", "tekno": "teknologi", "tech": "teknologi", "technology": "teknologi",
	"sjh": "sejahtera", "sjhtr": "sejahtera", "sjht": "sejahtera", "sejaht": "sejahtera", "adm": "administrasi", "mdr": "mandiri", "mndr": "mandiri",
	"mndri": "mandiri", "nus": "nusantara", "nstr": "nusantara", "nsntr": "nusantara", "mkm": "makmur", "mkmr": "makmur",
	"pers": "persada", "prks": "perkasa", "ut": "utama", "utm": "utama", "abd": "abadi", "bers": "bersama", "brsm": "bersama", "sent": "sentosa", "snts": "sentosa",
	"jkt": "jakarta", "jak": "jakarta", "sby": "surabaya", "surab": "surabaya", "bdg": "bandung", "smg": "semarang", "yogya": "yogyakarta", "jogja": "yogyakarta", "jogjakarta": "yogyakarta",
	"yk": "yogyakarta", "mdn": "medan", "mks": "makassar", "dps": "denpasar", "tng": "tangerang", "tgr": "tangerang", "bks": "bekasi", "bgr": "bogor", "plg": "palembang",
	"plb": "palembang", "pdg": "padang", "bjm": "banjarmasin", "ptk": "pontianak", "mlg": "malang", "slo": "solo", "pku": "pekanbaru", "dpk": "depok",
	"digi": "digital", "dgtl": "digital", "grp": "group", "grup": "group", "inv": "investasi", "invest": "investasi", "mgt": "management",
	"pemb": "pembiayaan", "peng": "pengembangan", "usa": "usaha", "krd": "kredit", "krdt": "kredit", "kred": "kredit",
}

// phrases are what an abbreviation of a kind of licence stands for; both sides mean the same. Longer ones first.
var phrases = []struct {
	words []string
	short string
}{
	{[]string{"koperasi", "simpan", "pinjam", "dan", "pembiayaan", "syariah"}, "kspps"},
	{[]string{"koperasi", "simpan", "pinjam", "pembiayaan", "syariah"}, "kspps"},
	{[]string{"bank", "pembiayaan", "rakyat", "syariah"}, "bprs"},
	{[]string{"bank", "perekonomian", "rakyat", "syariah"}, "bprs"},
	{[]string{"bank", "perkreditan", "rakyat", "syariah"}, "bprs"},
	{[]string{"bank", "perkreditan", "rakyat"}, "bpr"},
	{[]string{"bank", "perekonomian", "rakyat"}, "bpr"},
	{[]string{"bank", "pembangunan", "daerah"}, "bpd"},
	{[]string{"koperasi", "simpan", "pinjam"}, "ksp"},
	{[]string{"lembaga", "keuangan", "mikro"}, "lkm"},
	{[]string{"baitul", "maal", "wat", "tamwil"}, "bmt"},
	{[]string{"unit", "usaha", "syariah"}, "syariah"},
}

// Expand gives what an abbreviation stands for, or the word itself.
func Expand(word string) string {
	if full, ok := abbreviations[word]; ok {
		return full
	}
	return word
}

// Phrase says how many words at the beginning of ws are the long form of an abbreviation, and that one; 0 when none are.
func Phrase(ws []string) (n int, short string) {
	switch ws[0] {
	case "koperasi", "bank", "lembaga", "baitul", "unit":
	default:
		return 0, ""
	}
	for _, p := range phrases {
		if len(ws) >= len(p.words) && slices.Equal(ws[:len(p.words)], p.words) {
			return len(p.words), p.short
		}
	}
	return 0, ""
}

// TypedPhrase is Phrase for what was typed: a long word of it may be a letter off, and two may. So a typo in "perkreditan" is
// no word of a name.
func TypedPhrase(ws []string) (n int, short string) {
	if n, short = Phrase(ws); n > 0 {
		return n, short
	}
	const long = 6
	for _, p := range phrases {
		if len(ws) < len(p.words) {
			continue
		}
		typos := 0
		for i, listed := range p.words {
			switch {
			case ws[i] == listed:
			case len(listed) >= long && Distance(ws[i], listed, 1) == 1:
				typos++
			default:
				typos = len(listed)
			}
			if typos > 2 {
				break
			}
		}
		if typos <= 2 {
			return len(p.words), p.short
		}
	}
	return 0, ""
}

// LongForm is the long form of a kind of licence, as it was found among words.
type LongForm struct {
	Short string
	Rest  []string // the words without those of the long form
	Typos int      // letters of it that were typed otherwise
}

// LongForms are those whose words are all among ws, in any order and with others between: each as it is, of the same sound, a letter
// off where it is long, or in two pieces side by side. Longer forms come first. It costs more than Phrase and TypedPhrase, which know
// those that stand as they should.
func LongForms(ws []string) []LongForm {
	var out []LongForm
	sounds := make([]string, len(ws))
	for i, w := range ws {
		sounds[i] = Sound(w)
	}
	for i, p := range phrases {
		if f, ok := longForm(ws, sounds, p.words, phraseSounds[i]); ok {
			f.Short = p.short
			out = append(out, f)
		}
	}
	return out
}

var phraseSounds = func() [][]string {
	all := make([][]string, len(phrases))
	for i, p := range phrases {
		for _, w := range p.words {
			all[i] = append(all[i], Sound(w))
		}
	}
	return all
}()

func longForm(ws, sounds, form, formSounds []string) (LongForm, bool) {
	const long, mostTypos = 6, 2
	var f LongForm
	if len(ws) < len(form) {
		return f, false
	}
	used := make([]bool, len(ws))
	for j, listed := range form {
		at, pieces, typos := -1, 1, mostTypos+1
		for i, w := range ws {
			switch {
			case used[i] || typos == 0:
			case sounds[i] == formSounds[j]:
				at, pieces, typos = i, 1, 0
			case i+1 < len(ws) && !used[i+1] && len(w)+len(ws[i+1]) == len(listed) && w+ws[i+1] == listed:
				at, pieces, typos = i, 2, 0
			case typos > 1 && len(listed) >= long && Distance(w, listed, 1) == 1:
				at, pieces, typos = i, 1, 1
			}
		}
		if f.Typos += typos; at < 0 || f.Typos > mostTypos {
			return f, false
		}
		for i := range pieces {
			used[at+i] = true
		}
	}
	for i, w := range ws {
		if !used[i] {
			f.Rest = append(f.Rest, w)
		}
	}
	return f, true
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

// joinInitials makes letters that stand apart one word where together they are a legal form: "P.T. Mekar" folds to "p t mekar".
func joinInitials(ws []string) []string {
	const longest = 3
	apart := false
	for i := 1; i < len(ws); i++ {
		apart = apart || len(ws[i-1]) == 1 && len(ws[i]) == 1
	}
	if !apart {
		return ws
	}
	out := ws[:0:0]
	for i := 0; i < len(ws); {
		n := 1
		if len(ws[i]) == 1 {
			joined := ws[i]
			for to := i + 1; to < len(ws) && to < i+longest && len(ws[to]) == 1; to++ {
				if joined += ws[to]; LegalForm(joined) {
					n = to + 1 - i
				}
			}
		}
		if n == 1 {
			out = append(out, ws[i])
		} else {
			out = append(out, strings.Join(ws[i:i+n], ""))
		}
		i += n
	}
	return out
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
