package directory

import (
	"strings"
	"testing"
)

// expected is a row of a table of questions.
type expected struct {
	what, ask string
	outcome   Outcome
	id        string
}

func (x *Index) check(t *testing.T, table []expected) {
	t.Helper()
	for _, c := range table {
		t.Run(c.what, func(t *testing.T) {
			a := x.Ask(c.ask)
			id := ""
			if len(a.Entries) > 0 {
				id = a.Entries[0].ID
			}
			if a.Outcome != c.outcome || id != c.id {
				t.Errorf("%q: %s %q, want %s %q (%s)", c.ask, a.Outcome, id, c.outcome, c.id, a.Why)
			}
			if a.Why == "" || a.WhyID == "" {
				t.Error("no reason given")
			}
		})
	}
}

func TestAnAddressThatFoldsToANameIsNoName(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "bank", Name: "PT Bank Mekar Jaya Tbk", Aliases: []string{"BMJ"}, Status: StatusLicensed},
		{ID: "mitra", Name: "Mitra Finance", Status: StatusLicensed},
		{ID: "dana", Name: "PT Dana Sekar Wangi", Aliases: []string{"danasekar.id"}, Status: StatusLicensed, Sites: []string{"danasekar.example"}},
		{ID: "shop", Name: "PT Lapak.com Tbk", Status: StatusLicensed},
		{ID: "gold", Name: "emas-berlipat.top", Status: StatusIllegal},
	})
	x.check(t, []expected{
		{"a host whose end is a legal form", "bmj.co", Lookalike, "bank"},
		{"a host whose end is a kind of licence", "mitra.finance", Lookalike, "mitra"},
		{"in a sentence", "apakah mitra.finance resmi", Lookalike, "mitra"},
		{"the name itself", "mitra finance", Exact, "mitra"},
		{"a brand that looks like a host", "danasekar.id", Exact, "dana"},
		{"the brand in a sentence", "apakah Danasekar.ID resmi kak?", Exact, "dana"},
		{"a name that looks like a host", "pt lapak.com", Exact, "shop"},
		{"the brand as a link is a link", "https://danasekar.id/login", Lookalike, "dana"},
		{"a host that has the brand in it", "promo.danasekar.id", Lookalike, "dana"},
		{"the brand with a foreign link", "danasekar.id danasekar.top", Lookalike, "dana"},
		{"a host on the warning list by name", "emas-berlipat.top", ListedIllegal, "gold"},
		{"and as a link", "https://emas-berlipat.top/login", ListedIllegal, "gold"},
		{"the brand with a letter of another script", "dаnasekar.id", Lookalike, "dana"},
	})
}

func TestAHostWithOddCharactersIsNeverLicensed(t *testing.T) {
	x := sample()
	for what, ask := range map[string]string{
		"a soft hyphen before a foreign end": "https://danasekar.example\u00ad.evil.top/",
		"a blank of no width before one":     "danasekar.example\u200b.evil.top",
		"a joiner before one":                "danasekar.example\u200d.evil.top",
		"a mark within a label":              "https://evi\u0333l.danasekar.example.top/",
		"a mark in a bare host":              "danase\u0333kar.example",
		"a mark on the last letter":          "danasekar.exampl\u0332e",
		"an underscore":                      "dana_sekar.danasekar.example.top",
		"a soft hyphen within a listed host": "dana\u00adsekar.example",
		"a variation selector within one":    "dana\ufe0fsekar.example",
		"a filler of no width within one":    "dana\u3164sekar.example",
		"another hyphen":                     "evil‐danasekar.example",
		"digits of another script":           "bank٢٤.danasekar.example.top",
		"two links with an odd blank":        "https://danasekar.example\u3000https://evil.top",
		"two links with a blank that stays":  "https://danasekar.example\u00a0https://evil.top",
		"two links in one":                   "https://danasekar.example/https://evil.top",
		"two links with a line between":      "https://danasekar.example|https://evil.top",
		"a comma between":                    "https://danasekar.example,https://evil.top",
		"a comma and a bare host":            "https://danasekar.example/promo,evil.top",
		"an arrow and a bare host":           "https://danasekar.example/promo→evil.top",
		"a foreign host before a comma":      "https://evil.top,app.danasekar.example",
		"and before a bracket":               "https://evil.top(app.danasekar.example",
		"an emoji for a full stop":           "https://evil💥app.danasekar.example",
		"no blank before the second scheme":  "https://danasekar.examplehttps://evil.top",
		"a control character":                "https://danasekar.example\u0085https://evil.top",
		"a line of the next page":            "https://danasekar.example\u2028https://evil.top",
		"an e-mail with an address behind":   "halo@danasekar.example@evil.top",
		"an empty label":                     "https://danasekar..example",
	} {
		t.Run(what, func(t *testing.T) {
			for _, text := range []string{ask, "apakah dana sekar wangi " + ask, strings.ToUpper(ask)} {
				if a := x.Ask(text); a.Outcome == Exact || a.Outcome == Confident {
					t.Errorf("%q is %s %v (%s)", text, a.Outcome, a.Entries, a.Why)
				}
			}
			if a := x.Ask("apakah dana sekar wangi " + ask); a.Outcome != Lookalike {
				t.Errorf("beside the name %q is %s (%s)", ask, a.Outcome, a.Why)
			}
		})
	}
}

func TestAGenuineAddressIsFoundHoweverItStands(t *testing.T) {
	x := sample()
	for what, ask := range map[string]string{
		"in bold":                      "*https://danasekar.example*",
		"in italics":                   "_https://danasekar.example_",
		"in quotes":                    "“https://danasekar.example/promo”",
		"in brackets":                  "(https://danasekar.example)",
		"before an emoji":              "https://danasekar.example🙏",
		"between marks of direction":   "\u2068https://danasekar.example\u2069 asli?",
		"after an odd blank":           "cek\u00a0danasekar.example\u00a0asli",
		"with a comma in its path":     "https://danasekar.example/peta/@-6.2,106.8",
		"with another in its question": "https://danasekar.example?x=evil.top",
		"in wide letters":              "ｄａｎａｓｅｋａｒ．ｅｘａｍｐｌｅ",
		"twice":                        "https://danasekar.example/a https://danasekar.example/b",
	} {
		if a := x.Ask(ask); a.Outcome != Exact || a.Entries[0].ID != "dana" {
			t.Errorf("%s: %q is %s %v (%s)", what, ask, a.Outcome, a.Entries, a.Why)
		}
	}
}

func TestWhatIsTooLongToReadIsNeverLicensed(t *testing.T) {
	x := sample()
	for what, ask := range map[string]string{
		"a link beyond the end":         "dana sekar wangi " + strings.Repeat("itu ", 1000) + "https://evil.top",
		"a word beyond the end":         "apakah dana sekar wangi " + strings.Repeat("itu ", 39) + "cepat",
		"more links than are looked at": "dana sekar wangi " + strings.Repeat("https://danasekar.example ", 16) + "https://evil.top",
		"a licence beyond the end":      "danasekar.example " + strings.Repeat("itu ", 39) + "KEP 99 D 05 2021",
	} {
		if a := x.Ask(ask); a.Outcome != Lookalike || a.Entries[0].ID != "dana" {
			t.Errorf("%s: %s %v (%s)", what, a.Outcome, a.Entries, a.Why)
		}
	}
	if a := x.Ask("dana sekar wangi" + strings.Repeat(" ", 5000)); a.Outcome != Exact {
		t.Errorf("blanks behind the name: %s (%s)", a.Outcome, a.Why)
	}
	if a := x.Ask("emas berlipat nusantara " + strings.Repeat("itu ", 1500)); a.Outcome != ListedIllegal {
		t.Errorf("the warning list: %s (%s)", a.Outcome, a.Why)
	}
}

func TestATelephoneOfAnotherCountryIsAnotherTelephone(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "bank", Name: "Bank Mekar Jaya", Status: StatusLicensed, Phones: []string{"021-555-0101", "0812 3456 789", "1500 123"}},
		{ID: "sing", Name: "Sinar Padi", Status: StatusLicensed, Phones: []string{"+65 6123 4567"}},
	})
	x.check(t, []expected{
		{"with 0", "0215550101", Exact, "bank"},
		{"with +62", "+62 21 555-0101", Exact, "bank"},
		{"with +62 and 0", "+62 (0)21 555 0101", Exact, "bank"},
		{"with 0062", "0062215550101", Exact, "bank"},
		{"with 62", "62812 3456789", Exact, "bank"},
		{"a mobile without 0", "8123456789", Exact, "bank"},
		{"a call centre", "hubungi 1500123", Exact, "bank"},
		{"hyphens that do not break", "021‑555‑0101", Exact, "bank"},
		{"wide digits", "０２１５５５０１０１", Exact, "bank"},
		{"a number of another country", "+65 61234567", Exact, "sing"},
		{"with 00", "006561234567", Exact, "sing"},
		{"a country code that reads as the number", "bank mekar jaya +215550101", Lookalike, "bank"},
		{"that of Japan", "bank mekar jaya +81 23456789", Lookalike, "bank"},
		{"the same with 00", "bank mekar jaya 0081 23456789", Lookalike, "bank"},
		{"another country before it", "bank mekar jaya +60 21 555 0101", Lookalike, "bank"},
		{"the number of another country without its code", "sinar padi 061234567", Lookalike, "sing"},
		{"digits of another script", "bank mekar jaya ٠٨١٢٣٤٥٦٧٨٩٠", Lookalike, "bank"},
	})
}

func TestLicenceNumbersAreEqualPartByPart(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "a", Name: "Dana Sekar", Licence: "KEP-1/12/2001", Status: StatusLicensed},
		{ID: "b", Name: "Sinar Padi", Licence: "KEP-11/3/2001", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"as written", "KEP-1/12/2001", Exact, "a"},
		{"with blanks", "kep 1 12 2001", Exact, "a"},
		{"all joined", "kep1122001", Exact, "a"},
		{"partly joined", "KEP1/122001", Exact, "a"},
		{"the digits parted otherwise", "KEP-11/2/2001", None, ""},
		{"beside the name", "dana sekar KEP-11/2/2001", Lookalike, "a"},
		{"with blanks, parted otherwise", "dana sekar kep 11 2 2001", Lookalike, "a"},
	})
}

func TestAHostThatManyShareIsOwnedByNobody(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "dana", Name: "Dana Sekar Wangi", Status: StatusLicensed, Phones: []string{"0812 3456 789"}, Emails: []string{"danasekar@gmail.com"},
			Sites: []string{"danasekar.example", "https://www.facebook.com/danasekar/", "instagram.com/dana.sekar", "https://play.google.com/store/apps/details?id=id.danasekar.app", "https://bit.ly/DanaSekar"}},
		{ID: "gold", Name: "Emas Berlipat", Status: StatusIllegal, Sites: []string{"https://t.me/emasberlipat"}},
	})
	x.check(t, []expected{
		{"its own page", "https://m.facebook.com/DanaSekar/posts/1", Exact, "dana"},
		{"another page", "dana sekar wangi facebook.com/danasekarpromo", Lookalike, "dana"},
		{"another page alone", "https://www.facebook.com/kopipagi", None, ""},
		{"the whole host", "https://facebook.com", None, ""},
		{"its own account", "instagram.com/dana.sekar", Exact, "dana"},
		{"an account made to look like it", "https://instagram.com/danasekarwangi_promo", Lookalike, "dana"},
		{"its own app", "https://play.google.com/store/apps/details?hl=id&id=id.danasekar.app", Exact, "dana"},
		{"another app", "dana sekar wangi https://play.google.com/store/apps/details?id=top.evil.app", Lookalike, "dana"},
		{"its own short link", "https://bit.ly/DanaSekar", Exact, "dana"},
		{"another short link", "dana sekar wangi https://bit.ly/danasekar", Lookalike, "dana"},
		{"its own number by link", "https://wa.me/628123456789?text=halo", Exact, "dana"},
		{"another number by link", "dana sekar wangi wa.me/6281999999999", Lookalike, "dana"},
		{"an e-mail that many could have", "dana sekar wangi danasekar.promo@gmail.com", Lookalike, "dana"},
		{"its own e-mail", "danasekar@gmail.com", Exact, "dana"},
		{"an account on the warning list", "https://t.me/emasberlipat", ListedIllegal, "gold"},
	})
}

func TestANameOnBothListsIsNeverOnlyOneOfThem(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "good", Name: "Griya Modal Teduh", Aliases: []string{"Gemodu"}, Licence: "KEP-1/12/2001", Status: StatusLicensed, Sites: []string{"griya.example"}},
		{ID: "bad", Name: "PT Griya Modal Teduh", Status: StatusIllegal, Sites: []string{"griya-modal.example"}},
		{ID: "alias", Name: "Padi Kencana Rimba", Aliases: []string{"Witiwa"}, Status: StatusLicensed, Sites: []string{"padi.example"}}, {ID: "other", Name: "Moki Persada", Aliases: []string{"Witiwa"}, Status: StatusIllegal},
		{ID: "bad1", Name: "Rimba Kencana", Status: StatusIllegal}, {ID: "bad2", Name: "PT Rimba Kencana", Status: StatusIllegal}, {ID: "bad3", Name: "CV Rimba Kencana", Status: StatusIllegal},
		{ID: "good4", Name: "UD Rimba Kencana", Status: StatusLicensed},
	})
	for _, ask := range []string{"griya modal teduh", "griya modal tedh", "apakah griya modal teduh resmi", "griya modal teduh https://griya.example", "griya modal teduh KEP-1/12/2001", "rimba kencana"} {
		a := x.Ask(ask)
		licensed, illegal := 0, 0
		for _, e := range a.Entries {
			if e.Status == StatusIllegal {
				illegal++
			} else {
				licensed++
			}
		}
		if a.Outcome != Ambiguous || licensed == 0 || illegal == 0 {
			t.Errorf("%q: %s %v (%s)", ask, a.Outcome, a.Entries, a.Why)
		}
	}
	if a := x.Ask("padi kencana rimba padi.example"); a.Outcome != Exact {
		t.Errorf("a name of its own beside an alias that another bears: %s %v (%s)", a.Outcome, a.Entries, a.Why)
	}
	if a := x.Ask("griya modal teduh evil.top"); a.Outcome != Lookalike || a.Entries[0].ID != "good" || !strings.Contains(a.Why, "warning list") {
		t.Errorf("with a foreign link: %s %v (%s)", a.Outcome, a.Entries, a.Why)
	}
}

func TestTheNumberThatAWhatsAppLinkOpensIsATelephone(t *testing.T) {
	x := sample()
	x.check(t, []expected{
		{"a short link", "wa.me/62215550101", Exact, "bank"},
		{"with a text", "https://wa.me/62215550101?text=halo", Exact, "bank"},
		{"a long link", "https://api.whatsapp.com/send?phone=62215550101", Exact, "bank"},
		{"without a scheme, with a plus", "api.whatsapp.com/send/?phone=%2B62215550101&text=halo", Exact, "bank"},
		{"the browser's", "https://web.whatsapp.com/send?phone=62215550101", Exact, "bank"},
		{"the program's own", "whatsapp://send?text=halo&phone=62215550101", Exact, "bank"},
		{"beside the name", "bank mekar jaya https://api.whatsapp.com/send?phone=62215550101", Exact, "bank"},
		{"a foreign number beside the name", "bank mekar jaya https://api.whatsapp.com/send?phone=6281299998888", Lookalike, "bank"},
		{"a foreign number", "https://api.whatsapp.com/send?phone=6281299998888", None, ""},
		{"a number and a foreign host in one", "https://evil.top/send?phone=62215550101", None, ""},
		{"a host that only looks like it", "bank mekar jaya https://api.whatsapp.com.evil.top/send?phone=62215550101", Lookalike, "bank"},
		{"a number before the at sign", "https://api.whatsapp.com/send?phone=62215550101@evil.top dana sekar wangi", Lookalike, "dana"},
		{"two numbers", "bank mekar jaya https://api.whatsapp.com/send?phone=62215550101&phone=6281299998888", Lookalike, "bank"},
		{"a chat that says no number", "bank mekar jaya https://wa.me/message/ABCDEF", Lookalike, "bank"},
	})
}

func TestAnExtensionIsPartOfItsTelephone(t *testing.T) {
	x := sample()
	x.check(t, []expected{
		{"short", "021-555-0101 ext 12", Exact, "bank"},
		{"with its full stop", "bank mekar jaya (021) 5550101 ext. 1203", Exact, "bank"},
		{"in Indonesian", "hubungi 0215550101 pesawat 12 atau 13", Lookalike, "bank"},
		{"in Indonesian, alone", "hubungi 0215550101, pesawat: 12 benar?", Exact, "bank"},
		{"in brackets", "021 5550101 (psw. 7)", Exact, "bank"},
		{"of a foreign number", "bank mekar jaya 0812 9999 8888 ext 12", Lookalike, "bank"},
		{"so many digits are another number", "021-555-0101 ext 081299998888", Lookalike, "bank"},
		{"a word is no extension", "021-555-0101 extra 12", Lookalike, "bank"},
	})
}

func TestAForeignAddressThatSpellsANameIsWarnedOf(t *testing.T) {
	x := FromEntries([]Entry{
		{ID: "dana", Name: "PT Dana Sekar Wangi", Aliases: []string{"DSW", "DanaSekar"}, Status: StatusLicensed, Sites: []string{"danasekar.example"}},
		{ID: "bank", Name: "Bank Mekar", Status: StatusLicensed}, {ID: "one", Name: "Nusantara", Status: StatusLicensed},
		{ID: "gold", Name: "Emas Berlipat Nusantara", Status: StatusIllegal}, {ID: "fast", Name: "Dana Sekar Wangi Cepat", Status: StatusIllegal},
		{ID: "sari", Name: "Koperasi Sari", Status: StatusLicensed}, {ID: "loan", Name: "Pinjaman Online", Status: StatusLicensed}, {ID: "city", Name: "Bank Jakarta", Status: StatusLicensed},
	})
	x.check(t, []expected{
		{"an e-mail of everybody's", "danasekarwangi@gmail.com", Lookalike, "dana"},
		{"with more in front", "cs.dana-sekar-wangi2024@gmail.com", Lookalike, "dana"},
		{"with more glued on", "infodanasekarwangi@yahoo.com", Lookalike, "dana"},
		{"glued to its first word", "infodana.sekar.wangi24@yahoo.com", Lookalike, "dana"},
		{"by a brand of one word", "danasekar@gmail.com", Lookalike, "dana"},
		{"of a foreign host", "bankmekar@promo.top", Lookalike, "bank"},
		{"a path", "https://promo.top/daftar/dana-sekar-wangi/masuk?x=1", Lookalike, "dana"},
		{"a path in per cent signs", "https://promo.top/%64ana%20sekar%20wangi", Lookalike, "dana"},
		{"a question", "https://promo.top/?ref=danasekarwangi", Lookalike, "dana"},
		{"a label among many", "https://danasekarwangi.akun.verifikasi.aman.masuk.promo.top", Lookalike, "dana"},
		{"beside another foreign address", "klik https://promo.top lalu kirim ke danasekarwangi@gmail.com", Lookalike, "dana"},
		{"one that has another's name in it", "danasekarwangicepat@gmail.com", ListedIllegal, "fast"},
		{"one of the warning list", "emasberlipatnusantara@gmail.com", ListedIllegal, "gold"},
		{"somebody's own name", "budi.santoso@gmail.com", None, ""},
		{"a name of a few letters", "dsw@gmail.com", None, ""},
		{"a part of a name", "wangi.sekar@gmail.com", None, ""},
		{"a common word within", "https://berita.top/kabar-nusantara-hari-ini", None, ""},
		{"that word alone", "nusantara@gmail.com", Lookalike, "one"},
		{"words of the trade", "https://promo.top/pinjaman-online-cepat", None, ""},
		{"and they alone", "pinjamanonline@gmail.com", None, ""},
		{"a kind and a place", "bankjakarta@gmail.com", Lookalike, "city"},
		{"which stand in anything", "https://berita.top/daftar-bank-jakarta-selatan", None, ""},
		{"letters that happen to stand within", "https://promo.top/abankmekarb", None, ""},
	})
}
