package directory

import (
	"strings"
	"testing"

	"github.com/loket-dev/loket/bot-runtime/directory/words"
	"pgregory.net/rapid"
)

// sample is a small list with the neighbours that make look-ups hard. All names are fictitious.
func sample() *Index {
	return FromEntries([]Entry{
		{ID: "bank", Name: "PT Bank Mekar Jaya Tbk", Aliases: []string{"BMJ"}, Licence: "KEP-1/D.03/2001", Status: StatusLicensed, Sites: []string{"https://www.bankmekar.example/"}, Phones: []string{"+62 21 555 0101"}},
		{ID: "uus", Name: "Bank Mekar Jaya Syariah", Licence: "KEP-2/D.03/2009", Status: StatusLicensed, Sites: []string{"syariah.bankmekar.example"}},
		{ID: "dana", Name: "PT Dana Sekar Wangi", Aliases: []string{"danasekar.id"}, Licence: "KEP-12/D.05/2021", Status: StatusLicensed, Sites: []string{"danasekar.example"}, Emails: []string{"halo@danasekar.example"}},
		{ID: "bpr", Name: "BPR Sinar Padi Bandung", Licence: "KEP-3/D.03/2005", Status: StatusLicensed},
		{ID: "kop", Name: "Koperasi Tjahaja Soerja", Status: StatusLicensed},
		{ID: "gold", Name: "Emas Berlipat Nusantara", Status: StatusIllegal, Sites: []string{"emasberlipat.example"}},
		{ID: "both1", Name: "Griya Modal Teduh", Status: StatusLicensed},
		{ID: "both2", Name: "Griya Modal Teduh", Status: StatusIllegal},
		{ID: "unit", Name: "KSPPS Manjaga", Status: StatusLicensed},
		{ID: "chat", Name: "Dari Kita Untuk Kita", Status: StatusIllegal},
	})
}

func TestAWordOfANameInPassingIsNoWarning(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "lunas", Name: "Bank Lunas", Status: StatusLicensed},
		{ID: "bicara", Name: "PT Jiko Tober Digital", Aliases: []string{"Bicara"}, Status: StatusLicensed},
		{ID: "bawa", Name: "Asuransi Bawa", Status: StatusLicensed},
		{ID: "naki", Name: "Bank Naki", Status: StatusLicensed},
		{ID: "dipe", Name: "PT Dipe Kredit", Status: StatusLicensed},
		{ID: "mana", Name: "Koperasi Mana Tahun", Status: StatusLicensed}, // a word of chat in its name
		{ID: "jaga", Name: "Yaga Putra", Status: StatusLicensed},
		{ID: "cara", Name: "Panca Cara", Status: StatusLicensed},
		{ID: "susah", Name: "Bank Sucah", Status: StatusLicensed},
		{ID: "docu", Name: "Docume", Status: StatusLicensed},
	})
	for _, c := range []struct {
		ask     string
		outcome Outcome
		id      string
	}{
		{"pinjaman saya di bank belum lunas setahun", None, ""},
		{"bank lunas cepat", Lookalike, "lunas"},
		{"bank cepat lunas", Lookalike, "lunas"},
		{"apakah bank lunas itu resmi", Exact, "lunas"},
		{"saya mau bicara dengan petugas", None, ""},
		{"bicara petugas", Lookalike, "bicara"},
		{"saya mau tanya bicara express itu aman", Lookalike, "bicara"},
		{"apakah bicara itu resmi, kok petugas", Lookalike, "bicara"},
		{"asuransi mobil harus bawa dokumen apa", None, ""},
		{"asuransi bawa mobil", Lookalike, "bawa"},
		{"pinjaman saya di bank kenapa naik lagi", None, ""},
		{"bank naik", Confident, "naki"},
		{"kartu kredit bisa diperpanjang gak", None, ""},
		{"dipecepat kredit", Lookalike, "dipe"},
		{"cepat koperasi mana tahun", Lookalike, "mana"},
		{"gimana cepat koperasi mana tahun", Lookalike, "mana"},
		{"mana tahvn koperasi cepat", Lookalike, "mana"},
		{"cara lapor lewat telepon gimana", None, ""}, // one of two words, and the other's place is empty
		{"pasti cara lewat telepon gimana", Lookalike, "cara"},
		{"panca lapor lewat telepon gimana", Lookalike, "cara"},
		{"lapor panca lewat telepon gimana", None, ""},
		{"cara lapor", Lookalike, "cara"},
		{"siapa yang jaga loket sore ini", None, ""}, // one of two, and that only by sound
		{"yaga loket", Lookalike, "jaga"},
		{"halo kak, yaga loket?", Lookalike, "jaga"}, // with courtesies alone
		{"kak, yaga loket itu legal atau tidak", Lookalike, "jaga"},
		{"saya ditawari uang oleh yaga loket", Lookalike, "jaga"},
		{"pinjaman saya di bank susah dibuka dari hp", None, ""}, // the only word, and that a letter off
		{"bank susah dibuka", Lookalike, "susah"},
		{"kak, bank susah dibuka itu aman", Lookalike, "susah"},
		{"what documents do I have to bring", None, ""}, // the only word, and that with letters stuck on
		{"documents bring", Lookalike, "docu"},
		{"documents do I have", Lookalike, "docu"},
		{"is documents bring a scam", Lookalike, "docu"},
	} {
		a := x.Ask(c.ask)
		id := ""
		if len(a.Entries) > 0 {
			id = a.Entries[0].ID
		}
		if a.Outcome != c.outcome || id != c.id {
			t.Errorf("%q: %s %q (%s), want %s %q", c.ask, a.Outcome, id, a.Why, c.outcome, c.id)
		}
	}
}

func TestWhatCitizensAskIsFound(t *testing.T) {
	x := sample()
	for _, c := range []struct {
		what, ask string
		outcome   Outcome
		id        string
	}{
		{"a whole sentence around the name", "apakah pinjol Dana Sekar Wangi itu resmi kak?", Exact, "dana"},
		{"with the courtesies of a chat", "yth admin, dana sekar wangi aman ga bosku", Exact, "dana"},
		{"legal forms do not matter", "dana sekar wangi, P.T.", Exact, "dana"},
		{"nor does case or an emoji", "🙏 BANK MEKAR JAYA tbk??", Exact, "bank"},
		{"an alias is as good", "bmj", Exact, "bank"},
		{"a brand that looks like a host is a name", "danasekar.id", Exact, "dana"},
		{"an English sentence", "is Dana Sekar Wangi legit?", Exact, "dana"},
		{"a typo is never exact", "dana sekar wngi", Confident, "dana"},
		{"two letters changed places", "dana sekra wangi", Confident, "dana"},
		{"joined words", "danasekar wangi", Confident, "dana"},
		{"all joined, with a typo", "danasekarwngi", Confident, "dana"},
		{"a split word", "dana se kar wangi", Confident, "dana"},
		{"other order", "wangi sekar dana", Confident, "dana"},
		{"a word left out", "sekar wangi", Confident, "dana"},
		{"old spelling against new", "koperasi cahaya surya", Confident, "kop"},
		{"digits for letters", "dana s3kar wangi", Confident, "dana"},
		{"letters doubled", "danna sekarr wangi", Confident, "dana"},
		{"a bank and its syariah unit are two licences", "bank mekar jaya uus", Confident, "uus"},
		{"the longest whole name wins", "bank mekar jaya syariah", Exact, "uus"},
		{"a letter of another script is a look-alike", "dаna sekar wangi", Lookalike, "dana"},
		{"a part of two names", "bank mekar", Ambiguous, "bank"},
		{"one word more is another company", "dana sekar wangi cepat", Lookalike, "dana"},
		{"also inside a sentence", "kak apakah dana sekar wangi kilat itu resmi", Lookalike, "dana"},
		{"one word replaced", "dana sekar harum", Lookalike, "dana"},
		{"another city", "bpr sinar padi jakarta", Lookalike, "bpr"},
		{"another kind of licence", "bank sinar padi bandung", Lookalike, "bpr"},
		{"a legal form with its dot, and no blank behind", "apakah PT.BANK MEKAR JAYA TBK. resmi kak?", Exact, "bank"},
		{"the same dot before another host", "PT.BANK.TOP mekar jaya", Lookalike, "bank"},
		{"a typo in what a kind of licence stands for", "bank pekreditan rakyat sinar padi bandung", Confident, "bpr"},
		{"a word replaced in it", "bank pedagang rakyat sinar padi bandung", Lookalike, "bpr"},
		{"digits appended", "dana sekar wangi88", Lookalike, "dana"},
		{"digits appended to all joined", "danasekarwangi88", Lookalike, "dana"},
		{"a number behind is no two letters of another name", "kspps manmu94", None, ""},
		{"yet its digits may be letters", "kspps manj494", Confident, "unit"},
		{"a word that is chat among chat stands alone beside a genuine site", "danasekar.example teman", Lookalike, "dana"},
		{"and is chat among chat", "kak teman saya tanya danasekar.example aman gak", Exact, "dana"},
		{"letters glued on", "danasekarwangiexpress", Lookalike, "dana"},
		{"a licence number", "KEP-12/D.05/2021", Exact, "dana"},
		{"a licence number written otherwise", "nomor izin kep 12 d 05 2021", Exact, "dana"},
		{"a licence number of nobody beside a known name", "dana sekar wangi KEP-99/D.05/2021", Lookalike, "dana"},
		{"a web address", "https://danasekar.example/promo?x=1 asli?", Exact, "dana"},
		{"a subdomain of a listed host", "app.danasekar.example", Exact, "dana"},
		{"a host that only ends alike", "evil-danasekar.example", Lookalike, "dana"},
		{"what stands before the at sign opens nothing", "https://danasekar.example@evil.top/ dana sekar wangi", Lookalike, "dana"},
		{"a known name with a foreign link", "dana sekar wangi danasekar-wangi.top", Lookalike, "dana"},
		{"a link made to look like one", "dana-sekar-wangi.top", Lookalike, "dana"},
		{"a phone number", "021-555-0101 ini nomor siapa", Exact, "bank"},
		{"a phone number with country code", "+62215550101", Exact, "bank"},
		{"a known name with a foreign number", "bank mekar jaya 0812 3456 7890", Lookalike, "bank"},
		{"a genuine link with a foreign word", "danasekar.example hadiah", Lookalike, "dana"},
		{"links of two entries", "danasekar.example bankmekar.example", Lookalike, "dana"},
		{"an e-mail of a listed host", "admin@danasekar.example", Exact, "dana"},
		{"the warning list", "emas berlipat nusantara", ListedIllegal, "gold"},
		{"the warning list with a typo", "emas berlipt nusantara", ListedIllegal, "gold"},
		{"the warning list by its site", "emasberlipat.example", ListedIllegal, "gold"},
		{"a name on both lists is never only one of them", "griya modal teduh", Ambiguous, "both1"},
		{"a name of chat words matches as the whole query", "dari kita untuk kita", ListedIllegal, "chat"},
		{"and not inside a question", "apakah ini dari kita untuk kamu", None, ""},
		{"another place that is a typo of the listed one", "bpr sinar padi badung", Lookalike, "bpr"},
		{"another kind that is a typo of the listed one", "bprs sinar padi bandung", Lookalike, "bpr"},
		{"the long form of a kind", "bank perkreditan rakyat sinar padi bandung", Confident, "bpr"},
		{"an old port and odd slashes", "HTTPS:\\\\DANASEKAR.example:443\\x", Exact, "dana"},
		{"punycode that reads as a listed host", "https://xn--dnasekar-16g.example/", Lookalike, "dana"},
		{"a genuine host in front of a foreign one", "danasekar.example.verifikasi.top", Lookalike, "dana"},
		{"a listed host before the at sign", "https://danasekar.example@evil.top/", Lookalike, "dana"},
		{"an amount is no part of a name", "ditawari pinjaman Rp 5.000.000 oleh dana sekar wangi", Exact, "dana"},
		{"a licence number built as the others are", "dana sekar wangi izin KEP-77/D.09/2019", Lookalike, "dana"},
		{"small capitals", "ᴅana sekar wangi", Lookalike, "dana"},
		{"letters in black squares", "🅳ana sekar wangi", Exact, "dana"},
		{"a word of chat among chat", "mau pinjam uang di dana sekar wangi", Exact, "dana"},
		{"the same word beside the name", "uang dana sekar wangi", Lookalike, "dana"},
		{"a program that is sent as a file", "bank-mekar-jaya.apk", Lookalike, "bank"},
		{"the same in a forwarded text", "kak ini dana sekar wangi.apk dari grup, aman?", Lookalike, "dana"},
		{"the app is asked about, no file", "apk dana sekar wangi resmi?", Exact, "dana"},
		{"a link that dials", "tel:+62215550101", Exact, "bank"},
		{"a link that writes an e-mail", "mailto:halo@danasekar.example", Exact, "dana"},
		{"asked politely in English", "can you tell me whether dana sekar wangi is registered", Exact, "dana"},
		{"asked to be checked", "mohon dicek dana sekar wangi", Exact, "dana"},
		{"an impostor's word behind the name is never exact", "Dana Sekar Wangi Official", Confident, "dana"},
		{"nor in front of it", "Admin Bank Mekar Jaya", Confident, "bank"},
		{"nor two of them", "admin resmi dana sekar wangi", Confident, "dana"},
		{"nor the trade's", "dana sekar wangi pinjol", Confident, "dana"},
		{"the same word in a question", "dana sekar wangi resmi?", Exact, "dana"},
		{"asked by a word", "apakah dana sekar wangi resmi", Exact, "dana"},
		{"asked in passing", "dana sekar wangi resmi ga", Exact, "dana"},
		{"told of", "saya ditawari admin dana sekar wangi", Exact, "dana"},
		{"who calls itself an office is a look-alike", "CS Dana Sekar Wangi", Lookalike, "dana"},
		{"on the warning list it changes nothing", "emas berlipat nusantara official", ListedIllegal, "gold"},
		{"nothing near", "warung kopi pagi", None, ""},
		{"nothing but chat", "apakah itu resmi kak?", None, ""},
		{"nothing at all", "", None, ""},
		{"a full stop without its blank is no host", "resmi kak.mohon info", None, ""},
		{"a common word alone raises no alarm", "dana darurat keluarga", None, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := x.Ask(c.ask)
			id := ""
			if len(a.Entries) > 0 {
				id = a.Entries[0].ID
			}
			if a.Outcome != c.outcome || id != c.id {
				t.Errorf("%q: %s %s, want %s %s (%s)", c.ask, a.Outcome, id, c.outcome, c.id, a.Why)
			}
			if a.Why == "" || a.WhyID == "" {
				t.Error("no reason given")
			}
		})
	}
}

func TestLettersOfOtherAlphabetsAreANamesOwn(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "weiss", Name: "Sparkasse Weißfluß", Status: StatusLicensed, Sites: []string{"weißfluß.example"}},
		{ID: "swiss", Name: "Bank Grossdorf", Status: StatusLicensed},
		{ID: "dane", Name: "Sparekassen Sjælland Søby", Status: StatusLicensed},
		{ID: "pole", Name: "Bank Spółdzielczy Łowicz", Status: StatusLicensed},
		{ID: "turk", Name: "Yapı Kredi Işık", Status: StatusLicensed},
		{ID: "viet", Name: "Đông Á Bank", Status: StatusLicensed},
		{ID: "sber", Name: "Сбербанк Россия", Status: StatusLicensed},
		{ID: "mandiri", Name: "Bank Mandala Dipa", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"a sharp s", "is the Sparkasse Weißfluß legit?", Exact, "weiss"},
		{"a sharp s in capitals", "SPARKASSE WEIẞFLUSS", Exact, "weiss"},
		{"a sharp s as people type it elsewhere", "sparkasse weissfluss", Exact, "weiss"},
		{"a sharp s for two", "bank großdorf", Exact, "swiss"},
		{"a sharp s with a typo", "sparkasse weißflub", Confident, "weiss"},
		{"a host with a sharp s", "https://weißfluß.example/", Exact, "weiss"},
		{"which is another than one with two", "https://weissfluss.example/", Lookalike, "weiss"},
		{"joined letters", "sparekassen sjælland søby", Exact, "dane"},
		{"joined letters typed apart", "sparekassen sjaelland soby", Exact, "dane"},
		{"letters with a stroke", "bank spółdzielczy łowicz", Exact, "pole"},
		{"letters without their dot", "yapı kredi Işık", Exact, "turk"},
		{"and with it", "yapi kredi isik", Exact, "turk"},
		{"one word as listed, a typo in another", "yapı kerdi işık", Confident, "turk"},
		{"a crossed letter", "Đông Á Bank resmi?", Exact, "viet"},
		{"a name of another script", "Сбербанк Россия resmi?", Exact, "sber"},
		{"of which one letter is of ours", "Cбербанк Россия", Lookalike, "sber"},
		{"a letter that the listed name has not", "bank mandala dıpa", Lookalike, "mandiri"},
		{"a stroke that it has not", "bank mandała dipa", Lookalike, "mandiri"},
		{"a listed word beside one that imitates", "yapı kredi ışıκ", Lookalike, "turk"},
	})
}

// By sound "lulujo" is a letter off from "lulunyo", by spelling two: too far for a name of one word. It once had no outcome at all.
func TestATypoBySpellingAndSoundAtOnceIsNobody(t *testing.T) {
	x := FromEntries([]Entry{{ID: "a", Name: "Lulunyo", Status: StatusLicensed}})
	for _, text := range []string{"lulujo", "lulujo 0812 3456 7890", "https://lulujo.top/"} {
		if a := x.Ask(text); a.Outcome != None {
			t.Errorf("%q: %+v", text, a)
		}
	}
}

func TestANameWithOneDistinctiveWordMoreIsNeverLicensed(t *testing.T) {
	entries := generated(400, 7)
	x := FromEntries(entries)
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(entries).Draw(t, "entry")
		word := rapid.StringMatching(`[bcdfghjklmnprstvwxz]{3,5}[aiueo][bcdfghjklmnprstvwxz]{2,4}`).Draw(t, "word")
		if words.Chat(word) || words.LegalForm(word) {
			t.Skip("no distinctive word")
		}
		parts := strings.Fields(e.Name)
		at := rapid.IntRange(0, len(parts)).Draw(t, "at")
		text := strings.Join(append(append(append([]string(nil), parts[:at]...), word), parts[at:]...), " ")
		around := rapid.SampledFrom([]string{"%", "apakah % itu resmi kak?", "is % licensed?"}).Draw(t, "around")
		if a := x.Ask(strings.Replace(around, "%", text, 1)); a.Outcome != Lookalike {
			t.Fatalf("%q is %s (%s)", text, a.Outcome, a.Why)
		}
	})
}

func TestAWordThatSoundsShorterThanItIsWrittenIsAWordMore(t *testing.T) {
	x := FromEntries([]Entry{{ID: "1", Name: "CV Banluya Jajuja", Status: StatusLicensed}})
	for text, want := range map[string]Outcome{
		"bbbabb banluya jajuja": Lookalike, // heard, it is "babanluya": two letters more
		"banluya jajuja jjjaaj": Lookalike,
		"ba banluya jajuja":     Lookalike,
		"babanluya jajuja":      Confident, // a syllable stuttered within the word
	} {
		if a := x.Ask(text); a.Outcome != want {
			t.Errorf("%q is %s (%s), not %s", text, a.Outcome, a.Why, want)
		}
	}
}

func TestAForeignIdentifierIsNeverLicensed(t *testing.T) {
	entries := generated(200, 8)
	x := FromEntries(entries)
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(entries).Draw(t, "entry")
		foreign := rapid.SampledFrom([]string{"https://" + e.Sites[0] + ".top/login", "+62 812 9999 8888", "cs@" + strings.Split(e.Sites[0], ".")[0] + ".info", "KEP-999999/X.1/2020"}).Draw(t, "identifier")
		for _, text := range []string{e.Name + " " + foreign, foreign + " " + e.Name, foreign + " " + e.Sites[0]} {
			if a := x.Ask(text); a.Outcome != Lookalike {
				t.Fatalf("%q is %s (%s)", text, a.Outcome, a.Why)
			}
		}
	})
}

func TestEveryListedNameIsFoundByItself(t *testing.T) {
	entries := generated(2000, 9)
	x := FromEntries(entries)
	for _, e := range entries {
		a := x.Ask("apakah " + e.Name + " resmi?")
		if a.Outcome != Exact && a.Outcome != Ambiguous || a.Outcome == Exact && words.Fold(strings.Join(words.Name(a.Entries[0].Name), " ")) != words.Fold(strings.Join(words.Name(e.Name), " ")) {
			t.Errorf("%q is %s %v (%s)", e.Name, a.Outcome, a.Entries, a.Why)
		}
	}
}

func TestOnlyAmbiguousNamesSeveral(t *testing.T) {
	entries := generated(500, 10)
	x := FromEntries(entries)
	rapid.Check(t, func(t *rapid.T) {
		ws := strings.Fields(rapid.SampledFrom(entries).Draw(t, "entry").Name)
		a := x.Ask(strings.Join(rapid.SliceOfN(rapid.SampledFrom(ws), 1, 4).Draw(t, "words"), " "))
		switch n := len(a.Entries); a.Outcome {
		case None:
			if n != 0 {
				t.Fatalf("none with %d entries", n)
			}
		case Ambiguous:
			if n < 2 || n > 3 {
				t.Fatalf("ambiguous with %d entries", n)
			}
		default:
			if n != 1 {
				t.Fatalf("%s with %d entries", a.Outcome, n)
			}
		}
	})
}

func FuzzAsk(f *testing.F) {
	x := sample()
	for _, s := range []string{"dana sekar wangi", "https://a@b.c/\\", "KEP-12/D.05/2021", "\xff\xfe", "ḋ̈ana", strings.Repeat("a b ", 2000), "+62+62+62", "@@..://", "whatsapp://send?phone=%2B62&phone=1", "0215550101 ext. 12 (psw", "danasekarwangi%zz@gmail.com", "https://a.b/%64ana/sekar?wangi=danasekarwangi&&", "ẞß ı Ł dana official"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := x.Ask(s)
		if a.Score < 0 || a.Score > 1 || (a.Outcome == None) != (len(a.Entries) == 0) {
			t.Fatalf("%q: %+v", s, a)
		}
	})
}
