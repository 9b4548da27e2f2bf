package desk

import (
	"net/http"
	"slices"
	"strings"

	"github.com/loket-dev/loket/bot-runtime/directory"
)

// maxLookUp is the longest text that is looked up, in characters: the name, the address or the whole message that is asked about.
const maxLookUp = 1000

type lookUpIn struct {
	Text string `json:"text"`
}

// LookUp is what every directory of the tenant answers to a text.
type LookUp struct {
	Answers []DirectoryAnswer `json:"answers"` // by the directory's name
}

// DirectoryAnswer is one directory's answer: the very one that the bot would have had.
type DirectoryAnswer struct {
	Directory string            `json:"directory"`
	Outcome   directory.Outcome `json:"outcome"`
	// Field that matched: name, alias, site, phone, email or licence.
	Field   string            `json:"field,omitempty"`
	Why     map[string]string `json:"why"` // by language, id and en
	Entries []directory.Entry `json:"entries"`
}

// lookUp asks in a body and not in the address: what citizens wrote must not stand in a proxy's log.
func (d *Desk) lookUp(w http.ResponseWriter, r *http.Request, _ caller) {
	in, err := read[lookUpIn](w, r)
	if err == nil {
		err = validLookUp(in.Text)
	}
	if err != nil {
		d.fail(w, err)
		return
	}
	found := LookUp{Answers: []DirectoryAnswer{}}
	for name, index := range d.Directories() {
		a := index.Ask(in.Text)
		found.Answers = append(found.Answers, DirectoryAnswer{Directory: name, Outcome: a.Outcome, Field: a.Field,
			Why: map[string]string{"en": a.Why, "id": a.WhyID}, Entries: append([]directory.Entry{}, a.Entries...)})
	}
	slices.SortFunc(found.Answers, func(a, b DirectoryAnswer) int { return strings.Compare(a.Directory, b.Directory) })
	answer(w, http.StatusOK, found)
}

func validLookUp(text string) error {
	switch n := len([]rune(text)); {
	case strings.TrimSpace(text) == "":
		return badRequest("text is empty")
	case n > maxLookUp:
		return badRequest("text has %d characters; at most %d can be looked up", n, maxLookUp)
	}
	return nil
}
