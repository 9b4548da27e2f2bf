// Package lookup measures the institution look-up by the definitions of docs/concepts/look-up.md: it makes lists of fictitious
// institutions, asks of them in the many ways that people and impostors do, throws away what another entry could claim, and
// scores the answers by kind. It knows nothing of how the index works: it asks whatever answers a text.
package lookup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// Corpus is a list of institutions, and what is needed to tell whether a query is fair.
type Corpus struct {
	Name    string // in figures; a made list is called by its size
	Entries []directory.Entry
	// Neighbours is the share of entries made one word or two letters away from another.
	Neighbours float64
	vocabulary []string
	parts      [][]spoken         // each name and alias, without legal forms
	byWord     map[string][]int32 // entries by word of name or alias
	byName     map[string]int32   // by all words in a row
	hosts      map[string]bool    // that entries have
	byPiece    map[uint64][]owner // entries by pieces of a name without blanks
	letters    []alphabet         // of each entry's names together
}

var (
	forms  = strings.Fields("PT PT PT PT CV UD - - -")
	kinds  = strings.Fields("Bank BPR BPR BPRS KSP KSPPS Koperasi Koperasi Asuransi Gadai Sekuritas - - - - - - -")
	common = strings.Fields(`dana modal kredit usaha karya mitra sinar cahaya abadi jaya sentosa makmur sejahtera mandiri nusantara utama prima bersama rakyat
	indonesia artha surya mulia sukses maju putra putri bumi samudra gemilang harapan bakti tunas lestari permata mutiara perkasa persada sarana guna
	tirta buana graha wahana citra anugerah berkah amanah barokah insan pelita fajar bintang garuda merdeka pratama lintas global digital teknologi
	investama finansia capital niaga dagang agung luhur rezeki sumber sari murni kencana intan emas perak delima melati mawar cempaka kusuma wijaya
	adi dharma eka dwi tri panca sapta duta cipta kreasi inti pusaka pusat daya tani nelayan ternak kota desa madani ummat bina swadaya gotong royong rukun
	tentram damai setia kawan sahabat handal unggul cermat hemat teguh kokoh tangguh jujur adil ikhlas satria ksatria nirwana pesona panorama semesta`)
	places    = strings.Fields("bandung surabaya semarang medan makassar denpasar yogyakarta malang bogor bekasi tangerang depok padang palembang pontianak samarinda manado mataram kupang ambon jember kediri madiun tegal cirebon serang garut sukabumi tasikmalaya klaten")
	syllables = strings.Fields("ba be bi bo bu da de di do du ga gi go gu ja je ji jo ju ka ke ki ko ku la le li lo lu ma me mi mo mu na ni no nu nga nya pa pe pi po pu ra re ri ro ru sa se si so su ta te ti to tu wa wi wo ya yo yu ca ci cu ha hi fa za ban lan man ran san tan kar mar ber ter sum gun pen lam jan cah rin tir wan mul")
	domains   = strings.Fields("co.id co.id co.id id com com or.id net")
)

// invented makes a word in the sound of Indonesian.
func invented(r *rand.Rand, syllable int) string {
	var b strings.Builder
	for range syllable {
		b.WriteString(syllables[r.IntN(len(syllables))])
	}
	return b.String()
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// Generate makes n institutions with different names. A twelfth of them are neighbours of another: one word or one or two
// letters away, a kind of licence or a place apart. Every twentieth is on the warning list; a few names are on both.
func Generate(n int, seed uint64) *Corpus {
	r := rand.New(rand.NewPCG(seed, 10))
	c := &Corpus{Name: strconv.Itoa(n)}
	for range 1500 + n/12 {
		c.vocabulary = append(c.vocabulary, invented(r, 2+r.IntN(2)))
	}
	seen := map[string]bool{}
	neighbours := 0
	for len(c.Entries) < n {
		illegal := r.IntN(20) == 0
		var ws []string
		near := len(c.Entries) > 10 && r.IntN(12) == 0
		if near {
			ws = c.neighbour(r, illegal)
		} else {
			ws = c.name(r)
		}
		name := strings.Join(ws, " ")
		folded := strings.Join(words.Name(name), " ")
		if seen[folded] || len(folded) < 5 {
			continue
		}
		seen[folded] = true
		if near {
			neighbours++
		}
		c.Entries = append(c.Entries, c.entry(r, ws, illegal))
	}
	c.Neighbours = float64(neighbours) / float64(n)
	c.prepare()
	return c
}

func title(w string) string {
	if words.Kind(w) && len(w) <= 5 && w != "bank" && w != "gadai" {
		return strings.ToUpper(w)
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

// name is a legal form or none, a kind of licence or none, one to three words, and at times a place or "Syariah".
func (c *Corpus) name(r *rand.Rand) []string {
	var ws []string
	add := func(w string) {
		if w != "-" {
			ws = append(ws, title(w))
		}
	}
	form, kind := pick(r, forms), pick(r, kinds)
	add(form)
	add(strings.ToLower(kind))
	size := 1 + r.IntN(3)
	if kind == "-" && size == 1 {
		size = 2
	}
	for i := range size {
		if i > 0 && r.IntN(5) < 2 || size > 1 && r.IntN(5) < 2 {
			add(pick(r, common))
		} else {
			add(pick(r, c.vocabulary))
		}
	}
	if r.IntN(7) == 0 {
		add(pick(r, places))
	} else if r.IntN(12) == 0 {
		add("syariah")
	}
	return ws
}

// neighbour is another entry's name with a word more, replaced or left out, or with one or two letters changed.
func (c *Corpus) neighbour(r *rand.Rand, illegal bool) []string {
	ws := strings.Fields(pick(r, c.Entries).Name)
	at := len(ws) - 1
	switch k := r.IntN(6); {
	case illegal || k == 0:
		return append(ws, title(pick(r, c.vocabulary)))
	case k == 1:
		ws[at] = title(pick(r, c.vocabulary))
	case k == 2:
		return append(ws, "Syariah")
	case k == 3:
		ws[at] = title(pick(r, places))
	default:
		for range 1 + r.IntN(2) {
			if w, ok := edited(r, strings.ToLower(ws[at]), r.IntN(4)); ok {
				ws[at] = title(w)
			}
		}
	}
	return ws
}

func (c *Corpus) entry(r *rand.Rand, ws []string, illegal bool) directory.Entry {
	i := len(c.Entries)
	e := directory.Entry{ID: fmt.Sprint("e", i), Name: strings.Join(ws, " "), Status: directory.StatusLicensed, Type: "lembaga"}
	if r.IntN(6) == 0 {
		e.Name += " Tbk"
	}
	if illegal {
		e.Status = directory.StatusIllegal
	} else {
		e.Licence = fmt.Sprintf("KEP-%d/%s/%d", i+1, pick(r, []string{"D.03", "D.05", "NB.11", "PM.02"}), 1990+r.IntN(35))
	}
	if r.IntN(4) == 0 {
		e.Aliases = append(e.Aliases, title(invented(r, 3)))
	}
	host := strings.ToLower(strings.Join(words.Name(e.Name), pick(r, []string{"", "", "-"})))
	if r.IntN(5) > 0 {
		e.Sites = append(e.Sites, pick(r, []string{"", "www.", "https://www.", "https://"})+host+"."+pick(r, domains))
	}
	if r.IntN(3) > 0 {
		e.Phones = append(e.Phones, fmt.Sprintf("%s %07d", pick(r, []string{"021", "022", "+62 31", "(0274)"}), 1_000_000+i*7%9_000_000))
	}
	return e
}

// prepare makes what fairness is told by.
func (c *Corpus) prepare() {
	c.byWord, c.byName, c.byPiece = map[string][]int32{}, map[string]int32{}, map[uint64][]owner{}
	c.hosts = map[string]bool{}
	c.letters = make([]alphabet, len(c.Entries))
	c.parts = make([][]spoken, len(c.Entries))
	for i, e := range c.Entries {
		for _, site := range e.Sites {
			c.hosts[strings.ToLower(bare(site))] = true
		}
		for _, name := range append([]string{e.Name}, e.Aliases...) {
			ws := words.Name(name)
			c.parts[i] = append(c.parts[i], speak(ws))
			c.byName[strings.Join(ws, " ")] = int32(i)
			for _, w := range ws {
				c.byWord[w] = append(c.byWord[w], int32(i))
			}
			said := &c.parts[i][len(c.parts[i])-1]
			c.letters[i].add(*said)
			wholes := []string{said.whole, said.sound}
			// a name is asked for without its kind of licence as well
			if own := strings.Join(slices.DeleteFunc(slices.Clone(ws), words.Kind), ""); own != "" && own != said.whole {
				wholes = append(wholes, own, words.Sound(own))
			}
			for _, whole := range slices.Compact(wholes) {
				way := joined{whole, lettersOf(whole)}
				said.wholes = append(said.wholes, way)
				c.addPieces(int32(i), way)
			}
		}
	}
	if len(c.vocabulary) == 0 {
		for w := range c.byWord {
			if len(w) > 3 && !words.Kind(w) && !words.Chat(w) {
				c.vocabulary = append(c.vocabulary, w)
			}
		}
		sortStrings(c.vocabulary)
	}
}

func bare(site string) string {
	_, host, ok := strings.Cut(site, "://")
	if !ok {
		host = site
	}
	return strings.TrimPrefix(host, "www.")
}
