// Package knowledge finds the approved answer to a question that citizens ask in their own words. It is pure: entries in,
// set out; text, language and time in, entry out. It would rather find nothing than the wrong answer.
package knowledge

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory/words"
)

// How sure a match must be.
const (
	// threshold of similarity, 0 to 1; margin is by how much the best must be ahead of another entry's best.
	threshold = 0.62
	margin    = 0.05
	// maxQuery bounds the question that is compared; a longer text is a story, not a question.
	maxQuery = 400
	// expiringSoon is when an answer's end is worth telling.
	expiringSoon = 30 * 24 * time.Hour
)

// Set is compiled Knowledge. It is immutable and safe for concurrent use.
type Set struct {
	entries   []Entry
	questions []question
	equal     map[string][]int // folded question without politeness → indices of questions
	idf       map[string]float64
}

// Entry is one approved answer.
type Entry struct {
	Name   string
	Source string
	answer v1alpha1.Text
	first  string // language that is fallen back to
	from   time.Time
	until  time.Time
}

// Answer in a language, or in the first that there is.
func (e *Entry) Answer(language string) string {
	if a, ok := e.answer[language]; ok {
		return string(a)
	}
	return string(e.answer[e.first])
}

type question struct {
	entry    int
	language string
	grams    map[string]float64
	norm     float64
	words    map[string]bool // those that carry the meaning
}

// Build compiles the entries. Languages are the tenant's: an answer that is missing in one of them is a finding. Expired and
// soon expiring answers are advice.
func Build(spec v1alpha1.KnowledgeSpec, languages []string, now time.Time) (*Set, []bundle.Finding) {
	s := &Set{equal: map[string][]int{}, idf: map[string]float64{}}
	var findings []bundle.Finding
	find := func(advice bool, reason, path, format string, args ...any) {
		findings = append(findings, bundle.Finding{Path: path, Reason: reason, Message: fmt.Sprintf(format, args...), Advice: advice})
	}
	names := map[string]bool{}
	owner := map[string]string{}
	var all []string
	var folded []string
	for i := range spec.Entries {
		e := &spec.Entries[i]
		path := fmt.Sprintf("entries[%s]", e.Name)
		if names[string(e.Name)] {
			find(false, "Duplicate", path, "two entries are named %q; rename one", e.Name)
			continue
		}
		names[string(e.Name)] = true
		out := Entry{Name: string(e.Name), Source: e.Source, answer: e.Answer}
		for _, l := range languages {
			if e.Answer[l] == "" {
				find(false, "MissingTranslation", path+".answer."+l, "missing; add it or remove %s from the tenant's languages", l)
			} else if out.first == "" {
				out.first = l
			}
			if strings.Contains(string(e.Answer[l]), "{{") {
				find(true, "NotExpanded", path+".answer."+l, "an approved answer is said as it is written: {{ }} means nothing here")
			}
		}
		if out.first == "" {
			for l := range e.Answer {
				if out.first == "" || l < out.first {
					out.first = l
				}
			}
		}
		if e.ValidFrom != nil {
			out.from = e.ValidFrom.Time
		}
		if e.ValidUntil != nil {
			out.until = e.ValidUntil.Time
			switch left := out.until.Sub(now); {
			case left <= 0:
				find(true, "Expired", path+".validUntil", "expired on %s and is no longer given; have %s renew or remove it", out.until.Format(time.DateOnly), orOwner(e.Owner))
			case left < expiringSoon:
				find(true, "Expiring", path+".validUntil", "expires on %s; have %s renew it", out.until.Format(time.DateOnly), orOwner(e.Owner))
			}
		}
		s.entries = append(s.entries, out)
		for _, l := range sortedKeys(e.Questions) {
			for j, q := range e.Questions[l] {
				f := strip(string(q))
				if f == "" {
					find(false, "EmptyQuestion", fmt.Sprintf("%s.questions.%s[%d]", path, l, j), "nothing is left of %q without greeting; add what is asked", q)
					continue
				}
				if other, taken := owner[f]; taken && other != string(e.Name) {
					find(false, "Duplicate", fmt.Sprintf("%s.questions.%s[%d]", path, l, j), "entry %q is asked by the same words; keep one", other)
					continue
				}
				owner[f] = string(e.Name)
				s.equal[f] = append(s.equal[f], len(s.questions))
				s.questions = append(s.questions, question{entry: len(s.entries) - 1, language: l, words: content(f)})
				folded = append(folded, f)
				all = append(all, f)
			}
		}
	}
	s.weigh(all)
	for i := range s.questions {
		s.questions[i].grams, s.questions[i].norm = s.vector(folded[i])
	}
	return s, findings
}

// Entries is how many there are; Expired how many are past their end at a time.
func (s *Set) Entries() int { return len(s.entries) }

// Expired counts entries that are past their end.
func (s *Set) Expired(now time.Time) int {
	n := 0
	for i := range s.entries {
		if !s.entries[i].until.IsZero() && !now.Before(s.entries[i].until) {
			n++
		}
	}
	return n
}

// Match finds the entry that a text asks for: an equal question, else the one that is surely nearest. The language decides
// between equals only: citizens mix languages.
func (s *Set) Match(text, language string, now time.Time) (*Entry, bool) {
	if len(text) > maxQuery {
		return nil, false
	}
	f := strip(text)
	if f == "" {
		return nil, false
	}
	for _, i := range s.equal[f] {
		if e := &s.entries[s.questions[i].entry]; e.valid(now) {
			return e, true
		}
	}
	grams, norm := s.vector(f)
	if norm == 0 {
		return nil, false
	}
	meant := content(f)
	scores := make([]float64, len(s.entries))
	best := -1
	for i := range s.questions {
		q := &s.questions[i]
		if !s.entries[q.entry].valid(now) || !covers(meant, q.words) {
			continue
		}
		score := cosine(grams, norm, q)
		if q.language == language {
			score += 0.01
		}
		scores[q.entry] = max(scores[q.entry], score)
		if best < 0 || scores[q.entry] > scores[best] {
			best = q.entry
		}
	}
	if best < 0 || scores[best] < threshold {
		return nil, false
	}
	for i, score := range scores {
		if i != best && score > scores[best]-margin {
			return nil, false
		}
	}
	return &s.entries[best], true
}

func (e *Entry) valid(now time.Time) bool {
	return (e.from.IsZero() || !now.Before(e.from)) && (e.until.IsZero() || now.Before(e.until))
}

// covers: a word that the question does not know, such as a firm's name, makes it another question. One typo a word is
// forgiven.
func covers(asked, known map[string]bool) bool {
	for w := range asked {
		if known[w] {
			continue
		}
		budget := words.TypoBudget(len(w))
		if !slices.ContainsFunc(sortedKeys(known), func(k string) bool { return words.Distance(w, k, budget) <= budget }) {
			return false
		}
	}
	return true
}

// content are the words that carry the meaning: not politeness, not chat.
func content(folded string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(folded) {
		if !words.Chat(w) {
			out[w] = true
		}
	}
	return out
}

// strip folds a question, writes out its short forms, and drops greeting and politeness around it.
func strip(text string) string {
	var kept []string
	for _, w := range words.Written(words.Fold(text)) {
		if !words.Courtesy(w) {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}

func (s *Set) weigh(all []string) {
	df := map[string]int{}
	for _, f := range all {
		for g := range trigrams(f) {
			df[g]++
		}
	}
	for g, n := range df {
		s.idf[g] = math.Log(1 + float64(len(all))/float64(n))
	}
	s.idf[""] = math.Log(1 + float64(len(all))) // of a gram that no question has
}

func (s *Set) vector(f string) (map[string]float64, float64) {
	v := trigrams(f)
	sum := 0.0
	for g, n := range v {
		w, ok := s.idf[g]
		if !ok {
			w = s.idf[""]
		}
		v[g] = n * w
		sum += v[g] * v[g]
	}
	return v, math.Sqrt(sum)
}

func cosine(v map[string]float64, norm float64, q *question) float64 {
	if q.norm == 0 {
		return 0
	}
	sum := 0.0
	for g, w := range v {
		sum += w * q.grams[g]
	}
	return sum / (norm * q.norm)
}

func trigrams(f string) map[string]float64 {
	out := map[string]float64{}
	for w := range strings.FieldsSeq(f) {
		r := []rune(" " + w + " ")
		for i := 0; i+3 <= len(r); i++ {
			out[string(r[i:i+3])]++
		}
	}
	return out
}

func orOwner(owner string) string {
	if owner == "" {
		return "its owner"
	}
	return owner
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
