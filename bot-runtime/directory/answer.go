// Package directory holds look-up data sets and finds in them what people mean. It is pure: rows in, index out; query in,
// Answer out, with the reason in words. It never calls a look-alike licensed. Fetching rows is not its business.
package directory

// Outcome of a look-up; the names are those of v1alpha1.Outcome.
type Outcome string

// The outcomes.
const (
	// Exact: a name, alias or identifier is equal after folding, and nothing beside it contradicts.
	Exact Outcome = "exact"
	// Confident: one entry is surely meant, with a typo; the official name must be shown.
	Confident Outcome = "confident"
	// Ambiguous: up to three entries may be meant.
	Ambiguous Outcome = "ambiguous"
	// Lookalike: near an entry, but with a distinctive word or identifier that the entry has not.
	Lookalike Outcome = "lookalike"
	// ListedIllegal: on the data set's warning list.
	ListedIllegal Outcome = "listed-illegal"
	// None: nothing near.
	None Outcome = "none"
)

// Entry is one institution.
type Entry struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	Licence string   `json:"licence,omitempty"`
	Type    string   `json:"type,omitempty"`
	// Status is licensed or illegal.
	Status string   `json:"status"`
	Sites  []string `json:"sites,omitempty"`
	Phones []string `json:"phones,omitempty"`
	Emails []string `json:"emails,omitempty"`
	// Shown is what else the agency shows of it, in the order of the mapping; nothing is found by it.
	Shown []Fact `json:"shown,omitempty"`
}

// Fact is one thing of an entry that is shown as it is.
type Fact struct {
	Name string `json:"name"`
	// Label for people, by language; empty where the name is to do.
	Label map[string]string `json:"label,omitempty"`
	Value string            `json:"value"`
}

// Answer is what a look-up found.
type Answer struct {
	Outcome Outcome
	// Entries: one for exact, confident, lookalike, listed-illegal; up to three for ambiguous; none for none.
	Entries []Entry
	// Score is 0 to 1.
	Score float64
	// Field that matched: name, alias, site, phone, email, licence.
	Field string
	// Why in words, for the audit record and the author, in English and in Indonesian.
	Why, WhyID string
}

// What an answer matched by, and what an identifier is.
const (
	fieldName    = "name"
	fieldAlias   = "alias"
	fieldSite    = "site"
	fieldPhone   = "phone"
	fieldEmail   = "email"
	fieldLicence = "licence"
)
