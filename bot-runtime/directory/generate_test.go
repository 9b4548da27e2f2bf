package directory

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// syllables make names that nobody has, in the sound of Indonesian.
var syllables = strings.Fields("ba be bi bu da de di du ga gi ja ju ka ke ki ku la le li lu ma me mi mu na ni nu pa pe pi pu ra ri ru sa se si su ta te ti tu wa wi ya yu ban lan man ran san tan kar mar")

func invented(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(syllables[r.IntN(len(syllables))])
	}
	return b.String()
}

// generated gives n different fictitious institutions; common words repeat as they do in real lists.
func generated(n int, seed uint64) []Entry {
	r := rand.New(rand.NewPCG(seed, 157))
	forms := []string{"PT", "PT", "PT", "CV", "Koperasi", "BPR", "Bank", "Asuransi"}
	common := strings.Fields("dana modal kredit usaha karya mitra sinar cahaya abadi jaya sentosa makmur sejahtera mandiri nusantara utama prima bersama rakyat indonesia")
	vocabulary := make([]string, 4000)
	for i := range vocabulary {
		vocabulary[i] = invented(r, 2+r.IntN(2))
	}
	seen := map[string]bool{}
	var out []Entry
	for len(out) < n {
		parts := []string{forms[r.IntN(len(forms))]}
		for range 2 + r.IntN(2) {
			if r.IntN(3) == 0 {
				parts = append(parts, common[r.IntN(len(common))])
			} else {
				parts = append(parts, vocabulary[r.IntN(len(vocabulary))])
			}
		}
		name := strings.Join(parts, " ")
		if seen[name] {
			continue
		}
		seen[name] = true
		i := len(out)
		out = append(out, Entry{
			ID: fmt.Sprint(i), Name: name, Licence: fmt.Sprintf("KEP-%d/D.05/%d", i, 1990+i%35), Status: StatusLicensed,
			Sites: []string{strings.ReplaceAll(strings.ToLower(name), " ", "") + ".co.id"}, Phones: []string{fmt.Sprintf("021-%07d", 1000000+i)},
		})
	}
	return out
}
