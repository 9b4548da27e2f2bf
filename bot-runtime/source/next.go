package source

import (
	"fmt"

	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/bundle"
	"github.com/loket-dev/loket/bot-runtime/directory"
)

// State is what is remembered of a source from one try to the next.
type State struct {
	Validators
	// Hash and Entries of the rows that may serve.
	Hash    string `json:"hash,omitempty"`
	Entries int    `json:"entries,omitempty"`
	// Failing says why the last try brought nothing; empty when it did.
	Failing string `json:"failing,omitempty"`
	// Held is a list that lacks too much to serve unasked.
	Held *Held `json:"held,omitempty"`
}

// Held is a list that is held back.
type Held struct {
	Hash    string `json:"hash"`
	Entries int    `json:"entries"`
}

// Step is what follows from a try.
type Step struct {
	State State
	// Rows that serve from now on; nil leaves those that serve.
	Rows *string
	// Tell: something changed that people or pods must see.
	Tell bool
}

// Next decides what follows from a try to fetch: err says why it failed. The rows that serve stay when it did, when no row of
// the new list will do, and when it lacks more entries than the source allows.
func Next(d v1alpha1.DirectorySpec, before State, got Fetched, err error) Step {
	next := before
	next.Failing, next.Held = "", nil
	step := func() Step {
		tell := next.Failing != before.Failing || (next.Held == nil) != (before.Held == nil) || next.Held != nil && *next.Held != *before.Held
		return Step{State: next, Tell: tell}
	}
	if err != nil {
		next.Failing, next.Held = err.Error(), before.Held
		return step()
	}
	if got.Same {
		return step()
	}
	hash := Hash(got.Rows)
	if hash == before.Hash {
		next.Validators = got.Validators
		return step()
	}
	index, _, findings := directory.Build(got.Rows, d.Mapping)
	if index == nil {
		next.Failing = "the list that came will not do: " + firstRefusal(findings)
		return step()
	}
	entries, drop := index.Entries(), defaultDrop
	how, _, _ := d.Source.Fetched()
	if p := how.LargestDropPercent; p > 0 {
		drop = int(p)
	}
	if before.Entries > 0 && entries*100 < before.Entries*(100-drop) && how.Accept != hash {
		next.Held = &Held{Hash: hash, Entries: entries} // without validators: what is held is asked for again
		next.Validators = Validators{}
		return step()
	}
	next = State{Validators: got.Validators, Hash: hash, Entries: entries}
	return Step{State: next, Rows: &got.Rows, Tell: true}
}

func firstRefusal(findings []bundle.Finding) string {
	for _, f := range findings {
		if !f.Advice {
			return f.Message
		}
	}
	return "no row is left"
}

// Findings tell people of a source that does not bring what it should; the last good rows serve.
func Findings(of v1alpha1.DirectorySource, s State) []bundle.Finding {
	_, path, _ := of.Fetched()
	var out []bundle.Finding
	if s.Failing != "" {
		out = append(out, bundle.Finding{Path: path, Reason: "FetchFailed", Advice: true, Message: s.Failing + "; the last good list serves, if there is one"})
	}
	if s.Held != nil {
		out = append(out, bundle.Finding{Path: path, Reason: "HeldBack", Advice: true,
			Message: fmt.Sprintf("the newest list has %d entries, the one that serves %d: it is held back; set %s.accept to %s to serve it", s.Held.Entries, s.Entries, path, s.Held.Hash)})
	}
	return out
}
