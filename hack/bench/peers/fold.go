package main

import "strings"

var legal = map[string]bool{"pt": true, "cv": true, "tbk": true, "persero": true, "perseroda": true, "perumda": true, "ud": true, "ltd": true, "inc": true, "co": true}

// folded is a listed name as the texts of questions are: small, without punctuation and legal forms. Generated names hold
// nothing else that folding would change.
func folded(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	kept := words[:0]
	for _, w := range words {
		if !legal[w] {
			kept = append(kept, w)
		}
	}
	return strings.Join(kept, " ")
}
