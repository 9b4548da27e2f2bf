package directory

import "testing"

func TestAWordOfALetterOrTwoIsAWord(t *testing.T) {
	x := sample()
	x.check(t, []expected{
		{"behind the name", "dana sekar wangi xy", Lookalike, "dana"},
		{"one letter", "dana sekar wangi x", Lookalike, "dana"},
		{"in front", "xy dana sekar wangi", Lookalike, "dana"},
		{"within", "dana xy sekar wangi", Lookalike, "dana"},
		{"in a sentence", "apakah dana sekar wangi xy itu resmi", Lookalike, "dana"},
		{"the letter before again", "koperasi tjahaja soerja a2 a", Lookalike, "kop"},
		{"behind a joined name", "danasekarwangi xy", Lookalike, "dana"},
		{"beside a typo", "dana sekar wngi x", Lookalike, "dana"},
		{"a word split is none", "dana sekar wa ngi", Confident, "dana"},
		{"nor is one split in a sentence", "kak apakah dana sekar wa ngi itu resmi", Confident, "dana"},
		{"nor half a word that is short for another", "bpr sinar padi band ung", Confident, "bpr"},
		{"letters glued on are a typo", "dana sekar wangix", Confident, "dana"},
	})
	y := FromEntries([]Entry{{ID: "ab", Name: "PT AB Rimba Sentosa", Status: StatusLicensed}, {ID: "j", Name: "Bank J Sentausa", Status: StatusLicensed}})
	z := FromEntries([]Entry{{ID: "sby", Name: "Duta Ksatria Surabaya", Status: StatusLicensed}, {ID: "saya", Name: "Koperasi Saya", Status: StatusLicensed}})
	z.check(t, []expected{
		{"half a word that is an abbreviation", "duta ksatria surab aya", Confident, "sby"},
		{"a kind and chat that are a name", "koperasi saya izin KEP-1/D.05/2021", Lookalike, "saya"},
	})
	y.check(t, []expected{
		{"initials", "ab rimba sentosa", Exact, "ab"},
		{"other initials", "cd rimba sentosa", Lookalike, "ab"},
		{"another letter", "bank z sentausa", Lookalike, "j"},
	})
}

func TestPlacesAndKindsAreAsRigidWhenWordsAreJoined(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "bpr", Name: "BPR Sinar Padi Bandung", Status: StatusLicensed},
		{ID: "bank", Name: "Bank Lumintu", Status: StatusLicensed},
		{ID: "mitra", Name: "Mitra Bandang", Status: StatusLicensed},
		{ID: "bmt", Name: "BPD Kencana", Status: StatusLicensed},
		{ID: "far", Name: "BPR Pehiha Rongara", Status: StatusLicensed},
		{ID: "long", Name: "Asuransi Tigo Mancahna Kupang", Status: StatusLicensed},
		{ID: "kinds", Name: "Bank Juberba Syariah", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"joined", "bprsinarpadibandung", Confident, "bpr"},
		{"joined, a typo in the place", "bprsinarpadibandng", Confident, "bpr"},
		{"joined, a typo elsewhere", "bprsinarpdibandung", Confident, "bpr"},
		{"another place a letter off", "bprsinarpadibadung", Lookalike, "bpr"},
		{"that place joined in part", "bpr sinar padibadung", Lookalike, "bpr"},
		{"and split", "bpr sinar padi bad ung", Lookalike, "bpr"},
		{"another place, joined", "bprsinarpadijakarta", Lookalike, "bpr"},
		{"joined in part", "bpr sinarpadi jakarta", Lookalike, "bpr"},
		{"joined to the word before", "bpr sinar padijakarta", Lookalike, "bpr"},
		{"another kind a letter off", "bprssinarpadibandung", Lookalike, "bpr"},
		{"joined in part, another kind", "bprssinar padi bandung", Lookalike, "bpr"},
		{"another kind joined to a name of one word", "bprlumintu", Lookalike, "bank"},
		{"the same apart", "bpr lumintu", Lookalike, "bank"},
		{"its own kind joined", "banklumintu", Confident, "bank"},
		{"its own kind, a typo", "banklumntu", Confident, "bank"},
		{"a kind a letter off its own", "bprkencana", Lookalike, "bmt"},
		{"joined, in another order and with typos", "bprgongaya pehiha", Lookalike, "far"},
		{"two letters off a place", "tigo mancahna kuzanu", Lookalike, "long"},
		{"a part of a name with two typos", "kuzanu mancahna", None, ""},
		{"a part of a name with one", "mancahna kupnag", Confident, "long"},
		{"a typo between two kinds", "bankjuaerbasyariah", Confident, "kinds"},
		{"chat glued to the place", "bpr sinar padi bandungfake", Lookalike, "bpr"},
		{"a place that is a typo of a word", "mitrabandung", Lookalike, "mitra"},
	})
}

func TestAWordThatIsChatAndAnAbbreviationIsReadByWhereItStands(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "bank", Name: "Bank Mekar Jaya", Status: StatusLicensed},
		{ID: "uus", Name: "Bank Mekar Jaya Syariah", Status: StatusLicensed},
		{ID: "grp", Name: "Rimba Group", Status: StatusLicensed},
		{ID: "dana", Name: "Dana Sekar Wangi", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"sy is I", "sy mau tanya bank mekar jaya", Exact, "bank"},
		{"sy is syariah behind a name", "bank mekar jaya sy", Confident, "uus"},
		{"a group where it is told", "ada di grup wa dana sekar wangi", Exact, "dana"},
		{"a group that is a name's", "rimba grup", Confident, "grp"},
		{"a group that the name has not", "dana sekar wangi grup", Lookalike, "dana"},
		{"sent to me", "they sent me dana sekar wangi", Exact, "dana"},
		{"a kind that the name has not", "dana sekar wangi sy", Lookalike, "dana"},
		{"both readings are somebody", "bank mekar jaya sy mau pinjam", Ambiguous, "uus"},
	})
}

func TestWordsThatNamesHaveAreChatAmongChatOnly(t *testing.T) {
	x := sample()
	x.check(t, []expected{
		{"thanks", "dana sekar wangi resmi? terima kasih", Exact, "dana"},
		{"thanks at once", "dana sekar wangi terima kasih", Exact, "dana"},
		{"a word of the name's own", "dana sekar wangi kasih", Lookalike, "dana"},
		{"a month", "bulan dana sekar wangi", Lookalike, "dana"},
		{"when", "bulan lalu ditawari dana sekar wangi", Exact, "dana"},
		{"a friend", "a friend told me about dana sekar wangi", Exact, "dana"},
		{"one that is the name's", "friend dana sekar wangi", Lookalike, "dana"},
		{"good", "good morning, is dana sekar wangi legit?", Exact, "dana"},
	})
	y := FromEntries([]Entry{{ID: "p", Name: "Pinjam Mandala", Status: StatusLicensed}, {ID: "q", Name: "Dana Aman", Status: StatusLicensed}})
	y.check(t, []expected{
		{"half of the name is chat", "apakah pinjam mandala resmi", Exact, "p"},
		{"half of the name is chat, and a typo in the other", "apakah pinjam mandla resmi", Confident, "p"},
		{"joined", "apakah pinjammandala resmi kak", Confident, "p"},
	})
}

// "sinarpadi" is a letter off one name, and a part of another as it is written.
func TestAPartWithoutATypoCompetesWithAWholeNameThatHasOne(t *testing.T) {
	x := FromEntries([]Entry{{ID: "whole", Name: "Sinarpadu", Status: StatusLicensed}, {ID: "part", Name: "Sinar Padi Kencana", Status: StatusLicensed}})
	for _, ask := range []string{"sinarpadi", "sinar padi"} {
		if a := x.Ask(ask); a.Outcome != Ambiguous || len(a.Entries) != 2 {
			t.Errorf("%q: %s %v (%s)", ask, a.Outcome, a.Entries, a.Why)
		}
	}
}

// "73" reads as "te", and so the word as another listed one, two letters from the name's.
func TestDigitsBehindAWordThatReadAsLettersAreDigits(t *testing.T) {
	x := FromEntries([]Entry{{ID: "a", Name: "Bujansi Mmarte", Status: StatusLicensed}, {ID: "b", Name: "Sinar Martete", Status: StatusLicensed}})
	x.check(t, []expected{
		{"digits behind", "bujansi mmarte73", Lookalike, "a"},
		{"digits for letters", "sinar m4rt3te", Confident, "b"},
	})
}

func TestTheLongFormOfAKindIsKnownHoweverItIsTyped(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "bali", Name: "PT. Bank Pembangunan Daerah Bali", Status: StatusLicensed},
		{ID: "ntt", Name: "PT. Bank Pembangunan Daerah Nusa Tenggara Timur", Status: StatusLicensed},
		{ID: "bpr", Name: "BPR Sinar Padi Bandung", Status: StatusLicensed},
		{ID: "ksp", Name: "Koperasi Simpan Pinjam Bakti Desa", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"as listed", "bank pembangunan daerah bali", Exact, "bali"},
		{"words swapped", "bank daerah pembangunan bali", Confident, "bali"},
		{"all words swapped", "bali daerah pembangunan bank", Confident, "bali"},
		{"a word of the name between", "bank pembangunan nusa daerah tenggara timur", Confident, "ntt"},
		{"a word split", "bank pemb angunan daerah bali", Confident, "bali"},
		{"letters repeated", "bank pembanguuunan daerah bali", Confident, "bali"},
		{"swapped, with a typo", "bali daerah pembagngunan bank", Confident, "bali"},
		{"swapped, with a typo in the name", "timur tenggira nusa daerah pembangunan bank", Confident, "ntt"},
		{"of a kind that is listed short", "sinar padi bandung, bank rakyat perkreditan", Confident, "bpr"},
		{"in a sentence", "min mau tanya bank rakyat perkreditan sinar padi bandung terdaftar gak", Confident, "bpr"},
		{"of words that are chat as well", "simpan pinjam koperasi bakti desa", Confident, "ksp"},
		{"a word of it left out", "bank daerah bali", Lookalike, "bali"},
		{"a word more", "bank daerah pembangunan bali cepat", Lookalike, "bali"},
		{"another kind", "bank rakyat perkreditan bali", Lookalike, "bali"},
		{"typos in all of it", "bamk pembagunan dareah nusa tengara timr", None, ""},
	})
}
