package desk

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loket-dev/loket/bot-runtime/lookup"
)

type lookUpIn struct {
	Text string `json:"text"`
}

// LookUp is what every directory of the tenant answers to a text.
type LookUp struct {
	Answers []DirectoryAnswer `json:"answers"` // by the directory's name
}

// DirectoryAnswer is one directory's answer: the very one that the bot would have had.
type DirectoryAnswer struct {
	Directory string `json:"directory"`
	lookup.Answer
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
		found.Answers = append(found.Answers, DirectoryAnswer{Directory: name, Answer: lookup.Of(index.Ask(in.Text))})
	}
	slices.SortFunc(found.Answers, func(a, b DirectoryAnswer) int { return strings.Compare(a.Directory, b.Directory) })
	answer(w, http.StatusOK, found)
}

func validLookUp(text string) error {
	switch n := utf8.RuneCountInString(text); {
	case strings.TrimSpace(text) == "":
		return badRequest("text is empty")
	case n > lookup.MaxText:
		return badRequest("text has %d characters; at most %d can be looked up", n, lookup.MaxText)
	}
	return nil
}
