package dialog

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrNewerFormat: the state was written by a newer binary. Leave the conversation to one.
var ErrNewerFormat = errors.New("the conversation's state has a newer format")

// State is what a conversation remembers between steps. It is stored as JSON, some hundred bytes; fields are short because
// there is one a conversation, for years. An absent state is a conversation that begins with its next message.
type State struct {
	Format int `json:"f"`
	// Node where the conversation waits; empty when the next message starts anew.
	Node string `json:"n,omitempty"`
	// Language that was chosen or detected; empty while nothing told.
	Language string `json:"l,omitempty"`
	// Retries used at the ask where the conversation waits.
	Retries int `json:"r,omitempty"`
	// Reminded is how many silences have passed at the node where the conversation waits.
	Reminded int `json:"w,omitempty"`
	// Generation of the newest timer.
	Generation int64             `json:"g,omitempty"`
	Variables  map[string]any    `json:"v,omitempty"` // string, float64 or bool
	Found      map[string]*Found `json:"d,omitempty"`
	// Runs under way, the innermost last.
	Runs []Frame `json:"c,omitempty"`
	// Awaits is the generation of the call that is waited for, where others have followed it.
	Awaits int64 `json:"a,omitempty"`
	// Filled are the answers of a form that no ask has taken yet, by variable. They end with the last ask behind the form.
	Filled map[string]string `json:"p,omitempty"`
}

// Frame is a run under way, or an interlude.
type Frame struct {
	// Node of the run; Former are the values that its arguments had before, of those that had one.
	Node   string         `json:"n"`
	Former map[string]any `json:"s,omitempty"`
	// Trigger that interrupted the conversation at the node. Retries were used there; at a call, Call is its generation, and
	// Answer what has come of it meanwhile.
	Trigger string      `json:"t,omitempty"`
	Retries int         `json:"r,omitempty"`
	Call    int64       `json:"g,omitempty"`
	Answer  *CallAnswer `json:"a,omitempty"`
}

// Decode reads a stored state; empty is a new conversation. The error is ErrNewerFormat, or says that it cannot be read.
func Decode(stored []byte) (State, error) {
	s := State{Format: 1}
	if len(stored) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(stored, &s); err != nil {
		return State{Format: 1}, fmt.Errorf("the conversation's state cannot be read: %w", err)
	}
	if s.Format > Format {
		return State{}, ErrNewerFormat
	}
	s.plain()
	return s, nil
}

// plain drops what no step writes, so that what was stored by anybody stays within the bounds.
func (s *State) plain() {
	s.Node, s.Language = cut(s.Node, maxNameBytes), cut(s.Language, maxNameBytes)
	plainValues(s.Variables)
	if len(s.Filled) > maxFilled {
		s.Filled = nil
	}
	if len(s.Runs) > maxFrames {
		s.Runs = s.Runs[len(s.Runs)-maxFrames:]
	}
	for i := range s.Runs {
		f := &s.Runs[i]
		f.Node, f.Trigger = cut(f.Node, maxNameBytes), cut(f.Trigger, maxNameBytes)
		plainValues(f.Former)
		if f.Answer != nil {
			plainValues(f.Answer.Values)
		}
	}
}

func plainValues(values map[string]any) {
	for name, v := range values {
		switch v.(type) {
		case string, float64, bool:
		default:
			delete(values, name)
		}
	}
}

// maxFilled bounds the fields of a form.
const maxFilled = 50

// maxNameBytes bounds the name of a node and the tag of a language.
const maxNameBytes = 255

// encode writes the state; values beyond MaxStateBytes are dropped, the largest first, and named. Its format is the lowest that
// holds it: an older binary goes on with every conversation that it can understand.
func (s *State) encode() (stored []byte, dropped []string) {
	s.Format = 1
	if len(s.Runs) > 0 {
		s.Format = 2
	}
	if s.Awaits != 0 || strings.Contains(s.Node, unitMark) || slices.ContainsFunc(s.Runs, func(f Frame) bool { return f.Trigger != "" }) {
		s.Format = 3
	}
	if len(s.Filled) > 0 {
		s.Format = 4
	}
	for {
		stored, err := json.Marshal(s)
		if err != nil {
			panic(err) // plain values: a number is finite, see value
		}
		if len(stored) <= MaxStateBytes {
			return stored, dropped
		}
		values, largest, size := map[string]any(nil), "", -1
		look := func(in map[string]any) {
			for name, v := range in {
				if text, ok := v.(string); ok && (len(text) > size || len(text) == size && name < largest) {
					values, largest, size = in, name, len(text)
				}
			}
		}
		look(s.Variables)
		for i := range s.Runs {
			look(s.Runs[i].Former)
			if a := s.Runs[i].Answer; a != nil {
				look(a.Values)
			}
		}
		switch {
		case s.Filled != nil: // what the form said is asked for again
			s.Filled = nil
			dropped = append(dropped, "the form")
		case size >= 0:
			delete(values, largest)
			dropped = append(dropped, largest)
		case s.Found != nil: // three names each
			s.Found = nil
			dropped = append(dropped, "found")
		default: // no flow declares so many numbers
			s.Variables, s.Runs = nil, nil
			dropped = append(dropped, "variables")
		}
	}
}

func (s *State) set(name string, v any) {
	if s.Variables == nil {
		s.Variables = map[string]any{}
	}
	s.Variables[name] = v
}

// begin forgets the last enquiry; the language stays.
func (s *State) begin() {
	*s = State{Language: s.Language, Generation: s.Generation}
}

// cut shortens a text to so many bytes, at a character's end.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// maxQueryBytes is how much of a look-up's query is kept.
const maxQueryBytes = 256
