package directory

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkAsk asks 100,000 entries what citizens ask: whole names, sentences, typos, missing words, additions, nonsense.
func BenchmarkAsk(b *testing.B) {
	entries := generated(100_000, 1)
	x := FromEntries(entries)
	r := rand.New(rand.NewPCG(2, 2))
	for _, kind := range []struct {
		name  string
		query func(Entry) string
	}{
		{"name", func(e Entry) string { return e.Name }},
		{"sentence", func(e Entry) string { return "apakah " + e.Name + " itu resmi kak?" }},
		{"typo", func(e Entry) string { return typo(r, e.Name) }},
		{"addition", func(e Entry) string { return e.Name + " zqcepat" }},
		{"absent", func(Entry) string { return invented(r, 3) + " " + invented(r, 3) }},
		{"foreign link", func(e Entry) string {
			return "https://promo.example/daftar/" + strings.ReplaceAll(e.Name, " ", "-") + "/masuk"
		}},
		{"link", func(e Entry) string { return "cek https://" + e.Sites[0] + "/promo" }},
	} {
		queries := make([]string, 512)
		for i := range queries {
			queries[i] = kind.query(entries[r.IntN(len(entries))])
		}
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Ask(queries[i%len(queries)])
			}
		})
	}
}

// BenchmarkBuild reads 100,000 rows and reports the resident bytes an entry.
func BenchmarkBuild(b *testing.B) {
	entries := generated(100_000, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := FromEntries(entries)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(x)
	for b.Loop() {
		runtime.KeepAlive(FromEntries(entries))
	}
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/float64(len(entries)), "bytes/entry")
}

// typo changes one letter of a longer word.
func typo(r *rand.Rand, name string) string {
	ws := strings.Fields(name)
	for range 10 {
		i := r.IntN(len(ws))
		if len(ws[i]) < 5 {
			continue
		}
		w := []byte(ws[i])
		w[1+r.IntN(len(w)-2)] = "abcdefghijklmnoprstuwy"[r.IntN(22)]
		ws[i] = string(w)
		return strings.Join(ws, " ")
	}
	return name
}
