package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/token/ngram"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/search/query"
)

type bleveIndex struct {
	index bleve.Index
	fuzzy bool
	names map[string]string
}

// newBleve indexes names by pieces of three letters, or by words that a query may be two letters off.
func newBleve(folder string, fuzzy bool, entries []entry) (searcher, error) {
	m := bleve.NewIndexMapping()
	analyzer := map[string]any{"type": custom.Name, "tokenizer": unicode.Name}
	if !fuzzy {
		if err := m.AddCustomTokenFilter("three", map[string]any{"type": ngram.Name, "min": 3.0, "max": 3.0}); err != nil {
			return nil, err
		}
		analyzer["token_filters"] = []string{"three"}
	}
	if err := m.AddCustomAnalyzer("name", analyzer); err != nil {
		return nil, err
	}
	field := bleve.NewTextFieldMapping()
	field.Analyzer, field.Store, field.IncludeInAll, field.IncludeTermVectors, field.DocValues = "name", false, false, false, false
	m.DefaultMapping.Dynamic = false
	m.DefaultMapping.AddFieldMappingsAt("name", field)
	path := filepath.Join(folder, "bleve-ngram")
	if fuzzy {
		path = filepath.Join(folder, "bleve-fuzzy")
	}
	index, err := bleve.New(path, m)
	if err != nil {
		return nil, err
	}
	b := &bleveIndex{index: index, fuzzy: fuzzy, names: make(map[string]string, len(entries))}
	batch := index.NewBatch()
	for _, e := range entries {
		names := []string{folded(e.Name)}
		for _, a := range e.Aliases {
			names = append(names, folded(a))
		}
		b.names[e.ID] = names[0]
		if err := batch.Index(e.ID, map[string]any{"name": names}); err != nil {
			return nil, err
		}
		if batch.Size() == 5000 {
			if err := index.Batch(batch); err != nil {
				return nil, err
			}
			batch.Reset()
		}
	}
	return b, index.Batch(batch)
}

func (b *bleveIndex) search(ctx context.Context, text string) (string, float64, error) {
	var q query.Query
	if b.fuzzy {
		var words []query.Query
		for _, w := range strings.Fields(text) {
			f := bleve.NewFuzzyQuery(w)
			f.SetField("name")
			f.SetFuzziness(min(2, len(w)/4))
			words = append(words, f)
		}
		q = bleve.NewDisjunctionQuery(words...)
	} else {
		m := bleve.NewMatchQuery(text)
		m.SetField("name")
		q = m
	}
	found, err := b.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(q, 1, 0, false))
	if err != nil || len(found.Hits) == 0 {
		return "", 0, err
	}
	// bleve's score has no scale of its own: the nearness is by the pieces of three letters that text and name share.
	id := found.Hits[0].ID
	return id, shared(text, b.names[id]), nil
}

// shared is twice the pieces in common over those of both.
func shared(a, b string) float64 {
	pieces := map[string]int{}
	a, b = " "+a+" ", " "+b+" "
	for i := 0; i+3 <= len(a); i++ {
		pieces[a[i:i+3]]++
	}
	common := 0
	for i := 0; i+3 <= len(b); i++ {
		if pieces[b[i:i+3]] > 0 {
			pieces[b[i:i+3]]--
			common++
		}
	}
	return 2 * float64(common) / float64(max(1, len(a)+len(b)-4))
}

func (b *bleveIndex) close() error { return b.index.Close() }
