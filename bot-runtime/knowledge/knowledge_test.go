package knowledge

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/loket-dev/loket/api/v1alpha1"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(days int) *metav1.Time { return &metav1.Time{Time: now.AddDate(0, 0, days)} }

func answers() v1alpha1.KnowledgeSpec {
	return v1alpha1.KnowledgeSpec{Entries: []v1alpha1.KnowledgeEntry{
		{Name: "signs", Questions: v1alpha1.Words{"id": {"ciri pinjol ilegal", "bagaimana mengenali pinjaman ilegal"}, "en": {"signs of illegal lending"}},
			Answer: v1alpha1.Text{"id": "Ciri: …", "en": "Signs: …"}},
		{Name: "complaint", Questions: v1alpha1.Words{"id": {"syarat pengaduan", "dokumen pengaduan apa saja"}, "en": {"documents for a complaint"}},
			Answer: v1alpha1.Text{"id": "Siapkan …", "en": "Have ready …"}},
		{Name: "holiday", Questions: v1alpha1.Words{"id": {"libur lebaran"}}, Answer: v1alpha1.Text{"id": "Libur.", "en": "Closed."}, ValidFrom: at(-20), ValidUntil: at(10)},
		{Name: "last-year", Questions: v1alpha1.Words{"id": {"libur tahun lalu"}}, Answer: v1alpha1.Text{"id": "Lalu.", "en": "Past."}, ValidUntil: at(-1), Owner: "Humas"},
	}}
}

func TestAQuestionFindsItsApprovedAnswer(t *testing.T) {
	set, _ := Build(answers(), []string{"id", "en"}, now)
	for _, c := range []struct{ what, ask, entry string }{
		{"the very words", "ciri pinjol ilegal", "signs"},
		{"with politeness around", "halo kak, mau tanya ciri pinjol ilegal dong", "signs"},
		{"with a typo", "cirri pinjol ilegal", "signs"},
		{"in another order", "pinjol ilegal ciri cirinya", ""},
		{"in English", "what are the signs of illegal lending?", "signs"},
		{"another entry", "dokumen pengaduan", "complaint"},
		{"a firm's name makes it another question", "ciri pinjol ilegal dana mekar", ""},
		{"a name alone", "dana mekar jaya", ""},
		{"an answer in its time", "libur lebaran", "holiday"},
		{"an answer past its time", "libur tahun lalu", ""},
		{"a greeting", "halo kak", ""},
		{"nothing", "", ""},
		{"a long story", strings.Repeat("ciri pinjol ilegal ", 30), ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			e, ok := set.Match(c.ask, "id", now)
			got := ""
			if ok {
				got = e.Name
			}
			if got != c.entry {
				t.Errorf("%q finds %q, want %q", c.ask, got, c.entry)
			}
		})
	}
}

func TestAnAnswerIsGivenInTheLanguageOrTheFirstThereIs(t *testing.T) {
	set, _ := Build(answers(), []string{"id", "en"}, now)
	e, _ := set.Match("syarat pengaduan", "id", now)
	if e.Answer("en") != "Have ready …" || e.Answer("jv") != "Siapkan …" {
		t.Errorf("%q, %q", e.Answer("en"), e.Answer("jv"))
	}
}

func TestExpiryAndFaultsAreTold(t *testing.T) {
	spec := answers()
	spec.Entries = append(spec.Entries,
		v1alpha1.KnowledgeEntry{Name: "half", Questions: v1alpha1.Words{"id": {"syarat pengaduan"}}, Answer: v1alpha1.Text{"id": "{{ x }}"}},
		v1alpha1.KnowledgeEntry{Name: "signs", Questions: v1alpha1.Words{"id": {"x"}}, Answer: v1alpha1.Text{"id": "x", "en": "x"}},
		v1alpha1.KnowledgeEntry{Name: "polite", Questions: v1alpha1.Words{"id": {"halo kak"}}, Answer: v1alpha1.Text{"id": "x", "en": "x"}})
	set, findings := Build(spec, []string{"id", "en"}, now)
	var got []string
	for _, f := range findings {
		s := f.Path + " " + f.Reason
		if f.Advice {
			s += " (advice)"
		}
		got = append(got, s)
	}
	want := []string{
		"entries[holiday].validUntil Expiring (advice)",
		"entries[last-year].validUntil Expired (advice)",
		"entries[half].answer.id NotExpanded (advice)",
		"entries[half].answer.en MissingTranslation",
		"entries[half].questions.id[0] Duplicate",
		"entries[signs] Duplicate",
		"entries[polite].questions.id[0] EmptyQuestion",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if set.Expired(now) != 1 || !strings.Contains(findings[1].Message, "have Humas renew") {
		t.Errorf("%d expired, %s", set.Expired(now), findings[1].Message)
	}
}

func FuzzMatch(f *testing.F) {
	set, _ := Build(answers(), []string{"id", "en"}, now)
	f.Add("ciri pinjol ilegal")
	f.Add("\xff ḋ̈ 🙏")
	f.Fuzz(func(t *testing.T, s string) { set.Match(s, "id", now) })
}

func TestQuestionsInShortFormsFindTheirAnswer(t *testing.T) {
	s, findings := Build(v1alpha1.KnowledgeSpec{Entries: []v1alpha1.KnowledgeEntry{
		{Name: "signs", Questions: v1alpha1.Words{"id": {"bagaimana mengenali pinjol ilegal", "ciri pinjaman online ilegal"}}, Answer: v1alpha1.Text{"id": "Ciri."}},
		{Name: "sent", Questions: v1alpha1.Words{"id": {"sudah transfer tapi tidak ada kabar"}}, Answer: v1alpha1.Text{"id": "Bank."}},
	}}, []string{"id"}, now)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	for asked, want := range map[string]string{
		"gmn mengenali pinjol ilegal":           "signs",
		"bgmn sih ngenalin pinjol ilegal kak":   "",
		"ciri pinjol ilegal":                    "signs",
		"udh tf tp gak ada kabar":               "sent",
		"sdh trf tapi ga ada kabar min":         "sent",
		"udh tf tp gak ada kabar dr Dana Kilat": "",
	} {
		got := ""
		if e, ok := s.Match(asked, "id", now); ok {
			got = e.Name
		}
		if got != want {
			t.Errorf("%q finds %q, want %q", asked, got, want)
		}
	}
}
