package lookup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// kindsOfQuery are all the ways to ask that are measured.
var kindsOfQuery = []kind{
	{name: "as written", class: Genuine, make: asWritten},
	{name: "small, without legal form", class: Genuine, make: func(_ *asker, e *directory.Entry) (string, bool) { return strings.Join(name(e), " "), true }},
	{name: "capitals and punctuation", class: Genuine, make: func(_ *asker, e *directory.Entry) (string, bool) {
		return strings.ToUpper(strings.Join(name(e), "-")) + ", P.T.!!", true
	}},
	{name: "brand name", class: Genuine, make: alias},
	{name: "sentence", class: Genuine, make: around(sentences, asWritten)},
	{name: "sentence, English", class: Genuine, make: around(english, asWritten)},
	{name: "emoji", class: Genuine, make: around(emoji, asWritten)},
	{name: "wide letters", class: Genuine, make: wide},
	{name: "bold letters", class: Genuine, make: bold},
	{name: "confusable letters", class: Genuine, typed: true, strange: true, make: confusable},
	{name: "letter replaced", class: Genuine, typed: true, make: typo(0)},
	{name: "letter left out", class: Genuine, typed: true, make: typo(1)},
	{name: "letter put in", class: Genuine, typed: true, make: typo(2)},
	{name: "letters changed about", class: Genuine, typed: true, make: typo(3)},
	{name: "key beside", class: Genuine, typed: true, make: keyboard},
	{name: "two typos", class: Genuine, typed: true, make: twoTypos},
	{name: "typo in a sentence", class: Genuine, typed: true, make: around(sentences, typo(0))},
	{name: "word missing", class: Genuine, typed: true, hard: true, make: missing},
	{name: "words joined", class: Genuine, typed: true, make: joinedTwo},
	{name: "all joined", class: Genuine, typed: true, make: joinedAll},
	{name: "all joined, typo", class: Genuine, typed: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s, ok := typo(a.r.IntN(4))(a, e)
		return strings.ReplaceAll(s, " ", ""), ok && len(name(e)) > 1
	}},
	{name: "word split", class: Genuine, typed: true, make: split},
	{name: "words swapped", class: Genuine, typed: true, hard: true, make: swapped},
	{name: "words swapped, typo", class: Genuine, typed: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s, ok := typo(a.r.IntN(4))(a, e)
		ws := strings.Fields(s)
		slices.Reverse(ws)
		return strings.Join(ws, " "), ok && len(ws) > 1
	}},
	{name: "abbreviated", class: Genuine, typed: true, make: abbreviated},
	{name: "old spelling", class: Genuine, typed: true, hard: true, make: rewritten("sy", "sj", "ny", "nj", "u", "oe", "j", "dj", "c", "tj", "y", "j")},
	{name: "informal spelling", class: Genuine, typed: true, make: rewritten("k", "q", "s", "z", "f", "v", "ks", "x")},
	{name: "digits for letters", class: Genuine, typed: true, make: digits},
	{name: "letters repeated", class: Genuine, typed: true, make: repeated},
	{name: "licence number", class: Genuine, foreign: true, make: licence("%")},
	{name: "licence number, written otherwise", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		return "nomor izin " + strings.NewReplacer("/", " ", "-", " ", ".", "").Replace(strings.ToLower(e.Licence)) + " itu siapa", e.Licence != ""
	}},
	{name: "licence number and name", class: Genuine, foreign: true, make: func(_ *asker, e *directory.Entry) (string, bool) {
		return e.Name + " izin " + e.Licence, e.Licence != ""
	}},
	{name: "host", class: Genuine, foreign: true, make: host("%")},
	{name: "link", class: Genuine, foreign: true, make: host("https://www.%/promo?id=1 asli?")},
	{name: "host, odd ways", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		return pick(a.r, []string{"HTTP://" + strings.ToUpper(h) + ":443/a", h + ".", "https://evil.example@" + h + "/x", "http:\\\\" + h, "https://" + h + "?x=evil.top"}), ok
	}},
	{name: "subdomain", class: Genuine, foreign: true, make: host("apakah app.% resmi?")},
	{name: "e-mail", class: Genuine, foreign: true, make: host("dapat email dari cs@%")},
	{name: "phone", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		if len(e.Phones) == 0 {
			return "", false
		}
		d := national(e.Phones[0])
		return pick(a.r, []string{"0" + d, "+62" + d, "62 " + d[:2] + "-" + d[2:], "ditelepon (0" + d[:2] + ") " + d[2:]}), true
	}},
	{name: "WhatsApp link", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		if len(e.Phones) == 0 {
			return "", false
		}
		return "https://" + pick(a.r, []string{"wa.me/", "api.whatsapp.com/send?phone="}) + "62" + national(e.Phones[0]), true
	}},
	{name: "phone with an extension", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		if len(e.Phones) == 0 {
			return "", false
		}
		return "0" + national(e.Phones[0]) + pick(a.r, []string{" ext ", " ext. ", " pesawat "}) + fmt.Sprint(10+a.r.IntN(990)), true
	}},
	{name: "impostor's word beside it", class: Genuine, typed: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		return pick(a.r, []string{e.Name + " Official", e.Name + " Resmi", "Admin " + e.Name}), true
	}},
	{name: "forwarded text", class: Genuine, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("https://%/")(a, e)
		return "Kak tolong cek " + e.Name + " link " + h + " ini benar?", ok
	}},

	{name: "word added behind", class: Fake, added: true, make: added(1)},
	{name: "word added in front", class: Fake, added: true, make: added(0)},
	{name: "word added within", class: Fake, added: true, make: added(2)},
	{name: "selling word added", class: Fake, added: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), " ") + " " + pick(a.r, strings.Fields("cepat kilat plus online instan express promo hadiah cashback vip gold pro premium berkah center official2 sejati")), true
	}},
	{name: "word added in a sentence", class: Fake, added: true, make: around(sentences, added(1))},
	{name: "word replaced", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		ws := append([]string(nil), name(e)...)
		at := a.some(ws, 3)
		if at < 0 || len(ws) < 2 {
			return "", false
		}
		w := a.word()
		if words.Distance(w, ws[at], 3) < 3 {
			return "", false
		}
		ws[at] = w
		return strings.Join(ws, " "), names(ws) > 1
	}},
	{name: "another place", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		ws := append([]string(nil), name(e)...)
		other := pick(a.r, places)
		if last := len(ws) - 1; words.City(ws[last]) && other != ws[last] {
			ws[last] = other
			return strings.Join(ws, " "), names(ws) > 1
		}
		return "", false
	}},
	{name: "another kind of licence", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		ws := append([]string(nil), name(e)...)
		other := pick(a.r, []string{"bank", "bpr", "bprs", "ksp", "kspps", "koperasi", "asuransi", "gadai", "sekuritas"})
		if !words.Kind(ws[0]) || other == ws[0] {
			return "", false
		}
		ws[0] = other
		return strings.Join(ws, " "), true
	}},
	{name: "syariah added", class: Fake, added: true, make: func(_ *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), " ") + " syariah", !slices.Contains(name(e), "syariah")
	}},
	{name: "digits behind", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), " ") + pick(a.r, []string{"", " "}) + fmt.Sprint(2+a.r.IntN(98)), true
	}},
	{name: "letters glued on", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), " ") + invented(a.r, 2), true
	}},
	{name: "all joined, letters glued on", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		s := strings.Join(name(e), "")
		return pick(a.r, []string{s + invented(a.r, 2), invented(a.r, 2) + s}), len(s) >= 8
	}},
	{name: "all joined, word added", class: Fake, added: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), "") + " " + a.word(), len(name(e)) > 1
	}},
	{name: "typo and word added", class: Fake, make: func(a *asker, e *directory.Entry) (string, bool) {
		s, ok := typo(0)(a, e)
		return s + " " + a.word(), ok
	}},
	{name: "foreign host with the name in it", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s := strings.Join(name(e), pick(a.r, []string{"", "-"}))
		return "https://" + s + pick(a.r, []string{"-promo.top", "-login.xyz", ".vip", ".my.id", "24.com", ".info"}) + "/", len(s) > 7
	}},
	{name: "host a letter off", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		label, rest, _ := strings.Cut(h, ".")
		w, changed := edited(a.r, label, a.r.IntN(4))
		return w + "." + rest, ok && changed && len(label) > 8 && !strings.HasPrefix(w, "-") && !strings.HasSuffix(w, "-") && !strings.Contains(w, "--")
	}},
	{name: "host of another end", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		label, _, _ := strings.Cut(h, ".")
		return "cek " + label + pick(a.r, []string{".top", ".xyz", ".site", ".live"}), ok
	}},
	{name: "name and foreign host", class: Fake, foreign: true, make: beside("https://promo-cair.top/daftar", "klik-sini.xyz", "bit.ly/3xYz")},
	{name: "name and foreign phone", class: Fake, foreign: true, make: beside("0812 9999 8888", "+62 857-1234-9876", "081299998888")},
	{name: "name and foreign e-mail", class: Fake, foreign: true, make: beside("cs@layanan-resmi.top", "admin@bantuan.site")},
	{name: "name and foreign licence", class: Fake, foreign: true, make: beside("KEP-9999999/D.05/2021", "izin KEP-8888888/NB.11/2018")},
	{name: "host before the at sign", class: Fake, foreign: true, make: host("https://%@pinjam-kilat.top/")},
	{name: "host in front of a foreign one", class: Fake, foreign: true, make: host("%.verifikasi-akun.top")},
	{name: "host in another script", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		i := strings.IndexAny(h, "aeopc")
		if i < 0 || !ok {
			return "", false
		}
		return "https://" + h[:i] + string(strange[rune(h[i])]) + h[i+1:] + "/", i < strings.IndexByte(h, '.')
	}},
	{name: "e-mail of a foreign host", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s := strings.Join(name(e), "")
		return s + "@" + s + "-cs.top", len(s) > 7
	}},
	{name: "e-mail of everybody's with the name", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s := strings.Join(name(e), pick(a.r, []string{"", ".", "_"}))
		return pick(a.r, []string{"", "cs.", "info"}) + s + pick(a.r, []string{"", "24"}) + "@gmail.com", len(s) > 9
	}},
	{name: "foreign link with the name in its path", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		s := strings.Join(name(e), pick(a.r, []string{"", "-"}))
		return "https://promo-cair.top/" + pick(a.r, []string{"", "daftar/", "?ref="}) + s, len(s) > 9
	}},
	{name: "name and foreign WhatsApp link", class: Fake, foreign: true, make: beside("https://wa.me/6281299998888", "https://api.whatsapp.com/send?phone=6281299998888")},
	{name: "hosts of two entries", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		other, ok2 := host("%")(a, &a.c.Entries[a.r.IntN(len(a.c.Entries))])
		return h + " " + other, ok && ok2 && h != other
	}},
	{name: "genuine host and a foreign word", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		h, ok := host("%")(a, e)
		w := a.word()
		return h + " " + w, ok && !strings.Contains(strings.Join(name(e), " "), w)
	}},
	{name: "forwarded text with a foreign link", class: Fake, foreign: true, make: func(a *asker, e *directory.Entry) (string, bool) {
		return "Kak ada pesan dari " + e.Name + " minta klik https://" + strings.Join(name(e), "") + "-cair.top/ verifikasi, aman?", true
	}},

	{name: "illegal, as written", class: Illegal, make: asWritten},
	{name: "illegal, sentence", class: Illegal, make: around(sentences, asWritten)},
	{name: "illegal, typo", class: Illegal, make: typo(0)},
	{name: "illegal, joined", class: Illegal, make: joinedAll},
	{name: "illegal, swapped", class: Illegal, make: swapped},
	{name: "illegal, host", class: Illegal, foreign: true, make: host("https://%/")},
	{name: "illegal, with a foreign host", class: Illegal, foreign: true, make: beside("https://promo-cair.top/daftar")},
	{name: "illegal, word added", class: Illegal, make: added(1)},

	{name: "absent, a name", class: Absent, make: func(a *asker, _ *directory.Entry) (string, bool) {
		ws := []string{invented(a.r, 3), invented(a.r, 2+a.r.IntN(2))}
		if a.r.IntN(2) == 0 {
			ws = append(ws, pick(a.r, common))
		}
		return strings.Join(ws, " "), true
	}},
	{name: "absent, a name of known words", class: Absent, make: func(a *asker, _ *directory.Entry) (string, bool) {
		return a.word() + " " + a.word() + " " + pick(a.r, common), true
	}},
	{name: "absent, one word", class: Absent, make: func(a *asker, _ *directory.Entry) (string, bool) { return invented(a.r, 3), true }},
	{name: "absent, in a sentence", class: Absent, make: func(a *asker, _ *directory.Entry) (string, bool) {
		return strings.Replace(pick(a.r, sentences), "%", invented(a.r, 3)+" "+invented(a.r, 3), 1), true
	}},
	{name: "absent, host", class: Absent, foreign: true, make: func(a *asker, _ *directory.Entry) (string, bool) {
		return "https://" + invented(a.r, 4) + ".com/", true
	}},
	{name: "plain talk", class: Talk, make: func(a *asker, _ *directory.Entry) (string, bool) { return talk(a.r), true }},

	{name: "a letter or two glued on", class: Grey, make: func(a *asker, e *directory.Entry) (string, bool) {
		return strings.Join(name(e), " ") + string(letters[a.r.IntN(26)]), len(strings.Join(name(e), "")) > 8
	}},
}

func names(ws []string) int {
	n := 0
	for _, w := range ws {
		if !words.Kind(w) {
			n++
		}
	}
	return n
}

func licence(template string) func(a *asker, e *directory.Entry) (string, bool) {
	return func(_ *asker, e *directory.Entry) (string, bool) {
		return strings.Replace(template, "%", e.Licence, 1), e.Licence != ""
	}
}

func host(template string) func(a *asker, e *directory.Entry) (string, bool) {
	return func(_ *asker, e *directory.Entry) (string, bool) {
		if len(e.Sites) == 0 {
			return "", false
		}
		return strings.Replace(template, "%", bare(e.Sites[0]), 1), true
	}
}

func beside(identifiers ...string) func(a *asker, e *directory.Entry) (string, bool) {
	return func(a *asker, e *directory.Entry) (string, bool) { return e.Name + " " + pick(a.r, identifiers), true }
}

func added(where int) func(a *asker, e *directory.Entry) (string, bool) {
	return func(a *asker, e *directory.Entry) (string, bool) {
		ws := name(e)
		at := len(ws)
		switch where {
		case 0:
			at = 0
		case 2:
			if len(ws) < 2 {
				return "", false
			}
			at = 1 + a.r.IntN(len(ws)-1)
		}
		return strings.Join(slices.Insert(slices.Clone(ws), at, a.word()), " "), true
	}
}

func national(phone string) string {
	d := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, phone)
	return strings.TrimLeft(strings.TrimPrefix(d, "62"), "0")
}
